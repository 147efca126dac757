package gomod

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"runtime/debug"
	"slices"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"
	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"

	"github.com/touchmark-go/touchmark/internal/gofacts"
	"github.com/touchmark-go/touchmark/internal/modcache"
	"github.com/touchmark-go/touchmark/sbom"
)

// PropertyList is a property of the metadata that says what the list is, where
// it is not what would be linked: "required" is what a go.mod file requires,
// for its tests and for every platform too.
const PropertyList = "touchmark:go:list"

// maxFile is how much of a go.mod or go.sum file is read, in bytes.
const maxFile = 16 << 20

// Files are what a module says of its requirements, without its source.
type Files struct {
	// GoMod and GoSum are the contents of the files; GoSum may be empty.
	GoMod, GoSum []byte
	// ModuleCache is the folder that GOMODCACHE names, or one laid out like it,
	// for the go.mod files of the requirements. If nil, versions are as GoMod has
	// them, and who requires whom is unknown.
	ModuleCache fs.FS
}

// FromFiles makes the BOM of the module that files describe: see
// [Options.FromFiles].
func FromFiles(files Files) (*cdx.BOM, error) { return Options{}.FromFiles(files) }

// FromFiles makes the BOM of the module that files describe, without the go
// command and without its source. It lists what the module requires, at the
// versions that minimal version selection gives (golang.org/ref/mod, "Minimal
// version selection", with "Module graph pruning"), and so more than what any
// program of it links: the document says [PropertyList] "required", and that
// the completeness of the program is unknown. The version of the standard library
// is unknown too, for no file names the toolchain that will be used.
//
// An edge means that the one's go.mod file requires the other directly, as with
// [sbom.ModuleCache.AddRequirements]. A go.mod file in the cache without the sum
// that GoSum has for it is an error. Of o only Time and Publisher count.
func (o Options) FromFiles(files Files) (*cdx.BOM, error) {
	if len(files.GoMod) > maxFile || len(files.GoSum) > maxFile {
		return nil, fmt.Errorf("go.mod has %d bytes and go.sum %d, at most %d are read", len(files.GoMod), len(files.GoSum), maxFile)
	}
	main, err := modfile.Parse("go.mod", files.GoMod, nil)
	if err != nil {
		return nil, err
	}
	if main.Module == nil {
		return nil, errors.New("go.mod names no module")
	}
	s := &selection{
		main:     main,
		cache:    modcache.Cache{FS: files.ModuleCache},
		sums:     parseSums(files.GoSum),
		files:    map[module.Version]*gofacts.ModFile{},
		version:  map[string]string{},
		replaced: map[module.Version]module.Version{},
		excluded: map[module.Version]bool{},
	}
	if err := s.load(); err != nil {
		return nil, err
	}
	if o.Publisher.Lifecycle == "" {
		o.Publisher.Lifecycle = cdx.LifecyclePhasePreBuild
	}
	bom, err := sbom.Options{Time: o.Time, Publisher: o.Publisher}.FromBuildInfo(s.buildInfo())
	if err != nil {
		return nil, err
	}
	s.describe(bom)
	return bom, sbom.SetSerial(bom)
}

// parseSums are the sums of a go.sum file by "PATH VERSION", the first of each;
// that of a go.mod file by "PATH VERSION/go.mod". Malformed lines say nothing.
func parseSums(data []byte) map[string]string {
	sums := make(map[string]string, bytes.Count(data, []byte("\n")))
	for text := string(data); text != ""; {
		line, rest, _ := strings.Cut(text, "\n")
		text = rest
		line = strings.TrimSuffix(line, "\r")
		i := strings.LastIndexByte(line, ' ')
		if i < 0 || strings.Count(line, " ") != 2 || !strings.HasPrefix(line[i+1:], "h1:") {
			continue
		}
		if _, ok := sums[line[:i]]; !ok {
			sums[line[:i]] = line[i+1:]
		}
	}
	return sums
}

