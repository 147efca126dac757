package sbom

import (
	"errors"
	"hash/maphash"
	"io"
	"slices"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

// A streamSide is one of two documents that are compared as they go by.
type streamSide struct {
	r     io.ReadSeeker
	start int64
	seed  maphash.Seed

	hangs bool // what components depend on is compared
	most  int  // of so many of them
	mixed bool // components do not come before what depends on what
	head  cdx.BOM
	index *refIndex[hanging] // if hangs; what it keeps is there while the prints are made
}

// A hanging component is one that others may depend on.
type hanging struct {
	print uint64 // so far
	named uint64 // the hash of its name, without a version
	id    uint32
	said  [2]claims
	entry bool // it is said what it depends on
}

// errMany says that a document has too many components to compare what they depend on.
var (
	errMany  = errors.New("too many components")
	errMixed = errors.New("a component comes after what depends on what")
	errFound = errors.New("all is found")
)

func (s *streamSide) hash(text string) uint64 { return maphash.String(s.seed, text) }

// id is half a hash of an identity, without the lowest bit.
func (s *streamSide) id(identity string) uint32 { return uint32(s.hash(identity)>>32) &^ 1 }

// print is a hash of all that is compared of a component alone.
func (s *streamSide) print(c *cdx.Component, identity string) uint64 {
	var h maphash.Hash
	h.SetSeed(s.seed)
	for _, text := range [...]string{identity, fullName(c), c.Version, licenseText(c), hashText(c)} {
		h.WriteString(text)
		h.WriteByte(0)
	}
	return h.Sum64()
}

// scan calls visit for each part of the document until it returns an error.
func (s *streamSide) scan(visit func(p *Part) error) error {
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

// walk calls visit for every component in the order of [walk], the main one first,
// and rest for the other parts as they come. The main component must be known.
func (s *streamSide) walk(visit func(c *cdx.Component) error, rest func(p *Part)) error {
	var failed error
	each := func(c subjectComponent) {
		if failed == nil {
			failed = visit(c.Component)
		}
	}
	if walk(&cdx.BOM{Metadata: s.head.Metadata}, each); failed != nil {
		return failed
	}
	return s.scan(func(p *Part) error {
		if p.Component != nil {
			each(subjectComponent{Component: p.Component})
			walkList(p.Component.Components, "", each)
		} else {
			rest(p)
		}
		return failed
	})
}

// prints calls visit with the fingerprint of each component. The error is errMany
// if there are too many for what they depend on.
func (s *streamSide) prints(visit func(print uint64, id uint32) error) error {
	err := s.inOrder(visit)
	if errors.Is(err, errMixed) {
		s.mixed = true
		return s.inTurns(visit)
	}
	return err
}

// one returns what makes the fingerprint of a component, or begins to.
func (s *streamSide) one(visit func(print uint64, id uint32) error) func(c *cdx.Component) error {
	s.index = &refIndex[hanging]{seed: s.seed}
	count := 0
	return func(c *cdx.Component) error {
		if count++; s.hangs && count > s.most {
			return errMany
		}
		key := identity(c)
		print, id := s.print(c, key), s.id(key)
		if !s.hangs || c.BOMRef == "" {
			return visit(print, id)
		}
		s.index.add(c.BOMRef, hanging{print: print, named: s.hash(fullName(c)), id: id})
		return nil
	}
}

// closed closes the index. Of components with one bom-ref only the first hangs together with others.
func (s *streamSide) closed(visit func(print uint64, id uint32) error) (err error) {
	s.index.close(func(h hanging) { err = errors.Join(err, visit(h.print, h.id)) })
	return err
}

// inOrder reads a document that has its components before what depends on what.
func (s *streamSide) inOrder(visit func(print uint64, id uint32) error) error {
	one := s.one(visit)
	begun, closed := false, false
	var failed error
	each := func(c subjectComponent) {
		if begun = true; failed == nil {
			failed = one(c.Component)
		}
	}
	err := s.scan(func(p *Part) error {
		switch {
		case p.Rest != nil && p.Rest.Metadata != nil:
			if begun || closed {
				return errMixed
			}
			s.head.Metadata = p.Rest.Metadata
			walk(&s.head, each)
		case p.Component != nil:
			if closed {
				return errMixed
			}
			each(subjectComponent{Component: p.Component})
			walkList(p.Component.Components, "", each)
		case s.hangs && (p.Dependency != nil || p.Composition != nil):
			if !closed {
				closed, failed = true, s.closed(visit)
			}
			s.hang(p)
		}
		return failed
	})
	if err == nil && !closed {
		err = s.closed(visit)
	}
	if err != nil {
		return err
	}
	return s.tell(visit)
}

// inTurns reads any other document: for the main component, for all of them, and
// for what depends on what.
func (s *streamSide) inTurns(visit func(print uint64, id uint32) error) error {
	s.head.Metadata = nil
	if err := s.scan(func(p *Part) error {
		if p.Rest != nil && p.Rest.Metadata != nil {
			s.head.Metadata = p.Rest.Metadata
		}
		return nil
	}); err != nil {
		return err
	}
	if err := s.walk(s.one(visit), func(*Part) {}); err != nil {
		return err
	}
	if err := s.closed(visit); err != nil {
		return err
	}
	if s.hangs {
		if err := s.scan(func(p *Part) error { s.hang(p); return nil }); err != nil {
			return err
		}
	}
	return s.tell(visit)
}

// hang adds to the fingerprints what depends on what, and how complete that is said
// to be.
func (s *streamSide) hang(p *Part) {
	switch {
	case p.Dependency != nil:
		from := s.index.value(p.Dependency.Ref)
		if from == nil {
			return
		}
		from.entry = true
		seen := map[uint64]bool{}
		for _, ref := range listOf(p.Dependency.Dependencies) {
			if to := s.index.value(ref); to != nil && !seen[to.named] {
				seen[to.named] = true
				from.print += to.named
			}
		}
	case p.Composition != nil:
		for i, refs := range compositionRefs(p.Composition) {
			for _, ref := range refs {
				if h := s.index.value(string(ref)); h != nil {
					h.said[i] |= claimOf(p.Composition.Aggregate)
				}
			}
		}
	}
}

// compositionRefs are what a composition speaks of: what its refs depend on, and their parts.
func compositionRefs(c *cdx.Composition) [2][]cdx.BOMReference {
	return [2][]cdx.BOMReference{listOf(c.Dependencies), listOf(c.Assemblies)}
}

// tell visits those that hang together, and forgets them.
func (s *streamSide) tell(visit func(print uint64, id uint32) error) error {
	for i, bucket := range s.index.buckets {
		for _, e := range bucket {
			h := e.value
			if said := [3]bool{h.entry, h.said[0] != 0, h.said[1] != 0}; said != [3]bool{} {
				h.print += maphash.Comparable(s.seed, struct {
					entry bool
					said  [2]claims
				}{h.entry, h.said})
			}
			if err := visit(h.print, h.id); err != nil {
				return err
			}
		}
		s.index.buckets[i] = nil
	}
	return nil
}

// entries are the components of the identities that are wanted, whole.
func (s *streamSide) entries(wanted map[uint32]bool) (map[string][]entry, error) {
	f := finder{streamSide: s, wanted: wanted, out: map[string][]entry{}, places: map[string]place{}, said: map[string]*[2]claims{}, targets: map[string][]place{}}
	if err := f.find(); err != nil {
		return nil, err
	}
	for _, list := range f.out {
		for i := range list {
			slices.Sort(list[i].edges)
			list[i].edges = slices.Compact(list[i].edges)
		}
		slices.SortFunc(list, compareEntries)
	}
	return f.out, nil
}
