package provenance_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/touchmark-go/touchmark/provenance"
)

func TestDiffNothing(t *testing.T) {
	a, b := someBuild(), someBuild()
	// What differs between any two runs, and what is written another way.
	b.RunDetails.Metadata = provenance.BuildMetadata{InvocationID: "run-2"}
	b.RunDetails.Byproducts = nil
	b.RunDetails.Builder.Version = nil
	b.BuildDefinition.ExternalParameters["command"] = []any{"go", "build"}
	b.BuildDefinition.ExternalParameters["none"] = []string{}
	b.BuildDefinition.InternalParameters["exitStatus"] = 0.0
	deps := b.BuildDefinition.ResolvedDependencies
	deps[0], deps[1] = deps[1], deps[0]
	deps[0].Digest = provenance.DigestSet{"dirHash": hexOf("3", 64)}
	if got := provenance.Diff(a, b); got != nil {
		t.Errorf("Diff = %v, want nothing", got)
	}
	if got := provenance.Diff(nil, nil); got != nil {
		t.Errorf("Diff of nothing = %v", got)
	}
}

func TestDiff(t *testing.T) {
	gomod := func(path, version, sum string) provenance.ResourceDescriptor {
		d := provenance.ResourceDescriptor{Name: path, URI: "pkg:golang/" + strings.ToLower(path) + "@" + version}
		if sum != "" {
			d.Digest = provenance.DigestSet{"dirHash": hexOf(sum, 64)}
		}
		return d
	}
	git := func(ref, c string) provenance.ResourceDescriptor {
		return provenance.ResourceDescriptor{URI: "git+https://github.com/acme/app@" + ref, Digest: provenance.DigestSet{"gitCommit": hexOf(c, 40)}}
	}
	build := func(builder string, external, internal map[string]any, deps ...provenance.ResourceDescriptor) *provenance.Build {
		return &provenance.Build{
			BuildDefinition: provenance.BuildDefinition{BuildType: "t", ExternalParameters: external, InternalParameters: internal, ResolvedDependencies: deps},
			RunDetails:      provenance.RunDetails{Builder: provenance.Builder{ID: builder}},
		}
	}
	type m = map[string]any
	a := build("https://example.com/a",
		m{"source": m{"repository": "https://github.com/acme/app", "ref": "refs/tags/v1.0.0"}, "goos": "linux", "tags": []string{"a"}, "env": m{"CC": "gcc"}, "x/y": m{"deep": 1}, "gone": true},
		m{"go": m{"version": "go1.26.7", "cgo": "0", "ldflags": "-s"}, "runner": "one"},
		git("refs/tags/v1.0.0", "1"),
		provenance.ResourceDescriptor{Name: "go", URI: "pkg:generic/go@1.26.7"},
		gomod("example.com/up", "v1.9.0", "a"), gomod("example.com/down", "v1.10.0", "a"), gomod("example.com/gone", "v1.0.0", "a"),
		gomod("example.com/Moved", "v1.0.0", "a"), gomod("example.com/unsummed", "v1.0.0", "a"), gomod("example.com/odd", "x", "a"),
		gomod("example.com/pre", "v1.0.0-rc.10", "a"), gomod("example.com/pseudo", "v0.0.0-20260101000000-aaaaaaaaaaaa", ""), gomod("example.com/inc", "v2.0.0", "a"))
	b := build("https://example.com/b",
		m{"source": m{"repository": "https://github.com/acme/app", "ref": "refs/heads/main"}, "goos": "linux", "tags": []string{"a", "b"}, "env": m{"CC": "clang", "X": "1"}, "x/y": m{"deep": "1"}, "new": m{"a": "b\nc"}},
		m{"go": m{"version": "go1.26.10", "cgo": "1"}, "runner": "two"},
		git("refs/heads/main", "2"),
		provenance.ResourceDescriptor{Name: "go", URI: "pkg:generic/go@1.26.10"},
		gomod("example.com/pre", "v1.0.0", "b"), gomod("example.com/pseudo", "v0.0.0-20260201000000-bbbbbbbbbbbb", ""), gomod("example.com/inc", "v2.0.0%2Bincompatible", "b"),
		gomod("example.com/up", "v1.10.0", "b"), gomod("example.com/down", "v1.9.0", "b"), gomod("example.com/new", "v1.0.0", "b"),
		gomod("example.com/Moved", "v1.0.0", "b"), gomod("example.com/unsummed", "v1.0.0", ""), gomod("example.com/odd", "y", "b"))
	want := strings.NewReplacer("AAA", hexOf("a", 64), "BBB", hexOf("b", 64), "111", hexOf("1", 40), "222", hexOf("2", 40), "ONE", hexOf("1", 12), "TWO", hexOf("2", 12)).Replace(`
builder changed from https://example.com/a to https://example.com/b
source /source/ref changed from refs/tags/v1.0.0 to refs/heads/main
source git+https://github.com/acme/app changed from refs/tags/v1.0.0 to refs/heads/main (git log ONE..TWO)
toolchain /go/version upgraded from go1.26.7 to go1.26.10
toolchain go upgraded from 1.26.7 to 1.26.10
flags /go/cgo changed from 0 to 1
flags /go/ldflags removed: -s
flags /tags changed from ["a"] to ["a","b"]
environment /env/CC changed from gcc to clang
environment /env/X added: 1
parameter /gone removed: true
parameter /new/a added: "b\nc"
parameter /x~1y/deep changed from 1 to "\"1\""
internal /runner changed from one to two
dependency example.com/Moved changed from v1.0.0 dirHash:AAA to v1.0.0 dirHash:BBB
dependency example.com/down downgraded from v1.10.0 to v1.9.0
dependency example.com/gone removed: v1.0.0 dirHash:AAA
dependency example.com/inc changed from v2.0.0 dirHash:AAA to v2.0.0+incompatible dirHash:BBB
dependency example.com/new added: v1.0.0 dirHash:BBB
dependency example.com/odd changed from x dirHash:AAA to y dirHash:BBB
dependency example.com/pre upgraded from v1.0.0-rc.10 to v1.0.0
dependency example.com/pseudo upgraded from v0.0.0-20260101000000-aaaaaaaaaaaa to v0.0.0-20260201000000-bbbbbbbbbbbb
dependency example.com/unsummed changed from v1.0.0 dirHash:AAA to v1.0.0
dependency example.com/up upgraded from v1.9.0 to v1.10.0
`)
	changes := provenance.Diff(a, b)
	if got := lines(changes); got != want {
		t.Errorf("Diff:%s\nwant:%s", got, want)
	}
	deps := b.BuildDefinition.ResolvedDependencies
	for i := range deps {
		deps = append(append([]provenance.ResourceDescriptor{}, deps[1:]...), deps[0])
		b.BuildDefinition.ResolvedDependencies = deps
		if got := provenance.Diff(a, b); !reflect.DeepEqual(got, changes) {
			t.Fatalf("Diff depends on the order of dependencies, turned by %d:%s", i+1, lines(got))
		}
	}
	back := provenance.Diff(b, a)
	if len(back) != len(changes) {
		t.Errorf("Diff has %d changes forth and %d back", len(changes), len(back))
	}
}

