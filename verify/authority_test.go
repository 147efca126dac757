package verify_test

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/verify"
)

// An authority stands in for Sigstore: it certifies that a key belongs to an
// identity, and says when. It really checks: the certificate against its own
// key, and the signature against the certificate.
type authority struct {
	name string
	key  ed25519.PrivateKey
}

func newAuthority(name string) *authority {
	return &authority{name, seeded("authority " + name)}
}

// A certificate is what the authority signs, and goes into a Signature's Chain.
type certificate struct {
	Issuer, Workflow, Email, URI string
	Key                          ed25519.PublicKey
	Time                         time.Time
}

// certify turns a bundle signed by key into one signed by id at a time.
func (a *authority) certify(b *sign.Bundle, key ed25519.PrivateKey, id verify.Identity, at time.Time) {
	doc, err := json.Marshal(certificate{id.Issuer, id.Workflow, id.Email, id.URI, key.Public().(ed25519.PublicKey), at})
	if err != nil {
		panic(err)
	}
	for i := range b.Signatures {
		b.Signatures[i].Chain = [][]byte{doc, ed25519.Sign(a.key, doc)}
		b.Signatures[i].KeyID = ""
	}
}

func (a *authority) Accepts(id verify.Identity) bool { return id.Authority == a.name }

func (a *authority) Authenticate(_ context.Context, b *sign.Bundle, _ time.Time) ([]verify.Identified, error) {
	var out []verify.Identified
	for i, s := range b.Signatures {
		if len(s.Chain) != 2 {
			continue
		}
		var c certificate
		if !ed25519.Verify(a.key.Public().(ed25519.PublicKey), s.Chain[0], s.Chain[1]) || json.Unmarshal(s.Chain[0], &c) != nil {
			return nil, errors.New("a certificate of another authority")
		}
		if ed25519.Verify(c.Key, b.PAE(), s.Sig) {
			out = append(out, verify.Identified{Signature: i, Authority: a.name, Issuer: c.Issuer, Workflow: c.Workflow, Email: c.Email, URI: c.URI, Time: c.Time})
		}
	}
	return out, nil
}

// seeded is the key of a name, the same in every run.
func seeded(name string) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed([]byte((name + strings.Repeat(".", 32))[:32]))
}

// failed lists the codes of the failures, each once, in order.
func failed(v *verify.Verdict) string {
	var codes []string
	for _, f := range v.Failed() {
		if !slices.Contains(codes, string(f.Code)) {
			codes = append(codes, string(f.Code))
		}
	}
	return strings.Join(codes, " ")
}

// A stamper vouches for nothing but the time of every signature.
type stamper struct {
	*authority
	at time.Time
}

func (s stamper) Authenticate(_ context.Context, b *sign.Bundle, _ time.Time) ([]verify.Identified, error) {
	if s.at.IsZero() {
		return nil, nil
	}
	return []verify.Identified{{Signature: 0, Authority: s.name, Time: s.at}}, nil
}
