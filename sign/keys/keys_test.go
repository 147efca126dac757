package keys_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/gob"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"strings"
	"testing"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"

	"github.com/touchmark-go/touchmark/internal/deptest"
	"github.com/touchmark-go/touchmark/sign/keys"
)

func TestBudget(t *testing.T) {
	deptest.Only(t, "sign/keys", deptest.Budget{Modules: 7, Own: []string{"sign", "provenance"}})
}

// A Key is what the ecosystem signs with.
var _ dsse.Signer = (*keys.Key)(nil)

var algorithms = map[string]string{ // and the scheme that follows
	keys.Ed25519:   "ed25519",
	keys.ECDSAP256: "ecdsa-sha256",
	keys.ECDSAP384: "ecdsa-sha384",
	keys.ECDSAP521: "ecdsa-sha512",
	keys.RSA3072:   "rsa-pss-sha256",
	keys.RSA4096:   "rsa-pss-sha256",
}

func generate(t testing.TB, algorithm string) *keys.Key {
	t.Helper()
	key, err := keys.Generate(algorithm)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func sign(t testing.TB, key *keys.Key, message string) []byte {
	t.Helper()
	sig, err := key.Sign(t.Context(), []byte(message))
	if err != nil {
		t.Fatal(err)
	}
	return sig
}

// TestEveryAlgorithm makes, writes, reads and uses a key of each kind.
func TestEveryAlgorithm(t *testing.T) {
	for algorithm, scheme := range algorithms {
		t.Run(algorithm, func(t *testing.T) {
			key := generate(t, algorithm)
			if got := key.Scheme(); got != scheme {
				t.Errorf("scheme %s, want %s", got, scheme)
			}
			pub, err := keys.ParsePublic(key.MarshalPublic())
			if err != nil {
				t.Fatal(err)
			}
			if err := keys.Verify(scheme, pub, []byte("message"), sign(t, key, "message")); err != nil {
				t.Errorf("own signature: %v", err)
			}
			if err := keys.Verify(scheme, pub, []byte("massage"), sign(t, key, "message")); err == nil {
				t.Error("signature of another message verifies")
			}
			data, err := key.MarshalPrivate(nil)
			if err != nil {
				t.Fatal(err)
			}
			again, err := keys.Parse(data, nil)
			if err != nil {
				t.Fatal(err)
			}
			if !same(key, again) {
				t.Errorf("read %s, wrote %s", again, key)
			}
		})
	}
	if _, err := keys.Generate("rsa-1024"); err == nil || !strings.Contains(err.Error(), `unknown key algorithm "rsa-1024", want ed25519`) {
		t.Errorf("Generate(rsa-1024): %v", err)
	}
	if got := generate(t, "").Scheme(); got != "ecdsa-sha256" {
		t.Errorf("the default signs with %s, want ecdsa-sha256", got)
	}
}

// same holds two keys against each other by what they sign, too.
func same(a, b *keys.Key) bool {
	idA, errA := a.KeyID()
	idB, errB := b.KeyID()
	if errA != nil || errB != nil || idA != idB {
		return false
	}
	sig, err := b.Sign(context.Background(), []byte("message"))
	return err == nil && keys.Verify(a.Scheme(), a.Public(), []byte("message"), sig) == nil
}

func TestKeyID(t *testing.T) {
	key := generate(t, keys.Ed25519)
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(der)
	want := hex.EncodeToString(sum[:])
	if got, err := key.KeyID(); got != want || err != nil {
		t.Errorf("KeyID: %s, %v, want %s", got, err, want)
	}
	if got, err := keys.ID(key.Public()); got != want || err != nil {
		t.Errorf("ID: %s, %v, want %s", got, err, want)
	}
	if got := key.String(); got != "ed25519:"+want {
		t.Errorf("String: %s, want ed25519:%s", got, want)
	}
}

func TestWithScheme(t *testing.T) {
	key := generate(t, keys.RSA3072)
	old, err := key.WithScheme("rsa-pkcs1v15-sha256")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := key.Scheme()+" "+old.Scheme(), "rsa-pss-sha256 rsa-pkcs1v15-sha256"; got != want {
		t.Errorf("schemes %s, want %s", got, want)
	}
	sum := sha256.Sum256([]byte("message"))
	pub := key.Public().(*rsa.PublicKey)
	if err := rsa.VerifyPKCS1v15(pub, crypto.SHA256, sum[:], sign(t, old, "message")); err != nil {
		t.Errorf("PKCS #1 v1.5: %v", err)
	}
	pss := &rsa.PSSOptions{SaltLength: 32, Hash: crypto.SHA256}
	if err := rsa.VerifyPSS(pub, crypto.SHA256, sum[:], sign(t, key, "message"), pss); err != nil {
		t.Errorf("PSS: %v", err)
	}
	for _, scheme := range []string{"ed25519", "ecdsa-sha256", "", "rsa"} {
		if _, err := key.WithScheme(scheme); err == nil {
			t.Errorf("an RSA key signs with %q", scheme)
		}
	}
}

// opaque is a signer that keeps its key elsewhere.
type opaque struct{ crypto.Signer }

func TestNew(t *testing.T) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key, err := keys.New(opaque{private})
	if err != nil {
		t.Fatal(err)
	}
	if err := keys.Verify("ed25519", private.Public(), []byte("message"), sign(t, key, "message")); err != nil {
		t.Error(err)
	}
	if data, err := key.MarshalPrivate(nil); err == nil {
		t.Errorf("wrote a key that is elsewhere: %s", data)
	}
	if _, err := keys.New(nil); err == nil {
		t.Error("nil is a key")
	}
}

