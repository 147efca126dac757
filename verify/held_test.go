package verify

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/touchmark-go/touchmark/internal/spdxlicense"
)

// These hold single lines of checks that no story comes to: package mutate found
// that nothing would have noticed if they were gone.

func TestComparators(t *testing.T) {
	for _, c := range []struct {
		op, wanted, version string
		want                bool
	}{
		{"=", "1.2.0", "1.2.0", true}, {"=", "1.2.0", "1.2.1", false}, {"=", "odd one", "odd one", true}, {"=", "1.2.0", "odd one", false},
		{"<", "1.2.0", "1.2.0", false}, {"<", "1.2.0", "1.1.9", true}, {"<=", "1.2.0", "1.2.0", true}, {"<=", "1.2.0", "1.2.1", false},
		{">", "1.2.0", "1.2.0", false}, {">", "1.2.0", "1.2.1", true}, {">=", "1.2.0", "1.2.0", true}, {">=", "1.2.0", "1.1.9", false},
		{">=", "1.2.0", "odd one", true}, // what has no order is in every range
	} {
		if got := (comparator{c.op, c.wanted}).holds("golang", c.version); got != c.want {
			t.Errorf("%s %s%s: %v, want %v", c.version, c.op, c.wanted, got, c.want)
		}
	}
}

func TestCompareDotted(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"2.0", "2.0", 0}, {"2", "2.0", 0}, {"2.0", "2.1", -1}, {"2.10", "2.9", 1}, {"3", "2.9", 1}, {"1.1", "1", 1}, {"1", "1.1", -1}, {"01", "1", 0}, {"10.1", "9.9", 1}} {
		if got := compareDotted(c.a, c.b); got > 0 != (c.want > 0) || got < 0 != (c.want < 0) {
			t.Errorf("%s and %s: %d, want %d", c.a, c.b, got, c.want)
		}
	}
}

// Every deprecated id with an exception in it leads to an exception of the list.
func TestExceptionIn(t *testing.T) {
	n := 0
	for _, id := range spdxlicense.IDs() {
		if _, deprecated, ok := spdxlicense.License(id); !ok || !deprecated || !strings.Contains(id, "-with-") {
			continue
		}
		n++
		if exception := exceptionIn(strings.ToLower(id)); exception == "" {
			t.Errorf("%s has no exception", id)
		} else if _, err := spdxlicense.Parse("GPL-2.0-only WITH " + exception); err != nil {
			t.Errorf("%s: %v", id, err)
		}
	}
	if n != 7 {
		t.Errorf("%d ids hold an exception, want 7", n)
	}
}

func TestDenies(t *testing.T) {
	r := &compiledLicenses{deny: []deniedLicense{{id: "gpl-", prefix: true, exception: "classpath-exception-2.0"}, {id: "mit"}, {id: "agpl-", prefix: true}}}
	for _, c := range []struct {
		id, exception string
		want          bool
	}{
		{"gpl-2.0-only", "classpath-exception-2.0", true}, {"gpl-2.0-only", "", false}, {"gpl-2.0-only", "another", false},
		{"mit", "", true}, {"mit", "any", true}, {"mit-0", "", false}, {"agpl-3.0-only", "", true}, {"lgpl-2.1-only", "", false},
	} {
		if got := r.denies(c.id, c.exception); got != c.want {
			t.Errorf("%s with %q: %v, want %v", c.id, c.exception, got, c.want)
		}
	}
	for text, want := range map[string]bool{
		"eCos-2.0": true, "wxWindows": true, "GPL-2.0-only": true, "GPL-2.0-only WITH Classpath-exception-2.0": false, "LicenseRef-own": false,
		"MIT OR Apache-2.0": true, "MIT AND Apache-2.0": false, "AGPL-3.0-or-later": false, "GFDL-1.1": true, "Apache-2.0": true,
	} {
		e, err := spdxlicense.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := r.satisfied(e); got != want {
			t.Errorf("%s: %v, want %v", text, got, want)
		}
	}
	// A denied family is found behind names that do not show it.
	for id, now := range map[string]string{"eCos-2.0": "GPL-2.0-or-later WITH eCos-exception-2.0", "wxWindows": "LGPL-2.0-or-later WITH WxWindows-exception-3.1"} {
		for _, text := range []string{id, now} {
			e, err := spdxlicense.Parse(text)
			if err != nil {
				t.Fatal(err)
			}
			if (&compiledLicenses{deny: []deniedLicense{{id: "gpl-", prefix: true}, {id: "lgpl-", prefix: true}}}).satisfied(e) {
				t.Errorf("%s passes where its family is denied", text)
			}
		}
	}
	e, err := spdxlicense.Parse("LicenseRef-own")
	if err != nil || !(&compiledLicenses{allowUnknown: true}).satisfied(e) {
		t.Errorf("an unknown licence is denied where such are allowed: %v", err)
	}
	if later := laterVersions("gpl-2.0-or-later"); !slices.Contains(later, "gpl-3.0-only") || slices.Contains(later, "gpl-1.0-only") || slices.Contains(later, "agpl-3.0-only") {
		t.Errorf("GPL 2.0 or later is %q", later)
	}
}

