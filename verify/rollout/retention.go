package rollout

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/touchmark-go/touchmark/provenance"
)

// A Retention says how long content outlives the last release that needs it. The
// ledger itself forgets nothing, and evidence is kept for good.
type Retention struct {
	// Grace is how long content stays after the last release that names it was
	// retired or revoked; at least [MaxKnownGood], because until then somebody may go
	// back to it without asking the ledger. Zero is [DefaultGrace].
	Grace time.Duration
	// Last is how many of the newest releases of each product keep their content,
	// whatever became of them.
	Last int
}

// DefaultGrace is a quarter of a year.
const DefaultGrace = 90 * 24 * time.Hour

// freshness is how long content is left alone after it was put: whoever puts it
// may be about to name it in a record.
const freshness = 24 * time.Hour

// A Discarder is a store that says which blobs it holds, and lets go of one that
// was not put since an instant. A folder of package store is one.
type Discarder interface {
	Reading
	Blobs(ctx context.Context) iter.Seq2[provenance.Digest, error]
	Discard(ctx context.Context, digest provenance.Digest, before time.Time) error
}

// A Sweep lets go of blobs that no release needs any more: configurations, notes
// and change logs. What it takes is always named by the ledger, in a release that
// was retired or revoked, or in a record by which people erased it; what the ledger
// does not name is left alone.
type Sweep struct {
	Inventory *Inventory // of the ledger, taken after anything that was put is named in it, see [Survey]
	Retention Retention
	Store     Discarder
	// Archive, if it is not nil, must hold whatever goes, or it stays. What was erased
	// goes all the same.
	Archive Reading
	Now     time.Time // zero is now
}

// A Disposal is a blob that goes.
type Disposal struct {
	Digest   provenance.Digest // SHA-256
	Releases []string          // that name it, "app#102"
	Since    time.Time         // when the last of them was taken back; zero if it was erased
	Erased   *Tombstone        // why it must go; nil if it may

	files []provenance.Digest // of a folder, whose list this is: while one is there, it is the only thing that names them
}

// ErrNotArchived is about content that stays because the archive does not have it.
var ErrNotArchived = errors.New("the archive does not have it")

// ErrUntold is about content that nobody can tell from what is needed.
var ErrUntold = errors.New("what is needed cannot be told, so nothing may go")

