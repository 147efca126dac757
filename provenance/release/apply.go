package release

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/touchmark-go/touchmark/provenance"
)

// A Record is one entry of a log, as far as whoever reads the log has found out
// who signed it. It is plain data: nothing here checks a signature.
type Record struct {
	Index     uint64                // its place in the log
	Time      time.Time             // when it was witnessed; zero is unknown. Never what it says itself
	ID        provenance.Digest     // of its bundle
	Signers   []Signer              // distinct principals whose signatures count, by the trust in force at Index; empty if there is none
	Statement *provenance.Statement // nil if it could not be read, or nobody who is known signed it
	// Roles are, of a [Genesis] or [Trust] record, what the trust file in it says,
	// once the root quorums were found to have signed it. Nil if they did not.
	Roles *Roles
}

// A Signer is a principal of the trust in force, and the key that signed.
type Signer struct {
	Principal string
	KeyID     string // hex SHA-256 of the key's PKIX form; empty if it was no key
}

// An Effect is what became of a record.
type Effect struct {
	Index   uint64
	Kind    string // "genesis", "release", "tag", "promotion", "rollback", "approval", "deployment", "revocation", "trust", "audit"; empty if it is none
	Product string // that it is about; empty if it is about none, or nobody knows
	Release int    // number of the release that it is about; 0 if it is about none that is known
	Void    *Void  // nil if it took effect
	Same    bool   // it took effect, and nothing changed: all was so already
}

// ErrNewer says that a log holds a record of a kind or version that this program
// does not know, by somebody who may write records. Whatever it means, answers
// that leave it out would be wrong.
var ErrNewer = errors.New("a record of a newer kind or version than this program knows")

// Apply applies the next record. A record that may not be, or that the rules do
// not allow, is void: its Effect says why, and nothing changes. The error is
// [ErrNewer], that r is not the next record, or what kept the [Facts] from
// answering: then h is of no use any more.
func (h *History) Apply(r Record) (Effect, error) {
	h.open()
	if r.Index != h.row.Next {
		return Effect{}, fmt.Errorf("record %d after %d: want them in order", r.Index, int64(h.row.Next)-1)
	}
	e := Effect{Index: r.Index}
	if newer := h.newer(r); newer != nil {
		return e, newer
	}
	h.row.Next++
	e.Void = h.apply(r, &e)
	h.noteSigners(r, e)
	if e.Void != nil {
		v := Voided{Index: r.Index, Kind: e.Kind, Void: *e.Void}
		if e.Product != "" {
			p := h.of(e.Product)
			p.head.Void++
			h.addVoid(p.name, p.head.Void, v)
		} else {
			h.row.Void++
			h.addVoid("", h.row.Void, v)
		}
	}
	return e, h.facts.err
}

const predicates = "https://github.com/touchmark-go/touchmark/predicates/"

// newer is [ErrNewer] if r is a record of ours that we do not know, signed by
// somebody who may write some: a stranger must not be able to stop every reader.
func (h *History) newer(r Record) error {
	if r.Statement == nil || h.row.Roles == nil {
		return nil
	}
	t := r.Statement.PredicateType
	switch t {
	case GenesisType, ReleaseType, TagType, PromotionType, RollbackType, ApprovalType, DeploymentType, RevocationType, TrustType, AuditType:
		return nil
	}
	if !strings.HasPrefix(t, predicates) || !h.row.Roles.anybody(names(h.counting(r))) {
		return nil
	}
	return fmt.Errorf("record %d is %.200q: %w", r.Index, t, ErrNewer)
}

// anybody reports whether one of them may write anything at all.
func (r *Roles) anybody(who []string) bool {
	if among(who, r.Revokers) {
		return true
	}
	for _, p := range r.Products {
		if among(who, p.Releasers, p.Revokers) {
			return true
		}
		for _, s := range p.Stages {
			if among(who, s.Promoters, s.Rollback, s.Deployers) {
				return true
			}
		}
	}
	return false
}

// counting are the signers whose key no record has revoked.
func (h *History) counting(r Record) []Signer {
	return slices.DeleteFunc(slices.Clone(r.Signers), func(s Signer) bool {
		since := h.key(s.KeyID)
		return since != nil && (r.Time.IsZero() || !r.Time.Before(*since))
	})
}

// names are the principals, sorted, each once.
func names(signers []Signer) []string {
	out := make([]string, 0, len(signers))
	for _, s := range signers {
		out = append(out, s.Principal)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// apply finds out what r is, and does it.
func (h *History) apply(r Record, e *Effect) *Void {
	if r.Statement == nil && len(r.Signers) == 0 && !r.ID.IsZero() {
		return void(voidSignature, "nobody who is known signed it")
	}
	if r.Statement == nil {
		return void(voidStatement, "it is no statement")
	}
	by := names(h.counting(r))
	if h.row.Roles == nil && r.Statement.PredicateType != GenesisType {
		return void(voidSignature, "the log has no genesis, so nobody may write")
	}
	switch r.Statement.PredicateType {
	case GenesisType:
		e.Kind = "genesis"
		return h.genesis(r)
	case TrustType:
		e.Kind = "trust"
		return h.trust(r)
	case ApprovalType:
		e.Kind = "approval"
		return h.approval(r, by, e)
	case ReleaseType:
		e.Kind = "release"
		return with(h, r, by, e, ParseRelease, func(p *Release) string { return p.Product }, h.release)
	case TagType:
		e.Kind = "tag"
		return with(h, r, by, e, ParseTag, func(p *Tag) string { return p.Product }, h.tag)
	case PromotionType:
		e.Kind = "promotion"
		return with(h, r, by, e, ParsePromotion, func(p *Promotion) string { return p.Product }, h.promotion)
	case RollbackType:
		e.Kind = "rollback"
		return with(h, r, by, e, ParseRollback, func(p *Rollback) string { return p.Product }, h.rollback)
	case DeploymentType:
		e.Kind = "deployment"
		return with(h, r, by, e, ParseDeployment, func(p *Deployment) string { return p.Product }, h.deployment)
	case AuditType:
		e.Kind = "audit"
		return with(h, r, by, e, ParseAudit, func(p *Audit) string { return p.Product }, h.audit)
	case RevocationType:
		e.Kind = "revocation"
		return h.revocation(r, by, e)
	}
	return void(voidType, "%.200q is none of the records", r.Statement.PredicateType)
}

// A step is a record of one product on its way into the state.
type step struct {
	Record
	by      []string
	rules   Rules
	product *product
	effect  *Effect
}

// with reads a record about a product that has rules, and applies it.
func with[T any](h *History, r Record, by []string, e *Effect, parse func(*provenance.Statement) (*T, error), product func(*T) string, do func(step, *T) *Void) *Void {
	p, err := parse(r.Statement)
	if err != nil {
		return void(voidPredicate, "%v", err)
	}
	e.Product = product(p)
	rules, known := h.row.Roles.Products[e.Product]
	if !known {
		e.Product = "" // anybody can make names up
		return void(voidSignature, "the trust in force knows no product %q", product(p))
	}
	return do(step{r, by, rules, h.of(e.Product), e}, p)
}

// may is nil if one of who signed stands in one of lists.
func (s step) may(what string, lists ...[]string) *Void {
	if among(s.by, lists...) {
		return nil
	}
	signed := "nobody who is known"
	if len(s.by) > 0 {
		signed = strings.Join(s.by, ", ")
	}
	return void(voidSignature, "signed by %s, who may not %s", signed, what)
}
