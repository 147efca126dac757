package spdx

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

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
