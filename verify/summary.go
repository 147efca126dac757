package verify

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/touchmark-go/touchmark/internal/strictjson"
	"github.com/touchmark-go/touchmark/provenance"
)

// A summary is a verification summary as it is written (SLSA VSA v1).
type summary struct {
	Verifier struct {
		ID string `json:"id"`
	} `json:"verifier"`
	TimeVerified time.Time                       `json:"timeVerified"`
	ResourceURI  string                          `json:"resourceUri"`
	Policy       provenance.ResourceDescriptor   `json:"policy"`
	Inputs       []provenance.ResourceDescriptor `json:"inputAttestations"`
	Result       string                          `json:"verificationResult"`
	Levels       []string                        `json:"verifiedLevels"`
}

// parseSummary reads a summary, and refuses one that contradicts itself.
func parseSummary(s *provenance.Statement) (*summary, error) {
	v := &summary{}
	if err := s.Decode(SummaryType, v); err != nil {
		return nil, err
	}
	switch {
	case v.Verifier.ID == "" || v.ResourceURI == "" || v.Result == "":
		return nil, fmt.Errorf("verifier.id, resourceUri and verificationResult must all be there")
	case v.Policy.URI == "" || len(v.Policy.Digest) == 0 || v.Policy.Digest.Validate() != nil:
		return nil, fmt.Errorf("the policy must be there, by uri and digest")
	}
	for i, in := range v.Inputs {
		if len(in.Digest) == 0 || in.Digest.Validate() != nil {
			return nil, fmt.Errorf("inputAttestations/%d has no digest", i)
		}
	}
	tracks := map[string]bool{}
	for _, level := range v.Levels {
		track, _ := parseLevel(level)
		if tracks[track] {
			return nil, fmt.Errorf("verifiedLevels has two of %s", strings.TrimPrefix(track, "="))
		}
		tracks[track] = true
	}
	return v, nil
}

// checkSummary wants a summary that passed, by a verifier that trust pairs with
// who counts, about the resource, to the levels. Resource reports whether a
// resourceUri is the wanted one.
func (d *deciding) checkSummary(t *trial, rule string, levels []string, want string, resource func(string) bool) *summary {
	v, err := parseSummary(t.unit.statement)
	if err != nil {
		t.fail(Finding{Code: predicateCode(err), Rule: rule, Message: "no verification summary that can be used", Want: "a predicate as its type says", Got: err.Error()})
		return nil
	}
	var allowed []string
	for _, name := range t.counted {
		allowed = append(allowed, d.trust.principals[name].verifiers[v.Verifier.ID]...)
	}
	if len(allowed) == 0 {
		t.fail(Finding{Code: CodeBuilder, Rule: rule + "/signedBy", Message: "trust does not pair this verifier with who signed", Want: "a verifier of " + strings.Join(t.counted, ", "), Got: ascii(v.Verifier.ID),
			Remedy: "if this verifier may say so, add it to the verifiers of its principal in the trust file; else find out who signed"})
		return nil
	}
	t.pass(CodeBuilder, rule+"/signedBy")
	if resource(v.ResourceURI) {
		t.pass(CodeBinding, rule)
	} else {
		t.fail(Finding{Code: CodeBinding, Rule: rule, Message: "the summary is of something else", Want: want, Got: ascii(v.ResourceURI)})
	}
	switch {
	case v.Result != "PASSED" || slices.Contains(v.Levels, "FAILED"):
		t.fail(Finding{Code: CodeCondition, Rule: rule, Message: "the verifier did not let it pass", Want: "PASSED", Got: ascii(v.Result)})
	case holds(levels, v.Levels, allowed):
		t.pass(CodeLevel, rule+"/levels")
	default:
		f := Finding{Code: CodeLevel, Rule: rule + "/levels", Message: "verified to less than the policy wants", Want: strings.Join(levels, ", "), Got: ascii(strings.Join(v.Levels, ", ")),
			Remedy: "have it verified to the wanted level"}
		if holds(levels, v.Levels, levels) {
			f.Message, f.Got = "trust lets this verifier give less", strings.Join(allowed, ", ")
		}
		t.fail(f)
	}
	return v
}

