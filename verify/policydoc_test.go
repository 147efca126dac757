package verify_test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/verify"
	"github.com/touchmark-go/touchmark/verify/cel"
)

// TestPolicyDocument holds docs/policy.md to the five policies that it teaches by:
// the JSON in it is the policy that TestPolicies judges, the denial in it is what the
// verifier says about the mistake that it tells of, and without the mistake the
// answer is yes.
func TestPolicyDocument(t *testing.T) {
	doc, err := os.ReadFile("../docs/policy.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(doc), "\n## Five policies\n")
	rest, _, _ = strings.Cut(rest, "\n## ")
	sections := strings.Split(rest, "\n### ")[1:]
	if len(sections) != 5 {
		t.Fatalf("%d sections about policies, want 5", len(sections))
	}
	y := newYardstick(t)
	for i, c := range []struct {
		policy, artifact string
		good, mistake    func(*scene)
		want             verify.Decision
	}{
		{"1-github-binary.json", "dist/app", y.githubBinary, func(s *scene) {
			b := &s.build.BuildDefinition
			b.ExternalParameters["workflow"].(map[string]any)["ref"] = "refs/heads/main"
			b.ResolvedDependencies[len(b.ResolvedDependencies)-1].URI = "git+https://github.com/acme/app@refs/heads/main"
		}, verify.Deny},
		{"2-npm.json", "pad-1.2.3.tgz", y.npm, func(s *scene) { s.request.Name = "pkg:npm/pad@1.2.4" }, verify.Deny},
		{"3-image.json", "web.tar", y.image, func(s *scene) {
			s.statements[1].statement.Predicate = mustJSON(scan(judged.Add(-10*24*time.Hour), "9.8"))
		}, verify.Deny},
		{"4-two-people.json", "dist/app", y.twoPeople, func(s *scene) { s.statements[0].by = []string{"alice 0", "alice 1"} }, verify.Deny},
		{"5-air-gapped.json", "dist/app", y.airGapped, func(s *scene) { s.view.head.Time = s.request.At.Add(-31 * 24 * time.Hour) }, verify.Undecided},
	} {
		t.Run(c.policy, func(t *testing.T) {
			json, denial := fenced(t, sections[i], "json"), fenced(t, sections[i], "")
			p, err := verify.ParsePolicy([]byte(json))
			if err != nil {
				t.Fatal(err)
			}
			if p.Digest() != policyFile(t, c.policy).Digest() {
				t.Errorf("the policy in the document is not that of testdata/policies/%s", c.policy)
			}
			if v := tell(t, y, p, c.artifact, c.good, nil); v.Decision != verify.Allow {
				t.Errorf("without the mistake:\n%s", v)
			}
			v := tell(t, y, p, c.artifact, c.good, c.mistake)
			text := strings.ReplaceAll(v.String(), v.Digest.Hex(), shownDigest)
			if v.Decision != c.want || text != denial {
				t.Errorf("the verdict is\n%s\nand in the document\n%s", text, denial)
			}
		})
	}
}

// shownDigest stands in the document for the digest of what a test built.
var shownDigest = provenance.SumSHA256([]byte("hello")).Hex()

// fenced is the one block of code of a language in a section.
func fenced(t testing.TB, section, language string) string {
	t.Helper()
	var found []string
	for _, m := range regexp.MustCompile("(?ms)^```([a-z]*)\n(.*?)^```$").FindAllStringSubmatch(section, -1) {
		if m[1] == language {
			found = append(found, m[2])
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d blocks of %q, want one:\n%s", len(found), language, section)
	}
	return found[0]
}

// tell is the verdict about a scene, whose evidence has places in a file.
func tell(t *testing.T, y *yardstick, p *verify.Policy, artifact string, good, mistake func(*scene)) *verify.Verdict {
	t.Helper()
	s := &scene{t: t, policy: p, artifact: y.binary}
	good(s)
	if mistake != nil {
		mistake(s)
	}
	v := s.ready(y.public, cel.Conditions)
	for i, b := range s.request.Evidence {
		b.Origin = fmt.Sprintf("%s.intoto.jsonl:%d", strings.TrimPrefix(artifact, "dist/"), i+1)
	}
	verdict, _ := v.Verify(t.Context(), s.request)
	verdict.Artifact = artifact
	return verdict
}
