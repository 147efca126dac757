package graphsvg

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// random is a graph like those of programs: a few everybody depends on, and
// chains to them.
func random(seed uint64, n int) Graph {
	r := rand.New(rand.NewPCG(seed, 1))
	g := Graph{Title: "app", Edges: make([][]int, n)}
	for i := range n {
		kind := Plain
		if i == 0 {
			kind = Main
		} else if r.IntN(9) == 0 {
			kind = Open
		}
		g.Nodes = append(g.Nodes, Node{Name: fmt.Sprintf("example.org/module/%d", i), Detail: fmt.Sprintf("v1.%d.0", i), Title: "a module", Kind: kind})
		if i > 0 && r.IntN(20) > 0 {
			g.Edges[r.IntN(i)] = append(g.Edges[r.IntN(i)], i)
		}
		for range r.IntN(4) {
			g.Edges[i] = append(g.Edges[i], max(0, n-1-r.IntN(8)))
		}
		if r.IntN(30) == 0 {
			g.Edges[i] = append(g.Edges[i], r.IntN(i+1)) // back
		}
	}
	return g
}

// elements reads a picture as XML and returns its elements by name.
func elements(t *testing.T, data []byte) map[string][]xml.StartElement {
	t.Helper()
	out := map[string][]xml.StartElement{}
	d := xml.NewDecoder(bytes.NewReader(data))
	d.Strict = true
	for {
		token, err := d.Token()
		if err == io.EOF {
			return out
		}
		if err != nil {
			t.Fatalf("no XML: %v", err)
		}
		if e, ok := token.(xml.StartElement); ok {
			out[e.Name.Local] = append(out[e.Name.Local], e.Copy())
		}
	}
}

