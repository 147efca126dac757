package keys_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"github.com/touchmark-go/touchmark/sign/keys"
)

func fixture(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// Keys that ssh-keygen wrote are read, and are those whose public halves it wrote.
func TestOpenSSH(t *testing.T) {
	for name, scheme := range map[string]string{"ed25519.openssh": "ed25519", "p384.openssh": "ecdsa-sha384", "rsa.openssh": "rsa-pss-sha256"} {
		key, err := keys.Parse(fixture(t, name), knows("test"))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		public, _, _, _, err := ssh.ParseAuthorizedKey(fixture(t, name+".pub"))
		if err != nil {
			t.Fatal(err)
		}
		want, err := keys.ID(public.(ssh.CryptoPublicKey).CryptoPublicKey())
		if err != nil {
			t.Fatal(err)
		}
		if got, err := key.KeyID(); err != nil || got != want || key.Scheme() != scheme {
			t.Errorf("%s: %s, %s, %v, want %s, %s", name, got, key.Scheme(), err, want, scheme)
		}
		sig, err := key.Sign(t.Context(), []byte("message"))
		if err != nil || keys.Verify(scheme, key.Public(), []byte("message"), sig) != nil {
			t.Errorf("%s: its signature: %v", name, err)
		}
		if again, err := keys.Parse(must(key.MarshalPrivate(nil)), nil); err != nil || !same(key, again) {
			t.Errorf("%s: written as PKCS#8 and read: %v, %v", name, again, err)
		}
	}
	for _, wrong := range []string{"", "tesT"} {
		if key, err := keys.Parse(fixture(t, "ed25519.openssh"), knows(wrong)); err == nil || !strings.Contains(err.Error(), "passphrase is wrong") {
			t.Errorf("passphrase %q: %v, %v", wrong, key, err)
		}
	}
	if key, err := keys.Parse(fixture(t, "ed25519.openssh"), nil); err == nil || !strings.Contains(err.Error(), "keys.Prompt") {
		t.Errorf("no passphrase: %v, %v", key, err)
	}
}

func must(data []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return data
}

// An OpenSSH key says itself how much work it takes to decrypt.
func TestOpenSSHRounds(t *testing.T) {
	data := fixture(t, "ed25519.openssh")
	der := decodePEM(t, data)
	at := bytes.Index(der, []byte("bcrypt")) + len("bcrypt") + 4 + 4 + 16 // options: their length, the salt's, the salt
	if got := binary.BigEndian.Uint32(der[at:]); got != 16 && got != 24 {
		t.Fatalf("%d rounds at %d, want those of ssh-keygen", got, at)
	}
	asked := false
	ask := func(string) ([]byte, error) { asked = true; return []byte("test"), nil }
	for _, rounds := range []uint32{1025, 1 << 31} {
		binary.BigEndian.PutUint32(der[at:], rounds)
		_, err := keys.Parse(block("OPENSSH PRIVATE KEY", der), ask)
		if want := fmt.Sprintf("%d rounds of bcrypt, want at most 1024", rounds); err == nil || !strings.Contains(err.Error(), want) || asked {
			t.Errorf("%v, want %q before anybody is asked", err, want)
		}
	}
	for i := range len(der) {
		if _, err := keys.Parse(block("OPENSSH PRIVATE KEY", der[:i]), func(string) ([]byte, error) { return nil, fmt.Errorf("asked") }); err == nil {
			t.Fatalf("cut after %d bytes: no error", i)
		}
	}
}

// The private keys that the RFCs print.
var jwks = map[string]struct{ text, scheme string }{
	// RFC 8037, appendix A.1
	"Ed25519": {`{"kty":"OKP","crv":"Ed25519","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`, "ed25519"},
	// RFC 7517, appendix A.2
	"P-256": {`{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM","d":"870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE","use":"sig","kid":"1"}`, "ecdsa-sha256"},
}

func TestJWK(t *testing.T) {
	for name, j := range jwks {
		key, err := keys.Parse([]byte(j.text), nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		sig, err := key.Sign(t.Context(), []byte("message"))
		if err != nil || key.Scheme() != j.scheme || keys.Verify(j.scheme, key.Public(), []byte("message"), sig) != nil {
			t.Errorf("%s: signs by %s, want %s: %v", name, key.Scheme(), j.scheme, err)
		}
	}
	// RFC 8037, appendix A.2: the public half of the first.
	key, err := keys.Parse([]byte(jwks["Ed25519"].text), nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := base64.RawURLEncoding.EncodeToString(key.Public().(ed25519.PublicKey)); got != "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" {
		t.Errorf("public half is %s", got)
	}
	// An RSA key signs as its alg says.
	rsaKey, err := keys.Parse(fixture(t, "rsa.openssh"), nil)
	if err != nil {
		t.Fatal(err)
	}
	text := rsaJWK(t, rsaKey, `"alg":"RS256",`)
	key, err = keys.Parse([]byte(text), nil)
	if err != nil || key.Scheme() != "rsa-pkcs1v15-sha256" || !bytes.Equal(key.MarshalPublic(), rsaKey.MarshalPublic()) {
		t.Errorf("RSA: %v, %v", key, err)
	}
}

func TestJWKRefuses(t *testing.T) {
	ed, ec := jwks["Ed25519"].text, jwks["P-256"].text
	for name, tt := range map[string]struct{ text, want string }{
		"no key":         {`{}`, "no d"},
		"public":         {strings.Replace(ed, `"d":`, `"_":`, 1), "no d"},
		"for encryption": {strings.Replace(ec, `"sig"`, `"enc"`, 1), "use is not sig"},
		"set":            {`{"keys":[` + ed + `]}`, "a set of JWKs"},
		"encrypted":      {`{"protected":"e30","ciphertext":"AA"}`, "JWE"},
		"symmetric":      {`{"kty":"oct","d":"AA","k":"AAAA"}`, "kty"},
		"X25519":         {strings.Replace(ed, "Ed25519", "X25519", 1), "crv is not Ed25519"},
		"secp256k1":      {strings.Replace(ec, "P-256", "secp256k1", 1), "crv is not P-256"},
		"other curve":    {strings.Replace(ec, "P-256", "P-384", 1), "want 48 bytes"},
		"other x":        {strings.Replace(ed, "11qY", "12qY", 1), "not the public half"},
		"other y":        {strings.Replace(ec, "4Etl", "5Etl", 1), "not the public half"},
		"zero d":         {strings.Replace(ec, "870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE", strings.Repeat("A", 43), 1), "no private key on its curve"},
		"padded":         {strings.Replace(ed, `f2A"`, `f2A="`, 1), "base64url without padding"},
		"stray bits":     {strings.Replace(ed, `f2A"`, `f2B"`, 1), "base64url without padding"},
		"short":          {strings.Replace(ed, "nWGx", "", 1), "wants 32 bytes"},
		"alg":            {strings.Replace(ed, `{`, `{"alg":"ES256",`, 1), "scheme"},
		"unknown alg":    {strings.Replace(ed, `{`, `{"alg":"HS256",`, 1), "none of those that sign"},
		"double":         {strings.Replace(ed, `{`, `{"kty":"OKP",`, 1), "well-formed"},
		"case":           {strings.Replace(ed, `"d":`, `"D":`, 1), "well-formed"},
		"two":            {ed + ed, "well-formed"},
		"numbers":        {`{"kty":"RSA","d":"AQ","n":"AQ","e":"AQAB","p":"AQ","q":"AQ"}`, "one RSA key"},
		"no primes":      {`{"kty":"RSA","d":"AQ","n":"AQ","e":"AQAB"}`, "base64url"},
		"three primes":   {`{"kty":"RSA","d":"AQ","oth":[]}`, "two primes"},
	} {
		key, err := keys.Parse([]byte(tt.text), nil)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, %v, want %q", name, key, err, tt.want)
		}
		if err != nil && strings.Contains(err.Error(), "nWGx") {
			t.Errorf("%s: the error holds a part of the key: %v", name, err)
		}
	}
}

// rsaJWK writes an RSA key as a JWK.
func rsaJWK(t *testing.T, key *keys.Key, more string) string {
	t.Helper()
	parsed, err := x509.ParsePKCS8PrivateKey(decodePEM(t, must(key.MarshalPrivate(nil))))
	if err != nil {
		t.Fatal(err)
	}
	k := parsed.(*rsa.PrivateKey)
	enc := func(n *big.Int) string { return base64.RawURLEncoding.EncodeToString(n.Bytes()) }
	return fmt.Sprintf(`{%s"kty":"RSA","n":%q,"e":%q,"d":%q,"p":%q,"q":%q}`, more,
		enc(k.N), enc(big.NewInt(int64(k.E))), enc(k.D), enc(k.Primes[0]), enc(k.Primes[1]))
}

// Keys of other worlds are refused by their names.
func TestForeign(t *testing.T) {
	for want, text := range map[string]string{
		"minisign": "untrusted comment: minisign encrypted secret key\nRWRTY0IyAAAA\n",
		"age":      "# created: 2026-11-21\nAGE-SECRET-KEY-1QQQ\n",
		"OpenPGP":  string(pem.EncodeToMemory(&pem.Block{Type: "PGP PRIVATE KEY BLOCK", Bytes: []byte("x")})),
	} {
		if key, err := keys.Parse([]byte(text), nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, %v", want, key, err)
		}
	}
}
