package sigstore

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/hex"
	"slices"
	"time"

	"github.com/touchmark-go/touchmark/internal/keycheck"
	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/verify"
)

// A content is what was signed: a DSSE payload, or an artifact of which only
// the digest is known.
type content struct {
	pae, payload []byte
	digest       provenance.Digest // of the artifact; zero if there is a payload
	at           time.Time         // the instant of judgement; zero if it is not known
}

// parseLeaf reads the certificate that came with a signature. It is nil if none
// did. Old bundles bring others along, even roots: nobody needs those, and none
// of them is believed, so they are not looked at.
func parseLeaf(chain [][]byte) (*x509.Certificate, *Error) {
	if len(chain) == 0 {
		return nil, nil
	}
	leaf, err := x509.ParseCertificate(chain[0])
	if err != nil {
		return nil, refuse(stageShape, verify.CodeSigstoreChain, "its certificate cannot be read: %v", err)
	}
	if err := keycheck.Check(leaf.PublicKey); err != nil {
		return nil, refuse(stageShape, verify.CodeSigstoreChain, "the certificate's key: %v", err)
	}
	return leaf, nil
}

// signedBy checks the signature by the certificate's key. The scheme follows
// from the key; old clients used SHA-256 on every curve.
func (c *content) signedBy(leaf *x509.Certificate, sig []byte) *Error {
	var schemes []string
	switch key := leaf.PublicKey.(type) {
	case *rsa.PublicKey:
		schemes = []string{"rsa-pkcs1v15-sha256"}
	case *ecdsa.PublicKey:
		own, err := keycheck.DefaultScheme(key)
		if err != nil {
			return refuse(stageSignature, verify.CodeSignature, "%v", err)
		}
		schemes = slices.Compact([]string{own, "ecdsa-sha256"})
	case ed25519.PublicKey:
		schemes = []string{"ed25519"}
	}
	if c.pae == nil {
		return c.digestSignedBy(leaf.PublicKey, sig)
	}
	for _, scheme := range schemes {
		if keycheck.Verify(scheme, leaf.PublicKey, c.pae, sig) == nil {
			return nil
		}
	}
	return refuse(stageSignature, verify.CodeSignature, "the key of its certificate did not make this signature")
}

// digestSignedBy checks a signature over an artifact by its digest alone.
func (c *content) digestSignedBy(public crypto.PublicKey, sig []byte) *Error {
	sum, err := hex.DecodeString(c.digest.Hex())
	if err != nil {
		return refuse(stageSignature, verify.CodeMalformedDigest, "%v", err)
	}
	switch key := public.(type) {
	case *ecdsa.PublicKey:
		if ecdsa.VerifyASN1(key, sum, sig) {
			return nil
		}
	case *rsa.PublicKey:
		if hash := map[string]crypto.Hash{"sha256": crypto.SHA256, "sha384": crypto.SHA384, "sha512": crypto.SHA512}[c.digest.Algorithm()]; hash != 0 && rsa.VerifyPKCS1v15(key, hash, sum, sig) == nil {
			return nil
		}
	case ed25519.PublicKey: // over the digest it can only be Ed25519ph
		if c.digest.Algorithm() == "sha512" && ed25519.VerifyWithOptions(key, sum, sig, &ed25519.Options{Hash: crypto.SHA512}) == nil {
			return nil
		}
	}
	return refuse(stageSignature, verify.CodeSignature, "the key of its certificate did not make this signature")
}

// chains are the ways from the certificate to a root of the authority. There
// must be one at each of the times, with every certificate in it valid then
// (hybrid model, docs/threats.md, row 23).
func (x *authority) chains(leaf *x509.Certificate, times []time.Time) ([][]*x509.Certificate, *Error) {
	no := func(format string, args ...any) ([][]*x509.Certificate, *Error) {
		return nil, refuse(stageChain, verify.CodeSigstoreChain, format, args...)
	}
	switch {
	case leaf.IsCA:
		return no("it is signed with the certificate of a certificate authority")
	case !slices.Contains(leaf.ExtKeyUsage, x509.ExtKeyUsageCodeSigning) || slices.Contains(leaf.ExtKeyUsage, x509.ExtKeyUsageAny):
		return no("its certificate is not for signing code")
	case leaf.KeyUsage != 0 && leaf.KeyUsage&x509.KeyUsageDigitalSignature == 0:
		return no("its certificate is not for signatures")
	}
	known := *leaf
	if hasUserName(leaf) { // crypto/x509 does not know this form of a name; identify reads it
		known.UnhandledCriticalExtensions = slices.DeleteFunc(slices.Clone(leaf.UnhandledCriticalExtensions), oidSAN.Equal)
	}
	var all [][]*x509.Certificate
	for _, t := range times {
		var found [][]*x509.Certificate
		var why error
		for i := range x.cas {
			ca := &x.cas[i]
			if !ca.valid.has(t) {
				continue
			}
			roots, intermediates := x509.NewCertPool(), x509.NewCertPool()
			roots.AddCert(ca.root)
			for _, c := range ca.intermediates {
				intermediates.AddCert(c)
			}
			chains, err := known.Verify(x509.VerifyOptions{Roots: roots, Intermediates: intermediates, CurrentTime: t, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning}})
			if err != nil {
				why = err
				continue
			}
			found = append(found, chains...)
		}
		if len(found) == 0 {
			at := t.UTC().Format(time.RFC3339)
			if t.Before(leaf.NotBefore) || t.After(leaf.NotAfter) {
				return nil, refuse(stageChain, verify.CodeTrustedTime, "it was signed %s, outside of its certificate's time: %s to %s", at, leaf.NotBefore.UTC().Format(time.RFC3339), leaf.NotAfter.UTC().Format(time.RFC3339))
			}
			if why == nil {
				return no("no certificate authority of the trusted root counted at %s", at)
			}
			return no("its certificate does not lead to the trusted root at %s: %v", at, why)
		}
		all = append(all, found...)
	}
	return all, nil
}
