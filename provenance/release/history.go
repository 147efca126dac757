package release

import (
	"errors"
	"fmt"
	"maps"
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

// A Void says why a record has no effect. Code is one of package verify's.
type Void struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// Error is the code and the message.
func (v *Void) Error() string { return v.Code + ": " + v.Message }

// The codes of a Void, which are package verify's.
const (
	voidSignature = "signature"           // nobody who may write it signed it
	voidStatement = "malformed/statement" // it is no statement
	voidPredicate = "malformed/predicate" // it is not what its type says
	voidType      = "predicate-type"      // it is none of the records
	voidImmutable = "immutable"           // a tag or version that is bound to something else
	voidRelease   = "release"             // not released, not promoted, still soaking, or overtaken
	voidRollback  = "rollback"            // not good there, or an older trust file
	voidRevoked   = "revoked"             // taken back
	voidApproval  = "approval"            // fewer people than wanted
	voidTime      = "trusted-time"        // the rules need a time, and the log has none
	voidSubject   = "subject"             // it is about other artifacts than the release has
)

// An Effect is what became of a record.
type Effect struct {
	Index   uint64
	Kind    string // "genesis", "release", "tag", "promotion", "rollback", "approval", "deployment", "revocation", "trust"; empty if it is none
	Product string // that it is about; empty if it is about none, or nobody knows
	Void    *Void  // nil if it took effect
	Same    bool   // it took effect, and nothing changed: all was so already
}

// ErrNewer says that a log holds a record of a kind or version that this program
// does not know, by somebody who may write records. Whatever it means, answers
// that leave it out would be wrong.
var ErrNewer = errors.New("a record of a newer kind or version than this program knows")

// A History is what a log says, record by record, by the rules that each record
// found in force. What it says after n records never depends on what follows.
//
// The zero History is of an empty log. It is not safe for concurrent use.
type History struct {
	Origin string // of the log, once it has a genesis

	next      uint64
	roles     *Roles
	products  map[string]*State
	approvals map[provenance.Digest]*consent
	keys      map[string]time.Time       // key id to the instant from which on what it signs counts for nothing
	taken     map[provenance.Digest]bool // bundle IDs of revoked attestations
	revoked   []Revocation               // of all products: attestations, keys, builders
	trusts    []uint64                   // indexes of the genesis and of the trust records that took effect
	owing     []debt                     // what hotfixes still need
	void      []Voided                   // records about no product that is known
}

// Size is how many records were applied.
func (h *History) Size() uint64 { return h.next }

// Roles are those in force for the next record, nil before a genesis.
func (h *History) Roles() *Roles { return h.roles }

// Products are the products that any record was about, sorted.
func (h *History) Products() []string { return slices.Sorted(maps.Keys(h.products)) }

// Revocations are those of attestations, keys and builders that took effect, in
// log order: they concern all products.
func (h *History) Revocations() []Revocation { return slices.Clone(h.revoked) }

// Approved are the people who signed the approval whose bundle has that ID, as
// far as the log has it.
func (h *History) Approved(id provenance.Digest) []string {
	if c := h.approvals[id]; c != nil {
		return slices.Clone(c.people)
	}
	return nil
}

// Void are the records without effect that are about no product, in log order.
func (h *History) Void() []Voided { return slices.Clone(h.void) }

// KeyRevoked reports whether what a key signs has been revoked by a record.
func (h *History) KeyRevoked(keyID string) bool { _, revoked := h.keys[keyID]; return revoked }

// State is what is known about a product, as of head, which is that of the log
// after [History.Size] records. It is nil if no record was about it. It does not
// change when h does, and may be used by many at once.
func (h *History) State(product string, head Head) *State {
	s := h.products[product]
	if s == nil {
		return nil
	}
	s.shared = true
	out := *s
	out.Head = head
	if h.roles != nil {
		out.Trust = h.roles.Version
	}
	return &out
}

// Apply applies the next record. A record that may not be, or that the rules do
// not allow, is void: its Effect says why, and nothing changes. The error is
// [ErrNewer], or that r is not the next record.
func (h *History) Apply(r Record) (Effect, error) {
	if r.Index != h.next {
		return Effect{}, fmt.Errorf("record %d after %d: want them in order", r.Index, int64(h.next)-1)
	}
	e := Effect{Index: r.Index}
	if newer := h.newer(r); newer != nil {
		return e, newer
	}
	h.next++
	if h.products == nil {
		h.products, h.approvals = map[string]*State{}, map[provenance.Digest]*consent{}
		h.keys, h.taken = map[string]time.Time{}, map[provenance.Digest]bool{}
	}
	e.Void = h.apply(r, &e)
	if e.Void != nil {
		v := Voided{Index: r.Index, Kind: e.Kind, Void: *e.Void}
		if e.Product != "" {
			s := h.of(e.Product)
			s.Void = append(s.Void, v)
		} else {
			h.void = append(h.void, v)
		}
	}
	return e, nil
}

const predicates = "https://github.com/touchmark-go/touchmark/predicates/"

// newer is [ErrNewer] if r is a record of ours that we do not know, signed by
// somebody who may write some: a stranger must not be able to stop every reader.
func (h *History) newer(r Record) error {
	if r.Statement == nil || h.roles == nil {
		return nil
	}
	t := r.Statement.PredicateType
	switch t {
	case GenesisType, ReleaseType, TagType, PromotionType, RollbackType, ApprovalType, DeploymentType, RevocationType, TrustType:
		return nil
	}
	if !strings.HasPrefix(t, predicates) || !h.roles.anybody(names(h.counting(r))) {
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
		since, revoked := h.keys[s.KeyID]
		return s.KeyID != "" && revoked && (r.Time.IsZero() || !r.Time.Before(since))
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

// void makes a reason.
func void(code, format string, args ...any) *Void {
	return &Void{Code: code, Message: fmt.Sprintf(format, args...)}
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
	if h.roles == nil && r.Statement.PredicateType != GenesisType {
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
	case RevocationType:
		e.Kind = "revocation"
		return h.revocation(r, by, e)
	}
	return void(voidType, "%.200q is none of the records", r.Statement.PredicateType)
}

// A step is a record of one product on its way into the state.
type step struct {
	Record
	by    []string
	rules Rules
	state *State // of the product; kept only if the record takes effect
	same  *bool
}

// with reads a record about a product that has rules, and applies it.
func with[T any](h *History, r Record, by []string, e *Effect, parse func(*provenance.Statement) (*T, error), product func(*T) string, do func(step, *T) *Void) *Void {
	p, err := parse(r.Statement)
	if err != nil {
		return void(voidPredicate, "%v", err)
	}
	e.Product = product(p)
	rules, known := h.roles.Products[e.Product]
	if !known {
		e.Product = "" // anybody can make names up
		return void(voidSignature, "the trust in force knows no product %q", product(p))
	}
	return do(step{r, by, rules, h.of(e.Product), &e.Same}, p)
}

// of is the state of a product that has rules, to be changed.
func (h *History) of(product string) *State {
	s := h.products[product]
	switch {
	case s == nil:
		s = newState(product)
	case s.shared:
		s = s.clone()
	}
	h.products[product] = s
	return s
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

func (h *History) genesis(r Record) *Void {
	g, err := ParseGenesis(r.Statement)
	switch {
	case err != nil:
		return void(voidPredicate, "%v", err)
	case r.Index != 0 || h.roles != nil:
		return void(voidImmutable, "a log begins once")
	case r.Roles == nil:
		return void(voidSignature, "the root of its own trust file did not sign it")
	}
	h.Origin, h.roles = g.Origin, r.Roles
	h.trusts = append(h.trusts, r.Index)
	return nil
}

func (h *History) trust(r Record) *Void {
	t, err := ParseTrust(r.Statement)
	switch {
	case err != nil:
		return void(voidPredicate, "%v", err)
	case t.Version != h.roles.Version+1:
		return void(voidRollback, "version %d of the trust file after %d", t.Version, h.roles.Version)
	case r.Roles == nil:
		return void(voidSignature, "the roots of version %d and of its own did not sign it", h.roles.Version)
	case r.Roles.Version != t.Version:
		return void(voidPredicate, "it holds version %d of the trust file, and says %d", r.Roles.Version, t.Version)
	}
	h.roles = r.Roles
	h.trusts = append(h.trusts, r.Index)
	return nil
}
