package sbom

import (
	"cmp"
	"container/heap"
	"errors"
	"fmt"
	"slices"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

// A Path is one way from a document's main component, which is its first
// element, to the component that is its last: each depends on the next, and none
// is there twice. The components are those of the document.
type Path []*cdx.Component

// maxWays bounds how many beginnings of paths [Paths] looks at: graphs of
// strangers can have more paths than there is time.
const maxWays = 1 << 18

// Paths says who brings a component in: the ways to it from the main component,
// the shortest first, most of them at most. all is false if there are more, or
// if there may be: the search is bounded.
//
// The component is named by its bom-ref, its package URL, its name and version
// ("name@version") or its name, which may be that of several. The error says
// that there is none of that name, or no main component to start from. A
// document without edges, such as that of a binary, has no paths: who imports
// whom is not known from it.
func Paths(bom *cdx.BOM, component string, most int) (paths []Path, all bool, err error) {
	if bom == nil {
		bom = &cdx.BOM{}
	}
	g := graphOf(bom)
	if g.main < 0 {
		return nil, false, errors.New("the BOM has no main component from which a way could lead")
	}
	targets := g.find(component)
	if len(targets) == 0 {
		return nil, false, fmt.Errorf("the BOM has no component %q: want a bom-ref, a package URL, a name or name@version", component)
	}
	components := make([]*cdx.Component, 0, len(g.parts))
	walk(bom, func(s subjectComponent) { components = append(components, s.Component) })
	found, all := g.paths(targets, most)
	for _, p := range found {
		path := make(Path, len(p))
		for i, n := range p {
			path[i] = components[n]
		}
		paths = append(paths, path)
	}
	return paths, all, nil
}

// find are the components that a person may mean by name.
func (g *graph) find(name string) (all []int) {
	if n, ok := g.numbers[name]; ok {
		return []int{n}
	}
	for _, is := range []func(*part) bool{
		func(p *part) bool { return p.purl == name },
		func(p *part) bool { return p.name == name },
		func(p *part) bool { return p.unversioned == name },
	} {
		for i := range g.parts {
			if is(&g.parts[i]) {
				all = append(all, i)
			}
		}
		if len(all) > 0 {
			return all
		}
	}
	return nil
}

// paths finds simple paths from the main component to targets in the order of
// their length, and among those of one length in the order of the document.
func (g *graph) paths(targets []int, most int) (found [][]int, all bool) {
	far := g.distances(targets)
	isTarget := make(map[int]bool, len(targets))
	for _, n := range targets {
		isTarget[n] = true
	}
	if far[g.main] < 0 {
		return nil, true
	}
	open := wayHeap{{node: g.main, length: 1, least: far[g.main]}}
	for ways := 1; len(open) > 0; {
		if len(found) == most || ways > maxWays {
			return found, false
		}
		w := heap.Pop(&open).(*way)
		if isTarget[w.node] {
			found = append(found, w.nodes())
			continue // what lies behind it brings it in by itself
		}
		for i, to := range g.on(w.node) {
			n := int(to)
			if far[n] < 0 || w.has(n) {
				continue
			}
			ways++
			heap.Push(&open, &way{node: n, up: w, at: i, length: w.length + 1, least: w.length + far[n]})
		}
	}
	return found, true
}

// distances are how many steps each component is from the nearest of targets, -1
// if it does not lead there.
func (g *graph) distances(targets []int) []int {
	back := make([][]int, len(g.parts))
	for i := range g.n {
		for _, n := range g.on(i) {
			back[n] = append(back[n], i)
		}
	}
	far := make([]int, len(g.parts))
	for i := range far {
		far[i] = -1
	}
	queue := slices.Clone(targets)
	for _, n := range targets {
		far[n] = 0
	}
	for len(queue) > 0 {
		n := queue[0]
		queue = queue[1:]
		for _, m := range back[n] {
			if far[m] < 0 {
				far[m] = far[n] + 1
				queue = append(queue, m)
			}
		}
	}
	return far
}

// A way is a path that may be continued.
type way struct {
	node   int
	up     *way
	at     int // which of the edges of up it took
	length int // in components
	least  int // steps of the shortest path that it can become
}

func (w *way) has(n int) bool {
	for ; w != nil; w = w.up {
		if w.node == n {
			return true
		}
	}
	return false
}

func (w *way) nodes() []int {
	out := make([]int, w.length)
	for i := len(out) - 1; w != nil; w, i = w.up, i-1 {
		out[i] = w.node
	}
	return out
}

// compare orders ways by what they can become, and then as the document does.
func (w *way) compare(o *way) int {
	if c := cmp.Or(cmp.Compare(w.least, o.least), cmp.Compare(o.length, w.length)); c != 0 {
		return c
	}
	order := 0 // of the last step first; the first that differs decides
	for a, b := w, o; a != nil && b != nil && a != b; a, b = a.up, b.up {
		if c := cmp.Compare(a.at, b.at); c != 0 {
			order = c
		}
	}
	return order
}

type wayHeap []*way

func (h wayHeap) Len() int           { return len(h) }
func (h wayHeap) Less(i, j int) bool { return h[i].compare(h[j]) < 0 }
func (h wayHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *wayHeap) Push(x any)        { *h = append(*h, x.(*way)) }
func (h *wayHeap) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}
