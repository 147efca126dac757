// Package gomod makes the BOM of a Go main package from its source, and tells
// the BOM of a binary who imports whom. It runs the go command, but for
// [FromFiles], which reads go.mod and go.sum and nothing else.
//
//	bom, err := gomod.FromSource(ctx, ".", "./cmd/app")       // before there is a binary
//
//	bom, err := sbom.FromBinary(file)                         // the better list: what was linked
//	err = gomod.AddEdges(ctx, ".", bom)                       // and now with its edges
//
//	bom, err := gomod.FromFiles(gomod.Files{GoMod: mod, GoSum: sum}) // what is required, which is more
//
// An edge from one module to another means that a package which is compiled in
// imports one of the other's. That is read from go list -deps, run for the same
// platform and tags. The road not taken is go mod graph: it says who asked for
// which version, also of what is never compiled, and loses the way from the
// program to a module whose only requirer is not linked.
package gomod

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/touchmark-go/touchmark/internal/gofacts"
	"github.com/touchmark-go/touchmark/sbom"
)

// Options tune what is listed. The zero Options are what [FromSource] and
// [AddEdges] use.
type Options struct {
	// Env are settings for the go command, "GOOS=windows", on top of the
	// environment of this process, which the go command always sees.
	Env []string
	// Tags are the build tags of [Options.FromSource]. If empty, those in GOFLAGS
	// count. [Options.AddEdges] takes the BOM's.
	Tags []string
	// Time is the document's timestamp. If zero, it has none.
	Time time.Time
	// Publisher is what the publisher says of the program and the document.
	Publisher sbom.Publisher
}

// The properties that this package writes of what source can tell and a binary
// cannot. All are of components.
const (
	// PropertyEmbedded is how many files are embedded into a module's packages.
	// What is inside these is in no list.
	PropertyEmbedded = "touchmark:go:embedded"
	// PropertyLibraries are what a module's #cgo lines ask the C linker for, with
	// commas between them. What they are, and in which version, is unknown.
	PropertyLibraries = "touchmark:go:cgo.libraries"
	// PropertyDirHash is the hash of the folder that was compiled in a module's
	// place, over all files but those in a .git folder, as go.sum spells such a
	// hash, with names relative to the folder.
	PropertyDirHash = "touchmark:go:dirhash"
)

// FromSource makes the BOM of mainPackage in the module at dir: see
// [Options.FromSource].
func FromSource(ctx context.Context, dir, mainPackage string) (*cdx.BOM, error) {
	return Options{}.FromSource(ctx, dir, mainPackage)
}

// FromSource makes the BOM of mainPackage ("." or "./cmd/app") in the module at
// dir, with the edges between its modules: what a go build there would link
// now. Modules that only tests need are not in it. It is bound to no artifact,
// so [sbom.Statement] refuses it, and the version of the main module is
// unknown, because only a build stamps it.
//
// The go command may fetch modules that are missing, as it would in a build.
func (o Options) FromSource(ctx context.Context, dir, mainPackage string) (*cdx.BOM, error) {
	// The go command starts twice, side by side: what it would build for, and what
	// it would compile.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var t target
	asked := make(chan error, 1)
	go func() {
		var err error
		t, err = o.target(ctx, dir)
		asked <- err
	}()
	var args []string
	if len(o.Tags) > 0 {
		args = []string{"-tags=" + strings.Join(o.Tags, ",")}
	}
	g, err := o.load(ctx, dir, mainPackage, args...)
	if err != nil {
		cancel()
		<-asked
		return nil, err
	}
	if err := <-asked; err != nil {
		return nil, err
	}
	tags := o.Tags
	if len(tags) == 0 {
		if tags, err = t.tags(); err != nil {
			return nil, err
		}
	}
	if o.Publisher.Lifecycle == "" {
		o.Publisher.Lifecycle = cdx.LifecyclePhasePreBuild
	}
	bom, err := sbom.Options{Time: o.Time, Publisher: o.Publisher}.FromBuildInfo(g.buildInfo(t, tags))
	if err != nil {
		return nil, err
	}
	tools := bom.Metadata.Tools.Components
	*tools = append(*tools, cdx.Component{Type: cdx.ComponentTypeApplication, Name: "go", Version: strings.TrimPrefix(t.toolchain(), "go")})
	g.describe(bom)
	return bom, sbom.SetSerial(bom)
}

// AddEdges adds the dependencies between the modules in the BOM of a binary,
// from the source at dir: see [Options.AddEdges].
func AddEdges(ctx context.Context, dir string, bom *cdx.BOM) error {
	return Options{}.AddEdges(ctx, dir, bom)
}

