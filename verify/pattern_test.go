package verify

import (
	"strings"
	"testing"
)

func TestMatchRef(t *testing.T) {
	for _, c := range []struct {
		pattern, ref string
		want         bool
	}{
		{"refs/tags/v1.*", "refs/tags/v1.4.0", true},
		{"refs/tags/v1.*", "refs/evil/v1.4.0", false}, // as long as it should be
		{"refs/tags/v1.*", "refs/tagz/v1.4.0", false},
		{"refs/tags/v1.*", "refs/tags/v1.", false},
		{"refs/tags/v1.*", "refs/tags/v1.4.0\n", false},
		{"refs/tags/v1.*", "refs/tags/v1.4.0 ", false},
		{"refs/tags/v1.*", "refs/tags/v1.4\u200b.0", false},
		{"refs/tags/v1.*", "refs/tags/v1.4\u202e0", false},
		{"refs/tags/v1.*", "refs/tags/v1.4\xff", false},
		{"refs/tags/v1.*", "refs/tags/v1.4..0", false},
		{"refs/tags/v1.*", "refs/tags/v1.4.lock", false},
		{"refs/tags/v1.*", "refs/tags/v1.@{1}", false},
		{"refs/tags/v1.*", "refs/tags/v1.4?x", false},
		{"refs/tags/v1.*", "refs/tags/v1.4~1", false},
		{"refs/tags/v1.*", "refs/tags/v1.4^0", false},
		{"refs/tags/v1.*", "refs/tags/v1.4:x", false},
		{"refs/tags/v1.*", "refs/tags/v1.*", false},
		{"refs/tags/v1.*", "refs/tags/v1.[0]", false},
		{"refs/tags/v1.*", `refs/tags/v1.4\0`, false},
		{"refs/tags/*", "refs/tags/.v1", false},
		{"refs/tags/v1.*", "refs/tags/v1.4.0-ärger+1@x#y", true},
		{"refs/tags/v1.*", "refs/tags/v10", false},
		{"refs/tags/v1.*", "refs/tags/v1", false},
		{"refs/tags/v1.*", "refs/tags/v1.4/evil", false},
		{"refs/tags/v1.*", "refs/heads/v1.4.0", false},
		{"refs/tags/v1.*", "refs/tags/sub/v1.4.0", false},
		{"refs/tags/v1.2", "refs/tags/v1.20", false},
		{"refs/tags/v1.2", "refs/tags/v1.2", true},
		{"refs/heads/main", "refs/heads/main", true},
		{"refs/heads/main", "refs/heads/Main", false},
		{"refs/heads/main", "main", false},
		{"refs/heads/main", "", false},
		{"refs/heads/*", "refs/heads/main", true},
		{"refs/heads/*", "refs/heads/", false},
		{"refs/tags/v*.*-rc*", "refs/tags/v1.2-rc3", true},
		{"refs/tags/v*.*-rc*", "refs/tags/v1-rc3", false},
		{"refs/tags/a*a", "refs/tags/a", false},
		{"refs/tags/a*a", "refs/tags/aa", true},
		{"refs/tags/*ab*ba*", "refs/tags/aba", false},
		{"refs/tags/*" + strings.Repeat("a*", 1000), "refs/tags/" + strings.Repeat("a", 999), false},
	} {
		if got := matchRef(c.pattern, c.ref); got != c.want {
			t.Errorf("matchRef(%.40q, %.40q) = %v, want %v", c.pattern, c.ref, got, c.want)
		}
	}
}

func TestCheckRef(t *testing.T) {
	for ref, want := range map[string]bool{
		"refs/tags/v1.*": true, "refs/heads/main": true, "refs/pull/7/merge": true, "refs/heads/*": true,
		"": false, "main": false, "v1.0.0": false, "refs/tags": false, "refs/tags/": false, "refs/*/main": false, "*": false, "refs/heads//main": false, "heads/main": false,
	} {
		if got := checkRef(ref); (got == nil) != want {
			t.Errorf("checkRef(%q) = %v, want %v", ref, got, want)
		}
	}
}

