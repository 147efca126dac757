package rollout

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/release"
	"github.com/touchmark-go/touchmark/verify"
)

// An Inventory is the content outside of a log that its records name: what an
// export takes along, an archive takes over, and nobody may throw away.
type Inventory struct {
	Head  release.Head // that it was taken at
	Items []Item       // by kind and digest, each once
	// Erased is content that had to go, in log order: two people said so, and why.
	Erased []Tombstone
}

// An Item is one thing that releases name.
type Item struct {
	Kind   ItemKind
	Digest provenance.Digest
	// Releases name it, "app#102", in log order.
	Releases []string
	// Needed says that one of them is at a stage, may be rolled back to, or is on its
	// way: it was neither revoked nor retired, and never left a stage by rollback.
	Needed bool
	// Ended is when the last of them was retired or revoked; zero if one of them was
	// not, or nobody knows when.
	Ended time.Time
	// Behind is how many releases of its product came after the newest of them.
	Behind int
}

// An ItemKind is what an Item is.
type ItemKind string

// The kinds.
const (
	ItemArtifact ItemKind = "artifact" // evidence about it stands under its digest
	ItemEvidence ItemKind = "evidence" // a bundle, by its ID
	ItemBlob     ItemKind = "blob"     // a configuration, notes, a change log, by SHA-256
	ItemFolder   ItemKind = "folder"   // a configuration that is a folder: its list, by SHA-256, and the files in it, see PutContent
)

// A Tombstone stands for content that was erased.
type Tombstone struct {
	Product string
	Digest  provenance.Digest
	Record  uint64   // that says so
	By      []string // the people who signed it
	Reason  string
}

// Tombstones returns what was erased, by the digest under which a store has it: of a
// folder that is its list's, of evidence its ID. Of several the first record counts.
func (i *Inventory) Tombstones() map[provenance.Digest]*Tombstone {
	out := map[provenance.Digest]*Tombstone{}
	for n := range i.Erased {
		d := i.Erased[n].Digest
		if d.Algorithm() == provenance.DirHash {
			d = listOf(d)
		}
		if out[d] == nil {
			out[d] = &i.Erased[n]
		}
	}
	return out
}

// Survey replays a log and takes its inventory. Its parameters are those of
// [NewReplay].
func Survey(ctx context.Context, log Reader, trust *verify.Trust, options verify.Options) (*Inventory, error) {
	replay, err := NewReplay(log, trust, options)
	if err != nil {
		return nil, err
	}
	s := surveyor{items: map[itemKey]*surveyed{}, released: map[provenance.Digest]*release.Release{}}
	view, err := replay.Watch(ctx, s.see)
	if err != nil {
		return nil, err
	}
	out := &Inventory{Head: view.Head()}
	for _, product := range view.Products() {
		state := view.State(product)
		s.product(state)
		for _, r := range state.Revoked {
			if r.Kind == release.Erase {
				out.Erased = append(out.Erased, Tombstone{product, r.Digest, r.Index, r.By, r.Reason})
			}
		}
	}
	for _, item := range s.items {
		if item.open {
			item.Ended = time.Time{}
		}
		out.Items = append(out.Items, item.Item)
	}
	slices.SortFunc(out.Items, func(a, b Item) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), strings.Compare(a.Digest.String(), b.Digest.String()))
	})
	slices.SortFunc(out.Erased, func(a, b Tombstone) int { return cmp.Compare(a.Record, b.Record) })
	return out, nil
}

// A surveyor goes through a log.
type surveyor struct {
	items    map[itemKey]*surveyed // by kind and digest
	released map[provenance.Digest]*release.Release
}

// A surveyed item is open while a release names it that was not taken back.
type surveyed struct {
	Item
	open bool
}

// see keeps what a State does not: the texts for people that a release names.
func (s *surveyor) see(e release.Effect, entry Entry) {
	if e.Kind != "release" || e.Void != nil {
		return
	}
	if r, err := release.ParseRelease(statementOf(entry.Bundle)); err == nil {
		s.released[r.ID()] = r
	}
}

// product lists what the releases of a product name.
func (s *surveyor) product(state *release.State) {
	needed := map[int]bool{}
	left := map[int]bool{}
	for name, at := range state.Stages {
		needed[at.Release] = true
		for _, n := range state.Good(name) {
			needed[n] = true
		}
		for _, m := range at.Moves {
			if m.Rollback {
				left[m.Before] = true
			}
		}
	}
	for _, r := range state.Releases {
		taken := state.RevokedBy(r.ID)
		need := needed[r.Number] || taken == nil && !left[r.Number]
		behind := len(state.Releases) - r.Number
		add := func(kind ItemKind, digests ...provenance.Digest) {
			for _, d := range digests {
				if !d.IsZero() {
					item := s.add(kind, d, fmt.Sprintf("%s#%d", state.Product, r.Number), behind)
					item.Needed = item.Needed || need
					item.open = item.open || taken == nil || taken.Time.IsZero()
					if taken != nil && item.Ended.Before(taken.Time) {
						item.Ended = taken.Time
					}
				}
			}
		}
		for _, a := range r.Subjects {
			add(ItemArtifact, primary(a))
		}
		add(ItemEvidence, r.Provenance...)
		add(ItemEvidence, r.SBOMs...)
		add(ItemEvidence, r.VSA)
		for _, at := range state.Stages {
			for _, m := range at.Moves {
				if m.Release == r.Number {
					add(ItemEvidence, m.VSA)
				}
			}
		}
		switch r.Config.Algorithm() {
		case provenance.SHA256:
			add(ItemBlob, r.Config)
		case provenance.DirHash:
			add(ItemFolder, listOf(r.Config))
		}
		if full := s.released[r.ID]; full != nil {
			add(ItemBlob, full.Notes, full.ChangeLog)
		}
	}
}

// add names a release as one that names an item.
func (s *surveyor) add(kind ItemKind, d provenance.Digest, release string, behind int) *surveyed {
	item := s.items[itemKey{kind, d}]
	if item == nil {
		item = &surveyed{Item: Item{Kind: kind, Digest: d, Behind: behind}}
		s.items[itemKey{kind, d}] = item
	}
	item.Behind = min(item.Behind, behind)
	if !slices.Contains(item.Releases, release) {
		item.Releases = append(item.Releases, release)
	}
	return item
}

// An itemKey is what tells items apart.
type itemKey struct {
	kind   ItemKind
	digest provenance.Digest
}
