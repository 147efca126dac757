package sbom

import (
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/touchmark-go/touchmark/internal/spdxlicense"
)

const bsi = "BSI TR-03183-2 v2.1.0, section "

// bsiRules are those of BSI TR-03183-2 for a component that is described in
// full. What section 5.2.3 and 5.2.4 want "if it exists" is advice: a document
// cannot show that something does not exist.
func bsiRules() []rule {
	return []rule{
		{name: "format", reference: bsi + "4", want: "CycloneDX 1.6 or newer", remedy: "write it as 1.6",
			document: func(bom *cdx.BOM) (string, bool) {
				return "CycloneDX " + bom.SpecVersion.String(), bom.SpecVersion >= cdx.SpecVersion1_6
			}},
		{name: "no-vulnerabilities", reference: bsi + "3.1", want: "no vulnerabilities in the document: they change while it does not", remedy: "put them into a VEX document of their own",
			document: func(bom *cdx.BOM) (string, bool) {
				return "vulnerabilities", len(listOf(bom.Vulnerabilities)) == 0
			}},
		{name: "creator", reference: bsi + "5.2.1 Creator of the SBOM", want: "an e-mail address or, without one, a URL of who made the document", remedy: "say metadata.manufacturer.contact.email or metadata.manufacturer.url",
			document: func(bom *cdx.BOM) (string, bool) {
				m := metadata(bom)
				if len(contacts(m.Manufacturer)) > 0 {
					return "", true
				}
				for _, a := range listOf(m.Authors) {
					if isEmail(a.Email) {
						return "", true
					}
				}
				if m.Manufacturer != nil && said(m.Manufacturer.Name) {
					return "a name alone", false
				}
				return "", false
			}},
		{name: "timestamp", reference: bsi + "5.2.1 Timestamp", want: "when the document was made, by RFC 3339", remedy: "say metadata.timestamp", document: hasTimestamp},
		{name: "sbom-uri", advice: true, reference: bsi + "5.2.3 SBOM-URI", want: "a URI of the document", remedy: "say serialNumber",
			document: func(bom *cdx.BOM) (string, bool) { return bom.SerialNumber, isSerial(bom.SerialNumber) }},

		{name: "component-creator", reference: bsi + "5.2.2 Component creator", want: "an e-mail address or, without one, a URL of who made the component", remedy: addSupplier,
			component: func(s *subjectComponent) (string, bool) {
				if len(contacts(s.Manufacturer))+len(contacts(s.Supplier)) > 0 {
					return "", true
				}
				if hasName(s.Manufacturer) || hasName(s.Supplier) {
					return "a name alone", false
				}
				return "", false
			}},
		{name: "name", reference: bsi + "5.2.2 Component name", want: "the component's name", remedy: "name it", component: hasComponentName},
		{name: "version", reference: bsi + "5.2.2 Component version", want: "the component's version, or when its file was made", remedy: "build from a tag or a commit, so that there is one", component: hasVersion},
		{name: "filename", reference: bsi + "5.2.2 Filename", want: "the name of the component's file, without a path", remedy: "say the property bsi:component:filename",
			component: func(s *subjectComponent) (string, bool) {
				name := property(s.Component, "bsi:component:filename")
				return name, said(name) && !strings.ContainsAny(name, `/\`)
			}},
		{name: "dependencies", reference: bsi + "5.2.2 Dependencies on other components", want: "what the component depends on and contains, and how complete that is", remedy: "add its entry in the dependencies, and a composition that names it",
			graph: func(g *graph, report func(int, string)) {
				for i := range g.n {
					switch {
					case g.edgesSaid[i] == 0 && !g.known(i):
						report(i, "")
					case g.edgesSaid[i] == 0:
						report(i, "no word on how complete its dependencies are")
					case !g.known(i) && g.edgesSaid[i]&claimsComplete != 0:
						report(i, "complete dependencies, and no entry for them")
					}
				}
			}},
		{name: "distribution-license", reference: bsi + "5.2.2 Distribution licences", want: "the licence under which it can be used, as an SPDX expression, acknowledged as concluded", remedy: "add it; a licence that is not on the SPDX list is a LicenseRef",
			component: func(s *subjectComponent) (string, bool) { return spdxLicenses(s, cdx.LicenseAcknowledgementConcluded) }},
		{name: "hash", reference: bsi + "5.2.2 Hash value of the deployable component", want: "the SHA-512 of the component's file, in an external reference of type distribution", remedy: "hash the file as it is delivered",
			component: func(s *subjectComponent) (string, bool) {
				for _, r := range references(s.Component, cdx.ERTypeDistribution, cdx.ERTypeDistributionIntake) {
					for _, h := range listOf(r.Hashes) {
						if h.Algorithm == cdx.HashAlgoSHA512 && checkHash(h) == nil {
							return "", true
						}
					}
				}
				found := ""
				for _, h := range listOf(s.Hashes) {
					found = strings.TrimPrefix(found+", "+string(h.Algorithm)+" of the component itself", ", ")
				}
				return found, false
			}},
		bsiFact("executable", "Executable property", "executable", "non-executable"),
		bsiFact("archive", "Archive property", "archive", "no archive"),
		bsiFact("structured", "Structured property", "structured", "unstructured"),

		{name: "identifiers", advice: true, reference: bsi + "5.2.4 Other unique identifiers", want: "a package URL or CPE, if there is one", remedy: "add the one that databases know it by", component: hasIdentifier},
		{name: "source-uri", advice: true, reference: bsi + "5.2.4 Source code URI", want: "where its source is, if it is anywhere", remedy: "add an external reference of type source-distribution or vcs",
			component: func(s *subjectComponent) (string, bool) {
				return "", len(references(s.Component, cdx.ERTypeSourceDistribution, cdx.ERTypeVCS)) > 0
			}},
		{name: "deployable-uri", advice: true, reference: bsi + "5.2.4 URI of the deployable form of the component", want: "where its file is, if it is anywhere", remedy: "add an external reference of type distribution",
			component: func(s *subjectComponent) (string, bool) {
				return "", len(references(s.Component, cdx.ERTypeDistribution, cdx.ERTypeDistributionIntake)) > 0
			}},
		{name: "original-licenses", advice: true, reference: bsi + "5.2.4 Original licences", want: "the licences that its makers declare, as SPDX expressions, if they do", remedy: "add them, acknowledged as declared",
			component: func(s *subjectComponent) (string, bool) { return spdxLicenses(s, cdx.LicenseAcknowledgementDeclared) }},
	}
}

// bsiFact is a rule about one of the properties that say what kind of file a
// component is. Only the words of the taxonomy are an answer.
func bsiFact(name, field, yes, no string) rule {
	return rule{name: name, reference: bsi + "5.2.2 " + field, want: yes + " or " + no, remedy: "say the property bsi:component:" + name,
		component: func(s *subjectComponent) (string, bool) {
			value := property(s.Component, "bsi:component:"+name)
			return value, value == yes || value == no
		}}
}

// spdxLicenses reports whether a component has licences of a kind, all of them
// SPDX expressions.
func spdxLicenses(s *subjectComponent, how cdx.LicenseAcknowledgement) (string, bool) {
	all := licensesOf(s.Component, how)
	for _, l := range all {
		if _, err := spdxlicense.Parse(l); err != nil {
			return l, false
		}
	}
	if len(all) == 0 {
		return strings.Join(licensesOf(s.Component, ""), ", "), false
	}
	return "", true
}