// isAsked reports whether a resource is what was asked for: the same package and,
// if a version or digest was asked for, that one.
func (n name) isAsked(resource string) bool {
	got, err := parseName(resource)
	return err == nil && got.pkg == n.pkg && (n.version == "" || got.version == n.version) && (n.digest.IsZero() || got.digest == n.digest)
}

// checkVSA holds a summary of the artifact against an attestation rule.
func (d *deciding) checkVSA(t *trial, rule string, r *SummaryRule) {
	rule += "/summary"
	want, is := d.req.Name, d.asked.isAsked
	if r.Resource != "" {
		want, is = r.Resource, func(s string) bool { return s == r.Resource }
	}
	v := d.checkSummary(t, rule, r.Levels, want, is)
	if v != nil && !r.Policy.IsZero() {
		if provenance.Set(r.Policy).Match(v.Policy.Digest) == provenance.Matched {
			t.pass(CodeCondition, rule+"/policy")
		} else {
			t.fail(Finding{Code: CodeCondition, Rule: rule + "/policy", Message: "verified by another policy", Want: r.Policy.String(), Got: digests(v.Policy.Digest)})
		}
	}
}

func digests(set provenance.DigestSet) string {
	var out []string
	for _, d := range set.Digests() {
		out = append(out, d.String())
	}
	return strings.Join(out, ", ")
}

// checkSourceSummary wants a summary of the commit that was built, about its
// repository (SLSA 1.2, source track).
func (d *deciding) checkSourceSummary(got *accepted) {
	const rule = "/provenance/source/summary"
	r := d.Provenance.Source.Summary
	read := sourceReaders[got.build.BuildDefinition.BuildType]
	if r == nil || read == nil {
		return // without a reader the source was refused already
	}
	s := read(got.build)
	commits := s.commits(got.build)
	if len(commits) != 1 {
		return // so was this
	}
	commit := provenance.DigestSet{provenance.GitCommit: commits[0]}
	d.tryOf(d.about(commit), rule, []string{SummaryType}, r.SignedBy, d.sourceSigners, func(t *trial) {
		want := d.Provenance.Source.Repository
		v := d.checkSummary(t, rule, r.Levels, "git+"+want, func(uri string) bool {
			base, is := strings.CutPrefix(uri, "git+")
			got, err := repository(base)
			return is && err == nil && got == want
		})
		if v == nil {
			return
		}
		d.checkAge(t, rule, r.MaxAge, v.TimeVerified)
		refs := sourceRefs(t.unit.statement, commit)
		switch {
		case r.Ref == "any":
			t.waive(CodeRef, rule+"/ref", "any")
		case slices.ContainsFunc(refs, func(ref string) bool { return matchRef(r.Ref, ref) }):
			t.pass(CodeRef, rule+"/ref")
		default:
			t.fail(Finding{Code: CodeRef, Rule: rule + "/ref", Message: "the commit was verified on another branch", Want: r.Ref, Got: ascii(strings.Join(refs, ", "))})
		}
	})
}

// sourceRefs are the refs that a source summary says its commit is on.
func sourceRefs(s *provenance.Statement, commit provenance.DigestSet) []string {
	var out []string
	for _, subject := range s.Subject {
		if subject.Digest.Match(commit) != provenance.Matched {
			continue
		}
		var refs []string
		if raw, there := subject.Annotations["sourceRefs"]; there && strictjson.Unmarshal(raw, &refs) == nil {
			out = append(out, refs...)
		}
	}
	return out
}

// about are the units about something else than the artifact.
func (d *deciding) about(digests provenance.DigestSet) []*unit {
	var out []*unit
	for _, u := range d.units {
		other := *u
		if other.match(digests); other.matched == provenance.Matched {
			out = append(out, &other)
		}
	}
	return out
}
