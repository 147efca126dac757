package verify

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/release"
	"github.com/touchmark-go/touchmark/sbom"
	"github.com/touchmark-go/touchmark/sign"
)

// A deciding is the state of one decision under one policy.
type deciding struct {
	*compiled
	ctx        context.Context
	trust      *trustIndex
	req        *Request
	asked      name
	artifact   *subject
	units      []*unit
	taken      *takenBack // what revocations take back
	unread     []Finding  // bundles that could not be read
	findings   []Finding
	prefix     string // before rules, when there are several policies
	provenance *accepted
	sboms      []*accepted
	where      string // in the artifact the binary is that is examined; "" if it is the artifact
}

// usualFindings is for how many findings there is room before any is made: those
// of a release that is allowed.
const usualFindings = 16

// add adds a finding, and gives it a remedy if it has none.
func (d *deciding) add(f Finding) {
	if f.Rule != "" {
		f.Rule = d.prefix + f.Rule
	}
	if f.Status == Failed && f.Remedy == "" {
		f.Remedy = f.Code.Remedy()
	}
	d.findings = append(d.findings, f)
}

func (d *deciding) pass(code Code, rule, evidence string) {
	d.add(Finding{Code: code, Status: Passed, Rule: rule, Evidence: evidence})
}

// decide runs every check, in one fixed order whatever the artifact and
// evidence are: request, trust, artifact, then for each policy name,
// provenance, attestations, release, approvals, examination. Reads, if it is not
// nil, is called before the artifact is read.
func (v *Verifier) decide(ctx context.Context, r Request, reads func()) (*Verdict, *subject, error) {
	if r.At.IsZero() {
		r.At = time.Now()
	}
	verdict := &Verdict{Artifact: r.Artifact.String(), Name: r.Name, Environment: r.Environment, At: r.At, Findings: []Finding{}}
	stop := func(f Finding) (*Verdict, *subject, error) {
		if f.Remedy == "" {
			f.Remedy = f.Code.Remedy()
		}
		verdict.Findings = append(verdict.Findings, f)
		_, err := verdict.result()
		return verdict, nil, err
	}
	if v == nil || v.trust == nil {
		return stop(Finding{Code: CodeRequest, Status: Failed, Message: "the Verifier was not made by New"})
	}
	verdict.Trust = v.trust.ref
	for _, p := range v.policies {
		verdict.Policies = append(verdict.Policies, p.ref)
	}
	asked, f := v.ask(&r)
	if f != nil {
		return stop(*f)
	}
	if f := v.trust.expired(r.At); f != nil {
		return stop(*f)
	}
	memory := memoryOf(r.Evidence)
	if !v.budget.draw(Limits{Memory: memory}) {
		return stop(*overBudget(fmt.Sprintf("%d bytes of memory", memory)))
	}
	defer v.budget.giveBack(memory)
	units, taken, unread, f := v.gather(ctx, r.Evidence, r.At)
	if f != nil {
		return stop(*f)
	}
	if reads != nil {
		reads()
	}
	examined := slices.ContainsFunc(v.policies, func(p *compiled) bool { return p.Examine.Mode != ExamineOff })
	artifact, f := r.Artifact.read(ctx, append(algorithms(units), asked.digest.Algorithm()), examined, v.budget)
	if f != nil {
		return stop(*f)
	}
	artifact.knownBy(units)
	verdict.Digest = artifact.primary
	if !asked.digest.IsZero() && provenance.Set(asked.digest).Match(artifact.digests) != provenance.Matched {
		verdict.Findings = append(verdict.Findings, Finding{Code: CodeBinding, Status: Failed, Message: "the name asks for another digest", Want: asked.digest.String(), Got: artifact.primary.String(), Remedy: CodeBinding.Remedy()})
	}
	for _, u := range units {
		u.match(artifact.digests)
	}
	for _, p := range v.policies {
		d := &deciding{findings: make([]Finding, 0, usualFindings), compiled: p, ctx: ctx, trust: v.trust, req: &r, asked: asked, artifact: artifact, units: units, taken: taken, unread: unread}
		if len(v.policies) > 1 {
			d.prefix = p.Name + "#"
		}
		d.run()
		if verdict.Findings == nil {
			verdict.Findings = d.findings
		} else {
			verdict.Findings = append(verdict.Findings, d.findings...)
		}
	}
	verdict.Findings = append(verdict.Findings, setAside(unread)...)
	verdict.Findings = append(verdict.Findings, taken.sortedNotes()...)
	if err := ctx.Err(); err != nil {
		verdict.Findings = append(verdict.Findings, Finding{Code: CodeCanceled, Status: Failed, Message: err.Error(), Remedy: CodeCanceled.Remedy()})
	} else {
		v.lastGood(ctx, &r, verdict)
	}
	_, err := verdict.result()
	return verdict, artifact, err
}

