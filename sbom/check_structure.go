package sbom

import (
	"fmt"
	"slices"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

const (
	cdxRefs         = "CycloneDX 1.6, bom-ref and dependencies"
	cdxCompositions = "CycloneDX 1.6, compositions"
)

// structureRules are what a document can get wrong that its schema allows.
func structureRules() []rule {
	return []rule{
		{name: "main", reference: "CycloneDX 1.6, metadata.component", want: "a main component with a name and a bom-ref", remedy: "say what the document is about",
			document: func(bom *cdx.BOM) (string, bool) {
				if bom.Metadata == nil || bom.Metadata.Component == nil {
					return "", false
				}
				c := bom.Metadata.Component
				return "one without", said(c.Name) && c.BOMRef != ""
			}},
		{name: "ref", reference: cdxRefs, want: "a bom-ref, so that others can refer to it", remedy: "give the component a bom-ref of its own",
			component: func(s *subjectComponent) (string, bool) { return "", s.BOMRef != "" }},
		{name: "duplicate-ref", reference: cdxRefs, want: "a bom-ref that nothing else has", remedy: "give each component a bom-ref of its own",
			graph: func(g *graph, report func(int, string)) {
				for _, i := range g.twice {
					report(i, "bom-ref "+g.ref(i)+" for the second time")
				}
			}},
		{name: "unresolved-ref", reference: cdxRefs, want: "references to what is in the document", remedy: "list the component, or leave the reference out and say that the list is incomplete",
			graph: func(g *graph, report func(int, string)) {
				for _, f := range g.faults {
					if f.kind == faultFrom {
						report(-1, "dependencies of "+f.ref+", which nothing has as its bom-ref")
					} else if f.kind == faultTo {
						report(f.at, "a dependency on "+f.ref+", which nothing has as its bom-ref")
					}
				}
				if g.dropped > 0 {
					report(-1, fmt.Sprintf("%d faults more in the dependencies", g.dropped))
				}
				for _, c := range g.compositions {
					for _, ref := range c.missing {
						report(-1, "a composition ("+string(c.aggregate)+") of "+ref+", which nothing has as its bom-ref")
					}
				}
			}},
		{name: "duplicate-entry", reference: cdxRefs, want: "one list of dependencies for each component, each named once", remedy: "merge the entries",
			graph: func(g *graph, report func(int, string)) {
				for _, f := range g.faults {
					if f.kind == faultTwice {
						report(f.at, "another entry for it")
					} else if f.kind == faultEdgeTwice {
						report(f.at, f.ref+" twice")
					}
				}
			}},
		{name: "self-edge", reference: cdxRefs, want: "dependencies on others", remedy: "leave it out of its own list",
			graph: func(g *graph, report func(int, string)) {
				for _, f := range g.faults {
					if f.kind == faultSelf {
						report(f.at, "a dependency on itself")
					}
				}
			}},
		{name: ruleCycle, advice: true, reference: cdxRefs, want: "no cycle: it is legal, and most often a mistake", remedy: "find out whether the packages really import each other",
			graph: func(g *graph, report func(int, string)) {
				if g.bare {
					report(-1, "too many dependencies to look for one")
					return
				}
				for _, cycle := range g.cycles() {
					var names []string
					for _, n := range cycle[:min(len(cycle), maxShown)] {
						names = append(names, g.name(int(n)))
					}
					report(int(cycle[0]), cycleText(names, len(cycle)))
				}
			}},
		{name: "no-entry", advice: true, reference: cdxRefs, want: "an entry in the dependencies, empty for a leaf", remedy: "add the entry if the dependencies are known; without one they count as unknown",
			graph: func(g *graph, report func(int, string)) {
				for i := range g.n {
					if !g.known(i) {
						report(i, "none: its dependencies are unknown")
					}
				}
			}},
		{name: "complete", reference: cdxCompositions, want: "\"complete\" only where nothing is missing", remedy: "find what is missing, or say incomplete or unknown",
			graph: falselyComplete},
		{name: "contradiction", reference: cdxCompositions, want: "one answer to how complete it is", remedy: "keep the composition that is true",
			graph: func(g *graph, report func(int, string)) {
				for i := range g.n {
					for _, c := range []claims{g.edgesSaid[i], g.partsSaid[i]} {
						if c&claimsComplete != 0 && c != claimsComplete {
							report(i, "complete, and something else")
							break
						}
					}
				}
			}},
		{name: "composition-empty", advice: true, reference: cdxCompositions, want: "the bom-refs that it is about: a composition does not reach what it does not name", remedy: "name them",
			graph: func(g *graph, report func(int, string)) {
				for _, c := range g.compositions {
					if c.empty {
						report(-1, "a composition ("+string(c.aggregate)+") of nothing")
					}
				}
			}},
		{name: "unreached", advice: true, reference: cdxRefs, want: "a way to it from the main component, whose dependencies are said to be complete all the way", remedy: "find out who brings it in, or leave it out",
			graph: func(g *graph, report func(int, string)) {
				if g.bare {
					return // nobody knows who depends on whom
				}
				reached, whole := g.reach()
				if !whole {
					return
				}
				for i := range g.n {
					if !reached[i] {
						report(i, "nobody who depends on it")
					}
				}
			}},
	}
}

// ruleCycle is the rule about cycles.
const ruleCycle = "cycle"

// cycleText is a cycle of so many components, shown by the first of them.
func cycleText(names []string, of int) string {
	first := names[0]
	if of > len(names) {
		names = append(names, fmt.Sprintf("%d more", of-len(names)))
	}
	return strings.Join(append(names, first), " -> ")
}

// maxShown is how many components a cycle is shown by.
const maxShown = 8

// falselyComplete reports what a document calls complete and refutes itself.
func falselyComplete(g *graph, report func(int, string)) {
	broken := map[int]bool{}
	dangling := false
	for _, f := range g.faults {
		if f.kind == faultTo {
			broken[f.at], dangling = true, true
		}
		dangling = dangling || f.kind == faultFrom
	}
	for i := range g.n {
		if g.edgesSaid[i]&claimsComplete == 0 {
			continue
		}
		if !g.known(i) {
			report(i, "complete dependencies, and no entry for them")
		} else if broken[i] {
			report(i, "complete dependencies, and one on what is not there")
		}
	}
	if g.main >= 0 && g.partsSaid[g.main]&claimsComplete != 0 && dangling {
		report(g.main, "a complete list, and dependencies on what is not in it")
	}
}

// reach finds what the main component brings in: what it depends on, and what
// that is put together from. It is whole if all of them say that their
// dependencies are complete.
func (g *graph) reach() (reached []bool, whole bool) {
	reached = make([]bool, g.n)
	if g.main < 0 {
		return reached, false
	}
	whole = true
	queue := []int32{int32(g.main)}
	reached[g.main] = true
	for len(queue) > 0 {
		i := queue[len(queue)-1]
		queue = queue[:len(queue)-1]
		if !g.known(int(i)) || g.edgesSaid[i] != claimsComplete {
			whole = false
		}
		for _, list := range [][]int32{g.on(int(i)), g.inside[i]} {
			for _, n := range list {
				if !reached[n] {
					reached[n] = true
					queue = append(queue, n)
				}
			}
		}
	}
	return reached, whole
}

// cycles are the sets of two or more components that depend on each other, each
// sorted, and sorted by their first (Tarjan, without recursion: strangers choose
// how deep a graph is).
func (g *graph) cycles() [][]int32 {
	const unseen = 0
	order, low := make([]int32, g.n), make([]int32, g.n)
	on := make([]bool, g.n)
	var stack []int32
	var found [][]int32
	type frame struct{ node, next int32 }
	count := int32(0)
	for root := range g.n {
		if order[root] != unseen {
			continue
		}
		var frames []frame
		enter := func(n int32) {
			count++
			order[n], low[n] = count, count
			stack, on[n] = append(stack, n), true
			frames = append(frames, frame{n, 0})
		}
		enter(int32(root))
		for len(frames) > 0 {
			f := &frames[len(frames)-1]
			n := f.node
			if targets := g.on(int(n)); int(f.next) < len(targets) {
				to := targets[f.next]
				f.next++
				if order[to] == unseen {
					enter(to)
				} else if on[to] {
					low[n] = min(low[n], order[to])
				}
				continue
			}
			frames = frames[:len(frames)-1]
			if len(frames) > 0 {
				up := frames[len(frames)-1].node
				low[up] = min(low[up], low[n])
			}
			if low[n] != order[n] {
				continue
			}
			at := slices.Index(stack, n)
			if len(stack)-at > 1 {
				cycle := slices.Clone(stack[at:])
				slices.Sort(cycle)
				found = append(found, cycle)
			}
			for _, m := range stack[at:] {
				on[m] = false
			}
			stack = stack[:at]
		}
	}
	slices.SortFunc(found, func(a, b []int32) int { return int(a[0] - b[0]) })
	return found
}
