package release

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"weak"

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

// A History is what a log says, record by record, by the rules that each record
// found in force. What it says after n records never depends on what follows.
//
// The zero History is of an empty log. It is not safe for concurrent use.
type History struct {
	Origin string // of the log, once it has a genesis

	facts    *facts
	row      *historyRow
	products map[string]*product
	states   map[string]*State // of products, until a record is about one

	snapshots []weak.Pointer[Snapshot]
}

// A historyRow is what is known about no product, or about all.
type historyRow struct {
	Origin   string
	Next     uint64
	Roles    *Roles
	Products []string
	Owing    []debt // what hotfixes still need
	// How many rows of a kind there are.
	Consents, Revocations, Keys, Void, Fates int
	Forgotten                                uint64 // what became of records before this one may not be remembered
}

// Resume is the History that was flushed to facts before; of an empty log if none was.
func Resume(f Facts) (*History, error) {
	h := &History{facts: newFacts(f)}
	h.open()
	h.Origin = h.row.Origin
	return h, h.facts.err
}

// open makes a History ready.
func (h *History) open() {
	if h.row != nil {
		return
	}
	if h.facts == nil {
		h.facts = newFacts(nil)
	}
	h.products, h.states = map[string]*product{}, map[string]*State{}
	if h.row = get[historyRow](h.facts, rowKey{kind: aHistory, n: 1}); h.row == nil {
		h.row = &historyRow{}
	}
}

// Pending is how much waits in memory for [History.Flush].
func (h *History) Pending() int {
	if h.facts == nil {
		return 0
	}
	return h.facts.dirty
}

// Flush writes what changed to the Facts that h was resumed from, and keeps
// nothing in memory that it can ask for again.
func (h *History) Flush() error {
	h.open()
	h.row.Origin = h.Origin
	put(h.facts, rowKey{kind: aHistory, n: 1}, h.row)
	if err := h.facts.flush(); err != nil {
		return err
	}
	if h.facts.under != nil {
		clear(h.products)
		clear(h.states)
	}
	return nil
}

// Size is how many records were applied.
func (h *History) Size() uint64 { h.open(); return h.row.Next }

// Roles are those in force for the next record, nil before a genesis.
func (h *History) Roles() *Roles { h.open(); return h.row.Roles }

// Products are the products that any record was about, sorted.
func (h *History) Products() []string { h.open(); return slices.Sorted(slices.Values(h.row.Products)) }

// Revocations are those of attestations, keys and builders that took effect, in
// log order: they concern all products.
func (h *History) Revocations() []Revocation {
	h.open()
	return all[Revocation](h.facts, h.row.Revocations, func(n int) rowKey { return rowKey{kind: aRevocation, n: n} })
}

// all are the rows of a list.
func all[V any](f *facts, n int, key func(int) rowKey) []V {
	var out []V
	for i := range n {
		if v := get[V](f, key(i+1)); v != nil {
			out = append(out, *v)
		}
	}
	return out
}

// Approved are the people who signed the approval whose bundle has that ID, as
// far as the log has it.
func (h *History) Approved(id provenance.Digest) []string {
	h.open()
	if c := h.consent(id); c != nil {
		return slices.Clone(c.People)
	}
	return nil
}

// MaxVoid is how many records without effect are remembered of each product, and
// of none: the newest. The log has all of them.
const MaxVoid = 1024

// Void are the newest records without effect that are about no product, in log
// order, [MaxVoid] at most, and how many there were.
func (h *History) Void() ([]Voided, int) {
	h.open()
	return h.voided("", h.row.Void), h.row.Void
}

// voided are those of the first n records without effect that are remembered.
func (h *History) voided(product string, n int) []Voided {
	first := max(n-MaxVoid, 0)
	return all[Voided](h.facts, n-first, func(i int) rowKey { return rowKey{aVoid, product, "", first + i} })
}

// addVoid remembers the n-th record without effect about a product, or about none.
func (h *History) addVoid(product string, n int, v Voided) {
	put(h.facts, rowKey{aVoid, product, "", n}, &v)
	if n > MaxVoid {
		h.facts.remove(rowKey{aVoid, product, "", n - MaxVoid})
	}
	h.row.Fates++
	put(h.facts, rowKey{kind: aFate, n: h.row.Fates}, &v)
	h.facts.setNumber(nameKey{byVoid, "", strconv.FormatUint(v.Index, 10)}, h.row.Fates)
	if old := (rowKey{kind: aFate, n: h.row.Fates - MaxVoid}); old.n > 0 {
		if gone := get[Voided](h.facts, old); gone != nil {
			h.row.Forgotten = gone.Index + 1
			h.facts.setNumber(nameKey{byVoid, "", strconv.FormatUint(gone.Index, 10)}, 0)
			h.facts.remove(old)
		}
	}
}

// fate is why a record is without effect, nil if it has one.
func (h *History) fate(index uint64) (*Voided, error) {
	if n := h.facts.number(nameKey{byVoid, "", strconv.FormatUint(index, 10)}); n != 0 {
		return get[Voided](h.facts, rowKey{kind: aFate, n: n}), h.facts.err
	}
	if index < h.row.Forgotten {
		return nil, fmt.Errorf("record %d: whether it has an effect is not remembered any more: %d later ones have none; read the log", index, MaxVoid)
	}
	return nil, h.facts.err
}

// KeyRevoked reports whether what a key signs has been revoked by a record.
func (h *History) KeyRevoked(keyID string) bool { h.open(); return h.key(keyID) != nil }

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
			p.touch()
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
		if s.KeyID == "" {
			return false
		}
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

// of is a product that has rules, to be changed.
func (h *History) of(name string) *product {
	h.keep(name)
	delete(h.states, name)
	if p := h.product(name); p != nil {
		return p
	}
	h.row.Products = append(h.row.Products, name)
	p := &product{f: h.facts, h: h, name: name, head: &productHead{}}
	p.touch()
	h.products[name] = p
	return p
}

// product is one that a record was about, nil if none was.
func (h *History) product(name string) *product {
	if p := h.products[name]; p != nil {
		return p
	}
	head := get[productHead](h.facts, rowKey{aProduct, name, "", 1})
	if head == nil {
		return nil
	}
	p := &product{f: h.facts, h: h, name: name, head: head}
	h.products[name] = p
	return p
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
	case r.Index != 0 || h.row.Roles != nil:
		return void(voidImmutable, "a log begins once")
	case r.Roles == nil:
		return void(voidSignature, "the root of its own trust file did not sign it")
	}
	h.Origin, h.row.Roles = g.Origin, r.Roles
	return nil
}

func (h *History) trust(r Record) *Void {
	t, err := ParseTrust(r.Statement)
	switch {
	case err != nil:
		return void(voidPredicate, "%v", err)
	case t.Version != h.row.Roles.Version+1:
		return void(voidRollback, "version %d of the trust file after %d", t.Version, h.row.Roles.Version)
	case r.Roles == nil:
		return void(voidSignature, "the roots of version %d and of its own did not sign it", h.row.Roles.Version)
	case r.Roles.Version != t.Version:
		return void(voidPredicate, "it holds version %d of the trust file, and says %d", r.Roles.Version, t.Version)
	}
	h.row.Roles = r.Roles
	return nil
}
