package spdx

import (
	"encoding/json"
	"io"
	"slices"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

// Version3 is the version that [Write3] writes.
const Version3 = "3.0.1"

// context3 is where the words of SPDX 3.0.1 stand; a document that names it needs
// no other.
const context3 = "https://spdx.org/rdf/" + Version3 + "/spdx-context.jsonld"

// Write3 writes bom as SPDX 3.0.1 JSON-LD, and returns what could not be said:
// see [Options.Write3].
func Write3(w io.Writer, bom *cdx.BOM) ([]Loss, error) { return Options{}.Write3(w, bom) }

// Write3 writes bom as SPDX 3.0.1 JSON-LD on one line, and returns what could not
// be said. Equal BOMs give equal bytes. It is read by nothing here: 3.0.1 is for
// whoever asks for it.
//
// A component becomes a software_Package, who made and supplied it an agent, its
// licences LicenseExpressions that a relationship leads to, and its properties the
// extension that the specification has for those of CycloneDX. What depends on
// what is one relationship an element, and how complete it is comes from the
// compositions; the phase of the lifecycle is the type of the software_Sbom.
//
// The error says what SPDX demands and bom does not have.
func (o Options) Write3(w io.Writer, bom *cdx.BOM) ([]Loss, error) {
	doc, lost, err := o.FromCycloneDX(bom)
	if err != nil {
		return nil, err
	}
	g := &graph3{doc: doc, bom: bom, ids: map[string]string{}, purposes: map[string]string{}, settled: map[string]bool{"/compositions": true, "/metadata/lifecycles": true}}
	g.build()
	for _, l := range lost {
		if g.settled[l.Pointer] {
			continue
		}
		if l.Why == noPlace {
			l.Why = "it is not carried over to SPDX " + Version3
		}
		g.lost = append(g.lost, l)
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return g.lost, e.Encode(struct {
		Context string      `json:"@context"`
		Graph   []*element3 `json:"@graph"`
	}{context3, g.elements})
}

// An element3 is one element of the graph, of whichever class.
type element3 struct {
	Type         string   `json:"type"`
	ID           string   `json:"spdxId,omitempty"`
	Blank        string   `json:"@id,omitempty"`
	CreationInfo string   `json:"creationInfo,omitempty"`
	Name         string   `json:"name,omitempty"`
	Summary      string   `json:"summary,omitempty"`
	Description  string   `json:"description,omitempty"`
	Comment      string   `json:"comment,omitempty"`
	Hashes       []hash3  `json:"verifiedUsing,omitempty"`
	Identifiers  []name3  `json:"externalIdentifier,omitempty"`
	References   []link3  `json:"externalRef,omitempty"`
	Extensions   []props3 `json:"extension,omitempty"`

	SpecVersion  string   `json:"specVersion,omitempty"` // CreationInfo
	Created      string   `json:"created,omitempty"`
	CreatedBy    []string `json:"createdBy,omitempty"`
	CreatedUsing []string `json:"createdUsing,omitempty"`

	Profiles    []string `json:"profileConformance,omitempty"` // SpdxDocument, software_Sbom
	DataLicense string   `json:"dataLicense,omitempty"`
	Root        []string `json:"rootElement,omitempty"`
	Elements    []string `json:"element,omitempty"`
	SBOMType    []string `json:"software_sbomType,omitempty"`

	SuppliedBy   string   `json:"suppliedBy,omitempty"` // software_Package
	OriginatedBy []string `json:"originatedBy,omitempty"`
	Version      string   `json:"software_packageVersion,omitempty"`
	PURL         string   `json:"software_packageUrl,omitempty"`
	Download     string   `json:"software_downloadLocation,omitempty"`
	Homepage     string   `json:"software_homePage,omitempty"`
	Copyright    string   `json:"software_copyrightText,omitempty"`
	Purpose      string   `json:"software_primaryPurpose,omitempty"`

	From         string   `json:"from,omitempty"` // Relationship
	Relationship string   `json:"relationshipType,omitempty"`
	To           []string `json:"to,omitempty"`
	Completeness string   `json:"completeness,omitempty"`

	Expression  string   `json:"simplelicensing_licenseExpression,omitempty"` // LicenseExpression
	CustomIDs   []entry3 `json:"simplelicensing_customIdToUri,omitempty"`
	LicenseText string   `json:"simplelicensing_licenseText,omitempty"` // SimpleLicensingText
}

type hash3 struct {
	Type      string `json:"type"`
	Algorithm string `json:"algorithm"`
	Value     string `json:"hashValue"`
}

type name3 struct {
	Type       string `json:"type"`
	Kind       string `json:"externalIdentifierType"`
	Identifier string `json:"identifier"`
}

type link3 struct {
	Type    string   `json:"type"`
	Kind    string   `json:"externalRefType"`
	Locator []string `json:"locator"`
	Comment string   `json:"comment,omitempty"`
}

type props3 struct {
	Type       string  `json:"type"`
	Properties []prop3 `json:"extension_cdxProperty"`
}

type prop3 struct {
	Type  string `json:"type"`
	Name  string `json:"extension_cdxPropName"`
	Value string `json:"extension_cdxPropValue,omitempty"`
}

type entry3 struct {
	Type  string `json:"type"`
	Key   string `json:"key"`
	Value string `json:"value"`
}

// A graph3 makes the graph of a document.
type graph3 struct {
	doc      *Document
	bom      *cdx.BOM
	elements []*element3
	agents   []*element3
	tools    []*element3
	licenses []*element3
	ids      map[string]string // of what was made once: agents, tools, licences
	purposes map[string]string // those that SPDX 2.3 has no word for, by the package's id
	settled  map[string]bool   // the pointers of losses that are none here
	lost     []Loss
	extended bool // some element has an extension
	numbers  int  // of relationships
}

const (
	creation3 = "_:creation"
	none3     = "https://spdx.org/rdf/" + Version3 + "/terms/Core/NoneElement" // nothing, and that is known
)

func (g *graph3) build() {
	g.purposeOf(g.bom)
	creation := &element3{Type: "CreationInfo", Blank: creation3, SpecVersion: Version3, Created: g.doc.CreationInfo.Created, Comment: g.doc.CreationInfo.Comment}
	for _, text := range g.doc.CreationInfo.Creators {
		if readAgent(text).kind == "Tool" {
			creation.CreatedUsing = append(creation.CreatedUsing, g.agent(text))
		} else {
			creation.CreatedBy = append(creation.CreatedBy, g.agent(text))
		}
	}
	if len(creation.CreatedBy) == 0 { // the specification wants one, and a program is an agent too
		creation.CreatedBy = []string{g.softwareAgent()}
	}
	texts := g.texts()
	packages := []*element3{}
	for i := range g.doc.Packages {
		packages = append(packages, g.pkg(&g.doc.Packages[i]))
	}
	relationships, roots := g.relationships(g.completeness())
	for i := range g.doc.Packages {
		p := &g.doc.Packages[i]
		for _, l := range []struct{ kind, expression string }{{"hasConcludedLicense", p.LicenseConcluded}, {"hasDeclaredLicense", p.LicenseDeclared}} {
			if l.expression != "" && l.expression != NoAssertion && l.expression != None {
				relationships = append(relationships, g.relationship(g.iri(p.SPDXID), l.kind, g.license(l.expression, texts)))
			}
		}
	}
	document := &element3{Type: "SpdxDocument", ID: g.iri(DocumentID), CreationInfo: creation3, Name: g.doc.Name, DataLicense: g.license(g.doc.DataLicense, nil), Extensions: g.properties(g.doc.Annotations)}
	bill := &element3{Type: "software_Sbom", ID: g.iri("Sbom"), CreationInfo: creation3, Root: roots, SBOMType: g.sbomTypes()}
	for _, list := range [][]*element3{packages, relationships} {
		bill.Elements = append(bill.Elements, idsOf(list)...)
	}
	document.Root = []string{bill.ID}
	rest := slices.Concat(g.agents, g.tools, g.licenses, packages, relationships)
	document.Elements = append([]string{bill.ID}, idsOf(rest)...)
	document.Profiles = []string{"core", "software", "simpleLicensing"}
	if g.extended {
		document.Profiles = append(document.Profiles, "extension")
	}
	g.elements = append([]*element3{creation, document, bill}, rest...)
}

func idsOf(list []*element3) (ids []string) {
	for _, e := range list {
		ids = append(ids, e.ID)
	}
	return ids
}

// iri is the name of an element of this document in the whole world.
func (g *graph3) iri(id string) string { return g.doc.DocumentNamespace + "#" + id }

// agent is who a creator, supplier or originator of SPDX 2.3 is.
func (g *graph3) agent(text string) string {
	if id, ok := g.ids[text]; ok {
		return id
	}
	p := readAgent(text)
	e := &element3{Type: p.kind, ID: g.iri(p.kind + "-" + escape(strings.TrimPrefix(text, p.kind+": "))), CreationInfo: creation3, Name: p.name}
	if p.kind == "Tool" {
		e.Name = strings.TrimPrefix(text, "Tool: ")
		g.tools = append(g.tools, e)
	} else {
		if p.extra != "" {
			e.Identifiers = []name3{{"ExternalIdentifier", "email", p.extra}}
		}
		g.agents = append(g.agents, e)
	}
	g.ids[text] = e.ID
	return e.ID
}

func (g *graph3) softwareAgent() string {
	e := &element3{Type: "SoftwareAgent", ID: g.iri("SoftwareAgent"), CreationInfo: creation3, Name: strings.TrimPrefix(toolMark, "Tool: ")}
	g.agents = append(g.agents, e)
	return e.ID
}

// texts are the licences that are not on the list, by their ids.
func (g *graph3) texts() map[string]string {
	out := map[string]string{}
	for _, info := range g.doc.HasExtractedLicensingInfos {
		e := &element3{Type: "simplelicensing_SimpleLicensingText", ID: g.iri(info.LicenseID), CreationInfo: creation3, Name: info.Name, Comment: info.Comment, LicenseText: info.ExtractedText}
		if len(info.SeeAlsos) > 0 {
			e.References = []link3{{"ExternalRef", "license", info.SeeAlsos, ""}}
		}
		g.licenses = append(g.licenses, e)
		out[info.LicenseID] = e.ID
	}
	return out
}

// references3 are the kinds of references that both languages have. It is never written to.
var references3 = map[string]string{
	"advisory": "securityAdvisory", "vcs": "vcs", "issue-tracker": "issueTracker", "mailing-list": "mailingList", "social": "socialMedia", "chat": "chat", "documentation": "documentation",
	"support": "support", "source-distribution": "sourceArtifact", "distribution": "altDownloadLocation", "website": "altWebPage", "license": "license", "build-meta": "buildMeta",
	"build-system": "buildSystem", "release-notes": "releaseNotes", "security-contact": "securityOther", "threat-model": "securityThreatModel", "adversary-model": "securityAdversaryModel",
	"risk-assessment": "riskAssessment", "vulnerability-assertion": "vulnerabilityDisclosureReport", "exploitability-statement": "vulnerabilityExploitabilityAssessment",
	"pentest-report": "securityPenTestReport", "static-analysis-report": "staticAnalysisReport", "dynamic-analysis-report": "dynamicAnalysisReport",
	"runtime-analysis-report": "runtimeAnalysisReport", "component-analysis-report": "componentAnalysisReport", "certification-report": "certificationReport",
	"quality-metrics": "metrics", "attestation": "secureSoftwareAttestation",
}
