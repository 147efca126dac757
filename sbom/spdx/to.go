package spdx

import (
	"errors"
	"fmt"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/touchmark-go/touchmark/internal/uuid"
)

// ToCycloneDX is the BOM that says what doc says, and what could not be said. It
// is the way back from [FromCycloneDX], and takes documents that others made.
//
// Packages and files become components, under a bom-ref that their SPDXID
// spells. What the document describes becomes the main component if it is one
// thing alone. CONTAINS puts a component into another one, DEPENDS_ON and its
// relatives become dependencies, ANCESTOR_OF and DESCENDANT_OF a pedigree. A
// package of which nobody says what it is becomes a library, since CycloneDX
// demands a type. NOASSERTION becomes nothing at all. The BOM is of CycloneDX
// 1.6, or 1.7 where a component has an expression beside another licence.
//
// The error says what is wrong with doc, as [Parse] would have.
func ToCycloneDX(doc *Document) (*cdx.BOM, []Loss, error) {
	if doc == nil {
		return nil, nil, errors.New("SPDX: there is no document")
	}
	if err := check(doc); err != nil {
		return nil, nil, fmt.Errorf("SPDX: %w", err)
	}
	var lost []Loss
	t := newTo(doc, func(l Loss) { lost = append(lost, l) })
	var all []cdx.Component
	for i := range doc.Packages {
		t.graph.add(doc.Packages[i].SPDXID)
		all = append(all, t.pkg(at("/packages", i), &doc.Packages[i]))
	}
	for i := range doc.Files {
		t.graph.add(doc.Files[i].SPDXID)
		all = append(all, t.file(at("/files", i), &doc.Files[i]))
	}
	t.graph.seal() // no id stands twice in a document that was checked
	for i, id := range doc.DocumentDescribes {
		t.graph.describes(at("/documentDescribes", i), id)
	}
	for i := range doc.Packages {
		for j, id := range doc.Packages[i].HasFiles {
			t.graph.contains(at(at("/packages", i)+"/hasFiles", j), doc.Packages[i].SPDXID, id)
		}
	}
	for i := range doc.Relationships {
		t.graph.relationship(at("/relationships", i), &doc.Relationships[i])
	}
	main := t.graph.finish()
	load := func(n int32) (cdx.Component, error) { return all[n], nil }
	bom, err := t.head(main, load)
	if err != nil {
		return nil, nil, err
	}
	var components []cdx.Component
	if err := t.graph.components(main, func(n int32) error {
		c, err := t.graph.component(n, load)
		components = append(components, c)
		return err
	}); err != nil {
		return nil, nil, err
	}
	if components != nil {
		bom.Components = &components
	}
	var dependencies []cdx.Dependency
	if err := t.graph.dependencies(func(d cdx.Dependency) error {
		dependencies = append(dependencies, d)
		return nil
	}); err != nil {
		return nil, nil, err
	}
	if dependencies != nil {
		bom.Dependencies = &dependencies
	}
	return bom, lost, nil
}

// to turns packages and files into components.
type to struct {
	doc   *Document // without the lists that can be long, if it is read part by part
	graph *graph
	infos map[string]*ExtractedLicense
	used  map[string]bool // the LicenseRefs that a component spells out
	mixed bool            // only CycloneDX 1.7 can say it
	lost  func(Loss)
}

func newTo(doc *Document, lost func(Loss)) *to {
	t := &to{doc: doc, infos: map[string]*ExtractedLicense{}, used: map[string]bool{}, lost: lost}
	t.graph = newGraph(t.lose)
	for i := range doc.HasExtractedLicensingInfos {
		t.infos[doc.HasExtractedLicensingInfos[i].LicenseID] = &doc.HasExtractedLicensingInfos[i]
	}
	return t
}

func (t *to) lose(pointer, what, why string) {
	t.lost(Loss{Pointer: pointer, What: clip(what), Why: why})
}

const cdxNoPlace = "CycloneDX has no place for it"

func (t *to) rest(pointer string, v any, handled ...string) {
	rest(pointer, v, t.lose, cdxNoPlace, handled...)
}

// annotations become properties where they are such, and are lost where not.
func (t *to) annotations(pointer string, list []Annotation, c *cdx.Component) {
	for _, p := range t.properties(pointer, list) {
		if c.Properties == nil {
			c.Properties = new([]cdx.Property)
		}
		*c.Properties = append(*c.Properties, p)
	}
}

