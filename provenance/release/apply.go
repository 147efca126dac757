package release

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/touchmark-go/touchmark/provenance"
)

// name is what people call a release.
func (s *State) name(number int) string {
	if number == 0 {
		return "nothing"
	}
	return fmt.Sprintf("%s#%d", s.Product, number)
}

func (h *History) release(s step, p *Release) *Void {
	if v := s.may("release "+p.Product, s.rules.Releasers); v != nil {
		return v
	}
	if err := s.rules.Scheme.Check(p.Version); err != nil {
		return void(voidPredicate, "%v", err)
	}
	id := p.ID()
	if s.state.byID[id] != nil {
		*s.same = true
		return nil
	}
	if other := s.state.looks[Skeleton(p.Version)]; other != nil {
		return void(voidImmutable, "version %s is %s, %s: %s cannot have it, nor one that looks like it", other.Version, s.state.name(other.Number), other.ID, id)
	}
	r := &Released{Number: len(s.state.Releases) + 1, ID: id, Index: s.Index, Time: s.Time, By: s.by, Version: p.Version, Subjects: p.Subjects, Config: p.Config,
		Provenance: p.Provenance, SBOMs: p.SBOMs, Repository: p.Repository, Commit: p.Commit, Run: p.Run, Policy: p.Policy, VSA: p.VSA}
	s.state.Releases = append(s.state.Releases, r)
	s.state.indexRelease(r)
	return nil
}

func (h *History) tag(s step, p *Tag) *Void {
	if v := s.may("bind tags of "+p.Product, s.rules.Releasers); v != nil {
		return v
	}
	r := s.state.byID[p.Release]
	if r == nil {
		return void(voidRelease, "%s is no release of %s", p.Release, p.Product)
	}
	if !r.has(p.Digest) {
		return void(voidSubject, "%s is no artifact of %s", p.Digest, s.state.name(r.Number))
	}
	if v := s.state.bindable(p.Tag, p.Digest); v != nil {
		return v
	}
	*s.same = !s.state.bind(p.Tag, Bound{p.Digest, r.Number, s.Index, s.by})
	return nil
}

// bindable is nil if the tag is free, or bound to this digest.
func (s *State) bindable(tag string, d provenance.Digest) *Void {
	first := s.tagLook[Skeleton(tag)]
	if first == "" || s.Tags[first].Digest == d {
		return nil
	}
	b := s.Tags[first]
	return void(voidImmutable, "tag %s is bound to %s since record %d: it cannot name %s, nor can one that looks like it", first, b.Digest, b.Index, d)
}

// bind binds a tag that is bindable, and reports whether it was free.
func (s *State) bind(tag string, b Bound) bool {
	if _, taken := s.Tags[tag]; taken {
		return false
	}
	s.Tags[tag] = b
	if look := Skeleton(tag); s.tagLook[look] == "" {
		s.tagLook[look] = tag
	}
	return true
}

// usable is nil if a release exists, its artifacts are those named, and nothing
// forbids to move to it.
func (h *History) usable(s step, id provenance.Digest, subjects []provenance.ResourceDescriptor) (*Released, *Void) {
	r := s.state.byID[id]
	if r == nil {
		return nil, void(voidRelease, "%s is no release of %s", id, s.state.Product)
	}
	if !r.are(subjects) {
		return nil, void(voidSubject, "its subjects are not the artifacts of %s", s.state.name(r.Number))
	}
	if i, ok := s.state.revoked[id]; ok {
		v := s.state.Revoked[i]
		return nil, void(voidRevoked, "%s was taken back by %s in record %d (%s): %s", s.state.name(r.Number), strings.Join(v.By, ", "), v.Index, v.Kind, v.Reason)
	}
	for _, evidence := range slices.Concat(r.Provenance, r.SBOMs, []provenance.Digest{r.VSA}) {
		if h.taken[evidence] {
			return nil, void(voidRevoked, "its evidence %s was revoked", evidence)
		}
	}
	return r, nil
}

