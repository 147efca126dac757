package sbom

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/touchmark-go/touchmark/internal/gofacts"
	"github.com/touchmark-go/touchmark/provenance"
)

// ErrNotGo says that a file is no Go binary, or one without build info.
var ErrNotGo = gofacts.ErrNotGo

// FromBinary makes the BOM of a Go binary from what its linker wrote into it:
// see [Options.FromBinary].
func FromBinary(r io.ReaderAt) (*cdx.BOM, error) { return Options{}.FromBinary(r) }

// FromBinary makes the BOM of a Go binary (ELF, Mach-O or PE, stripped or not)
// from what its linker wrote into it. r is read to its end for the digest,
// unless o.Hashes has it, but never held whole. The error is [ErrNotGo] if
// there is nothing to read, and another one if the build info is malformed (a
// module twice, names that are not text) or r fails.
func (o Options) FromBinary(r io.ReaderAt) (*cdx.BOM, error) {
	facts, err := gofacts.Read(r)
	if err != nil {
		return nil, err
	}
	if _, ok := o.Hashes.Get(provenance.SHA256); !ok {
		h := sha256.New()
		if _, err := io.Copy(h, io.NewSectionReader(r, 0, math.MaxInt64)); err != nil {
			return nil, fmt.Errorf("could not read the binary: %w", err)
		}
		sum := provenance.DigestSet{provenance.SHA256: hex.EncodeToString(h.Sum(nil))}
		for name, hash := range o.Hashes {
			sum[name] = hash
		}
		o.Hashes = sum
	}
	return o.build(facts, cdx.LifecyclePhasePostBuild)
}

// FromBuildInfo makes the BOM of a program from its build info: see
// [Options.FromBuildInfo].
func FromBuildInfo(info *debug.BuildInfo) (*cdx.BOM, error) { return Options{}.FromBuildInfo(info) }

// FromBuildInfo makes the BOM of a program from its build info, for example its
// own ([debug.ReadBuildInfo]). Without o.Hashes the BOM is bound to no file, and
// [Statement] refuses it.
func (o Options) FromBuildInfo(info *debug.BuildInfo) (*cdx.BOM, error) {
	if info == nil {
		return nil, errors.New("build info is missing")
	}
	return o.build(gofacts.FromBuildInfo(info), cdx.LifecyclePhaseBuild)
}

// build makes the BOM of f.
func (o Options) build(f *gofacts.Facts, phase cdx.LifecyclePhase) (*cdx.BOM, error) {
	if err := o.Hashes.Validate(); err != nil {
		return nil, fmt.Errorf("hashes: %w", err)
	}
	main := mainComponent(f, o.Hashes)
	stdlib := stdlibComponent(f)
	// By name: the modules are in order, and only stdlib has to find its place.
	// (A component is large, and sorting them took longer than making them.)
	components := make([]cdx.Component, len(f.Modules)+1)
	at, _ := slices.BinarySearchFunc(f.Modules, stdlib.Name, func(m gofacts.Module, name string) int { return strings.Compare(m.Path, name) })
	components[at] = stdlib
	for i := range f.Modules {
		to := i
		if i >= at {
			to++
		}
		setModule(&components[to], &f.Modules[i])
	}

	bom := &cdx.BOM{
		// Not from NewBOM, which makes 1.7 documents.
		JSONSchema:  schemaOf(cdx.SpecVersion1_6),
		BOMFormat:   cdx.BOMFormat,
		SpecVersion: cdx.SpecVersion1_6,
		Version:     1,
		Metadata: &cdx.Metadata{
			Timestamp:  o.timestamp(f),
			Lifecycles: &[]cdx.Lifecycle{{Phase: phase}},
			Tools:      &cdx.ToolsChoice{Components: &[]cdx.Component{{Type: cdx.ComponentTypeLibrary, Name: toolName}}},
			Component:  &main,
		},
		Components: &components,
	}
	describeKnowledge(bom, f, main.BOMRef, stdlib.BOMRef)
	if err := setSerial(bom); err != nil {
		return nil, err
	}
	if err := checkRefs(bom); err != nil {
		return nil, err
	}
	return bom, nil
}

// toolName is how documents name what made them.
const toolName = "github.com/touchmark-go/touchmark/sbom"

// timestamp is the document's time, "" if it has none.
func (o Options) timestamp(f *gofacts.Facts) string {
	t := o.Time
	if t.IsZero() {
		stamped, err := time.Parse(time.RFC3339, f.Settings["vcs.time"])
		if err != nil {
			return ""
		}
		t = stamped
	}
	return t.UTC().Format(time.RFC3339)
}

// describeKnowledge writes the dependencies that a build info shows, and what
// is complete and what is not.
//
// Everybody depends on the standard library, and it on nobody; nothing more is
// known, unless there is nothing more. The modules are a complete list of what
// is in the program when the linker named them all with their sums and no C
// compiler added anything.
func describeKnowledge(bom *cdx.BOM, f *gofacts.Facts, main, stdlib string) {
	bom.Dependencies = &[]cdx.Dependency{
		{Ref: main, Dependencies: &[]string{stdlib}},
		{Ref: stdlib, Dependencies: &[]string{}},
	}
	parts := cdx.CompositionAggregateComplete
	known, pure := f.Main.Path != "", f.Settings["CGO_ENABLED"] == "0"
	switch {
	case !known:
		parts = cdx.CompositionAggregateUnknown
	case !pure || slices.ContainsFunc(f.Modules, func(m gofacts.Module) bool { return !strings.HasPrefix(m.Sum, "h1:") }):
		parts = cdx.CompositionAggregateIncomplete
	}
	compositions := []cdx.Composition{{Aggregate: parts, Assemblies: &[]cdx.BOMReference{cdx.BOMReference(main)}}}
	edges := func(aggregate cdx.CompositionAggregate, refs ...cdx.BOMReference) {
		if len(refs) > 0 {
			compositions = append(compositions, cdx.Composition{Aggregate: aggregate, Dependencies: &refs})
		}
	}
	var whole, part, unknown []cdx.BOMReference
	if known && pure && len(f.Modules) == 0 {
		whole = append(whole, cdx.BOMReference(main))
	} else {
		part = append(part, cdx.BOMReference(main))
	}
	if pure {
		whole = append(whole, cdx.BOMReference(stdlib))
	} else {
		part = append(part, cdx.BOMReference(stdlib))
	}
	for _, c := range *bom.Components {
		if c.BOMRef != stdlib {
			unknown = append(unknown, cdx.BOMReference(c.BOMRef))
		}
	}
	edges(cdx.CompositionAggregateComplete, whole...)
	edges(cdx.CompositionAggregateIncomplete, part...)
	edges(cdx.CompositionAggregateUnknown, unknown...)
	bom.Compositions = &compositions
}
