package keycheck

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	_ "crypto/sha256" // for crypto.SHA256
	_ "crypto/sha512" // for crypto.SHA384 and crypto.SHA512
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"strings"
)

// ErrSignature is a signature that is not one by this key over this message.
// Every other error of [Verify] is about the scheme and the key.
var ErrSignature = errors.New("signature does not match")

// A kind is how a signature is made and written down.
type kind int

const (
	kindEd25519 kind = iota + 1
	kindECDSA        // ASN.1 DER
	kindP1363        // r and s side by side, as long as the curve's order
	kindPSS          // MGF1 with the same hash, and a salt of a fixed length
	kindPKCS1
)

type scheme struct {
	kind kind
	hash crypto.Hash // zero: the message itself is signed
	salt int         // PSS only, in bytes
}

// schemeOf reads a name. Hash and salt length are part of it: nothing in a
// message can choose them (docs/threats.md, row 18).
//
// A PSS salt is as long as the hash. A signer that salts otherwise is named
// with its length at the end: rsa-pss-sha512-salt32.
func schemeOf(name string) (scheme, error) {
	base, salt, salted := strings.Cut(name, "-salt")
	s, err := baseScheme(base)
	if err != nil {
		return s, fmt.Errorf("unknown signature scheme %q, want one of ed25519, ecdsa-sha256, rsa-pss-sha256, rsa-pkcs1v15-sha256, or theirs with sha384 or sha512", name)
	}
	if s.kind == kindPSS {
		s.salt = s.hash.Size()
	}
	if !salted {
		return s, nil
	}
	n, err := strconv.Atoi(salt)
	if err != nil || strconv.Itoa(n) != salt || n < 0 || n > maxRSABits/8 || s.kind != kindPSS {
		return s, fmt.Errorf("signature scheme %q has no such salt, want bytes after an rsa-pss scheme", name)
	}
	s.salt = n
	return s, nil
}

// baseScheme is the table of all schemes.
func baseScheme(name string) (scheme, error) {
	switch name {
	case "ed25519":
		return scheme{kind: kindEd25519}, nil
	case "ecdsa-sha256":
		return scheme{kind: kindECDSA, hash: crypto.SHA256}, nil
	case "ecdsa-sha384":
		return scheme{kind: kindECDSA, hash: crypto.SHA384}, nil
	case "ecdsa-sha512":
		return scheme{kind: kindECDSA, hash: crypto.SHA512}, nil
	case "ecdsa-p1363-sha256":
		return scheme{kind: kindP1363, hash: crypto.SHA256}, nil
	case "ecdsa-p1363-sha384":
		return scheme{kind: kindP1363, hash: crypto.SHA384}, nil
	case "ecdsa-p1363-sha512":
		return scheme{kind: kindP1363, hash: crypto.SHA512}, nil
	case "rsa-pss-sha256":
		return scheme{kind: kindPSS, hash: crypto.SHA256}, nil
	case "rsa-pss-sha384":
		return scheme{kind: kindPSS, hash: crypto.SHA384}, nil
	case "rsa-pss-sha512":
		return scheme{kind: kindPSS, hash: crypto.SHA512}, nil
	case "rsa-pkcs1v15-sha256":
		return scheme{kind: kindPKCS1, hash: crypto.SHA256}, nil
	case "rsa-pkcs1v15-sha384":
		return scheme{kind: kindPKCS1, hash: crypto.SHA384}, nil
	case "rsa-pkcs1v15-sha512":
		return scheme{kind: kindPKCS1, hash: crypto.SHA512}, nil
	}
	return scheme{}, errors.New("unknown")
}

// DefaultScheme is the scheme that follows from the key: ed25519, or ECDSA in
// DER with the hash of the curve (P-256 sha256, P-384 sha384, P-521 sha512).
// RSA has none, because PSS and PKCS #1 v1.5 keys look the same: it must be
// named.
func DefaultScheme(pub crypto.PublicKey) (string, error) {
	switch key := pub.(type) {
	case ed25519.PublicKey:
		return "ed25519", nil
	case *ecdsa.PublicKey:
		switch key.Curve {
		case elliptic.P256():
			return "ecdsa-sha256", nil
		case elliptic.P384():
			return "ecdsa-sha384", nil
		case elliptic.P521():
			return "ecdsa-sha512", nil
		}
		return "", errors.New("ECDSA key is on an unknown curve, want P-256, P-384 or P-521")
	case *rsa.PublicKey:
		return "", errors.New("an RSA key has no scheme of its own: name one, such as rsa-pss-sha256")
	}
	return "", fmt.Errorf("key is %s, want Ed25519, ECDSA or RSA", typeName(pub))
}

