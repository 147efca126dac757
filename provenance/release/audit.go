package release

import (
	"fmt"

	"github.com/touchmark-go/touchmark/provenance"
)

// AuditType is the predicate type of an [Audit]. Its document is
// docs/predicates/audit/v1.md.
const AuditType = "https://github.com/touchmark-go/touchmark/predicates/audit/v1"

// An Audit is the word of auditors that a [State] follows from the log: each of
// them replayed it. It stands in the log itself, so that nobody can be shown a
// State in secret, and is what a reader holds a State against who cannot read
// the log.
//
// The zero Audit is invalid. An Audit is plain data.
type Audit struct {
	Product string            // required
	State   provenance.Digest // the SHA-256 of [State.Marshal], and the one subject of the statement. Required
	Size    uint64            // of the log at the State's head; at least 1
	Root    provenance.Digest // of the log at the State's head. Required
}

type audit struct {
	Product string            `json:"product"`
	Size    uint64            `json:"size"`
	Root    provenance.Digest `json:"root"`
}

// Validate reports what makes a unusable.
func (a Audit) Validate() error {
	var size error
	if a.Size < 1 || a.Size > maxSize {
		size = fmt.Errorf("/size is %d, want that of a log with records", a.Size)
	}
	return prefixed("audit", checkProduct("/product", a.Product), checkSHA256("/subject", a.State, "a state"), size, checkSHA256("/root", a.Root, "a log"))
}

// maxSize is the largest number that JSON readers agree about.
const maxSize = 1 << 53

// Statement returns the audit as a statement to sign. One that is not valid gives
// a statement without a subject, which nobody can sign or marshal.
func (a Audit) Statement() *provenance.Statement {
	return statement(AuditType, a.Validate(), audit{a.Product, a.Size, a.Root}, provenance.ResourceDescriptor{Digest: provenance.Set(a.State)})
}

// ParseAudit reads the Audit in s: a Statement v1 of exactly [AuditType] with one
// subject that has one digest, and no member that the document does not name.
func ParseAudit(s *provenance.Statement) (*Audit, error) {
	var p audit
	if err := open(s, "audit", AuditType, &p); err != nil {
		return nil, err
	}
	digest, err := only("audit", s)
	if err != nil {
		return nil, err
	}
	a := &Audit{p.Product, digest, p.Size, p.Root}
	if err := a.Validate(); err != nil {
		return nil, err
	}
	return a, nil
}
