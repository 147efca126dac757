package cdxjson

import (
	"github.com/touchmark-go/touchmark/internal/cdxschema"
)

// A slab is memory for lists of one type, so that a list does not cost an
// allocation of its own, and its header none either.
type slab[T any] struct {
	free  []T // an empty slice, with room behind it
	heads [][]T
	busy  bool // a list of this type is being read; one inside it goes elsewhere
}

// The sizes of slabs, in items.
const (
	smallSlab = 8
	largeSlab = 256
)

// list reads an array.
func list[T any](d *decoder, n *cdxschema.Node, s *slab[T], read func(*decoder, *T, *cdxschema.Node)) *[]T {
	if n.Kind == cdxschema.Choice {
		if n = d.choose(n); n == nil {
			return nil
		}
	}
	a := d.openArray(n)
	outer := !s.busy
	var items []T
	if outer {
		s.busy, items = true, s.free[:0]
	}
	for d.nextItem(&a) {
		if len(items) == cap(items) {
			items = append(make([]T, 0, d.room(a, outer, cap(items))), items...)
		}
		items = items[:len(items)+1]
		read(d, &items[len(items)-1], n.Elem)
	}
	if outer {
		s.busy, s.free = false, items[len(items):]
	}
	if items == nil {
		items = []T{}
	}
	if len(s.heads) == cap(s.heads) {
		s.heads = make([][]T, 0, min(max(smallSlab, 2*cap(s.heads)), largeSlab))
	}
	s.heads = append(s.heads, items[:len(items):len(items)])
	return &s.heads[len(s.heads)-1]
}

// room says how much to make for a list that has outgrown its slab. A long list
// is expected to go on as it began, but not for more than 131,072 items, or four times as
// many as it has.
func (d *decoder) room(a array, outer bool, last int) int {
	have := a.n - 1
	if have >= largeSlab/2 {
		each := (d.pos-a.start)/have + 1
		return min(have+(len(d.s)-d.pos)/each*9/8+1, max(4*have, 1<<17))
	}
	if !outer {
		return max(2, 2*have)
	}
	return max(min(max(smallSlab, 2*last), largeSlab), 2*have)
}

// readText reads a string of a list.
func readText[T ~string](d *decoder, v *T, n *cdxschema.Node) { *v = T(d.text(n)) }

// readInt reads an integer of a list.
func readInt(d *decoder, v *int, n *cdxschema.Node) { *v = int(d.number(n)) }
