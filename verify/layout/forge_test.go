package layout_test

import (
	"context"
	"testing"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sign"
)

// forge puts a body under the signatures of another bundle.
func forge(t testing.TB, body []byte, b *sign.Bundle) *sign.Bundle {
	t.Helper()
	var signers []sign.Signer
	for _, s := range b.Signatures {
		signers = append(signers, copied{s})
	}
	out, err := sign.Payload(t.Context(), provenance.PayloadType, body, signers...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// A copied signature is over something else.
type copied struct{ signature sign.Signature }

func (c copied) KeyID() (string, error)                       { return c.signature.KeyID, nil }
func (c copied) Sign(context.Context, []byte) ([]byte, error) { return c.signature.Sig, nil }
