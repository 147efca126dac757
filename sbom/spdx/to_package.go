package spdx

import (
	cdx "github.com/CycloneDX/cyclonedx-go"
)

// typeOf is the type of a purpose.
func typeOf(purpose string) (cdx.ComponentType, bool) {
	for typ, p := range purposeOf {
		if p == purpose {
			return typ, true
		}
	}
	return cdx.ComponentTypeLibrary, false
}

func (t *to) pkg(pointer string, p *Package) cdx.Component {
	typ, ok := typeOf(p.PrimaryPackagePurpose)
	if !ok && p.PrimaryPackagePurpose != "" {
		t.lose(pointer+"/primaryPackagePurpose", p.PrimaryPackagePurpose, "CycloneDX has no such type: it counts as a library")
	}
	c := cdx.Component{Type: typ, Name: p.Name, Version: p.VersionInfo, Description: p.Description}
	if p.Supplier != "" && p.Supplier != NoAssertion {
		c.Supplier = entity(readAgent(p.Supplier))
	}
	if p.Originator != "" && p.Originator != NoAssertion {
		if o := readAgent(p.Originator); o.kind == "Person" {
			c.Authors = &[]cdx.OrganizationalContact{{Name: o.name, Email: o.extra}}
		} else {
			c.Manufacturer = entity(o)
		}
	}
	t.checksums(pointer, p.Checksums, &c)
	t.location(pointer+"/homepage", p.Homepage, cdx.ERTypeWebsite, &c)
	t.location(pointer+"/downloadLocation", p.DownloadLocation, cdx.ERTypeDistribution, &c)
	for i, r := range p.ExternalRefs {
		t.externalRef(at(pointer+"/externalRefs", i), r, &c)
	}
	t.licenses(pointer, p, &c)
	t.copyright(pointer, p.CopyrightText, &c)
	t.annotations(pointer, p.Annotations, &c)
	if p.FilesAnalyzed != nil && *p.FilesAnalyzed {
		t.lose(pointer+"/filesAnalyzed", "filesAnalyzed true", cdxNoPlace)
	}
	t.rest(pointer, *p, "SPDXID", "name", "versionInfo", "description", "supplier", "originator", "downloadLocation", "filesAnalyzed", "checksums", "homepage",
		"licenseConcluded", "licenseDeclared", "copyrightText", "externalRefs", "primaryPackagePurpose", "hasFiles", "annotations")
	return c
}

// entity is a supplier: CycloneDX has organizations only, so a person counts as one.
func entity(p party) *cdx.OrganizationalEntity {
	o := &cdx.OrganizationalEntity{Name: p.name}
	if p.extra != "" {
		o.Contact = &[]cdx.OrganizationalContact{{Email: p.extra}}
	}
	return o
}

func (t *to) licenses(pointer string, p *Package, c *cdx.Component) {
	list, mixed := back(p, t.infos, t.used)
	if len(list) > 0 {
		c.Licenses = &list
	}
	t.mixed = t.mixed || mixed
	if p.LicenseDeclared == None {
		t.lose(pointer+"/licenseDeclared", None, "CycloneDX cannot say that there is none")
	}
	if p.LicenseConcluded == None {
		t.lose(pointer+"/licenseConcluded", None, "CycloneDX cannot say that there is none")
	}
}

func (t *to) copyright(pointer, text string, c *cdx.Component) {
	switch text {
	case NoAssertion:
	case None:
		t.lose(pointer+"/copyrightText", None, "CycloneDX cannot say that there is none")
	default:
		c.Copyright = text
	}
}

func (t *to) file(pointer string, f *File) cdx.Component {
	c := cdx.Component{Type: cdx.ComponentTypeFile, Name: f.FileName}
	t.checksums(pointer, f.Checksums, &c)
	t.licenses(pointer, &Package{LicenseConcluded: f.LicenseConcluded}, &c)
	t.copyright(pointer, f.CopyrightText, &c)
	t.annotations(pointer, f.Annotations, &c)
	t.rest(pointer, *f, "SPDXID", "fileName", "checksums", "licenseConcluded", "copyrightText", "annotations")
	return c
}

func (t *to) checksums(pointer string, list []Checksum, c *cdx.Component) {
	var hashes []cdx.Hash
next:
	for i, s := range list {
		for name, algorithm := range algorithmOf {
			if algorithm == s.Algorithm && (algorithm != "BLAKE3" || sizeOfSchema(len(s.Value))) {
				hashes = append(hashes, cdx.Hash{Algorithm: name, Value: s.Value})
				continue next
			}
		}
		t.lose(at(pointer+"/checksums", i), s.Algorithm+" "+s.Value, "CycloneDX has no such hash")
	}
	if hashes != nil {
		c.Hashes = &hashes
	}
}

// sizeOfSchema reports whether CycloneDX's schema takes a hash of that length.
func sizeOfSchema(n int) bool { return n == 32 || n == 40 || n == 64 || n == 96 || n == 128 }
