package release

import (
	"iter"
	"slices"
	"sort"
	"time"
)

// A Mention is a record that has to do with a key or a builder.
type Mention struct {
	Index   uint64    `json:"index"`
	Time    time.Time `json:"time,omitzero"` // when it was witnessed
	Kind    string    `json:"kind"`          // of the record; "provenance" if it is that of a release, which stands outside of the log
	Product string    `json:"product,omitempty"`
	Release int       `json:"release,omitempty"` // number
	Void    bool      `json:"void,omitempty"`    // it had no effect
}

// What is mentioned, in lists.
const (
	aKeyName     = "key "
	aBuilderName = "builder "
)

// noteSigners keeps what each key signed, for when it turns out to be stolen.
func (h *History) noteSigners(r Record, e Effect) {
	for _, s := range r.Signers {
		if s.KeyID != "" {
			h.mention(aKeyName+s.KeyID, Mention{r.Index, r.Time, e.Kind, e.Product, e.Release, e.Void != nil})
		}
	}
}

// noteBuilt keeps who built a release; of one that does not say, nobody did.
func (h *History) noteBuilt(product string, r *Released) {
	m := Mention{r.Index, r.Time, "release", product, r.Number, false}
	var builders, keys []string
	for _, b := range r.Built {
		builders, keys = append(builders, b.Builder), append(keys, b.Keys...)
	}
	if len(builders) == 0 {
		builders = []string{""}
	}
	for _, b := range unique(builders) {
		h.mention(aBuilderName+b, m)
	}
	m.Kind = "provenance"
	for _, key := range unique(keys) {
		h.mention(aKeyName+key, m)
	}
}

func unique(list []string) []string {
	slices.Sort(list)
	return slices.Compact(list)
}

func (h *History) mention(name string, m Mention) {
	put(h.facts, rowKey{aMention, name, "", h.add(name)}, &m)
}

// add makes a list one longer, and returns how long it is.
func (h *History) add(list string) int {
	n := h.count(list) + 1
	put(h.facts, rowKey{aCount, list, "", 1}, &n)
	return n
}

func (h *History) count(list string) int {
	if n := get[int](h.facts, rowKey{aCount, list, "", 1}); n != nil {
		return *n
	}
	return 0
}

// SignedBy goes through what a key signed that was witnessed from an instant on
// and before another one, in log order; zero is no bound. The key is the hex
// SHA-256 of its PKIX form. Records of no known time stand before all others: only
// a from of zero has them. To find the first one takes a few steps, however many
// there are; breaking out of the loop ends it.
func (s *Snapshot) SignedBy(key string, from, to time.Time) iter.Seq2[Mention, error] {
	return s.mentions(aKeyName+key, from, to)
}

// BuiltBy goes through the releases that a builder, by its id, built by the word of
// whoever released them, as [Snapshot.SignedBy] does. Those of the builder "" do
// not say who built them: of them nobody knows.
func (s *Snapshot) BuiltBy(builder string, from, to time.Time) iter.Seq2[Mention, error] {
	return s.mentions(aBuilderName+builder, from, to)
}

func (s *Snapshot) mentions(name string, from, to time.Time) iter.Seq2[Mention, error] {
	return func(yield func(Mention, error) bool) {
		at := func(n int) *Mention { return get[Mention](s.h.facts, rowKey{aMention, name, "", n}) }
		total := s.h.count(name)
		first := 1 + sort.Search(total, func(i int) bool {
			m := at(i + 1)
			return m == nil || !m.Time.Before(from)
		})
		for n := first; n <= total; n++ {
			m := at(n)
			if m == nil || m.Index >= s.head.Size || !to.IsZero() && !m.Time.Before(to) {
				break
			}
			if !yield(*m, nil) {
				return
			}
		}
		if s.h.facts.err != nil {
			yield(Mention{}, s.h.facts.err)
		}
	}
}
