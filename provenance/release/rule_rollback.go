package release

import "time"

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
		return void(voidSubject, "its configuration is %s, and %s was released with %s", p.Config, s.product.title(r.Number), r.Config)
	}
	at := s.product.stage(p.Environment)
	if at == nil {
		return void(voidRollback, "nothing was ever promoted to %s", p.Environment)
	}
	if at.Release == r.Number {
		s.effect.Same = true
		return nil
	}
	good := s.product.good(p.Environment, r.Number)
	if good == nil {
		return void(voidRollback, "%s is not good in %s: it was never promoted there, or taken back", s.product.title(r.Number), p.Environment)
	}
	if h.taken(good.VSA) {
		return void(voidRevoked, "the verdict that let it in, %s, was revoked", good.VSA)
	}
	if last := s.product.move(p.Environment, at.Moves); !p.KnownGood.IsZero() && last != nil && last.Time.After(p.Performed) {
		return void(voidRelease, "it was done at %s without the ledger, and %s came to %s after that", p.Performed.UTC().Format(time.RFC3339), p.Environment, s.product.title(at.Release))
	}
	s.product.addMove(p.Environment, Move{Index: s.Index, Time: s.Time, Release: r.Number, Before: at.Release, Rollback: true, By: s.by, KnownGood: p.KnownGood, Reason: p.Reason})
	return nil
}
