package verify

import (
	"encoding/json"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/touchmark-go/touchmark/internal/gofacts"
	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sbom"
)

// bomDigests are the digests of a document's main component, by in-toto's
// names; none if it gives one algorithm two sums.
func bomDigests(bom *cdx.BOM) provenance.DigestSet {
	set := provenance.DigestSet{}
	if bom.Metadata == nil || bom.Metadata.Component == nil || bom.Metadata.Component.Hashes == nil {
		return set
	}
	for _, h := range *bom.Metadata.Component.Hashes {
		// The schema allows upper case here, unlike in-toto; it is the same sum.
		if name, ok := bomAlgorithms[h.Algorithm]; ok {
			sum := strings.ToLower(h.Value)
			if other, again := set[name]; again && other != sum {
				return nil
			}
			set[name] = sum
		}
	}
	return set
}

// claimedBOMDigests is [bomDigests] of a document that has not been checked: it
// only says what to compute.
func claimedBOMDigests(predicate []byte) provenance.DigestSet {
	var bom struct { // and no more than that: reflection over all of a document's types costs more than the rest
		Metadata struct {
			Component struct {
				Hashes []cdx.Hash `json:"hashes"`
			} `json:"component"`
		} `json:"metadata"`
	}
	if json.Unmarshal(predicate, &bom) != nil {
		return nil
	}
	component := cdx.Component{Hashes: &bom.Metadata.Component.Hashes}
	return bomDigests(&cdx.BOM{Metadata: &cdx.Metadata{Component: &component}})
}

var bomAlgorithms = map[cdx.HashAlgorithm]string{
	cdx.HashAlgoSHA256: provenance.SHA256,
	cdx.HashAlgoSHA384: provenance.SHA384,
	cdx.HashAlgoSHA512: provenance.SHA512,
}

// bomWitness reads what an SBOM says about a Go binary: its modules, and the
// facts that the sbom package writes as properties.
func bomWitness(a *accepted) witness {
	w := witness{who: a.who(), facts: map[string]string{}, isBOM: true, lister: true}
	bom := a.bom
	if m := bom.Metadata; m != nil && m.Component != nil {
		for _, f := range []struct{ name, property string }{{"path", sbom.PropertyPackage}, {"toolchain", sbom.PropertyToolchain}, {"goos", sbom.PropertyGOOS},
			{"goarch", sbom.PropertyGOARCH}, {"cgo", sbom.PropertyCGO}, {"tags", sbom.PropertyTags}, {"vcs.revision", sbom.PropertyRevision}, {"vcs.modified", sbom.PropertyModified}} {
			if v := propertyOf(m.Component, f.property); v != "" {
				w.facts[f.name] = v
			}
		}
	}
	w.list(bom.Components)
	return w
}

// list adds the Go modules among components, and among those inside of them.
// One that is "excluded" is, for scanners, not there.
func (w *witness) list(components *[]cdx.Component) {
	if components == nil {
		return
	}
	for i := range *components {
		c := &(*components)[i]
		w.list(c.Components)
		switch {
		case !strings.HasPrefix(c.PackageURL, "pkg:golang/") && propertyOf(c, sbom.PropertySource) == "", c.Scope == cdx.ScopeExcluded:
			continue
		case c.Name == gofacts.Stdlib:
			version := strings.TrimPrefix(c.Version, "go")
			w.stdlib = append(w.stdlib, version)
			if w.facts["toolchain"] == "" && version != "" {
				w.facts["toolchain"] = "go" + version
			}
		default:
			w.add(gofacts.Module{Path: c.Name, Version: c.Version, Sum: propertyOf(c, sbom.PropertyH1)})
		}
		if c.PackageURL != "" && !names(c.PackageURL, c.Name, c.Version) {
			w.odd = append(w.odd, strings.TrimSpace(c.Name+" "+c.Version)+" as "+c.PackageURL)
		}
	}
}

// names reports whether a package URL, by which scanners know a module, names
// it. It does so in lower case.
func names(purl, path, version string) bool {
	p, err := sbom.ParsePURL(purl)
	if err != nil {
		return false
	}
	got := p.Name
	if p.Namespace != "" {
		got = p.Namespace + "/" + p.Name
	}
	return strings.EqualFold(got, path) && strings.TrimPrefix(p.Version, "go") == strings.TrimPrefix(version, "go")
}

func propertyOf(c *cdx.Component, name string) string {
	if c.Properties == nil {
		return ""
	}
	for _, p := range *c.Properties {
		if p.Name == name {
			return p.Value
		}
	}
	return ""
}
