package license

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"runtime"
	"slices"
	"strings"
	"sync"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/touchmark-go/touchmark/internal/diskcache"
	"github.com/touchmark-go/touchmark/internal/modcache"
	"github.com/touchmark-go/touchmark/internal/spdxlicense"
	"github.com/touchmark-go/touchmark/internal/strictjson"
	"github.com/touchmark-go/touchmark/sbom"
)

// PropertyFiles is the property of a component that names the files in which
// its licences were found, with commas between them.
const PropertyFiles = "touchmark:license:files"

// PropertyUnknown names those whose terms are not recognized.
const PropertyUnknown = "touchmark:license:unknown"

// A Finder finds the licences of what is in a BOM. The zero Finder finds none.
type Finder struct {
	// ModuleCache is the folder that GOMODCACHE names, or one laid out like it. A
	// module's zip counts if the go command recorded the sum that the BOM has when
	// it put the zip there, and otherwise if its files have that sum now.
	ModuleCache fs.FS
	// Main is the folder of the main module's source, if it is at hand. That it is
	// the source the program was built from is the caller's word.
	Main fs.FS
	// Go is the folder of a Go installation, for the licence of the standard
	// library. It counts if its VERSION file names the version in the BOM.
	Go fs.FS
	// Answers is a folder, made if it is missing, where findings are kept between
	// runs by the module's sum, at most 8,192 of them. If empty, each text is read
	// each time.
	Answers string
}

