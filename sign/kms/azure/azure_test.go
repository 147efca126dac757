package azure_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"log"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/sign/keys"
	"github.com/touchmark-go/touchmark/sign/kms/azure"
)

// A fakeVault answers as Azure Key Vault does (REST, "Get Key" and "Sign", after a challenge), with real keys, and as
// the managed identity of an App Service, which hands out the tokens for it.
type fakeVault struct {
	host string // 127.0.0.1:PORT

	mutex    sync.Mutex
	versions []crypto.Signer // the first is version "1"
	hsm      bool
	requests []string
	trouble  func(http.ResponseWriter, *http.Request) (done bool)
}

// vault is one for all tests: which certificates are believed is found out once in a process.
var vault fakeVault

func TestMain(m *testing.M) {
	os.Exit(func() int {
		server := httptest.NewTLSServer(&vault)
		defer server.Close()
		identity := httptest.NewServer(http.HandlerFunc(giveToken))
		defer identity.Close()
		vault.host = server.Listener.Addr().String()
		dir, err := os.MkdirTemp("", "")
		if err != nil {
			log.Fatal(err)
		}
		defer os.RemoveAll(dir)
		roots := filepath.Join(dir, "roots.pem")
		if err := os.WriteFile(roots, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
			log.Fatal(err)
		}
		for name, value := range map[string]string{
			"SSL_CERT_FILE": roots, "SSL_CERT_DIR": dir, "IDENTITY_ENDPOINT": identity.URL, "IDENTITY_HEADER": "header",
			"AZURE_TOKEN_CREDENTIALS": "ManagedIdentityCredential",
			"HTTPS_PROXY":             "", "https_proxy": "", "HTTP_PROXY": "", "http_proxy": "",
		} {
			if err := os.Setenv(name, value); err != nil {
				log.Fatal(err)
			}
		}
		for _, name := range []string{"AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", "AZURE_FEDERATED_TOKEN_FILE"} {
			if err := os.Unsetenv(name); err != nil {
				log.Fatal(err)
			}
		}
		return m.Run()
	}())
}

const token = "eyJ0eXAi.secret"

// giveToken is the managed identity.
func giveToken(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("X-IDENTITY-HEADER") != "header" {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, `{"access_token":%q,"expires_on":"%d","resource":%q,"token_type":"Bearer"}`, token, time.Now().Add(24*time.Hour).Unix(), r.URL.Query().Get("resource"))
}

// start begins a test with these versions of the key "release".
func start(t *testing.T, versions ...crypto.Signer) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("here the system says which certificates are believed, and not a variable")
	}
	vault.mutex.Lock()
	defer vault.mutex.Unlock()
	vault.versions, vault.hsm, vault.requests, vault.trouble = versions, false, nil, nil
}

func (f *fakeVault) ref(rest string) string { return "azurekms://" + f.host + "/" + rest }

