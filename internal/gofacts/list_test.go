package gofacts_test

import (
	"bytes"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/touchmark-go/touchmark/internal/gofacts"
	"github.com/touchmark-go/touchmark/internal/gofacts/factstest"
)

// go list and the linker must name the same modules.
func TestParseListLikeBinary(t *testing.T) {
	p := factstest.New(t)
	cmd := exec.Command("go", "list", "-mod=mod", "-deps", "-json="+gofacts.ListFields, ".")
	cmd.Dir, cmd.Env = p.Dir, factstest.Env()
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	packages, err := gofacts.ParseList(bytes.NewReader(out))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	var got []string
	for _, pkg := range packages {
		if pkg.Error != "" {
			t.Errorf("%s: %s", pkg.ImportPath, pkg.Error)
		}
		if pkg.Module != nil && !pkg.Main && !seen[pkg.Module.Path] {
			seen[pkg.Module.Path] = true
			got = append(got, pkg.Module.PURL())
		}
	}
	var want []string
	for _, m := range readFile(t, p.Build(t)).Modules {
		want = append(want, m.PURL())
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("go list names %v, the linker %v", got, want)
	}
	if last := packages[len(packages)-1]; last.ImportPath != "example.com/Acme/app" || last.Name != "main" || !last.Main || last.DepOnly {
		t.Errorf("the last package is %+v, want the main package", last)
	}
}

func TestParseListRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"half a value":          `{"ImportPath":"a"`,
		"not an object":         `["a"]`,
		"a package of no name":  `{"Name":"main"}`,
		"a member twice":        `{"ImportPath":"a","ImportPath":"b"}`,
		"another letter case":   `{"importPath":"a"}`,
		"a module of no path":   `{"ImportPath":"a","Module":{"Version":"v1.0.0"}}`,
		"text behind the value": `{"ImportPath":"a"} x`,
	} {
		if p, err := gofacts.ParseList(strings.NewReader(text)); err == nil {
			t.Errorf("%s: %+v", name, p)
		}
	}
	if p, err := gofacts.ParseList(strings.NewReader(`{"ImportPath":"a"}{"ImportPath":"b"}`)); err != nil || len(p) != 2 {
		t.Errorf("the neighbour: %+v, %v", p, err)
	}
}

// An error names the line on which the malformed package begins.
func TestParseListLine(t *testing.T) {
	head := "{\n\t\"ImportPath\": \"a\"\n}\n{\n\t\"ImportPath\": \"b\",\n\t\"Name\": \"b\"\n}\n"
	for text, want := range map[string]string{
		head + "{\n\t\"Name\": \"c\"\n}\n": "go list output:8: package 3: ImportPath is missing",
		head + "{\n\t\"ImportPath\": }\n":  "go list output:8: ",
		"x":                                "go list output:1: ",
	} {
		if _, err := gofacts.ParseList(strings.NewReader(text)); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("error is %v, want %s", err, want)
		}
	}
}

// The files of a package, by what they are.
func TestParseListFiles(t *testing.T) {
	text := `{"ImportPath":"a","Dir":"/a","GoFiles":["a.go"],"CgoFiles":["c.go"],"CFiles":["a.c"],"CXXFiles":["a.cc"],"MFiles":["a.m"],"HFiles":["a.h"],"FFiles":["a.f"],"SFiles":["a.s"],
		"SwigFiles":["a.swig"],"SwigCXXFiles":["a.swigcxx"],"SysoFiles":["a.syso"],"EmbedFiles":["e.txt"],"Module":{"Path":"a","Dir":"/a","GoMod":"/a/go.mod","Main":true}}`
	packages, err := gofacts.ParseList(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	p := packages[0]
	for what, test := range map[string]struct{ got, want []string }{
		"Go":       {p.GoFiles, []string{"a.go", "c.go"}},
		"native":   {p.NativeFiles, []string{"a.c", "a.cc", "a.m", "a.h", "a.f", "a.s", "a.swig", "a.swigcxx", "a.syso"}},
		"embedded": {p.EmbedFiles, []string{"e.txt"}},
		"module":   {[]string{p.ModuleDir, p.GoMod}, []string{"/a", "/a/go.mod"}},
	} {
		if !slices.Equal(test.got, test.want) {
			t.Errorf("%s files are %q, want %q", what, test.got, test.want)
		}
	}
	if !p.Foreign || !p.Main {
		t.Errorf("the package is %+v, want a foreign one of a main module", p)
	}
}

func FuzzParseList(f *testing.F) {
	f.Add([]byte(`{"ImportPath":"a","Module":{"Path":"b.c/d","Version":"v1.0.0","Replace":{"Path":"../d"}}}{"ImportPath":"fmt","Standard":true}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		packages, err := gofacts.ParseList(bytes.NewReader(data))
		if err != nil {
			return
		}
		for _, p := range packages {
			if p.ImportPath == "" || p.Module != nil && p.Module.Path == "" {
				t.Errorf("%q gave %+v", data, p)
			}
		}
	})
}
