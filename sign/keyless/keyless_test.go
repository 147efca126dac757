package keyless_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/touchmark-go/touchmark/internal/deptest"
	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sign/keyless"
	"github.com/touchmark-go/touchmark/sign/keys"
)

func TestBudget(t *testing.T) {
	deptest.Only(t, "sign/keyless", deptest.Budget{Modules: 6, Own: []string{"provenance", "sign", "sign/timestamp"},
		Forbidden: []string{"github.com/sigstore/sigstore-go/...", "github.com/go-openapi/..."}})
}

func newKey(t *testing.T) (*keys.Key, string) {
	t.Helper()
	key, err := keys.Generate(keys.ECDSAP256)
	if err != nil {
		t.Fatal(err)
	}
	return key, string(key.MarshalPublic())
}

// jwt is a token that nobody has signed.
func jwt(claims string) string {
	enc := base64.RawURLEncoding.EncodeToString
	return enc([]byte(`{"alg":"none"}`)) + "." + enc([]byte(claims)) + "." + enc([]byte("x"))
}

func fixed(token string) keyless.TokenSource {
	return func(context.Context, string) (string, error) { return token, nil }
}

func someStatement(t *testing.T) *provenance.Statement {
	t.Helper()
	s, err := provenance.New("https://example.com/scan/v1", nil, provenance.ResourceDescriptor{Name: "app", Digest: provenance.Set(provenance.SumSHA256(nil))})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// The token goes to the certificate authority that was named, and never with a
// redirect to somebody else.
func TestTokenGoesNowhereElse(t *testing.T) {
	var stolen []string
	thief := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body := make([]byte, 1<<16)
		n, _ := r.Body.Read(body)
		stolen = append(stolen, string(body[:n]))
	}))
	defer thief.Close()
	asked := 0
	authority := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		http.Redirect(w, r, thief.URL, http.StatusTemporaryRedirect) // which keeps the body
	}))
	defer authority.Close()
	token := jwt(`{"exp":` + fmt.Sprint(time.Now().Add(time.Hour).Unix()) + `}`)
	for name, client := range map[string]*http.Client{"own": nil, "given": {}} {
		o := keyless.Options{Client: client, Token: fixed(token), Services: keyless.Services{CertificateAuthority: authority.URL, TimestampAuthorities: []string{authority.URL}}}
		b, err := keyless.Statement(t.Context(), someStatement(t), o)
		var failed *keyless.Error
		if !errors.As(err, &failed) || failed.Step != keyless.StepAuthority || !strings.Contains(err.Error(), "redirects") || b != nil {
			t.Errorf("%s client: %v, want a refused redirect", name, err)
		}
		if strings.Contains(err.Error(), token) {
			t.Errorf("%s client: the error shows the token", name)
		}
	}
	if len(stolen) > 0 || asked != 2 {
		t.Errorf("the token went on to %d others (asked %d times)", len(stolen), asked)
	}
}

// What cannot work is refused before anybody is asked for anything.
func TestRefusedBefore(t *testing.T) {
	asked := false
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked = true }))
	defer srv.Close()
	good := keyless.Services{CertificateAuthority: srv.URL, TimestampAuthorities: []string{srv.URL}}
	past := jwt(`{"exp":1700000000}`)
	for name, c := range map[string]struct {
		o    keyless.Options
		want string
	}{
		"no services":       {keyless.Options{Token: fixed(past)}, "want a certificate authority"},
		"no time":           {keyless.Options{Token: fixed(past), Services: keyless.Services{CertificateAuthority: srv.URL, Logs: []string{srv.URL}}}, "want a timestamp authority"},
		"neither":           {keyless.Options{Token: fixed(past), Services: keyless.Services{CertificateAuthority: srv.URL}}, "want a log or a timestamp authority"},
		"plain http":        {keyless.Options{Token: fixed(past), Services: keyless.Services{CertificateAuthority: "http://fulcio.example", TimestampAuthorities: []string{srv.URL}}}, `scheme "http", want https`},
		"user info":         {keyless.Options{Token: fixed(past), Services: keyless.Services{CertificateAuthority: "https://me:secret@fulcio.example", TimestampAuthorities: []string{srv.URL}}}, "without user info"},
		"no login":          {keyless.Options{Services: good}, "want a Token"},
		"expired":           {keyless.Options{Services: good, Token: fixed(past)}, "it ended 2023-11-14T22:13:20Z"},
		"endless":           {keyless.Options{Services: good, Token: fixed(jwt(`{}`))}, "does not say when it ends"},
		"no token":          {keyless.Options{Services: good, Token: fixed("secret")}, "it is no identity token"},
		"a bomb of dots":    {keyless.Options{Services: good, Token: fixed(strings.Repeat(".", 1<<20))}, "it is no identity token"},
		"login says no":     {keyless.Options{Services: good, Token: func(context.Context, string) (string, error) { return "", keyless.ErrNoToken }}, "this is no CI job"},
		"no file of tokens": {keyless.Options{Services: good, Token: keyless.TokenFile(filepath.Join(t.TempDir(), "none"))}, "no such file"},
	} {
		b, err := keyless.Statement(t.Context(), someStatement(t), c.o)
		if err == nil || !strings.Contains(err.Error(), c.want) || b != nil {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: the error shows a secret: %v", name, err)
		}
	}
	if asked {
		t.Error("a service was asked")
	}
}

