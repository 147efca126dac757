package sbom

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
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

// FromBinary makes the BOM of a Go binary (ELF, Mach-O, PE or Wasm, stripped or
// not) from what its linker wrote into it. r is read to its end for the digests,
// unless o.Hashes has the sha256, but never held whole. The error is [ErrNotGo] if
// there is nothing to read, and another one if the build info is malformed (a
// module twice, names that are not text) or r fails.
func (o Options) FromBinary(r io.ReaderAt) (*cdx.BOM, error) {
	facts, err := gofacts.Read(r)
	if err != nil {
		return nil, err
	}
	if _, ok := o.Hashes.Get(provenance.SHA256); !ok {
		sum, err := digest(r)
		if err != nil {
			return nil, fmt.Errorf("could not read the binary: %w", err)
		}
		for name, hash := range o.Hashes {
			sum[name] = hash
		}
		o.Hashes = sum
	}
	return o.build(facts, cdx.LifecyclePhasePostBuild)
}

// digest reads r to its end, once. SHA-512 takes twice as long as SHA-256, so it goes
// through the pieces beside reading them and that. Four small pieces rather than two
// large ones: with two, one side is often asleep, and waking it takes time.
func digest(r io.ReaderAt) (provenance.DigestSet, error) {
	const ahead, size = 4, 64 << 10
	free, full := make(chan []byte, ahead), make(chan []byte, ahead)
	for range ahead {
		free <- nil // made when it is needed: most files of one piece need one
	}
	h256, h512 := sha256.New(), sha512.New()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for piece := range full {
			h512.Write(piece)
			free <- piece
		}
	}()
	err := func() error {
		defer func() { close(full); <-done }()
		for off := int64(0); ; {
			buf := <-free
			if buf == nil {
				buf = make([]byte, size)
			}
			n, err := r.ReadAt(buf[:size], off)
			h256.Write(buf[:n])
			full <- buf[:n] // there is room for all
			if off += int64(n); err != nil {
				return err
			}
		}
	}()
	if err != io.EOF {
		return nil, err
	}
	return provenance.DigestSet{
		provenance.SHA256: hex.EncodeToString(h256.Sum(nil)),
		provenance.SHA512: hex.EncodeToString(h512.Sum(nil)),
	}, nil
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
	if err := o.Publisher.check(); err != nil {
		return nil, err
	}
	main := mainComponent(f, o.Hashes)
	o.Publisher.component(&main, f.Settings["-buildmode"])
	stdlib := stdlibComponent(f)
	if sums := hashList(o.Publisher.GoRelease); len(sums) > 0 {
		stdlib.Hashes = &sums
		stdlib.Properties = &[]cdx.Property{{Name: PropertyHashes, Value: "archive"}}
	}
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
		components[to].Supplier = o.Publisher.supplierOf(f.Modules[i].Path)
		components[to].CPE = o.Publisher.cpeOf(f.Modules[i].Path, f.Modules[i].Version)
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
			Tools:      &cdx.ToolsChoice{Components: &[]cdx.Component{{Type: cdx.ComponentTypeLibrary, Name: toolName, Version: toolVersion()}}},
			Component:  &main,
		},
		Components: &components,
	}
	o.Publisher.metadata(bom.Metadata)
	describeKnowledge(bom, f, main.BOMRef, stdlib.BOMRef)
	if err := SetSerial(bom); err != nil {
		return nil, err
	}
	if err := checkRefs(bom); err != nil {
		return nil, err
	}
	return bom, nil
}

// toolName is how documents name what made them.
const toolName = "github.com/touchmark-go/touchmark/sbom"

// toolModule is the module that this package is in.
const toolModule = "github.com/touchmark-go/touchmark"

// toolVersion is the version of this module in the running program, "" if the
// program does not say: a build info is asked once, and does not change.
var toolVersion = sync.OnceValue(func() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	if info.Main.Path == toolModule {
		return strings.TrimSuffix(info.Main.Version, "(devel)")
	}
	for _, m := range info.Deps {
		if m.Path == toolModule && m.Replace == nil {
			return strings.TrimSuffix(m.Version, "(devel)")
		}
	}
	return ""
})

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
	var compositions []cdx.Composition
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
	compositions = append(compositions, cdx.Composition{Aggregate: parts, Assemblies: &[]cdx.BOMReference{cdx.BOMReference(main)}})
	bom.Compositions = &compositions
}
