package capture

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/touchmark-go/touchmark/internal/gofacts"
)

// agreeing is the documented build, with everything that can be compared on
// both sides and nothing that differs.
func agreeing() (*building, *gofacts.Facts) {
	b, _ := documented()
	f := b.outputs[0].facts
	b.argv = []string{"go", "build", "-trimpath=false", "-race", "-tags=osusergo,netgo", "-buildmode=pie", "-ldflags=-s -X main.key=hunter2", "-gcflags=-N", "-asmflags=-S", "./cmd/app"}
	b.command, b.goBuild = readGo(b.argv)
	for name, value := range map[string]string{"GOOS": "linux", "GOARCH": "amd64", "GOAMD64": "v1", "CGO_ENABLED": "0", "GOEXPERIMENT": "jsonv2", "GOFIPS140": "v1.0.0-c2097c7c"} {
		b.toolchain.env[name] = value
		f.Settings[name] = value
	}
	b.toolchain.env["GOFIPS140"] = "certified"         // go env names the alias
	f.Settings["-tags"] = "fips140v1.0,netgo,osusergo" // the first by the go command
	f.GoVersion = "go1.26.8-X:jsonv2"
	delete(f.Settings, "-trimpath")
	maps.Copy(f.Settings, map[string]string{"-race": "true", "-buildmode": "pie", "-ldflags": "-s -X main.key=hunter2", "-gcflags": "-N", "-asmflags": "-S",
		"vcs.revision": b.source.commit})
	b.inputs.packages[3].Imports = []string{"example.com/dep", "example.com/old", "runtime", "C"}
	return b, f
}

