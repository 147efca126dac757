package graphsvg

import (
	"cmp"
	"math"
	"slices"
)

// sweeps is how often the columns are put in order, there and back.
const sweeps = 16

// order puts the items of each column so that few lines cross: each goes to the
// mean of those that it is joined to, column by column, to the right and back
// again (Sugiyama, Tagawa and Toda 1981), and the best of all that was seen stays.
func (l *layout) order() {
	at := make([]float64, len(l.items))
	number := func() {
		for _, column := range l.columns {
			for i, n := range column {
				at[n] = float64(i)
			}
		}
	}
	sort := func(column []int, joined [][]int) {
		key := make(map[int]float64, len(column))
		for _, n := range column {
			key[n] = at[n]
			if len(joined[n]) > 0 {
				sum := 0.0
				for _, m := range joined[n] {
					sum += at[m]
				}
				key[n] = sum / float64(len(joined[n]))
			}
		}
		slices.SortStableFunc(column, func(a, b int) int { return cmp.Compare(key[a], key[b]) })
		for i, n := range column {
			at[n] = float64(i)
		}
	}
	number()
	best, fewest := l.clone(), l.crossings(at)
	for range sweeps {
		for i := 1; i < len(l.columns); i++ {
			sort(l.columns[i], l.up)
		}
		for i := len(l.columns) - 2; i >= 0; i-- {
			sort(l.columns[i], l.down)
		}
		l.exchange(at)
		if n := l.crossings(at); n < fewest {
			best, fewest = l.clone(), n
		}
	}
	l.columns = best
}

// exchange swaps neighbours of a column where that takes crossings away.
func (l *layout) exchange(at []float64) {
	crossed := func(a, b []int) (n int) {
		for _, x := range a {
			for _, y := range b {
				if at[x] > at[y] {
					n++
				}
			}
		}
		return n
	}
	for _, column := range l.columns {
		for i := 1; i < len(column); i++ {
			a, b := column[i-1], column[i]
			if crossed(l.up[a], l.up[b])+crossed(l.down[a], l.down[b]) > crossed(l.up[b], l.up[a])+crossed(l.down[b], l.down[a]) {
				column[i-1], column[i] = b, a
				at[a], at[b] = at[b], at[a]
			}
		}
	}
}

func (l *layout) clone() [][]int {
	out := make([][]int, len(l.columns))
	for i, c := range l.columns {
		out[i] = slices.Clone(c)
	}
	return out
}

// crossings counts the pairs of lines between neighbouring columns that cross.
func (l *layout) crossings(at []float64) (n int) {
	for i := 0; i+1 < len(l.columns); i++ {
		tree := make([]int, len(l.columns[i+1])+1)
		total := 0
		for _, a := range l.columns[i] {
			ends := make([]int, 0, len(l.down[a]))
			for _, b := range l.down[a] {
				ends = append(ends, int(at[b]))
			}
			for _, e := range ends {
				below := 0 // lines before that end at or above e
				for k := e + 1; k > 0; k -= k & -k {
					below += tree[k]
				}
				n += total - below
			}
			for _, e := range ends {
				total++
				for k := e + 1; k < len(tree); k += k & -k {
					tree[k]++
				}
			}
		}
	}
	return n
}

// The measures of a picture, in pixels.
const (
	boxHeight  = 28.0
	laneHeight = 5.0
	boxGap     = 5.0
	margin     = 24.0
	header     = 64.0
	nameChar   = 6.65 // of 11 px monospace
	detailChar = 5.45 // of 9 px monospace
	widest     = 36   // characters of a name
	longest    = 42   // characters of a detail
)

func (l *layout) height(n int) float64 {
	if l.items[n].box {
		return boxHeight + boxGap
	}
	return laneHeight
}

// boxWidth is what a node needs.
func boxWidth(n Node) float64 {
	return 12 + max(nameChar*float64(len([]rune(shorten(n.Name, widest)))), detailChar*float64(len([]rune(shorten(n.Detail, longest)))), 30)
}

// coordinates finds where everything stands: columns beside each other with room
// for the lines between them, and each item as near to those that it is joined to
// as the others of its column allow.
func (l *layout) coordinates() {
	l.y = make([]float64, len(l.items))
	for _, column := range l.columns {
		y := 0.0
		for _, n := range column {
			l.y[n] = y + l.height(n)/2
			y += l.height(n)
		}
	}
	for range sweeps {
		for i := 1; i < len(l.columns); i++ {
			l.settle(l.columns[i], l.up, l.down)
		}
		for i := len(l.columns) - 1; i >= 0; i-- {
			l.settle(l.columns[i], l.down, l.up)
		}
	}
	both := make([][]int, len(l.items))
	for i := range both {
		both[i] = slices.Concat(l.up[i], l.down[i])
	}
	for range 2 {
		for _, column := range l.columns {
			l.settle(column, both, nil)
		}
	}
	top := math.Inf(1)
	for i, y := range l.y {
		top = min(top, y-l.height(i)/2)
	}
	for i := range l.y {
		l.y[i] += header - top
	}
	x := margin
	for _, column := range l.columns {
		width, lines := 40.0, 0
		for _, n := range column {
			if l.items[n].box {
				width = max(width, boxWidth(l.nodes[l.items[n].node]))
			}
			lines += len(l.down[n])
		}
		l.x, l.width = append(l.x, x), append(l.width, width)
		x += width + min(110, 40+float64(lines)*0.8)
	}
}

// settle moves the items of a column to where they want to be, in their order
// and without overlap, so that the squares of what each misses add up to the
// least (pool adjacent violators).
func (l *layout) settle(column []int, joined, other [][]int) {
	type pool struct {
		sum, weight float64 // of what the items want, less their offsets
		items       []int
	}
	var pools []pool
	at := 0.0 // the offset of an item, were all packed from 0
	offset := make(map[int]float64, len(column))
	for i, n := range column {
		if i > 0 {
			at += (l.height(column[i-1]) + l.height(n)) / 2
		}
		offset[n] = at
		want, weight := l.y[n], 0.2
		near := joined[n]
		if len(near) == 0 && other != nil {
			near = other[n]
		}
		if len(near) > 0 {
			want = 0
			for _, m := range near {
				want += l.y[m]
			}
			want /= float64(len(near))
			weight = 1
			if !l.items[n].box {
				weight = 3 // long lines should be straight
			}
		}
		p := pool{sum: weight * (want - at), weight: weight, items: []int{n}}
		for len(pools) > 0 && pools[len(pools)-1].sum/pools[len(pools)-1].weight > p.sum/p.weight {
			last := pools[len(pools)-1]
			pools = pools[:len(pools)-1]
			p = pool{sum: p.sum + last.sum, weight: p.weight + last.weight, items: append(last.items, p.items...)}
		}
		pools = append(pools, p)
	}
	for _, p := range pools {
		for _, n := range p.items {
			l.y[n] = p.sum/p.weight + offset[n]
		}
	}
}

// shorten cuts the middle out of what is too long.
func shorten(s string, most int) string {
	r := []rune(s)
	if len(r) <= most {
		return s
	}
	head := (most - 1) * 2 / 5
	return string(r[:head]) + "…" + string(r[len(r)-(most-1-head):])
}
