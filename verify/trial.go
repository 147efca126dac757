package verify

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/touchmark-go/touchmark/internal/strictjson"
	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/release"
)

// An accepted is evidence about the artifact by somebody whom the rule names.
// It may still have failed the rule; then the decision is no, and it is only
// kept to tell what else is wrong.
type accepted struct {
	unit    *unit
	counted []string // principals that count for the rule, sorted
	build   *provenance.Build
	bom     *cdx.BOM
}

// A trial is one unit held against one rule: how far it came, and what was found.
type trial struct {
	*accepted
	progress int // how many steps it passed before the first failure
	level    int
	findings []Finding
	failed   bool
}

func (t *trial) pass(code Code, rule string) {
	t.findings = append(t.findings, Finding{Code: code, Status: Passed, Rule: rule, Evidence: t.unit.origin()})
	if !t.failed {
		t.progress++
	}
}

func (t *trial) waive(code Code, rule, what string) {
	t.findings = append(t.findings, Finding{Code: code, Status: Waived, Rule: rule, Evidence: t.unit.origin(), Message: what})
	if !t.failed {
		t.progress++
	}
}

func (t *trial) fail(f Finding) {
	f.Status = Failed
	if f.Evidence == "" {
		f.Evidence = t.unit.origin()
	}
	t.findings = append(t.findings, f)
	t.failed = true
}

// try holds every unit against a rule that wants one of types, signed by q, and
// settles for one: the first that meets everything, else the one that came
// closest, whose failures become the findings. more checks what is particular
// to the rule, and goes on after a failure.
func (d *deciding) try(rule string, types []string, q Quorum, signers map[string]bool, more func(*trial)) *accepted {
	return d.tryOf(d.units, rule, types, q, signers, more)
}

// tryOf is try over some units.
func (d *deciding) tryOf(units []*unit, rule string, types []string, q Quorum, signers map[string]bool, more func(*trial)) *accepted {
	var best *trial
	for _, u := range units {
		t := d.attempt(u, rule, types, q, signers, more)
		if t == nil {
			continue
		}
		if best == nil || better(t, best) {
			best = t
		}
	}
	if best == nil && len(d.unread) > 0 {
		f := d.unread[0]
		f.Rule = rule
		d.add(f)
		return nil
	}
	if best == nil {
		d.add(Finding{Code: CodeMissingEvidence, Status: Failed, Rule: rule, Message: "no evidence of the wanted kind", Want: fmt.Sprintf("%s signed by %s", strings.Join(types, " or "), q), Got: d.kinds()})
		return nil
	}
	for _, f := range best.findings {
		d.add(f)
	}
	return best.accepted
}

// better orders trials: met before not, then the further, then the higher
// level, then by ID, so that the order of evidence never matters.
func better(a, b *trial) bool {
	switch {
	case a.failed != b.failed:
		return !a.failed
	case a.progress != b.progress:
		return a.progress > b.progress
	case a.level != b.level:
		return a.level > b.level
	}
	return a.unit.id.Hex() < b.unit.id.Hex()
}

// kinds says what evidence there was, for a person who misses some.
func (d *deciding) kinds() string {
	var out []string
	for _, u := range d.units {
		if u.statement != nil && len(u.signatories) > 0 && !slices.Contains(out, u.statement.PredicateType) {
			out = append(out, u.statement.PredicateType)
		}
	}
	slices.Sort(out)
	if len(out) > 4 {
		out = append(out[:4], fmt.Sprintf("%d more", len(out)-4))
	}
	return strings.Join(out, ", ")
}

// attempt holds one unit against a rule. Nil means that the unit is about
// something else and says nothing about the rule.
func (d *deciding) attempt(u *unit, rule string, types []string, q Quorum, signers map[string]bool, more func(*trial)) *trial {
	t := &trial{accepted: &accepted{unit: u}}
	if len(u.signatories) == 0 {
		// What it claims to be is only used to choose which failure to report.
		if claimed := claimedType(u); claimed != "" && !slices.Contains(types, claimed) {
			return nil
		}
		t.fail(u.unsigned(rule))
		return t
	}
	t.findings = make([]Finding, 0, usualFindings)
	if u.statement == nil {
		code := CodeStatement
		if errors.Is(u.parseErr, strictjson.ErrLimit) {
			code = CodeLimit
		} else if misspelt(u) {
			code = CodeMalformedDigest
		}
		t.fail(Finding{Code: code, Rule: rule, Message: "signed, but no statement that can be used", Want: "a well-formed in-toto statement", Got: u.parseErr.Error()})
		return t
	}
	if !slices.Contains(types, u.statement.PredicateType) {
		if d.wanted(u.statement.PredicateType) || !slices.ContainsFunc(types, func(t string) bool { return akin(t, u.statement.PredicateType) }) {
			return nil
		}
		t.fail(Finding{Code: CodePredicateType, Rule: rule, Message: "a statement of another type", Want: strings.Join(types, " or "), Got: u.statement.PredicateType})
		t.progress = -1 // anything else says more
		return t
	}
	t.progress = 1
	t.pass(CodePredicateType, rule)
	switch u.matched {
	case provenance.Matched:
		t.pass(CodeSubject, rule)
	case provenance.Conflict:
		t.fail(Finding{Code: CodeDigestConflict, Rule: rule, Message: "its digests name different contents", Want: d.artifact.primary.String(), Got: subjects(u.statement)})
		return t
	case provenance.Weak:
		t.fail(Finding{Code: CodeWeakDigest, Rule: rule, Message: "it names the artifact by weak digests only", Want: d.artifact.primary.String(), Got: subjects(u.statement)})
		return t
	default:
		t.fail(Finding{Code: CodeSubject, Rule: rule, Message: "it is about something else", Want: d.artifact.primary.String(), Got: subjects(u.statement)})
		return t
	}
	if !d.countSigners(t, rule, q, signers) {
		return t
	}
	more(t)
	return t
}

