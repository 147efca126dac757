package sbom

import (
	"fmt"
	"hash/maphash"
	"slices"
	"strconv"
	"strings"
)

// A token stands for the name or the bom-ref of a component that is not at hand.
func nameToken(n int) string { return fmt.Sprintf("\x00n%d\x00", n) }

func refToken(n int) string { return fmt.Sprintf("\x00r%d\x00", n) }

func tokens(s string) (all []int32) {
	for i, part := range strings.Split(s, "\x00") {
		if n, err := strconv.ParseInt(strings.TrimLeft(part, "nr"), 10, 32); i%2 == 1 && err == nil {
			all = append(all, int32(n))
		}
	}
	return all
}

func replaceTokens(s string, names, refs map[int32]string) string {
	if !strings.Contains(s, "\x00") {
		return s
	}
	parts := strings.Split(s, "\x00")
	for i := 1; i < len(parts); i += 2 {
		n, err := strconv.ParseInt(strings.TrimLeft(parts[i], "nr"), 10, 32)
		switch {
		case err != nil:
		case parts[i][0] == 'n':
			parts[i] = names[int32(n)]
		default:
			parts[i] = refs[int32(n)]
		}
	}
	return strings.Join(parts, "")
}

// A refIndex numbers bom-refs by keyed hashes of 64 bits: of a million refs two
// have the same one once in 37 million documents, and nobody can make it happen.
type refIndex struct {
	seed    maphash.Seed
	buckets [256][]uint64 // by the first byte; sorted once it is closed
	first   [256]int      // the number of the first of each
	size    int           // how many numbers there are
	twice   map[uint64]bool
}

func (x *refIndex) hash(ref string) uint64 { return maphash.String(x.seed, ref) }

func (x *refIndex) add(ref string) {
	h := x.hash(ref)
	x.buckets[h>>56] = append(x.buckets[h>>56], h)
}

// close puts the hashes in order. Extra is how many were there before.
func (x *refIndex) close() (size, extra int) {
	x.twice = map[uint64]bool{}
	for i, b := range x.buckets {
		slices.Sort(b)
		for j := 1; j < len(b); j++ {
			if b[j] == b[j-1] {
				x.twice[b[j]] = true
				extra++
			}
		}
		b = append(make([]uint64, 0, len(b)), slices.Compact(b)...) // what it grew to is more
		x.buckets[i], x.first[i] = b, x.size
		x.size += len(b)
	}
	return x.size, extra
}

// find is the number of a bom-ref, -1 if nothing has it.
func (x *refIndex) find(ref string) int {
	h := x.hash(ref)
	at, there := slices.BinarySearch(x.buckets[h>>56], h)
	if !there {
		return -1
	}
	return x.first[h>>56] + at
}
