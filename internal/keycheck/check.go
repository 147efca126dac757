// Package keycheck says what a public key must be before anything is believed
// on its word, and checks signatures by a scheme that the key's owner chose.
//
// A key is checked once, where it is loaded: [ParsePKIX] and [Check]. [Verify]
// does not check again. The scheme never comes from the message: it is
// configured beside the key, or follows from it, see [DefaultScheme].
package keycheck

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"errors"
	"fmt"
	"math/big"
)

// The sizes and exponents of RSA keys that are accepted.
const (
	minRSABits     = 2048
	maxRSABits     = 8192
	minRSAExponent = 65537
	maxRSAExponent = 1<<31 - 1
)

// Check refuses a key that is weak, malformed or of a kind that is not used
// here: RSA outside 2048 to 8192 bits, with an even or a small exponent or a
// modulus that has a small factor; ECDSA on any curve but P-256, P-384 and
// P-521, or off the curve; Ed25519 points that are not canonically encoded or
// not in the group of prime order (Go's own verifier accepts the identity, for
// which anybody can sign anything).
func Check(pub crypto.PublicKey) error {
	switch key := pub.(type) {
	case ed25519.PublicKey:
		return checkEd25519(key)
	case *ecdsa.PublicKey:
		return checkECDSA(key)
	case *rsa.PublicKey:
		return checkRSA(key)
	}
	return fmt.Errorf("key is a %T, want Ed25519, ECDSA or RSA", pub)
}

func checkECDSA(key *ecdsa.PublicKey) error {
	//lint:ignore SA1019 only compared: the standard library panics on such keys
	if key == nil || key.Curve == nil || key.X == nil || key.Y == nil {
		return errors.New("ECDSA key is incomplete")
	}
	switch key.Curve {
	case elliptic.P256(), elliptic.P384(), elliptic.P521():
	default:
		return fmt.Errorf("ECDSA key is on curve %s, want P-256, P-384 or P-521", curveName(key.Curve))
	}
	if _, err := key.ECDH(); err != nil {
		return fmt.Errorf("ECDSA key is not a point of %s", key.Curve.Params().Name)
	}
	return nil
}

// curveName survives a curve without parameters.
func curveName(c elliptic.Curve) string {
	if p := c.Params(); p != nil {
		return p.Name
	}
	return "unknown"
}

func checkRSA(key *rsa.PublicKey) error {
	if key == nil || key.N == nil || key.N.Sign() <= 0 {
		return errors.New("RSA key is incomplete")
	}
	if bits := key.N.BitLen(); bits < minRSABits || bits > maxRSABits {
		return fmt.Errorf("RSA key has %d bits, want %d to %d", bits, minRSABits, maxRSABits)
	}
	if key.E < minRSAExponent || key.E > maxRSAExponent || key.E%2 == 0 {
		return fmt.Errorf("RSA key has exponent %d, want an odd one from %d to %d", key.E, minRSAExponent, maxRSAExponent)
	}
	if p := smallFactor(key.N); p != 0 {
		return fmt.Errorf("RSA modulus is divisible by %d, want no small factor", p)
	}
	return nil
}

// smallFactor returns the smallest prime below 1000 that divides n, or zero.
func smallFactor(n *big.Int) int64 {
	var r big.Int
	for p := int64(2); p < 1000; p++ {
		if r.Mod(n, big.NewInt(p)).Sign() == 0 {
			return p
		}
	}
	return 0
}
