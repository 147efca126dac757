package verify

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/touchmark-go/touchmark/internal/strictjson"
	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/release"
	"github.com/touchmark-go/touchmark/sign"
)

// Options tune a Verifier. The zero Options are what [New] uses.
type Options struct {
	// Authenticators check what a public key alone cannot. A policy that can
	// reach a principal with an identity which none of them accepts is an error.
	Authenticators []Authenticator
	// Conditions compiles a rule's where. Without it a policy that has one is an
	// error.
	Conditions Conditions
	// InsecureApprovedAs makes approvals and exceptions count that name the policy
	// of this digest, in place of the one that asks. It is for trying out a change
	// of a policy on evidence that there is, and for nothing that is deployed. Zero
	// is off.
	InsecureApprovedAs provenance.Digest
	// Budget is what all who share it may spend together. If nil, each call is
	// bound by the documented limits alone.
	Budget *Budget
}

// Conditions compiles the Where of a rule, over predicates of its Type or of the
// shape that its Fields say, into a [Condition]. A mistake in it is an error now,
// not later. Package verify/cel has one.
type Conditions func(rule AttestationRule) (Condition, error)

// A Condition reports whether a verified predicate is as wanted. It must be
// pure, bounded, and safe for concurrent use. An error is a failed check, like
// false; one with a method Code() Code that says [CodeLimit] sets the finding's
// code, all others are [CodeCondition].
type Condition func(predicate json.RawMessage) (bool, error)

// A Verifier decides by one Trust and one or more policies, all of which must
// allow. It never changes and may be used concurrently; it fetches nothing and
// keeps no answer: only identical questions that are asked at the same time share
// one, see [Verifier.Verify].
type Verifier struct {
	trust          *trustIndex
	policies       []*compiled
	authenticators []Authenticator
	pkg            pattern // the package that the policies are for, if any has one
	environment    string  // their environment, if any has one
	asksLedger     bool
	budget         *Budget
	flights        *flights
}

// AsksLedger reports whether one of the policies asks a ledger, so that a
// [Request] must bring a release view. One that none asks for is an error.
func (v *Verifier) AsksLedger() bool { return v.asksLedger }

// A compiled is a Policy made ready.
type compiled struct {
	Policy
	ref        PolicyRef
	pkg        pattern
	approvedAs provenance.Digest // which policy approvals and exceptions must name: this one
	types      []string          // provenance predicate types
	signers    map[string]bool
	attesters  []map[string]bool
	conditions []Condition
	approvers  []map[string]bool
	excepters  map[string]bool // who may sign an exception

	sourceSigners     map[string]bool   // of the source's summary
	dependencySigners []map[string]bool // by rule; nil for those that want no evidence
}

// A Request is one question.
type Request struct {
	Artifact    Artifact       // required
	Name        string         // what it was asked for by: a purl or image name; required exactly if a policy has a package
	Environment string         // where it is to run; required exactly if a policy names one
	At          time.Time      // the instant to judge; zero is the time of the call
	Release     release.View   // what the ledger says; required exactly if a policy asks
	Evidence    []*sign.Bundle // a set: order is free, doubles count once
}

// MaxEvidence is how many bundles a request may bring.
const MaxEvidence = sign.MaxLines

// New makes a Verifier. It copies what it is given. The error is a
// [*ConfigError] that names what is unusable.
func New(trust *Trust, policies ...*Policy) (*Verifier, error) {
	return Options{}.New(trust, policies...)
}

// New is [New] with these Options.
func (o Options) New(trust *Trust, policies ...*Policy) (*Verifier, error) {
	index, err := trust.index()
	if err != nil {
		return nil, err
	}
	if len(policies) == 0 {
		return nil, &ConfigError{Code: CodePolicyInvalid, Msg: "no policy: nothing would be accepted"}
	}
	v := &Verifier{trust: index, authenticators: slices.Clone(o.Authenticators), budget: o.Budget, flights: new(flights)}
	for _, p := range policies {
		c, err := o.compile(index, p)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(v.policies, func(other *compiled) bool { return other.Name == c.Name }) {
			return nil, &ConfigError{Code: CodePolicyInvalid, Name: c.Name, Pointer: "/name", Msg: "two policies have this name"}
		}
		if c.Package != "" {
			one, ok := v.pkg.narrower(c.pkg)
			if !ok {
				return nil, &ConfigError{Code: CodePolicyInvalid, Name: c.Name, Pointer: "/package", Msg: fmt.Sprintf("the policies are for different packages: %q and %q", v.pkg, c.pkg)}
			}
			v.pkg = one
		}
		if c.Environment != "" {
			if v.environment != "" && v.environment != c.Environment {
				return nil, &ConfigError{Code: CodePolicyInvalid, Name: c.Name, Pointer: "/environment", Msg: fmt.Sprintf("the policies are for different environments: %q and %q", v.environment, c.Environment)}
			}
			v.environment = c.Environment
		}
		v.asksLedger = v.asksLedger || c.Release != nil
		v.policies = append(v.policies, c)
	}
	return v, nil
}

