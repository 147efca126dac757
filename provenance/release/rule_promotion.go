package release

import (
	"time"

	"github.com/touchmark-go/touchmark/provenance"
)

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
	if h.taken(p.VSA) {
		return void(voidRevoked, "its verdict %s was revoked", p.VSA)
	}
	if p.From != stage.From {
		return void(voidRelease, "it comes from %q, and %s is entered from %q", p.From, p.To, stage.From)
	}
	at := 0
	if stage := s.product.stage(p.To); stage != nil {
		at = stage.Release
	}
	if at == r.Number {
		s.effect.Same = true
		return nil
	}
	var before provenance.Digest
	if now := s.product.release(at); now != nil {
		before = now.ID
	}
	if p.Replaces != before {
		return void(voidRelease, "%s is at %s, which is not what it was to replace: look again", p.To, s.product.title(at))
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
		if v := s.product.bindable(tag, primary(r.Subjects[0])); v != nil {
			s.product.attempted(Attempt{s.Index, s.Time, tag, primary(r.Subjects[0]), s.by})
			return v
		}
	}
	for _, tag := range p.Tags { // two of them may look alike: they name the same
		s.product.bind(tag, Bound{primary(r.Subjects[0]), r.Number, s.Index, s.by})
	}
	s.product.addMove(p.To, Move{Index: s.Index, Time: s.Time, Release: r.Number, Before: at, Hotfix: p.Hotfix, By: s.by, Approved: counted, Policy: p.Policy, VSA: p.VSA, Approvals: p.Approvals, Reason: p.Reason})
	for _, id := range p.Approvals {
		if c := h.consent(id); c != nil && s.product.fits(r, p, c) {
			h.spend(id, c)
		}
	}
	if p.Hotfix {
		o := owing{Quorums: stage.Approvals, Owed: Owed{Index: s.Index, Stage: p.To, Release: r.Number, Due: s.Time.Add(stage.Hotfix.Within), Missing: short(stage.Approvals, counted), Approved: counted, From: p.From, Policy: p.Policy}}
		if o.Missing == 0 {
			o.Paid = s.Time
		}
		h.row.Owing = append(h.row.Owing, debt{p.Product, s.product.addDebt(o)})
	}
	return nil
}

// soaked is nil if the release is good at the stage before, for long enough.
func (s step) soaked(r *Released, stage Stage, soak time.Duration) *Void {
	if stage.From == "" {
		return nil
	}
	since := s.product.good(stage.From, r.Number)
	if since == nil {
		return void(voidRelease, "%s is not good in %s: it was never promoted there, or taken back", s.product.title(r.Number), stage.From)
	}
	if soak == 0 {
		return nil
	}
	if s.Time.IsZero() || since.Time.IsZero() {
		return void(voidTime, "it must soak in %s for %s, and the log does not say since when it does", stage.From, soak)
	}
	if got := s.Time.Sub(since.Time); got < soak {
		return void(voidRelease, "%s has soaked in %s for %s, want %s", s.product.title(r.Number), stage.From, got.Truncate(time.Second), soak)
	}
	return nil
}