// setAside turns what could not be read into findings that decide nothing: a
// rule that lacks evidence because of it has failed by itself.
func setAside(unread []Finding) []Finding {
	out := slices.Clone(unread)
	for i := range out {
		out[i].Status, out[i].Remedy = Noted, ""
	}
	return out
}

// ask checks that the question is one that the policies can answer.
func (v *Verifier) ask(r *Request) (name, *Finding) {
	bad := func(message, want, got string) (name, *Finding) {
		return name{}, &Finding{Code: CodeRequest, Status: Failed, Message: message, Want: want, Got: got}
	}
	var asked name
	switch {
	case v.pkg.some() && r.Name == "":
		return bad("the policy is for a package: say by which name the artifact was asked for", "a name of "+v.pkg.String(), "")
	case !v.pkg.some() && r.Name != "":
		return bad("the policy is for no package, so a name means nothing to it", "no name", r.Name)
	case v.environment != "" && r.Environment == "":
		return bad("the policy is for an environment: say where the artifact is to run", v.environment, "")
	case v.environment == "" && r.Environment != "":
		return bad("the policy is for no environment, so one means nothing to it", "no environment", r.Environment)
	case v.asksLedger && r.Release == nil:
		return bad("the policy asks the ledger: hand in a release view", "Request.Release", "")
	case !v.asksLedger && r.Release != nil:
		return bad("the policy does not ask the ledger", "no Request.Release", "one")
	case readable(r.Evidence) > MaxEvidence:
		return name{}, &Finding{Code: CodeLimit, Status: Failed, Message: "too many bundles", Want: fmt.Sprintf("at most %d", MaxEvidence), Got: fmt.Sprint(readable(r.Evidence))}
	}
	if r.Name != "" {
		var err error
		if asked, err = parseName(r.Name); err != nil {
			return bad("the name cannot be read", "a purl or an image name", err.Error())
		}
	}
	for _, p := range v.policies {
		for _, a := range p.Attestations {
			for _, m := range a.Predicate {
				if m.Request == "version" && asked.version == "" {
					return bad("the policy compares with the version that was asked for", v.pkg.String()+" with a version", r.Name)
				}
			}
		}
	}
	return asked, nil
}

// readable counts the bundles that could be read.
func readable(evidence []*sign.Bundle) int {
	n := 0
	for _, b := range evidence {
		if b != nil && b.Err == nil {
			n++
		}
	}
	return n
}

// gather pools the evidence by what was signed, finds out who signed it, and
// reads what it says.
func (v *Verifier) gather(ctx context.Context, evidence []*sign.Bundle, at time.Time) ([]*unit, *takenBack, []Finding, *Finding) {
	byID := map[provenance.Digest]*unit{}
	var units []*unit
	var unread []Finding
	for _, b := range evidence {
		if b == nil {
			unread = append(unread, Finding{Code: CodeEnvelope, Message: "no bundle", Status: Failed})
			continue
		}
		if b.Err != nil {
			unread = append(unread, unreadable(b))
			continue
		}
		if b.PayloadType != provenance.PayloadType || !signedAs(b) {
			unread = append(unread, Finding{Code: CodePayloadType, Status: Failed, Evidence: origin(b), Message: "an envelope of something else", Want: provenance.PayloadType, Got: b.PayloadType})
			continue
		}
		id := b.ID()
		u := byID[id]
		if u == nil {
			u = &unit{id: id}
			byID[id] = u
			units = append(units, u)
		}
		u.bundles = append(u.bundles, b)
	}
	slices.SortFunc(units, func(a, b *unit) int { return strings.Compare(a.id.Hex(), b.id.Hex()) })
	for _, u := range units { // whatever order evidence comes in, the same bundle speaks for a unit
		slices.SortFunc(u.bundles, func(a, b *sign.Bundle) int { return compareOrigins(a.Origin, b.Origin) })
	}
	taken, f := v.authenticateAll(ctx, units, at)
	if f != nil {
		return nil, nil, nil, f
	}
	return units, taken, sortedOnce(unread), nil
}