func (f *fakeVault) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	w.Header().Set("Content-Type", "application/json")
	switch r.Header.Get("Authorization") {
	case "Bearer " + token:
	case "":
		_, domain, _ := strings.Cut(f.host, ".")
		w.Header().Set("WWW-Authenticate", `Bearer authorization="https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555", resource="https://`+domain+`"`)
		refuse(w, http.StatusUnauthorized, "Unauthorized", "AKV10000: Request is missing a Bearer or PoP token.")
		return
	default:
		refuse(w, http.StatusForbidden, "Forbidden", "the token is another")
		return
	}
	f.requests = append(f.requests, r.Method+" "+r.URL.Path)
	if f.trouble != nil && f.trouble(w, r) {
		return
	}
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/") // keys/NAME[/VERSION][/sign]
	sign := parts[len(parts)-1] == "sign"
	if sign {
		parts = parts[:len(parts)-1]
	}
	parts = append(parts, "")
	n := len(f.versions)
	if version := strings.Trim(parts[2], "/"); version != "" {
		fmt.Sscan(version, &n)
	}
	if parts[0] != "keys" || parts[1] != "release" || n < 1 || n > len(f.versions) {
		refuse(w, http.StatusNotFound, "KeyNotFound", "A key with (name/id) "+parts[1]+" was not found in this key vault.")
		return
	}
	kid := fmt.Sprintf("https://%s/keys/release/%d", f.host, n)
	if !sign {
		json.NewEncoder(w).Encode(map[string]any{"key": f.jwk(f.versions[n-1], kid), "attributes": map[string]any{"enabled": true}})
		return
	}
	var in struct{ Alg, Value string }
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		refuse(w, http.StatusBadRequest, "BadParameter", err.Error())
		return
	}
	digest, err := base64.RawURLEncoding.DecodeString(in.Value)
	hash := map[string]crypto.Hash{"256": crypto.SHA256, "384": crypto.SHA384, "512": crypto.SHA512}[in.Alg[2:]]
	if err != nil || len(digest) != hash.Size() {
		refuse(w, http.StatusBadRequest, "BadParameter", "the digest does not fit "+in.Alg)
		return
	}
	sig, err := f.versions[n-1].Sign(rand.Reader, digest, hash)
	if err != nil {
		panic(err)
	}
	if key, ok := f.versions[n-1].(*ecdsa.PrivateKey); ok {
		var pair struct{ R, S *big.Int }
		if _, err := asn1.Unmarshal(sig, &pair); err != nil {
			panic(err)
		}
		size := (key.Params().BitSize + 7) / 8
		sig = append(pair.R.FillBytes(make([]byte, size)), pair.S.FillBytes(make([]byte, size))...)
	}
	json.NewEncoder(w).Encode(map[string]string{"kid": kid, "value": base64.RawURLEncoding.EncodeToString(sig)})
}

func refuse(w http.ResponseWriter, status int, code, message string) {
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string]any{"error": map[string]string{"code": code, "message": message}})
}

func (f *fakeVault) jwk(key crypto.Signer, kid string) map[string]any {
	suffix := ""
	if f.hsm {
		suffix = "-HSM"
	}
	switch public := key.Public().(type) {
	case *ecdsa.PublicKey:
		point, err := public.Bytes()
		if err != nil {
			panic(err)
		}
		half := len(point) / 2
		return map[string]any{"kid": kid, "kty": "EC" + suffix, "crv": public.Params().Name, "key_ops": []string{"sign", "verify"},
			"x": base64.RawURLEncoding.EncodeToString(point[1 : 1+half]), "y": base64.RawURLEncoding.EncodeToString(point[1+half:])}
	case *rsa.PublicKey:
		return map[string]any{"kid": kid, "kty": "RSA" + suffix, "key_ops": []string{"sign", "verify"},
			"n": base64.RawURLEncoding.EncodeToString(public.N.Bytes()), "e": base64.RawURLEncoding.EncodeToString(big.NewInt(int64(public.E)).Bytes())}
	}
	panic("another kind of key")
}

func newECDSA(t *testing.T, curve elliptic.Curve) crypto.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// Every kind of key that Azure signs with makes a bundle that verifies.
func TestSigner(t *testing.T) {
	for bits, scheme := range map[int]string{2048: "rsa-pkcs1v15-sha256", 3072: "rsa-pkcs1v15-sha384"} {
		key, err := rsa.GenerateKey(rand.Reader, bits)
		if err != nil {
			t.Fatal(err)
		}
		start(t, key)
		signs(t, vault.ref("release"), scheme)
	}
	for curve, scheme := range map[elliptic.Curve]string{elliptic.P256(): "ecdsa-sha256", elliptic.P384(): "ecdsa-sha384", elliptic.P521(): "ecdsa-sha512"} {
		start(t, newECDSA(t, curve))
		signs(t, vault.ref("release"), scheme)
		signs(t, vault.ref("release/1"), scheme)
		vault.hsm = true
		signs(t, vault.ref("release"), scheme)
	}
}

