package verify

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/touchmark-go/touchmark/internal/safetext"
	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/release"
)

// An ExceptionRule says which checks people may waive for one artifact, and for
// how long. What it does not name cannot be waived; neither can who signed, what
// was signed, the examination, approvals, revocations, and what was not answered.
type ExceptionRule struct {
	ApprovedBy Quorum        // persons only, who sign one and the same exception; never the author
	Rules      []string      // JSON pointers to the rules, each as findings name it; at least one
	For        time.Duration // the longest that an exception may still run
}

type exceptionFile struct {
	ApprovedBy json.RawMessage `json:"approvedBy"`
	Rules      []string        `json:"rules"`
	For        string          `json:"for"`
}

func (l *loader) exceptions(in *exceptionFile, p *Policy) (*ExceptionRule, error) {
	const at = "/exceptions"
	rule := &ExceptionRule{Rules: in.Rules}
	if in.ApprovedBy == nil {
		return nil, l.errorf(at+"/approvedBy", "approvedBy must be there: say who may make an exception")
	}
	var err error
	if rule.ApprovedBy, err = l.quorum(at+"/approvedBy", in.ApprovedBy, false); err != nil {
		return nil, err
	}
	if in.For == "" {
		return nil, l.errorf(at+"/for", "for must be there: an exception ends")
	}
	if rule.For, err = l.duration(at+"/for", in.For); err != nil {
		return nil, err
	}
	if len(in.Rules) == 0 {
		return nil, l.errorf(at+"/rules", "rules must name a rule that may be waived")
	}
	for i, pointer := range in.Rules {
		at := fmt.Sprintf("%s/rules/%d", at, i)
		if slices.Contains(in.Rules[:i], pointer) {
			return nil, l.errorf(at, "%q stands here twice", pointer)
		}
		if !p.mayExcept(pointer) {
			return nil, l.errorf(at, "%q cannot be waived: want an attestation of this policy, or something below it other than who signed it; or /provenance/level, /provenance/maxAge, /provenance/source/ref, something below /provenance/parameters, or /release/soak", pointer)
		}
	}
	return rule, nil
}

// mayExcept reports whether a policy may name the rule as one that is waived.
func (p *Policy) mayExcept(pointer string) bool {
	steps, ok := splitPointer(pointer)
	switch {
	case !ok:
		return false
	case slices.Contains([]string{"/provenance/level", "/provenance/maxAge", "/provenance/source/ref"}, pointer):
		return true
	case pointer == "/release/soak":
		return p.Release != nil
	case strings.HasPrefix(pointer, "/provenance/parameters/"):
		return len(steps) == 3
	case len(steps) >= 2 && steps[0] == "attestations":
		for i := range p.Attestations {
			if steps[1] == fmt.Sprint(i) {
				return len(steps) == 2 || steps[2] != "signedBy"
			}
		}
	}
	return false
}

// waivable are the codes that an exception may waive: what was done, or is not
// as wanted, and never whose word it is or what it is about.
func waivable(code Code) bool {
	switch code {
	case CodeCondition, CodeStale, CodeMissingEvidence, CodeParameters, CodeRef, CodeLevel, CodeRelease:
		return true
	}
	return false
}

// Except drafts the exception with which v, a denial by p and no other policy, would
// pass: it names every check that failed. Reason and Expires are left to fill in;
// then those whom p names sign its Statement, all the same one.
//
// It is an error, and no exception is drafted, if v is no denial by p alone, if p
// lets nobody make exceptions, or if a check failed that p does not let anybody waive.
func (p *Policy) Except(v *Verdict) (*release.Exception, error) {
	switch {
	case v.Decision != Deny:
		return nil, fmt.Errorf("exception: the verdict is %s, and one is made of a denial", v.Decision)
	case len(v.Policies) != 1 || v.Policies[0].Digest != p.Digest():
		return nil, fmt.Errorf("exception: the verdict is not by the policy %s alone", p.Name)
	case p.Exceptions == nil:
		return nil, fmt.Errorf("exception: the policy %s lets nobody make one: it has no exceptions", p.Name)
	}
	e := &release.Exception{Digest: v.Digest, Policy: p.Digest(), Environment: p.Environment}
	for _, f := range v.Failed() {
		if !waivable(f.Code) || !slices.Contains(p.Exceptions.Rules, f.Rule) {
			return nil, fmt.Errorf("exception: %s at %s failed, and the policy %s lets nobody waive it: %s", f.Code, safetext.Show(f.Rule), p.Name, safetext.Show(f.Message))
		}
		c := release.WaivedCheck{Rule: f.Rule, Code: string(f.Code)}
		if !slices.Contains(e.Checks, c) {
			e.Checks = append(e.Checks, c)
		}
	}
	return e, nil
}