func lines(changes []provenance.Change) string {
	var b strings.Builder
	b.WriteString("\n")
	for _, c := range changes {
		b.WriteString(c.String() + "\n")
	}
	return b.String()
}

// One module twice: what is equal pairs with its equal.
func TestDiffTwice(t *testing.T) {
	dep := func(uris ...string) *provenance.Build {
		b := &provenance.Build{}
		for _, uri := range uris {
			b.BuildDefinition.ResolvedDependencies = append(b.BuildDefinition.ResolvedDependencies, provenance.ResourceDescriptor{URI: uri})
		}
		return b
	}
	for _, test := range []struct {
		a, b *provenance.Build
		want string
	}{
		{dep("pkg:npm/a@1.0.0", "pkg:npm/a@2.0.0"), dep("pkg:npm/a@2.0.0", "pkg:npm/a@1.0.1"), "\ndependency pkg:npm/a upgraded from 1.0.0 to 1.0.1\n"},
		{dep("pkg:npm/a@1.0.0", "pkg:npm/a@1.0.0"), dep("pkg:npm/a@1.0.0"), "\ndependency pkg:npm/a removed: 1.0.0\n"},
		{dep("pkg:npm/%40s/a@1.0.0"), dep("pkg:npm/%40s/a@1.0.0?x=y"), "\ndependency pkg:npm/%40s/a removed: 1.0.0\ndependency pkg:npm/%40s/a?x=y added: 1.0.0\n"},
		{dep("pkg:npm/@s/a"), dep("pkg:npm/@s/a@1.0.0"), "\ndependency pkg:npm/@s/a changed from \"\" to 1.0.0\n"},
		{dep("https://user@example.com/a"), dep("https://user@example.com/b"), "\ndependency https://user@example.com/a removed\ndependency https://user@example.com/b added\n"},
		{dep("git+ssh://git@example.com/a@refs/heads/a@b"), dep("git+ssh://git@example.com/a@refs/heads/c"), "\nsource git+ssh://git@example.com/a changed from refs/heads/a@b to refs/heads/c\n"},
		{nil, dep("pkg:a/\u202ex@1"), "\ndependency \"pkg:a/\\u202ex\" added: 1\n"},
	} {
		if got := lines(provenance.Diff(test.a, test.b)); got != test.want {
			t.Errorf("Diff:%swant:%s", got, test.want)
		}
	}
}

