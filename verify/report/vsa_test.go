package report_test

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	vsa "github.com/in-toto/attestation/go/predicates/vsa/v1"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/touchmark-go/touchmark/internal/testkit/story"
	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/verify"
	"github.com/touchmark-go/touchmark/verify/report"
)

const (
	verifierID = "https://verifier.acme.example"
	resource   = "pkg:generic/app@1.4.0"
)

// believer is a policy's rule that wants a summary by qa, in the place of a scan.
const believer = `set trust /principals/qa/verifiers {"https://verifier.acme.example":["SLSA_BUILD_LEVEL_3"]}
set policy /package "pkg:generic/app"
set policy /attestations/1 {"type":"https://slsa.dev/verification_summary/v1","signedBy":"qa","maxAge":"7d","summary":{"levels":["SLSA_BUILD_LEVEL_2"]}}
request name pkg:generic/app@1.4.0
drop scan
`

// written is the summary of a case's verdict, with its text.
func written(t testing.TB, c verdictCase, v report.VSA) (*provenance.Statement, string) {
	t.Helper()
	verdict, made := c.verdict(t)
	v.Evidence = made.Request.Evidence
	s, err := v.Statement(verdict)
	if err != nil {
		t.Fatal(err)
	}
	return s, string(must(t)(s.Marshal()))
}

// TestVSARoundTrip writes a summary of a verdict, signs it, and asks the verifier
// whether a policy that wants one believes it: of an allowed artifact, and of nothing else.
func TestVSARoundTrip(t *testing.T) {
	good := report.VSA{Verifier: verifierID, Resource: resource}
	for _, c := range []struct {
		name   string
		of     verdictCase
		vsa    report.VSA
		script string // what else is done
		codes  string
	}{
		{"allowed", verdictCases[0], good, "", ""},
		{"excepted", verdictCases[1], good, "", ""},
		{"denied", verdictCases[2], good, "", "condition"},
		{"another resource", verdictCases[0], report.VSA{Verifier: verifierID, Resource: "pkg:generic/other@1.4.0"}, "", "binding"},
		{"another version", verdictCases[0], report.VSA{Verifier: verifierID, Resource: "pkg:generic/app@1.4.1"}, "", "binding"},
		{"another verifier", verdictCases[0], report.VSA{Verifier: verifierID + "/x", Resource: resource}, "", "builder"},
		{"signed by another", verdictCases[0], good, "drop vsa\nsign vsa dan", "missing-evidence"},
		{"more than was verified", verdictCases[0], good, `set policy /attestations/1/summary/levels ["SLSA_BUILD_LEVEL_3"]`, "level"},
		{"of a policy that wants no level", verdictCase{"any", `set policy /provenance/level "any"`, verify.Allow}, good, "", "level"},
		{"by its policy", verdictCases[0], good, `set policy /attestations/1/summary/policy "<wanted>"`, ""},
		{"by another policy", verdictCases[0], good, `set policy /attestations/1/summary/policy "sha256:` + strings.Repeat("7", 64) + `"`, "condition"},
		{"too old", verdictCases[0], good, "request at 2026-11-29T03:07:00Z\nset policy /attestations/1/maxAge \"7d\"\nset approval /predicate/expires \"2027-01-01T00:00:00Z\"", "stale"},
		{"of another artifact", verdictCases[0], good, "text vsa 102ba48ff53f 202ba48ff53f", "subject"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, text := written(t, c.of, c.vsa)
			var p struct{ Policy provenance.ResourceDescriptor }
			if err := json.Unmarshal(s.Predicate, &p); err != nil {
				t.Fatal(err)
			}
			script := strings.ReplaceAll(c.script, "<wanted>", "sha256:"+p.Policy.Digest["sha256"])
			made := story.Build(t, believer+"doc vsa "+text+"\nsign vsa qa\n"+script)
			if made.Err != nil {
				t.Fatal(made.Err)
			}
			v, err := made.Verify(t)
			var codes []string
			for _, f := range v.Failed() {
				codes = append(codes, string(f.Code))
			}
			if got := strings.Join(codes, " "); got != c.codes || (err == nil) != (c.codes == "") {
				t.Errorf("%q, want %q\n%s\n%s", got, c.codes, v, text)
			}
		})
	}
}