// weak is a signer whose public key is not worth signing for.
type weak struct{ pub crypto.PublicKey }

func (w weak) Public() crypto.PublicKey { return w.pub }
func (weak) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return nil, errors.New("must not be asked")
}

// TestWeakKeys is docs/threats.md, row 19, for keys that would sign.
func TestWeakKeys(t *testing.T) {
	p224, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	short := new(big.Int).Lsh(big.NewInt(1), 1023)
	tests := map[string]struct {
		pub  crypto.PublicKey
		want string
	}{
		"identity": {ed25519.PublicKey(append([]byte{1}, make([]byte, 31)...)), "small or mixed order"},
		"P-224":    {p224.Public(), "on curve P-224"},
		"RSA 1024": {&rsa.PublicKey{N: short, E: 65537}, "has 1024 bits"},
		"RSA e=3":  {&rsa.PublicKey{N: new(big.Int).Lsh(short, 2048), E: 3}, "exponent 3"},
		"string":   {"key", "want Ed25519, ECDSA or RSA"},
	}
	for name, test := range tests {
		if key, err := keys.New(weak{test.pub}); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, %v, want %q", name, key, err, test.want)
		}
	}
}

func TestZeroKey(t *testing.T) {
	for name, key := range map[string]*keys.Key{"nil": nil, "zero": {}} {
		if sig, err := key.Sign(t.Context(), nil); err == nil {
			t.Errorf("%s key signs: %x", name, sig)
		}
		if id, err := key.KeyID(); err == nil {
			t.Errorf("%s key has ID %s", name, id)
		}
		if _, err := key.WithScheme("ed25519"); err == nil || !strings.Contains(err.Error(), "want one from Generate") {
			t.Errorf("%s key with a scheme: %v", name, err)
		}
		if _, err := key.MarshalPrivate(nil); err == nil {
			t.Errorf("%s key is written", name)
		}
		if key.Public() != nil || key.MarshalPublic() != nil || key.Scheme() != "" {
			t.Errorf("%s key has a public half", name)
		}
	}
	if got, want := (keys.Key{}).String(), "(no key)"; got != want {
		t.Errorf("zero Key prints %q, want %q", got, want)
	}
}

func TestCanceled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if sig, err := generate(t, keys.Ed25519).Sign(ctx, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("Sign after cancel: %x, %v, want %v", sig, err, context.Canceled)
	}
}

// secrets are the forms in which a private key could leak.
func secrets(t *testing.T, key *keys.Key) []string {
	data, err := key.MarshalPrivate(nil)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(decodePEM(t, data))
	if err != nil {
		t.Fatal(err)
	}
	var raw []byte
	switch k := parsed.(type) {
	case ed25519.PrivateKey:
		raw = k.Seed()
	case *ecdsa.PrivateKey:
		if raw, err = k.Bytes(); err != nil {
			t.Fatal(err)
		}
	case *rsa.PrivateKey:
		raw = k.Primes[0].Bytes()
	}
	n := new(big.Int).SetBytes(raw)
	decimal := strings.Trim(fmt.Sprint(raw[:8]), "[]")
	return []string{string(raw[:8]), hex.EncodeToString(raw[:8]), strings.ToUpper(hex.EncodeToString(raw[:8])),
		decimal, strings.ReplaceAll(decimal, " ", ", "), n.String()[:16], fmt.Sprintf("%#v", raw[:4])[7:20]}
}

// TestNoLeak prints keys in every way that Go has, alone and inside of things.
func TestNoLeak(t *testing.T) {
	for _, algorithm := range []string{keys.Ed25519, keys.ECDSAP256, keys.RSA3072} {
		key := generate(t, algorithm)
		id, err := key.KeyID()
		if err != nil {
			t.Fatal(err)
		}
		type inside struct {
			Key    *keys.Key
			Value  keys.Key
			hidden keys.Key
			asAny  any
		}
		in := inside{key, *key, *key, key}
		things := []any{key, *key, in, &in, []*keys.Key{key}, map[string]keys.Key{"k": *key}, fmt.Errorf("with %v", key)}

		var out strings.Builder
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%p", "%t", "%c", "%U", "%e", "%T"} {
			for _, thing := range things {
				fmt.Fprintf(&out, verb+"\n", thing)
			}
		}
		fmt.Fprintln(&out, things...)
		for _, h := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
			slog.New(h).Info("key", "key", key, "value", *key, "things", things)
		}
		for _, thing := range []any{key, *key, things[:6]} {
			if err := json.NewEncoder(&out).Encode(thing); err != nil {
				t.Errorf("json: %v", err)
			}
		}
		if err := xml.NewEncoder(&out).Encode(key); err != nil {
			t.Errorf("xml: %v", err)
		}
		var b bytes.Buffer
		if err := gob.NewEncoder(&b).Encode(key); err == nil {
			out.Write(b.Bytes())
		}

		for _, secret := range secrets(t, key) {
			if strings.Contains(out.String(), secret) {
				t.Errorf("%s: %q leaks into the output", algorithm, secret)
			}
		}
		if !strings.Contains(out.String(), algorithm+":"+id) {
			t.Errorf("%s: the output does not name the key", algorithm)
		}
		if got, want := fmt.Sprintf("%#v", key), "keys.Key("+algorithm+":"+id+")"; got != want {
			t.Errorf("%%#v prints %s, want %s", got, want)
		}
		if got, err := json.Marshal(key); string(got) != `"`+algorithm+":"+id+`"` || err != nil {
			t.Errorf("json is %s, %v", got, err)
		}
	}
}