func (h *History) promotion(s step, p *Promotion) *Void {
	stage, known := s.rules.Stage(p.To)
	if !known {
		return void(voidSignature, "%s has no stage %q", p.Product, p.To)
	}
	if v := s.may("promote "+p.Product+" to "+p.To, stage.Promoters); v != nil {
		return v
	}
	r, v := h.usable(s, p.Release, p.Subjects)
	if v != nil {
		return v
	}
	if h.taken[p.VSA] {
		return void(voidRevoked, "its verdict %s was revoked", p.VSA)
	}
	if p.From != stage.From {
		return void(voidRelease, "it comes from %q, and %s is entered from %q", p.From, p.To, stage.From)
	}
	at := s.state.Stages[p.To]
	if at == nil {
		at = &At{Moves: []Move{}, good: map[int]Move{}}
	}
	if at.Release == r.Number {
		*s.same = true
		return nil
	}
	var before provenance.Digest
	if at.Release != 0 {
		before = s.state.Releases[at.Release-1].ID
	}
	if p.Replaces != before {
		return void(voidRelease, "%s is at %s, which is not what it was to replace: look again", p.To, s.state.name(at.Release))
	}
	quorums, soak := stage.Approvals, stage.Soak
	if p.Hotfix {
		if stage.Hotfix == nil {
			return void(voidApproval, "%s allows no hotfix", p.To)
		}
		quorums, soak = stage.Hotfix.Approvals, 0
	}
	if v := s.soaked(r, stage, soak); v != nil {
		return v
	}
	counted, v := h.consents(s, r, p, quorums)
	if v != nil {
		return v
	}
	if p.Hotfix && s.Time.IsZero() {
		return void(voidTime, "a hotfix owes something from now on, and the log does not say when that is")
	}
	for _, tag := range p.Tags {
		if v := s.state.bindable(tag, primary(r.Subjects[0])); v != nil {
			return v
		}
	}
	for _, tag := range p.Tags { // two of them may look alike: they name the same
		s.state.bind(tag, Bound{primary(r.Subjects[0]), r.Number, s.Index, s.by})
	}
	s.state.Stages[p.To] = at
	m := Move{Index: s.Index, Time: s.Time, Release: r.Number, Before: at.Release, Hotfix: p.Hotfix, By: s.by, Approved: counted, Policy: p.Policy, VSA: p.VSA, Approvals: p.Approvals, Reason: p.Reason}
	at.Moves = append(at.Moves, m)
	at.note(m)
	for _, id := range p.Approvals {
		if c := h.approvals[id]; c != nil && h.fits(s.state, r, p, c) {
			c.spent = true
		}
	}
	if p.Hotfix {
		o := &Owed{Index: s.Index, Stage: p.To, Release: r.Number, Due: s.Time.Add(stage.Hotfix.Within), Missing: short(stage.Approvals, counted), Approved: counted, From: p.From, Policy: p.Policy, quorums: stage.Approvals}
		if o.Missing == 0 {
			o.Paid = s.Time
		}
		s.state.Owed = append(s.state.Owed, o)
		h.owing = append(h.owing, debt{p.Product, len(s.state.Owed) - 1})
	}
	return nil
}

// A debt is where in which product's state something is, or was, owed.
type debt struct {
	product string
	place   int
}

// soaked is nil if the release is good at the stage before, for long enough.
func (s step) soaked(r *Released, stage Stage, soak time.Duration) *Void {
	if stage.From == "" {
		return nil
	}
	var since Move
	from := s.state.Stages[stage.From]
	ok := from != nil
	if ok {
		since, ok = from.good[r.Number]
	}
	if !ok {
		return void(voidRelease, "%s is not good in %s: it was never promoted there, or taken back", s.state.name(r.Number), stage.From)
	}
	if soak == 0 {
		return nil
	}
	if s.Time.IsZero() || since.Time.IsZero() {
		return void(voidTime, "it must soak in %s for %s, and the log does not say since when it does", stage.From, soak)
	}
	if got := s.Time.Sub(since.Time); got < soak {
		return void(voidRelease, "%s has soaked in %s for %s, want %s", s.state.name(r.Number), stage.From, got.Truncate(time.Second), soak)
	}
	return nil
}