// AddEdges adds the dependencies between the modules in the BOM of a binary
// ([sbom.FromBinary]), from the source that it was built from, at dir. It lists
// for the platform, tags and main package that the BOM names. If the same
// toolchain would not link exactly the same modules there, with the same
// versions and sums, it is an error and bom is as it was; that it is the very
// same commit is for the caller to know. A document about an artifact that says
// more than an earlier one has a higher version (CycloneDX 1.6, version), so
// bom's goes up by one.
func (o Options) AddEdges(ctx context.Context, dir string, bom *cdx.BOM) error {
	if bom == nil || bom.Metadata == nil || bom.Metadata.Component == nil || bom.Components == nil {
		return errors.New("the BOM has no components, want one of a Go binary")
	}
	main := *bom.Metadata.Component
	mainPackage := property(main, sbom.PropertyPackage)
	if mainPackage == "" || mainPackage == "command-line-arguments" {
		return fmt.Errorf("the BOM has the main package %q, want an import path", mainPackage)
	}
	for _, name := range []string{sbom.PropertyGOOS, sbom.PropertyGOARCH, sbom.PropertyCGO} {
		if property(main, name) == "" {
			return fmt.Errorf("the BOM has no property %s, so what to list is unknown", name)
		}
	}
	o.Env = append(slices.Clip(o.Env), settings(main)...)
	var tags []string
	if text := property(main, sbom.PropertyTags); text != "" {
		tags = strings.Split(text, ",")
	}
	t, err := o.target(ctx, dir)
	if err != nil {
		return err
	}
	if got := property(main, sbom.PropertyToolchain); got != t.toolchain() {
		return fmt.Errorf("the toolchain at hand is %q, and the binary was built by %q", t.toolchain(), got)
	}
	g, err := o.load(ctx, dir, mainPackage, "-tags="+strings.Join(tags, ","))
	if err != nil {
		return err
	}
	if err := g.matches(bom); err != nil {
		return err
	}
	g.describe(bom)
	bom.Version++
	return nil
}

// property is the value of a component's property, "" if it has none.
func property(c cdx.Component, name string) string {
	if c.Properties != nil {
		for _, p := range *c.Properties {
			if p.Name == name {
				return p.Value
			}
		}
	}
	return ""
}

// settings are the environment that main was built in, as far as it decides
// which files are compiled.
func settings(main cdx.Component) []string {
	env := []string{"CGO_ENABLED=" + property(main, sbom.PropertyCGO)}
	for _, name := range targetNames {
		if value := property(main, "touchmark:go:"+strings.ToLower(name)); value != "" {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// targetNames are the settings by which Go files are chosen. It is never written to.
var targetNames = []string{"GOOS", "GOARCH", "GO386", "GOAMD64", "GOARM", "GOARM64", "GOMIPS", "GOMIPS64", "GOPPC64", "GORISCV64", "GOWASM", "GOEXPERIMENT", "GOFIPS140"}

// matches reports the first difference between what the source would link and
// what bom says was linked.
func (g *graph) matches(bom *cdx.BOM) error {
	linked := make(map[string]cdx.Component, len(*bom.Components))
	for _, c := range *bom.Components {
		linked[c.Name] = c
	}
	if name := bom.Metadata.Component.Name; name != g.main.Path {
		return fmt.Errorf("the source is of the module %q, and the binary of %q", g.main.Path, name)
	}
	for _, m := range g.modules {
		c, ok := linked[m.Path]
		if !ok {
			return fmt.Errorf("the source would link %s %s, and the binary does not have it", m.Path, m.Version)
		}
		if sum := property(c, sbom.PropertyH1); c.Version != m.Version || m.Sum != "" && sum != m.Sum {
			return fmt.Errorf("the source would link %s %s %s, and the binary has %s %s", m.Path, m.Version, m.Sum, c.Version, sum)
		}
		delete(linked, m.Path)
	}
	delete(linked, gofacts.Stdlib)
	for _, c := range *bom.Components {
		if _, ok := linked[c.Name]; ok {
			return fmt.Errorf("the binary has %s %s, and the source would not link it", c.Name, c.Version)
		}
	}
	return nil
}

// command is the go command in dir.
func (o Options) command(ctx context.Context, dir string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = dir
	cmd.Env = append(cmd.Environ(), o.Env...)
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

// buildInfo is what the linker would write.
func (g *graph) buildInfo(t target, tags []string) *debug.BuildInfo {
	info := &debug.BuildInfo{GoVersion: t.toolchain(), Path: g.path, Main: debug.Module{Path: g.main.Path}}
	for _, m := range g.modules {
		d := &debug.Module{Path: m.Path, Version: m.Version, Sum: m.Sum}
		if r := m.Replaces; r != nil {
			by := *d
			if m.Dir != "" {
				by = debug.Module{Path: m.Dir}
			}
			d = &debug.Module{Path: r.Path, Version: r.Version, Sum: r.Sum, Replace: &by}
		}
		info.Deps = append(info.Deps, d)
	}
	for _, name := range append([]string{"CGO_ENABLED"}, targetNames...) {
		if value := t.env[name]; value != "" {
			info.Settings = append(info.Settings, debug.BuildSetting{Key: name, Value: value})
		}
	}
	if tag := gofacts.FIPSTag(t.env["GOFIPS140"]); tag != "" {
		tags = append(slices.Clip(tags), tag)
	}
	if len(tags) > 0 {
		info.Settings = append(info.Settings, debug.BuildSetting{Key: "-tags", Value: strings.Join(tags, ",")})
	}
	return info
}
