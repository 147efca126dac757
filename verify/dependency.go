package verify

import (
	"fmt"
	"slices"
	"strings"

	"github.com/touchmark-go/touchmark/provenance"
)

// checkDependencies holds what accepted provenance was made from against the
// policy, and what that was made from, as deep as the policy says. It looks only
// at evidence that was handed in.
func (d *deciding) checkDependencies() {
	if d.Dependencies == nil || d.provenance == nil {
		return // without accepted provenance nothing is known of them, and that has failed
	}
	w := &dependencyWalk{deciding: d, seen: map[string]bool{}, byDigest: map[string][]*unit{}}
	for _, u := range d.units {
		if u.statement == nil || u.statement.PredicateType != SummaryType && !slices.Contains(d.types, u.statement.PredicateType) {
			continue
		}
		for _, s := range u.statement.Subject {
			for _, digest := range s.Digest.Digests() {
				if list := w.byDigest[digest.String()]; len(list) == 0 || list[len(list)-1] != u {
					w.byDigest[digest.String()] = append(list, u)
				}
			}
		}
	}
	w.walk(d.provenance)
	for _, f := range w.failed[:min(len(w.failed), maxDependencyFindings)] {
		d.add(f)
	}
	if more := len(w.failed) - maxDependencyFindings; more > 0 {
		d.add(Finding{Code: CodeDependency, Status: Failed, Rule: "/dependencies", Message: fmt.Sprintf("%d more dependencies are not allowed", more)})
	}
	if len(w.failed) > 0 {
		return
	}
	for i, n := range w.accepted {
		if n > 0 {
			d.add(Finding{Code: CodeDependency, Status: Waived, Rule: fmt.Sprintf("/dependencies/rules/%d", i), Message: fmt.Sprintf("%d accepted as they are", n)})
		}
	}
	d.add(Finding{Code: CodeDependency, Status: Passed, Rule: "/dependencies", Got: fmt.Sprintf("%d dependencies", len(w.seen))})
}

// maxDependencyFindings bounds how many of them the verdict lists.
const maxDependencyFindings = 16

// A dependencyWalk goes through dependencies of dependencies, each once.
type dependencyWalk struct {
	*deciding
	seen     map[string]bool
	byDigest map[string][]*unit // provenance and summaries, by what they are about
	accepted [maxDependencyRules]int
	failed   []Finding
}

// walk goes breadth first: what is near the artifact is met there, and not first
// where the policy's depth ends.
func (w *dependencyWalk) walk(from *accepted) {
	type level struct {
		build  *provenance.Build
		origin string
	}
	here := []level{{from.build, from.unit.origin()}}
	for depth := 1; depth <= w.Dependencies.Depth; depth++ {
		var next []level
		for _, l := range here {
			for _, dep := range l.build.BuildDefinition.ResolvedDependencies {
				id := dep.URI
				if id == "" {
					id = dep.Name
				}
				key := id + "\n" + digests(dep.Digest)
				if w.seen[key] {
					continue
				}
				if len(w.seen) == MaxDependencies {
					w.failed = append(w.failed, Finding{Code: CodeLimit, Status: Failed, Rule: "/dependencies", Evidence: l.origin, Message: "too many dependencies", Want: fmt.Sprintf("at most %d", MaxDependencies), Got: "more"})
					return
				}
				w.seen[key] = true
				if build, origin := w.check(id, dep, l.origin); build != nil {
					next = append(next, level{build, origin})
				}
			}
		}
		here = next
	}
}

// check holds one dependency against the first rule that is about it. If that
// wants its provenance, it returns it and where it stands.
func (w *dependencyWalk) check(id string, dep provenance.ResourceDescriptor, origin string) (*provenance.Build, string) {
	i := slices.IndexFunc(w.Dependencies.Rules, func(r DependencyRule) bool { return matchStars(r.Match, id) })
	fail := func(rule, message, want, got string) {
		if got != "" {
			got = ": " + got
		}
		w.failed = append(w.failed, Finding{Code: CodeDependency, Status: Failed, Rule: rule, Evidence: origin, Message: message, Want: want, Got: ascii(id) + got})
	}
	if i < 0 {
		fail("/dependencies/rules", "a dependency that no rule is about", "a rule that matches it", "")
		return nil, ""
	}
	r, rule := &w.Dependencies.Rules[i], fmt.Sprintf("/dependencies/rules/%d", i)
	switch {
	case r.Deny:
		fail(rule, "a dependency that the policy denies", "none that is "+r.Match, "")
		return nil, ""
	case r.Accept:
		w.accepted[i]++
		return nil, ""
	}
	types, q := w.types, Quorum{}
	if r.Provenance != nil {
		q = r.Provenance.SignedBy
	} else {
		types, q = []string{SummaryType}, r.Summary.SignedBy
	}
	want := fmt.Sprintf("%s signed by %s", strings.Join(types, " or "), q)
	t := w.best(rule, dep, types, q, w.dependencySigners[i], func(t *trial) {
		if r.Summary != nil {
			if v := w.checkSummary(t, rule, r.Summary.Levels, id, func(uri string) bool { return uri == id }); v != nil {
				w.checkAge(t, rule, r.Summary.MaxAge, v.TimeVerified)
			}
			return
		}
		build, err := provenance.ParseBuild(t.unit.statement)
		if err != nil {
			t.fail(Finding{Code: predicateCode(err), Message: "no SLSA provenance that can be used", Got: err.Error()})
			return
		}
		t.build = build
		w.checkBuilder(t, &ProvenanceRule{Level: r.Provenance.Level})
		w.checkAge(t, rule, 0, build.RunDetails.Metadata.FinishedOn)
	})
	switch {
	case t == nil:
		fail(rule, "a dependency without the evidence that the policy wants", want, "")
	case t.failed:
		j := slices.IndexFunc(t.findings, func(f Finding) bool { return f.Status == Failed })
		f := t.findings[j]
		fail(rule, "a dependency whose evidence is not as the policy wants: "+f.Message, f.Want, f.Got)
	default:
		return t.build, t.unit.origin()
	}
	return nil, ""
}

// best holds the evidence about a dependency against a rule.
func (w *dependencyWalk) best(rule string, dep provenance.ResourceDescriptor, types []string, q Quorum, signers map[string]bool, more func(*trial)) *trial {
	var best *trial
	tried := map[*unit]bool{}
	for _, digest := range dep.Digest.Digests() {
		for _, u := range w.byDigest[digest.String()] {
			if tried[u] {
				continue
			}
			tried[u] = true
			other := *u
			if other.match(dep.Digest); other.matched != provenance.Matched || !slices.Contains(types, u.statement.PredicateType) {
				continue
			}
			if t := w.attempt(&other, rule, types, q, signers, more); t != nil && (best == nil || better(t, best)) {
				best = t
			}
		}
	}
	return best
}
