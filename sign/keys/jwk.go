package keys

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"

	"github.com/touchmark-go/touchmark/internal/strictjson"
)

// A jwk is a private key as JSON (RFC 7517, RFC 7518 section 6, RFC 8037). Members that are not named here are
// ignored, as the first demands.
type jwk struct {
	Type  string `json:"kty"`
	Use   string `json:"use"`
	Alg   string `json:"alg"`
	Curve string `json:"crv"`

	X string `json:"x"`
	Y string `json:"y"`
	D string `json:"d"`
	N string `json:"n"`
	E string `json:"e"`
	P string `json:"p"`
	Q string `json:"q"`

	Others     []any  `json:"oth"`
	Keys       []any  `json:"keys"`
	Ciphertext string `json:"ciphertext"`
}

// jwkSchemes are the algorithms that a JWK may be bound to (RFC 7518 section 3.1, RFC 8037).
var jwkSchemes = map[string]string{
	"ES256": "ecdsa-sha256", "ES384": "ecdsa-sha384", "ES512": "ecdsa-sha512", "EdDSA": "ed25519", "Ed25519": "ed25519",
	"PS256": "rsa-pss-sha256", "PS384": "rsa-pss-sha384", "PS512": "rsa-pss-sha512",
	"RS256": "rsa-pkcs1v15-sha256", "RS384": "rsa-pkcs1v15-sha384", "RS512": "rsa-pkcs1v15-sha512",
}

// parseJWK reads a private JWK. No error holds a part of it.
func parseJWK(data []byte) (*Key, error) {
	var k jwk
	if err := strictjson.Unmarshal(data, &k); err != nil {
		return nil, errors.New("the JWK is not one well-formed JSON object with text members")
	}
	switch {
	case k.Keys != nil:
		return nil, errors.New("a set of JWKs, want one: nobody could say which one signs")
	case k.Ciphertext != "":
		return nil, errors.New("an encrypted JWK (JWE), want it decrypted: write it with touchmark keys import, which encrypts it in its own way")
	case k.Use != "" && k.Use != "sig":
		return nil, errors.New("the JWK's use is not sig: it is for something else than signing")
	case k.D == "":
		return nil, errors.New("the JWK has no d, want the private key")
	}
	var signer crypto.Signer
	var err error
	switch k.Type {
	case "EC":
		signer, err = k.ecdsa()
	case "OKP":
		signer, err = k.ed25519()
	case "RSA":
		signer, err = k.rsa()
	default:
		err = errors.New("the JWK's kty is not EC, OKP or RSA")
	}
	if err != nil {
		return nil, err
	}
	key, err := New(signer)
	if err != nil || k.Alg == "" {
		return key, err
	}
	scheme, ok := jwkSchemes[k.Alg]
	if !ok {
		return nil, errors.New("the JWK's alg is none of those that sign: ES256, ES384, ES512, EdDSA, PS256 to PS512 or RS256 to RS512")
	}
	return key.WithScheme(scheme)
}

func (k *jwk) ecdsa() (crypto.Signer, error) {
	curves := map[string]elliptic.Curve{"P-256": elliptic.P256(), "P-384": elliptic.P384(), "P-521": elliptic.P521()}
	curve, ok := curves[k.Curve]
	if !ok {
		return nil, errors.New("the JWK's crv is not P-256, P-384 or P-521")
	}
	size := (curve.Params().BitSize + 7) / 8
	d, x, y := number(k.D), number(k.X), number(k.Y)
	if len(d) != size || len(x) != size || len(y) != size {
		return nil, fmt.Errorf("the JWK's d, x and y want %d bytes each in base64url without padding", size)
	}
	private, err := ecdsa.ParseRawPrivateKey(curve, d)
	if err != nil {
		return nil, errors.New("the JWK's d is no private key on its curve")
	}
	point, err := private.PublicKey.Bytes()
	if err != nil || !bytes.Equal(point, bytes.Join([][]byte{{4}, x, y}, nil)) {
		return nil, errors.New("the JWK's x and y are not the public half of its d")
	}
	return private, nil
}

func (k *jwk) ed25519() (crypto.Signer, error) {
	if k.Curve != "Ed25519" {
		return nil, errors.New("the JWK's crv is not Ed25519")
	}
	seed := number(k.D)
	if len(seed) != ed25519.SeedSize {
		return nil, fmt.Errorf("the JWK's d wants %d bytes in base64url without padding", ed25519.SeedSize)
	}
	private := ed25519.NewKeyFromSeed(seed)
	if !bytes.Equal(number(k.X), private.Public().(ed25519.PublicKey)) {
		return nil, errors.New("the JWK's x is not the public half of its d")
	}
	return private, nil
}

func (k *jwk) rsa() (crypto.Signer, error) {
	if k.Others != nil {
		return nil, errors.New("the JWK is an RSA key of more than two primes")
	}
	n, e, d, p, q := number(k.N), number(k.E), number(k.D), number(k.P), number(k.Q)
	if n == nil || e == nil || d == nil || p == nil || q == nil || len(n) > 1024 || len(e) > 4 {
		return nil, errors.New("the JWK's n, e, d, p and q want base64url without padding, and an n of at most 8192 bits")
	}
	private := &rsa.PrivateKey{
		PublicKey: rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(new(big.Int).SetBytes(e).Int64())},
		D:         new(big.Int).SetBytes(d),
		Primes:    []*big.Int{new(big.Int).SetBytes(p), new(big.Int).SetBytes(q)},
	}
	if err := private.Validate(); err != nil {
		return nil, errors.New("the JWK's numbers are not those of one RSA key")
	}
	private.Precompute()
	return private, nil
}

// number decodes a member that holds bytes; nil if it has another spelling.
func number(s string) []byte {
	if s == "" {
		return nil
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil {
		return nil
	}
	return b
}
