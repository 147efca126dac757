package oci

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"oras.land/oras-go/v2/registry/remote/auth"

	"github.com/touchmark-go/touchmark/provenance"
)

// What registries of others did with the logins of their users, by the number it got.
func TestAdvisories(t *testing.T) {
	credentials := func(context.Context, string) (auth.Credential, error) {
		return auth.Credential{Username: "alice", Password: "secret"}, nil
	}
	var asked []string // what came to where nothing may come
	thief := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Method+" "+r.URL.Path+" "+r.Header.Get("Authorization"))
		w.Write([]byte(`{"token":"x"}`))
	}))
	defer thief.Close()
	for id, answer := range map[string]http.HandlerFunc{
		// oras-go: the realm of a challenge makes the client fetch anything, with the login.
		"CVE-2026-48978 realm": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Www-Authenticate", `Bearer realm="`+thief.URL+`/token",service="x"`)
			w.WriteHeader(http.StatusUnauthorized)
		},
		// distribution, the same from the other side: a realm with a login in it.
		"CVE-2026-33540 realm": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Www-Authenticate", `Bearer realm="`+strings.Replace(thief.URL, "//", "//u:p@", 1)+`/token"`)
			w.WriteHeader(http.StatusUnauthorized)
		},
		// oras-go: where an upload is to go on is said by the registry.
		"CVE-2026-50151 Location": func(w http.ResponseWriter, r *http.Request) {
			switch {
			case r.Method == http.MethodPost:
				w.Header().Set("Location", thief.URL+"/upload")
				w.WriteHeader(http.StatusAccepted)
			case r.Method == http.MethodHead:
				w.WriteHeader(http.StatusNotFound)
			}
		},
		// oras-go, trivy, ratify: a redirect takes the login along.
		"GHSA-vh4v-2xq2-g5cg redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, thief.URL+r.URL.Path, http.StatusTemporaryRedirect)
		},
	} {
		t.Run(id, func(t *testing.T) {
			asked = nil
			touched := false
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { touched = true; answer(w, r) }))
			defer server.Close()
			r, err := Options{InsecureHTTP: true, Credential: credentials}.Open(server.Listener.Addr().String() + "/team/app")
			if err != nil {
				t.Fatal(err)
			}
			_, putErr := r.PutBlob(t.Context(), strings.NewReader("app"))
			_, readErr := r.Bundles(t.Context(), provenance.SumSHA256([]byte("app")))
			if !touched || putErr == nil || len(asked) > 0 {
				t.Errorf("%v, %v; the thief got %q", putErr, readErr, asked)
			}
			for _, err := range []error{putErr, readErr} {
				if err != nil && strings.Contains(err.Error(), "secret") {
					t.Errorf("the error holds the password: %v", err)
				}
			}
		})
	}
}

// GHSA-6c87-g9pw-78fx: a host that only ends, or begins, like the registry's gets no login. The standard library leaves it
// on for what it takes for a part of the first host.
func TestRedirectHosts(t *testing.T) {
	for to, want := range map[string]bool{ // whether the login goes along
		"https://registry.example/other":           true,
		"https://registry.example:443/other":       false, // written otherwise, so another
		"https://registry.example:8443/other":      false,
		"https://cdn.registry.example/other":       false,
		"https://registry.example.evil.test/other": false,
		"https://evilregistry.example/other":       false,
		"https://registry.example@evil.test/other": false,
		"https://REGISTRY.example/other":           false,
		"https://registry.example.:443/other":      false,
	} {
		first := httptest.NewRequest(http.MethodGet, "https://registry.example/v2/", nil)
		next, err := http.NewRequest(http.MethodGet, to, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"Authorization", "Cookie", "Proxy-Authorization"} {
			next.Header.Set(name, "secret")
		}
		if err := redirect(next, []*http.Request{first}); err != nil {
			t.Errorf("%s: %v", to, err)
		}
		for _, name := range []string{"Authorization", "Cookie", "Proxy-Authorization"} {
			if got := next.Header.Get(name) != ""; got != want {
				t.Errorf("%s: %s goes along is %t, want %t", to, name, got, want)
			}
		}
	}
	first := httptest.NewRequest(http.MethodGet, "https://registry.example/v2/", nil)
	if err := redirect(httptest.NewRequest(http.MethodGet, "http://registry.example/v2/", nil), []*http.Request{first}); err == nil {
		t.Error("from HTTPS to HTTP: no error")
	}
	many := make([]*http.Request, maxRedirects+1)
	for i := range many {
		many[i] = first
	}
	if err := redirect(first, many); err == nil {
		t.Error("for ever: no error")
	}
}