// TestDisagree wants a finding for each thing that the binary or go list says
// otherwise, and none where they say the same.
func TestDisagree(t *testing.T) {
	b, _ := agreeing()
	if err := b.consistent(); err != nil {
		t.Fatal(err)
	}
	type change func(b *building, f *gofacts.Facts)
	setting := func(name, value string) change {
		return func(_ *building, f *gofacts.Facts) { f.Settings[name] = value }
	}
	for want, do := range map[string]change{
		"commit":       setting("vcs.revision", strings.Repeat("0", 40)),
		"GOOS":         setting("GOOS", "windows"),
		"GOARCH":       setting("GOARCH", "arm64"),
		"GOAMD64":      setting("GOAMD64", "v3"),
		"Go":           func(_ *building, f *gofacts.Facts) { f.GoVersion = "go1.26.7" },
		"CGO_ENABLED":  setting("CGO_ENABLED", "1"),
		"GOEXPERIMENT": setting("GOEXPERIMENT", ""),
		"GOFIPS140": func(_ *building, f *gofacts.Facts) {
			f.Settings["GOFIPS140"], f.Settings["-tags"] = "", "netgo,osusergo"
		},
		"-tags":        setting("-tags", "fips140v1.0,netgo"),
		"-race":        setting("-race", ""),
		"-msan":        setting("-msan", "true"),
		"-asan":        setting("-asan", "true"),
		"-trimpath":    func(_ *building, f *gofacts.Facts) { f.Settings["-trimpath"] = "true"; f.Settings["-ldflags"] = "" },
		"-buildmode":   setting("-buildmode", "exe"),
		"-ldflags":     setting("-ldflags", "-s -X main.key=hunter3"),
		"-gcflags":     setting("-gcflags", ""),
		"-asmflags":    setting("-asmflags", "-S -v"),
		"main package": func(_ *building, f *gofacts.Facts) { f.Path = "example.com/app/cmd/other" },
		"-pgo":         setting("-pgo", ""),
		"module example.com/dep": func(_ *building, f *gofacts.Facts) {
			f.Modules = append([]gofacts.Module{{Path: "example.com/dep", Version: "v1.2.4", Sum: f.Modules[0].Sum}}, f.Modules[1])
		},
		"module example.com/fork": func(_ *building, f *gofacts.Facts) { f.Modules = f.Modules[:1] },
		"module example.com/more": func(_ *building, f *gofacts.Facts) {
			f.Modules = append(f.Modules[:2:2], gofacts.Module{Path: "example.com/more", Version: "v1.0.0"})
		},
	} {
		b, f := agreeing()
		do(b, f)
		err := b.consistent()
		var contradiction *ContradictionError
		if !errors.As(err, &contradiction) || len(contradiction.Findings) != 1 || contradiction.Findings[0].Fact != want || contradiction.Findings[0].Subject != "dist/app" {
			t.Errorf("%s: error is %v, want just that of dist/app", want, err)
		}
		if err != nil && strings.Contains(err.Error(), "hunter") {
			t.Errorf("%s: the error gives away a value: %v", want, err)
		}
	}
	for what, do := range map[string]change{
		"a sum that one side lacks":        func(_ *building, f *gofacts.Facts) { f.Modules[0].Sum = "" },
		"tags in another order":            setting("-tags", "osusergo,netgo,fips140v1.0"),
		"ldflags that trimpath leaves out": func(b *building, f *gofacts.Facts) { b.command.flags["trimpath"] = nil },
		"no settings":                      func(_ *building, f *gofacts.Facts) { clear(f.Settings) },
		"another command":                  func(b *building, f *gofacts.Facts) { b.goBuild = false; f.Settings["GOOS"] = "windows" },
	} {
		b, f := agreeing()
		do(b, f)
		if err := b.consistent(); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// TestDisagreeFIPS holds the version of the FIPS 140-3 module in the binary, and
// the tag that comes with it, against the variable, where that names a version.
func TestDisagreeFIPS(t *testing.T) {
	for _, test := range []struct{ env, stamped, tag, want string }{
		{"off", "", "", ""},
		{"", "", "", ""},
		{"latest", "latest", "", ""},
		{"certified", "v1.0.0-c2097c7c", "fips140v1.0", ""},
		{"v1.0.0", "v1.0.0-c2097c7c", "fips140v1.0", ""},
		{"v1.0.0-c2097c7c", "v1.0.0-c2097c7c", "fips140v1.0", ""},
		{"v1.26.0", "v1.26.0", "fips140v1.26", ""},
		{"v1.26.0", "v1.0.0-c2097c7c", "fips140v1.0", "GOFIPS140"},
		{"v1.2", "v1.26.0", "fips140v1.26", "GOFIPS140"},
		{"v1.0.0", "", "", "GOFIPS140"},
		{"latest", "", "", "GOFIPS140"},
		{"off", "latest", "", "GOFIPS140"},
		{"v1.0.0", "v1.0.0-c2097c7c", "", "-tags"},
		{"latest", "latest", "fips140v1.0", "-tags"},
		{"", "", "fips140v1.0", "-tags"},
	} {
		b, f := agreeing()
		b.toolchain.env["GOFIPS140"], f.Settings["GOFIPS140"] = test.env, test.stamped
		f.Settings["-tags"] = strings.Trim("netgo,osusergo,"+test.tag, ",")
		got := ""
		for _, finding := range b.disagree("dist/app", f) {
			got += finding.Fact
		}
		if got != test.want {
			t.Errorf("GOFIPS140=%s, and the binary says %q with the tag %q: findings %q, want %q", test.env, test.stamped, test.tag, got, test.want)
		}
	}
}

// TestSameModule tells modules apart by path, version, sum and what they replace.
func TestSameModule(t *testing.T) {
	m := gofacts.Module{Path: "a", Version: "v1.0.0", Sum: "h1:x", Replaces: &gofacts.Module{Path: "b", Version: "v0.9.0"}}
	for what, change := range map[string]func(*gofacts.Module){
		"path":             func(m *gofacts.Module) { m.Path = "c" },
		"version":          func(m *gofacts.Module) { m.Version = "v1.0.1" },
		"sum":              func(m *gofacts.Module) { m.Sum = "h1:y" },
		"no replacement":   func(m *gofacts.Module) { m.Replaces = nil },
		"replaced path":    func(m *gofacts.Module) { m.Replaces = &gofacts.Module{Path: "c", Version: "v0.9.0"} },
		"replaced version": func(m *gofacts.Module) { m.Replaces = &gofacts.Module{Path: "b", Version: "v0.9.1"} },
	} {
		other := m
		change(&other)
		if sameModule(m, other) || sameModule(other, m) {
			t.Errorf("they are the same in spite of %s", what)
		}
	}
	if other := m; !sameModule(m, other) {
		t.Error("a module is not the same as itself")
	}
}

// TestChanged finds files that changed after they were hashed, or after the build began.
func TestChanged(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.go")
	if err := os.WriteFile(path, []byte("package a\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	written := time.Date(2026, 11, 21, 3, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		name         string
		size         int64
		time, begins time.Time
		found        int
	}{
		{"as it was", 10, written, written, 0},
		{"no start is known", 10, written, time.Time{}, 0},
		{"begun later", 10, written, written.Add(time.Second), 0},
		{"written after the start", 10, written, written.Add(-time.Second), 1},
		{"another size", 11, written, time.Time{}, 1},
		{"another time", 10, written.Add(time.Second), time.Time{}, 1},
	} {
		if err := os.Chtimes(path, written, written); err != nil {
			t.Fatal(err)
		}
		in := &inputs{folders: []folder{{files: []inputFile{{name: "a.go", path: path, size: test.size, time: test.time}}, digest: map[string]string{"dirHash": "x"}}}}
		if got := in.changed(test.begins); len(got) != test.found {
			t.Errorf("%s: found %v, want %d", test.name, got, test.found)
		}
	}
}

// TestDisagreeVendor holds modules.txt against what is compiled and go.mod.
func TestDisagreeVendor(t *testing.T) {
	v := func(path, version string) gofacts.Version { return gofacts.Version{Path: path, Version: version} }
	in := &inputs{mod: &gofacts.ModFile{Require: []gofacts.Require{{Path: "a", Version: "v1.0.0"}, {Path: "b", Version: "v1.0.0"}}}, packages: []gofacts.Package{
		{ImportPath: "a", Module: &gofacts.Module{Path: "a", Version: "v1.0.0"}},
		{ImportPath: "b", Module: &gofacts.Module{Path: "c", Version: "v2.0.0", Replaces: &gofacts.Module{Path: "b", Version: "v1.0.0"}}},
		{ImportPath: "std", Standard: true}, {ImportPath: "main", ModuleDir: "/src", Module: &gofacts.Module{Path: "main"}},
	}}
	by := v("c", "v2.0.0")
	good := func() []gofacts.Vendored {
		return []gofacts.Vendored{{Version: v("a", "v1.0.0"), Explicit: true}, {Version: v("b", "v1.0.0"), Explicit: true, Replaced: &by}}
	}
	if got := in.disagreeVendor(good()); got != nil {
		t.Errorf("found %v, want nothing", got)
	}
	other := v("c", "v2.0.1")
	for what, change := range map[string]func(list []gofacts.Vendored) []gofacts.Vendored{
		"missing":             func(list []gofacts.Vendored) []gofacts.Vendored { return list[:1] },
		"another version":     func(list []gofacts.Vendored) []gofacts.Vendored { list[0].Version.Version = "v1.0.1"; return list },
		"not explicit":        func(list []gofacts.Vendored) []gofacts.Vendored { list[0].Explicit = false; return list },
		"not replaced":        func(list []gofacts.Vendored) []gofacts.Vendored { list[1].Replaced = nil; return list },
		"replaced by another": func(list []gofacts.Vendored) []gofacts.Vendored { list[1].Replaced = &other; return list },
		"replaced, too":       func(list []gofacts.Vendored) []gofacts.Vendored { list[0].Replaced = &by; return list },
	} {
		if got := in.disagreeVendor(change(good())); len(got) == 0 {
			t.Errorf("%s: nothing is found", what)
		}
	}
}

// TestMalformedFiles wants a malformed file named, with its line.
func TestMalformedFiles(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(content), 0o600)); err != nil {
			t.Fatal(err)
		}
		return path
	}
	b, _ := agreeing()
	in := &inputs{}
	env := map[string]string{"GOMOD": write("go.mod", "module a\n\nrequire b\n"), "GOWORK": write("go.work", "go 1.26\nuse\n")}
	write("vendor/modules.txt", "# a v1.0.0\n## odd\n")
	write("go.sum", "a v1.0.0\n")
	write("go.work.sum", "\n\na v1.0.0 h1:short\n")
	b.readModFiles(in, env)
	in.lookVendor(t.Context(), env)
	in.checkModules(t.Context(), b.sumFiles(env, &gofacts.ModFile{Use: []string{"."}}), dir)
	var got []string
	for _, f := range in.findings {
		got = append(got, f.String())
	}
	all := strings.Join(got, "\n")
	for _, want := range []string{"go.mod:3: ", "go.work:2: ", "vendor/modules.txt:2: ", "go.sum:1: ", "go.work.sum:3: "} {
		if !strings.Contains(all, want) {
			t.Errorf("nothing names %s:\n%s", want, all)
		}
	}
	if strings.Contains(all, dir) {
		t.Errorf("a finding gives away the folder:\n%s", all)
	}
	if len(got) != 5 {
		t.Errorf("%d findings:\n%s", len(got), all)
	}
}

