package verify_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/touchmark-go/touchmark/internal/testkit/story"
	"github.com/touchmark-go/touchmark/verify"
)

// How many dependencies are looked at is bounded, and the verdict lists few of
// those that are not allowed.
func TestManyDependencies(t *testing.T) {
	made := func(n int) string {
		var list []string
		for i := range n {
			list = append(list, fmt.Sprintf(`{"uri":"pkg:generic/d%d@1","digest":{"sha256":"%064x"}}`, i, i))
		}
		list = append(list, `{"uri":"git+https://github.com/acme/app@refs/tags/v1.4.0","digest":{"gitCommit":"5f1e2c9a7b3d4e5f60718293a4b5c6d7e8f90a1b"}}`)
		return "set provenance /predicate/buildDefinition/resolvedDependencies [" + strings.Join(list, ",") + "]\n"
	}
	all := `set policy /dependencies {"depth":1,"rules":[{"match":"*","accept":true}]}` + "\n"
	v, err := story.Build(t, all, made(verify.MaxDependencies-1)).Verify(t)
	if err != nil {
		t.Errorf("as many as there may be: %s", v)
	}
	shown := func(f verify.Finding) bool {
		return f.Status == verify.Waived && f.Rule == "/dependencies/rules/0" && f.Message == fmt.Sprintf("%d accepted as they are", verify.MaxDependencies)
	}
	if !slices.ContainsFunc(v.Findings, shown) {
		t.Errorf("what is accepted unseen is not shown: %v", v.Findings)
	}
	v, err = story.Build(t, all, made(verify.MaxDependencies)).Verify(t)
	if failed := v.Failed(); err == nil || len(failed) != 1 || failed[0].Code != verify.CodeLimit {
		t.Errorf("one more: %s", v)
	}
	none := `set policy /dependencies {"depth":1,"rules":[{"match":"git+*","accept":true}]}` + "\n"
	v, _ = story.Build(t, none, made(100)).Verify(t)
	if failed := v.Failed(); len(failed) != 17 || failed[16].Message != "84 more dependencies are not allowed" {
		t.Errorf("a hundred that no rule is about: %d findings\n%s", len(failed), v)
	}
}
