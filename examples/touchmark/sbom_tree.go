package main

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

// A bomGraph is who depends on whom in a document: its components, with the main
// one first, and of each those that it depends on by number, nil if that is not
// known.
type bomGraph struct {
	main       bool // there is a main component, and it is the first
	components []*cdx.Component
	edges      [][]int
}

func graphOf(bom *cdx.BOM) bomGraph {
	var g bomGraph
	numbers := map[string]int{}
	var add func(c *cdx.Component)
	add = func(c *cdx.Component) {
		if _, again := numbers[c.BOMRef]; !again {
			numbers[c.BOMRef] = len(g.components)
		}
		g.components = append(g.components, c)
		if c.Components != nil {
			for i := range *c.Components {
				add(&(*c.Components)[i])
			}
		}
	}
	if bom.Metadata != nil && bom.Metadata.Component != nil {
		g.main = true
		add(bom.Metadata.Component)
	}
	list := components(bom)
	for i := range list {
		add(&list[i])
	}
	g.edges = make([][]int, len(g.components))
	if bom.Dependencies == nil {
		return g
	}
	for _, d := range *bom.Dependencies {
		from, there := numbers[d.Ref]
		if !there {
			continue
		}
		on := []int{}
		if d.Dependencies != nil {
			for _, ref := range *d.Dependencies {
				if to, there := numbers[ref]; there {
					on = append(on, to)
				}
			}
		}
		slices.SortFunc(on, func(a, b int) int {
			x, y := g.components[a], g.components[b]
			return cmp.Or(strings.Compare(x.Name, y.Name), strings.Compare(x.Version, y.Version), a-b)
		})
		g.edges[from] = slices.Compact(on)
	}
	return g
}

// label is a component on one line.
func label(c *cdx.Component) string {
	name := c.Name
	if c.Group != "" {
		name = c.Group + "/" + name
	}
	return show(strings.TrimSpace(name + " " + c.Version))
}

// bomTree is who brings in what: each component with those that it depends on
// below it, once; where it comes again the tree says so.
func bomTree(bom *cdx.BOM) []byte {
	g := graphOf(bom)
	var b bytes.Buffer
	shown := make([]bool, len(g.components))
	type line struct {
		node   int
		prefix string // of the line
		below  string // of those below it
	}
	tree := func(root int) {
		stack := []line{{node: root}}
		for len(stack) > 0 {
			l := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			on := g.edges[l.node]
			note := ""
			switch {
			case shown[l.node] && len(on) > 0:
				note, on = "  (see above)", nil
			case on == nil:
				note = "  (of unknown dependencies)"
			}
			fmt.Fprintf(&b, "%s%s%s\n", l.prefix, label(g.components[l.node]), note)
			shown[l.node] = true
			for i, to := range slices.Backward(on) {
				if i == len(on)-1 {
					stack = append(stack, line{to, l.below + "└── ", l.below + "    "})
				} else {
					stack = append(stack, line{to, l.below + "├── ", l.below + "│   "})
				}
			}
		}
	}
	if g.main {
		tree(0)
	}
	rest := 0
	for _, seen := range shown {
		if !seen {
			rest++
		}
	}
	if rest > 0 && g.main {
		fmt.Fprintf(&b, "\nand %s, of which nothing says who brings them in:\n\n", plural(rest, "component", "components"))
	}
	// First those on whom nobody depends, then what only a cycle holds.
	held := make([]bool, len(g.components))
	for i, on := range g.edges {
		for _, to := range on {
			held[to] = held[to] || to != i
		}
	}
	for _, only := range []bool{false, true} {
		for i := range g.components {
			if !shown[i] && held[i] == only {
				tree(i)
			}
		}
	}
	return b.Bytes()
}
