package hashivault_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/sign/keys"
	"github.com/touchmark-go/touchmark/sign/kms/hashivault"
)

// Every kind of key that Vault signs with makes a bundle that verifies.
func TestSigner(t *testing.T) {
	v := startVault(t)
	for kind, scheme := range map[string]string{
		"ecdsa-p256": "ecdsa-sha256", "ecdsa-p384": "ecdsa-sha384", "ecdsa-p521": "ecdsa-sha512", "rsa-2048": "rsa-pss-sha256", "ed25519": "ed25519",
	} {
		v.rotate(t, "transit/"+kind, kind)
		v.rotate(t, "team/a/transit/"+kind, kind)
		for _, ref := range []string{"hashivault://" + kind, "openbao://" + kind, "hashivault://team/a/transit/" + kind} {
			key, err := hashivault.Signer(t.Context(), ref)
			if err != nil {
				t.Errorf("%s: %v", ref, err)
				continue
			}
			if key.Scheme() != scheme {
				t.Errorf("%s signs by %s, want %s", ref, key.Scheme(), scheme)
			}
			verifies(t, key)
		}
	}
}

// verifies signs a statement, and checks it with the public half alone.
func verifies(t *testing.T, key *keys.Key) {
	t.Helper()
	statement, err := provenance.New("https://example.com/note/v1", map[string]string{"text": "as built"},
		provenance.ResourceDescriptor{Name: "app", Digest: provenance.Set(provenance.SumSHA256([]byte("app")))})
	if err != nil {
		t.Fatal(err)
	}
	bundle, err := sign.Statement(t.Context(), statement, key)
	if err != nil {
		t.Errorf("%s: %v", key, err)
		return
	}
	public, err := keys.ParsePublic(key.MarshalPublic())
	if err != nil {
		t.Fatal(err)
	}
	if err := keys.Verify(key.Scheme(), public, bundle.PAE(), bundle.Signatures[0].Sig); err != nil {
		t.Errorf("%s: %v", key, err)
	}
}

// A signer is bound to the version that it began with: its public half is in somebody's trust.
func TestRotated(t *testing.T) {
	v := startVault(t)
	v.rotate(t, "transit/release", "ecdsa-p256")
	old, err := hashivault.Signer(t.Context(), "hashivault://release")
	if err != nil {
		t.Fatal(err)
	}
	v.rotate(t, "transit/release", "ecdsa-p256")
	verifies(t, old)
	next, err := hashivault.Signer(t.Context(), "hashivault://release")
	if err != nil {
		t.Fatal(err)
	}
	verifies(t, next)
	if old.String() == next.String() {
		t.Error("the new version has the old one's id")
	}
	v.keys["transit/release"].versions[1], v.keys["transit/release"].versions[0] = v.keys["transit/release"].versions[0], v.keys["transit/release"].versions[1]
	if _, err := next.Sign(t.Context(), []byte("hello")); err == nil || !strings.Contains(err.Error(), "not this key's") || !strings.Contains(err.Error(), `"hashivault://release"`) {
		t.Errorf("another version's signature: %v", err)
	}
}

// Errors say which key and what to do, and hold no token.
func TestRefuses(t *testing.T) {
	for name, tt := range map[string]struct {
		ref  string
		set  func(t *testing.T, v *fakeVault)
		want string
	}{
		"a path":         {"hashivault://../sys/seal", nil, "want hashivault://KEY"},
		"a path in it":   {"hashivault://transit/../../sys/seal", nil, "want hashivault://KEY"},
		"a query":        {"hashivault://release?x=y", nil, "want hashivault://KEY"},
		"another scheme": {"awskms://release", nil, "want hashivault://KEY"},
		"nothing":        {"hashivault://", nil, "want hashivault://KEY"},
		"a line":         {"hashivault://release\n", nil, "want hashivault://KEY"},
		"no key":         {"hashivault://other", nil, `no key "other" under "transit"`},
		"a wrong token":  {"hashivault://release", func(t *testing.T, v *fakeVault) { t.Setenv("VAULT_TOKEN", "hvs.wrong") }, "permission denied"},
		"no token":       {"hashivault://release", func(t *testing.T, v *fakeVault) { t.Setenv("VAULT_TOKEN", "") }, "vault login"},
		"without TLS":    {"hashivault://release", func(t *testing.T, v *fakeVault) { t.Setenv("VAULT_ADDR", "http://vault.example:8200") }, "by https only"},
		"a login":        {"hashivault://release", func(t *testing.T, v *fakeVault) { t.Setenv("VAULT_ADDR", "https://user:secret@vault.example:8200") }, "no https://HOST"},
		"it encrypts":    {"hashivault://release", func(t *testing.T, v *fakeVault) { v.keys["transit/release"].kind = "aes256-gcm96" }, `of type "aes256-gcm96", want one that signs`},
		"nobody there":   {"hashivault://release", func(t *testing.T, v *fakeVault) { t.Setenv("VAULT_ADDR", "http://127.0.0.1:1") }, "refused"},
	} {
		t.Run(name, func(t *testing.T) {
			v := startVault(t)
			v.rotate(t, "transit/release", "ecdsa-p256")
			if tt.set != nil {
				tt.set(t, v)
			}
			_, err := hashivault.Signer(t.Context(), tt.ref)
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), fmt.Sprintf("key %q: ", tt.ref)) {
				t.Errorf("%v, want %q and the key", err, tt.want)
			}
			if err != nil && strings.Contains(err.Error(), "hvs.") || err != nil && strings.Contains(err.Error(), "secret") {
				t.Errorf("the error holds a secret: %v", err)
			}
		})
	}
}

