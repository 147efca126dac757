// Package keys loads, makes and writes signing keys.
package keys

import (
	"context"
	"crypto"
	"errors"
)

// A Passphrase asks for the passphrase of an encrypted key.
type Passphrase func(ctx context.Context, name string) ([]byte, error)

// Prompt asks on the terminal.
func Prompt(ctx context.Context, name string) ([]byte, error) { return nil, errors.New("keys: not yet") }

// A Key is a private key that signs. It implements sign.Signer. It does not print.
type Key struct{}

// Load reads a private key file.
func Load(path string, ask Passphrase) (*Key, error) { return nil, errors.New("keys: not yet") }

// Parse reads a private key.
func Parse(data []byte, ask Passphrase) (*Key, error) { return nil, errors.New("keys: not yet") }

// The algorithms that [Generate] knows.
const (
	Ed25519   = "ed25519"
	ECDSAP256 = "ecdsa-p256"
	ECDSAP384 = "ecdsa-p384"
	ECDSAP521 = "ecdsa-p521"
	RSA3072   = "rsa-3072"
	RSA4096   = "rsa-4096"
)

// Generate makes a key. An empty algorithm is ECDSAP256.
func Generate(algorithm string) (*Key, error) { return nil, errors.New("keys: not yet") }

// Sign implements sign.Signer.
func (k *Key) Sign(ctx context.Context, data []byte) ([]byte, error) {
	return nil, errors.New("keys: not yet")
}

// KeyID is the lower-case hex SHA-256 of the public key's PKIX form.
func (k *Key) KeyID() (string, error) { return "", errors.New("keys: not yet") }

// Public is the public half.
func (k *Key) Public() crypto.PublicKey { return nil }

// MarshalPublic is the public half as PKIX PEM.
func (k *Key) MarshalPublic() []byte { return nil }

// MarshalPrivate is the private key as PEM: encrypted as cosign does if passphrase is not empty, else PKCS#8.
func (k *Key) MarshalPrivate(passphrase []byte) ([]byte, error) { return nil, errors.New("keys: not yet") }

// ParsePublic reads a PKIX PEM public key and refuses a weak one.
func ParsePublic(pem []byte) (crypto.PublicKey, error) { return nil, errors.New("keys: not yet") }