func (t *to) properties(pointer string, list []Annotation) []cdx.Property {
	var out []cdx.Property
	for i, a := range list {
		text, ok := strings.CutPrefix(a.Comment, propertyMark)
		name, value, ok2 := strings.Cut(text, "=")
		if !ok || !ok2 || a.Annotator != toolMark || a.Type != "OTHER" || a.Date != t.doc.CreationInfo.Created {
			t.lose(at(pointer+"/annotations", i), a.Annotator+": "+a.Comment, cdxNoPlace)
			continue
		}
		out = append(out, cdx.Property{Name: name, Value: value})
	}
	return out
}

// head is the BOM with what the document says of itself, and its main component.
func (t *to) head(main int32, load func(int32) (cdx.Component, error)) (*cdx.BOM, error) {
	d := t.doc
	bom := cdx.NewBOM()
	version := "1.6"
	bom.SpecVersion = cdx.SpecVersion1_6
	if t.mixed {
		bom.SpecVersion, version = cdx.SpecVersion1_7, "1.7"
	}
	bom.JSONSchema, bom.XMLNS = "http://cyclonedx.org/schema/bom-"+version+".schema.json", ""
	bom.Metadata = &cdx.Metadata{Timestamp: d.CreationInfo.Created}
	m := bom.Metadata
	if main >= 0 {
		c, err := t.graph.component(main, load)
		if err != nil {
			return nil, err
		}
		m.Component = &c
	}
	serial := "urn:uuid:" + uuid.FromURL(d.DocumentNamespace)
	if u := trailingUUID().FindStringSubmatch(d.DocumentNamespace); u != nil {
		serial = "urn:uuid:" + u[1]
	}
	bom.SerialNumber = serial
	if name := documentName(m.Component); d.Name != name {
		t.lose("/name", d.Name, cdxNoPlace)
	} else if d.DocumentNamespace != namespaceOf(name, serial) {
		t.lose("/documentNamespace", d.DocumentNamespace, "CycloneDX has a UUID in its place: "+serial)
	}
	m.Licenses = &cdx.Licenses{{License: &cdx.License{ID: "CC0-1.0"}}}
	t.creators(m)
	if comment := d.CreationInfo.Comment; comment != "" && !strings.HasPrefix(comment, convertedMark) {
		t.lose("/creationInfo/comment", comment, cdxNoPlace)
	}
	if d.CreationInfo.LicenseListVersion != "" {
		t.lose("/creationInfo/licenseListVersion", d.CreationInfo.LicenseListVersion, cdxNoPlace)
	}
	if p := t.properties("", d.Annotations); p != nil {
		m.Properties = &p
	}
	for i := range d.HasExtractedLicensingInfos {
		if info := &d.HasExtractedLicensingInfos[i]; !t.used[info.LicenseID] && saysMore(info) {
			t.lose(at("/hasExtractedLicensingInfos", i), info.LicenseID, "CycloneDX has texts of whole licenses only")
		}
	}
	t.rest("", *d, "spdxVersion", "dataLicense", "SPDXID", "name", "documentNamespace", "creationInfo", "documentDescribes", "hasExtractedLicensingInfos",
		"annotations", "packages", "files", "relationships")
	return bom, nil
}

// saysMore reports whether a definition says more than that there is such a licence.
func saysMore(info *ExtractedLicense) bool {
	return info.ExtractedText != NoAssertion || info.Name != "" || info.Comment != "" || len(info.SeeAlsos)+len(info.CrossRefs) > 0
}

func (t *to) creators(m *cdx.Metadata) {
	list := t.doc.CreationInfo.Creators
	if len(list) == 1 && list[0] == toolMark && strings.HasPrefix(t.doc.CreationInfo.Comment, convertedMark) {
		return
	}
	var tools []cdx.Component
	var authors []cdx.OrganizationalContact
	for i, text := range list {
		switch p := readAgent(text); {
		case p.kind == "Tool":
			tools = append(tools, cdx.Component{Type: cdx.ComponentTypeApplication, Name: p.name, Version: p.extra})
		case p.kind == "Person":
			authors = append(authors, cdx.OrganizationalContact{Name: p.name, Email: p.extra})
		case m.Manufacturer == nil:
			m.Manufacturer = entity(p)
		default:
			t.lose(at("/creationInfo/creators", i), text, "CycloneDX has one manufacturer of a BOM")
		}
	}
	if tools != nil {
		m.Tools = &cdx.ToolsChoice{Components: &tools}
	}
	if authors != nil {
		m.Authors = &authors
	}
}
