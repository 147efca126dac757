package gomod

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"go/version"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"
	"golang.org/x/mod/sumdb/dirhash"

	"github.com/touchmark-go/touchmark/internal/gofacts"
	"github.com/touchmark-go/touchmark/internal/goflags"
	"github.com/touchmark-go/touchmark/internal/safefs"
	"github.com/touchmark-go/touchmark/sbom"
)

// A target is what the go command would build for.
type target struct {
	env         map[string]string
	experiments string // that the toolchain does not have on anyway: "jsonv2,noswissmap"
}

func (o Options) target(ctx context.Context, dir string) (target, error) {
	names := append([]string{"GOVERSION", "GOROOT", "GOFLAGS", "CGO_ENABLED"}, targetNames...)
	var t target
	err := run(o.command(ctx, dir, append([]string{"env", "-json"}, names...)...), func(r io.Reader) error {
		return json.NewDecoder(io.LimitReader(r, 1<<20)).Decode(&t.env)
	})
	if err != nil {
		return t, err
	}
	t.env["GOFIPS140"] = fipsModule(t.env["GOROOT"], t.env["GOFIPS140"])
	if t.env["GOEXPERIMENT"] == "" {
		return t, nil
	}
	err = run(o.command(ctx, dir, "tool", "compile", "-V"), func(r io.Reader) error {
		said, err := io.ReadAll(io.LimitReader(r, 1<<12))
		_, t.experiments, _ = strings.Cut(strings.TrimSpace(string(said)), " X:")
		return err
	})
	return t, err
}

// fipsModule is what GOFIPS140 stands for in build info: nothing if it is off,
// and of an alias the version that the toolchain has for it.
func fipsModule(goroot, name string) string {
	if name == "off" {
		return ""
	}
	aliases, err := os.OpenRoot(filepath.Join(goroot, "lib", "fips140"))
	if err != nil {
		return name // a toolchain that has none
	}
	defer aliases.Close()
	if data, err := aliases.ReadFile(name + ".txt"); err == nil {
		return strings.TrimSpace(string(data))
	}
	return name
}

// toolchain is the version as the linker would write it. Since Go 1.26 it
// writes a space only where there is a "-" already.
func (t target) toolchain() string {
	v := t.env["GOVERSION"]
	switch {
	case t.experiments == "":
		return v
	case strings.Contains(v, "-") || version.Compare(v, "go1.26") < 0:
		return v + " X:" + t.experiments
	}
	return v + "-X:" + t.experiments
}

// tags are those in GOFLAGS; the last -tags counts.
func (t target) tags() ([]string, error) {
	flags, err := goflags.Split(t.env["GOFLAGS"])
	if err != nil {
		return nil, fmt.Errorf("GOFLAGS: %w", err)
	}
	var tags []string
	for _, flag := range flags {
		name, list, ok := strings.Cut(strings.TrimPrefix(flag, "-"), "=")
		if ok && (name == "tags" || name == "-tags") {
			tags = strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' })
		}
	}
	return tags, nil
}

// A graph is what one program is compiled from, module by module. Modules go
// by their exact paths, the standard library by [gofacts.Stdlib].
type graph struct {
	path    string           // of the main package
	main    gofacts.Module   // the module it is in
	modules []gofacts.Module // the others, by path
	edges   map[string]map[string]bool
	foreign map[string]bool // modules that link what is in no list
	// By module, what else there is to say.
	embedded  map[string]int
	libraries map[string][]string
	folders   map[string]string // the source of modules that a folder stands in for
}

// load lists the packages that mainPackage is compiled from.
func (o Options) load(ctx context.Context, dir, mainPackage string, args ...string) (*graph, error) {
	args = append([]string{"list", "-deps", "-json=" + gofacts.ListLibraryFields}, args...)
	cmd := o.command(ctx, dir, append(args, "--", mainPackage)...)
	var packages []gofacts.Package
	err := run(cmd, func(r io.Reader) (err error) {
		packages, err = gofacts.ParseList(r)
		return err
	})
	if err != nil {
		return nil, err
	}
	return newGraph(packages)
}