// The order of semantic versions (semver 2.0.0, 11), as Diff sees it.
func TestDiffVersions(t *testing.T) {
	dep := func(version string) *provenance.Build {
		return &provenance.Build{BuildDefinition: provenance.BuildDefinition{ResolvedDependencies: []provenance.ResourceDescriptor{{URI: "pkg:x/a@" + version}}}}
	}
	order := []string{
		"0.9.9", "1.0.0-0.3.7", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1", "1.0.0",
		"v1.0.1", "1.2", "v1.10.0", "2.0.0", "10.0.0", "10.99999999999999999999.0", "10.100000000000000000000.0",
	}
	for i, a := range order {
		for j, b := range order {
			if i == j {
				continue
			}
			want := "upgraded"
			if i > j {
				want = "downgraded"
			}
			got := provenance.Diff(dep(a), dep(b))
			if len(got) != 1 || got[0].Kind != want {
				t.Errorf("from %s to %s: %v, want %s", a, b, got, want)
			}
		}
	}
	for _, odd := range []string{"1", "1.0.0.0", "1.00.0", "01.0.0", "1.0.0-01", "1.0.0-", "1.0.0-a..b", "1.0.0+", "x1.0.0", "1.0.0-é", "latest"} {
		if got := provenance.Diff(dep("1.0.0"), dep(odd)); len(got) != 1 || got[0].Kind != "changed" {
			t.Errorf("from 1.0.0 to %s: %v, want it only changed", odd, got)
		}
	}
	if got := provenance.Diff(dep("1.0.0+a"), dep("1.0.0%2Bb")); len(got) != 1 || got[0].Kind != "changed" {
		t.Errorf("build metadata: %v, want it only changed", got)
	}
}

