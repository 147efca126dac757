package gofacts_test

import (
	"bytes"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"

	"github.com/touchmark-go/touchmark/internal/gofacts"
	"github.com/touchmark-go/touchmark/internal/strictjson"
)

const sum1 = "h1:LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ="

func TestParseSum(t *testing.T) {
	text := "example.com/a v1.0.0 " + sum1 + "\nexample.com/a v1.0.0/go.mod " + sum1 + "\n\r\nexample.com/B v2.0.0+incompatible h2:later\n  example.com/a\tv1.0.0 h1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"
	got, err := gofacts.ParseSum("go.sum", strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	want := map[gofacts.Version][]string{
		{Path: "example.com/a", Version: "v1.0.0"}:              {sum1, "h1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="},
		{Path: "example.com/B", Version: "v2.0.0+incompatible"}: {"h2:later"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("sums are %v, want %v", got, want)
	}
}

func TestParseSumRefuses(t *testing.T) {
	good := "example.com/a v1.0.0 " + sum1 + "\n"
	for text, want := range map[string]string{
		good + "example.com/a v1.0.0\n":                            "go.sum:2: want a module, a version and a sum",
		good + good + "example.com/a v1.0.0 h1:short\n":            `go.sum:3: sum of "example.com/a" is "h1:short"`,
		good + "example.com/a v1.0.0 " + sum1 + " more\n":          "go.sum:2: want a module",
		good + "example.com/a latest " + sum1 + "\n":               `go.sum:2: module "example.com/a" has version "latest"`,
		good + "example.com/a v1.0.0/other " + sum1 + "\n":         "go.sum:2: module",
		good + "example.com/\u202ea v1.0.0 " + sum1 + "\n":         "go.sum:2: ",
		good + "example.com/a v1.0.0 \xff\n":                       "go.sum:2: ",
		good + "<<<<<<< HEAD\n":                                    "go.sum:2: ",
		good + "example.com/a v1.0.0 " + sum1[:20] + "\x00" + "\n": "go.sum:2: ",
		strings.Repeat("x", 70<<10):                                "go.sum:1: the line has more than",
		strings.Repeat("\n", 200_001):                              "more than 200000 lines",
	} {
		if _, err := gofacts.ParseSum("go.sum", strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60q: error is %v, want %q", text, err, want)
		}
	}
	if _, err := gofacts.ParseSum("go.sum", endless{}); !errors.Is(err, strictjson.ErrLimit) {
		t.Errorf("an endless file: error is %v, want the limit", err)
	}
}

// endless is white space for ever.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	return copy(p, bytes.Repeat([]byte(strings.Repeat("\t", 1000)+"\n"), len(p)/1001+1)), nil
}

func FuzzParseSum(f *testing.F) {
	f.Add([]byte("example.com/a v1.0.0 " + sum1 + "\nexample.com/a v1.0.0/go.mod " + sum1 + "\n"))
	f.Add([]byte("a v1 h2:x\r\n\t\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		sums, err := gofacts.ParseSum("go.sum", bytes.NewReader(data))
		if err != nil {
			if !strings.HasPrefix(err.Error(), "go.sum") {
				t.Errorf("%q: the error does not name the file: %v", data, err)
			}
			return
		}
		var b strings.Builder
		for v, list := range sums {
			for _, sum := range list {
				b.WriteString(v.Path + " " + v.Version + " " + sum + "\n")
			}
		}
		again, err := gofacts.ParseSum("go.sum", strings.NewReader(b.String()))
		if err != nil || !reflect.DeepEqual(again, sums) {
			t.Errorf("%q does not survive a round trip: %v, %v", data, again, err)
		}
	})
}

func TestParseVendor(t *testing.T) {
	text := `## workspace
# example.com/a v1.2.3
## explicit; go 1.22
example.com/a
example.com/a/b
# example.com/b v0.0.0-20260101000000-aaaaaaaaaaaa => ./b
## explicit
# example.com/c v1.0.0 => example.com/d v1.1.0
## go 1.21
example.com/c/x
# example.com/c => example.com/d v1.1.0
`
	got, err := gofacts.ParseVendor("modules.txt", strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	v := func(path, version string) gofacts.Version { return gofacts.Version{Path: path, Version: version} }
	ref := func(v gofacts.Version) *gofacts.Version { return &v }
	want := []gofacts.Vendored{
		{Version: v("example.com/a", "v1.2.3"), Explicit: true, Packages: []string{"example.com/a", "example.com/a/b"}},
		{Version: v("example.com/b", "v0.0.0-20260101000000-aaaaaaaaaaaa"), Replaced: ref(v("./b", "")), Explicit: true},
		{Version: v("example.com/c", "v1.0.0"), Replaced: ref(v("example.com/d", "v1.1.0")), Packages: []string{"example.com/c/x"}},
		{Version: v("example.com/c", ""), Replaced: ref(v("example.com/d", "v1.1.0"))},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("modules are\n%+v, want\n%+v", got, want)
	}
	for text, want := range map[string]string{
		"example.com/a\n":                            "modules.txt:1: want a module first",
		"## explicit\n":                              "modules.txt:1: want a module first",
		"# example.com/a\n":                          "modules.txt:1: want a module and its version",
		"# example.com/a v1.0.0\n## odd\n":           "modules.txt:2: want explicit or a go version",
		"# example.com/a v1.0.0\nexample.com/a b\n":  "modules.txt:2: want the import path",
		"# example.com/a v1.0.0\n\n":                 "modules.txt:2: want the import path",
		"# example.com/a v1.0.0 =>\n":                "modules.txt:1: want what stands in",
		"# example.com/a v1.0.0 => b latest\n":       "modules.txt:1: want what stands in",
		"# example.com/a one\n":                      "modules.txt:1: want a module and its version",
		"# example.com/a v1.0.0 extra\n":             "modules.txt:1: want a module and its version",
		"# example.com/a v1.0.0\n## workspace\n":     "modules.txt:2: want explicit",
		"# example.com/a v1.0.0\n example.com/a\n":   "modules.txt:2: want the import path",
		"# example.com/a v1.0.0\nexample.com/\x01\n": "modules.txt:2: ",
	} {
		if _, err := gofacts.ParseVendor("modules.txt", strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error is %v, want %q", text, err, want)
		}
	}
}

func FuzzParseVendor(f *testing.F) {
	f.Add([]byte("# example.com/a v1.2.3 => ../x\n## explicit; go 1.22\nexample.com/a\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		list, err := gofacts.ParseVendor("modules.txt", bytes.NewReader(data))
		if err != nil {
			if !strings.HasPrefix(err.Error(), "modules.txt") {
				t.Errorf("%q: the error does not name the file: %v", data, err)
			}
			return
		}
		var b strings.Builder
		for _, v := range list {
			b.WriteString(strings.TrimRight("# "+v.Path+" "+v.Version.Version, " "))
			if v.Replaced != nil {
				b.WriteString(strings.TrimRight(" => "+v.Replaced.Path+" "+v.Replaced.Version, " "))
			}
			b.WriteString("\n")
			if v.Explicit {
				b.WriteString("## explicit\n")
			}
			for _, p := range v.Packages {
				b.WriteString(p + "\n")
			}
		}
		again, err := gofacts.ParseVendor("modules.txt", strings.NewReader(b.String()))
		if err != nil || !reflect.DeepEqual(again, list) {
			t.Errorf("%q does not survive a round trip: %q, %v", data, b.String(), err)
		}
	})
}

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
		Require: []gofacts.Version{v("example.com/a", "v1.0.0"), v("example.com/b", "v1.2.3"), v("example.com/c", "v0.0.0")},
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
	var require []gofacts.Version
	for _, r := range want.Require {
		require = append(require, gofacts.Version{Path: r.Mod.Path, Version: r.Mod.Version})
	}
	ours := slices.Clone(got.Require)
	for i := range ours { // modfile writes v1 as v1.0.0
		ours[i].Version = module.CanonicalVersion(ours[i].Version)
	}
	if !same || !slices.Equal(require, ours) {
		t.Errorf("%q says %+v, and modfile says %+v", data, got, want)
	}
}
