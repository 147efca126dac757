package sbom

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/touchmark-go/touchmark/internal/diskcache"
	"github.com/touchmark-go/touchmark/internal/gofacts"
	"github.com/touchmark-go/touchmark/internal/modcache"
	"github.com/touchmark-go/touchmark/provenance"
)

// A ModuleCache is a Go module cache that is at hand. What it adds to a BOM, it
// adds before the document goes out: the version of the document stays.
//
//	modules := sbom.ModuleCache{FS: os.DirFS(goModCache)} // go env GOMODCACHE
//	err := modules.AddDigests(ctx, bom)
//	err = modules.AddRequirements(bom)
type ModuleCache struct {
	// FS is the folder that GOMODCACHE names, or one laid out like it. If nil,
	// nothing is at hand and nothing is added.
	FS fs.FS
	// Answers is a folder, made if it is missing, where the digests of zips are
	// kept between runs by the module's sum, at most 8,192 of them. An entry
	// counts while the zip has the same size and time of change. If empty, each zip
	// is read each time.
	Answers string
}

// AddDigests adds to each module in bom the SHA-256 and the SHA-512 of its zip,
// where the cache has one, and the repository it came from, where the cache says.
// A zip counts only when its files have the sum in [PropertyH1]; a component
// without that has no digest. A zip with another sum is an error, for either the
// cache or the list is not what it seems, and bom is as it was.
func (m ModuleCache) AddDigests(ctx context.Context, bom *cdx.BOM) error {
	if m.FS == nil || bom == nil || bom.Components == nil {
		return nil
	}
	answers, err := diskcache.Open(m.Answers)
	if err != nil {
		return err
	}
	defer answers.Close()

	components := *bom.Components
	found := make([]zipFacts, len(components))
	errs := make([]error, len(components))
	var wait sync.WaitGroup
	work := make(chan int)
	for range min(runtime.GOMAXPROCS(0), 8) {
		wait.Go(func() {
			for i := range work {
				found[i], errs[i] = m.zip(ctx, answers, &components[i])
			}
		})
	}
	for i := range components {
		work <- i
	}
	close(work)
	wait.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	for i, f := range found {
		f.describe(&components[i])
	}
	return refreshSerial(bom)
}

// refreshSerial gives a document that is bound to no artifact the serial number
// of its new content.
func refreshSerial(bom *cdx.BOM) error {
	if bom.SerialNumber == "" || len(artifactDigests(bom)) > 0 {
		return nil
	}
	return SetSerial(bom)
}

// zipFacts are what the cache says of one module.
type zipFacts struct {
	digests provenance.DigestSet
	origin  modcache.Origin
}

// zip looks a component up in the cache.
func (m ModuleCache) zip(ctx context.Context, answers *diskcache.Cache, c *cdx.Component) (zipFacts, error) {
	sum, ok := moduleSum(c)
	if !ok {
		return zipFacts{}, nil
	}
	cache := modcache.Cache{FS: m.FS}
	var facts zipFacts
	facts.origin, _ = cache.Origin(c.Name, c.Version)
	z, err := cache.Zip(c.Name, c.Version)
	if errors.Is(err, fs.ErrNotExist) {
		return facts, nil
	}
	if err != nil {
		return zipFacts{}, fmt.Errorf("module cache: %s %s: %w", c.Name, c.Version, err)
	}
	defer z.Close()
	key := strings.Join([]string{"zip/1", c.Name, c.Version, sum, strconv.FormatInt(z.Size, 10), strconv.FormatInt(z.Modified.UnixNano(), 10)}, "\n")
	if value, ok := answers.Get(key); ok {
		if h256, h512, ok := strings.Cut(string(value), " "); ok {
			kept := provenance.DigestSet{provenance.SHA256: h256, provenance.SHA512: h512}
			if kept.Validate() == nil {
				facts.digests = kept
				return facts, nil
			}
		}
	}
	got, err := z.Sum(ctx)
	if err != nil {
		return zipFacts{}, fmt.Errorf("module cache: zip of %s %s: %w", c.Name, c.Version, err)
	}
	if got != sum {
		return zipFacts{}, fmt.Errorf("module cache: zip of %s %s has the sum %s, want %s", c.Name, c.Version, got, sum)
	}
	if facts.digests, err = z.Digests(ctx); err != nil {
		return zipFacts{}, fmt.Errorf("module cache: zip of %s %s: %w", c.Name, c.Version, err)
	}
	answers.Put(key, []byte(facts.digests[provenance.SHA256]+" "+facts.digests[provenance.SHA512])) // or next time again
	return facts, nil
}

// moduleSum is the sum of a component that is a Go module, as it was compiled.
func moduleSum(c *cdx.Component) (string, bool) {
	if c.Properties == nil || c.Version == "" || !strings.HasPrefix(c.PackageURL, "pkg:golang/") {
		return "", false
	}
	for _, p := range *c.Properties {
		if p.Name == PropertyH1 {
			return p.Value, strings.HasPrefix(p.Value, "h1:")
		}
	}
	return "", false
}

