package spdx

import (
	"cmp"
	"fmt"
	"hash/maphash"
	"slices"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

// A graph says how the packages and files of a document hang together. They are
// numbered in the order of the document, and a number takes little room, because
// there may be very many.
type graph struct {
	text     []byte   // the SPDXIDs, one behind the other
	ends     []uint32 // where each of them ends
	index    []entry  // in order of their hashes, once it is sealed
	seed     maphash.Seed
	elements []element
	edges    []edge
	lose     func(pointer, what, why string)
}

// An element is a package or a file. Numbers of others are one more than they
// are, so that 0 is nobody.
type element struct {
	parent                      int32 // what contains it
	firstChild, lastChild, next int32 // what it contains; next is the one beside it
	firstAncestor, lastAncestor int32 // next is the one beside it here as well
	height                      uint8 // of what it contains
	flags                       uint8
}

const (
	isAncestor  = 1 << iota // of something
	isRelated               // something depends on it, or it depends on something
	isDescribed             // by the document
	hasEntry                // its dependencies are known
)

type edge struct{ from, to int32 }

// An entry finds an element by the hash of its id. The seed is random, so nobody
// can make many ids of one hash.
type entry struct {
	hash uint64
	n    int32
}

func newGraph(lose func(pointer, what, why string)) *graph {
	return &graph{seed: maphash.MakeSeed(), lose: lose}
}

func (g *graph) add(id string) {
	g.index = append(g.index, entry{maphash.String(g.seed, id), int32(len(g.elements))})
	g.text = append(g.text, id...)
	g.ends = append(g.ends, uint32(len(g.text)))
	g.elements = append(g.elements, element{})
}

func (g *graph) id(n int32) string {
	start := uint32(0)
	if n > 0 {
		start = g.ends[n-1]
	}
	return string(g.text[start:g.ends[n]])
}

// seal ends the adding, so that elements can be found. It returns the number of
// an id that was added twice, or -1.
func (g *graph) seal() (twice int32) {
	slices.SortFunc(g.index, func(a, b entry) int { return cmp.Or(cmp.Compare(a.hash, b.hash), cmp.Compare(a.n, b.n)) })
	for i := 1; i < len(g.index); i++ {
		if g.index[i].hash == g.index[i-1].hash && g.id(g.index[i].n) == g.id(g.index[i-1].n) {
			return g.index[i].n
		}
	}
	return -1
}

// find returns an element, or nil.
func (g *graph) find(id string) (*element, int32) {
	hash := maphash.String(g.seed, id)
	i, _ := slices.BinarySearchFunc(g.index, hash, func(e entry, hash uint64) int { return cmp.Compare(e.hash, hash) })
	for ; i < len(g.index) && g.index[i].hash == hash; i++ {
		if n := g.index[i].n; g.id(n) == id {
			return &g.elements[n], n
		}
	}
	return nil, 0
}

const notHere = "it is neither a package nor a file of this document"

func (g *graph) relationship(pointer string, r *Relationship) {
	if r.Comment != "" {
		g.lose(pointer+"/comment", r.Comment, cdxNoPlace)
	}
	switch r.Type {
	case "DESCRIBES":
		if r.Element == DocumentID {
			g.describes(pointer, r.Related)
			return
		}
	case "DESCRIBED_BY":
		if r.Related == DocumentID {
			g.describes(pointer, r.Element)
			return
		}
	case "CONTAINS":
		g.contains(pointer, r.Element, r.Related)
		return
	case "CONTAINED_BY":
		g.contains(pointer, r.Related, r.Element)
		return
	case "DEPENDS_ON":
		g.depends(pointer, r.Element, r.Related, r)
		return
	case "DEPENDENCY_OF":
		g.depends(pointer, r.Related, r.Element, r)
		return
	case "RUNTIME_DEPENDENCY_OF", "BUILD_DEPENDENCY_OF", "DEV_DEPENDENCY_OF", "TEST_DEPENDENCY_OF", "OPTIONAL_DEPENDENCY_OF", "PROVIDED_DEPENDENCY_OF":
		g.lose(pointer+"/relationshipType", r.Type, "CycloneDX has one kind of dependency")
		g.depends(pointer, r.Related, r.Element, r)
		return
	case "ANCESTOR_OF":
		g.descends(pointer, r.Related, r.Element)
		return
	case "DESCENDANT_OF":
		g.descends(pointer, r.Element, r.Related)
		return
	}
	g.loseRelation(pointer, r, cdxNoPlace)
}

func (g *graph) loseRelation(pointer string, r *Relationship, why string) {
	g.lose(pointer, fmt.Sprintf("%s %s %s", r.Element, r.Type, r.Related), why)
}

func (g *graph) describes(pointer, id string) {
	if e, _ := g.find(id); e != nil {
		e.flags |= isDescribed
		return
	}
	g.lose(pointer, "DESCRIBES "+id, notHere)
}

// How deep components of CycloneDX may stand in each other here, and how deep
// pedigrees: a level is two or three of the 64 that strict JSON may have.
const (
	maxNesting  = 20
	maxPedigree = 4
)

func (g *graph) contains(pointer, outer, inner string) {
	o, on := g.find(outer)
	i, in := g.find(inner)
	lose := func(why string) { g.lose(pointer, outer+" CONTAINS "+inner, why) }
	switch {
	case o == nil || i == nil:
		lose(notHere)
		return
	case i.parent == on+1:
		return
	case i.parent != 0:
		lose("a component of CycloneDX stands in one other")
		return
	case i.flags&isAncestor != 0:
		lose("an ancestor of CycloneDX is nothing else besides")
		return
	}
	depth := 0
	for up := on; ; up = g.elements[up].parent - 1 {
		if depth++; up == in || depth+int(i.height) > maxNesting {
			lose("it would stand in itself, or too deep")
			return
		}
		if g.elements[up].parent == 0 {
			break
		}
	}
	i.parent = on + 1
	if o.lastChild == 0 {
		o.firstChild = in + 1
	} else {
		g.elements[o.lastChild-1].next = in + 1
	}
	o.lastChild = in + 1
	for up, height := on, i.height+1; g.elements[up].height < height; up, height = g.elements[up].parent-1, height+1 {
		if g.elements[up].height = height; g.elements[up].parent == 0 {
			break
		}
	}
}

func (g *graph) depends(pointer, who, on string, r *Relationship) {
	w, from := g.find(who)
	if w == nil {
		g.loseRelation(pointer, r, notHere)
		return
	}
	switch on {
	case NoAssertion:
		return // nobody knows, and so CycloneDX says nothing
	case None:
		w.flags |= hasEntry | isRelated
		return
	}
	o, to := g.find(on)
	if o == nil {
		g.loseRelation(pointer, r, notHere)
		return
	}
	w.flags |= hasEntry | isRelated
	o.flags |= isRelated
	g.edges = append(g.edges, edge{from, to})
}

func (g *graph) descends(pointer, who, from string) {
	w, wn := g.find(who)
	a, an := g.find(from)
	if w == nil || a == nil || wn == an || a.flags&isAncestor != 0 || a.parent != 0 {
		g.lose(pointer, from+" ANCESTOR_OF "+who, "an ancestor of CycloneDX stands in one pedigree, and is a component")
		return
	}
	if w.lastAncestor == 0 {
		w.firstAncestor = an + 1
	} else {
		g.elements[w.lastAncestor-1].next = an + 1
	}
	w.lastAncestor = an + 1
	a.flags |= isAncestor
}

// finish leaves as ancestors only what is nothing else, and has no ancestor that
// leads back to itself. It sorts the edges by whose they are, and returns the
// main element, or -1.
func (g *graph) finish() (main int32) {
	for n := range g.elements {
		e := &g.elements[n]
		var kept, last int32
		for a := e.firstAncestor; a != 0; {
			ancestor := &g.elements[a-1]
			next := ancestor.next
			if ancestor.flags&(isRelated|isDescribed) != 0 || g.circular(a-1, int32(n)) {
				g.lose("/relationships", g.id(a-1)+" ANCESTOR_OF "+g.id(int32(n)), "an ancestor of CycloneDX is nothing else besides")
				ancestor.flags &^= isAncestor
				ancestor.next = 0
			} else {
				if last == 0 {
					kept = a
				} else {
					g.elements[last-1].next = a
				}
				ancestor.next, last = 0, a
			}
			a = next
		}
		e.firstAncestor, e.lastAncestor = kept, last
	}
	slices.SortStableFunc(g.edges, func(a, b edge) int { return int(a.from) - int(b.from) })
	return g.main()
}

// main is what the document describes, if that is one thing that stands alone.
func (g *graph) main() int32 {
	described, roots, main := 0, 0, int32(-1)
	for n := range g.elements {
		e := &g.elements[n]
		root := e.parent == 0 && e.flags&isAncestor == 0
		if root {
			roots++
		}
		if e.flags&isDescribed != 0 {
			if described++; root {
				main = int32(n)
			}
		}
	}
	if described == 1 && main >= 0 {
		return main
	}
	for n := range g.elements {
		e := &g.elements[n]
		if e.flags&isDescribed != 0 && (roots < 2 || described != roots || e.parent != 0) {
			g.lose("/relationships", "DESCRIBES "+g.id(int32(n)), "CycloneDX describes one main component")
		}
	}
	return -1
}

// circular reports whether e stands below a, or deeper than pedigrees may.
func (g *graph) circular(a, e int32) bool {
	budget := 1000
	var below func(x int32, depth int) bool
	below = func(x int32, depth int) bool {
		if budget--; x == e || depth >= maxPedigree || budget < 0 {
			return true
		}
		for _, first := range []int32{g.elements[x].firstAncestor, g.elements[x].firstChild} {
			for y := first; y != 0; y = g.elements[y-1].next {
				if below(y-1, depth+1) {
					return true
				}
			}
		}
		return false
	}
	return below(a, 0)
}

// components calls visit for each element that stands in no other, but the main
// one, in their order.
func (g *graph) components(main int32, visit func(n int32) error) error {
	for n := range g.elements {
		if e := &g.elements[n]; int32(n) != main && e.parent == 0 && e.flags&isAncestor == 0 {
			if err := visit(int32(n)); err != nil {
				return err
			}
		}
	}
	return nil
}

// component is an element with what stands in it. load makes the element alone.
func (g *graph) component(n int32, load func(int32) (cdx.Component, error)) (cdx.Component, error) {
	c, err := load(n)
	if err != nil {
		return c, err
	}
	e := &g.elements[n]
	c.BOMRef = refOf(g.id(int32(n)))
	if e.flags&isRelated == 0 && isUnnamed(g.id(int32(n))) {
		c.BOMRef = ""
	}
	list := func(first int32) (*[]cdx.Component, error) {
		if first == 0 {
			return nil, nil
		}
		var inner []cdx.Component
		for y := first; y != 0; y = g.elements[y-1].next {
			child, err := g.component(y-1, load)
			if err != nil {
				return nil, err
			}
			inner = append(inner, child)
		}
		return &inner, nil
	}
	if c.Components, err = list(e.firstChild); err != nil {
		return c, err
	}
	ancestors, err := list(e.firstAncestor)
	if ancestors != nil {
		c.Pedigree = &cdx.Pedigree{Ancestors: ancestors}
	}
	return c, err
}

// dependencies calls visit for each element whose dependencies are known.
func (g *graph) dependencies(visit func(cdx.Dependency) error) error {
	at := 0
	for n := range g.elements {
		if g.elements[n].flags&hasEntry == 0 {
			continue
		}
		on := []string{}
		seen := map[int32]bool{}
		for ; at < len(g.edges) && g.edges[at].from == int32(n); at++ {
			if to := g.edges[at].to; !seen[to] {
				seen[to] = true
				on = append(on, refOf(g.id(to)))
			}
		}
		if err := visit(cdx.Dependency{Ref: refOf(g.id(int32(n))), Dependencies: &on}); err != nil {
			return err
		}
	}
	return nil
}
