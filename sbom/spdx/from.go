package spdx

import (
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/touchmark-go/touchmark/internal/uuid"
	"github.com/touchmark-go/touchmark/sbom"
)

// A Loss names what a conversion could not carry.
type Loss = sbom.Loss

// Options tune a conversion. The zero Options are what [FromCycloneDX] uses.
type Options struct {
	// Created is the time of the SPDX document, to the second, where the BOM has
	// none: SPDX demands one. If zero, a BOM without a time is an error.
	Created time.Time
}

// FromCycloneDX is the SPDX document that says what bom says, and what could not
// be said. Equal BOMs give equal documents: nothing is read from the clock.
//
// A component becomes a package, whose SPDXID spells the bom-ref; a component
// inside another one is contained by it; dependsOn becomes DEPENDS_ON, and an
// empty one DEPENDS_ON NONE; the ancestors of a pedigree become packages too;
// the main component is what the document describes. A licence whose
// acknowledgement is not given counts as declared, and one with a name instead
// of an id becomes a LicenseRef. Properties become annotations by "Tool: touchmark".
// The namespace holds the serial number, or a UUIDv5 of the content without one.
//
// The error says what SPDX demands and bom does not have.
func FromCycloneDX(bom *cdx.BOM) (*Document, []Loss, error) { return Options{}.FromCycloneDX(bom) }

// FromCycloneDX is like the function [FromCycloneDX].
func (o Options) FromCycloneDX(bom *cdx.BOM) (*Document, []Loss, error) {
	if bom == nil {
		return nil, nil, errors.New("SPDX: there is no BOM")
	}
	doc := new(Document)
	var lost []Loss
	f := &from{
		licenses: newLicenses(),
		refs:     refSet{},
		lost:     func(l Loss) { lost = append(lost, l) },
		pkg:      func(p Package) { doc.Packages = append(doc.Packages, p) },
		relate:   func(r Relationship) { doc.Relationships = append(doc.Relationships, r) },
	}
	if err := f.head(doc, bom, o, func() (string, error) { return contentID(bom) }); err != nil {
		return nil, nil, fmt.Errorf("SPDX: %w", err)
	}
	f.mainComponent(bom)
	if bom.Components != nil {
		describe := f.describesAll(bom, len(*bom.Components))
		for i := range *bom.Components {
			f.component(at("/components", i), strconv.Itoa(i), &(*bom.Components)[i], describe)
		}
	}
	if bom.Dependencies != nil {
		for i := range *bom.Dependencies {
			f.dependency(at("/dependencies", i), &(*bom.Dependencies)[i])
		}
	}
	doc.HasExtractedLicensingInfos = f.licenses.infos
	if err := check(doc); err != nil {
		return nil, nil, fmt.Errorf("SPDX: the BOM cannot be said in SPDX: %w", err)
	}
	return doc, lost, nil
}

// from turns components into packages. Where they go is for others to say, so
// that a document need not be held in whole.
type from struct {
	created  string
	licenses *licenses
	refs     refs                      // of the packages
	supplier *cdx.OrganizationalEntity // that of the document, where the main component has none
	lost     func(Loss)
	pkg      func(Package)
	relate   func(Relationship)
}

// refs are the bom-refs of the packages so far.
type refs interface {
	add(ref string)
	has(ref string) bool
}

type refSet map[string]bool

func (s refSet) add(ref string)      { s[ref] = true }
func (s refSet) has(ref string) bool { return s[ref] }

func (f *from) lose(pointer, what, why string) {
	f.lost(Loss{Pointer: pointer, What: clip(what), Why: why})
}

const noPlace = "SPDX 2.3 has no place for it"

// rest loses every member of a struct that is there and not handled.
func (f *from) rest(pointer string, v any, handled ...string) {
	rest(pointer, v, f.lose, noPlace, handled...)
}

func rest(pointer string, v any, lose func(pointer, what, why string), why string, handled ...string) {
	value := reflect.ValueOf(v)
fields:
	for i := range value.NumField() {
		field := value.Type().Field(i)
		if !field.IsExported() || value.Field(i).IsZero() {
			continue
		}
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if name == "-" {
			continue
		}
		for _, h := range handled {
			if h == name {
				continue fields
			}
		}
		lose(pointer+"/"+name, describe(name, value.Field(i)), why)
	}
}

