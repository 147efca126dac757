package sbom

import (
	"cmp"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"maps"
	"slices"
)

// The limits of [DiffStream]: more different components than maxDifferent are an
// error, for then nobody reads the list, and dependencies and completeness are
// compared of documents of maxCompared components at most.
const (
	maxDifferent = 1 << 17
	maxCompared  = 400_000
)

// DiffStream is [Diff] of two documents that are too large to be held: it reads
// each up to three times, from where it stands, and keeps two keyed hashes of each
// component of one of them, then the components that differ. A document whose
// components do not come before what depends on what is read up to six times. What
// depends on what, and how complete that is said to be, is compared in documents of
// at most 400,000 components. Of larger ones half of the hashes are kept at a time,
// which takes one reading more, and the first up to that size another one.
//
// The error is about reading, about what [Scan] does not accept, and about
// documents that have more than 131,072 different components.
func DiffStream(a, b io.ReadSeeker) ([]Change, error) {
	return diffStream(a, b, maxCompared, maxDifferent)
}

func diffStream(a, b io.ReadSeeker, compared, different int) ([]Change, error) {
	seed := maphash.MakeSeed()
	var sides [2]*streamSide
	for i, r := range []io.ReadSeeker{a, b} {
		at, err := r.Seek(0, io.SeekCurrent)
		if err != nil {
			return nil, err
		}
		sides[i] = &streamSide{r: r, start: at, seed: seed, hangs: true, most: compared}
	}
	m, err := matchSides(sides, 1, different)
	if errors.Is(err, errMany) {
		sides[0].hangs, sides[1].hangs = false, false
		m, err = matchSides(sides, 2, different)
	}
	if err != nil || len(m.wanted) == 0 {
		return nil, err
	}
	m.left = [256][]fingerprint{} // which is all of one document
	var entries [2]map[string][]entry
	for i, s := range sides {
		if entries[i], err = s.entries(m.wanted); err != nil {
			return nil, err
		}
	}
	var changes []Change
	for _, key := range slices.Sorted(maps.Keys(merged(entries[0], entries[1]))) {
		changes = append(changes, diffEntries(entries[0][key], entries[1][key])...)
	}
	sortChanges(changes)
	return changes, nil
}

// A fingerprint is a hash of all that is compared of a component, in two halves,
// and half a hash of its identity: twelve bytes, for a million of them are kept.
// The lowest bit of the latter says that the other document has it too.
type fingerprint struct{ high, low, id uint32 }

func (f fingerprint) print() uint64 { return uint64(f.high)<<32 | uint64(f.low) }

// A match finds the components that two documents do not both have, or not as often.
type match struct {
	left [256][]fingerprint // of the first document, by the first byte; sorted before it is asked
	// wanted are the identities of those components. All that have one are looked at, in
	// both documents: those too that have it by chance.
	wanted map[uint32]bool
	// How many more components may differ, and how many may in all.
	room, most int
}

// matchSides reads both documents once for each of so many parts of the fingerprints,
// and keeps one part at a time.
func matchSides(sides [2]*streamSide, parts uint64, most int) (*match, error) {
	m := &match{wanted: map[uint32]bool{}, room: most, most: most}
	for part := range parts {
		of := func(visit func(print uint64, id uint32) error) func(print uint64, id uint32) error {
			return func(print uint64, id uint32) error {
				if print%parts != part {
					return nil
				}
				return visit(print, id)
			}
		}
		if err := m.sides(sides, of); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// sides matches the fingerprints that of lets through.
func (m *match) sides(sides [2]*streamSide, of func(visit func(print uint64, id uint32) error) func(print uint64, id uint32) error) error {
	m.left = [256][]fingerprint{}
	if err := sides[0].prints(of(m.keep)); err != nil {
		return err
	}
	for i, list := range m.left {
		slices.SortFunc(list, func(a, b fingerprint) int { return cmp.Compare(a.print(), b.print()) })
		m.left[i] = append(make([]fingerprint, 0, len(list)), list...) // what it grew to is more
	}
	if err := sides[1].prints(of(m.strike)); err != nil {
		return err
	}
	for _, list := range m.left {
		for _, f := range list {
			if f.id&1 == 0 {
				if err := m.want(f.id); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (m *match) keep(print uint64, id uint32) error {
	list := m.left[print>>56]
	if len(list) == cap(list) { // by less than append does, which leaves a quarter of the room unused
		list = append(make([]fingerprint, 0, len(list)+len(list)/16+16), list...)
	}
	m.left[print>>56] = append(list, fingerprint{uint32(print >> 32), uint32(print), id})
	return nil
}

// strike finds the first equal one that is not struck yet, of which those that are
// come first.
func (m *match) strike(print uint64, id uint32) error {
	list := m.left[print>>56]
	at, there := slices.BinarySearchFunc(list, print, func(f fingerprint, print uint64) int {
		return cmp.Or(cmp.Compare(f.print(), print), -int(f.id&1))
	})
	if !there {
		return m.want(id)
	}
	list[at].id |= 1
	return nil
}

func (m *match) want(id uint32) error {
	if m.room--; m.room < 0 {
		return fmt.Errorf("the documents differ in more than %d components", m.most)
	}
	m.wanted[id] = true
	return nil
}