// describe writes f into a component.
func (f zipFacts) describe(c *cdx.Component) {
	if list := hashList(f.digests); len(list) > 0 {
		c.Hashes = &list
	}
	if f.origin.URL == "" {
		return
	}
	reference := cdx.ExternalReference{Type: cdx.ERTypeVCS, URL: f.origin.URL, Comment: "recorded when the module was fetched"}
	references := []cdx.ExternalReference{reference}
	if c.ExternalReferences != nil {
		for _, r := range *c.ExternalReferences {
			if r.Type != cdx.ERTypeVCS || r.Comment != derivedComment {
				references = append(references, r)
			}
		}
	}
	c.ExternalReferences = &references
}

// AddRequirements adds the dependencies that the go.mod files in the cache
// name: an edge from one module in bom to another means that the one's file
// requires the other directly, in whatever version. It is for a BOM whose
// dependencies are unknown, and leaves the entries that are there.
//
// That is less than who imports whom, which package gomod finds from source: a
// module may require what only its tests need, and need not name what others
// name for it. So the dependencies of each module that has a go.mod file are
// said to be incomplete, and those of the others stay unknown. A module in
// whose place a folder was compiled has none.
func (m ModuleCache) AddRequirements(bom *cdx.BOM) error {
	if m.FS == nil || bom == nil || bom.Components == nil || bom.Dependencies == nil {
		return nil
	}
	cache := modcache.Cache{FS: m.FS}
	// A requirement names what a replacement stands in for.
	refs := make(map[string]string, len(*bom.Components))
	for _, c := range *bom.Components {
		refs[c.Name] = c.BOMRef
	}
	for _, c := range *bom.Components {
		if c.Pedigree != nil && c.Pedigree.Ancestors != nil && len(*c.Pedigree.Ancestors) == 1 {
			refs[(*c.Pedigree.Ancestors)[0].Name] = c.BOMRef
		}
	}
	delete(refs, gofacts.Stdlib)
	entries := make(map[string]int, len(*bom.Dependencies))
	for i, d := range *bom.Dependencies {
		entries[d.Ref] = i
	}
	dependencies := slices.Clone(*bom.Dependencies)
	known := map[cdx.BOMReference]bool{}
	components := *bom.Components
	if bom.Metadata != nil && bom.Metadata.Component != nil {
		components = append([]cdx.Component{*bom.Metadata.Component}, components...)
	}
	for i, c := range components {
		at, has := entries[c.BOMRef]
		main := i == 0 && len(components) > len(*bom.Components)
		if c.Version == "" || c.Name == gofacts.Stdlib || has && !main {
			continue
		}
		data, err := cache.GoMod(c.Name, c.Version)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("module cache: %w", err)
		}
		file, err := gofacts.ParseDependency(data)
		if err != nil {
			return fmt.Errorf("module cache: %s %s: %w", c.Name, c.Version, err)
		}
		on := []string{}
		if has {
			on = append(on, *dependencies[at].Dependencies...)
		}
		for _, r := range file.Require {
			if ref, ok := refs[r.Path]; ok && !r.Indirect && ref != c.BOMRef {
				on = append(on, ref)
			}
		}
		slices.Sort(on)
		on = slices.Compact(on)
		if has {
			dependencies[at].Dependencies = &on
		} else {
			dependencies = append(dependencies, cdx.Dependency{Ref: c.BOMRef, Dependencies: &on})
		}
		known[cdx.BOMReference(c.BOMRef)] = true
	}
	if len(known) == 0 {
		return nil
	}
	bom.Dependencies = &dependencies
	lowerToIncomplete(bom, known)
	setEdges(bom, "requires")
	return refreshSerial(bom)
}

// lowerToIncomplete says that the dependencies of refs are known in part.
func lowerToIncomplete(bom *cdx.BOM, refs map[cdx.BOMReference]bool) {
	if bom.Compositions == nil {
		return
	}
	var compositions []cdx.Composition
	incomplete := -1
	for _, c := range *bom.Compositions {
		if c.Dependencies == nil || c.Assemblies != nil || c.Aggregate == cdx.CompositionAggregateIncomplete {
			if c.Aggregate == cdx.CompositionAggregateIncomplete && c.Dependencies != nil {
				incomplete = len(compositions)
			}
			compositions = append(compositions, c)
			continue
		}
		rest := slices.DeleteFunc(slices.Clone(*c.Dependencies), func(ref cdx.BOMReference) bool { return refs[ref] })
		if len(rest) > 0 {
			c.Dependencies = &rest
			compositions = append(compositions, c)
		}
	}
	if incomplete < 0 {
		incomplete = len(compositions)
		compositions = append(compositions, cdx.Composition{Aggregate: cdx.CompositionAggregateIncomplete, Dependencies: &[]cdx.BOMReference{}})
	}
	list := slices.Clone(*compositions[incomplete].Dependencies)
	for ref := range refs {
		if !slices.Contains(list, ref) {
			list = append(list, ref)
		}
	}
	slices.Sort(list)
	compositions[incomplete].Dependencies = &list
	bom.Compositions = &compositions
}

// setEdges says what the dependencies in bom mean.
func setEdges(bom *cdx.BOM, meaning string) {
	if bom.Metadata == nil {
		return
	}
	var properties []cdx.Property
	if bom.Metadata.Properties != nil {
		properties = slices.DeleteFunc(slices.Clone(*bom.Metadata.Properties), func(p cdx.Property) bool { return p.Name == PropertyEdges })
	}
	properties = append(properties, cdx.Property{Name: PropertyEdges, Value: meaning})
	bom.Metadata.Properties = &properties
}
