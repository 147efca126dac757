package gofacts_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"

	"github.com/touchmark-go/touchmark/internal/gofacts"
)

const someMod = `// a comment
module "example.com/app" // another
go 1.26.0

toolchain go1.26.8
require example.com/a v1.0.0
require (
	example.com/b v1.2.3 // indirect
	` + "`example.com/c`" + ` v0.0.0
)
exclude example.com/a v0.9.0
retract [v1.0.0, v1.1.0]
tool example.com/a/cmd
replace example.com/b => ../b
replace (
	example.com/c v0.0.0 => example.com/d v1.0.0
)
`

func TestParseMod(t *testing.T) {
	got, err := gofacts.ParseMod("go.mod", strings.NewReader(someMod))
	if err != nil {
		t.Fatal(err)
	}
	v := func(path, version string) gofacts.Version { return gofacts.Version{Path: path, Version: version} }
	want := &gofacts.ModFile{Module: "example.com/app", Go: "1.26.0", Toolchain: "go1.26.8",
		Require: []gofacts.Require{{"example.com/a", "v1.0.0", false}, {"example.com/b", "v1.2.3", true}, {"example.com/c", "v0.0.0", false}},
		Replace: []gofacts.Replacement{{Old: v("example.com/b", ""), New: v("../b", "")}, {Old: v("example.com/c", "v0.0.0"), New: v("example.com/d", "v1.0.0")}}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("the file says\n%+v, want\n%+v", got, want)
	}
	work, err := gofacts.ParseMod("go.work", strings.NewReader("go 1.26\nuse (\n\t.\n\t\"./b c\"\n)\nuse ../d\n"))
	if err != nil || !slices.Equal(work.Use, []string{".", "./b c", "../d"}) {
		t.Errorf("the workspace is %+v, %v", work, err)
	}
	for text, want := range map[string]string{
		"go 1.26\ngo 1.27\n":                 "go.mod:2: go stands there twice",
		"module a\nrequire b\n":              "go.mod:2: require: want a module and its version",
		"module a\n\nrequire (\n\tb x\n)\n":  "go.mod:4: require: want a module and its version",
		"require (\n\tb v1.0.0\n":            "go.mod:2: the file ends within",
		"replace a v1.0.0\n":                 "go.mod:1: replace: want =>",
		"replace a => b c d\n":               "go.mod:1: replace: want a module => another",
		"module \"a\n":                       "go.mod:1: a quote is not closed",
		"use a b\n":                          "go.mod:1: use: want one folder",
		"toolchain\n":                        "go.mod:1: toolchain: want one word",
		"require ) (\n":                      "go.mod:1: require: a parenthesis is out of place",
		"module \"\\q\"\n":                   "go.mod:1: ",
		"module a\x07\n":                     "go.mod:1: ",
		"require (\nrequire (\n\ta v1\n)\n)": "go.mod:2: ",
	} {
		if m, err := gofacts.ParseMod("go.mod", strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %+v, error is %v, want %q", text, m, err, want)
		}
	}
}

// What x/mod/modfile accepts means the same here, or is refused here.
func FuzzParseMod(f *testing.F) {
	f.Add([]byte(someMod))
	f.Add([]byte("module a\nrequire (b v1.0.0)\n"))
	f.Add([]byte("go 1.26\nuse (\n\t.\n)\nreplace a => ./b\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := gofacts.ParseMod("go.mod", bytes.NewReader(data))
		if err != nil {
			if !strings.HasPrefix(err.Error(), "go.mod") {
				t.Errorf("%q: the error does not name the file: %v", data, err)
			}
			return
		}
		want, err := modfile.Parse("go.mod", data, nil)
		if err == nil && len(got.Use) == 0 {
			compareMod(t, data, got, want)
		}
		work, err := modfile.ParseWork("go.work", data, nil)
		if err != nil {
			return
		}
		var use []string
		for _, u := range work.Use {
			use = append(use, u.Path)
		}
		if !slices.Equal(use, got.Use) {
			t.Errorf("%q uses %q, and modfile says %q", data, got.Use, use)
		}
	})
}

