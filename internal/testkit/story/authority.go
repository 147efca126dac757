package story

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/verify"
)

// An Authority is a certificate authority of a few lines, for stories about
// keyless identities. It really checks: its key signs the certificate, and the
// key in the certificate signs the evidence. What it cannot vouch for it leaves
// out.
type Authority struct{ Name string }

// A certificate says whose key it is. It is JSON where others have X.509.
type certificate struct {
	Issuer   string                 `json:"issuer"`
	Workflow string                 `json:"workflow,omitempty"`
	Email    string                 `json:"email,omitempty"`
	URI      string                 `json:"uri,omitempty"`
	Source   verify.CertifiedSource `json:"source,omitzero"`
	Time     time.Time              `json:"time,omitzero"` // witnessed; zero if nobody did
	Key      ed25519.PublicKey      `json:"key"`
	By       []byte                 `json:"by,omitempty"` // the authority's signature over the rest
}

func (c certificate) unsigned() []byte {
	c.By = nil
	data, err := json.Marshal(c)
	if err != nil {
		panic(err) // strings, bytes and a time of our own
	}
	return data
}

func (a Authority) key() ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(sum256([]byte("touchmark story authority " + a.Name)))
}

// Accepts is for identities of this authority.
func (a Authority) Accepts(id verify.Identity) bool { return id.Authority == a.Name }

// Authenticate checks the one signature that a bundle with a certificate has.
func (a Authority) Authenticate(_ context.Context, b *sign.Bundle, _ time.Time) ([]verify.Identified, error) {
	var out []verify.Identified
	for i, s := range b.Signatures {
		if len(s.Chain) != 1 {
			continue
		}
		var c certificate
		if err := json.Unmarshal(s.Chain[0], &c); err != nil {
			return nil, errors.New("a certificate that cannot be read")
		}
		if !ed25519.Verify(a.key().Public().(ed25519.PublicKey), c.unsigned(), c.By) || len(c.Key) != ed25519.PublicKeySize || !ed25519.Verify(c.Key, b.PAE(), s.Sig) {
			continue
		}
		out = append(out, verify.Identified{Signature: i, Authority: a.Name, Issuer: c.Issuer, Workflow: c.Workflow, Email: c.Email, URI: c.URI, Source: c.Source, Time: c.Time})
	}
	return out, nil
}

// Sign signs what b holds by a new key, and lets a certify it for the identity
// in text, JSON with the members of a certificate. text may name another
// "authority" to forge one, or the label of a "signer" whose key signs in place
// of a new one: without an issuer the certificate then only says when.
func (a Authority) Sign(ctx context.Context, payloadType string, body []byte, text string) (*sign.Bundle, error) {
	var c struct {
		certificate
		Authority string `json:"authority"`
		Signer    string `json:"signer"`
	}
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		return nil, fmt.Errorf("identity %s: %v", text, err)
	}
	if c.Authority != "" {
		a.Name = c.Authority
	}
	if c.Signer == "" {
		c.Signer = "leaf of " + strings.ReplaceAll(text, ":", "=")
	}
	leaf, err := keyFor(c.Signer)
	if err != nil {
		return nil, err
	}
	c.Key = leaf.public.(ed25519.PublicKey)
	c.By = ed25519.Sign(a.key(), c.unsigned())
	b, err := sign.Payload(ctx, payloadType, body, signer{leaf, ""})
	if err != nil {
		return nil, err
	}
	der, err := json.Marshal(c.certificate)
	if err != nil {
		return nil, err
	}
	b.Format, b.Signatures[0].Chain = sign.Sigstore, [][]byte{der}
	return b, nil
}
