package keys

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"

	"github.com/sigstore/sigstore/pkg/cryptoutils"
)

// The algorithms that [Generate] knows.
const (
	Ed25519   = "ed25519"
	ECDSAP256 = "ecdsa-p256"
	ECDSAP384 = "ecdsa-p384"
	ECDSAP521 = "ecdsa-p521"
	RSA3072   = "rsa-3072"
	RSA4096   = "rsa-4096"
)

// Generate makes a key. An empty algorithm is ECDSAP256, which every tool of
// the ecosystem verifies.
func Generate(algorithm string) (*Key, error) {
	signer, err := generate(algorithm)
	if err != nil {
		return nil, err
	}
	return New(signer)
}

func generate(algorithm string) (crypto.Signer, error) {
	switch algorithm {
	case Ed25519:
		_, key, err := ed25519.GenerateKey(rand.Reader)
		return key, err
	case ECDSAP256, "":
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case ECDSAP384:
		return ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case ECDSAP521:
		return ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	case RSA3072:
		return rsa.GenerateKey(rand.Reader, 3072)
	case RSA4096:
		return rsa.GenerateKey(rand.Reader, 4096)
	}
	return nil, fmt.Errorf("unknown key algorithm %q, want %s, %s, %s, %s, %s or %s",
		algorithm, Ed25519, ECDSAP256, ECDSAP384, ECDSAP521, RSA3072, RSA4096)
}

// MarshalPublic is the public half as PKIX PEM, as a trust file holds it; nil
// for the zero Key.
func (k *Key) MarshalPublic() []byte {
	return publicPEM(k.Public())
}

func publicPEM(public crypto.PublicKey) []byte {
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return nil // only of the zero Key: the others have their ID from the same encoding
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

// MarshalPrivate is the private key as PEM: encrypted as cosign does it
// (scrypt and NaCl secretbox, "ENCRYPTED SIGSTORE PRIVATE KEY") if passphrase
// is not empty, else plain PKCS#8. A key from [New] that is not one of the
// standard library's cannot be written. The scheme is not written.
func (k *Key) MarshalPrivate(passphrase []byte) ([]byte, error) {
	if !k.ok() {
		return nil, errNoKey
	}
	signer := k.reveal().signer
	switch signer.(type) {
	case ed25519.PrivateKey, *ecdsa.PrivateKey, *rsa.PrivateKey:
	default:
		return nil, errors.New("the private key is not in this process, so it cannot be written")
	}
	if len(passphrase) == 0 {
		return cryptoutils.MarshalPrivateKeyToPEM(signer)
	}
	box, err := cryptoutils.MarshalPrivateKeyToEncryptedDER(signer, cryptoutils.StaticPasswordFunc(passphrase))
	if err != nil {
		return nil, errors.New("the private key could not be encrypted")
	}
	return cryptoutils.PEMEncode(cryptoutils.EncryptedSigstorePrivateKeyPEMType, box), nil
}