// Whatever could make two builders or workflows look like one is refused.
func TestMatchPatternURL(t *testing.T) {
	const pattern = "https://github.com/acme/build/.github/workflows/go.yml@refs/tags/v2.*"
	for s, want := range map[string]bool{
		"https://github.com/acme/build/.github/workflows/go.yml@refs/tags/v2.3":                        true,
		"https://github.com/acme/build/.github/workflows/go.yml@refs/heads/v2.3":                       false,
		"https://github.com/acme/build/.github/workflows/go.yml":                                       false,
		"https://github.com/acme/build/.github/workflows/go.yml@v2.3":                                  false,
		"https://github.com/acme/build/.github/workflows/go.yml-evil@refs/tags/v2.3":                   false,
		"https://github.com/acme/build-evil/.github/workflows/go.yml@refs/tags/v2.3":                   false,
		"https://github.com/acme/build/.github/workflows/go.yml@refs/tags/v2.3@refs/heads/x":           false,
		"https://github.com/evil/x@refs/tags/v1/../acme/build/.github/workflows/go.yml@refs/tags/v2.3": false,
		"HTTPS://github.com/acme/build/.github/workflows/go.yml@refs/tags/v2.3":                        false,
	} {
		if got := matchPatternURL(pattern, s); got != want {
			t.Errorf("matchPatternURL(%q) = %v, want %v", s, got, want)
		}
	}
	if !matchPatternURL("https://b.example/1", "https://b.example/1") || matchPatternURL("https://b.example/1", "https://b.example/12") || matchPatternURL("https://b.example/1", "https://b.example/1@refs/heads/x") {
		t.Error("a pattern without a ref is exact")
	}
	for pattern, ok := range map[string]bool{"https://b.example/1": true, "urn:b": true, "//b.example/1": false, "b.example/1": false, "https:///1": false, "https:": false, "": false} {
		if err := checkPatternURL(pattern); (err == nil) != ok {
			t.Errorf("checkPatternURL(%q): %v", pattern, err)
		}
	}
}

func TestRepository(t *testing.T) {
	for s, want := range map[string]string{
		"https://github.com/acme/app":         "https://github.com/acme/app",
		"git+https://github.com/acme/app":     "https://github.com/acme/app",
		"https://GitHub.com/acme/app":         "https://github.com/acme/app",
		"https://github.com:443/acme/app":     "https://github.com/acme/app",
		"https://git.example:8443/acme/app":   "https://git.example:8443/acme/app",
		"https://github.com/acme/App":         "https://github.com/acme/App", // paths keep their case
		"https://github.com/acme/app.git":     "https://github.com/acme/app.git",
		"https://github.com/acme/app/":        "",
		"https://github.com/acme/../evil":     "",
		"https://github.com/acme//app":        "",
		"https://github.com/./app":            "",
		"https://github.com/acme%2fapp":       "",
		`https://github.com/acme\app`:         "",
		"https://github.com@evil.example/app": "",
		"https://user:pw@github.com/acme/app": "",
		"https://github.com./acme/app":        "",
		"https://gіthub.com/acme/app":         "", // a Cyrillic і
		"http://github.com/acme/app":          "",
		"ssh://git@github.com/acme/app":       "",
		"git@github.com:acme/app":             "",
		"https://github.com/acme/app?x":       "",
		"https://github.com/acme/app?":        "",
		"https://github.com/acme/app#x":       "",
		"https://github.com/acme/app#":        "",
		"https://github.com":                  "",
		"https://github.com:/acme/app":        "",
		"github.com/acme/app":                 "",
		"":                                    "",
		"git+git+https://github.com/acme/app": "",
	} {
		got, err := repository(s)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("repository(%q) = %q, %v, want %q", s, got, err, want)
		}
	}
}

func TestParseName(t *testing.T) {
	const d = "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
	for s, want := range map[string]name{
		"pkg:npm/pad@1.2.3":           {pkg: "pkg:npm/pad", name: "pad", version: "1.2.3"},
		"pkg:npm/pad":                 {pkg: "pkg:npm/pad", name: "pad"},
		"pkg:npm/%40acme/pad@1":       {pkg: "pkg:npm/%40acme/pad", name: "@acme/pad", version: "1"},
		"pkg:generic/app":             {pkg: "pkg:generic/app", name: "app"},
		"registry.example/web":        {pkg: "registry.example/web", name: "registry.example/web"},
		"registry.example:5000/web:1": {pkg: "registry.example:5000/web", name: "registry.example:5000/web", version: "1"},
		"web:1":                       {pkg: "web", name: "web", version: "1"},
	} {
		got, err := parseName(s)
		if err != nil || got != want {
			t.Errorf("parseName(%q) = %+v, %v, want %+v", s, got, err, want)
		}
	}
	if n, err := parseName("registry.example/web:1@" + d); err != nil || n.digest.String() != d || n.pkg != "registry.example/web" {
		t.Errorf("with a digest: %+v, %v", n, err)
	}
	for _, s := range []string{"", "pkg:", "pkg:npm", "pkg:npm/pad?x=y", "pkg:npm/pad#sub", "a b", "a//b", "../a", "a:", "a@sha256:12", "a@b", "a\x00b", strings.Repeat("a", maxName+1)} {
		if n, err := parseName(s); err == nil {
			t.Errorf("parseName(%.40q) = %+v, want an error", s, n)
		}
	}
}

