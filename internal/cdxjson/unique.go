package cdxjson

import (
	"hash/maphash"
	"math"
	"math/bits"
	"strconv"
)

// A uniqueSet holds the items of one array that must differ. Two items that
// have another bom-ref (or ref) differ, so most are known by that alone; others
// are known by a hash of all they hold. The hashes are keyed, and items of the
// same hash are compared.
type uniqueSet struct {
	slots []keyed // a list as long as it is short, and then a hash table
	n     int
	deep  map[uint64]int // where items stand, by all they hold, whose keys met
}

// A keyed is 36 bits of the hash of an item's key, above where the item begins,
// which in a document of at most [MaxSize] has 28. 0 is an empty slot. That two
// hashes are alike by chance costs a look at both items and nothing else.
type keyed uint64

const fromBits = 28

func (k keyed) from() int          { return int(k & (1<<fromBits - 1)) }
func (k keyed) meets(o keyed) bool { return k>>fromBits == o>>fromBits }

// A span is where an item stands.
type span struct{ from, to int }

// shortSet is how many items are looked through one by one.
const shortSet = 8

// takeSet returns an empty set.
func (d *decoder) takeSet() *uniqueSet {
	last := len(d.sets) - 1
	if last < 0 {
		return &uniqueSet{slots: make([]keyed, 0, shortSet)}
	}
	u := d.sets[last]
	d.sets = d.sets[:last]
	if cap(u.slots) > shortSet {
		u.slots = make([]keyed, 0, shortSet)
	}
	u.slots, u.n, u.deep = u.slots[:0], 0, nil
	return u
}

// A hasher hashes values so that equal ones have equal hashes.
type hasher struct{ seed maphash.Seed }

// add puts the item that stands from from to to, with its key at key, into the set, unless an equal
// one is there: then it returns where that stands.
func (d *decoder) add(u *uniqueSet, from, to, key int) (twin int, ok bool) {
	if d.hash == nil {
		d.hash = &hasher{maphash.MakeSeed()}
	}
	k := keyed(d.keyHash(from, to, key)<<fromBits | uint64(from))
	if u.n < shortSet {
		for _, other := range u.slots {
			if other.meets(k) {
				return d.same(u, other.from(), from)
			}
		}
		u.slots = append(u.slots, k)
		u.n++
		return 0, true
	}
	if u.n == shortSet && len(u.slots) == shortSet || u.n*4 >= len(u.slots)*3 {
		old := u.slots
		u.slots = make([]keyed, max(64, 2*len(old)))
		for _, k := range old {
			if k != 0 {
				*u.slot(k) = k
			}
		}
	}
	s := u.slot(k)
	if *s != 0 {
		return d.same(u, s.from(), from)
	}
	*s = k
	u.n++
	return 0, true
}

// slot is where what meets k stands, or k would.
func (u *uniqueSet) slot(k keyed) *keyed {
	mask := len(u.slots) - 1
	for i := int(k>>fromBits) & mask; ; i = (i + 1) & mask {
		if s := &u.slots[i]; *s == 0 || s.meets(k) {
			return s
		}
	}
}

// keyHash is the hash of the item's key, or of all of it.
func (d *decoder) keyHash(from, to, key int) uint64 {
	switch {
	case d.s[from] == '"':
		return maphash.String(d.hash.seed, stringAt(d.s, from))
	case d.s[from] == '{' && key > from && key < to:
		return maphash.String(d.hash.seed, stringAt(d.s, key)) + 2
	}
	return d.deepHash(from)
}

// same decides about the item at b, whose key the one at a has as well.
func (d *decoder) same(u *uniqueSet, a, b int) (int, bool) {
	if u.deep == nil {
		u.deep = map[uint64]int{}
	}
	first, second := d.deepHash(a), d.deepHash(b)
	if _, known := u.deep[first]; !known {
		u.deep[first] = a
	}
	if twin, known := u.deep[second]; known && d.equal(twin, b) {
		return twin, false
	}
	u.deep[second] = b
	return 0, true
}

// stringAt is the string at i, which is known to be one.
func stringAt(s string, i int) string {
	for k := i + 1; k+8 <= len(s); k += 8 {
		if m := special(load(s, k)); m != 0 {
			if k += bits.TrailingZeros64(m) / 8; s[k] == '"' {
				return s[i+1 : k]
			}
			break
		}
	}
	d := decoder{s: s, pos: i}
	return d.str()
}

func (d *decoder) deepHash(from int) uint64 {
	probe := decoder{s: d.s, pos: from, known: true}
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
func (d *decoder) equal(a, b int) bool {
	x, y := decoder{s: d.s, pos: a}, decoder{s: d.s, pos: b}
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
