package verifytest

import (
	"context"
	"fmt"
	"slices"

	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/verify"
)

// A Good is a question that is answered with yes, from which hostile ones are made.
//
// Its evidence should hold nothing that is not needed. What could be left out is
// reported, and attacked no further: attacks on what counts for nothing show nothing.
type Good struct {
	// Verifier is what is tested: its trust, and its policies. Required.
	Verifier *verify.Verifier
	// Request is allowed by Verifier. Required. The variants are judged at its
	// instant, so a zero At is the time at which they are asked.
	Request verify.Request
	// Sign signs body as was is signed, by the same keys and identities, and keeps
	// the evidence's format. It returns nil if it cannot: then what needs a
	// signature over something else is not made from was. See [Signers]. If Sign is
	// nil, there are only the variants that somebody without any key can make.
	Sign func(ctx context.Context, was *sign.Bundle, payloadType string, body []byte) (*sign.Bundle, error)
	// Open names variants that the policies let through on purpose, and says why.
	// The names are patterns of path.Match: "D4/provenance/*".
	Open map[string]string
}

// Signers is a [Good.Sign] with keys at hand. It signs what the signatures of a
// bundle name, by key id, if all of them are among signers.
func Signers(signers ...sign.Signer) func(ctx context.Context, was *sign.Bundle, payloadType string, body []byte) (*sign.Bundle, error) {
	return func(ctx context.Context, was *sign.Bundle, payloadType string, body []byte) (*sign.Bundle, error) {
		var by []sign.Signer
		for _, s := range was.Signatures {
			i := slices.IndexFunc(signers, func(k sign.Signer) bool {
				id, err := k.KeyID()
				return err == nil && id != "" && id == s.KeyID
			})
			if i < 0 || len(s.Chain) > 0 {
				return nil, nil
			}
			by = append(by, signers[i])
		}
		if len(by) == 0 {
			return nil, nil
		}
		b, err := sign.Payload(ctx, payloadType, body, by...)
		if err != nil {
			return nil, fmt.Errorf("signing the variant of %s: %w", was.Origin, err)
		}
		b.Format = was.Format
		return b, nil
	}
}
