package rollout

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/release"
	"github.com/touchmark-go/touchmark/verify"
)

const (
	// chunk is how many records are authenticated by one worker.
	chunk = 128
	// ahead is how many chunks may be read and authenticated while earlier ones are
	// applied, or written down by the keeper, which takes the disk and no processor.
	ahead = 32
)

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
	by      *inForce  // that signed rests on
	signed  []checked // once done is closed
	done    chan struct{}
	err     error // after entries
}

// checked is a record whose signatures were checked; zero if they do not count.
type checked struct {
	by        *verify.Authenticated
	statement *provenance.Statement
}

// inForce is the trust that records are authenticated by.
type inForce struct {
	trust   *verify.Trust
	checker *verify.Checker // nil before the genesis
}

// readTo applies the records up to head, in their order. Behind the one that is
// applied, others are read and their signatures checked, on all processors, by the
// trust that is in force by then: if it turns out to have been another one, they
// are checked again.
func (r *Replay) readTo(ctx context.Context, head release.Head) error {
	ctx, cancel := context.WithCancel(ctx)
	batches, unchecked := make(chan *batch, ahead), make(chan *batch, ahead)
	var now atomic.Pointer[inForce]
	now.Store(&inForce{r.trust, r.checker})
	from, latest := r.history.Size(), r.latest
	var all sync.WaitGroup
	all.Go(func() {
		defer close(batches)
		defer close(unchecked)
		r.batches(ctx, from, head.Size, latest, func(b *batch) bool {
			for _, out := range []chan<- *batch{unchecked, batches} {
				select {
				case out <- b:
				case <-ctx.Done():
					return false
				}
			}
			return true
		})
	})
	for range runtime.GOMAXPROCS(0) {
		all.Go(func() {
			for b := range unchecked {
				b.authenticate(ctx, now.Load(), 1)
				close(b.done)
			}
		})
	}
	defer all.Wait()
	defer cancel()
	for b := range batches {
		if err := r.applyAll(ctx, head, b, &now); err != nil {
			return err
		}
	}
	return ctx.Err() // the last batch was not sent if it was canceled
}

// batches reads records and sends them on. Their times never go back, though
// witnesses' clocks differ.
func (r *Replay) batches(ctx context.Context, from, size uint64, latest time.Time, send func(*batch) bool) {
	b := &batch{done: make(chan struct{})}
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
		if b.entries = append(b.entries, e); len(b.entries) == chunk {
			if !send(b) {
				return
			}
			b = &batch{done: make(chan struct{})}
		}
	}
	send(b)
}

// authenticate finds out who signed the records of b. If ctx is done meanwhile, it
// has not found out.
func (b *batch) authenticate(ctx context.Context, by *inForce, workers int) {
	b.by, b.signed = by, make([]checked, len(b.entries))
	if by.checker == nil {
		return
	}
	var all sync.WaitGroup
	for w := range workers {
		all.Go(func() {
			for i := w; i < len(b.entries) && ctx.Err() == nil; i += workers {
				e := b.entries[i]
				if e.Bundle == nil || e.Bundle.Err != nil {
					continue
				}
				c := &b.signed[i]
				if c.by, _ = by.checker.Authenticate(ctx, e.Bundle, instant(by.trust, e.Time)); c.by != nil {
					c.statement, _ = provenance.Parse(c.by.Payload)
				}
			}
		})
	}
	all.Wait()
}

// applyAll applies the records of b in order. What stands behind a change of the
// trust in force is authenticated again.
func (r *Replay) applyAll(ctx context.Context, head release.Head, b *batch, now *atomic.Pointer[inForce]) error {
	<-b.done
	if err := ctx.Err(); err != nil {
		return err
	}
	for len(b.entries) > 0 {
		if b.by.checker != r.checker {
			b.authenticate(ctx, now.Load(), runtime.GOMAXPROCS(0))
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		n := 0
		for n < len(b.entries) && b.by.checker == r.checker {
			if err := r.apply(b.entries[n], b.signed[n]); err != nil {
				return err
			}
			n++
		}
		if b.by.checker != r.checker {
			now.Store(&inForce{r.trust, r.checker})
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
