package sbom

import (
	"errors"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

// A finder finds the components of a document that differ, and what they depend on.
type finder struct {
	*streamSide
	wanted  map[uint32]bool
	out     map[string][]entry // by identity
	places  map[string]place   // in out, by the bom-ref of those that hang together with others
	said    map[string]*[2]claims
	targets map[string][]place // who depends on a bom-ref
}

type place struct {
	key string
	i   int
}

func (f *finder) at(p place) *entry { return &f.out[p.key][p.i] }

func (f *finder) find() error {
	rest := f.hanging
	if f.mixed {
		rest = func(*Part) {}
	}
	err := f.walk(f.firsts(func(c *cdx.Component, first bool) error {
		key := identity(c)
		if !f.wanted[f.id(key)] {
			return nil
		}
		if f.hangs && first {
			f.places[c.BOMRef] = place{key, len(f.out[key])}
			f.said[c.BOMRef] = new([2]claims)
		}
		f.out[key] = append(f.out[key], newEntry(c))
		return nil
	}), rest)
	if err == nil && f.mixed && f.hangs {
		err = f.scan(func(p *Part) error { f.hanging(p); return nil })
	}
	if err != nil {
		return err
	}
	for ref, said := range f.said {
		f.at(f.places[ref]).completeness = claimText(said[1], "its parts", claimText(said[0], "its dependencies", ""))
	}
	return f.names()
}

// firsts calls visit with whether a component is the first of its bom-ref.
func (f *finder) firsts(visit func(c *cdx.Component, first bool) error) func(c *cdx.Component) error {
	taken := map[uint64]bool{}
	return func(c *cdx.Component) error {
		first := c.BOMRef != ""
		if h := f.hash(c.BOMRef); first && f.index.twice[h] {
			first = !taken[h]
			taken[h] = true
		}
		return visit(c, first)
	}
}

// hanging notes what the components that were found depend on, and what is said of that.
func (f *finder) hanging(p *Part) {
	switch {
	case p.Dependency != nil:
		from, there := f.places[p.Dependency.Ref]
		if !there {
			return
		}
		f.at(from).edgesKnown = true
		for _, ref := range listOf(p.Dependency.Dependencies) {
			f.targets[ref] = append(f.targets[ref], from)
		}
	case p.Composition != nil:
		for i, refs := range compositionRefs(p.Composition) {
			for _, ref := range refs {
				if said := f.said[string(ref)]; said != nil {
					said[i] |= claimOf(p.Composition.Aggregate)
				}
			}
		}
	}
}

// names finds out what those that are depended on are called.
func (f *finder) names() error {
	if len(f.targets) == 0 {
		return nil
	}
	err := f.walk(f.firsts(func(c *cdx.Component, first bool) error {
		if !first {
			return nil
		}
		for _, from := range f.targets[c.BOMRef] {
			e := f.at(from)
			e.edges = append(e.edges, fullName(c))
		}
		if delete(f.targets, c.BOMRef); len(f.targets) == 0 {
			return errFound
		}
		return nil
	}), func(*Part) {})
	if errors.Is(err, errFound) {
		return nil
	}
	return err
}
