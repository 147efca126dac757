package rollout

import (
	"iter"
	"strings"
	"time"

	"golang.org/x/mod/semver"

	"github.com/touchmark-go/touchmark/provenance/release"
)

// Places are what the environments of a product are at and since when, and what
// was last said to run in their clusters.
func (v *View) Places(product string) (places []release.Place, err error) {
	v.ask(func(s *release.Snapshot) { places, err = s.Places(product) })
	return places, err
}

// TagHistory says what a tag names, and who tried to make it name something else.
func (v *View) TagHistory(product, tag string) (*release.TagHistory, error) {
	return known(v, func(s *release.Snapshot) (*release.TagHistory, error) { return s.TagHistory(product, tag) })
}

// MayGoBack says whether an environment may be rolled back to a release, by what
// it is called, and why or why not. The error is [release.ErrUnknown] if there is no
// such release.
func (v *View) MayGoBack(product, environment, name string) (yes bool, why string, err error) {
	r, err := v.Find(product, name)
	if err != nil {
		return false, "", err
	}
	v.ask(func(s *release.Snapshot) { yes, why, err = s.MayGoBack(product, environment, r) })
	return yes && err == nil, why, err
}

// SignedBy goes through what a key signed: see [release.Snapshot.SignedBy].
func (v *View) SignedBy(key string, from, to time.Time) iter.Seq2[release.Mention, error] {
	return oneByOne(v, func(s *release.Snapshot) iter.Seq2[release.Mention, error] { return s.SignedBy(key, from, to) })
}

// BuiltBy goes through what a builder built: see [release.Snapshot.BuiltBy].
func (v *View) BuiltBy(builder string, from, to time.Time) iter.Seq2[release.Mention, error] {
	return oneByOne(v, func(s *release.Snapshot) iter.Seq2[release.Mention, error] { return s.BuiltBy(builder, from, to) })
}

// A Holding is a release that holds a module, or may: Unknown says why nobody can
// tell, and is empty if it does.
type Holding struct {
	Product string      `json:"product"`
	Release release.Ref `json:"-"`
	Name    string      `json:"release"`
	Number  int         `json:"number"`
	Version string      `json:"version,omitempty"` // of the module
	Unknown string      `json:"unknown,omitempty"`
}

// Holding goes through the releases that hold a module in a version below another
// one, or in any if below is empty; and then those of which it is not known: their
// SBOMs were never read (see [Replay.Learn]), or the version cannot be compared.
// Breaking out of the loop ends it.
func (v *View) Holding(module, below string) iter.Seq2[Holding, error] {
	return func(yield func(Holding, error) bool) {
		name := func(h *Holding) error {
			r, err := v.release(h.Product, h.Number)
			if err == nil {
				v.ask(func(s *release.Snapshot) { _, h.Release, err = s.Find(h.Product, r.ID.String()) })
				h.Name = h.Release.Name
			}
			return err
		}
		for held, err := range oneByOne(v, func(s *release.Snapshot) iter.Seq2[release.Held, error] { return s.Holding(module) }) {
			h := Holding{Product: held.Product, Number: held.Release, Version: held.Version}
			if err == nil {
				older, comparable := isBelow(held.Version, below)
				if comparable && !older {
					continue
				}
				if !comparable {
					h.Unknown = "its version cannot be compared"
				}
				err = name(&h)
			}
			if !yield(h, err) || err != nil {
				return
			}
		}
		for _, product := range v.Products() {
			numbers, err := v.unlearnt(product)
			if err != nil {
				yield(Holding{}, err)
				return
			}
			for _, n := range numbers {
				h := Holding{Product: product, Number: n, Unknown: "its SBOM was not read"}
				err := name(&h)
				if !yield(h, err) || err != nil {
					return
				}
			}
		}
	}
}

// isBelow reports whether a version comes before another one, and whether that can
// be said.
func isBelow(version, limit string) (below, comparable bool) {
	if limit == "" {
		return true, true
	}
	canonical := func(s string) string {
		if s = strings.TrimPrefix(s, "go"); !strings.HasPrefix(s, "v") {
			s = "v" + s
		}
		return s
	}
	a, b := canonical(version), canonical(limit)
	if !semver.IsValid(a) || !semver.IsValid(b) {
		return false, false
	}
	return semver.Compare(a, b) < 0, true
}

func (v *View) unlearnt(product string) (numbers []int, err error) {
	v.ask(func(s *release.Snapshot) {
		for n, e := range s.Unlearnt(product) {
			if err = e; err != nil {
				return
			}
			numbers = append(numbers, n)
		}
	})
	return numbers, err
}

// release is the release of that number, which there is.
func (v *View) release(product string, number int) (*release.Released, error) {
	return known(v, func(s *release.Snapshot) (*release.Released, error) { return s.Release(product, number) })
}

// oneByOne goes through answers and holds the lock only while it looks for the next
// one: what is done with them must not keep others from asking.
func oneByOne[T any](v *View, question func(*release.Snapshot) iter.Seq2[T, error]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		next, stop := iter.Pull2(question(v.snapshot))
		defer stop()
		for {
			v.replay.mu.Lock()
			answer, err, more := next()
			v.replay.mu.Unlock()
			if !more || !yield(answer, err) {
				return
			}
		}
	}
}
