package keycheck_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"testing"

	"github.com/touchmark-go/touchmark/internal/keycheck"
)

// signers are one key of each kind.
func signers(t testing.TB) map[string]crypto.Signer {
	all := map[string]crypto.Signer{"ed25519": ed25519.NewKeyFromSeed(make([]byte, 32))}
	for _, c := range []elliptic.Curve{elliptic.P256(), elliptic.P384(), elliptic.P521()} {
		key, err := ecdsa.GenerateKey(c, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		all[c.Params().Name] = key
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	all["rsa"] = key
	return all
}

var (
	ecdsaSchemes = []string{"ecdsa-sha256", "ecdsa-sha384", "ecdsa-sha512"}
	p1363Schemes = []string{"ecdsa-p1363-sha256", "ecdsa-p1363-sha384", "ecdsa-p1363-sha512"}
	rsaSchemes   = []string{"rsa-pss-sha256", "rsa-pss-sha384", "rsa-pss-sha512", "rsa-pss-sha512-salt32",
		"rsa-pkcs1v15-sha256", "rsa-pkcs1v15-sha384", "rsa-pkcs1v15-sha512"}
)

// TestKeyConfusion is docs/threats.md, row 18: a signature counts under the
// scheme it was made with and under no other, whatever the key.
func TestKeyConfusion(t *testing.T) {
	keys := signers(t)
	fits := map[string][]string{"ed25519": {"ed25519"}, "P-256": ecdsaSchemes, "P-384": ecdsaSchemes, "P-521": ecdsaSchemes, "rsa": rsaSchemes}
	verifiers := append([]string{"ed25519"}, append(append(ecdsaSchemes, p1363Schemes...), rsaSchemes...)...)
	message := []byte("message")
	for name, schemes := range fits {
		for _, signed := range schemes {
			sig, err := keycheck.Sign(signed, keys[name], message)
			if err != nil {
				t.Fatalf("%s with %s: %v", name, signed, err)
			}
			for other, key := range keys {
				for _, scheme := range verifiers {
					err := keycheck.Verify(scheme, key.Public(), message, sig)
					if got, want := err == nil, other == name && scheme == signed; got != want {
						t.Errorf("signature by %s with %s, key %s, scheme %s: verifies is %t, want %t", name, signed, other, scheme, got, want)
					}
				}
			}
			if err := keycheck.Verify(signed, keys[name].Public(), []byte("massage"), sig); err != keycheck.ErrSignature {
				t.Errorf("%s over another message: %v, want %v", signed, err, keycheck.ErrSignature)
			}
		}
	}
}

// TestPublicKeyAsSecret is the HMAC half of row 18: there is no scheme whose
// secret could be somebody's public key.
func TestPublicKeyAsSecret(t *testing.T) {
	key := signers(t)["rsa"].Public()
	for _, scheme := range []string{"", "none", "hmac-sha256", "HS256", "rsa", "RSA-PSS-SHA256", "ed25519 ", "rsa-pss-sha1", "ecdsa-sha1"} {
		if err := keycheck.Fits(scheme, key); err == nil {
			t.Errorf("scheme %q fits an RSA key", scheme)
		}
	}
}

func TestSchemeNames(t *testing.T) {
	key := signers(t)["rsa"].Public()
	tests := map[string]string{ // scheme: what is wrong with it
		"rsa-pss-sha256-salt32":     "",
		"rsa-pss-sha256-salt0":      "",
		"rsa-pss-sha256-salt":       "no such salt",
		"rsa-pss-sha256-salt-1":     "no such salt",
		"rsa-pss-sha256-salt032":    "no such salt",
		"rsa-pss-sha256-salt+3":     "no such salt",
		"rsa-pss-sha256-salt4096":   "no such salt",
		"rsa-pkcs1v15-sha256-salt8": "no such salt",
		"ed25519":                   "does not fit",
		"md5":                       "unknown signature scheme",
	}
	for name, want := range tests {
		err := keycheck.Fits(name, key)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
}

func TestDefaultScheme(t *testing.T) {
	want := map[string]string{"ed25519": "ed25519", "P-256": "ecdsa-sha256", "P-384": "ecdsa-sha384", "P-521": "ecdsa-sha512", "rsa": ""}
	for name, key := range signers(t) {
		got, err := keycheck.DefaultScheme(key.Public())
		if got != want[name] || (err == nil) != (got != "") {
			t.Errorf("%s: %q, %v, want %q", name, got, err, want[name])
		}
	}
	if got, err := keycheck.DefaultScheme("key"); err == nil {
		t.Errorf("a string has scheme %q", got)
	}
}

// TestMalleability is docs/threats.md, row 20. (r, n-s) verifies too, so signature
// bytes identify nothing; but of each pair there is one encoding.
func TestMalleability(t *testing.T) {
	key := signers(t)["P-256"].(*ecdsa.PrivateKey)
	message := []byte("message")
	sig, err := keycheck.Sign("ecdsa-sha256", key, message)
	if err != nil {
		t.Fatal(err)
	}
	var v struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(sig, &v); err != nil {
		t.Fatal(err)
	}
	verify := func(scheme string, sig []byte) error {
		return keycheck.Verify(scheme, key.Public(), message, sig)
	}
	der := func(r, s *big.Int) []byte {
		b, err := asn1.Marshal(struct{ R, S *big.Int }{r, s})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	n := key.Params().N
	if err := verify("ecdsa-sha256", der(v.R, new(big.Int).Sub(n, v.S))); err != nil {
		t.Errorf("(r, n-s): %v; if it is refused now, the comment on Verify must say so", err)
	}
	raw := append(v.R.FillBytes(make([]byte, 32)), v.S.FillBytes(make([]byte, 32))...)
	if err := verify("ecdsa-p1363-sha256", raw); err != nil {
		t.Errorf("r‖s under its own scheme: %v", err)
	}
	long := func(b []byte) []byte { // the length of the outer sequence in two bytes
		return append([]byte{0x30, 0x81, b[1]}, b[2:]...)
	}
	padded := func() []byte { // r with a superfluous zero
		r := append([]byte{0x02, byte(len(v.R.Bytes()) + 2), 0, 0}, v.R.Bytes()...)
		s, err := asn1.Marshal(v.S)
		if err != nil {
			t.Fatal(err)
		}
		return append([]byte{0x30, byte(len(r) + len(s))}, append(r, s...)...)
	}
	for name, bad := range map[string][]byte{
		"r‖s as DER":     raw,
		"long length":    long(sig),
		"padded integer": padded(),
		"trailing byte":  append(append([]byte{}, sig...), 0),
		"cut":            sig[:len(sig)-1],
		"empty":          {},
		"r plus n":       der(new(big.Int).Add(v.R, n), v.S),
		"s plus n":       der(v.R, new(big.Int).Add(v.S, n)),
		"zero":           der(new(big.Int), new(big.Int)),
		"negative s":     der(v.R, new(big.Int).Neg(v.S)),
	} {
		if err := verify("ecdsa-sha256", bad); err != keycheck.ErrSignature {
			t.Errorf("%s: %v, want %v", name, err, keycheck.ErrSignature)
		}
	}
	for _, bad := range [][]byte{sig, raw[:63], append(raw[:64:64], 0), append([]byte{0}, raw...), make([]byte, 64)} {
		if err := verify("ecdsa-p1363-sha256", bad); err != keycheck.ErrSignature {
			t.Errorf("%d bytes as r‖s: %v, want %v", len(bad), err, keycheck.ErrSignature)
		}
	}
}

// TestSaltLength: a salt of another length than the scheme's is refused, and
// so is Go's "as long as fits".
func TestSaltLength(t *testing.T) {
	key := signers(t)["rsa"].(*rsa.PrivateKey)
	message := []byte("message")
	digest := sha256.Sum256(message)
	for _, length := range []int{rsa.PSSSaltLengthAuto, 1, 31, 32, 33} {
		sig, err := rsa.SignPSS(rand.Reader, key, crypto.SHA256, digest[:], &rsa.PSSOptions{SaltLength: length})
		if err != nil {
			t.Fatal(err)
		}
		err = keycheck.Verify("rsa-pss-sha256", key.Public(), message, sig)
		if got, want := err == nil, length == 32; got != want {
			t.Errorf("salt of %d bytes: verifies is %t, want %t", length, got, want)
		}
		if err := keycheck.Verify("rsa-pss-sha256-salt0", key.Public(), message, sig); err != keycheck.ErrSignature {
			t.Errorf("salt of %d bytes under salt0: %v, want %v", length, err, keycheck.ErrSignature)
		}
	}
	if _, err := keycheck.Sign("rsa-pss-sha256-salt0", key, message); err == nil {
		t.Error("signed without a salt")
	}
}

// TestBreakSignature changes every byte and cuts every suffix.
func TestBreakSignature(t *testing.T) {
	message := []byte("message")
	for name, key := range signers(t) {
		scheme, err := keycheck.DefaultScheme(key.Public())
		if err != nil {
			scheme = "rsa-pkcs1v15-sha256"
		}
		sig, err := keycheck.Sign(scheme, key, message)
		if err != nil {
			t.Fatal(err)
		}
		for i := range sig {
			sig[i] ^= 1 << (i % 8)
			if err := keycheck.Verify(scheme, key.Public(), message, sig); err != keycheck.ErrSignature {
				t.Errorf("%s: byte %d: %v, want %v", name, i, err, keycheck.ErrSignature)
			}
			sig[i] ^= 1 << (i % 8)
		}
		for i := range sig {
			if err := keycheck.Verify(scheme, key.Public(), message, sig[:i]); err != keycheck.ErrSignature {
				t.Errorf("%s: first %d bytes: %v, want %v", name, i, err, keycheck.ErrSignature)
			}
		}
	}
}

// A misconfigured scheme is not a bad signature.
func TestWrongSchemeIsNoSignatureError(t *testing.T) {
	for _, scheme := range []string{"rsa-pss-sha256", "nothing"} {
		err := keycheck.Verify(scheme, signers(t)["ed25519"].Public(), nil, nil)
		if err == nil || errors.Is(err, keycheck.ErrSignature) {
			t.Errorf("%s with an Ed25519 key: %v, want an error about the scheme", scheme, err)
		}
	}
}

func ExampleVerify() {
	key := ed25519.NewKeyFromSeed(make([]byte, 32))
	message := []byte("what was signed")
	sig, err := keycheck.Sign("ed25519", key, message)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(keycheck.Verify("ed25519", key.Public(), message, sig))
	fmt.Println(keycheck.Verify("ed25519", key.Public(), []byte("something else"), sig))
	fmt.Println(keycheck.Verify("rsa-pss-sha256", key.Public(), message, sig))
	// Output:
	// <nil>
	// signature does not match
	// scheme "rsa-pss-sha256" does not fit an Ed25519 key
}
