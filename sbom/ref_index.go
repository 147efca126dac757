package sbom

import (
	"cmp"
	"hash/maphash"
	"slices"
)

// A refIndex numbers bom-refs by keyed hashes of 64 bits: of a million refs two
// have the same one once in 37 million documents, and nobody can make it happen.
// With each it keeps a V, that of the ref's first owner.
type refIndex[V any] struct {
	seed    maphash.Seed
	buckets [256][]indexed[V] // by the first byte; sorted once it is closed
	first   [256]int          // the number of the first of each
	size    int               // how many numbers there are
	twice   map[uint64]bool
}

type indexed[V any] struct {
	value V // first, as nothing takes no room there
	hash  uint64
}

func (x *refIndex[V]) text(s string) uint64 { return maphash.String(x.seed, s) }

func (x *refIndex[V]) add(ref string, value V) {
	h := x.text(ref)
	x.buckets[h>>56] = append(x.buckets[h>>56], indexed[V]{value, h})
}

// close puts the hashes in order. Extra is called for what is left out, for its
// ref was there before; it may be nil.
func (x *refIndex[V]) close(extra func(V)) (size int) {
	x.twice = map[uint64]bool{}
	for i, b := range x.buckets {
		slices.SortStableFunc(b, func(a, b indexed[V]) int { return cmp.Compare(a.hash, b.hash) })
		out := make([]indexed[V], 0, len(b)) // what b grew to is more
		for j, e := range b {
			if j > 0 && e.hash == b[j-1].hash {
				x.twice[e.hash] = true
				if extra != nil {
					extra(e.value)
				}
				continue
			}
			out = append(out, e)
		}
		x.buckets[i], x.first[i] = out, x.size
		x.size += len(out)
	}
	return x.size
}

// find is the number of a bom-ref, -1 if nothing has it.
func (x *refIndex[V]) find(ref string) int {
	h := x.text(ref)
	at, there := x.at(h)
	if !there {
		return -1
	}
	return x.first[h>>56] + at
}

// value is what was kept with a bom-ref, nil if nothing has it.
func (x *refIndex[V]) value(ref string) *V {
	h := x.text(ref)
	at, there := x.at(h)
	if !there {
		return nil
	}
	return &x.buckets[h>>56][at].value
}

func (x *refIndex[V]) at(hash uint64) (at int, there bool) {
	return slices.BinarySearchFunc(x.buckets[hash>>56], hash, func(e indexed[V], h uint64) int { return cmp.Compare(e.hash, h) })
}
