package cdxjson

import (
	"hash/maphash"
	"math"
	"strconv"
)

// A uniqueSet holds the items of one array that must differ. Two items that
// have another bom-ref (or ref) differ, so most are known by that alone; others
// are known by a hash of all they hold. The hashes are keyed, and items of the
// same hash are compared.
type uniqueSet struct {
	few   []keyed
	many  map[uint64]int
	spans []span // of all items
	deep  map[uint64]int
}

type span struct{ from, to int }

// A keyed is the hash of an item's key, and which item that is.
type keyed struct {
	hash uint64
	i    int
}

// A hasher hashes values so that equal ones have equal hashes.
type hasher struct{ seed maphash.Seed }

// add puts the i-th item, which stands from from to to, into the set, unless an
// equal one is there: then it returns that one's index.
func (d *decoder) add(u *uniqueSet, from, to, i int) (twin int, ok bool) {
	if d.hash == nil {
		d.hash = &hasher{maphash.MakeSeed()}
	}
	u.spans = append(u.spans, span{from, to})
	h := d.keyHash(from, to)
	if u.many == nil {
		for _, k := range u.few {
			if k.hash == h {
				return d.same(u, k.i, i)
			}
		}
		if len(u.few) < 8 {
			u.few = append(u.few, keyed{h, i})
			return 0, true
		}
		u.many = make(map[uint64]int, 64)
		for _, k := range u.few {
			u.many[k.hash] = k.i
		}
	}
	if j, known := u.many[h]; known {
		return d.same(u, j, i)
	}
	u.many[h] = i
	return 0, true
}

// keyHash is the hash of the item's key, or of all of it.
func (d *decoder) keyHash(from, to int) uint64 {
	switch {
	case d.s[from] == '"':
		probe := decoder{s: d.s, pos: from}
		return maphash.String(d.hash.seed, probe.str())
	case d.s[from] == '{' && d.lastKey > from && d.lastKey < to:
		probe := decoder{s: d.s, pos: d.lastKey}
		return maphash.String(d.hash.seed, probe.str()) + 1
	}
	return d.deepHash(from)
}

// same decides about the i-th item, whose key the j-th has as well.
func (d *decoder) same(u *uniqueSet, j, i int) (int, bool) {
	if u.deep == nil {
		u.deep = map[uint64]int{}
	}
	first, h := d.deepHash(u.spans[j].from), d.deepHash(u.spans[i].from)
	if _, known := u.deep[first]; !known {
		u.deep[first] = j
	}
	if j, known := u.deep[h]; known && d.equal(u.spans[j], u.spans[i]) {
		return j, false
	}
	u.deep[h] = i
	return 0, true
}

func (d *decoder) deepHash(from int) uint64 {
	probe := decoder{s: d.s, pos: from}
	return probe.hashOf(d.hash)
}

// hashOf reads a value that is known to be well formed. The order of an
// object's members does not count.
func (d *decoder) hashOf(h *hasher) uint64 {
	switch d.kind() {
	case '{':
		var sum uint64
		o := d.open(anyObject)
		for d.next(&o) {
			sum += mix(maphash.String(h.seed, o.name), d.hashOf(h))
		}
		return mix(sum, 1)
	case '[':
		sum := uint64(2)
		a := d.openArray(anything)
		for d.nextItem(&a) {
			sum = mix(sum, d.hashOf(h))
		}
		return sum
	case '"':
		return maphash.String(h.seed, d.str())
	case '0':
		f, _ := strconv.ParseFloat(d.digits(), 64)
		return mix(math.Float64bits(f+0), 3)
	}
	from := d.pos
	d.skip()
	return maphash.String(h.seed, d.s[from:d.pos]) + 4
}

// mix is a hash of two hashes in their order.
func mix(a, b uint64) uint64 {
	a = (a ^ b<<32 ^ b>>32) * 0x9E3779B97F4A7C15
	return (a ^ a>>29 ^ b) * 0xBF58476D1CE4E5B9
}

// equal compares two values of the document.
func (d *decoder) equal(a, b span) bool {
	x, y := decoder{s: d.s[:a.to], pos: a.from}, decoder{s: d.s[:b.to], pos: b.from}
	return same(x.value(), y.value())
}

// value reads a value as encoding/json would.
func (d *decoder) value() any {
	switch d.kind() {
	case '{':
		m := map[string]any{}
		o := d.open(anyObject)
		for d.next(&o) {
			name := o.name
			m[name] = d.value()
		}
		return m
	case '[':
		list := []any{}
		a := d.openArray(anything)
		for d.nextItem(&a) {
			list = append(list, d.value())
		}
		return list
	case '"':
		return d.str()
	case '0':
		f, _ := strconv.ParseFloat(d.digits(), 64)
		return f
	case 't':
		return d.boolean()
	}
	d.skip()
	return nil
}

func same(x, y any) bool {
	switch x := x.(type) {
	case map[string]any:
		y, ok := y.(map[string]any)
		if !ok || len(x) != len(y) {
			return false
		}
		for name, v := range x {
			if w, ok := y[name]; !ok || !same(v, w) {
				return false
			}
		}
		return true
	case []any:
		y, ok := y.([]any)
		if !ok || len(x) != len(y) {
			return false
		}
		for i := range x {
			if !same(x[i], y[i]) {
				return false
			}
		}
		return true
	}
	return x == y
}
