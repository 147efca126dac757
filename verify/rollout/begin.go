package rollout

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/touchmark-go/touchmark/provenance/release"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/verify"
)

// Begin writes the genesis of a log that has no records, and behind it the version
// of the trust file that names the log, which it returns: first, one version
// later, with ledger in it. First has no ledger member yet, is signed by its own
// root and not expired; ledger's Genesis is filled in. All of signers sign both,
// which takes the root's quorum. Killed in between, it goes on from the genesis
// that is there.
func Begin(ctx context.Context, log Log, first *verify.Trust, ledger verify.Ledger, signers ...sign.Signer) (*verify.Trust, error) {
	if first == nil || first.Ledger != nil {
		return nil, errors.New("a log begins with a trust file that names no ledger yet")
	}
	genesis, err := sign.Statement(ctx, release.Genesis{Origin: ledger.Origin, Trust: first.Marshal()}.Statement(), signers...)
	if err != nil {
		return nil, err
	}
	if err := first.SignedByRoot(genesis, time.Now()); err != nil {
		return nil, fmt.Errorf("the genesis: %w", err)
	}
	if err := fits(genesis, first); err != nil {
		return nil, err
	}
	ledger.Genesis = genesis.ID()
	next := *first
	next.Version, next.Ledger = first.Version+1, &ledger
	parsed, err := verify.ParseTrust(next.Marshal())
	if err != nil {
		return nil, err
	}
	record, err := TrustRecord(ctx, first, parsed, signers...)
	if err != nil {
		return nil, err
	}
	size := uint64(0)
	if head, err := log.Head(ctx); err == nil {
		size = head.Size
	}
	switch {
	case size > 1:
		return nil, fmt.Errorf("%w: it has %d records already", ErrLog, size)
	case size == 1:
		for e, err := range log.Records(ctx, 0, 1) {
			if err != nil {
				return nil, err
			}
			if e.Bundle == nil || e.Bundle.ID() != ledger.Genesis {
				return nil, fmt.Errorf("%w: it has begun otherwise", ErrLog)
			}
		}
	default:
		if _, err := log.Append(ctx, genesis); err != nil {
			return nil, err
		}
	}
	if _, err := log.Append(ctx, record); err != nil {
		return nil, err
	}
	r, err := NewReplay(log, parsed, verify.Options{})
	if err != nil {
		return nil, err
	}
	if _, err := r.View(ctx); err != nil {
		return nil, err
	}
	return parsed, nil
}
