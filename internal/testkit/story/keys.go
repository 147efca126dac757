package story

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/asn1"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"math/big"
	"strings"
	"sync"
	"testing"

	"github.com/touchmark-go/touchmark/sign"
)

// A key belongs to a label: "alice", or "alice/2" for another one of hers, with
// its type after a colon where it is not Ed25519: "bob:p256". All but RSA keys
// are derived from the label, so that verdicts that name one are the same in
// every run. "nobody" and whatever the base case's trust does not name are as
// good a label as any.
type key struct {
	public crypto.PublicKey
	sign   func(pae []byte) ([]byte, error)
}

// keyFor makes the key of a label.
func keyFor(label string) (*key, error) {
	seed := sha256.Sum256([]byte("touchmark story key " + label))
	_, kind, _ := strings.Cut(label, ":")
	switch kind {
	case "":
		private := ed25519.NewKeyFromSeed(seed[:])
		return &key{private.Public(), func(pae []byte) ([]byte, error) { return ed25519.Sign(private, pae), nil }}, nil
	case "p256", "p384", "p521", "p224":
		curve := map[string]elliptic.Curve{"p256": elliptic.P256(), "p384": elliptic.P384(), "p521": elliptic.P521(), "p224": elliptic.P224()}[kind]
		return ecdsaKey(curve, seed)
	case "rsa", "rsa-pkcs1v15":
		private, err := rsaKey()
		if err != nil {
			return nil, err
		}
		return &key{private.Public(), func(pae []byte) ([]byte, error) {
			sum := sha256.Sum256(pae)
			if kind == "rsa" {
				return rsa.SignPSS(rand.Reader, private, crypto.SHA256, sum[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
			}
			return rsa.SignPKCS1v15(nil, private, crypto.SHA256, sum[:])
		}}, nil
	case "rsa1024", "rsa-e1":
		n := new(big.Int).SetBytes(append([]byte{0xc3}, make([]byte, 127)...))
		e := 65537
		if kind == "rsa-e1" {
			n.Lsh(n, 2048)
			e = 1
		}
		return &key{&rsa.PublicKey{N: n.Add(n, big.NewInt(1)), E: e}, cannotSign}, nil
	case "ed25519-identity":
		// The identity point: S = 0 and R = identity verify for every message.
		return &key{ed25519.PublicKey(append([]byte{1}, make([]byte, 31)...)), func([]byte) ([]byte, error) {
			return append([]byte{1}, make([]byte, 63)...), nil
		}}, nil
	}
	return nil, fmt.Errorf("no such kind of key: %q", label)
}

func cannotSign([]byte) ([]byte, error) {
	return nil, fmt.Errorf("this key is only there to be refused")
}

// ecdsaKey is derived from seed, and signs by RFC 6979.
func ecdsaKey(curve elliptic.Curve, seed [32]byte) (*key, error) {
	wide := sha512.Sum512(seed[:])
	d := append([]byte{}, wide[:]...)
	size := (curve.Params().BitSize + 7) / 8
	for len(d) < size {
		d = append(d, 0)
	}
	d = d[:size]
	if size == 66 {
		d[0] = 0 // of P-521's first byte only one bit is in range
	}
	private, err := ecdsa.ParseRawPrivateKey(curve, d)
	if err != nil {
		return nil, err
	}
	return &key{private.Public(), func(pae []byte) ([]byte, error) {
		hash, sum := crypto.SHA256, sum256(pae)
		switch size {
		case 48:
			s := sha512.Sum384(pae)
			hash, sum = crypto.SHA384, s[:]
		case 66:
			s := sha512.Sum512(pae)
			hash, sum = crypto.SHA512, s[:]
		}
		return private.Sign(nil, sum, hash)
	}}, nil
}

func sum256(b []byte) []byte {
	s := sha256.Sum256(b)
	return s[:]
}

// rsaKey is made once a run: it cannot be derived.
var rsaKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

// malleate is the other signature that an ECDSA signature makes: (r, n-s).
func malleate(sig []byte, order *big.Int) ([]byte, error) {
	var v struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(sig, &v); err != nil {
		return nil, err
	}
	v.S.Sub(order, v.S)
	return asn1.Marshal(v)
}

// p1363 is an ECDSA signature as r and s side by side.
func p1363(sig []byte, size int) ([]byte, error) {
	var v struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(sig, &v); err != nil {
		return nil, err
	}
	out := make([]byte, 2*size)
	v.R.FillBytes(out[:size])
	v.S.FillBytes(out[size:])
	return out, nil
}

func (k *key) pkix() ([]byte, error) { return x509.MarshalPKIXPublicKey(k.public) }

// pem is the key as a trust file has it.
func (k *key) pem() (string, error) {
	der, err := k.pkix()
	if err != nil {
		return "", err
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})), nil
}

func (k *key) id() (string, error) {
	der, err := k.pkix()
	return hex.EncodeToString(sum256(der)), err
}

// A signer signs by a key of a label.
type signer struct {
	*key
	keyID string
}

func (s signer) Sign(_ context.Context, pae []byte) ([]byte, error) { return s.key.sign(pae) }
func (s signer) KeyID() (string, error)                             { return s.keyID, nil }

func signerFor(label string) (signer, error) {
	k, err := keyFor(label)
	if err != nil {
		return signer{}, err
	}
	id, err := k.id()
	return signer{k, id}, err
}

// Signer is the key of a label, for what a test signs itself.
func Signer(t testing.TB, label string) sign.Signer {
	t.Helper()
	s, err := signerFor(label)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