// typeName is how people call the key's type.
func typeName(pub crypto.PublicKey) string {
	switch pub.(type) {
	case ed25519.PublicKey:
		return "an Ed25519 key"
	case *ecdsa.PublicKey:
		return "an ECDSA key"
	case *rsa.PublicKey:
		return "an RSA key"
	}
	return fmt.Sprintf("a %T", pub)
}

// Fits says whether the scheme exists and can be used with the key.
func Fits(name string, pub crypto.PublicKey) error {
	_, err := fit(name, pub)
	return err
}

func fit(name string, pub crypto.PublicKey) (scheme, error) {
	s, err := schemeOf(name)
	if err != nil {
		return s, err
	}
	var ok bool
	switch pub.(type) {
	case ed25519.PublicKey:
		ok = s.kind == kindEd25519
	case *ecdsa.PublicKey:
		ok = s.kind == kindECDSA || s.kind == kindP1363
	case *rsa.PublicKey:
		ok = s.kind == kindPSS || s.kind == kindPKCS1
	}
	if !ok {
		return s, fmt.Errorf("scheme %q does not fit %s", name, typeName(pub))
	}
	return s, nil
}

// Verify checks the signature of message by pub, a key that [Check] accepted,
// under the scheme that is configured for it. It returns [ErrSignature] for a
// signature that does not match or is not encoded in the one way that the
// scheme knows.
//
// Two different signatures of one message may both verify: from (r, s) anybody
// makes (r, n-s), see docs/threats.md, row 20. Signature bytes identify nothing.
func Verify(name string, pub crypto.PublicKey, message, sig []byte) error {
	s, err := fit(name, pub)
	if err != nil {
		return err
	}
	if !s.verify(pub, s.digest(message), sig) {
		return ErrSignature
	}
	return nil
}

// verify trusts fit: pub is of the type that the kind wants.
func (s scheme) verify(pub crypto.PublicKey, digest, sig []byte) bool {
	switch s.kind {
	case kindEd25519:
		key := pub.(ed25519.PublicKey)
		return len(key) == ed25519.PublicKeySize && ed25519.Verify(key, digest, sig)
	case kindECDSA:
		return ecdsa.VerifyASN1(pub.(*ecdsa.PublicKey), digest, sig)
	case kindP1363:
		return verifyP1363(pub.(*ecdsa.PublicKey), digest, sig)
	case kindPSS:
		return verifyPSS(pub.(*rsa.PublicKey), s.hash, s.salt, digest, sig)
	case kindPKCS1:
		return rsa.VerifyPKCS1v15(pub.(*rsa.PublicKey), s.hash, digest, sig) == nil
	}
	return false
}

func verifyP1363(key *ecdsa.PublicKey, digest, sig []byte) bool {
	size := (key.Curve.Params().N.BitLen() + 7) / 8
	if len(sig) != 2*size {
		return false
	}
	r, s := new(big.Int).SetBytes(sig[:size]), new(big.Int).SetBytes(sig[size:])
	return ecdsa.Verify(key, digest, r, s)
}

// digest is what the primitive signs: the message itself for Ed25519.
func (s scheme) digest(message []byte) []byte {
	if s.hash == 0 {
		return message
	}
	h := s.hash.New()
	h.Write(message)
	return h.Sum(nil)
}

// digestOf is digest of a message in parts.
func (s scheme) digestOf(parts [][]byte) []byte {
	switch {
	case len(parts) == 1:
		return s.digest(parts[0])
	case s.hash == 0:
		return bytes.Join(parts, nil)
	}
	h := s.hash.New()
	for _, part := range parts {
		h.Write(part)
	}
	return h.Sum(nil)
}

// Digests reports whether a scheme signs a digest of the message, which then need
// not be in one piece.
func Digests(name string) bool {
	s, err := schemeOf(name)
	return err == nil && s.hash != 0
}

// Sign signs a message as [Verify] checks it: the parts, one behind the other.
func Sign(name string, key crypto.Signer, message ...[]byte) ([]byte, error) {
	s, err := fit(name, key.Public())
	if err != nil {
		return nil, err
	}
	var opts crypto.SignerOpts = s.hash
	switch s.kind {
	case kindPSS:
		if s.salt == 0 { // which Go reads as "as long as fits"
			return nil, fmt.Errorf("scheme %q is only verified, want a salt for new signatures", name)
		}
		opts = &rsa.PSSOptions{SaltLength: s.salt, Hash: s.hash}
	case kindP1363:
		return nil, fmt.Errorf("scheme %q is only verified, want DER for new signatures", name)
	}
	return key.Sign(rand.Reader, s.digestOf(message), opts)
}
