package release

import (
	"time"

	"github.com/touchmark-go/touchmark/provenance"
)

func (h *History) tag(s step, p *Tag) *Void {
	taken := s.product.bindable(p.Tag, p.Digest)
	if taken != nil {
		s.product.attempted(Attempt{s.Index, s.Time, p.Tag, p.Digest, s.by})
	}
	if v := s.may("bind tags of "+p.Product, s.rules.Releasers); v != nil {
		return v
	}
	r := s.product.byID(p.Release)
	if r == nil {
		return void(voidRelease, "%s is no release of %s", p.Release, p.Product)
	}
	s.effect.Release = r.Number
	if !r.has(p.Digest) {
		return void(voidSubject, "%s is no artifact of %s", p.Digest, s.product.title(r.Number))
	}
	if taken != nil {
		return taken
	}
	if v := s.product.revokedBy(p.Release); v != nil && v.Kind == RevokeRelease && s.product.tag(p.Tag) == nil {
		return void(voidRevoked, "%s was taken back in record %d: %s", s.product.title(r.Number), v.Index, v.Reason)
	}
	s.effect.Same = !s.product.bind(p.Tag, Bound{p.Digest, r.Number, s.Index, s.by})
	return nil
}

// An Attempt is a record that would have moved a tag, by whomever.
type Attempt struct {
	Index  uint64            `json:"index"`
	Time   time.Time         `json:"time,omitzero"` // when it was witnessed
	Tag    string            `json:"tag"`
	Digest provenance.Digest `json:"digest"` // that it was to name
	By     []string          `json:"by"`     // empty if nobody is known who signed it
}

// attempted remembers an attempt, of the newest MaxVoid.
func (p *product) attempted(a Attempt) {
	p.head.Attempts++
	put(p.f, p.row(anAttempt, p.head.Attempts), &a)
	if p.head.Attempts > MaxVoid {
		p.f.remove(p.row(anAttempt, p.head.Attempts-MaxVoid))
	}
}

// bindable is nil if the tag is free, or bound to this digest.
func (p *product) bindable(tag string, d provenance.Digest) *Void {
	first := p.alike(tag)
	if first == nil || first.Digest == d {
		return nil
	}
	return void(voidImmutable, "tag %s is bound to %s since record %d: it cannot name %s, nor can one that looks like it", first.Tag, first.Digest, first.Index, d)
}

// bind binds a tag that is bindable, and reports whether it was free.
func (p *product) bind(tag string, b Bound) bool {
	if p.tag(tag) != nil {
		return false
	}
	p.addTag(tag, b)
	return true
}
