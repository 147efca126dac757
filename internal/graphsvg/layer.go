package graphsvg

import "slices"

// A layout is a graph on its way to a picture.
type layout struct {
	nodes []Node
	edges [][]int // without those of cycles
	back  [][]int // the edges that close cycles
	shown [][]int // those of edges that do not follow from others
	layer []int   // of each node; -1 if it stands apart
	apart []int   // nodes without any edge

	items   []item  // boxes and lanes
	columns [][]int // items by layer, from top to bottom
	down    [][]int // from an item to those of the next layer that it is joined to
	up      [][]int
	lanes   map[lane]int // items
	boxes   []int        // the item of each node, -1 if it stands apart

	x, width []float64 // of columns
	y        []float64 // of items, their middle
}

// An item is a place in a column: that of a node, or where the line to a node
// passes between others.
type item struct {
	node  int // that it is, or that the line leads to
	box   bool
	layer int
}

// A lane is where the lines to a node pass a layer.
type lane struct{ to, layer int }

func newLayout(nodes []Node, edges [][]int) *layout {
	l := &layout{nodes: nodes, edges: edges}
	l.breakCycles()
	l.reduce()
	l.assign()
	l.place()
	l.order()
	l.coordinates()
	return l
}

// breakCycles takes the edges out that lead back to where the way came from.
func (l *layout) breakCycles() {
	const (
		fresh = iota
		open
		done
	)
	state := make([]int, len(l.nodes))
	l.back = make([][]int, len(l.nodes))
	kept := make([][]int, len(l.nodes))
	type frame struct{ node, next int }
	for root := range l.nodes {
		if state[root] != fresh {
			continue
		}
		frames := []frame{{root, 0}}
		state[root] = open
		for len(frames) > 0 {
			f := &frames[len(frames)-1]
			if f.next == len(l.edges[f.node]) {
				state[f.node] = done
				frames = frames[:len(frames)-1]
				continue
			}
			from, to := f.node, l.edges[f.node][f.next]
			f.next++
			switch state[to] {
			case open:
				l.back[from] = append(l.back[from], to)
				continue
			case fresh:
				state[to] = open
				frames = append(frames, frame{to, 0})
			}
			kept[from] = append(kept[from], to)
		}
	}
	l.edges = kept
}

// sorted are the nodes so that each stands before what it depends on.
func (l *layout) sorted() []int {
	left := make([]int, len(l.nodes))
	for _, on := range l.edges {
		for _, n := range on {
			left[n]++
		}
	}
	var order []int
	for i := range l.nodes {
		if left[i] == 0 {
			order = append(order, i)
		}
	}
	for i := 0; i < len(order); i++ {
		for _, n := range l.edges[order[i]] {
			if left[n]--; left[n] == 0 {
				order = append(order, n)
			}
		}
	}
	return order
}

// reduce finds the edges that no longer way stands for.
func (l *layout) reduce() {
	order := l.sorted()
	words := (len(l.nodes) + 63) / 64
	reach := make([][]uint64, len(l.nodes)) // what a node brings in, itself among it
	l.shown = make([][]int, len(l.nodes))
	for _, n := range slices.Backward(order) {
		set := make([]uint64, words)
		for _, to := range l.edges[n] {
			implied := false
			for _, other := range l.edges[n] {
				if other != to && reach[other][to/64]&(1<<(to%64)) != 0 {
					implied = true
					break
				}
			}
			if !implied {
				l.shown[n] = append(l.shown[n], to)
			}
			for w, bits := range reach[to] {
				set[w] |= bits
			}
		}
		set[n/64] |= 1 << (n % 64)
		reach[n] = set
	}
}

// assign puts each node one layer behind the last of those that depend on it.
func (l *layout) assign() {
	l.layer = make([]int, len(l.nodes))
	joined := make([]bool, len(l.nodes))
	for i := range l.nodes {
		for _, list := range [][]int{l.edges[i], l.back[i]} {
			for _, n := range list {
				joined[i], joined[n] = true, true
			}
		}
	}
	for _, n := range l.sorted() {
		if !joined[n] && l.nodes[n].Kind != Main {
			l.layer[n] = -1
			l.apart = append(l.apart, n)
			continue
		}
		for _, to := range l.shown[n] {
			l.layer[to] = max(l.layer[to], l.layer[n]+1)
		}
	}
	slices.Sort(l.apart)
}

// place makes the items: a box for each node, and a lane for each node in each
// layer that lines to it pass.
func (l *layout) place() {
	l.lanes, l.boxes = map[lane]int{}, make([]int, len(l.nodes))
	add := func(i item) int {
		for len(l.columns) <= i.layer {
			l.columns = append(l.columns, nil)
		}
		n := len(l.items)
		l.items, l.up, l.down = append(l.items, i), append(l.up, nil), append(l.down, nil)
		l.columns[i.layer] = append(l.columns[i.layer], n)
		return n
	}
	for _, n := range l.depthFirst() {
		l.boxes[n] = -1
		if l.layer[n] >= 0 {
			l.boxes[n] = add(item{n, true, l.layer[n]})
		}
	}
	join := func(a, b int) {
		if !slices.Contains(l.down[a], b) {
			l.down[a], l.up[b] = append(l.down[a], b), append(l.up[b], a)
		}
	}
	for _, from := range l.depthFirst() {
		for _, to := range l.shown[from] {
			at := l.boxes[from]
			for layer := l.layer[from] + 1; layer < l.layer[to]; layer++ {
				key := lane{to, layer}
				if _, there := l.lanes[key]; !there {
					l.lanes[key] = add(item{to, false, layer})
				}
				join(at, l.lanes[key])
				at = l.lanes[key]
			}
			join(at, l.boxes[to])
		}
	}
}

// depthFirst are the nodes in an order that keeps together what belongs together.
func (l *layout) depthFirst() []int {
	seen := make([]bool, len(l.nodes))
	var order []int
	for _, root := range l.sorted() {
		stack := []int{root}
		for len(stack) > 0 {
			n := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			if seen[n] {
				continue
			}
			seen[n] = true
			order = append(order, n)
			for _, to := range slices.Backward(l.shown[n]) {
				stack = append(stack, to)
			}
		}
	}
	return order
}