// describe is a value in a few words.
func describe(name string, v reflect.Value) string {
	for v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	switch v.Kind() {
	case reflect.String:
		return fmt.Sprintf("%s %q", name, clip(v.String()))
	case reflect.Slice, reflect.Map:
		return fmt.Sprintf("%s, %d of them", name, v.Len())
	case reflect.Struct:
		return name
	}
	return fmt.Sprintf("%s %v", name, v.Interface())
}

// toolMark is who this package is among creators and annotators.
const (
	toolMark       = "Tool: touchmark"
	propertyMark   = "property "
	convertedMark  = "converted from CycloneDX"
	dataLicenseWhy = "SPDX demands that a document is under CC0-1.0"
)

// head is what the document says of itself. id makes a UUID of the content, if
// the BOM has no serial number.
func (f *from) head(doc *Document, bom *cdx.BOM, o Options, id func() (string, error)) error {
	m := bom.Metadata
	if m == nil {
		m = new(cdx.Metadata)
	}
	*doc = Document{SPDXVersion: Version, DataLicense: "CC0-1.0", SPDXID: DocumentID, Name: documentName(m.Component)}
	doc.CreationInfo.Comment = convertedMark + " " + bom.SpecVersion.String()
	if err := f.time(doc, m, o); err != nil {
		return err
	}
	serial := bom.SerialNumber
	if !trailingUUID().MatchString("-" + strings.TrimPrefix(serial, "urn:uuid:")) {
		if serial != "" {
			f.lose("/serialNumber", serial, "it is no UUID in lower case")
		}
		made, err := id()
		if err != nil {
			return err
		}
		serial = made
	}
	doc.DocumentNamespace = namespaceOf(doc.Name, serial)
	if bom.Version > 1 {
		f.lose("/version", strconv.Itoa(bom.Version), noPlace)
	}
	f.creators(doc, m)
	f.dataLicense(m)
	if m.Properties != nil {
		doc.Annotations = f.properties("/metadata/properties", *m.Properties)
	}
	handled := []string{"timestamp", "tools", "authors", "component", "manufacturer", "licenses", "properties"}
	if m.Supplier != nil && m.Component != nil && m.Component.Supplier == nil {
		handled = append(handled, "supplier")
	}
	f.rest("/metadata", *m, handled...)
	f.rest("", *bom, "$schema", "bomFormat", "specVersion", "serialNumber", "version", "metadata", "components", "dependencies")
	return nil
}

// contentID is a UUIDv5 of what the BOM says.
func contentID(bom *cdx.BOM) (string, error) {
	data, err := json.Marshal(bom)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(data)
	return contentUUID(sum[:]), nil
}

func contentUUID(sum []byte) string { return uuid.FromURL(spdxDocs + fmt.Sprintf("%x", sum)) }

// documentName is the name of the document about c.
func documentName(c *cdx.Component) string {
	switch {
	case c == nil || c.Name == "":
		return "bom"
	case c.Version == "":
		return c.Name
	}
	return c.Name + " " + c.Version
}

func (f *from) time(doc *Document, m *cdx.Metadata, o Options) error {
	f.created = o.Created.UTC().Format("2006-01-02T15:04:05Z")
	if m.Timestamp != "" {
		t, err := time.Parse(time.RFC3339, m.Timestamp)
		if err != nil {
			return fmt.Errorf("metadata.timestamp is %q, want RFC 3339", clip(m.Timestamp))
		}
		if t.Nanosecond() != 0 {
			f.lose("/metadata/timestamp", m.Timestamp, "the fraction of the second: SPDX has whole seconds")
		}
		f.created = t.UTC().Format("2006-01-02T15:04:05Z")
	} else if o.Created.IsZero() {
		return errors.New("the BOM has no metadata.timestamp, and SPDX demands a time: set Options.Created")
	}
	doc.CreationInfo.Created = f.created
	return nil
}

