package release

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/touchmark-go/touchmark/provenance"
)

// A consent is an approval that stands in the log.
type consent struct {
	Approval
	People []string // persons who signed it, sorted
	Spent  bool     // a promotion rests on it
}

// consent is an approval by the ID of its bundle, nil if it is not in the log.
func (h *History) consent(id provenance.Digest) *consent {
	return get[consent](h.facts, rowKey{kind: aConsent, n: h.facts.number(nameKey{byConsent, "", id.String()})})
}

func (h *History) keepConsent(id provenance.Digest, c *consent) {
	name := nameKey{byConsent, "", id.String()}
	n := h.facts.number(name)
	if n == 0 {
		h.row.Consents++
		n = h.row.Consents
		h.facts.setNumber(name, n)
	}
	put(h.facts, rowKey{kind: aConsent, n: n}, c)
}

// spend says that a promotion rests on an approval.
func (h *History) spend(id provenance.Digest, c *consent) {
	c.Spent = true
	h.keepConsent(id, c)
}

// approval keeps an approval until a promotion needs it, and pays what is owed.
func (h *History) approval(r Record, by []string, e *Effect) *Void {
	p, err := ParseApproval(r.Statement)
	if err != nil {
		return void(voidPredicate, "%v", err)
	}
	people := slices.DeleteFunc(slices.Clone(by), func(name string) bool { return !slices.Contains(h.row.Roles.People, name) })
	if len(people) == 0 {
		return void(voidSignature, "no person signed it")
	}
	c := h.consent(r.ID)
	if c == nil {
		c = &consent{Approval: *p}
		c.Reason = ""
	}
	n := len(c.People)
	c.People = append(c.People, people...)
	slices.Sort(c.People)
	c.People = slices.Compact(c.People)
	e.Same = len(c.People) == n
	h.row.Owing = slices.DeleteFunc(h.row.Owing, func(d debt) bool { return h.pay(d, c, r.Time) })
	h.keepConsent(r.ID, c)
	return nil
}

// A debt is where something is owed.
type debt struct {
	Product string
	Place   int // among those of the product, from 1 on
}

// pay counts an approval for what a hotfix owes, and reports whether that is paid.
func (h *History) pay(d debt, c *consent, now time.Time) bool {
	about := h.product(d.Product)
	if about == nil {
		return false // Facts failed, which Apply says
	}
	owed := about.debt(d.Place)
	if owed == nil {
		return false // as above
	}
	o := *owed
	r := about.release(o.Release)
	if r == nil || o.Missing == 0 || now.IsZero() || !now.Before(c.Expires) || !about.concerns(r, c) || c.From != o.From || c.To != o.Stage || c.Policy != o.Policy {
		return o.Missing == 0
	}
	for _, name := range c.People {
		if !slices.Contains(r.By, name) && !slices.Contains(o.Approved, name) {
			o.Approved = append(slices.Clone(o.Approved), name)
			slices.Sort(o.Approved)
		}
	}
	if o.Missing = short(o.Quorums, o.Approved); o.Missing == 0 {
		o.Paid = now
	}
	put(h.facts, h.of(d.Product).row(aDebt, d.Place), &o)
	c.Spent = true
	return o.Missing == 0
}

// concerns reports whether an approval is of the release: of its id, or of an
// artifact that is in no other release, because another one may have another
// configuration.
func (p *product) concerns(r *Released, c *consent) bool {
	if c.Digest == r.ID {
		return true
	}
	found := false
	for in := range p.having(c.Digest) {
		if in.Number != r.Number {
			return false
		}
		found = true
	}
	return found
}

// fits reports whether an approval is of exactly this move.
func (p *product) fits(r *Released, m *Promotion, c *consent) bool {
	return p.concerns(r, c) && c.From == m.From && c.To == m.To && c.Policy == m.Policy
}

// consents are the people whose approval of p counts, if they are enough.
func (h *History) consents(s step, r *Released, p *Promotion, quorums []Quorum) ([]string, *Void) {
	var people, why []string
	for _, id := range p.Approvals {
		c, reason := h.consent(id), ""
		switch {
		case c == nil:
			reason = "is not in the log"
		case h.taken(id):
			reason = "was revoked"
		case !s.product.fits(r, p, c):
			reason = "is of another move, or under another policy"
		case c.Spent:
			reason = "was used up by an earlier promotion, or paid what a hotfix owed"
		case s.Time.IsZero():
			reason = "expires, and the log does not say when it is"
		case !s.Time.Before(c.Expires):
			reason = "expired " + c.Expires.UTC().Format(time.RFC3339)
		}
		if reason != "" {
			why = append(why, id.String()[:15]+" "+reason)
			continue
		}
		for _, name := range c.People {
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