// The tokens of the CI systems, each as its documentation says it is got.
func TestAmbient(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/github" && r.Header.Get("Authorization") == "Bearer request" && r.URL.Query().Get("audience") == "sigstore" && r.URL.Query().Get("x") == "1":
			fmt.Fprint(w, `{"value":"github's"}`)
		case r.URL.Path == "/jobs/7/oidc/tokens" && r.Method == "POST" && r.Header.Get("Authorization") == "Token agent":
			fmt.Fprint(w, `{"token":"buildkite's"}`)
		case r.URL.Path == "/computeMetadata/v1/instance/service-accounts/default/identity" && r.Header.Get("Metadata-Flavor") == "Google" && r.URL.Query().Get("audience") == "sigstore":
			fmt.Fprint(w, "google's\n")
		default:
			http.Error(w, "no", http.StatusForbidden)
		}
	}))
	defer srv.Close()
	host := strings.TrimPrefix(srv.URL, "http://")
	for name, c := range map[string]struct {
		env  map[string]string
		want string
		err  string
	}{
		"GitHub":        {map[string]string{"ACTIONS_ID_TOKEN_REQUEST_URL": srv.URL + "/github?x=1", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "request"}, "github's", ""},
		"GitHub's no":   {map[string]string{"ACTIONS_ID_TOKEN_REQUEST_URL": srv.URL + "/github?x=1", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "other"}, "", "403"},
		"GitLab":        {map[string]string{"GITLAB_CI": "true", "SIGSTORE_ID_TOKEN": "gitlab's"}, "gitlab's", ""},
		"Buildkite":     {map[string]string{"BUILDKITE_AGENT_ACCESS_TOKEN": "agent", "BUILDKITE_JOB_ID": "7", "BUILDKITE_AGENT_ENDPOINT": srv.URL}, "buildkite's", ""},
		"Google":        {map[string]string{"GCE_METADATA_HOST": host}, "google's", ""},
		"nowhere":       {nil, "", "no CI job"},
		"GitLab, unset": {map[string]string{"GITLAB_CI": "true"}, "", "SIGSTORE_ID_TOKEN"},
	} {
		got, err := keyless.Ambient(func(name string) string { return c.env[name] })(t.Context(), "sigstore")
		if got != c.want || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: %q, %v, want %q, %q", name, got, err, c.want, c.err)
		}
	}
	path := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(path, []byte("from a file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := keyless.TokenFile(path)(t.Context(), "sigstore"); err != nil || got != "from a file" {
		t.Errorf("file: %q, %v", got, err)
	}
}

// Of a signing configuration the services are taken that count now, the newest
// of each operator, as many as it says.
func TestParseSigningConfig(t *testing.T) {
	at := time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)
	service := func(url, operator, start, end string, version int) string {
		window := `"start":"` + start + `"`
		if end != "" {
			window += `,"end":"` + end + `"`
		}
		return fmt.Sprintf(`{"url":%q,"majorApiVersion":%d,"operator":%q,"validFor":{%s}}`, url, version, operator, window)
	}
	const old, recent, future = "2024-01-01T00:00:00Z", "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"
	config := func(logs, logRule, tsas, tsaRule string) string {
		return `{"mediaType":"application/vnd.dev.sigstore.signingconfig.v0.2+json","caUrls":[` + service("https://ca.example", "a", old, "", 1) + `],
			"rekorTlogUrls":[` + logs + `],"rekorTlogConfig":` + logRule + `,"tsaUrls":[` + tsas + `],"tsaConfig":` + tsaRule + `}`
	}
	logs := strings.Join([]string{service("https://v1.example", "a", recent, "", 1), service("https://old.example", "a", old, "", 2), service("https://new.example", "a", recent, "", 2),
		service("https://soon.example", "a", future, "", 2), service("https://over.example", "a", old, recent, 2), service("https://b.example", "b", old, "", 2)}, ",")
	tsa := service("https://tsa.example", "a", old, "", 1)
	for name, c := range map[string]struct{ doc, want, err string }{
		"any":       {config(logs, `{"selector":"ANY"}`, tsa, `{"selector":"ANY"}`), "https://new.example", ""},
		"all":       {config(logs, `{"selector":"ALL"}`, tsa, `{"selector":"ANY"}`), "https://new.example https://b.example", ""},
		"exact":     {config(logs, `{"selector":"EXACT","count":2}`, tsa, `{"selector":"ALL"}`), "https://new.example https://b.example", ""},
		"too few":   {config(logs, `{"selector":"EXACT","count":3}`, tsa, `{"selector":"ANY"}`), "", "has 2 that count now"},
		"none":      {config(service("https://v1.example", "a", old, "", 1), `{"selector":"ANY"}`, tsa, `{"selector":"ANY"}`), "", "whose version 2 is spoken here"},
		"no tsa":    {config(logs, `{"selector":"ANY"}`, "", `{"selector":"ANY"}`), "", "timestamp authority"},
		"what rule": {config(logs, `{"selector":"SOME"}`, tsa, `{"selector":"ANY"}`), "", `selector "SOME"`},
		"version":   {strings.Replace(config(logs, `{"selector":"ANY"}`, tsa, `{"selector":"ANY"}`), "v0.2", "v0.9", 1), "", "media type"},
		"http":      {config(strings.ReplaceAll(logs, "https://new", "http://new"), `{"selector":"ANY"}`, tsa, `{"selector":"ANY"}`), "", "want https"},
	} {
		s, err := keyless.ParseSigningConfig([]byte(c.doc), at)
		if got := strings.Join(s.Logs, " "); (err == nil) != (c.err == "") || err == nil && got != c.want || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: %q, %v, want %q, %q", name, got, err, c.want, c.err)
		}
	}
}
