package hashivault_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// A fakeVault answers as Vault's transit engine does (its HTTP API, "Read key" and "Sign data"), with real keys.
type fakeVault struct {
	*httptest.Server
	token string

	mutex    sync.Mutex
	keys     map[string]*fakeKey                                  // by MOUNT/NAME
	requests []string                                             // method and path of each
	trouble  func(http.ResponseWriter, *http.Request) (done bool) // before anything else
}

type fakeKey struct {
	kind     string
	versions []crypto.Signer // the first is version 1
}

func startVault(t *testing.T) *fakeVault {
	t.Helper()
	v := &fakeVault{token: "hvs.secret", keys: map[string]*fakeKey{}}
	v.Server = httptest.NewServer(v)
	t.Cleanup(v.Close)
	for _, name := range []string{"VAULT_NAMESPACE", "VAULT_HEADERS", "VAULT_AGENT_ADDR", "VAULT_PROXY_ADDR", "HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"} {
		t.Setenv(name, "")
	}
	t.Setenv("VAULT_ADDR", v.URL)
	t.Setenv("VAULT_TOKEN", v.token)
	t.Setenv("HOME", t.TempDir())
	return v
}

// rotate makes a version of a key, as "vault write -f transit/keys/NAME" and its /rotate do.
func (v *fakeVault) rotate(t *testing.T, path, kind string) {
	t.Helper()
	var key crypto.Signer
	var err error
	switch kind {
	case "ecdsa-p256":
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "ecdsa-p384":
		key, err = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case "ecdsa-p521":
		key, err = ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	case "rsa-2048":
		key, err = rsa.GenerateKey(rand.Reader, 2048)
	case "ed25519":
		_, key, err = ed25519.GenerateKey(rand.Reader)
	}
	if err != nil {
		t.Fatal(err)
	}
	v.mutex.Lock()
	defer v.mutex.Unlock()
	if v.keys[path] == nil {
		v.keys[path] = &fakeKey{kind: kind}
	}
	v.keys[path].versions = append(v.keys[path].versions, key)
}

func (v *fakeVault) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	v.mutex.Lock()
	defer v.mutex.Unlock()
	v.requests = append(v.requests, r.Method+" "+r.URL.Path)
	if v.trouble != nil && v.trouble(w, r) {
		return
	}
	if r.Header.Get("X-Vault-Token") != v.token {
		refuse(w, http.StatusForbidden, "permission denied")
		return
	}
	if mount, name, ok := strings.Cut(strings.TrimPrefix(r.URL.Path, "/v1/"), "/keys/"); ok && r.Method == http.MethodGet {
		v.readKey(w, mount+"/"+name)
		return
	}
	if mount, rest, ok := strings.Cut(strings.TrimPrefix(r.URL.Path, "/v1/"), "/sign/"); ok && (r.Method == http.MethodPut || r.Method == http.MethodPost) {
		name, hash, _ := strings.Cut(rest, "/")
		v.signData(w, r, v.keys[mount+"/"+name], hash)
		return
	}
	refuse(w, http.StatusNotFound)
}

func refuse(w http.ResponseWriter, status int, errors ...string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string]any{"errors": append([]string{}, errors...)})
}

func answer(w http.ResponseWriter, data map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(map[string]any{"request_id": "1", "lease_id": "", "renewable": false, "lease_duration": 0, "data": data, "wrap_info": nil, "warnings": nil, "auth": nil})
}

func (v *fakeVault) readKey(w http.ResponseWriter, path string) {
	key := v.keys[path]
	if key == nil {
		refuse(w, http.StatusNotFound)
		return
	}
	if key.kind == "aes256-gcm96" {
		answer(w, map[string]any{"type": key.kind, "latest_version": 1, "keys": map[string]any{"1": 1442851412}})
		return
	}
	versions := map[string]any{}
	for i, k := range key.versions {
		half := ""
		if point, ok := k.Public().(ed25519.PublicKey); ok {
			half = base64.StdEncoding.EncodeToString(point)
		} else if der, err := x509.MarshalPKIXPublicKey(k.Public()); err == nil {
			half = string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
		}
		versions[fmt.Sprint(i+1)] = map[string]any{"creation_time": "2026-11-01T12:00:00Z", "name": key.kind, "public_key": half}
	}
	answer(w, map[string]any{"type": key.kind, "name": path, "latest_version": len(key.versions), "min_encryption_version": 0, "keys": versions, "supports_signing": true})
}

func (v *fakeVault) signData(w http.ResponseWriter, r *http.Request, key *fakeKey, hash string) {
	var in struct {
		Input              string `json:"input"`
		Prehashed          bool   `json:"prehashed"`
		KeyVersion         int    `json:"key_version"`
		Marshaling         string `json:"marshaling_algorithm"`
		SignatureAlgorithm string `json:"signature_algorithm"`
		SaltLength         string `json:"salt_length"`
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil || key == nil {
		refuse(w, http.StatusBadRequest, "signing key not found")
		return
	}
	input, err := base64.StdEncoding.DecodeString(in.Input)
	if err != nil || in.KeyVersion > len(key.versions) {
		refuse(w, http.StatusBadRequest, "cannot sign: version is too new or input is no base64")
		return
	}
	version := in.KeyVersion
	if version == 0 {
		version = len(key.versions)
	}
	signer := key.versions[version-1]
	h := map[string]crypto.Hash{"": crypto.SHA256, "sha2-256": crypto.SHA256, "sha2-384": crypto.SHA384, "sha2-512": crypto.SHA512}[hash]
	var opts crypto.SignerOpts = h
	switch signer.(type) {
	case ed25519.PrivateKey:
		opts = crypto.Hash(0)
	case *rsa.PrivateKey:
		if in.SignatureAlgorithm != "pkcs1v15" { // pss is the default
			salt := rsa.PSSSaltLengthAuto
			if in.SaltLength == "hash" {
				salt = rsa.PSSSaltLengthEqualsHash
			}
			opts = &rsa.PSSOptions{SaltLength: salt, Hash: h}
		}
	}
	if _, ok := signer.(ed25519.PrivateKey); !ok && !in.Prehashed {
		sum := h.New()
		sum.Write(input)
		input = sum.Sum(nil)
	}
	sig, err := signer.Sign(rand.Reader, input, opts)
	if err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	answer(w, map[string]any{"key_version": version, "signature": fmt.Sprintf("vault:v%d:%s", version, base64.StdEncoding.EncodeToString(sig))})
}