// creators are the people, the manufacturer and the tools of the document.
func (f *from) creators(doc *Document, m *cdx.Metadata) {
	add := func(pointer string, p party) {
		if text, ok := p.agent(); ok {
			doc.CreationInfo.Creators = append(doc.CreationInfo.Creators, text)
			return
		}
		f.lose(pointer, fmt.Sprintf("%s %q %q", p.kind, p.name, p.extra), "SPDX's creators cannot spell it")
	}
	if m.Authors != nil {
		for i, a := range *m.Authors {
			pointer := at("/metadata/authors", i)
			add(pointer, party{"Person", a.Name, a.Email})
			f.rest(pointer, a, "name", "email")
		}
	}
	if m.Manufacturer != nil {
		add("/metadata/manufacturer", f.organization("/metadata/manufacturer", m.Manufacturer))
	}
	if t := m.Tools; t != nil {
		if t.Tools != nil {
			for i, tool := range *t.Tools {
				pointer := at("/metadata/tools", i)
				add(pointer, party{"Tool", tool.Name, tool.Version})
				f.rest(pointer, tool, "name", "version")
			}
		}
		if t.Components != nil {
			for i, c := range *t.Components {
				pointer := at("/metadata/tools/components", i)
				add(pointer, party{"Tool", c.Name, c.Version})
				handled := []string{"name", "version"}
				if c.Type == cdx.ComponentTypeApplication {
					handled = append(handled, "type")
				}
				f.rest(pointer, c, handled...)
			}
		}
		if t.Services != nil && len(*t.Services) > 0 {
			f.lose("/metadata/tools/services", fmt.Sprintf("services, %d of them", len(*t.Services)), noPlace)
		}
	}
	if len(doc.CreationInfo.Creators) == 0 {
		doc.CreationInfo.Creators = []string{toolMark}
	}
}

// organization is the name of an organization, and the address of its only contact.
func (f *from) organization(pointer string, o *cdx.OrganizationalEntity) party {
	p := party{kind: "Organization", name: o.Name}
	handled := []string{"name"}
	if o.Contact != nil && len(*o.Contact) == 1 {
		if c := (*o.Contact)[0]; c == (cdx.OrganizationalContact{Email: c.Email}) && c.Email != "" {
			p.extra = c.Email
			handled = append(handled, "contact")
		}
	}
	f.rest(pointer, *o, handled...)
	return p
}

// dataLicense loses the licence of the document, unless it is the one that SPDX demands.
func (f *from) dataLicense(m *cdx.Metadata) {
	if m.Licenses == nil || len(*m.Licenses) == 0 {
		return
	}
	if l := *m.Licenses; len(l) == 1 && l[0].License != nil && l[0].License.ID == "CC0-1.0" {
		f.rest("/metadata/licenses/0/license", *l[0].License, "id")
		return
	}
	f.lose("/metadata/licenses", fmt.Sprintf("licenses, %d of them", len(*m.Licenses)), dataLicenseWhy)
}

func (f *from) mainComponent(bom *cdx.BOM) {
	if m := bom.Metadata; m != nil && m.Component != nil {
		f.component("/metadata/component", "main", f.main(m), f.describe)
	}
}

// describesAll is what is told of the components: without a main component the
// document describes all of them, unless there is but one.
func (f *from) describesAll(bom *cdx.BOM, components int) func(id string) {
	if bom.Metadata != nil && bom.Metadata.Component != nil || components == 1 {
		return nil
	}
	return f.describe
}

// main is the main component, with the supplier that the document names for it.
func (f *from) main(m *cdx.Metadata) *cdx.Component {
	c := *m.Component
	if c.Supplier == nil && m.Supplier != nil {
		c.Supplier, f.supplier = m.Supplier, m.Supplier
	}
	return &c
}

func (f *from) describe(id string) {
	f.relate(Relationship{Element: DocumentID, Type: "DESCRIBES", Related: id})
}

func (f *from) properties(pointer string, list []cdx.Property) []Annotation {
	var notes []Annotation
	for i, p := range list {
		if strings.Contains(p.Name, "=") {
			f.lose(at(pointer, i), p.Name, "a name with '=' in it cannot be told from its value")
			continue
		}
		notes = append(notes, Annotation{Date: f.created, Type: "OTHER", Annotator: toolMark, Comment: propertyMark + p.Name + "=" + p.Value})
	}
	return notes
}

func (f *from) dependency(pointer string, d *cdx.Dependency) {
	if d.Provides != nil && len(*d.Provides) > 0 {
		f.lose(pointer+"/provides", fmt.Sprintf("provides, %d of them", len(*d.Provides)), noPlace)
	}
	if !f.refs.has(d.Ref) {
		f.lose(pointer, fmt.Sprintf("the dependencies of %q", clip(d.Ref)), "it is no package of this document")
		return
	}
	if d.Dependencies == nil || len(*d.Dependencies) == 0 {
		f.relate(Relationship{Element: idOf(d.Ref), Type: "DEPENDS_ON", Related: None})
		return
	}
	for i, on := range *d.Dependencies {
		if !f.refs.has(on) {
			f.lose(at(pointer+"/dependsOn", i), on, "it is no package of this document")
			continue
		}
		f.relate(Relationship{Element: idOf(d.Ref), Type: "DEPENDS_ON", Related: idOf(on)})
	}
}

