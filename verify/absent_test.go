package verify_test

import (
	"strings"
	"testing"
	"time"

	"github.com/touchmark-go/touchmark/internal/testkit"
	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/verify"
	"github.com/touchmark-go/touchmark/verify/cel"
)

// A fact that the binary does not carry is neither agreement nor contradiction,
// unless the policy demands it; and who lists the modules may be the SBOM alone.
func TestExamineAbsent(t *testing.T) {
	const workflow = "https://github.com/acme/build/.github/workflows/go.yml@refs/tags/v2.3"
	public := newAuthority("public-good")
	plain, full := testkit.PlainGoBinary(t), testkit.GoBinary(t)
	source := provenance.ResourceDescriptor{URI: "git+https://github.com/acme/web@refs/heads/main", Digest: provenance.DigestSet{provenance.GitCommit: strings.Repeat("5f", 20)}}
	commitOf := func(s *scene) provenance.ResourceDescriptor {
		return s.commit("https://github.com/acme/web", "refs/heads/main")
	}
	for name, c := range map[string]struct {
		artifact []byte
		facts    []string
		source   func(*scene) provenance.ResourceDescriptor
		noSBOM   bool
		codes    string
		got      string
	}{
		"provenance names a commit, the binary none": {artifact: plain, noSBOM: true},
		"the commit is demanded":                     {artifact: plain, noSBOM: true, facts: []string{"vcs.revision"}, codes: "examine/vcs.revision", got: "absent from the binary"},
		"only the SBOM lists the modules":            {artifact: full, source: commitOf},
		"nobody lists the modules":                   {artifact: full, source: commitOf, noSBOM: true, codes: "examine/module", got: "2 modules in the binary"},
	} {
		s := &scene{t: t, policy: policyFile(t, "3-image.json"), artifact: c.artifact}
		s.request.Name, s.request.Environment = "pkg:oci/web", "prod"
		s.policy.Examine.Facts = c.facts
		s.policy.Attestations = s.policy.Attestations[:1]
		s.signers = []string{"ephemeral"}
		s.builder = func(b *sign.Bundle) {
			public.certify(b, seeded("ephemeral"), verify.Identity{Issuer: "https://token.actions.githubusercontent.com", Workflow: workflow}, judged.Add(-time.Hour))
		}
		internal, _ := goFacts(t, c.artifact)
		s.build = &provenance.Build{}
		s.build.BuildDefinition.BuildType = githubWorkflow
		s.build.BuildDefinition.ExternalParameters = map[string]any{"workflow": map[string]any{"repository": "https://github.com/acme/web", "ref": "refs/heads/main", "path": ".github/workflows/image.yml"}}
		s.build.BuildDefinition.InternalParameters = map[string]any{"go": internal}
		s.build.BuildDefinition.ResolvedDependencies = []provenance.ResourceDescriptor{source}
		if c.source != nil {
			s.build.BuildDefinition.ResolvedDependencies[0] = c.source(s)
		}
		s.build.RunDetails.Builder.ID = workflow
		if c.noSBOM {
			s.policy.Attestations = nil
		} else {
			s.bom()
		}
		verdict := s.decide(public, cel.Conditions)
		got := ""
		if f := verdict.Failed(); len(f) > 0 {
			got = f[0].Got
		}
		if failed(verdict) != c.codes || got != c.got {
			t.Errorf("%s: got [%s] %q, want [%s] %q\n%s", name, failed(verdict), got, c.codes, c.got, verdict)
		}
	}
}
