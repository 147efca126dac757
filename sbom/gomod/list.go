package gomod

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os/exec"
	"slices"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/touchmark-go/touchmark/internal/gofacts"
	"github.com/touchmark-go/touchmark/internal/goflags"
)

// A target is what the go command would build for.
type target struct{ env map[string]string }

func (o Options) target(ctx context.Context, dir string) (target, error) {
	names := append([]string{"GOVERSION", "GOEXPERIMENT", "GOFLAGS", "CGO_ENABLED"}, targetNames...)
	var t target
	err := run(o.command(ctx, dir, append([]string{"env", "-json"}, names...)...), func(r io.Reader) error {
		return json.NewDecoder(io.LimitReader(r, 1<<20)).Decode(&t.env)
	})
	return t, err
}

// toolchain is the version as the linker would write it.
func (t target) toolchain() string {
	if x := t.env["GOEXPERIMENT"]; x != "" && !strings.Contains(t.env["GOVERSION"], "X:") {
		return t.env["GOVERSION"] + " X:" + x
	}
	return t.env["GOVERSION"]
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
}

// load lists the packages that mainPackage is compiled from.
func (o Options) load(ctx context.Context, dir, mainPackage string, tags []string) (*graph, error) {
	cmd := o.command(ctx, dir, "list", "-deps", "-json="+gofacts.ListFields, "-tags="+strings.Join(tags, ","), "--", mainPackage)
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
	g := &graph{edges: map[string]map[string]bool{}, foreign: map[string]bool{}}
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
	compositions := []cdx.Composition{{Aggregate: parts, Assemblies: &[]cdx.BOMReference{cdx.BOMReference(ref[g.main.Path])}}}
	if len(whole) > 0 {
		compositions = append(compositions, cdx.Composition{Aggregate: cdx.CompositionAggregateComplete, Dependencies: &whole})
	}
	if len(part) > 0 {
		compositions = append(compositions, cdx.Composition{Aggregate: cdx.CompositionAggregateIncomplete, Dependencies: &part})
	}
	bom.Dependencies, bom.Compositions = &dependencies, &compositions
}