// purposeOf is the purpose of a type. It is never written to.
var purposeOf = map[cdx.ComponentType]string{
	cdx.ComponentTypeApplication: "APPLICATION", cdx.ComponentTypeFramework: "FRAMEWORK", cdx.ComponentTypeLibrary: "LIBRARY",
	cdx.ComponentTypeContainer: "CONTAINER", cdx.ComponentTypeOS: "OPERATING_SYSTEM", cdx.ComponentTypeDevice: "DEVICE",
	cdx.ComponentTypeFirmware: "FIRMWARE", cdx.ComponentTypeFile: "FILE",
}

// component turns c and what stands in it into packages. place tells components
// without a bom-ref apart; placed, if not nil, is told the id.
func (f *from) component(pointer, place string, c *cdx.Component, placed func(id string)) {
	id := "SPDXRef-" + unnamed + place
	if c.BOMRef != "" {
		id = idOf(c.BOMRef)
		f.refs.add(c.BOMRef)
		if refOf(id) != c.BOMRef {
			f.lose(pointer+"/bom-ref", c.BOMRef, "SPDX spells it otherwise: "+clip(id))
		}
	}
	no := false
	p := Package{
		SPDXID: id, Name: c.Name, VersionInfo: c.Version, Description: c.Description, FilesAnalyzed: &no, DownloadLocation: NoAssertion,
		PrimaryPackagePurpose: cmp.Or(purposeOf[c.Type], "OTHER"),
	}
	if p.PrimaryPackagePurpose == "OTHER" {
		f.lose(pointer+"/type", string(c.Type), "SPDX 2.3 has no such purpose")
	}
	f.parties(pointer, c, &p)
	f.identity(pointer, c, &p)
	f.hashes(pointer, c, &p)
	f.licenses.of(f, pointer, c, &p)
	switch c.Copyright {
	case None, NoAssertion:
		f.lose(pointer+"/copyright", c.Copyright, "SPDX means something else by that word")
	default:
		p.CopyrightText = cmp.Or(c.Copyright, NoAssertion)
	}
	if c.ExternalReferences != nil {
		f.references(pointer+"/externalReferences", *c.ExternalReferences, &p)
	}
	if c.Properties != nil {
		p.Annotations = f.properties(pointer+"/properties", *c.Properties)
	}
	f.rest(pointer, *c, "bom-ref", "type", "name", "version", "description", "supplier", "manufacturer", "authors", "hashes", "licenses", "copyright",
		"cpe", "purl", "omniborId", "swhid", "externalReferences", "properties", "components", "pedigree")
	f.pkg(p)
	if placed != nil {
		placed(id)
	}
	f.inside(pointer, place, c, id)
}

// inside are the components in c, and its ancestors.
func (f *from) inside(pointer, place string, c *cdx.Component, id string) {
	if c.Components != nil {
		for i := range *c.Components {
			f.component(at(pointer+"/components", i), place+"."+strconv.Itoa(i), &(*c.Components)[i], func(child string) {
				f.relate(Relationship{Element: id, Type: "CONTAINS", Related: child})
			})
		}
	}
	if c.Pedigree == nil {
		return
	}
	f.rest(pointer+"/pedigree", *c.Pedigree, "ancestors")
	if c.Pedigree.Ancestors != nil {
		for i := range *c.Pedigree.Ancestors {
			f.component(at(pointer+"/pedigree/ancestors", i), place+".a"+strconv.Itoa(i), &(*c.Pedigree.Ancestors)[i], func(ancestor string) {
				f.relate(Relationship{Element: ancestor, Type: "ANCESTOR_OF", Related: id})
			})
		}
	}
}

// parties are the supplier and the originator.
func (f *from) parties(pointer string, c *cdx.Component, p *Package) {
	if c.Supplier != nil {
		where := pointer + "/supplier"
		if f.supplier == c.Supplier {
			where = "/metadata/supplier"
		}
		text, ok := f.organization(where, c.Supplier).agent()
		if p.Supplier = text; !ok {
			p.Supplier = ""
			f.lose(where, c.Supplier.Name, "SPDX's supplier cannot spell it")
		}
	}
	if c.Manufacturer != nil {
		text, ok := f.organization(pointer+"/manufacturer", c.Manufacturer).agent()
		if p.Originator = text; !ok {
			p.Originator = ""
			f.lose(pointer+"/manufacturer", c.Manufacturer.Name, "SPDX's originator cannot spell it")
		}
	}
	if c.Authors == nil {
		return
	}
	for i, a := range *c.Authors {
		where := at(pointer+"/authors", i)
		text, ok := party{"Person", a.Name, a.Email}.agent()
		if p.Originator != "" || !ok {
			f.lose(where, a.Name+" "+a.Email, "SPDX has one originator, of a plain name")
			continue
		}
		p.Originator = text
		f.rest(where, a, "name", "email")
	}
}

