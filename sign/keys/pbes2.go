package keys

import (
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
)

// The work that a file may ask for before anybody knows whether the passphrase
// is right: some seconds, and the memory of scrypt.
const (
	maxIterations   = 10_000_000
	maxScryptMemory = 256 << 20
	maxScryptLanes  = 16
)

type encryptedKey struct {
	Algorithm pkix.AlgorithmIdentifier
	Data      []byte
}

type pbes2 struct {
	KDF    pkix.AlgorithmIdentifier
	Cipher pkix.AlgorithmIdentifier
}

type pbkdf2 struct {
	Salt       []byte
	Iterations int
	KeyLength  int                      `asn1:"optional"`
	PRF        pkix.AlgorithmIdentifier `asn1:"optional"`
}

type scrypt struct {
	Salt      []byte
	N, R, P   int
	KeyLength int `asn1:"optional"`
}

// checkPBES2 looks at the parameters of an encrypted PKCS#8 key (RFC 8018,
// section 6.2) before they are obeyed.
func checkPBES2(der []byte) error {
	var key encryptedKey
	var scheme pbes2
	if rest, err := asn1.Unmarshal(der, &key); err != nil || len(rest) != 0 {
		return errDecrypt
	}
	if oid := key.Algorithm.Algorithm.String(); oid != "1.2.840.113549.1.5.13" {
		return fmt.Errorf("encrypted with algorithm %s, want PBES2: convert it with openssl pkcs8 -topk8 -v2 aes-256-cbc", oid)
	}
	if _, err := asn1.Unmarshal(key.Algorithm.Parameters.FullBytes, &scheme); err != nil {
		return errDecrypt
	}
	params := scheme.KDF.Parameters.FullBytes
	switch oid := scheme.KDF.Algorithm.String(); oid {
	case "1.2.840.113549.1.5.12":
		var p pbkdf2
		if _, err := asn1.Unmarshal(params, &p); err != nil {
			return errDecrypt
		}
		if p.Iterations < 1 || p.Iterations > maxIterations {
			return fmt.Errorf("encrypted with %d iterations of PBKDF2, want 1 to %d", p.Iterations, maxIterations)
		}
	case "1.3.6.1.4.1.11591.4.11":
		var p scrypt
		if _, err := asn1.Unmarshal(params, &p); err != nil {
			return errDecrypt
		}
		if p.N < 2 || p.R < 1 || p.P < 1 || p.P > maxScryptLanes || p.R > maxScryptMemory/128 || p.N > maxScryptMemory/128/p.R {
			return errors.New("encrypted with scrypt parameters that ask for too much")
		}
	default:
		return fmt.Errorf("encrypted with key derivation %s, want PBKDF2 or scrypt", oid)
	}
	return nil
}