// run runs cmd and lets read see its output. The error of the command is the
// end of what it wrote for people.
func run(cmd *exec.Cmd, read func(io.Reader) error) error {
	var said tail
	cmd.Stderr = &said
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	readErr := read(out)
	if readErr != nil {
		cmd.Process.Kill() // it may have more to say than is read; Wait reports
	}
	err = cmd.Wait()
	if readErr != nil && (err == nil || said.b == nil) {
		return fmt.Errorf("go %s: %w", cmd.Args[1], readErr)
	}
	if err != nil {
		return fmt.Errorf("go %s: %w: %s", cmd.Args[1], err, bytes.TrimSpace(said.b))
	}
	return nil
}

// tail keeps the end of what is written to it.
type tail struct{ b []byte }

func (t *tail) Write(p []byte) (int, error) {
	const most = 4 << 10
	t.b = append(t.b, p...)
	if len(t.b) > most {
		t.b = append([]byte(nil), t.b[len(t.b)-most:]...)
	}
	return len(p), nil
}

func newGraph(packages []gofacts.Package) (*graph, error) {
	g := &graph{
		edges: map[string]map[string]bool{}, foreign: map[string]bool{},
		embedded: map[string]int{}, libraries: map[string][]string{}, folders: map[string]string{},
	}
	owner := make(map[string]string, len(packages)) // import path to module
	modules := map[string]gofacts.Module{}
	for _, p := range packages {
		if p.Error != "" {
			return nil, fmt.Errorf("package %q cannot be compiled: %s", p.ImportPath, p.Error)
		}
		switch {
		case p.Standard:
			owner[p.ImportPath] = gofacts.Stdlib
		case p.Module == nil:
			return nil, fmt.Errorf("package %q is in no module", p.ImportPath)
		default:
			owner[p.ImportPath] = p.Module.Path
			modules[p.Module.Path] = *p.Module
			if p.Module.Dir != "" {
				g.folders[p.Module.Path] = p.ModuleDir
			}
		}
		if p.DepOnly {
			continue
		}
		if g.path != "" {
			return nil, fmt.Errorf("both %q and %q are named, want one main package", g.path, p.ImportPath)
		}
		if p.Name != "main" || p.Module == nil {
			return nil, fmt.Errorf("package %q is named %q, want a main package in a module", p.ImportPath, p.Name)
		}
		g.path, g.main = p.ImportPath, *p.Module
	}
	if g.path == "" {
		return nil, fmt.Errorf("go list named no package, want one main package")
	}
	delete(modules, g.main.Path)
	g.modules = slices.SortedFunc(maps.Values(modules), func(a, b gofacts.Module) int { return cmp.Compare(a.Path, b.Path) })
	return g, g.connect(packages, owner)
}

// connect makes the edges: a package that imports another's.
func (g *graph) connect(packages []gofacts.Package, owner map[string]string) error {
	g.edges[g.main.Path] = map[string]bool{gofacts.Stdlib: true} // the runtime, which nobody needs to import
	for _, p := range packages {
		from := owner[p.ImportPath]
		if g.edges[from] == nil {
			g.edges[from] = map[string]bool{}
		}
		if p.Foreign {
			g.foreign[from] = true
		}
		if !p.Standard {
			g.embedded[from] += len(p.EmbedFiles)
		}
		g.libraries[from] = append(g.libraries[from], p.Libraries...)
		for _, path := range p.Imports {
			if path == "C" {
				continue
			}
			to, ok := owner[path]
			if !ok {
				return fmt.Errorf("package %q imports %q, and go list does not know it", p.ImportPath, path)
			}
			if to != from {
				g.edges[from][to] = true
			}
		}
	}
	return nil
}