// misspelt reports whether a signed payload is no statement because a digest of
// a subject is not spelled as one.
func misspelt(u *unit) bool {
	var s struct {
		Subject []struct {
			Digest provenance.DigestSet `json:"digest"`
		} `json:"subject"`
	}
	if strictjson.Unmarshal(u.bundles[0].UnverifiedPayload(), &s) != nil {
		return false
	}
	for _, subject := range s.Subject {
		if subject.Digest.Validate() != nil {
			return true
		}
	}
	return false
}

// wanted reports whether some rule of the policy wants the type.
func (d *deciding) wanted(predicateType string) bool {
	return slices.Contains(d.types, predicateType) || d.Exceptions != nil && predicateType == release.ExceptionType || len(d.Approvals) > 0 && predicateType == approvalType ||
		slices.ContainsFunc(d.Attestations, func(a AttestationRule) bool { return a.Type == predicateType })
}

// akin reports whether two predicate types have one owner: another version, or
// a type that was mistaken for the wanted one. What is not akin is about
// something else, and says nothing about the rule.
func akin(a, b string) bool {
	owner := func(s string) string {
		if i := strings.Index(s, "://"); i >= 0 {
			host, _, _ := strings.Cut(s[i+3:], "/")
			return host
		}
		return s
	}
	return strings.EqualFold(owner(a), owner(b))
}

// claimedType is what an unsigned unit says it is; "" if it cannot be read. It
// is read once: strangers choose how large it is.
func claimedType(u *unit) string {
	if u.claimed == nil {
		claimed := ""
		scan := strictjson.NewScanner(u.bundles[0].UnverifiedPayload())
		err := scan.Object(func(name []byte) error {
			switch {
			case string(name) == "predicateType" && scan.Kind() == '"':
				text, err := scan.String()
				claimed = string(text)
				return err
			case strings.EqualFold("predicateType", string(name)):
				return scan.FailName("want \"predicateType\" and a string")
			}
			return scan.Skip()
		})
		if err != nil || scan.End() != nil {
			claimed = ""
		}
		u.claimed = &claimed
	}
	return *u.claimed
}

// subjects says what a statement is about.
func subjects(s *provenance.Statement) string {
	var out []string
	for i, sub := range s.Subject {
		if i == 3 {
			out = append(out, fmt.Sprintf("%d more", len(s.Subject)-i))
			break
		}
		what := make([]string, 0, len(sub.Digest))
		for _, algorithm := range sortedKeys(sub.Digest) {
			what = append(what, algorithm+":"+sub.Digest[algorithm])
		}
		if len(what) > 3 {
			what = append(what[:3], "…")
		}
		out = append(out, strings.Join(what, "+"))
	}
	return strings.Join(out, ", ")
}

// countSigners counts the principals that the rule wants, each once.
func (d *deciding) countSigners(t *trial, rule string, q Quorum, signers map[string]bool) bool {
	rule += "/signedBy"
	for _, s := range t.unit.sorted() {
		if signers[s.Principal] {
			t.counted = append(t.counted, s.Principal)
		}
	}
	need, have := q.need(), len(t.counted)
	if len(q.And) > 0 {
		have = d.trust.seated(q, t.counted)
	}
	if have >= need {
		if q.Any {
			t.waive(CodeSignature, rule, "any principal")
		} else {
			t.pass(CodeSignature, rule)
		}
		return true
	}
	f := Finding{Code: CodeThreshold, Rule: rule, Message: fmt.Sprintf("%d of %d signers", have, need), Want: q.String(), Got: strings.Join(t.counted, ", ")}
	var asides []string
	for _, r := range t.unit.refusals {
		if r.principal == "" || signers[r.principal] {
			asides = append(asides, r.message)
			if len(t.counted) == 0 {
				f.Code = r.code
			}
		}
	}
	if len(t.counted) == 0 && len(asides) == 0 {
		f.Code, f.Message = CodeMissingEvidence, "signed, but by nobody that the rule names"
		for _, s := range t.unit.sorted() {
			asides = append(asides, "signed by "+s.Principal)
		}
	}
	if len(asides) > 0 {
		f.Got = strings.Trim(f.Got+"; "+strings.Join(asides, "; "), "; ")
	}
	t.fail(f)
	return false
}