// compile checks p against trust and makes it ready.
func (o Options) compile(x *trustIndex, p *Policy) (*compiled, error) {
	if p == nil {
		return nil, &ConfigError{Code: CodePolicyInvalid, Msg: "no policy: nothing would be accepted"}
	}
	data := p.Marshal()
	own, err := ParsePolicy(data) // a deep copy, checked as a file is
	if err != nil {
		return nil, err
	}
	l := &loader{code: CodePolicyInvalid, data: data}
	c := &compiled{Policy: *own, ref: PolicyRef{Name: own.Name, Version: own.Version, Digest: own.Digest()}, types: own.Provenance.Types}
	if c.approvedAs = c.ref.Digest; !o.InsecureApprovedAs.IsZero() {
		c.approvedAs = o.InsecureApprovedAs
	}
	if c.ref.SignedBy, err = x.signedPolicy(p, own); err != nil {
		return nil, named(err, own.Name)
	}
	if len(c.types) == 0 {
		c.types = []string{provenance.SLSAProvenanceV1}
	}
	if own.Package != "" {
		if c.pkg, err = parsePackage(own.Package); err != nil {
			return nil, err
		}
	}
	reach := func(pointer string, q Quorum) (map[string]bool, error) {
		set, err := x.resolve(l, pointer, q)
		if err == nil {
			err = o.reachable(x, pointer, set)
		}
		return set, err
	}
	if c.signers, err = reach("/provenance/signedBy", own.Provenance.SignedBy); err != nil {
		return nil, named(err, own.Name)
	}
	for i, a := range own.Attestations {
		at := fmt.Sprintf("/attestations/%d", i)
		set, err := reach(at+"/signedBy", a.SignedBy)
		if err != nil {
			return nil, named(err, own.Name)
		}
		c.attesters = append(c.attesters, set)
		if a.SBOM != nil && a.SBOM.SumDB != nil && !a.SBOM.SumDB.Any && x.sumDB(a.SBOM.SumDB.Database) == nil {
			return nil, named(l.errorf(at+"/sbom/sumdb", "the trust file names no key of the checksum database %q", a.SBOM.SumDB.Database), own.Name)
		}
		var condition Condition
		if a.Where != "" {
			if o.Conditions == nil {
				return nil, named(l.errorf(at+"/where", "where needs Options.Conditions: nothing here can evaluate it"), own.Name)
			}
			if condition, err = o.Conditions(a); err != nil {
				return nil, named(l.errorf(at+"/where", "%v", err), own.Name)
			}
			if condition == nil {
				return nil, named(l.errorf(at+"/where", "it compiled to nothing"), own.Name)
			}
		}
		c.conditions = append(c.conditions, condition)
	}
	if by := own.Provenance.Source.Summary; by != nil {
		if c.sourceSigners, err = reach("/provenance/source/summary/signedBy", by.SignedBy); err != nil {
			return nil, named(err, own.Name)
		}
	}
	if own.Dependencies != nil {
		for i, r := range own.Dependencies.Rules {
			var set map[string]bool
			at := fmt.Sprintf("/dependencies/rules/%d", i)
			switch {
			case r.Provenance != nil:
				set, err = reach(at+"/provenance/signedBy", r.Provenance.SignedBy)
			case r.Summary != nil:
				set, err = reach(at+"/summary/signedBy", r.Summary.SignedBy)
			}
			if err != nil {
				return nil, named(err, own.Name)
			}
			c.dependencySigners = append(c.dependencySigners, set)
		}
	}
	for i, q := range own.Approvals {
		at := fmt.Sprintf("/approvals/%d", i)
		set, err := reach(at, q)
		if err != nil {
			return nil, named(err, own.Name)
		}
		people := map[string]bool{}
		for name := range set {
			if x.principals[name].kind == Person {
				people[name] = true
			}
		}
		if len(people) < q.AtLeast {
			return nil, named(l.errorf(at, "only persons approve, and of these only %d are", len(people)), own.Name)
		}
		c.approvers = append(c.approvers, people)
	}
	if e := own.Exceptions; e != nil {
		const at = "/exceptions/approvedBy"
		set, err := reach(at, e.ApprovedBy)
		if err != nil {
			return nil, named(err, own.Name)
		}
		maps.DeleteFunc(set, func(name string, _ bool) bool { return x.principals[name].kind != Person })
		if x.seated(e.ApprovedBy, sortedKeys(set)) < e.ApprovedBy.need() {
			return nil, named(l.errorf(at, "only persons sign exceptions, and of these only %d are", len(set)), own.Name)
		}
		c.excepters = set
	}
	if own.Release != nil {
		if x.ledger == nil {
			return nil, named(l.errorf("/release", "the trust file names no ledger"), own.Name)
		}
		if n := len(x.ledger.Witnesses.Keys); own.Release.Witnesses > n {
			return nil, named(l.errorf("/release/witnesses", "%d of the %d witnesses in the trust file can never be met", own.Release.Witnesses, n), own.Name)
		}
	}
	return c, nil
}