// Plan returns what the store holds and may let go of, in the order of the digests,
// and the lists of folders behind the files. It changes nothing.
//
// A folder that stays may need any file if its list is neither in the store nor in the
// archive. Unless all that goes was erased, that is [ErrUntold], and so is a list that
// cannot be read.
func (s Sweep) Plan(ctx context.Context) ([]Disposal, error) {
	r, now := s.Retention, s.now()
	if r.Grace == 0 {
		r.Grace = DefaultGrace
	}
	switch {
	case r.Grace < MaxKnownGood:
		return nil, fmt.Errorf("a grace of %.3g days, want at least %.3g: known-good files name content for that long", r.Grace.Hours()/24, MaxKnownGood.Hours()/24)
	case r.Last < 0:
		return nil, fmt.Errorf("the last %d releases, want none or more", r.Last)
	}
	held := map[provenance.Digest]bool{}
	for d, err := range s.Store.Blobs(ctx) {
		if err != nil {
			return nil, err
		}
		held[d] = true
	}
	kept, going := map[provenance.Digest]bool{}, map[provenance.Digest]Disposal{}
	erased := s.Inventory.Tombstones()
	var untold []string // releases with a folder that stays, and of which nobody knows what is in it
	for _, item := range s.Inventory.Items {
		if item.Kind != ItemBlob && item.Kind != ItemFolder {
			continue
		}
		goes := !item.Needed && !item.Ended.IsZero() && item.Behind >= r.Last && now.Sub(item.Ended) >= r.Grace || erased[item.Digest] != nil
		blobs, err := s.blobs(ctx, item, held[item.Digest])
		if err != nil {
			return nil, fmt.Errorf("%w: %s: %w", ErrUntold, strings.Join(item.Releases, " and "), err)
		}
		if blobs == nil && !goes {
			untold = append(untold, item.Releases...)
		}
		for _, d := range blobs {
			if !goes {
				kept[d] = true
				continue
			}
			g := going[d]
			g.Digest, g.Releases = d, append(g.Releases, item.Releases...)
			if t := erased[item.Digest]; t != nil { // of an erased folder its files go, too
				g.Erased = t
			}
			if d == item.Digest && len(blobs) > 1 {
				g.files = blobs[1:]
			}
			if g.Since.Before(item.Ended) {
				g.Since = item.Ended
			}
			going[d] = g
		}
	}
	for d, t := range erased {
		delete(kept, d)
		going[d] = Disposal{Digest: d, Releases: going[d].Releases, Erased: t, files: going[d].files}
	}
	var out []Disposal
	for d, g := range going {
		if held[d] && !kept[d] {
			slices.Sort(g.Releases)
			g.Releases = slices.Compact(g.Releases)
			if g.Erased != nil {
				g.Since = time.Time{}
			}
			out = append(out, g)
		}
	}
	if len(untold) > 0 && slices.ContainsFunc(out, func(d Disposal) bool { return d.Erased == nil }) {
		return nil, fmt.Errorf("%w: the list of the folder that %s needs is not there: bring it back, or retire the release", ErrUntold, untold[0])
	}
	slices.SortFunc(out, func(a, b Disposal) int {
		return cmp.Or(cmp.Compare(min(len(a.files), 1), min(len(b.files), 1)), cmp.Compare(a.Digest.Hex(), b.Digest.Hex()))
	})
	return out, nil
}

// blobs are the digests of an item's content: none if it is a folder and its list is
// not to be had.
func (s Sweep) blobs(ctx context.Context, item Item, held bool) ([]provenance.Digest, error) {
	if held || item.Kind == ItemBlob {
		return item.Blobs(ctx, s.Store)
	}
	if s.Archive == nil {
		return nil, nil
	}
	blobs, err := item.Blobs(ctx, s.Archive)
	if err != nil {
		return nil, ctx.Err() // whatever it was, the list is not to be had there
	}
	return blobs, nil
}

// Run lets go of what Plan returned. Each is told to done, which may be nil, with
// the error of one that stays: [ErrNotArchived], or the store's, for instance
// because it was put again meanwhile. The list of a folder stays while one of its
// files does. Killed in between, Plan and Run are simply called again. The error
// counts those that stay.
func (s Sweep) Run(ctx context.Context, plan []Disposal, done func(Disposal, error)) error {
	stay, stays := 0, map[provenance.Digest]bool{}
	for _, d := range plan {
		var err error
		if i := slices.IndexFunc(d.files, func(f provenance.Digest) bool { return stays[f] }); i >= 0 {
			err = fmt.Errorf("blob %s names the file %s, which stays", d.Digest, d.files[i])
		} else {
			err = s.discard(ctx, d)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			stay++
			stays[d.Digest] = true
		}
		if done != nil {
			done(d, err)
		}
	}
	if stay > 0 {
		return fmt.Errorf("%d of %d blobs stay", stay, len(plan))
	}
	return nil
}

func (s Sweep) discard(ctx context.Context, d Disposal) error {
	before := s.now().Add(-freshness)
	if d.Erased != nil {
		before = s.now()
	} else if s.Archive != nil {
		r, err := s.Archive.Blob(ctx, d.Digest)
		if err == nil {
			_, err = io.Copy(io.Discard, r)
			err = errors.Join(err, r.Close())
		}
		if err != nil {
			return fmt.Errorf("blob %s: %w: %w", d.Digest, ErrNotArchived, err)
		}
	}
	return s.Store.Discard(ctx, d.Digest, before)
}

func (s Sweep) now() time.Time {
	if s.Now.IsZero() {
		return time.Now()
	}
	return s.Now
}
