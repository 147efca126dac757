package ledger

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync"
	"time"

	"github.com/touchmark-go/touchmark/internal/logtiles"
	"github.com/touchmark-go/touchmark/internal/strictjson"
)

// A log that is watched keeps the checkpoints by which its records were first
// covered, 256 records a page, in files beside its tiles: HeadsPath. They give
// no more than times, and a page that is lost makes records younger, never
// older; a page that lies is noticed, because the log and its witnesses signed
// what is in it, and the tree must have had that root.

// maxHeads is how many checkpoints a page may hold: one for each record.
const maxHeads = tileWidth

// maxHeadsPage is the size of a page, in bytes.
const maxHeadsPage = 16 << 20

// HeadsPath names the page of checkpoints for the 256 records from n*256 on.
func HeadsPath(n uint64) string { return "heads/" + logtiles.Group(int64(n)) }

// ParseHeads reads a page of checkpoints: their notes, the smallest first.
// Nothing in them has been checked.
func ParseHeads(data []byte) ([][]byte, error) {
	var page []string
	if err := strictjson.Unmarshal(data, &page); err != nil {
		return nil, fmt.Errorf("ledger: no page of checkpoints: %w", err)
	}
	if len(page) > maxHeads {
		return nil, fmt.Errorf("ledger: a page of %d checkpoints, want at most %d", len(page), maxHeads)
	}
	notes := make([][]byte, len(page))
	for i, s := range page {
		notes[i] = []byte(s)
	}
	return notes, nil
}

// MarshalHeads writes a page of checkpoints down.
func MarshalHeads(notes [][]byte) ([]byte, error) {
	page := make([]string, len(notes))
	for i, n := range notes {
		page[i] = string(n)
	}
	data, err := json.Marshal(page)
	if err != nil {
		return nil, err
	}
	if len(page) > maxHeads || len(data) >= maxHeadsPage {
		return nil, fmt.Errorf("ledger: a page of %d checkpoints and %d bytes, want at most %d and %d", len(page), len(data), maxHeads, maxHeadsPage)
	}
	return append(data, '\n'), nil
}

// times remembers the page that was asked for last, and the last answer.
type times struct {
	mu   sync.Mutex
	page uint64
	has  bool          // head is all of it; else what an earlier Reader had checked of it
	head []*Checkpoint // of page

	from  uint64
	first *Checkpoint // that first covers the records of that page from there on, up to its size
}

// takeOver takes what the Reader of an earlier checkpoint, which r's extends, had
// checked, so that whoever reads records as they come does not check their page
// anew for each.
func (t *times) takeOver(old *times) {
	old.mu.Lock()
	defer old.mu.Unlock()
	t.page, t.head = old.page, old.head
}

// Since is the earliest instant by which witnesses had seen the record at
// index in the log: as many as Log.AtLeast wants, and at least one. It is zero
// if nobody watches.
func (r *Reader) Since(ctx context.Context, index uint64) (time.Time, error) {
	c, err := r.first(ctx, index)
	if err != nil {
		return time.Time{}, err
	}
	return c.Since(), nil
}

// first is the earliest checkpoint that is kept and covers the record at index;
// if nobody watches, r's own.
func (r *Reader) first(ctx context.Context, index uint64) (*Checkpoint, error) {
	if index >= r.checkpoint.size {
		return nil, fmt.Errorf("ledger: no record %d: the log has %d", index, r.checkpoint.size)
	}
	if len(r.checkpoint.cosignatures) == 0 {
		return r.checkpoint, nil
	}
	r.times.mu.Lock()
	defer r.times.mu.Unlock()
	if t := &r.times; t.first != nil && t.from <= index && index < t.first.size && t.from/tileWidth == index/tileWidth {
		return t.first, nil
	}
	c, err := r.search(ctx, index)
	if err != nil {
		return nil, err
	}
	r.times.from, r.times.first = index, c
	return c, nil
}

// search looks for the first checkpoint in the pages. The lock of times is held.
func (r *Reader) search(ctx context.Context, index uint64) (*Checkpoint, error) {
	for page := index / tileWidth; page <= (r.checkpoint.size-1)/tileWidth; page++ {
		if !r.times.has || r.times.page != page {
			var known []*Checkpoint
			if r.times.page == page {
				known = r.times.head
			}
			heads, err := r.heads(ctx, page, known)
			if err != nil {
				return nil, err
			}
			r.times.page, r.times.has, r.times.head = page, true, heads
		}
		i, _ := slices.BinarySearchFunc(r.times.head, index+1, func(c *Checkpoint, size uint64) int { return cmp.Compare(c.size, size) })
		if i < len(r.times.head) {
			return r.times.head[i], nil
		}
	}
	return r.checkpoint, nil
}

// Heads reads the page of checkpoints for the 256 records from page*256 on, each
// signed, cosigned, and a state that this log went through; none if there is no
// such page. What is larger than r's checkpoint is left out.
func (r *Reader) Heads(ctx context.Context, page uint64) ([]*Checkpoint, error) {
	return r.heads(ctx, page, nil)
}

// heads is Heads; those that are known were checked before, byte for byte.
func (r *Reader) heads(ctx context.Context, page uint64, known []*Checkpoint) ([]*Checkpoint, error) {
	data, err := r.source.Read(ctx, HeadsPath(page), maxHeadsPage)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	notes, err := ParseHeads(data)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %v", ErrCorrupt, HeadsPath(page), err)
	}
	var heads []*Checkpoint
	last := uint64(0)
	for i, n := range notes {
		var c *Checkpoint
		isKnown := i < len(known) && bytes.Equal(known[i].note, n)
		if isKnown {
			c = known[i]
		} else if c, err = r.verifier.Open(n); err != nil {
			return nil, fmt.Errorf("%w: %s, checkpoint %d: %v", ErrCorrupt, HeadsPath(page), i, err)
		}
		// Only the last one may cover all of the page: later ones are the first of none.
		if c.size <= page*tileWidth || c.size <= last || last >= (page+1)*tileWidth {
			return nil, fmt.Errorf("%w: %s, checkpoint %d: not in its place", ErrCorrupt, HeadsPath(page), i)
		}
		if last = c.size; c.size > r.checkpoint.size {
			continue
		}
		if isKnown {
			heads = append(heads, c)
			continue
		}
		root, err := r.rootAt(ctx, c.size)
		if err != nil {
			return nil, err
		}
		if root != c.root {
			return nil, fmt.Errorf("%w: %s, checkpoint %d is of another history", ErrCorrupt, HeadsPath(page), i)
		}
		heads = append(heads, c)
	}
	return heads, nil
}
