package sbom

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/touchmark-go/touchmark/internal/gofacts"
	"github.com/touchmark-go/touchmark/provenance"
)

// setModule makes c, which is zero, the library m. Its bom-ref has the exact
// path: two paths that differ in letter case have the same package URL.
func setModule(c *cdx.Component, m *gofacts.Module) {
	c.BOMRef, c.Type, c.Name, c.Version = ref(m.Path, m.Version), cdx.ComponentTypeLibrary, m.Path, m.Version
	var properties []cdx.Property
	if m.Sum != "" {
		properties = append(properties, cdx.Property{Name: PropertyH1, Value: m.Sum})
	}
	if m.Dir != "" {
		properties = append(properties, cdx.Property{Name: PropertySource, Value: "local"})
	} else {
		c.PackageURL = m.PURL()
		if r, ok := derivedRepository(m.Path); ok {
			c.ExternalReferences = &[]cdx.ExternalReference{r}
		}
	}
	if m.Version == "" {
		properties = append(properties, cdx.Property{Name: PropertyVersion, Value: "unknown"})
	}
	if len(properties) > 0 {
		c.Properties = &properties
	}
	if r := m.Replaces; r != nil {
		c.Pedigree = &cdx.Pedigree{Ancestors: &[]cdx.Component{{
			Type: cdx.ComponentTypeLibrary, Name: r.Path, Version: r.Version, PackageURL: r.PURL(),
		}}}
	}
}

// stdlibComponent is the standard library as the vulnerability databases name it.
func stdlibComponent(f *gofacts.Facts) cdx.Component {
	m := f.Stdlib()
	repository, _ := derivedRepository(m.Path)
	c := cdx.Component{
		BOMRef: ref(m.Path, m.Version), Type: cdx.ComponentTypeLibrary,
		Name: m.Path, Version: m.Version, PackageURL: m.PURL(),
		ExternalReferences: &[]cdx.ExternalReference{repository},
	}
	if release(m.Version) {
		c.CPE = "cpe:2.3:a:golang:go:" + m.Version + ":*:*:*:*:*:*:*"
		// Releases are handed out by the Go project and nobody else.
		c.Supplier = &cdx.OrganizationalEntity{Name: "The Go Authors", URL: &[]string{"https://go.dev"}}
	}
	return c
}

// release reports whether version is that of a release of Go: the National
// Vulnerability Database has these as golang:go, the library with the toolchain.
func release(version string) bool {
	return version != "" && strings.Trim(version, "0123456789.") == ""
}

// ref is a bom-ref that a person can read.
func ref(path, version string) string {
	if version == "" {
		return path
	}
	return path + "@" + version
}

// mainComponent is the program itself.
func mainComponent(f *gofacts.Facts, hashes provenance.DigestSet) cdx.Component {
	m := f.Main
	var notes []cdx.Property
	note := func(name, value string) {
		if value != "" {
			notes = append(notes, cdx.Property{Name: name, Value: value})
		}
	}
	switch inferred := pseudoVersion(m.Path, f.Settings); {
	case m.Version != "":
	case inferred != "":
		m.Version = inferred
		note(PropertyVersion, "inferred")
	default:
		note(PropertyVersion, "unknown")
	}
	note(PropertyPackage, f.Path)
	note(PropertyToolchain, f.GoVersion)
	for name, value := range f.Settings {
		switch {
		case name == "CGO_ENABLED":
			note(PropertyCGO, value)
		case name == "-tags":
			note(PropertyTags, value)
		case strings.HasPrefix(name, "vcs"), name == "-trimpath", name == "-buildmode", name == "-compiler", name == "-race",
			isTarget(name):
			note(propertyPrefix+strings.TrimPrefix(strings.ToLower(name), "-"), value)
		}
	}
	slices.SortFunc(notes, func(a, b cdx.Property) int { return cmp.Compare(a.Name, b.Name) })

	c := cdx.Component{Type: cdx.ComponentTypeApplication, Name: m.Path, Version: m.Version}
	if m.Path != "" {
		c.PackageURL = m.PURL()
	}
	if sums := hashList(hashes); len(sums) > 0 {
		c.Hashes = &sums
	}
	// A program from outside every module is named by its package, and one that
	// names nothing by its digest.
	c.Name = cmp.Or(c.Name, f.Path, digestName(hashes), "unknown")
	c.BOMRef = ref(c.Name, c.Version)
	if len(notes) > 0 {
		c.Properties = &notes
	}
	return c
}

const propertyPrefix = "touchmark:go:"

// isTarget reports whether a setting names what was built for: GOOS, GOARM64.
// The rest of the settings are withheld: linker and compiler flags can hold secrets.
func isTarget(name string) bool {
	for _, target := range []string{"GOOS", "GOARCH", "GO386", "GOAMD64", "GOARM", "GOARM64", "GOMIPS", "GOMIPS64", "GOPPC64", "GORISCV64", "GOWASM", "GOFIPS140", "GOEXPERIMENT"} {
		if name == target {
			return true
		}
	}
	return false
}

// hashNames are the algorithms that a component of ours is bound by, in
// CycloneDX's spelling. It is never written to.
var hashNames = []struct {
	algorithm string
	name      cdx.HashAlgorithm
}{
	{provenance.SHA256, cdx.HashAlgoSHA256},
	{provenance.SHA384, cdx.HashAlgoSHA384},
	{provenance.SHA512, cdx.HashAlgoSHA512},
}

func hashList(hashes provenance.DigestSet) []cdx.Hash {
	var list []cdx.Hash
	for _, h := range hashNames {
		if d, ok := hashes.Get(h.algorithm); ok {
			list = append(list, cdx.Hash{Algorithm: h.name, Value: d.Hex()})
		}
	}
	return list
}

func digestName(hashes provenance.DigestSet) string {
	d, _ := hashes.Get(provenance.SHA256)
	return d.String()
}

// pseudoVersion is the version that the go command gives a commit without a
// tag, "" if nothing was stamped. It is what toolchains before Go 1.24 left out.
func pseudoVersion(path string, settings map[string]string) string {
	revision, at := settings["vcs.revision"], settings["vcs.time"]
	t, err := time.Parse(time.RFC3339, at)
	if err != nil || len(revision) < 12 || path == "" || settings["vcs"] != "git" {
		return ""
	}
	major := "v0"
	if i := strings.LastIndex(path, "/v"); i >= 0 && i+2 < len(path) && strings.Trim(path[i+2:], "0123456789") == "" {
		major = path[i+1:]
	}
	version := fmt.Sprintf("%s.0.0-%s-%s", major, t.UTC().Format("20060102150405"), revision[:12])
	if settings["vcs.modified"] == "true" {
		version += "+dirty"
	}
	return version
}
