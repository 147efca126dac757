package learn_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/touchmark-go/touchmark/internal/testkit/story"
	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/verify"
	"github.com/touchmark-go/touchmark/verify/cel"
	"github.com/touchmark-go/touchmark/verify/learn"
)

func options(c *story.Case) learn.Options {
	return learn.Options{At: c.Request.At, Verify: verify.Options{Conditions: cel.Conditions}}
}

// caseOf is a story as a case: the answers are those of the base case's policy.
func caseOf(t testing.TB, name, script string, want verify.Decision, codes ...verify.Code) learn.Case {
	t.Helper()
	return learn.Case{Name: name, Request: story.Build(t, script).Request, Want: want, Codes: codes}
}

// releases are good ones that differ in version and tag, and one parameter.
func releases(t testing.TB) (*story.Case, []learn.Release) {
	var out []learn.Release
	var first *story.Case
	for i, version := range []string{"v1.4.0", "v1.4.1", "v1.5.0"} {
		c := story.Build(t, strings.Join([]string{
			fmt.Sprintf("artifact text %q", "app "+version),
			fmt.Sprintf("set provenance /predicate/buildDefinition/externalParameters/source/ref %q", "refs/tags/"+version),
			fmt.Sprintf("set provenance /predicate/buildDefinition/resolvedDependencies/0/uri %q", "git+https://github.com/acme/app@refs/tags/"+version),
			fmt.Sprintf("set provenance /predicate/buildDefinition/externalParameters/goarch %q", []string{"amd64", "arm64", "amd64"}[i]),
		}, "\n"))
		if first == nil {
			first = c
		}
		v, _ := c.Verify(t)
		out = append(out, learn.Release{Name: version, Artifact: c.Request.Artifact, Digests: provenance.Set(v.Digest), Evidence: c.Request.Evidence})
	}
	return first, out
}

// TestPolicy learns from one release, and from three.
func TestPolicy(t *testing.T) {
	c, all := releases(t)
	for _, test := range []struct {
		of   []learn.Release
		want []string // rule, width, what was seen
	}{
		{all[:1], []string{
			"/provenance/source/ref exact [refs/tags/v1.4.0]", "/provenance/parameters/~1goarch exact [amd64]", "/provenance/signedBy exact [ci]",
			"/attestations/1 exact [https://in-toto.io/attestation/vulns/v0.2]", "/attestations/1/signedBy exact [qa]"}},
		{all, []string{
			"/provenance/source/ref pattern [refs/tags/v1.4.0 refs/tags/v1.4.1 refs/tags/v1.5.0]", "/provenance/parameters/~1goarch choice [amd64 arm64]",
			"/provenance/source/repository exact [https://github.com/acme/app]"}},
	} {
		learned, err := options(c).Policy(t.Context(), c.Trust, "app", test.of...)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, l := range learned.Lessons {
			got = append(got, fmt.Sprintf("%s %s %v", l.Rule, l.Width, l.Seen))
		}
		for _, want := range test.want {
			if !slices.Contains(got, want) {
				t.Errorf("of %d: no %q in\n%s", len(test.of), want, strings.Join(got, "\n"))
			}
		}
		if len(learned.From) != len(test.of) {
			t.Errorf("learned from %v", learned.From)
		}
		v, err := verify.New(c.Trust, learned.Policy)
		if err != nil {
			t.Fatal(err)
		}
		for i, r := range all {
			_, err := v.Verify(t.Context(), verify.Request{Artifact: r.Artifact, At: c.Request.At, Evidence: r.Evidence})
			if (err == nil) != (i < len(test.of)) {
				t.Errorf("learned from %d: %s: %v", len(test.of), r.Name, err)
			}
		}
		// What was learned is held: another builder, repository, parameter or signer is refused.
		for _, bad := range []string{
			`set provenance /predicate/buildDefinition/externalParameters/source/repository "https://github.com/evil/app"`,
			`set provenance /predicate/buildDefinition/externalParameters/more "x"`,
			`set provenance /predicate/runDetails/builder/id "https://evil.example/builder"`,
			"sign provenance qa", "drop scan", "sign sbom qa",
		} {
			b := story.Build(t, bad)
			if _, err := v.Verify(t.Context(), verify.Request{Artifact: b.Request.Artifact, At: b.Request.At, Evidence: b.Request.Evidence}); err == nil {
				t.Errorf("learned from %d: allowed: %s", len(test.of), bad)
			}
		}
	}
}