// buildInfo is what a linker would write if it linked everything.
func (s *selection) buildInfo() *debug.BuildInfo {
	info := &debug.BuildInfo{Path: s.main.Module.Mod.Path, Main: debug.Module{Path: s.main.Module.Mod.Path}}
	for _, path := range s.list() {
		m := module.Version{Path: path, Version: s.version[path]}
		d := &debug.Module{Path: m.Path, Version: m.Version}
		if by, ok := s.replacement(m); !ok {
			d.Sum = s.sums[m.Path+" "+m.Version]
		} else {
			d.Replace = &debug.Module{Path: by.Path, Version: by.Version}
			if by.Version != "" {
				d.Replace.Sum = s.sums[by.Path+" "+by.Version]
			}
		}
		info.Deps = append(info.Deps, d)
	}
	return info
}

// describe writes who requires whom, and how little that says.
func (s *selection) describe(bom *cdx.BOM) {
	// A folder in a module's place and a replacement go by other names than
	// requirements do.
	refs := make(map[string]string, len(*bom.Components))
	paths := s.list()
	byName := make(map[string]string, len(*bom.Components))
	for i := range *bom.Components {
		c := &(*bom.Components)[i]
		byName[c.Name] = c.BOMRef
	}
	for _, path := range paths {
		name := path
		if by, ok := s.replacement(module.Version{Path: path, Version: s.version[path]}); ok && by.Version != "" {
			name = by.Path
		}
		refs[path] = byName[name]
	}
	main, stdlib := bom.Metadata.Component.BOMRef, byName["stdlib"]
	edges := func(from string, requires []gofacts.Require) *[]string {
		on := []string{}
		for _, r := range requires {
			if ref := refs[r.Path]; ref != "" && !r.Indirect && ref != from {
				on = append(on, ref)
			}
		}
		slices.Sort(on)
		on = slices.Compact(on)
		return &on
	}
	own := make([]gofacts.Require, 0, len(s.main.Require))
	for _, r := range s.main.Require {
		own = append(own, gofacts.Require{Path: r.Mod.Path, Version: r.Mod.Version, Indirect: r.Indirect})
	}
	first := edges(main, own)
	*first = append(*first, stdlib)
	slices.Sort(*first)
	dependencies := []cdx.Dependency{{Ref: main, Dependencies: first}, {Ref: stdlib, Dependencies: &[]string{}}}
	part := []cdx.BOMReference{cdx.BOMReference(main), cdx.BOMReference(stdlib)}
	var unknown []cdx.BOMReference
	seen := map[string]bool{"": true}
	for _, path := range paths {
		ref := refs[path]
		if seen[ref] {
			continue
		}
		seen[ref] = true
		file, ok := s.files[module.Version{Path: path, Version: s.version[path]}]
		if !ok || file == nil {
			unknown = append(unknown, cdx.BOMReference(ref))
			continue
		}
		dependencies = append(dependencies, cdx.Dependency{Ref: ref, Dependencies: edges(ref, file.Require)})
		part = append(part, cdx.BOMReference(ref))
	}
	slices.Sort(part)
	slices.Sort(unknown)
	compositions := []cdx.Composition{{Aggregate: cdx.CompositionAggregateIncomplete, Dependencies: &part}}
	if len(unknown) > 0 {
		compositions = append(compositions, cdx.Composition{Aggregate: cdx.CompositionAggregateUnknown, Dependencies: &unknown})
	}
	compositions = append(compositions, cdx.Composition{Aggregate: cdx.CompositionAggregateUnknown, Assemblies: &[]cdx.BOMReference{cdx.BOMReference(main)}})
	bom.Dependencies, bom.Compositions = &dependencies, &compositions
	bom.Metadata.Properties = &[]cdx.Property{{Name: sbom.PropertyEdges, Value: "requires"}, {Name: PropertyList, Value: "required"}}
}