// sortedOnce are findings by where they come from, doubles once.
func sortedOnce(findings []Finding) []Finding {
	// Not by package slices, which would be compiled for this type again: this package is to stay small.
	sort.SliceStable(findings, func(i, j int) bool {
		a, b := &findings[i], &findings[j]
		return cmp.Or(compareOrigins(a.Evidence, b.Evidence), strings.Compare(a.Message, b.Message)) < 0
	})
	return slices.Compact(findings)
}

// compareOrigins orders places in evidence: files by name, lines by number.
func compareOrigins(a, b string) int {
	i, j := strings.LastIndexByte(a, ':')+1, strings.LastIndexByte(b, ':')+1
	return cmp.Or(strings.Compare(a[:i], b[:j]), cmp.Compare(len(a)-i, len(b)-j), strings.Compare(a[i:], b[j:]))
}

// algorithms lists the further algorithms by which subjects are named.
func algorithms(units []*unit) []string {
	var out []string
	for _, u := range units {
		if u.statement == nil {
			continue
		}
		sets := make([]provenance.DigestSet, 0, len(u.statement.Subject))
		for _, s := range u.statement.Subject {
			sets = append(sets, s.Digest)
		}
		if u.statement.PredicateType == sbom.PredicateType {
			sets = append(sets, claimedBOMDigests(u.statement.Predicate))
		}
		for _, set := range sets {
			for _, a := range []string{provenance.SHA384, provenance.SHA512} {
				if _, ok := set[a]; ok && !slices.Contains(out, a) {
					out = append(out, a)
				}
			}
		}
	}
	slices.Sort(out)
	return out
}

// match finds the artifact among the unit's subjects. One that names two
// contents spoils the statement: somebody signed a contradiction.
func (u *unit) match(artifact provenance.DigestSet) {
	u.matched = provenance.NoMatch
	if u.statement == nil {
		return
	}
	for _, s := range u.statement.Subject {
		switch m := s.Digest.Match(artifact); {
		case m == provenance.Conflict:
			u.matched = m
			return
		case m == provenance.Matched, u.matched == provenance.NoMatch:
			u.matched = m
		}
	}
}

// run is one policy over the artifact and its evidence.
func (d *deciding) run() {
	if d.Package != "" {
		if d.pkg.matches(d.asked.pkg) {
			if d.pkg.any {
				d.add(Finding{Code: CodeBinding, Status: Waived, Rule: "/package", Message: "any"})
			} else {
				d.pass(CodeBinding, "/package", "")
			}
		} else {
			d.add(Finding{Code: CodeBinding, Status: Failed, Rule: "/package", Message: "asked for another package than the policy is for", Want: d.pkg.String(), Got: d.asked.pkg})
		}
	}
	if d.Environment != "" {
		if d.req.Environment == d.Environment {
			d.pass(CodeBinding, "/environment", "")
		} else {
			d.add(Finding{Code: CodeBinding, Status: Failed, Rule: "/environment", Message: "asked for another environment than the policy is for", Want: d.Environment, Got: d.req.Environment})
		}
	}
	d.provenance = d.checkProvenance()
	for i := range d.Attestations {
		d.checkAttestation(i)
	}
	d.checkDependencies()
	status := d.checkRelease()
	if f := d.taken.content(d.artifact.digests, d.units, status); f != nil {
		d.add(*f)
	}
	d.checkApprovals(status)
	d.checkExamine()
	d.applyExceptions(status)
}

// lastGood adds what a person looks for next, if a ledger is at hand. It decides nothing.
func (v *Verifier) lastGood(ctx context.Context, r *Request, verdict *Verdict) {
	if r.Release == nil || slices.ContainsFunc(verdict.Failed(), func(f Finding) bool { return f.Code == CodeLedger }) {
		return // nobody should go back to what another, or an old, ledger calls good
	}
	for _, p := range v.policies {
		if p.Release == nil {
			continue
		}
		if good, err := r.Release.LastGood(ctx, p.Release.Product, r.Environment); err == nil {
			verdict.LastGood = good
			return
		} else if !errors.Is(err, release.ErrUnknown) {
			return // the ledger could not say; the release check reports what matters
		}
	}
}
