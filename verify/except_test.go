package verify_test

import (
	"strings"
	"testing"

	"github.com/touchmark-go/touchmark/internal/testkit/story"
)

// TestExcept drafts exceptions, which name what failed and nothing else, and
// shows of what there is none.
func TestExcept(t *testing.T) {
	const may = `set policy /exceptions {"approvedBy":{"atLeast":2,"of":["alice","bob","carol"]},"rules":["/attestations/1","/attestations/1/predicate/~1scanner~1result","/attestations/1/maxAge","/provenance/source/ref"],"for":"14d"}
`
	const finds = `set scan /predicate/scanner/result [{"id":"CVE-2026-1"}]
`
	const branch = `set provenance /predicate/buildDefinition/externalParameters/source/ref "refs/heads/main"
set provenance /predicate/buildDefinition/resolvedDependencies/0/uri "git+https://github.com/acme/app@refs/heads/main"
`
	for _, c := range []struct{ name, script, checks, err string }{
		{"one check", may + finds, "condition /attestations/1/predicate/~1scanner~1result", ""},
		{"two", may + finds + branch, "ref /provenance/source/ref, condition /attestations/1/predicate/~1scanner~1result", ""},
		{"nothing of the kind", may + "drop scan", "missing-evidence /attestations/1", ""},
		{"another code at the same rule", may + "set scan /subject/0/digest {\"md5\":\"<md5>\"}", "", "weak-digest at /attestations/1 failed"},
		{"one that is not named", may + finds + "set provenance /predicate/runDetails/metadata/startedOn \"2026-09-20T17:00:00Z\"\nset provenance /predicate/runDetails/metadata/finishedOn \"2026-09-20T17:05:00Z\"", "", "stale at /provenance/maxAge failed"},
		{"no exceptions", finds, "", "lets nobody make one"},
		{"allowed", may, "", "the verdict is ALLOW"},
		{"no answer", may + "request mode missing", "", "the verdict is UNDECIDED"},
	} {
		made := story.Build(t, c.script)
		if made.Err != nil {
			t.Fatal(made.Err)
		}
		v, _ := made.Verify(t)
		p := made.Policies[0]
		e, err := p.Except(v)
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) || e != nil {
				t.Errorf("%s: %v, %v, want %q\n%s", c.name, e, err, c.err, v)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v\n%s", c.name, err, v)
			continue
		}
		var checks []string
		for _, w := range e.Checks {
			checks = append(checks, w.Code+" "+w.Rule)
		}
		if got := strings.Join(checks, ", "); got != c.checks || e.Digest != v.Digest || e.Policy != p.Digest() || e.Environment != "prod" || !e.Expires.IsZero() || e.Reason != "" {
			t.Errorf("%s: %+v, want %s", c.name, e, c.checks)
		}
		other := *p
		other.Version++
		if e, err := other.Except(v); err == nil {
			t.Errorf("%s: a verdict by another policy: %v", c.name, e)
		}
	}
}