// Describe writes into bom what it finds: licences with their acknowledgement
// (CycloneDX 1.6, component.licenses), and the files they are from. What a
// component already says of its licences stays, and only what is missing is
// added. It is an error, and bom is as it was, when the module cache has
// another module in the place of one that bom names.
func (f Finder) Describe(ctx context.Context, bom *cdx.BOM) error {
	if bom == nil || bom.Components == nil {
		return nil
	}
	answers, err := diskcache.Open(f.Answers)
	if err != nil {
		return err
	}
	defer answers.Close()
	components := *bom.Components
	found := make([]Finding, len(components))
	errs := make([]error, len(components))
	s := &scanner{}
	work := make(chan int)
	var wait sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), 8) {
		wait.Go(func() {
			for i := range work {
				if errs[i] = ctx.Err(); errs[i] == nil {
					found[i], errs[i] = f.find(ctx, s, answers, &components[i])
				}
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
	if f.Main != nil && bom.Metadata != nil && bom.Metadata.Component != nil {
		texts, err := folderTexts(f.Main)
		if err != nil {
			return fmt.Errorf("source of the main module: %w", err)
		}
		describe(bom.Metadata.Component, find(s, texts))
	}
	for i := range components {
		describe(&components[i], found[i])
	}
	if bom.Metadata != nil && bom.Metadata.Component != nil && bom.Metadata.Component.Hashes == nil && bom.SerialNumber != "" {
		return sbom.SetSerial(bom)
	}
	return nil
}

// find finds the licences of one component.
func (f Finder) find(ctx context.Context, s *scanner, answers *diskcache.Cache, c *cdx.Component) (Finding, error) {
	if c.Name == "stdlib" && strings.HasPrefix(c.PackageURL, "pkg:golang/stdlib@") {
		return f.stdlib(s, c.Version)
	}
	sum := property(c, sbom.PropertyH1)
	if f.ModuleCache == nil || !strings.HasPrefix(sum, "h1:") || c.Version == "" || !strings.HasPrefix(c.PackageURL, "pkg:golang/") {
		return Finding{}, nil
	}
	// The names are in the sum too, but the key says what it is about.
	key := "license/1\n" + c.Name + "\n" + c.Version + "\n" + sum
	if value, ok := answers.Get(key); ok {
		var kept Finding
		if strictjson.Unmarshal(value, &kept) == nil && kept.valid() {
			return kept, nil
		}
	}
	cache := modcache.Cache{FS: f.ModuleCache}
	z, err := cache.Zip(c.Name, c.Version)
	if errors.Is(err, fs.ErrNotExist) {
		return Finding{}, nil
	}
	if err != nil {
		return Finding{}, fmt.Errorf("module cache: %s %s: %w", c.Name, c.Version, err)
	}
	defer z.Close()
	if cache.ZipHash(c.Name, c.Version) != sum {
		if got, err := z.Sum(ctx); err != nil || got != sum {
			return Finding{}, fmt.Errorf("module cache: zip of %s %s %w: sum %s (%v), want %s", c.Name, c.Version, errNotBound, got, err, sum)
		}
	}
	texts, err := zipTexts(z)
	if err != nil {
		return Finding{}, fmt.Errorf("module cache: zip of %s %s: %w", c.Name, c.Version, err)
	}
	finding := find(s, texts)
	if value, err := json.Marshal(finding); err == nil {
		answers.Put(key, value) // or next time again
	}
	return finding, nil
}

// valid reports whether f can stand in a document.
func (f Finding) valid() bool {
	for _, id := range slices.Concat(f.Declared, f.Concluded) {
		if _, err := spdxlicense.Parse(id); err != nil {
			return false
		}
	}
	return true
}

func zipTexts(z *modcache.Zip) ([]Text, error) {
	var texts []Text
	for _, file := range z.Files(func(name string) bool { return IsText(name) || mayTag(name) }) {
		if len(texts) > MaxTexts {
			break // one more than counts
		}
		content, err := file.Read(MaxText + 1)
		if err != nil {
			return nil, fmt.Errorf("file %q: %w", file.Name, err)
		}
		texts = append(texts, Text{Name: file.Name, Content: content})
	}
	return texts, nil
}

// folderTexts are the texts at the root of a folder. What lies deeper may be
// other modules.
func folderTexts(dir fs.FS) ([]Text, error) {
	entries, err := fs.ReadDir(dir, ".")
	if err != nil {
		return nil, err
	}
	var texts []Text
	for _, e := range entries {
		if !e.Type().IsRegular() || !IsText(e.Name()) && !mayTag(e.Name()) || len(texts) > MaxTexts {
			continue
		}
		content, err := readFile(dir, e.Name(), MaxText+1)
		if err != nil {
			return nil, err
		}
		texts = append(texts, Text{Name: e.Name(), Content: content})
	}
	return texts, nil
}

func readFile(dir fs.FS, name string, most int64) ([]byte, error) {
	file, err := dir.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(io.LimitReader(file, most))
}

// stdlib is the licence of the standard library of that version.
func (f Finder) stdlib(s *scanner, version string) (Finding, error) {
	if f.Go == nil || version == "" {
		return Finding{}, nil
	}
	line, err := readFile(f.Go, "VERSION", 4<<10)
	if first, _, _ := strings.Cut(string(line), "\n"); err != nil || strings.TrimSpace(first) != "go"+version {
		return Finding{}, nil // another Go says nothing about this one
	}
	content, err := readFile(f.Go, "LICENSE", MaxText+1)
	if err != nil {
		return Finding{}, nil
	}
	return find(s, []Text{{Name: "LICENSE", Content: content}}), nil
}

// describe writes a finding into a component.
func describe(c *cdx.Component, f Finding) {
	note(c, PropertyFiles, f.Files)
	note(c, PropertyUnknown, f.Unknown)
	has := map[cdx.LicenseAcknowledgement]bool{}
	var licenses cdx.Licenses
	if c.Licenses != nil {
		for _, l := range *c.Licenses {
			if l.Expression != "" || l.License == nil {
				// An expression stands alone (CycloneDX 1.6, licenses): what else is found is evidence.
				evidence(c, f)
				return
			}
			has[l.License.Acknowledgement] = true
		}
		licenses = *c.Licenses
	}
	declared, concluded := f.Declared, f.Concluded
	if has[cdx.LicenseAcknowledgementDeclared] {
		declared = nil
	}
	if has[cdx.LicenseAcknowledgementConcluded] {
		concluded = nil
	}
	if len(declared) == 1 && !single(declared[0]) {
		// So it is with a tag that is an expression.
		if len(licenses) == 0 {
			acknowledgement := cdx.LicenseAcknowledgementDeclared
			c.Licenses = &cdx.Licenses{{Expression: declared[0], Acknowledgement: &acknowledgement}}
		}
		evidence(c, f)
		return
	}
	for _, id := range declared {
		licenses = append(licenses, choice(id, cdx.LicenseAcknowledgementDeclared))
	}
	for _, id := range concluded {
		licenses = append(licenses, choice(id, cdx.LicenseAcknowledgementConcluded))
	}
	if len(licenses) > 0 {
		c.Licenses = &licenses
	}
}

// single reports whether an expression is one licence.
func single(expression string) bool {
	_, _, ok := spdxlicense.License(expression)
	return ok || spdxlicense.IsRef(expression)
}

// choice is one licence: of the list by its id, else by its name.
func choice(id string, acknowledgement cdx.LicenseAcknowledgement) cdx.LicenseChoice {
	l := &cdx.License{Acknowledgement: acknowledgement}
	if canonical, _, ok := spdxlicense.License(id); ok {
		l.ID = canonical
	} else {
		l.Name = id
	}
	return cdx.LicenseChoice{License: l}
}

// evidence records the concluded licences as what was found.
func evidence(c *cdx.Component, f Finding) {
	if len(f.Concluded) == 0 || c.Evidence != nil && c.Evidence.Licenses != nil {
		return
	}
	var licenses cdx.Licenses
	for _, id := range f.Concluded {
		licenses = append(licenses, choice(id, cdx.LicenseAcknowledgementConcluded))
	}
	if c.Evidence == nil {
		c.Evidence = &cdx.Evidence{}
	}
	c.Evidence.Licenses = &licenses
}

// maxNames is how much of a list of files is written, in bytes.
const maxNames = 1 << 10

func note(c *cdx.Component, name string, files []string) {
	if len(files) == 0 {
		return
	}
	value := ""
	for i, file := range files {
		if len(value)+len(file) > maxNames {
			value += fmt.Sprintf(" and %d more", len(files)-i)
			break
		}
		if i > 0 {
			value += ","
		}
		value += file
	}
	var properties []cdx.Property
	if c.Properties != nil {
		properties = slices.DeleteFunc(slices.Clone(*c.Properties), func(p cdx.Property) bool { return p.Name == name })
	}
	properties = append(properties, cdx.Property{Name: name, Value: value})
	c.Properties = &properties
}

func property(c *cdx.Component, name string) string {
	if c.Properties != nil {
		for _, p := range *c.Properties {
			if p.Name == name {
				return p.Value
			}
		}
	}
	return ""
}
