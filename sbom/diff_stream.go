package sbom

import (
	"fmt"
	"hash/maphash"
	"io"
	"maps"
	"slices"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

// The limits of [DiffStream]: more different components than maxDifferent are an
// error, for then nobody reads the list, and dependencies and completeness are
// compared of documents of maxCompared components at most.
const (
	maxDifferent = 1 << 17
	maxCompared  = 400_000
)

// DiffStream is [Diff] of two documents that are too large to be held: it reads
// each several times, from where it stands, and keeps a keyed hash of each
// component of one of them, then the components that differ. What depends on what,
// and how complete that is said to be, is compared in documents of at most
// 400,000 components.
//
// The error is about reading, about what [Scan] does not accept, and about
// documents that have more than 131,072 different components.
func DiffStream(a, b io.ReadSeeker) ([]Change, error) {
	seed := maphash.MakeSeed()
	sides := [2]*streamSide{{r: a, seed: seed}, {r: b, seed: seed}}
	hangs := true
	for _, s := range sides {
		if err := s.count(); err != nil {
			return nil, err
		}
		hangs = hangs && s.index != nil
	}
	for _, s := range sides {
		if !hangs {
			s.index = nil
		} else if err := s.hang(); err != nil {
			return nil, err
		}
	}
	differ, err := different(sides)
	if err != nil || len(differ) == 0 {
		return nil, err
	}
	// Of a component that differs, all that are the same but for the version are
	// looked at, in both documents.
	wanted := map[uint64]bool{}
	for _, s := range sides {
		err := s.each(func(c *cdx.Component, print uint64) error {
			if differ[print] {
				wanted[s.hash(identity(c))] = true
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	var entries [2]map[string][]entry
	for i, s := range sides {
		if entries[i], err = s.entries(wanted); err != nil {
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

// different are the fingerprints that the two sides do not both have, or not as
// often.
func different(sides [2]*streamSide) (map[uint64]bool, error) {
	var prints [256][]uint64
	err := sides[0].each(func(_ *cdx.Component, print uint64) error {
		prints[print>>56] = append(prints[print>>56], print)
		return nil
	})
	if err != nil {
		return nil, err
	}
	var met [256][]bool
	for i := range prints {
		slices.Sort(prints[i])
		met[i] = make([]bool, len(prints[i]))
	}
	differ := map[uint64]bool{}
	add := func(print uint64) error {
		if differ[print] = true; len(differ) > maxDifferent {
			return fmt.Errorf("the documents differ in more than %d components", maxDifferent)
		}
		return nil
	}
	err = sides[1].each(func(_ *cdx.Component, print uint64) error {
		list := prints[print>>56]
		at, _ := slices.BinarySearch(list, print)
		for ; at < len(list) && list[at] == print; at++ {
			if !met[print>>56][at] {
				met[print>>56][at] = true
				return nil
			}
		}
		return add(print)
	})
	if err != nil {
		return nil, err
	}
	for i, list := range prints {
		for j, print := range list {
			if !met[i][j] {
				if err := add(print); err != nil {
					return nil, err
				}
			}
		}
	}
	return differ, nil
}

// A streamSide is one of two documents that are compared as they go by.
type streamSide struct {
	r     io.ReadSeeker
	seed  maphash.Seed
	begun bool
	start int64

	head       cdx.BOM
	components int

	// What each component depends on, by its number in index; nil if that is not compared.
	index *refIndex
	named []uint64 // hashes of the names, without versions
	edges []uint64 // sums of the hashes of what it depends on; 0 if it has no entry
	said  [2][]claims
}

func (s *streamSide) hash(text string) uint64 { return maphash.String(s.seed, text) }

func (s *streamSide) scan(visit func(p *Part) error) error {
	if !s.begun {
		at, err := s.r.Seek(0, io.SeekCurrent)
		if err != nil {
			return err
		}
		s.begun, s.start = true, at
	}
	if _, err := s.r.Seek(s.start, io.SeekStart); err != nil {
		return err
	}
	for p, err := range Scan(s.r) {
		if err == nil {
			err = visit(&p)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// walk visits every component.
func (s *streamSide) walk(visit func(c *cdx.Component) error) error {
	var failed error
	each := func(c subjectComponent) {
		if failed == nil {
			failed = visit(c.Component)
		}
	}
	walk(&cdx.BOM{Metadata: s.head.Metadata}, each)
	if failed != nil {
		return failed
	}
	return s.scan(func(p *Part) error {
		if p.Component != nil {
			each(subjectComponent{Component: p.Component})
			walkList(p.Component.Components, "", each)
		}
		return failed
	})
}

// count reads the main component, and indexes the others unless there are too many.
func (s *streamSide) count() error {
	s.index = &refIndex{seed: s.seed}
	one := func(c subjectComponent) {
		if s.components++; s.components > maxCompared {
			s.index = nil
		}
		if s.index != nil && c.BOMRef != "" {
			s.index.add(c.BOMRef)
		}
	}
	err := s.scan(func(p *Part) error {
		switch {
		case p.Rest != nil:
			take(&s.head, p.Rest)
		case p.Component != nil:
			one(subjectComponent{Component: p.Component})
			walkList(p.Component.Components, "", one)
		}
		return nil
	})
	walk(&cdx.BOM{Metadata: s.head.Metadata}, one)
	return err
}

// hang reads who depends on whom, and how complete that is said to be.
func (s *streamSide) hang() error {
	n, _ := s.index.close()
	s.named, s.edges = make([]uint64, n), make([]uint64, n)
	s.said = [2][]claims{make([]claims, n), make([]claims, n)}
	if err := s.walk(func(c *cdx.Component) error {
		if c.BOMRef != "" {
			if at := s.index.find(c.BOMRef); s.named[at] == 0 {
				s.named[at] = s.hash(fullName(c)) | 1
			}
		}
		return nil
	}); err != nil {
		return err
	}
	return s.scan(func(p *Part) error {
		switch {
		case p.Dependency != nil:
			if from := s.index.find(p.Dependency.Ref); from >= 0 {
				s.edges[from] |= 1
				seen := map[uint64]bool{}
				for _, ref := range listOf(p.Dependency.Dependencies) {
					if to := s.index.find(ref); to >= 0 && !seen[s.named[to]] {
						seen[s.named[to]] = true
						s.edges[from] += s.named[to] << 1
					}
				}
			}
		case p.Composition != nil:
			for i, refs := range []*[]cdx.BOMReference{p.Composition.Dependencies, p.Composition.Assemblies} {
				for _, ref := range listOf(refs) {
					if at := s.index.find(string(ref)); at >= 0 {
						s.said[i][at] |= claimOf(p.Composition.Aggregate)
					}
				}
			}
		}
		return nil
	})
}

// each visits every component with a fingerprint of all that is compared.
func (s *streamSide) each(visit func(c *cdx.Component, print uint64) error) error {
	taken := map[string]bool{}
	return s.walk(func(c *cdx.Component) error {
		e := newEntry(c)
		var h maphash.Hash
		h.SetSeed(s.seed)
		for _, text := range []string{identity(c), e.name, e.version, e.licenses, e.hashes} {
			h.WriteString(text)
			h.WriteByte(0)
		}
		if at := s.at(c, taken); at >= 0 {
			maphash.WriteComparable(&h, [3]uint64{s.edges[at], uint64(s.said[0][at]), uint64(s.said[1][at])})
		} else {
			maphash.WriteComparable(&h, [3]uint64{})
		}
		return visit(c, h.Sum64())
	})
}

// at is the number of a component, -1 if that is not compared or another one
// before it has the same bom-ref.
func (s *streamSide) at(c *cdx.Component, taken map[string]bool) int {
	if s.index == nil || c.BOMRef == "" {
		return -1
	}
	if s.index.twice[s.index.hash(c.BOMRef)] {
		if taken[c.BOMRef] {
			return -1
		}
		taken[c.BOMRef] = true
	}
	return s.index.find(c.BOMRef)
}

// entries are the components of the identities that are wanted, whole.
func (s *streamSide) entries(wanted map[uint64]bool) (map[string][]entry, error) {
	type place struct {
		key string
		i   int
	}
	out := map[string][]entry{}
	places := map[int]place{}
	taken := map[string]bool{}
	err := s.walk(func(c *cdx.Component) error {
		at := s.at(c, taken)
		key := identity(c)
		if !wanted[s.hash(key)] {
			return nil
		}
		e := newEntry(c)
		if at >= 0 {
			places[at] = place{key, len(out[key])}
			e.edgesKnown = s.edges[at] != 0
			e.completeness = claimText(s.said[1][at], "its parts", claimText(s.said[0][at], "its dependencies", ""))
		}
		out[key] = append(out[key], e)
		return nil
	})
	if err != nil || s.index == nil {
		return sortedEntries(out), err
	}
	targets := map[int][]place{}
	if err := s.scan(func(p *Part) error {
		if p.Dependency == nil {
			return nil
		}
		from, there := places[s.index.find(p.Dependency.Ref)]
		if !there {
			return nil
		}
		for _, ref := range listOf(p.Dependency.Dependencies) {
			if to := s.index.find(ref); to >= 0 {
				targets[to] = append(targets[to], from)
			}
		}
		return nil
	}); err != nil {
		return nil, err
	}
	named := map[int]bool{}
	if err := s.walk(func(c *cdx.Component) error {
		if c.BOMRef == "" {
			return nil
		}
		to := s.index.find(c.BOMRef)
		if named[to] {
			return nil
		}
		for _, from := range targets[to] {
			named[to] = true
			e := &out[from.key][from.i]
			e.edges = append(e.edges, fullName(c))
		}
		return nil
	}); err != nil {
		return nil, err
	}
	return sortedEntries(out), nil
}

// sortedEntries puts the entries and their edges in the order in which they are compared.
func sortedEntries(all map[string][]entry) map[string][]entry {
	for _, list := range all {
		for i := range list {
			slices.Sort(list[i].edges)
			list[i].edges = slices.Compact(list[i].edges)
		}
		slices.SortFunc(list, compareEntries)
	}
	return all
}
