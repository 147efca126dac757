package rollout

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/release"
	"github.com/touchmark-go/touchmark/verify"
)

// A Keeper keeps what a [Replay] found out: out of memory, and for the next time.
// It belongs to one Replay, to one trust file with its later versions, and to one
// kind of [verify.Options]. Package index has one in a folder.
type Keeper interface {
	release.Facts
	// Kept is the head as of which all is that was kept; its Size is 0 if nothing is.
	Kept() release.Head
	// Keep makes last what was set since the last Keep, as of head: all or nothing.
	Keep(head release.Head) error
}

// A Rooted is a [Reader] that knows its earlier roots. *ledger.Follower and
// *tessera.Log are ones.
type Rooted interface {
	Reader
	// RootAt is the root of the log when it had that many records, proven to be
	// what the newest head that Head returned began with.
	RootAt(ctx context.Context, size uint64) (provenance.Digest, error)
}

// NewReplayOver is [NewReplay] that goes on where the Replay before it had come
// to, by what keeper holds, and that needs no more memory for a log of a million
// records than for one of a thousand. What keeper holds counts only if the log
// still begins with the records that it was found out from.
func NewReplayOver(log Rooted, trust *verify.Trust, options verify.Options, keeper Keeper) (*Replay, error) {
	r, err := NewReplay(log, trust, options)
	if err != nil {
		return nil, err
	}
	r.rooted, r.keeper = log, keeper
	r.history = nil
	return r, nil
}

// Lists of a Keeper that are the Replay's own; those of a History begin otherwise.
const (
	keptReplay = "\x00replay"
	keptTrust  = "\x00trust" // by version
)

// A resumption is what a Replay needs to go on.
type resumption struct {
	Genesis provenance.Digest
	Trust   int // version in force
	Latest  time.Time
}

// resume makes the history ready: from what the keeper holds, if there is one.
func (r *Replay) resume(ctx context.Context, head release.Head) error {
	if r.history != nil {
		return nil
	}
	kept := r.keeper.Kept()
	if kept.Size > 0 {
		if kept.Size > head.Size {
			return fmt.Errorf("%w: it has %d records, and had %d", ErrLog, head.Size, kept.Size)
		}
		root, err := r.rooted.RootAt(ctx, kept.Size)
		if err != nil {
			return err
		}
		if kept.Origin != head.Origin || root != kept.Root {
			return fmt.Errorf("%w: what is kept of it is about %d other records", ErrLog, kept.Size)
		}
	}
	h, err := release.Resume(r.keeper)
	if err != nil {
		return err
	}
	if h.Size() != kept.Size {
		return fmt.Errorf("%w: what is kept of it are %d records, and should be %d", ErrLog, h.Size(), kept.Size)
	}
	if kept.Size > 0 {
		if err := r.resumeTrust(); err != nil {
			return err
		}
	}
	r.history = h
	return nil
}

// resumeTrust brings the trust in force back.
func (r *Replay) resumeTrust() error {
	data, err := r.keeper.Item(keptReplay, 1)
	if err != nil {
		return err
	}
	var kept resumption
	if err := json.Unmarshal(data, &kept); err != nil {
		return fmt.Errorf("what is kept of the log: %w", err)
	}
	if kept.Genesis != r.pinned.Ledger.Genesis {
		return fmt.Errorf("%w: its genesis is %s, and the trust file pins %s", ErrLog, kept.Genesis, r.pinned.Ledger.Genesis)
	}
	trust, err := r.trustAt(kept.Trust)
	if err != nil {
		return err
	}
	if kept.Trust >= r.pinned.Version {
		same, err := r.trustAt(r.pinned.Version)
		if err != nil {
			return err
		}
		if same.Digest() != r.digest {
			return fmt.Errorf("%w: it holds another version %d of the trust file", ErrLog, r.pinned.Version)
		}
	}
	checker, err := r.options.Checker(trust)
	if err != nil {
		return err
	}
	r.trust, r.checker, r.latest = trust, checker, kept.Latest
	return nil
}

// trustAt is a version of the trust file that was in force.
func (r *Replay) trustAt(version int) (*verify.Trust, error) {
	data, err := r.keeper.Item(keptTrust, version)
	if err != nil {
		return nil, err
	}
	if data == nil {
		return nil, fmt.Errorf("%w: version %d of the trust file was never in it", ErrLog, version)
	}
	return verify.ParseTrust(data)
}

// keepTrust keeps a trust file that came into force.
func (r *Replay) keepTrust(t *verify.Trust) error {
	if r.keeper == nil {
		return nil
	}
	return r.keeper.SetItem(keptTrust, t.Version, t.Marshal())
}

// keep gives the keeper what was found out. After an error the Replay is of no
// use: what the keeper holds is of before.
func (r *Replay) keep(ctx context.Context, head release.Head) error {
	if r.keeper == nil || r.trust == nil || r.history.Size() == r.keeper.Kept().Size && r.history.Pending() == 0 {
		return nil
	}
	err := r.tryKeep(ctx, head)
	if err != nil && !errors.Is(err, ctx.Err()) {
		r.broken = err
	}
	return err
}

func (r *Replay) tryKeep(ctx context.Context, head release.Head) error {
	at := release.Head{Origin: head.Origin, Size: r.history.Size(), Root: head.Root}
	if at.Size != head.Size {
		var err error
		if at.Root, err = r.rooted.RootAt(ctx, at.Size); err != nil {
			return err
		}
	}
	if err := r.history.Flush(); err != nil {
		return err
	}
	data, err := json.Marshal(resumption{r.pinned.Ledger.Genesis, r.trust.Version, r.latest})
	if err != nil {
		return err
	}
	if err := r.keeper.SetItem(keptReplay, 1, data); err != nil {
		return err
	}
	return r.keeper.Keep(at)
}