// What a Change says as data of the source, and of what go list saw.
func TestDiffSource(t *testing.T) {
	build := func(ref, commit, inputs string) *provenance.Build {
		return &provenance.Build{BuildDefinition: provenance.BuildDefinition{
			InternalParameters: map[string]any{"go": map[string]any{"mod": map[string]any{"toolchain": "go1.26.0"}, "inputs": map[string]any{"modules": map[string]any{"example.com/app": inputs}}}},
			ResolvedDependencies: []provenance.ResourceDescriptor{{Name: "source", URI: "git+https://github.com/acme/app" + ref,
				Digest: provenance.DigestSet{"gitCommit": hexOf(commit, 40), "gitTree": hexOf(commit, 40)}}}}}
	}
	one, two := hexOf("1", 40), hexOf("2", 40)
	for _, test := range []struct {
		a, b *provenance.Build
		want []provenance.Change
	}{
		{build("@refs/tags/v1", "1", "a"), build("@refs/tags/v2", "2", "a"), []provenance.Change{
			{Field: "source", Name: "git+https://github.com/acme/app", Kind: "changed", Old: "refs/tags/v1", New: "refs/tags/v2", Range: one + ".." + two}}},
		{build("@refs/heads/main", "1", "a"), build("@refs/heads/main", "2", "b"), []provenance.Change{
			{Field: "source", Name: "/go/inputs/modules/example.com~1app", Kind: "changed", Old: "a", New: "b"},
			{Field: "source", Name: "git+https://github.com/acme/app", Kind: "changed", Old: "refs/heads/main " + one, New: "refs/heads/main " + two, Range: one + ".." + two}}},
		{build("@refs/heads/main", "1", "a"), build("@refs/tags/v1", "1", "a"), []provenance.Change{
			{Field: "source", Name: "git+https://github.com/acme/app", Kind: "changed", Old: "refs/heads/main", New: "refs/tags/v1"}}},
		{build("", "1", "a"), build("", "2", "a"), []provenance.Change{
			{Field: "source", Name: "git+https://github.com/acme/app", Kind: "changed", Old: one, New: two, Range: one + ".." + two}}},
		{build("@refs/tags/v1", "1", "a"), build("@refs/tags/v1", "1", "a"), nil},
	} {
		if got := provenance.Diff(test.a, test.b); !reflect.DeepEqual(got, test.want) {
			t.Errorf("Diff:\n%+v\nwant:\n%+v", got, test.want)
		}
	}
}

// Values that are only committed to are equal or not under one salt, and
// nobody can tell under two.
func TestDiffCommitments(t *testing.T) {
	type m = map[string]any
	build := func(commitments any) *provenance.Build {
		return &provenance.Build{BuildDefinition: provenance.BuildDefinition{InternalParameters: m{"commitments": commitments}}}
	}
	one := m{"algorithm": "hmac-sha256", "salt": "s1", "env": m{"A": "aa", "B": "bb", "C": "cc"}, "arguments": m{"3": "dd"}}
	for _, test := range []struct {
		b    any
		want string
	}{
		{one, "\n"},
		{m{"algorithm": "hmac-sha256", "salt": "s1", "env": m{"A": "aa", "B": "xx", "D": "ee"}, "arguments": m{"3": "dd"}},
			"\nenvironment /commitments/env/B changed from bb to xx\nenvironment /commitments/env/C removed: cc\nenvironment /commitments/env/D added: ee\n"},
		{m{"algorithm": "hmac-sha256", "salt": "s2", "env": m{"A": "aa"}, "arguments": m{"3": "ee"}},
			"\nflags /commitments/arguments/3 cannot be compared: the salts of the commitments differ\nenvironment /commitments/env/A cannot be compared: the salts of the commitments differ\n" +
				"environment /commitments/env/B removed: bb\nenvironment /commitments/env/C removed: cc\n"},
		{m{"algorithm": "other", "salt": "s1", "env": m{"A": "aa", "B": "bb", "C": "cc"}, "arguments": m{"3": "dd"}},
			"\nflags /commitments/arguments/3 cannot be compared: the salts of the commitments differ\nenvironment /commitments/env/A cannot be compared: the salts of the commitments differ\n" +
				"environment /commitments/env/B cannot be compared: the salts of the commitments differ\nenvironment /commitments/env/C cannot be compared: the salts of the commitments differ\n"},
		{"none of ours", "\n" + `flags /commitments/arguments/3 removed: dd
environment /commitments/env/A removed: aa
environment /commitments/env/B removed: bb
environment /commitments/env/C removed: cc
internal /commitments added: none of ours
`},
	} {
		if got := lines(provenance.Diff(build(one), build(test.b))); got != test.want {
			t.Errorf("Diff:%swant:%s", got, test.want)
		}
	}
}
