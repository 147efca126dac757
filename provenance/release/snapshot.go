package release

import (
	"cmp"
	"slices"
	"time"
	"weak"

	"github.com/touchmark-go/touchmark/provenance"
)

// A Snapshot answers what a [History] said when it was taken, whatever is applied
// since: before a record changes anything about a product, the snapshots that
// somebody still holds get what was said about it. It must not be used while its
// History is.
//
// The errors are those of [Facts].
type Snapshot struct {
	head     Head
	h        *History
	states   map[string]*State // of products that changed since, nil if nothing was known
	products []string
	roles    *Roles
	rows     historyRow // how many rows there were
}

// Snapshot is what h says now, as of head, which is that of the log after
// [History.Size] records.
func (h *History) Snapshot(head Head) *Snapshot {
	h.open()
	s := &Snapshot{head: head, h: h, states: map[string]*State{}, products: h.Products(), roles: h.row.Roles, rows: *h.row}
	h.snapshots = append(slices.DeleteFunc(h.snapshots, func(w weak.Pointer[Snapshot]) bool { return w.Value() == nil }), weak.Make(s))
	return s
}

// keep gives the snapshots that somebody holds what is said about a product now.
func (h *History) keep(product string) {
	var state *State
	for _, w := range h.snapshots {
		s := w.Value()
		if s == nil {
			continue
		}
		if _, kept := s.states[product]; kept {
			continue
		}
		if state == nil {
			state = h.State(product, Head{})
		}
		s.states[product] = state
	}
}

// Head is what was given to [History.Snapshot].
func (s *Snapshot) Head() Head { return s.head }

// Products are the products that any record was about, sorted. They must not be changed.
func (s *Snapshot) Products() []string { return s.products }

// State is all that was known about a product, nil if no record was about it.
func (s *Snapshot) State(product string) (*State, error) {
	state, kept := s.states[product]
	if !kept {
		state = s.h.State(product, s.head)
	}
	if state == nil {
		return nil, s.h.facts.err
	}
	out := *state
	out.Head = s.head
	if s.roles != nil {
		out.Trust = s.roles.Version
	}
	return &out, s.h.facts.err
}

// about is a product as it was, nil if no record was about it.
func (s *Snapshot) about(product string) *product {
	if state, kept := s.states[product]; kept {
		if state == nil {
			return nil
		}
		return state.about()
	}
	return s.h.product(product)
}

// Find is [State.Find], and how the release is called.
func (s *Snapshot) Find(product, name string) (*Released, Ref, error) {
	if p := s.about(product); p != nil {
		if r := p.find(name); r != nil {
			return p.told(r), p.ref(r), s.h.facts.err
		}
	}
	return nil, Ref{}, s.h.facts.err
}

// Release is the release of that number, nil if there is none.
func (s *Snapshot) Release(product string, number int) (*Released, error) {
	if p := s.about(product); p != nil {
		if r := p.release(number); r != nil {
			return p.told(r), s.h.facts.err
		}
	}
	return nil, s.h.facts.err
}

// Releases is how many there are.
func (s *Snapshot) Releases(product string) (int, error) {
	if p := s.about(product); p != nil {
		return p.head.Releases, s.h.facts.err
	}
	return 0, s.h.facts.err
}

// RevokedBy is [State.RevokedBy].
func (s *Snapshot) RevokedBy(product string, id provenance.Digest) (*Revoking, error) {
	if p := s.about(product); p != nil {
		return p.revokedBy(id), s.h.facts.err
	}
	return nil, s.h.facts.err
}

// Tag is what a tag is bound to, nil if it never was.
func (s *Snapshot) Tag(product, tag string) (*Bound, error) {
	if p := s.about(product); p != nil {
		return p.tag(tag), s.h.facts.err
	}
	return nil, s.h.facts.err
}

// Status is [State.Status].
func (s *Snapshot) Status(product string, artifact provenance.Digest) (*Status, error) {
	if p := s.about(product); p != nil {
		return p.status(artifact), s.h.facts.err
	}
	return nil, s.h.facts.err
}

// LastGood is [State.LastGood], and how it is called.
func (s *Snapshot) LastGood(product, environment string) (*Ref, error) {
	if p := s.about(product); p != nil {
		if r := p.lastGood(environment); r != nil {
			ref := p.ref(r)
			return &ref, s.h.facts.err
		}
	}
	return nil, s.h.facts.err
}

// A Place says what runs in one environment.
type Place struct {
	Environment string
	Release     Ref        // that it is at
	Version     string     // of it
	Since       time.Time  // when it came to it; zero is unknown
	Running     []Instance // the newest word about each cluster, sorted by name
}

// An Instance is the newest word about one cluster.
type Instance struct {
	Cluster string
	Release Ref
	Version string
	Deployed
}

