package rollout

import (
	"context"
	"fmt"

	"github.com/touchmark-go/touchmark/internal/jcs"
	"github.com/touchmark-go/touchmark/provenance/release"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/sign/ledger"
	"github.com/touchmark-go/touchmark/verify"
)

// TrustRecord is the record that brings next into force behind current, to be
// appended by [Book.Append]. Signers sign the file, in its RFC 8785 form, and the
// record around it; they are the root quorums of both. A file that is too large for
// a record is [sign.ErrLimit], and the error says by how much.
func TrustRecord(ctx context.Context, current, next *verify.Trust, signers ...sign.Signer) (*sign.Bundle, error) {
	body, err := jcs.Transform(next.Marshal())
	if err != nil {
		return nil, err
	}
	signed, err := sign.Payload(ctx, verify.TrustType, body, signers...)
	if err != nil {
		return nil, err
	}
	return SignedTrustRecord(ctx, current, signed, signers...)
}

// SignedTrustRecord is [TrustRecord] of a file that was signed before, with
// [verify.TrustType]: by several people, each at home. Signers sign the record
// around it, for which any principal of current will do.
func SignedTrustRecord(ctx context.Context, current *verify.Trust, signed *sign.Bundle, signers ...sign.Signer) (*sign.Bundle, error) {
	next, err := current.Update(signed)
	if err != nil {
		return nil, err
	}
	envelope, err := signed.Marshal()
	if err != nil {
		return nil, err
	}
	record, err := sign.Statement(ctx, release.Trust{Version: next.Version, Digest: next.Digest(), Envelope: envelope}.Statement(), signers...)
	if err != nil {
		return nil, err
	}
	return record, fits(record, next)
}

// fits refuses a record around a trust file that no log takes, before anything is
// appended. The file is in the record, and not beside it in a store: what is in
// force follows from the records alone, and from nothing that could be lost.
func fits(record *sign.Bundle, t *verify.Trust) error {
	line, err := record.Marshal()
	if err != nil {
		return err
	}
	over := len(line) - ledger.MaxRecord
	if over <= 0 {
		return nil
	}
	return fmt.Errorf("version %d of the trust file makes a record of %d bytes, and a record has at most %d: take about %d bytes out of the file (keys that no evidence needs any more, %d products of which some could have a ledger of their own): %w",
		t.Version, len(line), ledger.MaxRecord, (over*9+15)/16, len(t.Products), sign.ErrLimit)
}
