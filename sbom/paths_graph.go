package sbom

import (
	"slices"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

// A graph is how the components of a document hang together, by number: first
// the main component, if there is one, then the others in the order of the
// document.
type graph struct {
	parts   []part
	parents []int32           // the component that each is inside of, -1 if none
	inside  map[int32][]int32 // and those that are inside of one
	numbers map[string]int    // of bom-refs, those of components without one are not here
	twice   []int             // components whose bom-ref another one before has
	others  map[string]bool   // bom-refs of services and the like: they are there, and not checked

	n    int // how many components there are
	main int // the main component, -1 if there is none
	// What the components depend on: start is where in targets the list of each
	// begins, with its length before it, or -1 if it has no entry.
	start   []int32
	targets []int32
	faults  []entryFault

	compositions []composition
	// edgesSaid and partsSaid are what the compositions say of the dependencies
	// of each component, and of what it is put together from.
	edgesSaid, partsSaid []claims
	// allSaid is a composition of nothing that says complete, which some read as
	// one of everything.
	allSaid bool

	seen map[int32]bool // of one entry, to be used again

	// Of a document that is not held in memory:
	index   *refIndex[struct{}] // in place of numbers
	most    int                 // faults that are kept
	dropped int                 // and how many are not
	bare    bool                // edges of the main component alone are kept, as targets
	listed  []uint64            // then in place of start: a bit for each that has an entry
}

// fault keeps what is wrong with an entry.
func (g *graph) fault(f entryFault) {
	if len(g.faults) == g.most {
		g.dropped++
		return
	}
	g.faults = append(g.faults, f)
}

// A part is a component of a graph.
type part struct {
	ref         string
	name        string // and version
	unversioned string
	purl        string
	pointer     string
}

// An entryFault is what is wrong with the list of dependencies itself.
type entryFault struct {
	at   int // -1 if it is about no component
	kind faultKind
	ref  string
}

type faultKind int

const (
	faultTwice faultKind = iota // two entries for one component
	faultEdgeTwice
	faultFrom // an entry of nothing
	faultTo   // an edge to nothing
	faultSelf // an edge to where it begins
)

// A composition says of some components how far they are known.
type composition struct {
	aggregate    cdx.CompositionAggregate
	assemblies   []int
	dependencies []int
	missing      []string // what it names and nothing is
	empty        bool     // it names nothing
}

// size makes room for so many components and edges.
func (g *graph) size(components, edges int) {
	g.n = components
	if g.bare {
		g.listed = make([]uint64, components/64+1)
	} else {
		g.start = slices.Repeat([]int32{-1}, components)
		g.targets = make([]int32, 0, edges)
	}
	g.edgesSaid, g.partsSaid = make([]claims, components), make([]claims, components)
	g.seen = map[int32]bool{}
}

// known reports whether component i has an entry in the dependencies.
func (g *graph) known(i int) bool {
	if g.bare {
		return g.listed[i/64]&(1<<(i%64)) != 0
	}
	return g.start[i] >= 0
}

// on is what component i depends on, as far as that is known.
func (g *graph) on(i int) []int32 {
	if g.bare {
		if i == g.main {
			return g.targets
		}
		return nil
	}
	at := g.start[i]
	if at < 0 {
		return nil
	}
	return g.targets[at+1:][:g.targets[at]]
}

func (g *graph) pointer(i int) string { return g.parts[i].pointer }

// name is the component's name and version, and ref its bom-ref. Where the
// components are not held in memory it is a token that stands for them.
func (g *graph) name(i int) string {
	if g.parts == nil {
		return nameToken(i)
	}
	return g.parts[i].name
}

func (g *graph) ref(i int) string {
	if g.parts == nil {
		return refToken(i)
	}
	return g.parts[i].ref
}

// number finds a bom-ref; known if it is there, and n is -1 if what has it is
// no component.
func (g *graph) number(ref string) (n int, known bool) {
	if g.index != nil {
		if n := g.index.find(ref); n >= 0 {
			return n, true
		}
	} else if n, ok := g.numbers[ref]; ok {
		return n, true
	}
	// References into other documents (BOM-Link) are theirs to resolve.
	return -1, g.others[ref] || strings.HasPrefix(ref, "urn:cdx:")
}

func newGraph() *graph {
	return &graph{others: map[string]bool{}, inside: map[int32][]int32{}, main: -1, most: 1 << 30}
}

// graphOf reads bom, which may be at odds with itself.
func graphOf(bom *cdx.BOM) *graph {
	g := newGraph()
	g.numbers = map[string]int{}
	parents := map[string]int{}
	walk(bom, func(s subjectComponent) {
		i := len(g.parts)
		p := part{ref: s.BOMRef, name: nameVersion(s.Component), unversioned: fullName(s.Component), purl: s.PackageURL, pointer: s.pointer}
		parent := int32(-1)
		if at := strings.LastIndex(s.pointer, "/components/"); at > 0 {
			if n, ok := parents[s.pointer[:at]]; ok {
				parent = int32(n)
			}
		}
		if s.Components != nil {
			parents[s.pointer] = i
		}
		if s.main {
			g.main = i
		}
		g.parts, g.parents = append(g.parts, p), append(g.parents, parent)
		if parent >= 0 {
			g.inside[parent] = append(g.inside[parent], int32(i))
		}
		if s.BOMRef == "" {
			return
		}
		if _, again := g.numbers[s.BOMRef]; again {
			g.twice = append(g.twice, i)
			return
		}
		g.numbers[s.BOMRef] = i
	})
	g.addServices(bom.Services)
	g.size(len(g.parts), 0)
	if bom.Dependencies != nil {
		for i := range *bom.Dependencies {
			d := &(*bom.Dependencies)[i]
			g.addEntry(d.Ref, listOf(d.Dependencies))
		}
	}
	if bom.Compositions != nil {
		for i := range *bom.Compositions {
			g.addComposition(&(*bom.Compositions)[i])
		}
	}
	return g
}

func (g *graph) addServices(list *[]cdx.Service) {
	for _, s := range listOf(list) {
		g.others[s.BOMRef] = true
		g.addServices(s.Services)
	}
}

// addEntry reads what one component depends on.
func (g *graph) addEntry(ref string, on []string) {
	from, known := g.number(ref)
	if !known {
		g.fault(entryFault{-1, faultFrom, ref})
		return
	}
	if from < 0 {
		return
	}
	before := g.on(from)
	if g.known(from) {
		g.fault(entryFault{from, faultTwice, ref})
	}
	at := len(g.targets)
	if g.bare {
		g.listed[from/64] |= 1 << (from % 64)
	} else {
		g.start[from] = int32(at)
		g.targets = append(append(g.targets, 0), before...)
	}
	clear(g.seen)
	for _, to := range on {
		n, known := g.number(to)
		switch {
		case !known:
			g.fault(entryFault{from, faultTo, to})
			continue
		case n < 0:
			continue
		case g.seen[int32(n)]:
			g.fault(entryFault{from, faultEdgeTwice, to})
			continue
		}
		if n == from {
			g.fault(entryFault{from, faultSelf, to})
		}
		g.seen[int32(n)] = true
		if !g.bare || from == g.main {
			g.targets = append(g.targets, int32(n))
		}
	}
	if !g.bare {
		g.targets[at] = int32(len(g.targets) - at - 1)
	}
}

func (g *graph) addComposition(c *cdx.Composition) {
	out := composition{aggregate: c.Aggregate}
	read := func(refs *[]cdx.BOMReference) (numbers []int) {
		for _, ref := range listOf(refs) {
			switch n, known := g.number(string(ref)); {
			case !known:
				out.missing = append(out.missing, string(ref))
			case n >= 0:
				numbers = append(numbers, n)
			}
		}
		return numbers
	}
	out.assemblies, out.dependencies = read(c.Assemblies), read(c.Dependencies)
	out.empty = len(listOf(c.Assemblies))+len(listOf(c.Dependencies))+len(listOf(c.Vulnerabilities)) == 0
	g.allSaid = g.allSaid || out.empty && c.Aggregate == cdx.CompositionAggregateComplete
	claim(g.partsSaid, claimOf(c.Aggregate), out.assemblies)
	claim(g.edgesSaid, claimOf(c.Aggregate), out.dependencies)
	if g.index != nil {
		out.assemblies, out.dependencies = nil, nil // the claims are all that is asked for
	}
	g.compositions = append(g.compositions, out)
}

func listOf[T any](list *[]T) []T {
	if list == nil {
		return nil
	}
	return *list
}

// What compositions say of one component, as a set.
type claims uint8

const (
	claimsComplete claims = 1 << iota
	claimsPart            // incomplete, whatever is missing
	claimsUnknown         // unknown, or not_specified
)

func claimOf(a cdx.CompositionAggregate) claims {
	switch a {
	case cdx.CompositionAggregateComplete:
		return claimsComplete
	case cdx.CompositionAggregateUnknown, cdx.CompositionAggregateNotSpecified, "":
		return claimsUnknown
	}
	return claimsPart
}

// claim adds what one composition says of the components that it names.
func claim(of []claims, what claims, numbers []int) {
	for _, n := range numbers {
		of[n] |= what
	}
}