// identity is what others call the component.
func (f *from) identity(pointer string, c *cdx.Component, p *Package) {
	add := func(pointer, category, typ, locator string) {
		if strings.ContainsAny(locator, " \t\r\n") || locator == "" || typ == "purl" && !strings.HasPrefix(locator, "pkg:") {
			f.lose(pointer, locator, "it is no locator for SPDX")
			return
		}
		p.ExternalRefs = append(p.ExternalRefs, ExternalRef{Category: category, Type: typ, Locator: locator})
	}
	if c.PackageURL != "" {
		add(pointer+"/purl", "PACKAGE-MANAGER", "purl", c.PackageURL)
	}
	if strings.HasPrefix(c.CPE, "cpe:2.3:") {
		add(pointer+"/cpe", "SECURITY", "cpe23Type", c.CPE)
	} else if c.CPE != "" {
		add(pointer+"/cpe", "SECURITY", "cpe22Type", c.CPE)
	}
	if c.SWHID != nil {
		for i, id := range *c.SWHID {
			add(at(pointer+"/swhid", i), "PERSISTENT-ID", "swh", id)
		}
	}
	if c.OmniborID != nil {
		for i, id := range *c.OmniborID {
			add(at(pointer+"/omniborId", i), "PERSISTENT-ID", "gitoid", id)
		}
	}
}

// algorithmOf is CycloneDX's spelling as SPDX's. It is never written to.
var algorithmOf = map[cdx.HashAlgorithm]string{
	cdx.HashAlgoMD5: "MD5", cdx.HashAlgoSHA1: "SHA1", cdx.HashAlgoSHA256: "SHA256", cdx.HashAlgoSHA384: "SHA384", cdx.HashAlgoSHA512: "SHA512",
	cdx.HashAlgoSHA3_256: "SHA3-256", cdx.HashAlgoSHA3_384: "SHA3-384", cdx.HashAlgoSHA3_512: "SHA3-512",
	cdx.HashAlgoBlake2b_256: "BLAKE2b-256", cdx.HashAlgoBlake2b_384: "BLAKE2b-384", cdx.HashAlgoBlake2b_512: "BLAKE2b-512", cdx.HashAlgoBlake3: "BLAKE3",
}

func (f *from) hashes(pointer string, c *cdx.Component, p *Package) {
	if c.Hashes == nil {
		return
	}
	for i, h := range *c.Hashes {
		value := strings.ToLower(h.Value)
		n, ok := hashLengths(algorithmOf[h.Algorithm])
		if !ok || n > 0 && n != len(value) || !isHex(value) {
			f.lose(at(pointer+"/hashes", i), fmt.Sprintf("%s %s", h.Algorithm, h.Value), "SPDX 2.3 has no such checksum")
			continue
		}
		p.Checksums = append(p.Checksums, Checksum{Algorithm: algorithmOf[h.Algorithm], Value: value})
	}
}

// references become the homepage, the download location, and other references.
func (f *from) references(pointer string, list []cdx.ExternalReference, p *Package) {
	for i, r := range list {
		where := at(pointer, i)
		f.rest(where, r, "url", "comment", "type")
		plain := r.Comment == "" && r.URL != None && r.URL != NoAssertion && isURI(r.URL)
		switch {
		case plain && r.Type == cdx.ERTypeWebsite && p.Homepage == "":
			p.Homepage = r.URL
		case plain && r.Type == cdx.ERTypeDistribution && p.DownloadLocation == NoAssertion:
			p.DownloadLocation = r.URL
		case r.URL == "" || strings.ContainsAny(r.URL, " \t\r\n") || r.Type == "" || strings.ContainsAny(string(r.Type), " \t\r\n"):
			f.lose(where, fmt.Sprintf("%s %q", r.Type, clip(r.URL)), "it is no locator for SPDX")
		case r.Type == cdx.ERTypeAdvisories:
			p.ExternalRefs = append(p.ExternalRefs, ExternalRef{"SECURITY", "advisory", r.URL, r.Comment})
		default:
			p.ExternalRefs = append(p.ExternalRefs, ExternalRef{"OTHER", string(r.Type), r.URL, r.Comment})
		}
	}
}
