package learn

import (
	"reflect"
	"testing"

	"github.com/touchmark-go/touchmark/internal/deptest"
	"github.com/touchmark-go/touchmark/verify"
)

func TestBudget(t *testing.T) {
	deptest.Only(t, "verify/learn", deptest.Budget{
		Modules:   5,
		Own:       []string{"provenance", "provenance/release", "sbom", "sign", "verify"},
		Forbidden: []string{"net/http", "os/exec"},
	})
}

func TestRefPattern(t *testing.T) {
	for _, c := range []struct {
		refs []string
		want string
	}{
		{[]string{"refs/tags/v1.0.0"}, "refs/tags/v1.0.0"},
		{[]string{"refs/tags/v1.0.0", "refs/tags/v1.0.0"}, "refs/tags/v1.0.0"},
		{[]string{"refs/tags/v1.0.0", "refs/tags/v1.0.1"}, "refs/tags/v1.0.*"},
		{[]string{"refs/tags/v1.10.0", "refs/tags/v1.11.0"}, "refs/tags/v1.*"},
		{[]string{"refs/tags/v1.0.0", "refs/tags/v2.0.0"}, "refs/tags/v*"},
		{[]string{"refs/tags/v1", "refs/tags/v1.1"}, "refs/tags/v1*"},
		{[]string{"refs/tags/one", "refs/tags/two"}, "refs/tags/*"},
		{[]string{"refs/tags/app/v1.0", "refs/tags/app/v1.1"}, "refs/tags/app/v1.*"},
		{[]string{"refs/tags/app/v1.0", "refs/tags/lib/v1.0"}, "any"},
		{[]string{"refs/tags/app-1/v1", "refs/tags/app-2/v1"}, "any"},
		{[]string{"refs/tags/v1.0.0", "refs/heads/main"}, "any"},
		{[]string{"refs/tags/v1.0.0", ""}, "any"},
		{[]string{""}, "any"},
	} {
		got := refPattern(c.refs)
		if got != c.want {
			t.Errorf("refPattern(%q) = %q, want %q", c.refs, got, c.want)
		}
	}
}

func TestQuorum(t *testing.T) {
	for _, c := range []struct {
		groups [][]string
		want   verify.Quorum
	}{
		{[][]string{{"ci"}}, verify.Quorum{AtLeast: 1, Of: []string{"ci"}}},
		{[][]string{{"alice", "ci"}, {"alice", "ci"}}, verify.Quorum{AtLeast: 2, Of: []string{"alice", "ci"}}},
		{[][]string{{"alice", "ci"}, {"ci"}}, verify.Quorum{AtLeast: 1, Of: []string{"ci"}}},
		{[][]string{{"ci1"}, {"ci2"}, {"ci1"}}, verify.Quorum{AtLeast: 1, Of: []string{"ci1", "ci2"}}},
	} {
		if got := quorum(c.groups); !reflect.DeepEqual(got, c.want) {
			t.Errorf("quorum(%q) = %v, want %v", c.groups, got, c.want)
		}
	}
}