// TestVSARules holds summaries to what SLSA 1.2 wants of one, field by field, and
// to in-toto's own type of them, which refuses a member that it does not know.
func TestVSARules(t *testing.T) {
	digest := regexp.MustCompile(`^[0-9a-f]{64}$`)
	for _, c := range verdictCases[:3] {
		verdict, made := c.verdict(t)
		s, _ := written(t, c, report.VSA{Verifier: verifierID, Resource: resource})
		if s.PredicateType != "https://slsa.dev/verification_summary/v1" || len(s.Subject) != 1 || s.Subject[0].Digest["sha256"] != verdict.Digest.Hex() {
			t.Errorf("%s: a %s about %v", c.name, s.PredicateType, s.Subject)
		}
		var p vsa.VerificationSummary
		if err := protojson.Unmarshal(s.Predicate, &p); err != nil {
			t.Fatalf("%s: %v\n%s", c.name, err, s.Predicate)
		}
		if p.GetVerifier().GetId() != verifierID || p.GetResourceUri() != resource || !p.GetTimeVerified().AsTime().Equal(verdict.At) || p.GetSlsaVersion() != "1.2" {
			t.Errorf("%s: %s", c.name, s.Predicate)
		}
		if !strings.HasPrefix(p.GetPolicy().GetUri(), "urn:touchmark:policy:") || p.GetPolicy().GetDigest()["sha256"] != verdict.Policies[0].Digest.Hex() {
			t.Errorf("%s: policy %v", c.name, p.GetPolicy())
		}
		want := map[verify.Decision][2]string{verify.Allow: {"PASSED", "SLSA_BUILD_LEVEL_2"}, verify.Deny: {"FAILED", "FAILED"}}[c.decision]
		if p.GetVerificationResult() != want[0] || len(p.GetVerifiedLevels()) != 1 || p.GetVerifiedLevels()[0] != want[1] {
			t.Errorf("%s: %s %v, want %v", c.name, p.GetVerificationResult(), p.GetVerifiedLevels(), want)
		}
		ids := map[string]bool{} // all that was used, or none (SLSA 1.2, inputAttestations)
		for _, in := range p.GetInputAttestations() {
			id := in.GetDigest()["sha256"]
			if !digest.MatchString(id) || ids[id] {
				t.Errorf("%s: input %v", c.name, in)
			}
			ids[id] = true
		}
		for _, b := range made.Request.Evidence {
			if b.Err == nil && !ids[b.ID().Hex()] {
				t.Errorf("%s: %s is not among the inputs", c.name, b.Origin)
			}
		}
	}
}

// TestVSARefuses lists what there is no summary of.
func TestVSARefuses(t *testing.T) {
	allowed := func(change func(*verify.Verdict)) *verify.Verdict {
		v, _ := verdictCases[0].verdict(t)
		change(v)
		return v
	}
	same := func(*verify.Verdict) {}
	good := report.VSA{Verifier: verifierID, Resource: resource}
	undecided, _ := verdictCases[3].verdict(t)
	denied, _ := verdictCases[2].verdict(t)
	for _, c := range []struct {
		name     string
		vsa      report.VSA
		verdicts []*verify.Verdict
		want     string
	}{
		{"no verdict", good, nil, "no verdict to write down"},
		{"no answer", good, []*verify.Verdict{undecided}, "the verdict is UNDECIDED"},
		{"the zero verdict", good, []*verify.Verdict{{}}, "the verdict is UNDECIDED"},
		{"no verifier", report.VSA{Resource: resource}, []*verify.Verdict{allowed(same)}, `the verifier is "", want a URI`},
		{"a verifier that is no URI", report.VSA{Verifier: "me", Resource: resource}, []*verify.Verdict{allowed(same)}, `the verifier is "me", want a URI`},
		{"no resource", report.VSA{Verifier: verifierID}, []*verify.Verdict{allowed(same)}, `the resource is "", want a URI`},
		{"two policies", good, []*verify.Verdict{allowed(func(v *verify.Verdict) { v.Policies = append(v.Policies, v.Policies[0]) })}, "by 2 policies, want one"},
		{"no policy", good, []*verify.Verdict{allowed(func(v *verify.Verdict) { v.Policies = nil })}, "by 0 policies, want one"},
		{"no content", good, []*verify.Verdict{allowed(func(v *verify.Verdict) { v.Digest = provenance.Digest{} })}, "of no content"},
		{"a yes and a no", good, []*verify.Verdict{allowed(same), denied}, "the verdicts differ"},
		{"two instants", good, []*verify.Verdict{allowed(same), allowed(func(v *verify.Verdict) { v.At = v.At.AddDate(0, 0, 1) })}, "the verdicts differ"},
		{"two by different policies", good, []*verify.Verdict{allowed(same), allowed(func(v *verify.Verdict) { v.Policies[0].Digest = lastGood.Digest })}, "the verdicts differ"},
	} {
		if s, err := c.vsa.Statement(c.verdicts...); err == nil || !strings.Contains(err.Error(), c.want) || s != nil {
			t.Errorf("%s: %v, %v, want %q", c.name, s, err, c.want)
		}
	}

	// Of two artifacts, the lower level counts for both.
	two, err := good.Statement(allowed(same), allowed(func(v *verify.Verdict) {
		v.Digest = lastGood.Digest
		for i := range v.Findings {
			if v.Findings[i].Code == verify.CodeLevel {
				v.Findings[i].Got = "SLSA_BUILD_LEVEL_1"
			}
		}
	}))
	if err != nil || len(two.Subject) != 2 || !strings.Contains(string(two.Predicate), `"verifiedLevels":["SLSA_BUILD_LEVEL_1"]`) {
		t.Errorf("%v, %v", two, err)
	}
	named := allowed(func(v *verify.Verdict) { v.Name = resource })
	if s, err := (report.VSA{Verifier: verifierID}).Statement(named); err != nil || !strings.Contains(string(s.Predicate), `"resourceUri":"`+resource+`"`) {
		t.Errorf("%v, %v", s, err)
	}
}
