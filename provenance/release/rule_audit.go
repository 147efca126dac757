package release

import (
	"strings"

	"github.com/touchmark-go/touchmark/provenance"
)

// An Audited is an [Audit] that took effect.
type Audited struct {
	Index uint64            `json:"index"`
	State provenance.Digest `json:"state"`
	Size  uint64            `json:"size"` // of the log at the State's head
	Root  provenance.Digest `json:"root"`
	By    []string          `json:"by"`
}

// audit wants enough auditors over a State of a head that is behind, and not older
// than the last one. Of one head there is one State.
func (h *History) audit(s step, p *Audit) *Void {
	if wanted := h.row.Roles.Auditors; len(wanted) == 0 || short(wanted, s.by) > 0 {
		return void(voidSignature, "signed by %s, who are not enough auditors", strings.Join(s.by, ", "))
	}
	if p.Size > s.Index {
		return void(voidRelease, "it is of a log of %d records, and stands at %d", p.Size, s.Index)
	}
	if last := get[Audited](s.product.f, s.product.row(anAudit, s.product.head.Audits)); last != nil {
		switch {
		case p.Size == last.Size && p.State == last.State && p.Root == last.Root:
			s.effect.Same = true
			return nil
		case p.Size == last.Size:
			return void(voidImmutable, "the state at %d records is %s since record %d: it cannot be %s", p.Size, last.State, last.Index, p.State)
		case p.Size < last.Size:
			return void(voidRollback, "it is of a log of %d records, and the state at %d is here already", p.Size, last.Size)
		}
	}
	s.product.head.Audits++
	s.product.touch()
	put(s.product.f, s.product.row(anAudit, s.product.head.Audits), &Audited{s.Index, p.State, p.Size, p.Root, s.by})
	return nil
}