// describe writes the edges into bom, whose components are exactly g's modules,
// and what is complete: the dependencies of all that is only Go and assembly.
func (g *graph) describe(bom *cdx.BOM) {
	ref := map[string]string{g.main.Path: bom.Metadata.Component.BOMRef}
	for _, c := range *bom.Components {
		ref[c.Name] = c.BOMRef
	}
	var dependencies []cdx.Dependency
	var whole, part []cdx.BOMReference
	paths := slices.DeleteFunc(slices.Sorted(maps.Keys(ref)), func(path string) bool { return path == g.main.Path })
	for _, path := range append([]string{g.main.Path}, paths...) { // the program first, as people read it
		on := []string{}
		for to := range g.edges[path] {
			on = append(on, ref[to])
		}
		slices.Sort(on)
		dependencies = append(dependencies, cdx.Dependency{Ref: ref[path], Dependencies: &on})
		if g.foreign[path] {
			part = append(part, cdx.BOMReference(ref[path]))
		} else {
			whole = append(whole, cdx.BOMReference(ref[path]))
		}
	}
	parts := cdx.CompositionAggregateComplete
	if len(g.foreign) > 0 || slices.ContainsFunc(g.modules, func(m gofacts.Module) bool { return m.Sum == "" }) {
		parts = cdx.CompositionAggregateIncomplete
	}
	var compositions []cdx.Composition
	if len(whole) > 0 {
		compositions = append(compositions, cdx.Composition{Aggregate: cdx.CompositionAggregateComplete, Dependencies: &whole})
	}
	if len(part) > 0 {
		compositions = append(compositions, cdx.Composition{Aggregate: cdx.CompositionAggregateIncomplete, Dependencies: &part})
	}
	compositions = append(compositions, g.assemblies(bom, parts)...)
	bom.Dependencies, bom.Compositions = &dependencies, &compositions
	g.annotate(bom)
}

// assemblies say how much is known of what is inside the program, and inside
// the modules that embed files.
func (g *graph) assemblies(bom *cdx.BOM, parts cdx.CompositionAggregate) []cdx.Composition {
	main := cdx.BOMReference(bom.Metadata.Component.BOMRef)
	var opaque []cdx.BOMReference
	for _, c := range *bom.Components {
		if g.embedded[c.Name] > 0 {
			opaque = append(opaque, cdx.BOMReference(c.BOMRef))
		}
	}
	if g.embedded[g.main.Path] > 0 {
		parts = cdx.CompositionAggregateIncomplete
	}
	list := []cdx.Composition{{Aggregate: parts, Assemblies: &[]cdx.BOMReference{main}}}
	if len(opaque) > 0 {
		list = append(list, cdx.Composition{Aggregate: cdx.CompositionAggregateUnknown, Assemblies: &opaque})
	}
	return list
}

// annotate writes into the components what else the source tells.
func (g *graph) annotate(bom *cdx.BOM) {
	note := func(c *cdx.Component, name, value string) {
		var properties []cdx.Property
		if c.Properties != nil {
			properties = slices.DeleteFunc(slices.Clone(*c.Properties), func(p cdx.Property) bool { return p.Name == name })
		}
		properties = append(properties, cdx.Property{Name: name, Value: value})
		c.Properties = &properties
	}
	// What folder a binary was compiled from is for the binary to say.
	bound := bom.Metadata.Component.Hashes != nil
	describe := func(c *cdx.Component, module string) {
		if n := g.embedded[module]; n > 0 {
			note(c, PropertyEmbedded, strconv.Itoa(n))
		}
		if names := g.libraries[module]; len(names) > 0 {
			slices.Sort(names)
			note(c, PropertyLibraries, strings.Join(slices.Compact(names), ","))
		}
		if sum, err := hashFolder(g.folders[module]); err == nil && sum != "" && !bound {
			note(c, PropertyDirHash, sum)
		}
	}
	describe(bom.Metadata.Component, g.main.Path)
	for i := range *bom.Components {
		c := &(*bom.Components)[i]
		describe(c, c.Name)
	}
	metadata := cdx.Component{Properties: bom.Metadata.Properties}
	note(&metadata, sbom.PropertyEdges, "imports")
	bom.Metadata.Properties = metadata.Properties
}

// hashFolder is the Hash1 of the files in a folder, "" of no folder. It is an
// error if there are links or too many files: then the folder has no hash.
func hashFolder(dir string) (string, error) {
	if dir == "" {
		return "", nil
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return "", err
	}
	defer root.Close()
	files, err := safefs.Files(root)
	if err != nil {
		return "", err
	}
	files = slices.DeleteFunc(files, func(name string) bool { return name == ".git" || strings.HasPrefix(name, ".git/") })
	return dirhash.Hash1(files, func(name string) (io.ReadCloser, error) { return safefs.OpenIn(root, name) })
}