// applyExceptions waives the checks that failed if one exception names every one
// of them. Two exceptions are never added up: then nobody would have seen all
// that is waived.
func (d *deciding) applyExceptions(status *release.Status) {
	if d.Exceptions == nil {
		return
	}
	var failed []int
	for i, f := range d.findings {
		if f.Status == Failed || f.Status == Unknown {
			failed = append(failed, i)
		}
	}
	if len(failed) == 0 {
		return // nothing to waive
	}
	for _, u := range d.units {
		if u.statement == nil || u.statement.PredicateType != release.ExceptionType {
			continue
		}
		e, by, why := d.exception(u, status)
		if why == "" {
			left := 0
			for _, i := range failed {
				if !d.covers(e, &d.findings[i]) {
					left++
				}
			}
			if left > 0 {
				why = fmt.Sprintf("it does not name %d of the %d checks that failed, and exceptions are not added up", left, len(failed))
			}
		}
		if why != "" {
			d.add(Finding{Code: CodeApproval, Status: Noted, Rule: "/exceptions", Evidence: u.origin(), Message: "an exception that does not count: " + why})
			continue
		}
		for _, i := range failed {
			f := &d.findings[i]
			f.Status, f.Remedy = Waived, ""
			f.Exception = &AppliedException{By: by, Until: e.Expires, Reason: e.Reason, Evidence: u.origin()}
		}
		return
	}
}

// covers reports whether e, and the policy, name the check that f reports.
func (d *deciding) covers(e *release.Exception, f *Finding) bool {
	rule, ours := strings.CutPrefix(f.Rule, d.prefix)
	return ours && waivable(f.Code) && slices.Contains(d.Exceptions.Rules, rule) &&
		slices.Contains(e.Checks, release.WaivedCheck{Rule: rule, Code: string(f.Code)})
}

// exception reads an exception and says who made it, or why it does not count.
func (d *deciding) exception(u *unit, status *release.Status) (e *release.Exception, by []string, why string) {
	e, err := release.ParseException(u.statement)
	switch {
	case err != nil:
		return nil, nil, err.Error()
	case u.matched != provenance.Matched:
		return nil, nil, "it is for another artifact"
	case e.Policy != d.approvedAs:
		return nil, nil, "it is under another policy, " + short(e.Policy)
	case e.Environment != d.Environment:
		return nil, nil, fmt.Sprintf("it is for %q", e.Environment)
	case !d.req.At.Before(e.Expires):
		return nil, nil, "it expired " + e.Expires.UTC().Format(time.RFC3339)
	case e.Expires.Sub(d.req.At) > d.Exceptions.For:
		return nil, nil, fmt.Sprintf("it runs until %s, and the policy wants at most %s", e.Expires.UTC().Format(time.RFC3339), formatDuration(d.Exceptions.For))
	}
	var not []string
	for _, s := range u.sorted() {
		switch {
		case s.Kind != Person:
			not = append(not, fmt.Sprintf("%s is a %s, and only persons make exceptions", s.Principal, s.Kind))
		case !d.excepters[s.Principal]:
			not = append(not, s.Principal+" is not among them")
		case d.isAuthor(s.Principal, status):
			not = append(not, s.Principal+" is the author")
		default:
			by = append(by, s.Principal)
		}
	}
	for _, r := range u.refusals {
		not = append(not, r.message)
	}
	q := d.Exceptions.ApprovedBy
	if have := d.trust.seated(q, by); have < q.need() {
		return nil, nil, strings.Join(append([]string{fmt.Sprintf("signed by %d of %d people, want %s", have, q.need(), q)}, not...), "; ")
	}
	return e, by, ""
}
