package keycheck_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"strings"
	"testing"

	"github.com/touchmark-go/touchmark/internal/keycheck"
)

func publicPEM(t testing.TB, pub any) []byte {
	der, err := x509.MarshalPKIXPublicKey(pub)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

func TestParsePKIX(t *testing.T) {
	for name, key := range signers(t) {
		data := publicPEM(t, key.Public())
		pub, err := keycheck.ParsePKIX(data)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if again := publicPEM(t, pub); !bytes.Equal(again, data) {
			t.Errorf("%s: %s after a round trip, want %s", name, again, data)
		}
	}
}

func TestParsePKIXRefuses(t *testing.T) {
	good := publicPEM(t, ed25519.NewKeyFromSeed(make([]byte, 32)).Public())
	p224, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p256, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rsaKey := signers(t)["rsa"]
	rsaDER, err := x509.MarshalPKIXPublicKey(rsaKey.Public())
	if err != nil {
		t.Fatal(err)
	}
	block := func(kind string, der []byte, headers map[string]string) []byte {
		return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der, Headers: headers})
	}
	identity := ed25519.PublicKey(append([]byte{1}, make([]byte, 31)...))
	compressed, err := x509.MarshalPKIXPublicKey(p256.Public())
	if err != nil {
		t.Fatal(err)
	}
	point := elliptic.MarshalCompressed(elliptic.P256(), p256.X, p256.Y)
	compressed = append(compressed[:len(compressed)-65:len(compressed)-65], point...)
	compressed[1], compressed[24] = byte(len(compressed)-2), byte(len(point)+1)

	// The bits of a key moved up by one, with one unused at the end: Go reads
	// them as the same key.
	var key ed25519.PublicKey
	for i := byte(0); len(key) == 0 || key[0] > 0x7f; i++ {
		key = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{i}, 32)).Public().(ed25519.PublicKey)
	}
	shifted, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		t.Fatal(err)
	}
	shifted[11] = 1 // how many bits are unused
	new(big.Int).Lsh(new(big.Int).SetBytes(key), 1).FillBytes(shifted[12:])
	if pub, err := x509.ParsePKIXPublicKey(shifted); err != nil || !key.Equal(pub) {
		t.Errorf("crypto/x509 reads the moved key as %v, %v: the check may be simpler now", pub, err)
	}

	tests := map[string]struct {
		data []byte
		want string
	}{
		"moved bits":    {block("PUBLIC KEY", shifted, nil), "not in its only DER form"},
		"empty":         {nil, "does not begin with -----BEGIN"},
		"two":           {append(good[:len(good):len(good)], good...), "more than one PEM block"},
		"text before":   {append([]byte("key:\n"), good...), "does not begin with -----BEGIN"},
		"text after":    {append(good[:len(good):len(good)], "x"...), "more follows"},
		"not PEM":       {[]byte("-----BEGIN PUBLIC KEY-----\n!"), "not in PEM"},
		"broken first":  {append([]byte("-----BEGIN PUBLIC KEY-----\n!\n"), good...), "more than one PEM block"},
		"certificate":   {block("CERTIFICATE", rsaDER, nil), `is a "CERTIFICATE"`},
		"private":       {block("PRIVATE KEY", rsaDER, nil), `is a "PRIVATE KEY"`},
		"headers":       {block("PUBLIC KEY", rsaDER, map[string]string{"A": "b"}), "has headers"},
		"trailing DER":  {block("PUBLIC KEY", append(rsaDER[:len(rsaDER):len(rsaDER)], 0), nil), "not in PKIX form"},
		"PKCS #1":       {block("PUBLIC KEY", x509.MarshalPKCS1PublicKey(rsaKey.Public().(*rsa.PublicKey)), nil), "not in PKIX form"},
		"P-224":         {publicPEM(t, p224.Public()), "on curve P-224"},
		"compressed EC": {block("PUBLIC KEY", compressed, nil), "not in PKIX form"},
		"identity":      {publicPEM(t, identity), "small or mixed order"},
		"huge":          {bytes.Repeat([]byte(" "), keycheck.MaxPEMSize+1), "want at most"},
	}
	for name, test := range tests {
		pub, err := keycheck.ParsePKIX(test.data)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, %v, want %q", name, pub, err, test.want)
		}
	}
}

func TestID(t *testing.T) {
	key := ed25519.NewKeyFromSeed(make([]byte, 32)).Public()
	got, err := keycheck.ID(key)
	if err != nil {
		t.Fatal(err)
	}
	// openssl pkey -pubin -outform DER | sha256sum
	if want := "339e2ff917630507b6a423b5ce084e285d1fa65d93b3e27a6195d3bbebc9ae23"; got != want {
		t.Errorf("ID = %s, want %s", got, want)
	}
	if _, err := keycheck.ID("key"); err == nil {
		t.Error("a string has an ID")
	}
}

func FuzzParsePKIX(f *testing.F) {
	for _, key := range signers(f) {
		f.Add(publicPEM(f, key.Public()))
	}
	f.Add([]byte("-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		pub, err := keycheck.ParsePKIX(data)
		if err != nil {
			return
		}
		again, err := keycheck.ParsePKIX(publicPEM(t, pub))
		if err != nil {
			t.Fatalf("%q does not survive a round trip: %v", data, err)
		}
		id, err := keycheck.ID(pub)
		if err != nil {
			t.Fatal(err)
		}
		if other, _ := keycheck.ID(again); other != id {
			t.Errorf("%q has ID %s, then %s", data, id, other)
		}
	})
}

func ExampleParsePKIX() {
	_, err := keycheck.ParsePKIX([]byte(`-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAAQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=
-----END PUBLIC KEY-----
`))
	fmt.Println(err)
	// Output: Ed25519 key is a point of small or mixed order, want one of prime order: signatures under it prove nothing
}
