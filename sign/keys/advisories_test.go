package keys_test

import (
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/touchmark-go/touchmark/sign/keys"
)

// What key files did to other programs, by the number it got: each is refused, at once, and nothing is fetched for it.
func TestAdvisories(t *testing.T) {
	fetched := false
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { fetched = true }))
	defer server.Close()
	fill := func(begin, again, end string) string {
		return begin + strings.Repeat(again, (keys.MaxFileSize-len(begin)-len(end))/len(again)) + end
	}
	block := func(kind string, der []byte) string {
		return "-----BEGIN " + kind + "-----\n" + base64.StdEncoding.EncodeToString(der) + "\n-----END " + kind + "-----\n"
	}
	for id, text := range map[string]string{
		// Go, encoding/pem: quadratic in what only begins like a block.
		"CVE-2025-61723 begins":  fill("", "-----BEGIN ", ""),
		"CVE-2025-61723 headers": fill("-----BEGIN PRIVATE KEY-----\n", "a: b\n", "\n-----END PRIVATE KEY-----\n"),
		// Go, encoding/asn1: a length that asks for memory, and depth.
		"CVE-2025-58185 length": block("PRIVATE KEY", []byte{0x30, 0x84, 0x7f, 0xff, 0xff, 0xff, 0x02, 0x01, 0x00}),
		"CVE-2025-58185 depth":  block("PRIVATE KEY", []byte(strings.Repeat("\x30\x80", 10000))),
		// go-jose: an encrypted key that unpacks to more than there is room for; dots; depth.
		"CVE-2024-28180 zip":   `{"ciphertext":"AAAA","protected":"eyJ6aXAiOiJERUYifQ","iv":"","tag":""}`,
		"CVE-2025-27144 dots":  fill("eyJ", ".", ""),
		"CVE-2026-34986 panic": `{"kty":"RSA","n":"","e":"","d":"","p":"","q":""}`,
		"CVE-2026-34986 depth": fill(`{"kty":`, "[", ""),
		// rekor: a key that is somewhere else, and is fetched.
		"CVE-2026-24117 url": `{"kty":"OKP","crv":"Ed25519","jku":"` + server.URL + `","x5u":"` + server.URL + `"}`,
		// An encrypted key that takes for ever to try: scrypt and PBKDF2 with what the file asks for.
		"CVE-2024-28180 scrypt": block("ENCRYPTED SIGSTORE PRIVATE KEY", []byte(`{"kdf":{"name":"scrypt","params":{"N":1073741824,"r":8,"p":1},"salt":"AAAA"},"cipher":{"name":"nacl/secretbox","nonce":"AAAA"},"ciphertext":"AAAA"}`)),
	} {
		start := time.Now()
		_, err := keys.Parse([]byte(text), func(string) ([]byte, error) { return []byte("x"), nil })
		if err == nil || time.Since(start) > 5*time.Second {
			t.Errorf("%s: %v after %s, want an error at once", id, err, time.Since(start))
		}
	}
	if fetched {
		t.Error("a key was fetched")
	}
	// The good neighbour of all of them.
	key := generate(t, keys.Ed25519)
	data, err := key.MarshalPrivate(nil)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := keys.Parse(data, nil); err != nil || again.String() != key.String() {
		t.Errorf("a good key: %v", err)
	}
}
