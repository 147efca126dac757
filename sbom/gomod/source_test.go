package gomod_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	cdx "github.com/CycloneDX/cyclonedx-go"
	"golang.org/x/mod/sumdb/dirhash"

	"github.com/touchmark-go/touchmark/internal/gofacts/factstest"
	"github.com/touchmark-go/touchmark/sbom"
	"github.com/touchmark-go/touchmark/sbom/gomod"
)

func put(t testing.TB, dir, name, text string) {
	t.Helper()
	path := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

func fromSource(t testing.TB, o gomod.Options, dir, main string) *cdx.BOM {
	t.Helper()
	bom, err := o.FromSource(t.Context(), dir, main)
	if err != nil {
		t.Fatal(err)
	}
	valid(t, write(t, bom))
	return bom
}

func component(t testing.TB, bom *cdx.BOM, name string) cdx.Component {
	t.Helper()
	for _, c := range append([]cdx.Component{*bom.Metadata.Component}, *bom.Components...) {
		if c.Name == name {
			return c
		}
	}
	t.Fatalf("no component %s", name)
	return cdx.Component{}
}

func propertyOf(c cdx.Component, name string) string {
	if c.Properties != nil {
		for _, p := range *c.Properties {
			if p.Name == name {
				return p.Value
			}
		}
	}
	return ""
}

// What is embedded, and what C libraries are asked for, is known to be there
// and nothing more; and a folder in a module's place has the hash of its files.
func TestKnownUnknowns(t *testing.T) {
	p := factstest.New(t)
	put(t, p.Dir, "embed.go", "package main\n\nimport _ \"embed\"\n\n//go:embed data\nvar data []byte\n")
	put(t, p.Dir, "data", "anything")
	put(t, p.Dir, "lib/embed.go", "package lib\n\nimport \"embed\"\n\n//go:embed a b\nvar Data embed.FS\n")
	put(t, p.Dir, "lib/a", "1")
	put(t, p.Dir, "lib/b", "2")
	put(t, p.Dir, "lib/c.go", "package lib\n\n// #cgo LDFLAGS: -lssl -L/home/me/lib -lcrypto -lssl\nimport \"C\"\n")
	bom := fromSource(t, gomod.Options{Env: append(slices.Clip(env), "CGO_ENABLED=1")}, p.Dir, ".")
	lib := component(t, bom, "example.com/lib")
	if got := propertyOf(*bom.Metadata.Component, gomod.PropertyEmbedded); got != "1" {
		t.Errorf("the program embeds %q files, want 1", got)
	}
	if got := propertyOf(lib, gomod.PropertyEmbedded); got != "2" {
		t.Errorf("lib embeds %q files, want 2", got)
	}
	if got := propertyOf(lib, gomod.PropertyLibraries); got != "crypto,ssl" {
		t.Errorf("lib links %q, want crypto,ssl", got)
	}
	want, err := dirhash.HashDir(filepath.Join(p.Dir, "lib"), "", dirhash.Hash1)
	if err != nil {
		t.Fatal(err)
	}
	if got := propertyOf(lib, gomod.PropertyDirHash); got != want {
		t.Errorf("lib has the hash %q, want %q", got, want)
	}
	if lib.Version != "" || lib.PackageURL != "" || lib.Hashes != nil {
		t.Errorf("a folder has a version, a package URL or a file's hash: %+v", lib)
	}
	got := compositions(bom)
	for _, line := range []string{"incomplete: assemblies example.com/Acme/app", "unknown: assemblies example.com/lib"} {
		if !slices.Contains(got, line) {
			t.Errorf("compositions are\n%s\nwant %q among them", strings.Join(got, "\n"), line)
		}
	}
	for _, line := range got {
		if strings.HasPrefix(line, "complete: dependencies") && (strings.Contains(line, "example.com/lib") || strings.Contains(line, "stdlib")) {
			t.Errorf("what links C is said to be complete: %s", line)
		}
	}
	if strings.Contains(string(write(t, bom)), "/home/me") {
		t.Error("the document names a folder of who built it")
	}
}

// A link in the folder: then its files are not known, and it has no hash.
func TestFolderWithLinks(t *testing.T) {
	p := factstest.New(t)
	if err := os.Symlink(filepath.Join(p.Dir, "main.go"), filepath.Join(p.Dir, "lib", "link.txt")); err != nil {
		t.Skip("no symbolic links here")
	}
	bom := fromSource(t, gomod.Options{Env: env}, p.Dir, ".")
	if got := propertyOf(component(t, bom, "example.com/lib"), gomod.PropertyDirHash); got != "" {
		t.Errorf("a folder with a link in it has the hash %q", got)
	}
}

// A workspace compiles its own folders; they have no version and no sum.
func TestWorkspace(t *testing.T) {
	p := factstest.New(t)
	put(t, p.Dir, "other/go.mod", "module example.com/other\n\ngo 1.26.0\n")
	put(t, p.Dir, "other/other.go", "package other\n\nconst Name = \"other\"\n")
	put(t, p.Dir, "use/go.mod", "module example.com/use\n\ngo 1.26.0\n")
	put(t, p.Dir, "use/main.go", "package main\n\nimport \"example.com/other\"\n\nfunc main() { println(other.Name) }\n")
	put(t, p.Dir, "go.work", "go 1.26.0\n\nuse (\n\t./other\n\t./use\n)\n")
	o := gomod.Options{Env: append(slices.Clip(env), "GOWORK=", "GOFLAGS=")}
	bom := fromSource(t, o, filepath.Join(p.Dir, "use"), ".")
	if got, want := edges(bom), "example.com/use -> example.com/other stdlib\nexample.com/other ->\nstdlib ->"; got != want {
		t.Errorf("edges:\n%s\nwant:\n%s", got, want)
	}
	other := component(t, bom, "example.com/other")
	if other.Version != "" || propertyOf(other, sbom.PropertyH1) != "" || propertyOf(other, sbom.PropertyVersion) != "unknown" {
		t.Errorf("a module of the workspace is %+v", other)
	}
	if got := compositions(bom); !slices.Contains(got, "incomplete: assemblies example.com/use") {
		t.Errorf("a workspace's own module is said to be known: %q", got)
	}
}

// A vendored build has the same modules, and no sums: nobody checked them.
func TestVendored(t *testing.T) {
	p := factstest.New(t)
	cmd := exec.Command("go", "mod", "tidy", "-e")
	cmd.Dir, cmd.Env = p.Dir, factstest.Env("GOFLAGS=-mod=mod", "GOPROXY=off")
	cmd.Run() // as far as it comes without the network
	cmd = exec.Command("go", "mod", "vendor", "-e")
	cmd.Dir, cmd.Env = p.Dir, factstest.Env("GOPROXY=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Skipf("cannot vendor without the network: %v\n%s", err, out)
	}
	bom := fromSource(t, gomod.Options{Env: append(slices.Clip(env), "GOFLAGS=-mod=vendor")}, p.Dir, ".")
	c := component(t, bom, "github.com/package-url/packageurl-go")
	if c.Version == "" || propertyOf(c, sbom.PropertyH1) != "" || c.Hashes != nil {
		t.Errorf("a vendored module is %+v, want a version and no sum", c)
	}
	if got := compositions(bom); !slices.Contains(got, "incomplete: assemblies example.com/Acme/app") {
		t.Errorf("a vendored build is said to be known: %q", got)
	}
	if got := edges(bom); got != wantEdges {
		t.Errorf("edges:\n%s\nwant:\n%s", got, wantEdges)
	}
}

// The document says who made the list, with what, when in its life, and what
// its edges mean.
func TestMetadata(t *testing.T) {
	p := factstest.New(t)
	bom := fromSource(t, gomod.Options{Env: env, Publisher: sbom.Publisher{Supplier: &cdx.OrganizationalEntity{Name: "Acme"}}}, p.Dir, ".")
	m := bom.Metadata
	if m.Supplier.Name != "Acme" || (*m.Lifecycles)[0].Phase != cdx.LifecyclePhasePreBuild {
		t.Errorf("metadata is %+v", m)
	}
	tools := *m.Tools.Components
	if last := tools[len(tools)-1]; last.Name != "go" || !strings.HasPrefix(last.Version, "1.") {
		t.Errorf("the tools are %+v, want the go command among them", tools)
	}
	if got := propertyOf(cdx.Component{Properties: m.Properties}, sbom.PropertyEdges); got != "imports" {
		t.Errorf("the edges are said to mean %q", got)
	}
}
