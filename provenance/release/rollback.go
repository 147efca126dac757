package release

import (
	"time"

	"github.com/touchmark-go/touchmark/provenance"
)

// RollbackType is the predicate type of a [Rollback]. Its document is
// docs/predicates/rollback/v1.md.
const RollbackType = "https://github.com/touchmark-go/touchmark/predicates/rollback/v1"

// A Rollback moves an environment back to a release that was good there. It is
// one step forward in the log, and names the artifacts and the configuration
// that are to run.
//
// The zero Rollback is invalid. A Rollback is plain data.
type Rollback struct {
	Product     string                          // required
	Environment string                          // required
	Release     provenance.Digest               // the [Release.ID] to go back to. Required
	Subjects    []provenance.ResourceDescriptor // all its artifacts, and of the statement. Required
	Config      provenance.Digest               // its frozen configuration. Required
	Reason      string                          // in the person's own words. Required
	// KnownGood is the ID of the signed known-good file that was acted upon while
	// the ledger was down, and Performed when, by the word of whoever signs. Both
	// or none.
	KnownGood provenance.Digest
	Performed time.Time
}

type rollback struct {
	Product     string            `json:"product"`
	Environment string            `json:"environment"`
	Release     provenance.Digest `json:"release"`
	Config      provenance.Digest `json:"config"`
	Reason      string            `json:"reason"`
	KnownGood   provenance.Digest `json:"knownGood,omitzero"`
	Performed   time.Time         `json:"performed,omitzero"`
}

// Validate reports what makes r unusable.
func (r Rollback) Validate() error {
	errs := []error{
		checkProduct("/product", r.Product),
		checkEnvironment("/environment", r.Environment),
		checkSHA256("/release", r.Release, "a release"),
		checkSubjects(r.Subjects),
		checkConfig("/config", r.Config),
		checkReason(r.Reason, true),
		checkTime("/performed", r.Performed, !r.KnownGood.IsZero()),
	}
	if !r.Performed.IsZero() {
		errs = append(errs, checkSHA256("/knownGood", r.KnownGood, "a known-good file"))
	}
	return prefixed("rollback", errs...)
}

// Statement returns the rollback as a statement to sign. One that is not valid
// gives a statement without a subject, which nobody can sign or marshal.
func (r Rollback) Statement() *provenance.Statement {
	return statement(RollbackType, r.Validate(), rollback{r.Product, r.Environment, r.Release, r.Config, r.Reason, r.KnownGood, r.Performed.UTC()}, r.Subjects...)
}

// ParseRollback reads the Rollback in s: a Statement v1 of exactly
// [RollbackType], and no member that the document does not name.
func ParseRollback(s *provenance.Statement) (*Rollback, error) {
	var in rollback
	if err := open(s, "rollback", RollbackType, &in); err != nil {
		return nil, err
	}
	r := &Rollback{in.Product, in.Environment, in.Release, s.Subject, in.Config, in.Reason, in.KnownGood, in.Performed}
	if err := r.Validate(); err != nil {
		return nil, err
	}
	return r, nil
}
