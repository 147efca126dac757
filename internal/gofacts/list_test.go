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
