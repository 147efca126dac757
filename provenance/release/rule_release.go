package release

import (
	"slices"
	"strings"

	"github.com/touchmark-go/touchmark/provenance"
)

func (h *History) release(s step, p *Release) *Void {
	if v := s.may("release "+p.Product, s.rules.Releasers); v != nil {
		return v
	}
	if err := s.rules.Scheme.Check(p.Version); err != nil {
		return void(voidPredicate, "%v", err)
	}
	id := p.ID()
	if old := s.product.byID(id); old != nil {
		s.effect.Same, s.effect.Release = true, old.Number
		return nil
	}
	if other := s.product.release(s.product.number(byVersion, Skeleton(p.Version))); other != nil {
		return void(voidImmutable, "version %s is %s, %s: %s cannot have it, nor one that looks like it", other.Version, s.product.title(other.Number), other.ID, id)
	}
	r := &Released{Number: s.product.head.Releases + 1, ID: id, Index: s.Index, Time: s.Time, By: s.by, Version: p.Version, Subjects: p.Subjects, Config: p.Config,
		Provenance: p.Provenance, SBOMs: p.SBOMs, Built: p.Built, Keys: s.keys(h, s.rules.Releasers), Repository: p.Repository, Commit: p.Commit, Run: p.Run, Policy: p.Policy, VSA: p.VSA}
	s.product.addRelease(r)
	h.noteBuilt(p.Product, r)
	s.effect.Release = r.Number
	return nil
}

// usable is nil if a release exists, its artifacts are those named, and nothing
// forbids to move to it.
func (h *History) usable(s step, id provenance.Digest, subjects []provenance.ResourceDescriptor) (*Released, *Void) {
	r := s.product.byID(id)
	if r == nil {
		return nil, void(voidRelease, "%s is no release of %s", id, s.product.name)
	}
	s.effect.Release = r.Number
	if !r.are(subjects) {
		return nil, void(voidSubject, "its subjects are not the artifacts of %s", s.product.title(r.Number))
	}
	if v := h.forbidden(s.product, r); v != nil {
		return nil, v
	}
	return r, nil
}

// forbidden is nil if a release may be moved to: it was not taken back, nor what it
// rests on.
func (h *History) forbidden(p *product, r *Released) *Void {
	if v := p.revokedBy(r.ID); v != nil {
		return void(voidRevoked, "%s was taken back by %s in record %d (%s): %s", p.title(r.Number), strings.Join(v.By, ", "), v.Index, v.Kind, v.Reason)
	}
	return h.suspect(r)
}

// keys are those of the signers who stand in list; none if one of them signed
// without a key, because then no key's end takes all of their word.
func (s step) keys(h *History, list []string) []string {
	var out []string
	for _, signer := range h.counting(s.Record) {
		switch {
		case !slices.Contains(list, signer.Principal):
		case signer.KeyID == "":
			return nil
		default:
			out = append(out, signer.KeyID)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// suspect is nil if nothing that made a release, or that its record rests on, was
// revoked since. A release that was witnessed before the instant from which on a
// revocation holds is not concerned; one whose time is unknown is.
func (h *History) suspect(r *Released) *Void {
	for _, list := range [][]provenance.Digest{r.Provenance, r.SBOMs, {r.VSA}} {
		for _, evidence := range list {
			if h.taken(evidence) {
				return void(voidRevoked, "its evidence %s was revoked", evidence)
			}
		}
	}
	gone := func(key string) bool {
		since := h.key(key)
		return since != nil && (r.Time.IsZero() || !r.Time.Before(*since))
	}
	if len(r.Keys) > 0 && !slices.ContainsFunc(r.Keys, func(key string) bool { return !gone(key) }) {
		return void(voidRevoked, "the key that released it, %s, was revoked", r.Keys[0])
	}
	for _, b := range r.Built {
		if len(b.Keys) > 0 && !slices.ContainsFunc(b.Keys, func(key string) bool { return !gone(key) }) {
			return void(voidRevoked, "the key that signed its provenance, %s, was revoked", b.Keys[0])
		}
	}
	for n := range h.row.Revocations {
		v := get[Revocation](h.facts, rowKey{kind: aRevocation, n: n + 1})
		if v == nil || !r.Time.IsZero() && r.Time.Before(v.Since) {
			continue
		}
		if i := slices.IndexFunc(r.Built, v.covers); i >= 0 {
			return void(voidRevoked, "its builder %s was revoked: %s", r.Built[i].Builder, v.Reason)
		}
	}
	return nil
}

// covers reports whether what was revoked is the builder of b, which has one, in all versions
// that are meant. That b ended after the window is believed, that it ended before
// is for a witnessed time to show.
func (r *Revocation) covers(b Built) bool {
	for name, version := range r.Versions {
		if b.Versions[name] != version {
			return false
		}
	}
	return b.Builder == r.Builder && (r.Until.IsZero() || b.Finished.Before(r.Until))
}
