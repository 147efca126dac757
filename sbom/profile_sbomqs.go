package sbom

import (
	"slices"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/touchmark-go/touchmark/internal/cdxjson"
	"github.com/touchmark-go/touchmark/internal/spdxlicense"
)

func sbomqsRules() (rules []rule) {
	for _, c := range sbomqsCategories() {
		for _, f := range c.features {
			rules = append(rules, f.rule)
		}
	}
	return rules
}

func sbomqsCategories() []sbomqsCategory {
	document := func(name, want, remedy string, weight float64, is func(*cdx.BOM) (string, bool)) sbomqsFeature {
		return sbomqsFeature{rule: rule{name: name, want: want, remedy: remedy, document: is}, weight: weight}
	}
	component := func(name, want, remedy string, weight float64, is func(*subjectComponent) (string, bool)) sbomqsFeature {
		return sbomqsFeature{rule: rule{name: name, want: want, remedy: remedy, component: is}, weight: weight}
	}
	rated := func(f sbomqsFeature, own func(*scoring) (float64, bool)) sbomqsFeature {
		f.own = own
		return f
	}
	hung := func(name, want, remedy string, weight float64, is func(*graph, func(int, string)), own func(*scoring) (float64, bool)) sbomqsFeature {
		return sbomqsFeature{rule: rule{name: name, want: want, remedy: remedy, graph: is}, weight: weight, own: own}
	}
	or := func(f sbomqsFeature) sbomqsFeature {
		f.advice = true
		return f
	}
	categories := []sbomqsCategory{
		{name: "identification", weight: 10, features: []sbomqsFeature{
			component("name", "a name", "name it", .40, hasComponentName),
			component("version", "a version", "build from a tag or a commit, so that there is one", .35, hasVersion),
			component("local-id", "a bom-ref", "give it one of its own", .25, func(s *subjectComponent) (string, bool) { return "", s.BOMRef != "" }),
		}},
		{name: "provenance", weight: 12, features: []sbomqsFeature{
			document("timestamp", "when the document was made", "say metadata.timestamp", .20, hasTimestamp),
			document("authors", "who made the document", "say metadata.authors", .20, func(bom *cdx.BOM) (string, bool) {
				return "", slices.ContainsFunc(listOf(metadata(bom).Authors), func(a cdx.OrganizationalContact) bool { return said(a.Name) || said(a.Email) })
			}),
			rated(document("tool", "the tool that made the document, and its version", "say metadata.tools", .20, hasToolVersion), func(s *scoring) (float64, bool) {
				if _, ok := hasToolVersion(s.bom); ok {
					return 10, false
				}
				if _, ok := hasTool(s.bom); ok {
					return 5, false
				}
				return 0, false
			}),
			document("supplier", "who supplies the product", "say metadata.supplier", .15, func(bom *cdx.BOM) (string, bool) {
				o := metadata(bom).Supplier
				return "", hasName(o) || len(contacts(o)) > 0
			}),
			document("namespace", "a serial number", "say serialNumber", .15, func(bom *cdx.BOM) (string, bool) {
				return bom.SerialNumber, strings.HasPrefix(bom.SerialNumber, "urn:uuid:")
			}),
			document("lifecycle", "at what time of the software's life it was made", "say metadata.lifecycles", .10, hasLifecycle),
		}},
		{name: "integrity", weight: 15, features: []sbomqsFeature{
			component("strong-checksum", "a SHA-256 or stronger", "hash the file that was taken", .50, hasHash),
			rated(component("weak-checksum", "no checksum that is weak alone", "add a SHA-256", .40, func(s *subjectComponent) (string, bool) {
				found, ok := hasHash(s)
				return found, ok || found == ""
			}), func(s *scoring) (float64, bool) {
				have, of := 0, 0
				for i := range s.components {
					if found, ok := hasHash(&s.components[i]); ok {
						have, of = have+1, of+1
					} else if found != "" {
						of++
					}
				}
				return share(have, of), false
			}),
			rated(or(document("signature", "a signature in the document", "sign it apart, with its statement: a signature in the document is not looked at here", .10, func(bom *cdx.BOM) (string, bool) {
				return "", signatureScore(bom) == 10
			})), func(s *scoring) (float64, bool) { return signatureScore(s.bom), false }),
		}},
		{name: "completeness", weight: 12, features: []sbomqsFeature{
			hung("dependencies", "that the dependencies of the main component, and of those that it depends on, are complete", "resolve them from the build itself; if they are not known, let the gap stand", .25, incompleteNear, func(s *scoring) (float64, bool) {
				near := s.graph.near()
				have := 0
				for _, n := range near {
					if s.graph.edgesSaid[n]&claimsComplete != 0 {
						have++
					}
				}
				return share(have, len(near)), false
			}),
			hung("declared-completeness", "that it is complete", "resolve it from the build itself; if it is not known, let the gap stand", .15, func(g *graph, report func(int, string)) {
				for i := range g.n {
					if !g.declaredComplete(i) {
						report(i, "")
					}
				}
			}, func(s *scoring) (float64, bool) {
				have := 0
				for i := range s.graph.n {
					if s.graph.declaredComplete(i) {
						have++
					}
				}
				return share(have, s.graph.n), false
			}),
			document("primary", "a main component", "say metadata.component", .20, func(bom *cdx.BOM) (string, bool) { return "", metadata(bom).Component != nil }),
			component("source-code", "where its source is", "add an external reference of type vcs", .15, func(s *subjectComponent) (string, bool) {
				return "", len(references(s.Component, cdx.ERTypeVCS)) > 0
			}),
			component("component-supplier", "who supplies it", addSupplier, .15, func(s *subjectComponent) (string, bool) {
				return "", hasName(s.Supplier) || len(contacts(s.Supplier)) > 0
			}),
			component("purpose", "a type", "say its type", .10, func(s *subjectComponent) (string, bool) { return "", s.Type != "" }),
		}},
		{name: "licensing", weight: 15, features: []sbomqsFeature{
			component("license", "a licence that was concluded", "conclude it from the licence's text", .20, func(s *subjectComponent) (string, bool) {
				return "", len(concluded(s)) > 0
			}),
			component("valid-license", "an SPDX expression", "use ids of the SPDX list, or a LicenseRef", .20, func(s *subjectComponent) (string, bool) {
				all := concluded(s)
				return strings.Join(all, ", "), len(all) > 0 && !slices.ContainsFunc(all, func(l string) bool { _, err := spdxlicense.Parse(l); return err != nil })
			}),
			rated(component("deprecated-license", "no licence id that the SPDX list calls deprecated", "use the id that took its place", .15, func(s *subjectComponent) (string, bool) {
				return ofLicenses(s, func(e *spdxlicense.Expression) bool { return e.Deprecated })
			}), nil),
			rated(or(component("restrictive-license", "no copyleft licence", "know what it asks of you; it is no mistake", .20, func(s *subjectComponent) (string, bool) {
				return ofLicenses(s, isRestrictive)
			})), nil),
			component("declared-license", "the licence that its makers declare", "add it, acknowledged as declared", .15, func(s *subjectComponent) (string, bool) {
				return "", len(declared(s)) > 0
			}),
			document("data-license", "the licence of the document itself", "say metadata.licenses", .10, func(bom *cdx.BOM) (string, bool) {
				all := licensesOf(&cdx.Component{Licenses: metadata(bom).Licenses}, "")
				return strings.Join(all, ", "), len(all) > 0 && !slices.ContainsFunc(all, func(l string) bool { _, err := spdxlicense.Parse(l); return err != nil })
			}),
		}},
		{name: "vulnerability", weight: 10, best: true, features: []sbomqsFeature{
			component("purl", "a package URL", "add the one that databases know it by", .50, func(s *subjectComponent) (string, bool) {
				_, err := ParsePURL(s.PackageURL)
				return s.PackageURL, err == nil
			}),
			or(component("cpe", "a CPE", "a package URL does as well; do not guess", .50, func(s *subjectComponent) (string, bool) { return s.CPE, isCPE(s.CPE) })),
		}},
		{name: "structural", weight: 8, features: []sbomqsFeature{
			document("spec", "a format that is known", "say bomFormat", .30, func(bom *cdx.BOM) (string, bool) { return bom.BOMFormat, bom.BOMFormat == cdx.BOMFormat }),
			document("spec-version", "a version of the format", "say specVersion", .30, func(bom *cdx.BOM) (string, bool) {
				return "", bom.SpecVersion >= cdx.SpecVersion1_0 && bom.SpecVersion <= cdx.SpecVersion1_7
			}),
			document("file-format", "JSON or XML", "write it so", .20, func(bom *cdx.BOM) (string, bool) { return "", bom.BOMFormat == cdx.BOMFormat }),
			document("schema", "what the schema allows", "mend what is wrong", .20, func(bom *cdx.BOM) (string, bool) {
				// By way of the model's own encoder: whoever only checks need not link ours.
				// It leaves out who signed, of which the schema wants nothing that the model
				// does not say.
				unsigned := *bom
				unsigned.Signature = nil
				var text strings.Builder
				err := encode(&text, &unsigned)
				if err == nil {
					err = cdxjson.Validate(text.String())
				}
				if err != nil {
					return err.Error(), false
				}
				return "", true
			}),
		}},
	}
	for i := range categories {
		for j := range categories[i].features {
			f := &categories[i].features[j]
			f.reference = "sbomqs 2.0, " + categories[i].name
			if f.name == "deprecated-license" || f.name == "restrictive-license" {
				is := f.component
				f.own = func(s *scoring) (float64, bool) { return withoutLicenses(s, is) }
			}
		}
	}
	return categories
}
