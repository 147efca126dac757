package sbom_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log"
	"math/big"
	"strings"
	"testing"

	"github.com/touchmark-go/touchmark/internal/jcs"
	"github.com/touchmark-go/touchmark/sbom"
)

// key is a key that signs as those of package sign/keys do, hash by hash.
type key struct{ crypto.Signer }

func (k key) Sign(_ context.Context, data []byte) ([]byte, error) {
	hash := crypto.Hash(0)
	if pub, ok := k.Public().(*ecdsa.PublicKey); ok {
		hash = map[elliptic.Curve]crypto.Hash{elliptic.P256(): crypto.SHA256, elliptic.P384(): crypto.SHA384, elliptic.P521(): crypto.SHA512}[pub.Curve]
		h := hash.New()
		h.Write(data)
		data = h.Sum(nil)
	}
	return k.Signer.Sign(rand.Reader, data, hash)
}

func ecKey(t testing.TB, curve elliptic.Curve) key {
	t.Helper()
	k, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key{k}
}

func edKey(t testing.TB) key {
	t.Helper()
	_, k, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	return key{k}
}

func signed(t testing.TB, k key) []byte {
	t.Helper()
	bom := fromInfo(t, sbom.Options{Publisher: acme()}, publishedInfo)
	if err := sbom.Sign(t.Context(), bom, k); err != nil {
		t.Fatal(err)
	}
	document := write(t, bom)
	valid(t, document)
	return document
}

// What each kind of key signs is checked by its public key, whatever white space
// and order of members the document comes in, and after it was read and written.
func TestSign(t *testing.T) {
	for name, k := range map[string]key{"Ed25519": edKey(t), "ES256": ecKey(t, elliptic.P256()), "ES384": ecKey(t, elliptic.P384()), "ES512": ecKey(t, elliptic.P521())} {
		document := signed(t, k)
		var tree map[string]any
		if err := json.Unmarshal(document, &tree); err != nil {
			t.Fatal(err)
		}
		indented, _ := json.MarshalIndent(tree, "", "   ")
		parsed, err := sbom.Parse(bytes.NewReader(document)) // encoding/json loses the signer
		if err != nil {
			t.Fatal(err)
		}
		for how, text := range map[string][]byte{"as written": document, "another way": indented, "again": write(t, parsed)} {
			pub, err := sbom.CheckSignature(text)
			if err != nil || !pub.(interface{ Equal(crypto.PublicKey) bool }).Equal(k.Public()) {
				t.Errorf("%s, %s: %v, %v", name, how, pub, err)
			}
		}
		if got := tree["signature"].(map[string]any)["algorithm"]; got != name {
			t.Errorf("the algorithm is %q, want %q", got, name)
		}
	}
}

// The signature is what JSF 0.82 says, written down here a second time: over
// the RFC 8785 form with value, and nothing else, taken out.
func TestSignatureAsSpecified(t *testing.T) {
	document := signed(t, ecKey(t, elliptic.P521()))
	var tree map[string]any
	if err := json.Unmarshal(document, &tree); err != nil {
		t.Fatal(err)
	}
	s := tree["signature"].(map[string]any)
	number := func(text any) []byte {
		b, err := base64.RawURLEncoding.DecodeString(text.(string))
		if err != nil || len(b)%66 != 0 {
			t.Fatalf("%v: %d bytes, %v", text, len(b), err)
		}
		return b
	}
	value := number(s["value"])
	delete(s, "value")
	message, err := jcs.Marshal(tree)
	if err != nil {
		t.Fatal(err)
	}
	jwk := s["publicKey"].(map[string]any)
	pub, err := ecdsa.ParseUncompressedPublicKey(elliptic.P521(), append(append([]byte{4}, number(jwk["x"])...), number(jwk["y"])...))
	if err != nil {
		t.Fatal(err)
	}
	sum := sha512.Sum512(message)
	if !ecdsa.Verify(pub, sum[:], new(big.Int).SetBytes(value[:66]), new(big.Int).SetBytes(value[66:])) {
		t.Error("the signature is not over the canonical document")
	}
	if len(jwk) != 4 || jwk["kty"] != "EC" || jwk["crv"] != "P-521" {
		t.Errorf("the key is %v", jwk)
	}
}