// TestCheckSum holds sums against each other.
func TestCheckSum(t *testing.T) {
	cache := t.TempDir()
	v := gofacts.Version{Path: "example.com/Dep", Version: "v1.0.0-RC1"}
	path := hashFile(cache, v)
	if want := filepath.Join(cache, "cache/download/example.com/!dep/@v/v1.0.0-!r!c1.ziphash"); path != want {
		t.Errorf("the module cache has the sum in %s, want %s", path, want)
	}
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte("h1:a"), 0o600)); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		sum   string
		lines []string
		with  string
		facts string
	}{
		{"h1:a", []string{"h1:a"}, "go.sum, the module cache's sum of its archive", ""},
		{"h1:a", []string{"h1:b", "h1:a"}, "go.sum, the module cache's sum of its archive", ""},
		{"h1:a", nil, "the module cache's sum of its archive", ""},
		{"h1:a", []string{"h1:b"}, "the module cache's sum of its archive", "sum"},
		{"h1:b", []string{"h1:b"}, "go.sum", "sum in the module cache"},
		{"h1:c", []string{"h1:b"}, "", "sum sum in the module cache"},
		{"", nil, "", ""},
	} {
		in := &inputs{}
		c := in.checkSum(v, moduleCheck{sum: test.sum}, test.lines, cache)
		var facts []string
		for _, f := range in.findings {
			facts = append(facts, f.Fact)
		}
		if got := strings.Join(c.with, ", "); got != test.with || strings.Join(facts, " ") != test.facts {
			t.Errorf("%+v: held against %q, found %q", test, got, facts)
		}
	}
}
