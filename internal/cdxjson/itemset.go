package cdxjson

// An itemSet finds equal items of lists that are too long to keep: by hashes of
// 64 bits with a key that nobody knows. Up to a certain size of the document, or
// if it cannot be read again, all hashes are kept, 8 to 16 bytes an item.
// Beyond it a Bloom filter of a bit for 32 to 64 bytes of the document tells which
// hashes may have been there before, and a second reading is for those alone.
type itemSet struct {
	slots    []uint64 // a hash table, or the filter
	n        int
	isFilter bool
	suspects map[uint64]bool
}

const (
	// exactSize is the size of a document, in bytes, up to which hashes are kept.
	exactSize = 128 << 20
	// maxSuspects is how many hashes are kept of those that may be there twice.
	maxSuspects = 1 << 16
)

// newItemSet makes the set for a document of that size; it is negative if the
// document cannot be read again.
func newItemSet(size int64) itemSet {
	if size <= exactSize {
		return itemSet{slots: make([]uint64, 1<<10)}
	}
	words := int64(1 << 16)
	for words*64*64 < size {
		words *= 2
	}
	return itemSet{slots: make([]uint64, words), isFilter: true, suspects: map[uint64]bool{}}
}

// add adds a hash, and reports whether it was not there. A filter is never sure
// and never says that it was.
func (s *itemSet) add(h uint64) bool {
	if s.isFilter {
		s.filter(h)
		return true
	}
	h |= 1 // 0 is an empty slot
	if s.n*4 >= len(s.slots)*3 {
		old := s.slots
		s.slots = make([]uint64, 2*len(old))
		for _, h := range old {
			if h != 0 {
				s.slots[s.slot(h)] = h
			}
		}
	}
	i := s.slot(h)
	if s.slots[i] == h {
		return false
	}
	s.slots[i] = h
	s.n++
	return true
}

// slot is where h stands, or would.
func (s *itemSet) slot(h uint64) int {
	mask := len(s.slots) - 1
	for i := int(h>>20) & mask; ; i = (i + 1) & mask {
		if s.slots[i] == h || s.slots[i] == 0 {
			return i
		}
	}
}

// filter sets eight bits for h, and notes h if all of them were set.
func (s *itemSet) filter(h uint64) {
	bits := uint64(len(s.slots)) * 64
	step, all := h>>32|1, true
	for at := h; at != h+8*step; at += step {
		bit := at & (bits - 1)
		all = all && s.slots[bit/64]>>(bit%64)&1 != 0
		s.slots[bit/64] |= 1 << (bit % 64)
	}
	if all && len(s.suspects) < maxSuspects {
		s.suspects[h] = true
	}
}
