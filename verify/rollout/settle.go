package rollout

import (
	"context"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/verify"
)

// Owed are those of records that are not in the log: what was done while the
// ledger was down, and is still to be said there.
func Owed(ctx context.Context, log Reader, trust *verify.Trust, options verify.Options, records ...*sign.Bundle) ([]*sign.Bundle, error) {
	replay, err := NewReplay(log, trust, options)
	if err != nil {
		return nil, err
	}
	v, err := replay.View(ctx)
	if err != nil {
		return nil, err
	}
	there := map[provenance.Digest]bool{}
	for e, err := range log.Records(ctx, 0, v.Head().Size) {
		if err != nil {
			return nil, err
		}
		if e.Bundle != nil && e.Bundle.Err == nil {
			there[e.Bundle.ID()] = true
		}
	}
	var owed []*sign.Bundle
	for _, b := range records {
		if b != nil && b.Err == nil && !there[b.ID()] {
			owed = append(owed, b)
		}
	}
	return owed, nil
}

// Settle appends what is owed, in that order; what is in the log already is not
// written again. It returns what became of each that it wrote: nil, or a
// [*VoidError] if it came too late, which the log says as well. The error is what
// kept it from appending; then call it again.
func (b *Book) Settle(ctx context.Context, records ...*sign.Bundle) ([]error, error) {
	owed, err := Owed(ctx, b.Log, b.Trust, b.Options, records...)
	if err != nil {
		return nil, err
	}
	var fates []error
	for _, record := range owed {
		index, err := b.Log.Append(ctx, record)
		if err != nil {
			return fates, err
		}
		v, err := b.View(ctx)
		if err != nil {
			return fates, err
		}
		fates = append(fates, v.effect(index))
	}
	return fates, nil
}
