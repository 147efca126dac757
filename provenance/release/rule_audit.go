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
	if last := get[Audited](s.product.f, s.product.row(anAudit, s.product.head.Audits)); last != nil && p.Size <= last.Size {
		switch {
		case p.Size < last.Size:
			return void(voidRollback, "it is of a log of %d records, and the state at %d is here already", p.Size, last.Size)
		case p.State != last.State || p.Root != last.Root:
			return void(voidImmutable, "the state at %d records is %s since record %d: it cannot be %s", p.Size, last.State, last.Index, p.State)
		}
		s.effect.Same = true
		return nil
	}
	s.product.head.Audits++
	put(s.product.f, s.product.row(anAudit, s.product.head.Audits), &Audited{s.Index, p.State, p.Size, p.Root, s.by})
	return nil
}
