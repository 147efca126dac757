package sbom

import (
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

// A graph is how the components of a document hang together, by number: first
// the main component, if there is one, then the others in the order of the
// document.
type graph struct {
	parts   []part
	numbers map[string]int  // of bom-refs, those of components without one are not here
	twice   []int           // components whose bom-ref another one before has
	others  map[string]bool // bom-refs of services and the like: they are there, and not checked

	main int // the main component, -1 if there is none
	// edges are what the components depend on, nil of those that have no entry.
	edges  [][]int
	faults []entryFault

	compositions []composition
	// edgesSaid and partsSaid are what the compositions say of the dependencies
	// of each component, and of what it is put together from.
	edgesSaid, partsSaid []claims
	// allSaid is a composition of nothing that says complete, which some read as
	// one of everything.
	allSaid bool
}

// A part is a component of a graph.
type part struct {
	ref         string
	name        string // and version
	unversioned string
	purl        string
	pointer     string
	parent      int // the component that it is inside of; -1 if none
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
)

// A composition says of some components how far they are known.
type composition struct {
	aggregate    cdx.CompositionAggregate
	assemblies   []int
	dependencies []int
	missing      []string // what it names and nothing is
	empty        bool     // it names nothing
}

func (g *graph) pointer(i int) string { return g.parts[i].pointer }
func (g *graph) name(i int) string    { return g.parts[i].name }

// number finds a bom-ref; known if it is there, and n is -1 if what has it is
// no component.
func (g *graph) number(ref string) (n int, known bool) {
	if n, ok := g.numbers[ref]; ok {
		return n, true
	}
	// References into other documents (BOM-Link) are theirs to resolve.
	return -1, g.others[ref] || strings.HasPrefix(ref, "urn:cdx:")
}

// graphOf reads bom, which may be at odds with itself.
func graphOf(bom *cdx.BOM) *graph {
	g := &graph{numbers: map[string]int{}, others: map[string]bool{}, main: -1}
	parents := map[string]int{}
	walk(bom, func(s subjectComponent) {
		i := len(g.parts)
		p := part{ref: s.BOMRef, name: nameVersion(s.Component), unversioned: fullName(s.Component), purl: s.PackageURL, pointer: s.pointer, parent: -1}
		if at := strings.LastIndex(s.pointer, "/components/"); at > 0 {
			if n, ok := parents[s.pointer[:at]]; ok {
				p.parent = n
			}
		}
		if s.Components != nil {
			parents[s.pointer] = i
		}
		if s.main {
			g.main = i
		}
		g.parts = append(g.parts, p)
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
	g.edges = make([][]int, len(g.parts))
	g.edgesSaid, g.partsSaid = make([]claims, len(g.parts)), make([]claims, len(g.parts))
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
		g.faults = append(g.faults, entryFault{-1, faultFrom, ref})
		return
	}
	if from < 0 {
		return
	}
	if g.edges[from] != nil {
		g.faults = append(g.faults, entryFault{from, faultTwice, ref})
	} else {
		g.edges[from] = make([]int, 0, len(on))
	}
	seen := map[int]bool{}
	for _, to := range on {
		n, known := g.number(to)
		switch {
		case !known:
			g.faults = append(g.faults, entryFault{from, faultTo, to})
			continue
		case n < 0:
			continue
		case seen[n]:
			g.faults = append(g.faults, entryFault{from, faultEdgeTwice, to})
			continue
		}
		seen[n] = true
		g.edges[from] = append(g.edges[from], n)
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
