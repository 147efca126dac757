package gofacts_test

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/touchmark-go/touchmark/internal/gofacts"
	"github.com/touchmark-go/touchmark/provenance"
)

const sum = "h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="

// The golang type of package-url: lower case, + as %2B, the leading v and
// +incompatible kept, the major suffix part of the path; modules go by their
// exact path.
func TestPURL(t *testing.T) {
	tests := []struct {
		path, version, want string
	}{
		{"golang.org/x/mod", "v0.42.0", "pkg:golang/golang.org/x/mod@v0.42.0"},
		{"github.com/CycloneDX/cyclonedx-go", "v0.12.0", "pkg:golang/github.com/cyclonedx/cyclonedx-go@v0.12.0"},
		{"example.com/a/v2", "v2.0.0+incompatible", "pkg:golang/example.com/a/v2@v2.0.0%2Bincompatible"},
		{"example.com/a", "v1.0.1-0.20261121053423-d65a71f00000+dirty", "pkg:golang/example.com/a@v1.0.1-0.20261121053423-d65a71f00000%2Bdirty"},
		{"gopkg.in/yaml.v3", "", "pkg:golang/gopkg.in/yaml.v3"},
		{"example.com/~u/c+d", "v1.0.0", "pkg:golang/example.com/~u/c%2Bd@v1.0.0"},
		{"example.com/a", "v1.0.0-RC.1", "pkg:golang/example.com/a@v1.0.0-RC.1"},
		{gofacts.Stdlib, "1.26.8", "pkg:golang/stdlib@1.26.8"},
	}
	for _, test := range tests {
		m := gofacts.Module{Path: test.path, Version: test.version, Sum: sum}
		if got := m.PURL(); got != test.want {
			t.Errorf("%s %s: %s, want %s", test.path, test.version, got, test.want)
		}
		if again, ok := gofacts.ModuleOf(m.Descriptor()); !ok || !reflect.DeepEqual(again, m) {
			t.Errorf("%+v became %+v, %v", m, again, ok)
		}
	}
}

func TestDescriptor(t *testing.T) {
	m := gofacts.Module{Path: "golang.org/x/mod", Version: "v0.42.0", Sum: sum, Replaces: &gofacts.Module{Path: "example.com/mod", Version: "v1.0.0"}}
	got, err := json.Marshal(m.Descriptor())
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"name":"golang.org/x/mod","uri":"pkg:golang/golang.org/x/mod@v0.42.0",` +
		`"digest":{"dirHash":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},` +
		`"annotations":{"replaces":{"path":"example.com/mod","version":"v1.0.0"}}}`
	if string(got) != want {
		t.Errorf("descriptor is %s, want %s", got, want)
	}
	if again, ok := gofacts.ModuleOf(m.Descriptor()); !ok || !reflect.DeepEqual(again, m) {
		t.Errorf("%+v became %+v, %v", m, again, ok)
	}
}

// A descriptor that says two things is no module.
func TestModuleOfRefuses(t *testing.T) {
	good := gofacts.Module{Path: "example.com/a", Version: "v1.0.0", Sum: sum}.Descriptor()
	if _, ok := gofacts.ModuleOf(good); !ok {
		t.Fatal("the neighbour is refused")
	}
	tests := []struct {
		name   string
		change func(d *provenance.ResourceDescriptor)
	}{
		{"another path", func(d *provenance.ResourceDescriptor) { d.Name = "example.com/b" }},
		{"no name", func(d *provenance.ResourceDescriptor) { d.Name = "" }},
		{"another type", func(d *provenance.ResourceDescriptor) { d.URI = "pkg:npm/example.com/a@v1.0.0" }},
		{"upper case", func(d *provenance.ResourceDescriptor) { d.URI = "pkg:golang/Example.com/a@v1.0.0" }},
		{"a qualifier", func(d *provenance.ResourceDescriptor) { d.URI += "?type=module" }},
		{"an empty version", func(d *provenance.ResourceDescriptor) { d.URI = "pkg:golang/example.com/a@" }},
		{"a plain plus", func(d *provenance.ResourceDescriptor) { d.URI += "+dirty" }},
		{"a cut escape", func(d *provenance.ResourceDescriptor) { d.URI += "%2" }},
		{"an unknown annotation", func(d *provenance.ResourceDescriptor) {
			d.Annotations = map[string]json.RawMessage{"replaces": json.RawMessage(`"x"`)}
		}},
	}
	for _, test := range tests {
		d := good
		test.change(&d)
		if m, ok := gofacts.ModuleOf(d); ok {
			t.Errorf("%s: %+v", test.name, m)
		}
	}
}

func TestDirHashRefuses(t *testing.T) {
	for _, s := range []string{"", "h1:", "h2:" + sum[3:], sum[:46] + "V=", sum + "=", "h1:" + sum} {
		if d, ok := (gofacts.Module{Sum: s}).DirHash(); ok {
			t.Errorf("%q has the digest %s", s, d)
		}
	}
}

func TestStdlib(t *testing.T) {
	for version, want := range map[string]string{
		"go1.26.8":                   "1.26.8",
		"go1.25.4 X:jsonv2,synctest": "1.25.4",
		"go1.26.8-X:jsonv2,synctest": "1.26.8",
		"go1.26.8-acme X:jsonv2":     "1.26.8-acme",
		"go1.27rc1":                  "1.27rc1",
		"go1.27rc1-X:nogreenteagc":   "1.27rc1",
		"goX:jsonv2":                 "",
		"devel go1.27-3f2a1c Sat Nov 21 05:34:23 2026": "",
		"": "",
	} {
		f := gofacts.Facts{GoVersion: version}
		if got := f.Stdlib(); got.Path != gofacts.Stdlib || got.Version != want {
			t.Errorf("%q: the standard library is %s %q, want %s %q", version, got.Path, got.Version, gofacts.Stdlib, want)
		}
	}
}

func TestFIPSTag(t *testing.T) {
	for version, want := range map[string]string{"": "", "off": "", "latest": "", "v1.0.0-c2097c7c": "fips140v1.0", "v1.26.0": "fips140v1.26"} {
		if got := gofacts.FIPSTag(version); got != want {
			t.Errorf("%q: got %q, want %q", version, got, want)
		}
	}
}
