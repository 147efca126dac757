package rollout

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/release"
	"github.com/touchmark-go/touchmark/verify"
)

// chunk is how many records are authenticated at once.
const chunk = 512

// maxPending is how many rows wait in memory until they are given to the keeper.
const maxPending = 60_000

// advance reads the log to its head. The lock is held.
func (r *Replay) advance(ctx context.Context) error {
	if r.broken != nil {
		return r.broken
	}
	head, err := r.log.Head(ctx)
	if err != nil {
		return err
	}
	if err := r.resume(ctx, head); err != nil {
		return err
	}
	switch {
	case head.Origin != r.pinned.Ledger.Origin:
		return fmt.Errorf("%w: it is %q, and the trust file names %q", ErrLog, head.Origin, r.pinned.Ledger.Origin)
	case head.Size < r.history.Size():
		return fmt.Errorf("%w: it has %d records, and had %d", ErrLog, head.Size, r.history.Size())
	case head.Size == 0:
		return fmt.Errorf("%w: it has no records", ErrLog)
	}
	if err := r.readTo(ctx, head); err != nil {
		return err
	}
	if r.history.Size() != head.Size {
		return fmt.Errorf("%w: it gave %d of %d records", ErrLog, r.history.Size(), head.Size)
	}
	if r.trust == nil || r.trust.Version < r.pinned.Version {
		return fmt.Errorf("%w: version %d of the trust file is not in it yet", ErrLog, r.pinned.Version)
	}
	if err := r.keep(ctx, head); err != nil {
		return err
	}
	r.head = head
	return nil
}

// A batch is some records, and who signed them.
type batch struct {
	entries []Entry
	checker *verify.Checker // that signed rests on
	signed  []checked
	done    sync.WaitGroup
	err     error // after entries
}

// checked is a record whose signatures were checked; zero if they do not count.
type checked struct {
	by        *verify.Authenticated
	statement *provenance.Statement
}

// readTo applies the records up to head. One batch is read while signatures of
// another one are checked and a third one is applied.
func (r *Replay) readTo(ctx context.Context, head release.Head) error {
	ctx, cancel := context.WithCancel(ctx)
	batches := make(chan *batch, 1)
	from, latest := r.history.Size(), r.latest
	var reader sync.WaitGroup
	reader.Go(func() {
		defer close(batches)
		r.batches(ctx, from, head.Size, latest, batches)
	})
	defer reader.Wait()
	defer cancel()
	var before *batch
	for b := range batches {
		r.authenticate(ctx, b)
		err := r.applyAll(ctx, head, before)
		if err != nil {
			b.done.Wait()
			return err
		}
		before = b
	}
	return r.applyAll(ctx, head, before)
}

// batches reads records and sends them on. Their times never go back, though
// witnesses' clocks differ.
func (r *Replay) batches(ctx context.Context, from, size uint64, latest time.Time, out chan<- *batch) {
	b := &batch{}
	send := func() bool {
		select {
		case out <- b:
			b = &batch{}
			return true
		case <-ctx.Done():
			return false
		}
	}
	for e, err := range r.log.Records(ctx, from, size) {
		if err != nil {
			b.err = err
			break
		}
		if !e.Time.IsZero() && e.Time.Before(latest) {
			e.Time = latest
		}
		if !e.Time.IsZero() {
			latest = e.Time
		}
		if b.entries = append(b.entries, e); len(b.entries) == chunk && !send() {
			return
		}
	}
	send()
}

// authenticate begins to find out who signed the records of b, by the trust in
// force now.
func (r *Replay) authenticate(ctx context.Context, b *batch) {
	b.checker, b.signed = r.checker, make([]checked, len(b.entries))
	trust := r.trust
	if b.checker == nil {
		return
	}
	workers := min(runtime.GOMAXPROCS(0), len(b.entries))
	for w := range workers {
		b.done.Go(func() {
			for i := w; i < len(b.entries) && ctx.Err() == nil; i += workers {
				e := b.entries[i]
				if e.Bundle == nil || e.Bundle.Err != nil {
					continue
				}
				c := &b.signed[i]
				if c.by, _ = b.checker.Authenticate(ctx, e.Bundle, instant(trust, e.Time)); c.by != nil {
					c.statement, _ = provenance.Parse(c.by.Payload)
				}
			}
		})
	}
}

// applyAll applies the records of b in order. What stands behind a change of the
// trust in force is authenticated again.
func (r *Replay) applyAll(ctx context.Context, head release.Head, b *batch) error {
	if b == nil {
		return nil
	}
	b.done.Wait()
	if err := ctx.Err(); err != nil {
		return err
	}
	for len(b.entries) > 0 {
		if b.checker != r.checker {
			r.authenticate(ctx, b)
			b.done.Wait()
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		n := 0
		for n < len(b.entries) && b.checker == r.checker {
			if err := r.apply(b.entries[n], b.signed[n]); err != nil {
				return err
			}
			n++
		}
		b.entries, b.signed = b.entries[n:], b.signed[n:]
	}
	if r.history.Pending() > maxPending {
		if err := r.keep(ctx, head); err != nil {
			return err
		}
	}
	return b.err
}