func compareMod(t *testing.T, data []byte, got *gofacts.ModFile, want *modfile.File) {
	t.Helper()
	same := want.Go == nil && got.Go == "" || want.Go != nil && want.Go.Version == got.Go
	same = same && (want.Toolchain == nil || want.Toolchain.Name == got.Toolchain)
	same = same && (want.Module == nil && got.Module == "" || want.Module != nil && want.Module.Mod.Path == got.Module)
	var require []gofacts.Require
	for _, r := range want.Require {
		require = append(require, gofacts.Require{Path: r.Mod.Path, Version: r.Mod.Version, Indirect: r.Indirect})
	}
	ours := slices.Clone(got.Require)
	for i := range ours { // modfile writes v1 as v1.0.0
		ours[i].Version = module.CanonicalVersion(ours[i].Version)
	}
	if !same || !slices.Equal(require, ours) {
		t.Errorf("%q says %+v, and modfile says %+v", data, got, want)
	}
}

// agree holds what is read of a go.mod file against package modfile.
func agree(t testing.TB, data []byte) {
	t.Helper()
	m, err := gofacts.ParseDependency(data)
	f, oracle := modfile.ParseLax("go.mod", data, nil)
	if oracle != nil || err != nil {
		return
	}
	var got, want []string
	for _, r := range m.Require {
		r.Version = module.CanonicalVersion(r.Version) // the go command writes no others
		got = append(got, fmt.Sprint(r))
	}
	for _, r := range f.Require {
		want = append(want, fmt.Sprint(gofacts.Require{Path: r.Mod.Path, Version: r.Mod.Version, Indirect: r.Indirect}))
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s\nrequires\n%q, want\n%q", data, got, want)
	}
	if f.Module != nil && m.Module != f.Module.Mod.Path {
		t.Errorf("%s\nmodule %q, want %q", data, m.Module, f.Module.Mod.Path)
	}
	if f.Go != nil && !strings.Contains(m.Go, f.Go.Version) {
		t.Errorf("%s\ngo %q, want %q", data, m.Go, f.Go.Version)
	}
}

// Every go.mod file of the module cache is read as package modfile reads it.
func TestParseDependencyLikeModfile(t *testing.T) {
	out, err := exec.Command("go", "env", "GOMODCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	err = filepath.WalkDir(filepath.Join(strings.TrimSpace(string(out)), "cache", "download"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".mod" || count > 2000 {
			return nil
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return nil // somebody cleans the cache meanwhile
		}
		if _, err := gofacts.ParseDependency(data); err != nil {
			if _, oracle := modfile.ParseLax(path, data, nil); oracle == nil {
				t.Errorf("%s: %v", path, err)
			}
		}
		count++
		agree(t, data)
		return nil
	})
	if err != nil || count < 20 {
		t.Fatalf("%d go.mod files, %v", count, err)
	}
}

var goMods = []string{
	"module a.b/c\n\ngo 1.21\n\nrequire d.e/f v1.0.0 // indirect\nrequire (\n\tg.h/i v1.2.3\n\t\"j.k/l\" v0.0.0-20260101000000-abcdefabcdef // indirect; why\n)\n",
	"module a // comment\nrequire b v1.0.0 // indirectly\nrequire(\nc v1.0.0//indirect\n)\n", "module `a`\r\nrequire b v1.0.0\r\n",
	"module a\nreplace b => ../b\nexclude c v1.0.0\nretract [v1.0.0, v1.1.0]\ntool d.e/f\nignore ./x\ngodebug x=y\n", "future (\n\tanything at all\n)\n",
	"require (\n", "module a\nmodule b\n", "require a\n", "module \"a\n", ")", "go 1\ngo 2",
}

func FuzzParseDependency(f *testing.F) {
	for _, text := range goMods {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) { agree(t, data) })
}

func TestParseDependencyRefuses(t *testing.T) {
	for _, text := range goMods[5:] {
		if text == ")" {
			continue // a verb that nobody knows
		}
		if m, err := gofacts.ParseDependency([]byte(text)); err == nil {
			t.Errorf("%q is %+v", text, m)
		}
	}
	if _, err := gofacts.ParseDependency(bytes.Repeat([]byte("\n"), 1<<18)); err == nil {
		t.Error("a file of too many lines is read")
	}
}