func TestSameFlags(t *testing.T) {
	for _, c := range []struct {
		own, said string
		want      bool
	}{
		{"-s -w", "-s -w", true},
		{"-s -w", "-s", false},
		{"-X main.v=1", "-X main.v=1", true},
		{"-X main.v=2", "-X main.v=1", false},
		{"-X main.v=secret", "-X main.v=(withheld)", true},
		{"-s -X main.v=secret -w", "-s -X main.v=(withheld) -w", true},
		{"-s -X 'main.v=two words' -w", "-s -X main.v=(withheld) -w", true},
		{"-X main.v=secret -X main.w=evil", "-X main.v=(withheld)", false},
		{"-X main.w=secret", "-X main.v=(withheld)", false},
		{"-X=main.v=a -X=main.w=b", "-X=main.v=(withheld)", false},
		{"-extldflags -static", "-extldflags (withheld)", true},
		{"", "-X main.v=(withheld)", false},
		{"-X main.v=secret -extldflags=-Wl,evil", "-X main.v=(withheld)", false},
		{"-X main.v=secret -s -w", "-X main.v=(withheld) -w", false},
		{"'-X main.v=a -s'", "-X 'main.v=a -s'", false},
		{"-X 'main.v=a -X main.w=b'", "-X main.v=a -X main.w=b", false},
		{"-X \"main.v=two words\"", "-X 'main.v=two words'", true},
		{"-X 'main.v=a", "(withheld)", false},
		{"-s -w", "(withheld)", true},
		{"-extldflags=-static", "(withheld)", true},
		{"-s -extldflags=-static", "-s (withheld)", true},
		{"-s -X main.v=evil", "(withheld)", false},
		{"-a=/x:lib:/y", "-a=(withheld):lib:(withheld)", true},
		{"-a=/x:evil:/y", "-a=(withheld):lib:(withheld)", false},
	} {
		if got := sameFlags(c.own, c.said); got != c.want {
			t.Errorf("sameFlags(%q, %q) = %v, want %v", c.own, c.said, got, c.want)
		}
	}
}

// One person takes one seat, and as many seats are filled as people can fill.
func TestAssign(t *testing.T) {
	set := func(names ...string) map[string]bool {
		m := map[string]bool{}
		for _, n := range names {
			m[n] = true
		}
		return m
	}
	managers, officers := set("alice", "bob", "carol"), set("alice", "dan")
	for _, c := range []struct {
		people []string
		want   string
	}{
		{[]string{"alice", "bob", "dan"}, "alice bob dan"},
		{[]string{"alice", "bob"}, "alice bob "},
		{[]string{"alice", "bob", "carol"}, "bob carol alice"}, // alice moves to the seat that only she can fill
		{[]string{"dan"}, "  dan"},
		{nil, "  "},
	} {
		got := strings.Join(assign([]map[string]bool{managers, managers, officers}, c.people), " ")
		a, b := strings.Fields(got), strings.Fields(c.want)
		if len(a) != len(b) {
			t.Errorf("%v take %q, want as many as %q", c.people, got, c.want)
		}
	}
}

func TestDuration(t *testing.T) {
	l := &loader{code: CodePolicyInvalid}
	for _, s := range []string{"30d", "1h", "10m", "45s", "36500d", "25h"} {
		d, err := l.duration("", s)
		if err != nil || formatDuration(d) != s {
			t.Errorf("%q becomes %v, %q, %v", s, d, formatDuration(d), err)
		}
	}
	for _, s := range []string{"", "0d", "-1d", "1", "d", "1.5h", "1h30m", "01d", " 1d", "1w", "99999999999d", "36501d", "1D"} {
		if d, err := l.duration("", s); err == nil {
			t.Errorf("%q is read as %v", s, d)
		}
	}
}

func FuzzRepository(f *testing.F) {
	f.Add("https://github.com/acme/app")
	f.Add("git+https://GitHub.com:443/acme/app")
	f.Fuzz(func(t *testing.T, s string) {
		one, err := repository(s)
		if err != nil {
			t.Skip()
		}
		if again, err := repository(one); err != nil || again != one {
			t.Errorf("%q becomes %q becomes %q, %v", s, one, again, err)
		}
	})
}

func FuzzMatchRef(f *testing.F) {
	f.Add("refs/tags/v*.*", "refs/tags/v1.2")
	f.Fuzz(func(t *testing.T, pattern, ref string) {
		if checkRef(pattern) != nil {
			t.Skip()
		}
		if matchRef(pattern, ref) && strings.Count(ref, "/") != strings.Count(pattern, "/") {
			t.Errorf("%q matches %q across a slash", pattern, ref)
		}
		if !strings.Contains(pattern, "*") && matchRef(pattern, ref) != (pattern == ref) && len(ref) <= maxName {
			t.Errorf("%q is not exact for %q", pattern, ref)
		}
	})
}
