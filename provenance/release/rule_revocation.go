package release

import (
	"slices"
	"time"

	"github.com/touchmark-go/touchmark/provenance"
)

func (h *History) revocation(r Record, by []string, e *Effect) *Void {
	p, err := ParseRevocation(r.Statement)
	if err != nil {
		return void(voidPredicate, "%v", err)
	}
	var rules Rules
	if p.Product != "" {
		known := false
		if rules, known = h.row.Roles.Products[p.Product]; !known {
			return void(voidSignature, "the trust in force knows no product %q", p.Product)
		}
		e.Product = p.Product
	}
	s := step{Record: r, by: by, rules: rules, effect: e}
	what := "revoke any " + string(p.Kind)
	if p.Product != "" {
		what = "revoke anything of " + p.Product
	}
	if v := s.may(what, h.row.Roles.Revokers, rules.Revokers); v != nil {
		return v
	}
	if p.Product == "" {
		return h.revokeForAll(r, p, e)
	}
	if p.Kind == Erase {
		people := 0
		for _, name := range by {
			if slices.Contains(h.row.Roles.People, name) && among([]string{name}, h.row.Roles.Revokers, rules.Revokers) {
				people++
			}
		}
		if people < 2 {
			return void(voidApproval, "%d of 2 people who may erase signed it", people)
		}
	}
	about := h.of(p.Product)
	if e.Same = about.taken(p.Kind, p.Digest); !e.Same {
		about.addRevoking(Revoking{r.Index, r.Time, p.Kind, p.Digest, by, p.Reason})
	}
	return nil
}

// revokeForAll takes back an attestation, a key or a builder. Records before it
// stay as they are: what they led to is for people to find and undo.
func (h *History) revokeForAll(r Record, p *Revocation, e *Effect) *Void {
	for _, name := range h.row.Products { // what it says of each may be another thing from now on
		h.keep(name)
		delete(h.states, name)
	}
	switch p.Kind {
	case RevokeAttestation:
		e.Same = h.taken(p.Digest)
		h.facts.setNumber(nameKey{byTaken, "", p.Digest.String()}, 1)
	case RevokeKey:
		old := h.key(p.Digest.Hex())
		if e.Same = old != nil && !p.Since.Before(*old); !e.Same {
			h.row.Keys++
			put(h.facts, rowKey{kind: aKey, n: h.row.Keys}, &p.Since)
			h.facts.setNumber(nameKey{byKey, "", p.Digest.Hex()}, h.row.Keys)
		}
	}
	if !e.Same {
		h.row.Revocations++
		put(h.facts, rowKey{kind: aRevocation, n: h.row.Revocations}, p)
	}
	return nil
}

// taken reports whether an attestation was revoked.
func (h *History) taken(id provenance.Digest) bool {
	return h.facts.number(nameKey{byTaken, "", id.String()}) != 0
}

// key is the instant from which on what a key signs counts for nothing, nil if it
// was never revoked.
func (h *History) key(id string) *time.Time {
	return get[time.Time](h.facts, rowKey{kind: aKey, n: h.facts.number(nameKey{byKey, "", id})})
}