func TestPatternsOfNames(t *testing.T) {
	one, other, below, deeper := pattern{pkg: "pkg:generic/a"}, pattern{pkg: "pkg:generic/b"}, pattern{pkg: "pkg:generic/", below: true}, pattern{pkg: "pkg:generic/x/", below: true}
	for _, c := range []struct {
		p    pattern
		name string
		want bool
	}{
		{pattern{}, "", false}, {pattern{}, "pkg:generic/a", false}, {pattern{any: true}, "", false}, {pattern{any: true}, "pkg:generic/a", true},
		{one, "pkg:generic/a", true}, {one, "pkg:generic/ab", false}, {below, "pkg:generic/a", true}, {below, "pkg:generic/", false}, {below, "pkg:generic/a/b", false}, {below, "pkg:npm/a", false},
	} {
		if got := c.p.matches(c.name); got != c.want {
			t.Errorf("%+v matches %q: %v", c.p, c.name, got)
		}
	}
	for _, c := range []struct {
		p, q, want pattern
		ok         bool
	}{
		{pattern{}, one, one, true}, {pattern{any: true}, one, one, true}, {one, pattern{any: true}, one, true}, {one, one, one, true}, {one, other, pattern{}, false},
		{below, one, one, true}, {one, below, one, true}, {below, deeper, pattern{}, false}, {deeper, below, pattern{}, false}, {deeper, one, pattern{}, false}, {one, deeper, pattern{}, false},
	} {
		if got, ok := c.p.narrower(c.q); got != c.want || ok != c.ok {
			t.Errorf("%+v and %+v: %+v, %v, want %+v, %v", c.p, c.q, got, ok, c.want, c.ok)
		}
	}
}

func TestLookup(t *testing.T) {
	doc := map[string]any{"list": []any{"a", "b"}, "null": nil}
	for pointer, want := range map[string]any{"/list/0": "a", "/list/1": "b", "/list/2": nil, "/list/-1": nil, "/list/00": nil, "/list/x": nil, "/list/": nil, "/list/0/x": nil, "/null": nil, "list": nil, "/none": nil} {
		if got, ok := lookup(doc, pointer); got != want || ok != (want != nil) {
			t.Errorf("%s: %v, %v, want %v", pointer, got, ok, want)
		}
	}
	if equalJSON(math.NaN(), math.NaN()) || equalJSON(1.0, math.NaN()) || !equalJSON(1.0, 1.0) {
		t.Error("what is no JSON is equal to something, or a number is not to itself")
	}
	if (Matcher{Request: "name"}).match("", name{}) || (Matcher{Request: "version"}).match("", name{}) {
		t.Error("nothing was asked for, and it matches")
	}
}

func TestPatternLimits(t *testing.T) {
	long := strings.Repeat("a", maxName)
	for what, err := range map[string]error{
		"a ref that is too long": checkRef("refs/heads/" + long), "a URL that is too long": checkPatternURL("https://a.example/" + long), "a short ref": checkPatternURL("https://a.example@refs/x"),
		"no scheme": checkPatternURL("a.example/x"), "no host": checkPatternURL("https:///x"), "a star": checkPatternURL("https://a.example/*"),
	} {
		if err == nil {
			t.Errorf("%s is taken", what)
		}
	}
	if exact := "refs/heads/" + strings.Repeat("a", maxName-11); checkRef(exact) != nil || !matchRef(exact, exact) || matchRef("refs/heads/*", exact+"a") {
		t.Errorf("the limit of a ref is not %d bytes", maxName)
	}
	if err := checkPatternURL("urn:builder"); err != nil {
		t.Errorf("a URN: %v", err)
	}
}

func TestMayExcept(t *testing.T) {
	p := &Policy{Attestations: []AttestationRule{{}}}
	for pointer, want := range map[string]bool{
		"/provenance/level": true, "/provenance/parameters/~1goos": true, "/provenance/parameters/a/b": false, "/provenance/signedBy": false, "/attestations": false, "/attestations/0": true, "/attestations/1": false,
		"/attestations/0/signedBy": false, "/attestations/0/maxAge": true, "/release/soak": false, "attestations/0": false, "/approvals/0": false,
	} {
		if got := p.mayExcept(pointer); got != want {
			t.Errorf("%s: %v, want %v", pointer, got, want)
		}
	}
}
