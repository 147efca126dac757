package sbom_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/touchmark-go/touchmark/internal/testkit"
	"github.com/touchmark-go/touchmark/sbom"
)

// purlTest is a case of purl-spec's conformance tests.
type purlTest struct {
	Description string          `json:"description"`
	Group       string          `json:"test_group"`
	Type        string          `json:"test_type"`
	Input       json.RawMessage `json:"input"`
	Want        json.RawMessage `json:"expected_output"`
	Fails       bool            `json:"expected_failure"`
}

// purlParts are the parts in such a case; null is the empty part.
type purlParts struct {
	Type       string            `json:"type"`
	Namespace  string            `json:"namespace"`
	Name       string            `json:"name"`
	Version    string            `json:"version"`
	Qualifiers map[string]string `json:"qualifiers"`
	Subpath    string            `json:"subpath"`
}

func (p purlParts) purl() sbom.PURL { return sbom.PURL(p) }

// Every case of every file that purl-spec publishes, required and recommended.
func TestPURLConformance(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(testkit.Corpus(t), "purl", "tests", "*", "*.json"))
	if err != nil || len(files) != 26 {
		t.Fatalf("the corpus has %d files, want 26: %v", len(files), err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var doc struct {
			Tests []purlTest `json:"tests"`
		}
		if err := json.Unmarshal(data, &doc); err != nil {
			t.Fatal(err)
		}
		for i, test := range doc.Tests {
			t.Run(fmt.Sprintf("%s/%d %s %s %s", filepath.Base(file), i, test.Group, test.Type, test.Description), func(t *testing.T) {
				got, err := runPURL(t, test)
				if test.Fails {
					if err == nil {
						t.Errorf("%s gives %q, want an error", test.Input, got)
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				if test.Type == "parse" {
					var want purlParts
					unmarshal(t, test.Want, &want)
					if w := want.purl(); got.Type != w.Type || got.Namespace != w.Namespace || got.Name != w.Name || got.Version != w.Version ||
						got.Subpath != w.Subpath || !maps.Equal(got.Qualifiers, w.Qualifiers) {
						t.Errorf("%s gives %+v, want %+v", test.Input, got, w)
					}
					return
				}
				var want string
				unmarshal(t, test.Want, &want)
				if got.String() != want {
					t.Errorf("%s gives %q, want %q", test.Input, got, want)
				}
			})
		}
	}
}

func runPURL(t *testing.T, test purlTest) (sbom.PURL, error) {
	t.Helper()
	if test.Type == "build" {
		var in purlParts
		unmarshal(t, test.Input, &in)
		return in.purl().Canonical()
	}
	var in string
	unmarshal(t, test.Input, &in)
	return sbom.ParsePURL(in)
}

func unmarshal(t *testing.T, data []byte, v any) {
	t.Helper()
	if err := json.Unmarshal(data, v); err != nil {
		t.Fatal(err)
	}
}

// What would mean something else when it is written again is refused.
func TestPURLRefuses(t *testing.T) {
	for _, s := range []string{
		"", "pkg:", "pkg:golang", "pkg:golang/", "http://example.com/a", "pkg:npm/%zz",
		"pkg:golang/example.com%2Fa/b@v1.0.0", "pkg:golang/example.com/a@v1.0.0#x%2fy", "pkg:generic/a@%ff",
		"pkg:n\u212apm/a", "pkg:npm/a?x=1&x=2", "pkg:npm/a?x=%ff", "pkg:npm/a#b/../c", "pkg:npm/" + strings.Repeat("a", 9000),
	} {
		if p, err := sbom.ParsePURL(s); err == nil {
			t.Errorf("%.40q gives %+v", s, p)
		}
	}
	for _, s := range []string{"pkg:golang/example.com/a/b@v1.0.0", "pkg:generic/a%2Fb@1", "pkg:npm/a?x=1&y=2#b/c"} {
		if p, err := sbom.ParsePURL(s); err != nil || p.String() != s {
			t.Errorf("%q gives %q, %v", s, p, err)
		}
	}
	for _, p := range []sbom.PURL{{}, {Type: "npm"}, {Name: "a"}, {Type: "n\u212apm", Name: "a"}, {Type: "npm", Name: "a", Version: "\xff"},
		{Type: "npm", Name: "a", Qualifiers: map[string]string{"b c": "d"}}, {Type: "swift", Name: "a", Version: "1"}} {
		if c, err := p.Canonical(); err == nil {
			t.Errorf("%+v gives %q", p, c)
		}
	}
	if got := (sbom.PURL{}).String(); got != "" {
		t.Errorf("the zero PURL prints as %q", got)
	}
}

func FuzzParsePURL(f *testing.F) {
	for _, s := range []string{
		"pkg:golang/github.com/CycloneDX/cyclonedx-go@v0.12.0%2Bdirty", "pkg:deb/debian/curl@7.50.3-1?arch=i386&distro=jessie",
		"pkg:oci/app@sha256%3A2cf2?repository_url=example.com/app", "pkg:generic/a%2Fb#c/d", "pkg://npm/%40angular/animation@12.3.1",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := sbom.ParsePURL(s)
		if err != nil {
			return
		}
		again, err := sbom.ParsePURL(p.String())
		if err != nil || again.String() != p.String() || again.Name != p.Name || again.Namespace != p.Namespace || !maps.Equal(again.Qualifiers, p.Qualifiers) {
			t.Errorf("%q gives %+v, and its text %q gives %+v, %v", s, p, p, again, err)
		}
		canonical, err := p.Canonical()
		if err != nil || canonical.String() != p.String() {
			t.Errorf("%q gives %q, and its canonical form is %q, %v", s, p, canonical, err)
		}
	})
}
