package keycheck

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
)

// MaxPEMSize is the longest public key that is read, in bytes of PEM. An RSA
// key of 8192 bits takes 1.5 KiB.
const MaxPEMSize = 16 << 10

// ParsePKIX reads a public key from PEM and refuses a weak one, see [Check].
//
// There is exactly one block, a PUBLIC KEY without headers, with nothing but
// white space around it, and its content is the only DER form of that key, so
// that one key has one [ID]. No error repeats the input.
func ParsePKIX(data []byte) (crypto.PublicKey, error) {
	if len(data) > MaxPEMSize {
		return nil, fmt.Errorf("public key has %d bytes, want at most %d", len(data), MaxPEMSize)
	}
	data, begin := bytes.TrimSpace(data), []byte("-----BEGIN ")
	if !bytes.HasPrefix(data, begin) {
		return nil, errors.New("public key does not begin with -----BEGIN, want a PEM block and nothing else")
	}
	// pem.Decode skips what it cannot read, to the next block that it can.
	if bytes.Count(data, begin) > 1 {
		return nil, errors.New("more than one PEM block, want one public key")
	}
	block, rest := pem.Decode(data)
	if block == nil {
		return nil, errors.New("public key is not in PEM")
	}
	if len(bytes.TrimSpace(rest)) != 0 {
		return nil, errors.New("more follows the public key, want one PEM block")
	}
	if block.Type != "PUBLIC KEY" {
		return nil, fmt.Errorf("PEM block is a %q, want a %q", block.Type, "PUBLIC KEY")
	}
	if len(block.Headers) != 0 {
		return nil, errors.New("PEM block has headers, want none")
	}
	return parseDER(block.Bytes)
}

func parseDER(der []byte) (crypto.PublicKey, error) {
	pub, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return nil, fmt.Errorf("public key is not in PKIX form: %v", err)
	}
	if err := Check(pub); err != nil {
		return nil, err
	}
	again, err := x509.MarshalPKIXPublicKey(pub)
	if err != nil {
		return nil, fmt.Errorf("public key is not in PKIX form: %v", err)
	}
	if !bytes.Equal(again, der) {
		return nil, errors.New("public key is not in its only DER form")
	}
	return pub, nil
}

// ID names a key: the SHA-256 of its PKIX form, in lower-case hex. Two keys
// are the same if, and only if, their IDs are.
func ID(pub crypto.PublicKey) (string, error) {
	der, err := x509.MarshalPKIXPublicKey(pub)
	if err != nil {
		return "", fmt.Errorf("key is a %T, want Ed25519, ECDSA or RSA", pub)
	}
	sum := sha256.Sum256(der)
	return hex.EncodeToString(sum[:]), nil
}
