package deptest

import (
	"fmt"
	"strings"
	"testing"
)

// recorder is a testing.TB that keeps what it is told.
type recorder struct {
	testing.TB
	said []string
}

func (r *recorder) Helper() {}
func (r *recorder) Errorf(format string, a ...any) {
	r.said = append(r.said, fmt.Sprintf(format, a...))
}
func (r *recorder) Fatalf(format string, a ...any) { r.Errorf("fatal: "+format, a...) }

// TestOnly measures this very package, which runs the go command.
func TestOnly(t *testing.T) {
	Only(t, "internal/deptest", Budget{})
	Only(t, "", Budget{})
	tests := map[string]struct {
		pkg  string
		b    Budget
		want string
	}{
		"forbidden": {"internal/deptest", Budget{Forbidden: []string{"net/http", "os/exec"}}, "links os/exec, which it may not (imported by " + Module + "/internal/deptest"},
		"missing":   {"no/such/package", Budget{}, "fatal: what \"no/such/package\" links on linux is unknown: go list: exit status 1: "},
		"modules":   {"internal/deptest", Budget{Modules: -1}, "links 0 modules, want at most -1"},
	}
	for name, test := range tests {
		r := &recorder{TB: t}
		Only(r, test.pkg, test.b)
		if len(r.said) == 0 || !strings.Contains(r.said[0], test.want) {
			t.Errorf("%s: said %q, want %q", name, r.said, test.want)
		}
	}
}

// TestModules counts one that is really there.
func TestModules(t *testing.T) {
	const want = "github.com/secure-systems-lab/go-securesystemslib"
	if got := strings.Join(Modules(t, "sign"), " "); !strings.Contains(got, want) {
		t.Errorf("sign links %q, want %s among them", got, want)
	}
	r := &recorder{TB: t}
	Only(r, "sign", Budget{Own: []string{"provenance"}})
	if len(r.said) == 0 || !strings.Contains(r.said[0], want) {
		t.Errorf("sign with a budget of no modules: said %q, want %s named", r.said, want)
	}
}

func TestCheck(t *testing.T) {
	const output = `
{"ImportPath": "net/http"}
{"ImportPath": "example.com/b/inner", "Module": {"Path": "example.com/b"}, "Imports": ["net/http"]}
{"ImportPath": "example.com/b", "Module": {"Path": "example.com/b"}, "Imports": ["example.com/b/inner"]}
{"ImportPath": "example.com/a", "Module": {"Path": "example.com/a"}}
{"ImportPath": "github.com/touchmark-go/touchmark/internal/jcs", "Module": {"Path": "github.com/touchmark-go/touchmark"}}
{"ImportPath": "github.com/touchmark-go/touchmark/provenance", "Module": {"Path": "github.com/touchmark-go/touchmark"}, "Imports": ["github.com/touchmark-go/touchmark/internal/jcs"]}
{"ImportPath": "github.com/touchmark-go/touchmark/sign", "Module": {"Path": "github.com/touchmark-go/touchmark"}, "Imports": ["github.com/touchmark-go/touchmark/provenance", "example.com/b"]}
`
	pkgs, err := parse(strings.NewReader(output))
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		b    Budget
		want string
	}{
		"within":              {Budget{Modules: 2, Own: []string{"provenance"}, Forbidden: []string{"os/exec", "net", "example.com/..c"}}, ""},
		"a module too many":   {Budget{Modules: 1, Own: []string{"provenance"}}, "links 2 modules, want at most 1: example.com/a example.com/b"},
		"our package":         {Budget{Modules: 2}, `links our package "provenance", want only [] (imported by ` + Module + `/sign)`},
		"another of ours":     {Budget{Modules: 2, Own: []string{"provenance/release"}}, `links our package "provenance", want only ["provenance/release"] (imported by ` + Module + `/sign)`},
		"forbidden":           {Budget{Modules: 2, Own: []string{"provenance"}, Forbidden: []string{"net/http"}}, "links net/http, which it may not (imported by example.com/b/inner)"},
		"forbidden below":     {Budget{Modules: 2, Own: []string{"provenance"}, Forbidden: []string{"net/..."}}, "links net/http, which it may not (imported by example.com/b/inner)"},
		"forbidden not below": {Budget{Modules: 2, Own: []string{"provenance"}, Forbidden: []string{"net/htt/...", "example.com"}}, ""},
	}
	for name, test := range tests {
		if got := strings.Join(check(pkgs, "sign", test.b), "\n"); got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

// TestReserved: what few may import is held against each importer of ours,
// and not against strangers.
func TestReserved(t *testing.T) {
	tests := []struct{ pkg, path, want string }{
		{Module + "/verify", "github.com/sigstore/sigstore-go/pkg/verify", `"verify" imports github.com/sigstore/sigstore-go/pkg/verify, want that only in ["sign/keyless" "verify/sigstore"]`},
		{Module + "/verify/sigstore", "github.com/sigstore/sigstore-go/pkg/verify", ""},
		{Module + "/verify/sigstore", "github.com/sigstore/cosign/v3/pkg", `"verify/sigstore" imports github.com/sigstore/cosign/v3/pkg, want that only in []`},
		{Module + "/verify", "github.com/sigstore/sigstore-gothic", ""},
		{"example.com/b", "github.com/sigstore/cosign/v3/pkg", ""},
	}
	for _, test := range tests {
		pkgs := []listed{{ImportPath: test.pkg, Imports: []string{test.path}}}
		name, _ := pkgs[0].own()
		if got := strings.Join(check(pkgs, name, Budget{}), "\n"); got != test.want {
			t.Errorf("%s imports %s: %q, want %q", test.pkg, test.path, got, test.want)
		}
	}
}

func TestImporters(t *testing.T) {
	pkgs := []listed{{ImportPath: "x"}}
	for n, want := range []string{"", "a", "a, b", "a, b, c", "a, b, c, and 1 more", "a, b, c, and 2 more"} {
		if got := importers(pkgs, "x"); got != want {
			t.Errorf("%d importers: %q, want %q", n, got, want)
		}
		pkgs = append(pkgs, listed{ImportPath: string(rune('a' + n)), Imports: []string{"x"}})
	}
}

func TestParseRefuses(t *testing.T) {
	for _, output := range []string{`{"ImportPath": "a", "Error": {"Err": "no such package"}}`, `{`, `[]`} {
		if pkgs, err := parse(strings.NewReader(output)); err == nil {
			t.Errorf("parse(%q) = %v, want an error", output, pkgs)
		}
	}
}
