package keys

import (
	"crypto"

	"github.com/touchmark-go/touchmark/internal/keycheck"
)

// ParsePublic reads a public key, one PKIX PEM block and nothing else, and
// refuses a weak one: RSA below 2048 bits or with an exponent below 65537,
// curves other than P-256, P-384 and P-521, Ed25519 points of small or mixed
// order. One key has one accepted form.
func ParsePublic(pem []byte) (crypto.PublicKey, error) { return keycheck.ParsePKIX(pem) }

// ID is the name of a public key: the lower-case hex SHA-256 of its PKIX form.
func ID(pub crypto.PublicKey) (string, error) { return keycheck.ID(pub) }

// Verify checks a bare signature over message in the scheme that is configured
// for the key, as [Key.Scheme] names it. It is the primitive under the verify
// package and says nothing about who the key belongs to or what it may sign.
// It does not check the key: [ParsePublic] does.
//
// The schemes are ed25519, ecdsa-H (in DER), ecdsa-p1363-H, rsa-pss-H (with a
// salt as long as the hash; rsa-pss-H-saltN where it has N bytes) and
// rsa-pkcs1v15-H, where H is sha256, sha384 or sha512.
func Verify(scheme string, pub crypto.PublicKey, message, sig []byte) error {
	return keycheck.Verify(scheme, pub, message, sig)
}
