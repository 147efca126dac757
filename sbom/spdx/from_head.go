package spdx

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/touchmark-go/touchmark/internal/uuid"
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