// TestPolicyRefuses: nothing is learned from what nobody vouches for, or from
// releases that have nothing in common.
func TestPolicyRefuses(t *testing.T) {
	c, all := releases(t)
	of := func(script string) learn.Release {
		b := story.Build(t, script)
		v, _ := b.Verify(t)
		return learn.Release{Name: "other", Artifact: b.Request.Artifact, Digests: provenance.Set(v.Digest), Evidence: b.Request.Evidence}
	}
	stolen := all[0]
	stolen.Digests = all[1].Digests
	for name, test := range map[string]struct {
		of   []learn.Release
		want string
	}{
		"none":               {nil, "no releases"},
		"a stranger's":       {[]learn.Release{of("sign provenance mallory")}, "no provenance of it that the trust file believes"},
		"no builder's":       {[]learn.Release{of("sign provenance qa")}, "no provenance of it"},
		"of something else":  {[]learn.Release{stolen}, "about something else"},
		"another way":        {[]learn.Release{all[0], of(`set provenance /predicate/buildDefinition/buildType "https://example.com/make/v1"`)}, "in different ways"},
		"another repository": {[]learn.Release{all[0], of(`set provenance /predicate/buildDefinition/externalParameters/source/repository "https://github.com/acme/lib"`)}, "different repositories"},
	} {
		if l, err := options(c).Policy(t.Context(), c.Trust, "app", test.of...); err == nil || l != nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
}

const branch = "set provenance /predicate/buildDefinition/externalParameters/source/ref \"refs/heads/main\"\n" +
	"set provenance /predicate/buildDefinition/resolvedDependencies/0/uri \"git+https://github.com/acme/app@refs/heads/main\""

// suite is a set of cases for the base case's policy, one for each of its rules.
func suite(t testing.TB) []learn.Case {
	deny := func(script string, codes ...verify.Code) learn.Case {
		return caseOf(t, script, script, verify.Deny, codes...)
	}
	in := func(pointer, value string) string {
		return "set provenance /predicate/buildDefinition/externalParameters" + pointer + " " + value
	}
	return []learn.Case{
		caseOf(t, "good", "", verify.Allow),
		deny("sign provenance qa", "missing-evidence"),
		deny("set trust /principals/ci/builders {}", "builder"),
		deny(`set provenance /predicate/buildDefinition/buildType "https://github.com/touchmark-go/touchmark/build-types/command/v1"`, "build-type"),
		deny(in("/source/repository", `"https://github.com/evil/app"`)+"\nset provenance /predicate/buildDefinition/resolvedDependencies/0/uri \"git+https://github.com/evil/app@refs/tags/v1.4.0\"", "source"),
		deny(branch, "ref"),
		deny(in("/source/dirty", "true"), "source"),
		deny(in("/goos", `"windows"`), "parameters"),
		deny(in("/goarch", `"arm64"`), "parameters"),
		deny(in("/command", `["make"]`), "parameters"),
		deny(in("/more", `"x"`), "parameters"),
		deny(`set provenance /predicate/runDetails/metadata {"finishedOn":"2026-01-01T00:00:00Z"}`, "stale"),
		deny("drop sbom", "missing-evidence"),
		deny("sign sbom qa", "missing-evidence"),
		deny("drop scan", "missing-evidence"),
		deny("sign scan ci", "missing-evidence"),
		deny(`set scan /predicate/metadata/scanFinishedOn "2026-11-01T00:00:00Z"`, "stale"),
		deny(`set scan /predicate/scanner/result [{"id":"x","severity":[]}]`, "condition"),
		deny("sign approval alice", "approval"),
		deny("drop approval", "approval"),
	}
}

// TestMutate wants the whole suite to notice each rule that is taken away, and
// the rule to be named whose case is left out.
func TestMutate(t *testing.T) {
	c := story.Build(t, "")
	cases := suite(t)
	// The cases share one trust file, so what changes it is no case here.
	cases = slices.DeleteFunc(cases, func(c learn.Case) bool { return strings.Contains(c.Name, "set trust") })
	results, err := options(c).Test(t.Context(), c.Trust, c.Policies, cases...)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range results {
		if r.Wrong != "" {
			t.Fatalf("%s: %s\n%s", r.Case, r.Wrong, r.Verdict)
		}
	}
	missed, of, err := options(c).Mutate(t.Context(), c.Trust, c.Policies[0], cases...)
	if err != nil {
		t.Fatal(err)
	}
	// The app is no Go binary, so nothing in it is examined; and trust knows no builder of another level.
	var rules []string
	for _, m := range missed {
		rules = append(rules, m.Rule)
	}
	if want := []string{"/examine", "/provenance/level"}; of < 18 || !slices.Equal(rules, want) {
		t.Errorf("%d mutants, missed %v, want %v", of, rules, want)
	}
	for script, rule := range map[string]string{
		"/source/ref": "/provenance/source/ref", "/goos ": "/provenance/parameters/~1goos", "/more ": "/provenance/parameters", "finishedOn": "/provenance/maxAge",
		"sbom": "/attestations/0", "scanner/result": "/attestations/1/predicate/~1scanner~1result", "sign approval alice": "/approvals/0/atLeast", "scanFinishedOn": "/attestations/1/maxAge",
	} {
		fewer := slices.DeleteFunc(slices.Clone(cases), func(c learn.Case) bool { return strings.Contains(c.Name+" ", script) })
		missed, _, err := options(c).Mutate(t.Context(), c.Trust, c.Policies[0], fewer...)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(missed, func(m learn.Mutant) bool { return m.Rule == rule }) {
			t.Errorf("without %q nobody says that %s is untested", script, rule)
		}
	}
	if _, _, err := options(c).Mutate(t.Context(), c.Trust, c.Policies[0], cases[1:]...); err == nil {
		t.Error("no case is allowed, and that is no error")
	}
	wrong := caseOf(t, "wrong", "", verify.Deny)
	if _, _, err := options(c).Mutate(t.Context(), c.Trust, c.Policies[0], append(slices.Clone(cases), wrong)...); err == nil {
		t.Error("a case fails, and that is no error")
	}
}

// TestDiff wants what a change newly denies and allows, and what only needs its
// approvals again.
func TestDiff(t *testing.T) {
	c := story.Build(t, "")
	edit := func(change func(*verify.Policy)) []*verify.Policy {
		p, err := verify.ParsePolicy(c.Policies[0].Marshal())
		if err != nil {
			t.Fatal(err)
		}
		change(p)
		return []*verify.Policy{p}
	}
	free := edit(func(p *verify.Policy) { p.Approvals = nil })
	live := []learn.Live{{Name: "good", Request: story.Build(t, "").Request}, {Name: "branch", Request: story.Build(t, branch).Request}}
	for _, test := range []struct {
		name    string
		in, out []*verify.Policy
		want    string
	}{
		{"nothing", c.Policies, c.Policies, ""},
		{"a wider ref", free, edit(func(p *verify.Policy) { p.Approvals, p.Provenance.Source.Ref = nil, "any" }), "branch DENY ALLOW false; "},
		{"a narrower one", free, edit(func(p *verify.Policy) { p.Approvals, p.Provenance.Source.Ref = nil, "refs/tags/v2.*" }), "good ALLOW DENY false; "},
		{"a version more, and approvals of the last", c.Policies, edit(func(p *verify.Policy) { p.Version++ }), "good ALLOW DENY true; "},
		{"approvals and a ref", c.Policies, edit(func(p *verify.Policy) { p.Provenance.Source.Ref = "refs/tags/v2.*" }), "good ALLOW DENY false; "},
	} {
		changes, err := options(c).Diff(t.Context(), c.Trust, test.in, test.out, live...)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, c := range changes {
			got += fmt.Sprintf("%s %s %s %v; ", c.Name, c.Old.Decision, c.New.Decision, c.Reapprove)
		}
		if got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}
