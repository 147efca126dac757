package sign

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"

	"github.com/touchmark-go/touchmark/internal/strictjson"
	"github.com/touchmark-go/touchmark/provenance"
)

// A message is the messageSignature of a Sigstore bundle while it is being
// read: a signature over an artifact itself.
type message struct {
	algorithm string
	digest    []byte
	sig       []byte
}

func (m *message) member(s *strictjson.Scanner, name []byte) (err error) {
	switch string(name) {
	case "messageDigest":
		return s.Object(func(name []byte) (err error) {
			switch string(name) {
			case "algorithm":
				text, err := s.String()
				m.algorithm = string(text)
				return err
			case "digest":
				m.digest, err = readBase64(s, strictjson.AppendBase64)
				return err
			}
			return skipUnknown(s, name, true, "algorithm", "digest")
		})
	case "signature":
		m.sig, err = readBase64(s, strictjson.AppendBase64)
		return err
	}
	return skipUnknown(s, name, true, "messageDigest", "signature")
}

// messageAlgorithm is the name in the protocol of in-toto's algorithm.
func messageAlgorithm(inToto string) string {
	switch inToto {
	case provenance.SHA256:
		return "SHA2_256"
	case provenance.SHA384:
		return "SHA2_384"
	case provenance.SHA512:
		return "SHA2_512"
	}
	return ""
}

// messageBundle is a bundle whose signature is over an artifact itself.
func (g *sigstoreBundle) messageBundle(s *strictjson.Scanner) (*Bundle, error) {
	if len(g.message.sig) == 0 {
		return nil, s.Fail("want bytes in member \"signature\", found none")
	}
	for _, algorithm := range []string{provenance.SHA256, provenance.SHA384, provenance.SHA512} {
		if g.message.algorithm != messageAlgorithm(algorithm) {
			continue
		}
		digest, err := provenance.ParseDigest(algorithm + ":" + hex.EncodeToString(g.message.digest))
		if err != nil {
			return nil, s.Fail("messageDigest: %v", err)
		}
		sig := g.came
		sig.Sig, sig.KeyID = g.message.sig, g.hint
		return &Bundle{Format: Sigstore, MessageDigest: digest, Signatures: []Signature{sig}, version: g.mediaType}, nil
	}
	return nil, s.Fail("want a messageDigest by SHA2_256, SHA2_384 or SHA2_512, found %q", g.message.algorithm)
}

// appendMessage writes the rest of a bundle that signs an artifact itself.
func (b *Bundle) appendMessage(dst []byte) ([]byte, error) {
	sum, err := hex.DecodeString(b.MessageDigest.Hex())
	algorithm := messageAlgorithm(b.MessageDigest.Algorithm())
	if err != nil || algorithm == "" {
		return nil, fmt.Errorf("an artifact known by %q, want sha256, sha384 or sha512", b.MessageDigest.Algorithm())
	}
	enc := base64.StdEncoding
	return fmt.Appendf(dst, `,"messageSignature":{"messageDigest":{"algorithm":"%s","digest":"%s"},"signature":"%s"}}`,
		algorithm, enc.EncodeToString(sum), enc.EncodeToString(b.Signatures[0].Sig)), nil
}
