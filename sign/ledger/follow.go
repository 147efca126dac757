package ledger

import (
	"context"
	"fmt"
	"iter"
	"sync"
	"time"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/release"
	"github.com/touchmark-go/touchmark/sign"
)

// A Follower reads a log as it grows, and believes no head that is older than,
// or another history than, one that it saw before. It may be used concurrently.
type Follower struct {
	verifier *Verifier
	source   Source
	memory   string

	mu    sync.Mutex
	last  *Reader
	fixed bool // last is the only one there will be
}

// Follow returns a Follower of the log in source. Memory is a file that keeps
// the newest checkpoint across restarts, see [Reader.Remember]; if it is empty,
// the Follower remembers only what it saw itself.
func (v *Verifier) Follow(source Source, memory string) *Follower {
	return &Follower{verifier: v, source: source, memory: memory}
}

// Fixed is a Follower that stays at r's checkpoint, however the log grows.
func (r *Reader) Fixed() *Follower { return &Follower{last: r, fixed: true} }

// Head reads the log's newest checkpoint. The error is [ErrEmpty] for a log
// that nobody has written yet, and a [*RollbackError] or [*ForkError] for one
// that is not what it was.
func (f *Follower) Head(ctx context.Context) (release.Head, error) {
	r, err := f.Read(ctx)
	if err != nil {
		return release.Head{}, err
	}
	return r.Checkpoint().Head(), nil
}

// Read is a Reader of the log as of its newest checkpoint, checked as by
// [Follower.Head].
func (f *Follower) Read(ctx context.Context) (*Reader, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fixed {
		return f.last, nil
	}
	r, err := f.verifier.Read(ctx, f.source)
	if err != nil {
		return nil, err
	}
	if f.last != nil {
		if err := r.Extends(ctx, f.last.checkpoint); err != nil {
			return nil, err
		}
		r.times.takeOver(&f.last.times)
	}
	if f.memory != "" {
		if err := r.Remember(ctx, f.memory); err != nil {
			return nil, err
		}
	}
	f.last = r
	return r, nil
}

// RootAt is what the root of the log was when it had that many records, proven
// to be what the newest head that was returned began with.
func (f *Follower) RootAt(ctx context.Context, size uint64) (provenance.Digest, error) {
	f.mu.Lock()
	r := f.last
	f.mu.Unlock()
	if r == nil || r.checkpoint.size < size {
		return provenance.Digest{}, fmt.Errorf("ledger: no head of %d records was seen", size)
	}
	h, err := r.rootAt(ctx, size)
	if err != nil {
		return provenance.Digest{}, err
	}
	return digest(h), nil
}

// An Entry is one record as it stands in the log.
type Entry struct {
	Index uint64
	// Time is when the record is known to have been there: the time of the
	// earliest cosigned head that covers it, see [Reader.Since]. It never goes back
	// from one entry to the next. Zero is unknown; it is never what the record
	// itself claims.
	Time time.Time
	// Bundle is the record. Of one that cannot be read, only Err is set: it keeps
	// its index, and has no effect.
	Bundle *sign.Bundle
}

// Records goes through the records from that index on and below size, which is
// at most that of a head which was returned before. After an error nothing
// more is yielded; breaking out of the loop ends it.
func (f *Follower) Records(ctx context.Context, from, size uint64) iter.Seq2[Entry, error] {
	f.mu.Lock()
	r := f.last
	f.mu.Unlock()
	return func(yield func(Entry, error) bool) {
		if from >= size {
			return
		}
		if r == nil || r.checkpoint.size < size {
			yield(Entry{}, fmt.Errorf("ledger: no head of %d records was seen", size))
			return
		}
		var latest time.Time
		for rec, err := range r.Records(ctx, from) {
			if err != nil {
				yield(Entry{}, err)
				return
			}
			if rec.Index >= size {
				return
			}
			e, err := r.entry(ctx, rec)
			if err != nil {
				yield(Entry{}, err)
				return
			}
			if e.Time.Before(latest) {
				e.Time = latest // witnesses' clocks differ
			}
			latest = e.Time
			if !yield(e, nil) {
				return
			}
		}
	}
}

// entry reads a record, and when it was there.
func (r *Reader) entry(ctx context.Context, rec Record) (Entry, error) {
	since, err := r.Since(ctx, rec.Index)
	if err != nil {
		return Entry{}, err
	}
	b, err := rec.Bundle()
	if err != nil {
		b = &sign.Bundle{Origin: fmt.Sprintf("record %d", rec.Index), Err: err}
	}
	return Entry{Index: rec.Index, Time: since, Bundle: b}, nil
}
