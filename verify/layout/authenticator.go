package layout

import (
	"bytes"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/touchmark-go/touchmark/internal/keycheck"
	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/verify"
)

// An Authenticator vouches for evidence that [Chain.Bundle] made: that the
// layout in it is signed by keys of Trust and has not expired, and that its
// links follow it. What it says counts as said by the owners of the layout: they
// are who a rule's signedBy counts, and their keys must hold at the instant that
// is judged.
//
// It is for [verify.Options], may be used concurrently as long as nobody changes
// its fields, runs nothing, writes nothing and fetches nothing. The zero
// Authenticator knows no owner, and vouches for nothing.
type Authenticator struct {
	// Trust holds the keys of the owners; use the one that the Verifier has.
	Trust *verify.Trust
	// Inspections are what the commands of the layout's inspections took and
	// made, by the name of the inspection, with the folder of the sublayout before
	// it: "untar", "build.2f89b927/unpack". A layout with an inspection that is
	// not here is [verify.CodeUnsupported]: nothing here runs a command.
	Inspections map[string]Inspection
}

// Accepts is false: layouts know keys, and no identities.
func (Authenticator) Accepts(verify.Identity) bool { return false }

// Reads reports whether b may be evidence that a [Chain] made.
func (Authenticator) Reads(b *sign.Bundle) bool {
	return b.PayloadType == provenance.PayloadType && bytes.Contains(b.UnverifiedPayload(), []byte(PredicateType))
}

// Authenticate goes through the chain in b from its beginning: nothing that the
// statement says is believed, it must be what the chain says again.
func (a Authenticator) Authenticate(_ context.Context, b *sign.Bundle, at time.Time) ([]verify.Identified, error) {
	if !a.Reads(b) {
		return nil, nil
	}
	s, err := provenance.Parse(b.UnverifiedPayload())
	if err != nil || s.PredicateType != PredicateType {
		return nil, nil // what it is, the rules find out
	}
	var p predicate
	if err := s.Decode(PredicateType, &p); err != nil {
		return nil, failf(verify.CodePredicate, "supply chain: %v", err)
	}
	c := &Chain{Layout: p.Metadata.Layout, Files: p.Metadata.Files}
	root, err := parse(c.Layout)
	if err != nil {
		return nil, failf(verify.CodePredicate, "layout: %v", err)
	}
	owners, err := a.owners(root)
	if err != nil {
		return nil, err
	}
	if len(owners) == 0 {
		return nil, failf(verify.CodeSignature, "no trusted key signed the layout")
	}
	again, err := c.statement(root)
	if err != nil {
		return nil, err
	}
	if body, err := again.Marshal(); err != nil || !bytes.Equal(body, b.UnverifiedPayload()) {
		return nil, failf(verify.CodeBinding, "the statement is not what its layout and links say")
	}
	f, err := newFollower(c.Files)
	if err != nil {
		return nil, err
	}
	f.judge, f.at, f.inspections = true, at, a.Inspections
	if _, _, err := f.follow(root.layout, "", 1); err != nil {
		return nil, err
	}
	var out []verify.Identified
	for i, id := range owners {
		if i < len(b.Signatures) && id != "" {
			out = append(out, verify.Identified{Signature: i, KeyID: id})
		}
	}
	return out, nil
}

// owners are the keys of trust that made the signatures of the layout, in their
// order; "" is nobody's that trust knows.
func (a Authenticator) owners(root *metadata) ([]string, error) {
	if a.Trust == nil {
		return nil, nil
	}
	out := make([]string, len(root.signatures))
	left, some := maxTries, false
	for _, name := range slices.Sorted(maps.Keys(a.Trust.Principals)) {
		for _, k := range a.Trust.Principals[name].Keys {
			public, err := keycheck.ParsePKIX([]byte(k.PEM))
			if err != nil {
				return nil, failf(verify.CodeTrustInvalid, "%v", err)
			}
			scheme := k.Scheme
			if scheme == "" {
				if scheme, err = keycheck.DefaultScheme(public); err != nil {
					return nil, failf(verify.CodeTrustInvalid, "%v", err)
				}
			}
			for i, s := range root.signatures {
				if out[i] != "" {
					continue
				}
				if left--; left < 0 {
					return nil, failf(verify.CodeLimit, "more than %d signatures to try", maxTries)
				}
				if keycheck.Verify(scheme, public, root.message, s.sig) == nil {
					if out[i], err = keycheck.ID(public); err != nil {
						return nil, failf(verify.CodeTrustInvalid, "%v", err)
					}
					some = true
				}
			}
		}
	}
	if !some {
		return nil, nil
	}
	return out, nil
}

// envelope puts the statement under the signatures of the layout. They are not
// over it: only an [Authenticator] knows what to make of them.
func envelope(body []byte, root *metadata) (*sign.Bundle, error) {
	var signers []sign.Signer
	for _, s := range root.signatures {
		signers = append(signers, made(s))
	}
	return sign.Payload(context.Background(), provenance.PayloadType, body, signers...)
}

// A made signature signs nothing: it was there before.
type made signature

func (m made) KeyID() (string, error)                       { return m.keyID, nil }
func (m made) Sign(context.Context, []byte) ([]byte, error) { return m.sig, nil }
