package verify

import (
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/touchmark-go/touchmark/internal/gofacts"
	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sbom"
)

// bomDigests are the digests of a document's main component, by in-toto's names.
func bomDigests(bom *cdx.BOM) provenance.DigestSet {
	set := provenance.DigestSet{}
	if bom.Metadata == nil || bom.Metadata.Component == nil || bom.Metadata.Component.Hashes == nil {
		return set
	}
	for _, h := range *bom.Metadata.Component.Hashes {
		// The schema allows upper case here, unlike in-toto; it is the same sum.
		if name, ok := bomAlgorithms[h.Algorithm]; ok {
			set[name] = strings.ToLower(h.Value)
		}
	}
	return set
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
	if bom.Components == nil {
		return w
	}
	for i := range *bom.Components {
		c := &(*bom.Components)[i]
		switch {
		case !strings.HasPrefix(c.PackageURL, "pkg:golang/") && propertyOf(c, sbom.PropertySource) == "":
		case c.Name == "stdlib":
			if w.facts["toolchain"] == "" && c.Version != "" {
				w.facts["toolchain"] = "go" + c.Version
			}
		default:
			w.add(gofacts.Module{Path: c.Name, Version: c.Version, Sum: propertyOf(c, sbom.PropertyH1)})
		}
	}
	return w
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