// Places are what the environments of a product are at, sorted by name.
func (s *Snapshot) Places(product string) ([]Place, error) {
	p := s.about(product)
	if p == nil {
		return nil, s.h.facts.err
	}
	var out []Place
	for name, stage := range p.head.Stages {
		place := Place{Environment: name, Since: p.since(name)}
		if r := p.release(stage.Release); r != nil {
			place.Release, place.Version = p.ref(r), r.Version
		}
		for _, c := range all[cluster](p.f, stage.Clusters, func(n int) rowKey { return p.at(aCluster, name, n) }) {
			running := Instance{Cluster: c.Cluster, Deployed: c.Deployed}
			if r := p.release(c.Release); r != nil {
				running.Release, running.Version = p.ref(r), r.Version
			}
			place.Running = append(place.Running, running)
		}
		slices.SortFunc(place.Running, func(a, b Instance) int { return cmp.Compare(a.Cluster, b.Cluster) })
		out = append(out, place)
	}
	slices.SortFunc(out, func(a, b Place) int { return cmp.Compare(a.Environment, b.Environment) })
	return out, s.h.facts.err
}

// Revocations are those of attestations, keys and builders, in log order.
func (s *Snapshot) Revocations() ([]Revocation, error) {
	return all[Revocation](s.h.facts, s.rows.Revocations, func(n int) rowKey { return rowKey{kind: aRevocation, n: n} }), s.h.facts.err
}

// Fate is why a record was without effect, nil if it had one. Of those without,
// the newest are remembered, [MaxVoid] at most: of what is older it is an error.
func (s *Snapshot) Fate(index uint64) (*Voided, error) { return s.h.fate(index) }

// A TagHistory is all that happened to a tag.
type TagHistory struct {
	Tag      string    `json:"tag"`
	Bound    *Bound    `json:"bound"`         // nil if it never was
	Time     time.Time `json:"time,omitzero"` // of the release that it names
	Attempts []Attempt `json:"attempts"`      // to bind it, or one that looks like it, to something else: the newest
}

// TagHistory says what a tag names and who tried to make it name something else,
// among the newest [MaxVoid] attempts at any tag of the product.
func (s *Snapshot) TagHistory(product, tag string) (*TagHistory, error) {
	out := &TagHistory{Tag: tag, Attempts: []Attempt{}}
	p := s.live(product)
	if p == nil {
		return out, s.h.facts.err
	}
	if out.Bound = p.tag(tag); out.Bound != nil {
		if r := p.release(out.Bound.Release); r != nil {
			out.Time = r.Time
		}
	}
	look := Skeleton(tag)
	for _, a := range p.attempts() {
		if a.Index < s.head.Size && Skeleton(a.Tag) == look {
			out.Attempts = append(out.Attempts, a)
		}
	}
	return out, s.h.facts.err
}

// Attempts is how many records would have moved a tag of a product.
func (s *Snapshot) Attempts(product string) (int, error) {
	p := s.live(product)
	if p == nil {
		return 0, s.h.facts.err
	}
	return p.head.Attempts, s.h.facts.err
}

// live is a product by the history itself, for what no State has.
func (s *Snapshot) live(product string) *product { return s.h.product(product) }

func (p *product) attempts() []Attempt {
	first := max(p.head.Attempts-MaxVoid, 0)
	return all[Attempt](p.f, p.head.Attempts-first, func(n int) rowKey { return p.row(anAttempt, first+n) })
}

// MayGoBack says whether an environment may be rolled back to a release now, and
// why or why not.
func (s *Snapshot) MayGoBack(product, environment string, r *Released) (bool, string, error) {
	p := s.about(product)
	if p == nil {
		return false, "nothing of " + product + " was ever released", s.h.facts.err
	}
	yes, why := s.mayGoBack(p, environment, r)
	return yes, why, s.h.facts.err
}

func (s *Snapshot) mayGoBack(p *product, environment string, r *Released) (bool, string) {
	at := p.stage(environment)
	if v := s.h.forbidden(p, r); v != nil {
		return false, v.Message
	}
	if at == nil {
		return false, "nothing was ever promoted to " + environment
	}
	good := p.good(environment, r.Number)
	switch {
	case at.Release == r.Number:
		return true, environment + " is at it"
	case good != nil && s.h.taken(good.VSA):
		return false, "the verdict that let it in, " + good.VSA.String() + ", was revoked"
	case good != nil:
		return true, "good in " + environment + ", and may be rolled back to"
	}
	for n := range at.Moves {
		if m := p.move(environment, n+1); m != nil && m.Release == r.Number {
			return false, "it was taken back in " + environment + ": it comes back by promotion alone"
		}
	}
	return false, "it was never promoted to " + environment
}