func attr(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// Every node is there once and every edge is somewhere: shown, hidden because it
// follows from others, or dashed because it closes a cycle. Nothing in a column
// overlaps, and lines go to the right.
func TestDraw(t *testing.T) {
	for _, n := range []int{1, 2, 20, 100, 300} {
		g := random(uint64(n), n)
		data, err := Draw(g)
		if err != nil {
			t.Fatal(err)
		}
		again, _ := Draw(g)
		if !bytes.Equal(data, again) {
			t.Errorf("%d nodes: two pictures of one graph differ", n)
		}
		got := elements(t, data)
		if len(got["g"]) != n {
			t.Errorf("%d nodes: %d boxes", n, len(got["g"]))
		}
		for name := range got {
			if !slices.Contains([]string{"svg", "title", "style", "rect", "text", "g", "path"}, name) {
				t.Errorf("%d nodes: a %s element", n, name)
			}
		}
		classes := map[string]bool{}
		for _, p := range got["path"] {
			fields := strings.Fields(attr(p, "class"))
			for _, from := range fields[1:] {
				classes[from+" "+fields[len(fields)-1]] = true
			}
		}
		for from, on := range g.Edges {
			for _, to := range on {
				if from != to && !classes[fmt.Sprintf("s%d t%d", from, to)] {
					t.Errorf("%d nodes: no line from %d to %d", n, from, to)
				}
			}
		}
		checkLayout(t, g)
	}
}

func checkLayout(t *testing.T, g Graph) {
	t.Helper()
	edges := make([][]int, len(g.Nodes))
	for i, on := range g.Edges {
		for _, n := range on {
			if n != i && !slices.Contains(edges[i], n) {
				edges[i] = append(edges[i], n)
			}
		}
		slices.Sort(edges[i])
	}
	l := newLayout(g.Nodes, edges)
	for _, column := range l.columns {
		for i := 1; i < len(column); i++ {
			a, b := column[i-1], column[i]
			if gap := l.y[b] - l.y[a] - (l.height(a)+l.height(b))/2; gap < -0.01 {
				t.Errorf("two places of a column overlap by %v", -gap)
			}
		}
	}
	for from, on := range l.edges {
		for _, to := range on {
			if l.layer[to] <= l.layer[from] {
				t.Errorf("the line from %d to %d leads from layer %d to %d", from, to, l.layer[from], l.layer[to])
			}
		}
	}
	// What is not shown follows from what is.
	for from, on := range l.edges {
		for _, to := range on {
			if !reaches(l.shown, from, to) {
				t.Errorf("nothing that is shown leads from %d to %d", from, to)
			}
		}
	}
	for i := range l.x[1:] {
		if l.x[i+1] < l.x[i]+l.width[i]+20 {
			t.Errorf("column %d leaves no room for lines", i)
		}
	}
}

func reaches(edges [][]int, from, to int) bool {
	seen := map[int]bool{}
	queue := []int{from}
	for len(queue) > 0 {
		n := queue[0]
		queue = queue[1:]
		if n == to {
			return true
		}
		if !seen[n] {
			seen[n] = true
			queue = append(queue, edges[n]...)
		}
	}
	return false
}

// The order of the columns has far fewer crossings than the one that the
// components came in.
func TestCrossings(t *testing.T) {
	g := random(300, 300)
	data, _ := Draw(g)
	if len(data) > 400_000 {
		t.Errorf("a picture of 300 nodes has %d bytes", len(data))
	}
	edges := make([][]int, len(g.Nodes))
	for i, on := range g.Edges {
		edges[i] = slices.Compact(slices.Sorted(slices.Values(slices.DeleteFunc(slices.Clone(on), func(n int) bool { return n == i }))))
	}
	l := &layout{nodes: g.Nodes, edges: edges}
	l.breakCycles()
	l.reduce()
	l.assign()
	l.place()
	count := func() int {
		at := make([]float64, len(l.items))
		for _, column := range l.columns {
			for i, n := range column {
				at[n] = float64(i)
			}
		}
		return l.crossings(at)
	}
	before := count()
	l.order()
	if after := count(); after*2 > before {
		t.Errorf("%d crossings, and %d before they were looked for", after, before)
	}
}

// What strangers call their modules is text in the picture and nothing else.
func TestHostile(t *testing.T) {
	for _, name := range []string{
		`</text></svg><script>alert(1)</script>`, `"><image href="https://evil.example/x"/>`, "a&b;c&#0;", "]]>", "a\x00b\x1b[31mred", "\u202egnp.exe", "x\xff\xfe", strings.Repeat("long/", 4000), "<!-- ", "' onload='alert(1)", "\n\n", "",
	} {
		g := Graph{Title: name, Nodes: []Node{{Name: name, Detail: name, Title: name, Kind: Main}, {Name: name, Title: name}, {Name: name, Kind: Open}}, Edges: [][]int{{1}, {0}}}
		data, err := Draw(g)
		if err != nil {
			t.Fatal(err)
		}
		got := elements(t, data)
		for element := range got {
			if !slices.Contains([]string{"svg", "title", "style", "rect", "text", "g", "path"}, element) {
				t.Errorf("%q makes a %s element", name, element)
			}
		}
		for _, list := range got {
			for _, e := range list {
				for _, a := range e.Attr {
					if strings.HasPrefix(a.Name.Local, "on") || a.Name.Local == "href" {
						t.Errorf("%q makes an attribute %s", name, a.Name.Local)
					}
				}
			}
		}
		if bytes.ContainsAny(data, "\x00\x1b") || bytes.Contains(data, []byte("\u202e")) {
			t.Errorf("%q is in the picture as it is", name)
		}
	}
}

func TestLimits(t *testing.T) {
	for name, g := range map[string]Graph{
		"too many nodes":     {Nodes: make([]Node, MaxNodes+1)},
		"edges of nothing":   {Nodes: make([]Node, 1), Edges: make([][]int, 2)},
		"an edge to nothing": {Nodes: make([]Node, 1), Edges: [][]int{{1}}},
		"an edge below":      {Nodes: make([]Node, 1), Edges: [][]int{{-1}}},
	} {
		if _, err := Draw(g); err == nil {
			t.Errorf("%s: a picture", name)
		}
	}
	all := Graph{Nodes: make([]Node, 400), Edges: make([][]int, 400)}
	for i := range 400 {
		for j := range 400 {
			all.Edges[i] = append(all.Edges[i], j)
		}
	}
	if _, err := Draw(all); err == nil {
		t.Error("too many edges: a picture")
	}
	if _, err := Draw(Graph{}); err != nil {
		t.Errorf("a picture of nothing: %v", err)
	}
	// The worst that is let through still ends.
	wide := Graph{Nodes: make([]Node, MaxNodes), Edges: make([][]int, MaxNodes)}
	for i := range MaxNodes {
		for j := i + 1; j < min(MaxNodes, i+49); j++ {
			wide.Edges[i] = append(wide.Edges[i], j)
		}
	}
	if _, err := Draw(wide); err != nil {
		t.Error(err)
	}
	layers := Graph{Nodes: make([]Node, MaxNodes), Edges: make([][]int, MaxNodes)}
	for i := range MaxNodes - 1 { // a chain, and from each of it an edge far ahead that nothing implies
		if i%2 == 0 {
			layers.Edges[i] = append(layers.Edges[i], min(i+2, MaxNodes-2), i+1)
		}
	}
	if _, err := Draw(layers); err != nil {
		t.Error(err)
	}
}

func FuzzDraw(f *testing.F) {
	f.Add("name", []byte{1, 2, 3, 4})
	f.Add("<&\x00", []byte{0, 0, 5, 1, 1, 5})
	f.Fuzz(func(t *testing.T, name string, pairs []byte) {
		g := Graph{Title: name, Nodes: make([]Node, 32), Edges: make([][]int, 32)}
		for i := range g.Nodes {
			g.Nodes[i] = Node{Name: name, Detail: name, Title: name, Kind: Kind(i % 3)}
		}
		for i := 0; i+1 < len(pairs) && i < 400; i += 2 {
			g.Edges[pairs[i]%32] = append(g.Edges[pairs[i]%32], int(pairs[i+1]%32))
		}
		data, err := Draw(g)
		if err != nil {
			t.Fatal(err)
		}
		if n := len(elements(t, data)["g"]); n != 32 {
			t.Errorf("%d boxes, want 32", n)
		}
		checkLayout(t, g)
	})
}

func BenchmarkDraw300(b *testing.B) {
	g := random(300, 300)
	for b.Loop() {
		if _, err := Draw(g); err != nil {
			b.Fatal(err)
		}
	}
}