// The token that "vault login" left is used. A program that Vault's configuration names is not run.
func TestTokenFile(t *testing.T) {
	v := startVault(t)
	v.rotate(t, "transit/release", "ecdsa-p256")
	home := t.TempDir()
	for name, content := range map[string]string{".vault-token": v.token, ".vault": `token_helper = "/bin/false"`} {
		if err := os.WriteFile(filepath.Join(home, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("HOME", home)
	t.Setenv("VAULT_TOKEN", "")
	key, err := hashivault.Signer(t.Context(), "hashivault://release")
	if err != nil {
		t.Fatal(err)
	}
	verifies(t, key)
}

// A Vault in trouble is asked again, three times in all; one that says no is not.
func TestTrouble(t *testing.T) {
	v := startVault(t)
	v.rotate(t, "transit/release", "ecdsa-p256")
	key, err := hashivault.Signer(t.Context(), "hashivault://release")
	if err != nil {
		t.Fatal(err)
	}
	fail := func(status, times int) {
		v.mutex.Lock()
		defer v.mutex.Unlock()
		v.requests, v.trouble = nil, func(w http.ResponseWriter, r *http.Request) bool {
			if times--; times < 0 {
				return false
			}
			refuse(w, status, "Vault is sealed")
			return true
		}
	}
	fail(http.StatusServiceUnavailable, 1)
	verifies(t, key)
	if len(v.requests) != 2 {
		t.Errorf("one failure: %q", v.requests)
	}
	fail(http.StatusServiceUnavailable, 100)
	if _, err := key.Sign(t.Context(), []byte("hello")); err == nil || len(v.requests) != 3 || !strings.Contains(err.Error(), "sealed") || !strings.Contains(err.Error(), `"hashivault://release"`) {
		t.Errorf("sealed: %v after %q", err, v.requests)
	}
	fail(http.StatusForbidden, 100)
	if _, err := key.Sign(t.Context(), []byte("hello")); err == nil || len(v.requests) != 1 {
		t.Errorf("forbidden: %v after %q", err, v.requests)
	}
	if err != nil && strings.Contains(err.Error(), v.token) {
		t.Errorf("the error holds the token: %v", err)
	}
}

// One that never answers is left alone when the caller has had enough.
func TestCanceled(t *testing.T) {
	v := startVault(t)
	v.rotate(t, "transit/release", "ecdsa-p256")
	key, err := hashivault.Signer(t.Context(), "hashivault://release")
	if err != nil {
		t.Fatal(err)
	}
	v.trouble = func(_ http.ResponseWriter, r *http.Request) bool {
		io.Copy(io.Discard, r.Body) // or the server does not see that the other side is gone
		<-r.Context().Done()
		return true
	}
	for _, ask := range []func(context.Context) error{
		func(ctx context.Context) error { _, err := key.Sign(ctx, []byte("hello")); return err },
		func(ctx context.Context) error { _, err := hashivault.Signer(ctx, "hashivault://release"); return err },
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		start := time.Now()
		if err := ask(ctx); err == nil || time.Since(start) > 5*time.Second {
			t.Errorf("after %s: %v", time.Since(start), err)
		}
		cancel()
	}
}

// The token goes to nobody that Vault, or who poses as it, sends it to.
func TestRedirect(t *testing.T) {
	v := startVault(t)
	v.rotate(t, "transit/release", "ecdsa-p256")
	stolen := false
	thief := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { stolen = stolen || r.Header.Get("X-Vault-Token") != "" }))
	defer thief.Close()
	v.trouble = func(w http.ResponseWriter, r *http.Request) bool {
		http.Redirect(w, r, thief.URL+r.URL.Path, http.StatusTemporaryRedirect)
		return true
	}
	if _, err := hashivault.Signer(t.Context(), "hashivault://release"); err == nil || stolen {
		t.Errorf("%v, stolen: %v", err, stolen)
	}
}

// An answer that is none is no signature.
func TestGarbage(t *testing.T) {
	v := startVault(t)
	v.rotate(t, "transit/release", "ecdsa-p256")
	key, err := hashivault.Signer(t.Context(), "hashivault://release")
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string]map[string]any{
		"nothing":         {},
		"a number":        {"signature": 7},
		"another version": {"signature": "vault:v2:" + base64.StdEncoding.EncodeToString([]byte("sig"))},
		"no version":      {"signature": base64.StdEncoding.EncodeToString([]byte("sig"))},
		"no base64":       {"signature": "vault:v1:***"},
	} {
		v.trouble = func(w http.ResponseWriter, r *http.Request) bool { answer(w, data); return true }
		if _, err := key.Sign(t.Context(), []byte("hello")); err == nil || !strings.Contains(err.Error(), "no signature by version 1") {
			t.Errorf("%s: %v", name, err)
		}
	}
	v.trouble = func(w http.ResponseWriter, r *http.Request) bool { w.Write([]byte("<html>")); return true }
	if _, err := key.Sign(t.Context(), []byte("hello")); err == nil {
		t.Error("a page: no error")
	}
}

func ExampleSigner() {
	ctx := context.Background()
	// With VAULT_ADDR and VAULT_TOKEN set, or after vault login:
	key, err := hashivault.Signer(ctx, "hashivault://no such key")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(string(key.MarshalPublic())) // for the trust file
	// Output: key "hashivault://no such key": no reference to a key in Vault, want hashivault://KEY or hashivault://MOUNT/KEY
}