func (h *History) rollback(s step, p *Rollback) *Void {
	stage, known := s.rules.Stage(p.Environment)
	if !known {
		return void(voidSignature, "%s has no stage %q", p.Product, p.Environment)
	}
	if v := s.may("roll "+p.Product+" in "+p.Environment+" back", stage.Rollback); v != nil {
		return v
	}
	r, v := h.usable(s, p.Release, p.Subjects)
	if v != nil {
		return v
	}
	if p.Config != r.Config {
		return void(voidSubject, "its configuration is %s, and %s was released with %s", p.Config, s.state.name(r.Number), r.Config)
	}
	at := s.state.Stages[p.Environment]
	if at == nil {
		return void(voidRollback, "nothing was ever promoted to %s", p.Environment)
	}
	if at.Release == r.Number {
		*s.same = true
		return nil
	}
	good, ok := at.good[r.Number]
	if !ok {
		return void(voidRollback, "%s is not good in %s: it was never promoted there, or taken back", s.state.name(r.Number), p.Environment)
	}
	if h.taken[good.VSA] {
		return void(voidRevoked, "the verdict that let it in, %s, was revoked", good.VSA)
	}
	m := Move{Index: s.Index, Time: s.Time, Release: r.Number, Before: at.Release, Rollback: true, By: s.by, KnownGood: p.KnownGood, Reason: p.Reason}
	at.Moves = append(at.Moves, m)
	at.note(m)
	return nil
}

func (h *History) deployment(s step, p *Deployment) *Void {
	stage, known := s.rules.Stage(p.Environment)
	if !known {
		return void(voidSignature, "%s has no stage %q", p.Product, p.Environment)
	}
	if v := s.may("deploy "+p.Product+" to "+p.Environment, stage.Deployers); v != nil {
		return v
	}
	r := s.state.byID[p.Release]
	if r == nil {
		return void(voidRelease, "%s is no release of %s", p.Release, p.Product)
	}
	if !r.include(p.Subjects) {
		return void(voidSubject, "its subjects are not artifacts of %s", s.state.name(r.Number))
	}
	at := s.state.Stages[p.Environment]
	if at == nil {
		at = &At{Moves: []Move{}, good: map[int]Move{}}
		s.state.Stages[p.Environment] = at
	}
	if at.Running == nil {
		at.Running = map[string]Deployed{}
	}
	d := Deployed{Index: s.Index, Time: s.Time, Release: r.Number, Config: p.Config, Result: p.Result, By: s.by, Run: p.Run,
		Drift: p.Result == Running && (at.Release != r.Number || p.Config != r.Config)}
	at.Running[p.Cluster] = d
	at.Counts.add(p, d.Drift)
	return nil
}

// add counts one deployment.
func (c *Counts) add(p *Deployment, drift bool) {
	if p.Result == Removed {
		return
	}
	c.Deployments++
	if p.Reference == "" || strings.Contains(p.Reference, "@sha256:") || strings.Contains(p.Reference, "@sha512:") {
		c.ByDigest++
	}
	if drift {
		c.Drifted++
	}
	switch p.Result {
	case PullFailed:
		c.PullFailed++
	case Missing:
		c.Missing++
	case VerifyFailed:
		c.VerifyFailed++
	case Failed:
		c.Failed++
	}
}

func (h *History) revocation(r Record, by []string, e *Effect) *Void {
	p, err := ParseRevocation(r.Statement)
	if err != nil {
		return void(voidPredicate, "%v", err)
	}
	var rules Rules
	if p.Product != "" {
		known := false
		if rules, known = h.roles.Products[p.Product]; !known {
			return void(voidSignature, "the trust in force knows no product %q", p.Product)
		}
		e.Product = p.Product
	}
	s := step{Record: r, by: by, rules: rules, same: &e.Same}
	what := "revoke an " + string(p.Kind)
	if p.Product != "" {
		what = "revoke anything of " + p.Product
	}
	if v := s.may(what, h.roles.Revokers, rules.Revokers); v != nil {
		return v
	}
	if p.Product == "" {
		return h.revokeForAll(r, p, e)
	}
	if p.Kind == Erase {
		people := 0
		for _, name := range by {
			if slices.Contains(h.roles.People, name) && among([]string{name}, h.roles.Revokers, rules.Revokers) {
				people++
			}
		}
		if people < 2 {
			return void(voidApproval, "%d of 2 people who may erase signed it", people)
		}
	}
	state := h.of(p.Product)
	for _, old := range state.Revoked {
		if old.Kind == p.Kind && old.Digest == p.Digest {
			e.Same = true
			return nil
		}
	}
	v := Revoking{r.Index, r.Time, p.Kind, p.Digest, by, p.Reason}
	state.Revoked = append(state.Revoked, v)
	state.indexRevoking(len(state.Revoked)-1, v)
	return nil
}

