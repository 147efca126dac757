package verify

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/touchmark-go/touchmark/internal/strictjson"
	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sbom"
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
	var best *trial
	for _, u := range d.units {
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
	return slices.Contains(d.types, predicateType) || len(d.Approvals) > 0 && predicateType == approvalType ||
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
		var payload struct {
			PredicateType string `json:"predicateType"`
		}
		if strictjson.Unmarshal(u.bundles[0].UnverifiedPayload(), &payload) != nil {
			payload.PredicateType = ""
		}
		u.claimed = &payload.PredicateType
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
	need := q.AtLeast
	if q.Any {
		need = 1
	}
	if len(t.counted) >= need {
		if q.Any {
			t.waive(CodeSignature, rule, "any principal")
		} else {
			t.pass(CodeSignature, rule)
		}
		return true
	}
	f := Finding{Code: CodeThreshold, Rule: rule, Message: fmt.Sprintf("%d of %d signers", len(t.counted), need), Want: q.String(), Got: strings.Join(t.counted, ", ")}
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

// checkProvenance holds the evidence against the provenance rule.
func (d *deciding) checkProvenance() *accepted {
	const rule = "/provenance"
	r := &d.Provenance
	got := d.try(rule, d.types, r.SignedBy, d.signers, func(t *trial) {
		build, err := provenance.ParseBuild(t.unit.statement)
		if err != nil {
			t.fail(Finding{Code: predicateCode(err), Rule: rule, Message: "no SLSA provenance that can be used", Want: "a predicate as its type says", Got: err.Error()})
			return
		}
		t.build = build
		d.checkBuilder(t, r)
		switch {
		case r.BuildType == "any":
			t.waive(CodeBuildType, rule+"/buildType", "any")
		case build.BuildDefinition.BuildType == r.BuildType:
			t.pass(CodeBuildType, rule+"/buildType")
		default:
			t.fail(Finding{Code: CodeBuildType, Rule: rule + "/buildType", Message: "built another way than the policy allows", Want: r.BuildType, Got: ascii(build.BuildDefinition.BuildType)})
			return // what its parameters mean, only its own document says
		}
		source := d.checkSource(t, r)
		d.checkParameters(t, r, source)
		if r.MaxAge != 0 {
			d.checkAge(t, rule+"/maxAge", r.MaxAge, build.RunDetails.Metadata.FinishedOn)
		}
	})
	if got == nil || got.build == nil {
		return nil
	}
	return got
}

func predicateCode(err error) Code {
	if errors.Is(err, strictjson.ErrLimit) {
		return CodeLimit
	}
	return CodePredicate
}

// checkBuilder wants a counted principal that trust pairs with the builder id,
// and takes the best level of those.
func (d *deciding) checkBuilder(t *trial, r *ProvenanceRule) {
	const rule = "/provenance/level"
	id, level := t.build.RunDetails.Builder.ID, 0
	for _, name := range t.counted {
		p := d.trust.principals[name]
		for _, pattern := range p.builderIDs {
			if matchPatternURL(pattern, id) {
				level = max(level, p.builders[pattern])
			}
		}
	}
	t.level = level
	if level == 0 {
		t.fail(Finding{Code: CodeBuilder, Rule: "/provenance/signedBy", Message: "trust does not pair this builder with who signed", Want: "a builder of " + strings.Join(t.counted, ", "), Got: ascii(id)})
		return
	}
	t.pass(CodeBuilder, "/provenance/signedBy")
	switch {
	case r.Level == 0:
		t.waive(CodeLevel, rule, "any")
	case level >= r.Level:
		t.pass(CodeLevel, rule)
	default:
		t.fail(Finding{Code: CodeLevel, Rule: rule, Message: "trust holds this builder to less", Want: fmt.Sprintf("level %d", r.Level), Got: fmt.Sprintf("level %d: %s", level, id)})
	}
}

// checkParameters holds the external parameters against the policy, closed world.
func (d *deciding) checkParameters(t *trial, r *ProvenanceRule, source sourceReader) {
	const rule = "/provenance/parameters"
	var named []string
	if source != nil {
		named = source(t.build).pointers
	}
	all := mismatches(r.Parameters, any(t.build.BuildDefinition.ExternalParameters), d.asked, true, named...)
	for _, m := range all {
		message := "a parameter is not as the policy wants"
		if _, ok := r.Parameters[m.pointer]; !ok {
			message = "a parameter that the policy does not name: " + m.pointer
		}
		t.fail(Finding{Code: CodeParameters, Rule: rule + "/" + escapePointer(m.pointer), Message: message, Want: m.want, Got: m.got})
	}
	if len(all) > 0 {
		return
	}
	if m, ok := r.Parameters[""]; ok && m.Any && len(r.Parameters) == 1 {
		t.waive(CodeParameters, rule, "any")
		return
	}
	t.pass(CodeParameters, rule)
	for _, pointer := range sortedKeys(r.Parameters) {
		if r.Parameters[pointer].Any {
			t.waive(CodeParameters, rule+"/"+escapePointer(pointer), "any")
		}
	}
}

// roughly is an age as a person says it.
func roughly(age time.Duration) string {
	for _, unit := range []time.Duration{24 * time.Hour, time.Hour, time.Minute} {
		if age >= 2*unit {
			return formatDuration(age.Truncate(unit))
		}
	}
	return formatDuration(age.Truncate(time.Second))
}

// maxSkew is how far in the future a claimed or trusted time may lie: clocks differ.
const maxSkew = 5 * time.Minute

// checkAge counts from the trusted time of who counts, or from what the evidence
// claims if that is earlier or all there is.
func (d *deciding) checkAge(t *trial, rule string, most time.Duration, claimed time.Time) {
	var from time.Time
	how := "trusted"
	for _, name := range t.counted {
		if s := t.unit.signatories[name]; !s.Time.IsZero() && (from.IsZero() || s.Time.Before(from)) {
			from = s.Time
		}
	}
	if from.IsZero() || !claimed.IsZero() && claimed.Before(from) {
		// Anybody can have an old signature stamped anew, so a trusted time makes
		// nothing younger than its own signer says.
		from, how = claimed, "claimed"
	}
	age := d.req.At.Sub(from)
	f := Finding{Code: CodeStale, Rule: rule, Want: "at most " + formatDuration(most) + " old"}
	switch {
	case from.IsZero():
		f.Message, f.Got = "nobody says when it was made", "no trusted time, and no claimed one that can be read"
	case age < -maxSkew:
		f.Message, f.Got = "it says that it was made in the future", from.UTC().Format(time.RFC3339)+" ("+how+")"
	case age > most:
		old := roughly(age)
		if old == formatDuration(most) {
			old = "a little more"
		}
		f.Message, f.Got = "it is too old", fmt.Sprintf("%s (%s %s)", old, how, from.UTC().Format(time.RFC3339))
	default:
		t.pass(CodeStale, rule)
		t.findings[len(t.findings)-1].Got = how + " " + from.UTC().Format(time.RFC3339)
		return
	}
	t.fail(f)
}

// checkAttestation holds the evidence against one attestation rule.
func (d *deciding) checkAttestation(i int) {
	r := &d.Attestations[i]
	rule := fmt.Sprintf("/attestations/%d", i)
	got := d.try(rule, []string{r.Type}, r.SignedBy, d.attesters[i], func(t *trial) {
		var predicate any
		if raw := t.unit.statement.Predicate; len(raw) > 0 {
			if err := strictjson.Unmarshal(raw, &predicate); err != nil {
				t.fail(Finding{Code: predicateCode(err), Rule: rule, Message: "the predicate cannot be used", Want: "well-formed JSON", Got: err.Error()})
				return
			}
		}
		if r.Type == sbom.PredicateType {
			d.checkSBOM(t, rule)
		}
		if r.MaxAge != 0 {
			d.checkAge(t, rule+"/maxAge", r.MaxAge, claimedTime(r.Type, predicate))
		}
		all := mismatches(r.Predicate, predicate, d.asked, false)
		for _, m := range all {
			t.fail(Finding{Code: CodeCondition, Rule: rule + "/predicate/" + escapePointer(m.pointer), Message: "the attestation does not say what the policy wants", Want: m.want, Got: m.got})
		}
		waived := 0
		for _, pointer := range sortedKeys(r.Predicate) {
			if r.Predicate[pointer].Any {
				t.waive(CodeCondition, rule+"/predicate/"+escapePointer(pointer), "any")
				waived++
			}
		}
		if len(r.Predicate) > waived && len(all) == 0 {
			t.pass(CodeCondition, rule+"/predicate")
		}
		if condition := d.conditions[i]; condition != nil {
			ok, err := condition(t.unit.statement.Predicate)
			switch {
			case err != nil:
				t.fail(Finding{Code: CodeCondition, Rule: rule + "/where", Message: "the condition could not be evaluated", Want: r.Where, Got: err.Error()})
			case !ok:
				t.fail(Finding{Code: CodeCondition, Rule: rule + "/where", Message: "the condition does not hold", Want: r.Where, Got: "false"})
			default:
				t.pass(CodeCondition, rule+"/where")
			}
		}
	})
	if got != nil && got.bom != nil {
		d.sboms = append(d.sboms, got)
	}
}

// checkSBOM binds the document to the artifact a second time: by the digests of
// its own main component.
func (d *deciding) checkSBOM(t *trial, rule string) {
	bom, err := sbom.Parse(bytes.NewReader(t.unit.statement.Predicate))
	if err != nil {
		t.fail(Finding{Code: predicateCode(err), Rule: rule, Message: "no CycloneDX document that can be used", Want: "a document as its schema says", Got: err.Error()})
		return
	}
	digests := bomDigests(bom)
	switch digests.Match(d.artifact.digests) {
	case provenance.Matched:
		t.bom = bom
		t.pass(CodeBinding, rule)
	default:
		var got []string
		for _, digest := range digests.Digests() {
			got = append(got, digest.String())
		}
		f := Finding{Code: CodeBinding, Rule: rule, Message: "the SBOM is of another artifact than its statement", Want: d.artifact.primary.String(), Got: strings.Join(got, ", "),
			Remedy: "make the SBOM of this very artifact; do not run it before you know how another one came here"}
		if len(got) == 0 {
			f.Message, f.Remedy = "the SBOM does not say by a strong digest which artifact it is of", "make the SBOM of this very artifact"
		}
		t.fail(f)
	}
}

// claimedTime is when a predicate of a known type says that it was made.
func claimedTime(predicateType string, predicate any) time.Time {
	pointer := map[string]string{
		sbom.PredicateType:                          "/metadata/timestamp",
		"https://in-toto.io/attestation/vulns/v0.2": "/metadata/scanFinishedOn",
		"https://in-toto.io/attestation/vulns/v0.1": "/metadata/scanFinishedOn",
		"https://slsa.dev/verification_summary/v1":  "/timeVerified",
		"https://in-toto.io/attestation/svr/v0.2":   "/timeCreated",
		provenance.SLSAProvenanceV1:                 "/runDetails/metadata/finishedOn",
		provenance.SLSAProvenanceV02:                "/metadata/buildFinishedOn",
	}[predicateType]
	if pointer == "" {
		return time.Time{}
	}
	value, _ := lookup(predicate, pointer)
	data, err := json.Marshal(value)
	var at time.Time
	if err != nil || strictjson.Unmarshal(data, &at) != nil {
		return time.Time{}
	}
	return at
}
