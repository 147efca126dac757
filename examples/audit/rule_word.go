package main

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// audit keeps what auditors say a product's state is at a head.
func (s *step) audit() error {
	a := audited{s.p.number("size"), onlyDigest(s.r.statement), s.p.str("root")}
	if !s.p.only("product", "size", "root") || a.size < 1 || !strings.HasPrefix(a.state, "sha256:") || !strings.HasPrefix(a.root, "sha256:") {
		return refuse("it is no audit")
	}
	if quorum := s.h.trust.auditors; len(quorum) == 0 || quorum.missing(s.f.by) > 0 {
		return refuse("signed by %q, who are not enough auditors", s.f.by)
	}
	last := s.product.audited
	switch {
	case a.size > s.f.index:
		return refuse("it is of records that are not there yet")
	case last != nil && a == *last:
		s.f.same = true
		return nil
	case last != nil && a.size <= last.size:
		return refuse("the state at %d records is here already, and is another", last.size)
	}
	s.product.audited = &a
	return nil
}

// has reports whether a digest identifies an artifact of the release.
func (r *released) has(digest string) bool {
	algorithm, hex, _ := strings.Cut(digest, ":")
	return hex != "" && slices.Contains(identifying, algorithm) && slices.ContainsFunc(slices.Collect(maps.Values(r.artifacts)), func(set object) bool { return set.str(algorithm) == hex })
}

// approve keeps an approval, and pays with it what hotfixes owe.
func (h *outcome) approve(r *record, f *fate, p object) error {
	expires, err := instant(p["expires"])
	d := onlyDigest(r.statement)
	if algorithm, _, _ := strings.Cut(d, ":"); err != nil || expires.IsZero() || !slices.Contains(identifying, algorithm) || !p.only("from", "to", "policy", "expires", "nonce", "reason") || p.str("to") == "" || p.str("to") == p.str("from") || p.str("nonce") == "" {
		return refuse("it is no approval")
	}
	people := slices.DeleteFunc(slices.Clone(f.by), func(name string) bool { return !h.trust.people[name] })
	if len(people) == 0 {
		return refuse("no person signed it")
	}
	c := h.approvals[r.id]
	if c == nil {
		c = &approval{digest: d, from: p.str("from"), to: p.str("to"), policy: p.str("policy"), expires: expires}
		h.approvals[r.id] = c
	}
	before := len(c.people)
	c.people = append(c.people, people...)
	slices.Sort(c.people)
	c.people = slices.Compact(c.people)
	f.same = len(c.people) == before
	h.debts = slices.DeleteFunc(h.debts, func(o *debt) bool {
		if r.time.IsZero() || !r.time.Before(c.expires) || !h.products[o.product].concerns(c, o.release) || c.from != o.from || c.to != o.to || c.policy != o.policy {
			return false
		}
		for _, name := range c.people {
			if !slices.Contains(o.release.by, name) && !slices.Contains(o.approved, name) {
				o.approved = append(slices.Clone(o.approved), name)
			}
		}
		slices.Sort(o.approved)
		c.spent = true
		return o.quorum.missing(o.approved) == 0
	})
	return nil
}

func (h *outcome) revoke(r *record, f *fate, p object) error {
	kind, name, d := p.str("kind"), p.str("product"), onlyDigest(r.statement)
	ofProduct := kind == "release" || kind == "retirement" || kind == "erasure"
	since, err := instant(p["since"])
	if err != nil || d == "" || ofProduct != (name != "") || strings.TrimSpace(p.str("reason")) == "" || !p.only("kind", "product", "builder", "versions", "since", "until", "reason") ||
		!ofProduct && kind != "attestation" && kind != "key" && kind != "builder" || kind == "key" && since.IsZero() {
		return refuse("it is no revocation")
	}
	ways, known := h.trust.products[name]
	if ofProduct && !known {
		return refuse("the trust in force knows no product %q", name)
	}
	f.about = name
	if !among(f.by, h.trust.revokers, ways.revokers) {
		return refuse("signed by %q, who may not", f.by)
	}
	switch kind {
	case "attestation":
		f.same = h.taken[d]
		h.taken[d] = true
	case "key":
		id := strings.TrimPrefix(d, "sha256:")
		old, known := h.keys[id]
		if f.same = known && !since.Before(old); !f.same {
			h.keys[id] = since
		}
	case "builder":
	default:
		people := 0
		for _, who := range f.by {
			if h.trust.people[who] && among([]string{who}, h.trust.revokers, ways.revokers) {
				people++
			}
		}
		if kind == "erasure" && people < 2 {
			return refuse("%d of 2 people who may erase signed it", people)
		}
		product := h.product(name)
		if f.same = product.done[kind+d]; f.same {
			return nil
		}
		product.done[kind+d] = true
		if kind == "erasure" {
			h.erased = append(h.erased, erasure{d, f.index, p.str("reason")})
		} else if product.revoked[d] != "release" {
			product.revoked[d] = kind
		}
	}
	return nil
}

// releaseID is the SHA-256 of a release's canonical form, in which lists are sorted
// and what is empty is left out.
func releaseID(s object) (string, error) {
	p := s.object("predicate")
	ours := maps.Clone(p.object(predicates + "release/v1"))
	for _, name := range []string{"provenance", "sboms"} {
		list := ours.strings(name)
		slices.Sort(list)
		sorted := []any{}
		for _, id := range list {
			sorted = append(sorted, id)
		}
		ours[name] = sorted
	}
	if at, err := instant(ours["created"]); err != nil {
		return "", err
	} else if !at.IsZero() {
		ours["created"] = at.UTC().Format(time.RFC3339Nano)
	}
	maps.DeleteFunc(ours, func(_ string, v any) bool {
		list, isList := v.([]any)
		return v == "" || isList && len(list) == 0
	})
	subjects := slices.Clone(s.list("subject"))
	slices.SortFunc(subjects, func(a, b any) int { return strings.Compare(a.(object).str("name"), b.(object).str("name")) })
	form, err := canonical(object{"_type": s["_type"], "predicateType": s["predicateType"], "subject": subjects, "predicate": object{"purl": p["purl"], predicates + "release/v1": ours}})
	if err != nil {
		return "", err
	}
	return digestOf(form), nil
}
