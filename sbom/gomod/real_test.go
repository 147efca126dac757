package gomod_test

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	cdx "github.com/CycloneDX/cyclonedx-go"
	"golang.org/x/mod/modfile"

	"github.com/touchmark-go/touchmark/internal/gofacts/factstest"
	"github.com/touchmark-go/touchmark/internal/integration"
	"github.com/touchmark-go/touchmark/internal/modcache"
	"github.com/touchmark-go/touchmark/internal/testkit"
	"github.com/touchmark-go/touchmark/sbom"
	"github.com/touchmark-go/touchmark/sbom/gomod"
)

// installed are the programs of the Go installation.
func installed(t testing.TB) (files []string) {
	t.Helper()
	goroot := strings.TrimSpace(goCommand(t, ".", nil, "env", "GOROOT"))
	for _, pattern := range []string{"bin/*", "pkg/tool/*/*"} {
		names, err := filepath.Glob(filepath.Join(goroot, filepath.FromSlash(pattern)))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, names...)
	}
	return files
}

// like holds the BOM of a binary against what go version -m prints: each module
// and no other, with its version and sum.
func like(t testing.TB, file string) (modules int) {
	t.Helper()
	var want []string
	for _, line := range factstest.GoVersionM(t, file) {
		f := append(strings.Split(line, "\t")[1:], "", "")
		switch {
		case f[0] == "dep":
			want = append(want, f[1]+" "+f[2]+" "+f[3])
		case f[0] == "=>" && f[2] == "(devel)":
			path, _, _ := strings.Cut(want[len(want)-1], " ")
			want[len(want)-1] = path + "  "
		case f[0] == "=>":
			want[len(want)-1] = f[1] + " " + f[2] + " " + f[3]
		}
	}
	bom := fromBinary(t, file)
	var got []string
	for _, c := range *bom.Components {
		if c.Name != "stdlib" {
			got = append(got, c.Name+" "+c.Version+" "+propertyOf(c, sbom.PropertyH1))
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%s: components\n%s\nwant\n%s", file, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	return len(want)
}

// The programs of the Go installation, and one of several modules, are listed
// as go version -m lists them.
func TestLikeGoVersion(t *testing.T) {
	files := installed(t)
	for _, file := range append(files[:min(len(files), 5)], factstest.New(t).Build(t, "-tags=extra")) {
		like(t, file)
	}
	if len(files) == 0 {
		t.Error("the Go installation has no programs")
	}
}

// real are programs that people use, by module, version and main packages.
var real = []struct {
	module, version string
	mains           []string
}{
	{"filippo.io/age", "v1.2.1", []string{"cmd/age", "cmd/age-keygen"}},
	{"github.com/fullstorydev/grpcurl", "v1.9.3", []string{"cmd/grpcurl"}},
	{"github.com/google/go-containerregistry", "v0.22.1", []string{"cmd/crane", "cmd/registry"}},
	{"github.com/rogpeppe/go-internal", "v1.16.0", []string{"cmd/testscript", "cmd/txtar-c", "cmd/txtar-x"}},
	{"golang.org/x/tools", "v0.51.0", []string{"cmd/stringer", "cmd/goimports", "cmd/callgraph", "cmd/deadcode", "cmd/bundle", "cmd/digraph", "cmd/goyacc", "cmd/gonew"}},
	{"google.golang.org/protobuf", "v1.36.12", []string{"cmd/protoc-gen-go"}},
	{"honnef.co/go/tools", "v0.8.2", []string{"cmd/staticcheck", "cmd/structlayout", "cmd/structlayout-pretty"}},
	{"mvdan.cc/gofumpt", "v0.8.0", []string{""}},
}

// Twenty real programs: each module that go version -m prints and no other, and
// between them the edges that their go.mod files name, read by package modfile.
func TestRealPrograms(t *testing.T) {
	cache := os.DirFS(strings.TrimSpace(goCommand(t, ".", nil, "env", "GOMODCACHE")))
	var files []string
	for _, r := range real {
		for _, main := range r.mains {
			p := integration.Program{Package: strings.TrimSuffix(r.module+"/"+main, "/"), Module: r.module, Version: r.version}
			files = append(files, p.Path(t))
		}
	}
	if len(files) < 20 {
		t.Fatalf("%d programs", len(files))
	}
	modules, edges := 0, 0
	for _, file := range append(files, installed(t)...) {
		modules += like(t, file)
		edges += likeModfile(t, file, cache)
	}
	t.Logf("%d programs, %d modules, %d edges", len(files), modules, edges)
	if modules < 60 || edges < 100 {
		t.Errorf("%d modules and %d edges, want more to compare", modules, edges)
	}
}

// likeModfile holds the edges that a module cache gives a binary's BOM against
// what package modfile reads of the same files.
func likeModfile(t testing.TB, file string, cache fs.FS) (count int) {
	t.Helper()
	bom := fromBinary(t, file)
	if err := (sbom.ModuleCache{FS: cache}).AddRequirements(bom); err != nil {
		t.Fatal(err)
	}
	valid(t, write(t, bom))
	refs := map[string]string{}
	for _, c := range *bom.Components {
		refs[c.Name] = c.BOMRef
	}
	delete(refs, "stdlib")
	want, got := map[string]bool{}, map[string]bool{}
	for _, c := range append([]cdx.Component{*bom.Metadata.Component}, *bom.Components...) {
		data, err := modcache.Cache{FS: cache}.GoMod(c.Name, c.Version)
		if err != nil {
			continue
		}
		f, err := modfile.ParseLax("go.mod", data, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range f.Require {
			if to := refs[r.Mod.Path]; to != "" && !r.Indirect {
				want[c.BOMRef+" "+to] = true
			}
		}
	}
	for _, d := range *bom.Dependencies {
		for _, on := range *d.Dependencies {
			if !strings.HasPrefix(on, "stdlib@") {
				got[d.Ref+" "+on] = true
			}
		}
	}
	if !maps.Equal(got, want) {
		t.Errorf("%s: edges %v, want %v", file, slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
	}
	return len(got)
}

// The edges from source are the imports between modules, as another reading of
// go list finds them, of our own command with all that it links.
func TestEdgesLikeGoList(t *testing.T) {
	root := testkit.Root(t)
	const main = "./examples/touchmark"
	environment := []string{"GOOS=linux", "GOARCH=amd64", "CGO_ENABLED=0"}
	module := map[string]string{}
	imports := map[string][]string{}
	for _, line := range strings.Split(goCommand(t, root, environment, "list", "-deps", "-f", "{{.ImportPath}}\t{{if .Standard}}stdlib{{else}}{{.Module.Path}}{{end}}\t{{join .Imports \" \"}}", main), "\n") {
		if f := strings.Split(line, "\t"); len(f) == 3 {
			module[f[0]], imports[f[0]] = f[1], strings.Fields(f[2])
		}
	}
	want := map[string]bool{}
	for path, list := range imports {
		for _, to := range list {
			if from, on := module[path], module[to]; from != on && from != "stdlib" {
				want[from+" "+on] = true
			}
		}
	}
	bom, err := gomod.Options{Env: environment}.FromSource(t.Context(), root, main)
	if err != nil {
		t.Fatal(err)
	}
	valid(t, write(t, bom))
	bare := func(ref string) string { path, _, _ := strings.Cut(ref, "@"); return path }
	got := map[string]bool{}
	for _, d := range *bom.Dependencies {
		for _, on := range *d.Dependencies {
			got[bare(d.Ref)+" "+bare(on)] = true
		}
	}
	if !maps.Equal(got, want) || len(got) < 20 {
		t.Errorf("edges %v, want %v", slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
	}
}
