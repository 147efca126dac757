package verify

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/touchmark-go/touchmark/internal/strictjson"
	"github.com/touchmark-go/touchmark/provenance"
)

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
		d.checkCertified(t)
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
		d.checkAge(t, rule, r.MaxAge, build.RunDetails.Metadata.FinishedOn)
	})
	if got == nil || got.build == nil {
		return nil
	}
	d.checkSourceSummary(got)
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
	if r := d.taken.builder(t.build, t.trusted(), d.req.At); r != nil {
		t.fail(Finding{Code: CodeRevoked, Rule: "/provenance/signedBy", Message: "its builder was taken back for the time in which it was built", Want: "a build before that, by a trusted time, or by another builder",
			Got: ascii(id) + " is " + r.String(), Remedy: "build it again on a builder that is sound, and find out what this one made"})
	}
	if level == 0 {
		t.fail(Finding{Code: CodeBuilder, Rule: "/provenance/signedBy", Message: "trust does not pair this builder with who signed", Want: "a builder of " + strings.Join(t.counted, ", "), Got: ascii(id)})
		return
	}
	t.pass(CodeBuilder, "/provenance/signedBy")
	switch {
	case r.Level == AnyLevel:
		t.waive(CodeLevel, rule, "any")
	case level >= r.Level:
		t.pass(CodeLevel, rule)
		t.findings[len(t.findings)-1].Got = fmt.Sprintf("%s%d", buildLevel, level)
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
		t.fail(Finding{Code: CodeParameters, Rule: rule + "/" + strictjson.EscapePointer(m.pointer), Message: message, Want: m.want, Got: m.got})
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
			t.waive(CodeParameters, rule+"/"+strictjson.EscapePointer(pointer), "any")
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

// trusted is the earliest trusted time of who counts; zero if there is none.
func (t *trial) trusted() time.Time {
	var from time.Time
	for _, name := range t.counted {
		if s := t.unit.signatories[name]; !s.Time.IsZero() && (from.IsZero() || s.Time.Before(from)) {
			from = s.Time
		}
	}
	return from
}

// checkAge counts from the trusted time of who counts, or from what the evidence
// claims if that is earlier or all there is. Whatever its age may be, 0 is any:
// what says that it was made after the instant that is judged is no evidence then.
func (d *deciding) checkAge(t *trial, rule string, most time.Duration, claimed time.Time) {
	if claimed.After(d.req.At.Add(maxSkew)) {
		t.fail(Finding{Code: CodeStale, Rule: rule, Message: "it says that it was made in the future", Want: "made before " + d.req.At.UTC().Format(time.RFC3339), Got: claimed.UTC().Format(time.RFC3339) + " (claimed)",
			Remedy: "judge it as of a later instant, or find out whose clock is wrong"})
		return
	}
	if most == 0 {
		return
	}
	rule += "/maxAge"
	from, how := t.trusted(), "trusted"
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
