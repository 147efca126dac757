// Package graphsvg draws who depends on whom: a picture in layers, from left to
// right, that can still be read with a few hundred nodes. Edges that follow from
// others are drawn only while somebody points at one of their ends; the long ones
// that remain and lead to one node share a line, and every line has a lane of its
// own between the nodes. A picture is one SVG file without scripts, fonts, links
// or anything else to fetch, and the same graph gives the same bytes.
package graphsvg

import (
	"fmt"
	"slices"
)

// The limits of a picture: beyond them nobody could read it.
const (
	MaxNodes = 1000
	MaxEdges = 50_000
)

// A Node is one box.
type Node struct {
	Name   string // the first line
	Detail string // the second line, smaller; may be empty
	Title  string // shown while somebody points at it
	Kind   Kind
}

// A Kind is how a node is drawn.
type Kind int

// The kinds. Open is for a node of which it is not known what it depends on.
const (
	Plain Kind = iota
	Main
	Open
)

// A Graph is what is drawn. Edges[i] are what node i depends on.
type Graph struct {
	Title string
	Nodes []Node
	Edges [][]int
}

// Draw returns the picture. The error is about the limits, and about an edge to
// a node that is not there.
func Draw(g Graph) ([]byte, error) {
	if len(g.Nodes) > MaxNodes {
		return nil, fmt.Errorf("%d components are too many for a picture: at most %d can be read", len(g.Nodes), MaxNodes)
	}
	if len(g.Edges) > len(g.Nodes) {
		return nil, fmt.Errorf("edges of %d nodes, and %d nodes", len(g.Edges), len(g.Nodes))
	}
	edges, total := make([][]int, len(g.Nodes)), 0
	for i, on := range g.Edges {
		for _, n := range on {
			if n < 0 || n >= len(g.Nodes) {
				return nil, fmt.Errorf("an edge from %d to %d, of %d nodes", i, n, len(g.Nodes))
			}
			if n != i {
				edges[i] = append(edges[i], n)
			}
		}
		slices.Sort(edges[i])
		edges[i] = slices.Compact(edges[i])
		total += len(edges[i])
	}
	if total > MaxEdges {
		return nil, fmt.Errorf("%d edges are too many for a picture: at most %d can be read", total, MaxEdges)
	}
	l := newLayout(g.Nodes, edges)
	return l.svg(g.Title, total), nil
}