// reachable refuses a policy that may want a signature by an identity which
// nobody here can check: it could only ever deny, or be silently weaker.
func (o Options) reachable(x *trustIndex, pointer string, set map[string]bool) error {
	for _, name := range sortedKeys(set) {
		for i, id := range x.principals[name].identities {
			if !slices.ContainsFunc(o.Authenticators, func(a Authenticator) bool { return a.Accepts(id) }) {
				return &ConfigError{Code: CodeTrustInvalid, Pointer: fmt.Sprintf("/principals/%s/identities/%d", strictjson.EscapePointer(name), i),
					Msg: fmt.Sprintf("no authenticator can check identities of authority %q, and the policy's %s can reach %q", id.Authority, pointer, name)}
			}
		}
	}
	return nil
}

func named(err error, policy string) error {
	if e, ok := err.(*ConfigError); ok && e.Code == CodePolicyInvalid {
		e.Name, e.Line = policy, 0 // the lines are of our own copy
	}
	return err
}

func sortedKeys[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// Verify decides. The error is nil if, and only if, the decision is [Allow];
// else it is an [*Error]. The verdict is never nil.
//
// A question that is asked again while it is being answered gets the same answer
// if nothing that decides differs, the bytes of the evidence included, and if the
// artifact is read after the second question came; the instant of two that are
// asked as of now may be up to a second old. A call that is canceled takes no
// other along. Nothing is kept beyond that.
func (v *Verifier) Verify(ctx context.Context, r Request) (*Verdict, error) {
	if v == nil || v.flights == nil {
		return v.verify(ctx, r, nil)
	}
	var head release.Head
	if v.asksLedger && r.Release != nil {
		head = r.Release.Head()
	}
	return v.flights.fly(ctx, &r, head, func(reads func()) (*Verdict, error) { return v.verify(ctx, r, reads) })
}

// verify is Verify alone. Reads is called before the artifact is read.
func (v *Verifier) verify(ctx context.Context, r Request, reads func()) (*Verdict, error) {
	verdict, artifact, err := v.decide(ctx, r, reads)
	if cerr := artifact.Close(); err == nil && cerr != nil {
		verdict.Findings = append(verdict.Findings, Finding{Code: CodeTransport, Status: Failed, Message: cerr.Error(), Remedy: CodeTransport.Remedy()})
		return verdict.result()
	}
	return verdict, err
}

// Open decides, and if the decision is [Allow] hands out the bytes that were
// verified, and no others: every read is checked against what was hashed, and
// fails if the artifact changed since. The handle is nil if the decision is not
// Allow; the error is then an [*Error] with the verdict.
func (v *Verifier) Open(ctx context.Context, r Request) (*Handle, error) {
	verdict, artifact, err := v.decide(ctx, r, nil)
	if err == nil && artifact.content == nil {
		verdict.Findings = append(verdict.Findings, Finding{Code: CodeRequest, Status: Failed, Message: "only a file or content can be opened", Want: "File or Content", Got: verdict.Artifact, Remedy: CodeRequest.Remedy()})
		_, err = verdict.result()
	}
	if err != nil {
		artifact.Close() // nothing was handed out: the decision stands
		return nil, err
	}
	artifact.content.forget() // from here on even the chunk that was examined last is read anew
	return &Handle{Verdict: verdict, SectionReader: io.NewSectionReader(artifact.content, 0, artifact.content.size), subject: artifact}, nil
}

// A Handle reads the artifact that was verified. It is an [io.Reader],
// [io.ReaderAt] and [io.Seeker]; a read that meets a byte which was not
// verified fails. ReadAt may be called concurrently.
type Handle struct {
	Verdict *Verdict // the decision, which is Allow
	*io.SectionReader
	subject *subject
}

// Close closes the artifact. Closing a nil Handle does nothing.
func (h *Handle) Close() error {
	if h == nil {
		return nil
	}
	return h.subject.Close()
}