func signs(t *testing.T, ref, scheme string) {
	t.Helper()
	key, err := azure.Signer(t.Context(), ref)
	if err != nil {
		t.Errorf("%s: %v", scheme, err)
		return
	}
	if key.Scheme() != scheme {
		t.Errorf("%s: it signs by %s", scheme, key.Scheme())
	}
	verifies(t, key)
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

// A version that is named stays the one that signs; what another one signs in its place is not handed on.
func TestRotated(t *testing.T) {
	start(t, newECDSA(t, elliptic.P256()))
	newest, err := azure.Signer(t.Context(), vault.ref("release"))
	if err != nil {
		t.Fatal(err)
	}
	pinned, err := azure.Signer(t.Context(), vault.ref("release/1"))
	if err != nil {
		t.Fatal(err)
	}
	vault.versions = append(vault.versions, newECDSA(t, elliptic.P256()))
	verifies(t, pinned)
	if _, err := newest.Sign(t.Context(), []byte("hello")); err == nil || !strings.Contains(err.Error(), "if it was rotated there") {
		t.Errorf("the next version's signature: %v", err)
	}
	again, err := azure.Signer(t.Context(), vault.ref("release"))
	if err != nil {
		t.Fatal(err)
	}
	verifies(t, again)
}

func TestRefuses(t *testing.T) {
	start(t, newECDSA(t, elliptic.P256()))
	for _, tt := range []struct{ ref, want string }{
		{"awskms:///alias/x", "want azurekms://"},
		{"azurekms://acme.vault.azure.net", "want azurekms://"},
		{"azurekms://user@acme.vault.azure.net/release", "want azurekms://"},
		{"azurekms://acme.vault.azure.net/re%2flease", "want azurekms://"},
		{vault.ref("other"), "KeyNotFound"},
		{vault.ref("release/7"), "KeyNotFound"},
		{"azurekms://127.0.0.1:1/release", "refused"},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		_, err := azure.Signer(ctx, tt.ref)
		if err == nil || !strings.Contains(err.Error(), tt.want) && ctx.Err() == nil || !strings.Contains(err.Error(), fmt.Sprintf("key %q: ", tt.ref)) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v, want %q", tt.ref, err, tt.want)
		}
		cancel()
	}
	// An answer in which half is missing makes the package underneath panic.
	vault.trouble = func(w http.ResponseWriter, _ *http.Request) bool { w.Write([]byte(`{}`)); return true }
	if _, err := azure.Signer(t.Context(), vault.ref("release")); err == nil {
		t.Error("an empty answer: no error")
	}
}

// Trouble that may pass is tried again; what never answers is left alone when the caller has had enough.
func TestTrouble(t *testing.T) {
	start(t, newECDSA(t, elliptic.P256()))
	key, err := azure.Signer(t.Context(), vault.ref("release"))
	if err != nil {
		t.Fatal(err)
	}
	left := 1
	vault.requests, vault.trouble = nil, func(w http.ResponseWriter, _ *http.Request) bool {
		if left--; left < 0 {
			return false
		}
		refuse(w, http.StatusServiceUnavailable, "ServerBusy", "try again")
		return true
	}
	verifies(t, key)
	if len(vault.requests) != 2 {
		t.Errorf("it was asked %q", vault.requests)
	}
	vault.trouble = func(w http.ResponseWriter, _ *http.Request) bool {
		refuse(w, http.StatusForbidden, "Forbidden", "no permission")
		return true
	}
	vault.requests = nil
	if _, err := key.Sign(t.Context(), []byte("hello")); err == nil || len(vault.requests) != 1 || !strings.Contains(err.Error(), vault.ref("release")) {
		t.Errorf("forbidden: %v after %q", err, vault.requests)
	}
	vault.trouble = func(_ http.ResponseWriter, r *http.Request) bool {
		json.NewDecoder(r.Body).Decode(new(any)) // or the server does not see that the other side is gone
		<-r.Context().Done()
		return true
	}
	for _, ask := range []func(context.Context) error{
		func(ctx context.Context) error { _, err := key.Sign(ctx, []byte("hello")); return err },
		func(ctx context.Context) error { _, err := azure.Signer(ctx, vault.ref("release")); return err },
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		begin := time.Now()
		if err := ask(ctx); err == nil || time.Since(begin) > 5*time.Second {
			t.Errorf("after %s: %v", time.Since(begin), err)
		}
		cancel()
	}
}

func ExampleSigner() {
	ctx := context.Background()
	// After az login, or with a managed identity:
	key, err := azure.Signer(ctx, "azurekms://release")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(string(key.MarshalPublic())) // for the trust file
	// Output: key "azurekms://release": no reference to a key in Azure, want azurekms://VAULT.vault.azure.net/KEY or …/KEY/VERSION
}