// revokeForAll takes back an attestation, a key or a builder. Records before it
// stay as they are: what they led to is for people to find and undo.
func (h *History) revokeForAll(r Record, p *Revocation, e *Effect) *Void {
	switch p.Kind {
	case RevokeAttestation:
		e.Same = h.taken[p.Digest]
		h.taken[p.Digest] = true
	case RevokeKey:
		old, known := h.keys[p.Digest.Hex()]
		if e.Same = known && !p.Since.Before(old); !e.Same {
			h.keys[p.Digest.Hex()] = p.Since
		}
	}
	if !e.Same {
		h.revoked = append(h.revoked, *p)
	}
	return nil
}

// A consent is an approval that stands in the log.
type consent struct {
	Approval
	people []string // persons who signed it, sorted
	index  uint64   // of the first record of it
	spent  bool     // a promotion rests on it
}

// approval keeps an approval until a promotion needs it, and pays what is owed.
func (h *History) approval(r Record, by []string, e *Effect) *Void {
	p, err := ParseApproval(r.Statement)
	if err != nil {
		return void(voidPredicate, "%v", err)
	}
	people := slices.DeleteFunc(slices.Clone(by), func(name string) bool { return !slices.Contains(h.roles.People, name) })
	if len(people) == 0 {
		return void(voidSignature, "no person signed it")
	}
	c := h.approvals[r.ID]
	if c == nil {
		c = &consent{Approval: *p, index: r.Index}
		c.Reason = ""
		h.approvals[r.ID] = c
	}
	n := len(c.people)
	c.people = append(c.people, people...)
	slices.Sort(c.people)
	c.people = slices.Compact(c.people)
	e.Same = len(c.people) == n
	h.owing = slices.DeleteFunc(h.owing, func(d debt) bool {
		h.pay(d, c, r.Time)
		return h.products[d.product].Owed[d.place].Missing == 0
	})
	return nil
}

// pay counts an approval for what a hotfix owes.
func (h *History) pay(d debt, c *consent, now time.Time) {
	state := h.products[d.product]
	o := state.Owed[d.place]
	r := state.Releases[o.Release-1]
	if o.Missing == 0 || now.IsZero() || !now.Before(c.Expires) || !h.concerns(state, r, c) || c.From != o.From || c.To != o.Stage || c.Policy != o.Policy {
		return
	}
	o = h.of(d.product).Owed[d.place]
	for _, name := range c.people {
		if !slices.Contains(r.By, name) && !slices.Contains(o.Approved, name) {
			o.Approved = append(slices.Clone(o.Approved), name)
			slices.Sort(o.Approved)
		}
	}
	if o.Missing = short(o.quorums, o.Approved); o.Missing == 0 {
		o.Paid = now
	}
	c.spent = true
}

// concerns reports whether an approval is of the release: of its id, or of an
// artifact that is in no other release, because another one may have another
// configuration.
func (h *History) concerns(state *State, r *Released, c *consent) bool {
	if c.Digest == r.ID {
		return true
	}
	in := state.byFile[c.Digest]
	return len(in) == 1 && in[0] == r
}

// fits reports whether an approval is of exactly this move.
func (h *History) fits(state *State, r *Released, p *Promotion, c *consent) bool {
	return h.concerns(state, r, c) && c.From == p.From && c.To == p.To && c.Policy == p.Policy
}

// consents are the people whose approval of p counts, if they are enough.
func (h *History) consents(s step, r *Released, p *Promotion, quorums []Quorum) ([]string, *Void) {
	var people, why []string
	for _, id := range p.Approvals {
		c, reason := h.approvals[id], ""
		switch {
		case c == nil:
			reason = "is not in the log"
		case h.taken[id]:
			reason = "was revoked"
		case !h.fits(s.state, r, p, c):
			reason = "is of another move, or under another policy"
		case c.spent:
			reason = "was used up by an earlier promotion"
		case s.Time.IsZero():
			reason = "expires, and the log does not say when it is"
		case !s.Time.Before(c.Expires):
			reason = "expired " + c.Expires.UTC().Format(time.RFC3339)
		}
		if reason != "" {
			why = append(why, id.String()[:15]+" "+reason)
			continue
		}
		for _, name := range c.people {
			if slices.Contains(r.By, name) {
				why = append(why, name+" released it and does not approve it")
			} else {
				people = append(people, name)
			}
		}
	}
	slices.Sort(people)
	people = slices.Compact(people)
	if missing := short(quorums, people); missing > 0 {
		return nil, void(voidApproval, "%d more people must approve it; got %s", missing, cmp.Or(strings.Join(append(people, why...), "; "), "none"))
	}
	return people, nil
}
