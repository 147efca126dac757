package release

import (
	"iter"
	"strconv"
)

// A Held is a module that a release holds, by its SBOMs.
type Held struct {
	Product string `json:"product"`
	Release int    `json:"release"` // number
	Module  string `json:"module"`
	Version string `json:"version"`
}

// Learn keeps what a release holds, of which its SBOMs were read: they are named by
// digest in its record, so whoever hands them in cannot change what they say. What
// is known already is not kept a second time.
func (h *History) Learn(product string, number int, modules []Held) {
	h.open()
	p := h.product(product)
	if p == nil || number < 1 || number > p.head.Releases || p.number(byLearnt, strconv.Itoa(number)) != 0 {
		return
	}
	for _, m := range modules {
		m.Product, m.Release = product, number
		put(h.facts, rowKey{aHeld, m.Module, "", h.add("module " + m.Module)}, &m)
	}
	p.setNumber(byLearnt, strconv.Itoa(number), 1)
	for p.number(byLearnt, strconv.Itoa(p.head.Learnt+1)) != 0 {
		p.head.Learnt++
	}
	p.touch()
}

// Holding goes through the releases of all products that hold a module, in any
// version, in the order in which they were learnt. It knows only those that
// [Snapshot.Unlearnt] does not name. Breaking out of the loop ends it.
func (s *Snapshot) Holding(module string) iter.Seq2[Held, error] {
	return func(yield func(Held, error) bool) {
		for n := range s.h.count("module " + module) {
			m := get[Held](s.h.facts, rowKey{aHeld, module, "", n + 1})
			if m == nil {
				break
			}
			if !yield(*m, nil) {
				return
			}
		}
		if s.h.facts.err != nil {
			yield(Held{}, s.h.facts.err)
		}
	}
}

// Unlearnt goes through the numbers of a product's releases of which nobody has
// said yet what they hold. Breaking out of the loop ends it.
func (s *Snapshot) Unlearnt(product string) iter.Seq2[int, error] {
	return func(yield func(int, error) bool) {
		p := s.about(product)
		live := s.live(product)
		if p != nil && live != nil {
			for n := live.head.Learnt + 1; n <= p.head.Releases; n++ {
				if live.number(byLearnt, strconv.Itoa(n)) == 0 && !yield(n, nil) {
					return
				}
			}
		}
		if s.h.facts.err != nil {
			yield(0, s.h.facts.err)
		}
	}
}