// Nothing in a signed document can be changed, added or taken away.
func TestSignatureBreaks(t *testing.T) {
	k := edKey(t)
	document := string(signed(t, k))
	other := string(signed(t, edKey(t)))
	keyOf := func(d string) string {
		d = d[strings.Index(d, `"publicKey":`):]
		return d[:strings.Index(d, `}`)+1]
	}
	tail := document[strings.Index(document, `"signature":`):]
	for name, text := range map[string]string{
		"another version":           strings.Replace(document, `"version":"v1.0.0"`, `"version":"v1.0.1"`, 1),
		"a member more":             strings.Replace(document, `{"`, `{"x":1,"`, 1),
		"another key":               strings.Replace(document, keyOf(document), keyOf(other), 1),
		"another algorithm":         strings.Replace(document, `"algorithm":"Ed25519"`, `"algorithm":"ES256"`, 1),
		"an algorithm of no name":   strings.Replace(document, `"algorithm":"Ed25519"`, `"algorithm":""`, 1),
		"a key id that is added":    strings.Replace(document, `"algorithm":`, `"keyId":"me","algorithm":`, 1),
		"a part that is left out":   strings.Replace(document, `"algorithm":`, `"excludes":["components"],"algorithm":`, 1),
		"several signers":           strings.Replace(document, tail, `"signature":{"signers":[`+strings.TrimPrefix(strings.TrimSuffix(strings.TrimSpace(tail), "}"), `"signature":`)+`]}}`, 1),
		"no key":                    strings.Replace(document, keyOf(document)+",", "", 1),
		"a value that is padded":    strings.Replace(document, `"}}`, `=="}}`, 1),
		"no value":                  strings.Replace(document, `"value":"`, `"value":"","was":"`, 1),
		"a signature that is empty": strings.Replace(document, tail, `"signature":{}}`, 1),
		"no signature":              strings.Replace(document, ","+strings.TrimSpace(tail), "}", 1),
		"a second signature":        strings.TrimSuffix(strings.TrimSpace(document), "}") + "," + tail,
		"a member twice":            strings.Replace(document, `"bomFormat":"CycloneDX"`, `"bomFormat":"CycloneDX","bomFormat":"CycloneDX"`, 1),
		"something behind it":       document + "{}",
		"no JSON":                   "<bom/>",
	} {
		if text == document {
			t.Fatalf("%s changes nothing", name)
		}
		if pub, err := sbom.CheckSignature([]byte(text)); err == nil {
			t.Errorf("%s: is signed by %v", name, pub)
		}
	}
	if _, err := sbom.CheckSignature([]byte(document)); err != nil {
		t.Errorf("the document itself: %v", err)
	}
}

// A key that is small, of another kind, or not the one that signs makes no signature.
func TestSignRefuses(t *testing.T) {
	weak, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for name, k := range map[string]sbom.Signer{
		"an RSA key":            key{weak},
		"a curve that is small": ecKey(t, elliptic.P224()),
		"another's public key":  liar{edKey(t), edKey(t).Public()},
		"no DER":                liar{edKey(t), ecKey(t, elliptic.P256()).Public()},
		"a key of small order":  liar{edKey(t), ed25519.PublicKey(make([]byte, 32))},
	} {
		bom := fromInfo(t, sbom.Options{}, publishedInfo)
		if err := sbom.Sign(t.Context(), bom, k); err == nil || bom.Signature != nil {
			t.Errorf("%s: signs, %v", name, err)
		}
	}
	if err := sbom.Sign(t.Context(), nil, edKey(t)); err == nil {
		t.Error("nothing is signed")
	}
}

type liar struct {
	key
	pub crypto.PublicKey
}

func (l liar) Public() crypto.PublicKey { return l.pub }

// Sign a document inside, for readers who only know CycloneDX.
func ExampleSign() {
	key := key{ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, 32))} // stands for keys.Load("release.key", keys.Prompt)
	bom, err := sbom.FromBinary(program)
	if err != nil {
		log.Fatal(err)
	}
	if err := sbom.Sign(context.Background(), bom, key); err != nil {
		log.Fatal(err)
	}
	var document bytes.Buffer
	if err := sbom.Write(&document, bom); err != nil {
		log.Fatal(err)
	}
	pub, err := sbom.CheckSignature(document.Bytes())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(pub.(ed25519.PublicKey).Equal(key.Public()))
	// Output:
	// true
}
