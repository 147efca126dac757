package spdx

import (
	"slices"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

// license is the element of an expression; those of the same text are one.
func (g *graph3) license(expression string, texts map[string]string) string {
	key := "license " + expression
	if id, ok := g.ids[key]; ok {
		return id
	}
	e := &element3{Type: "simplelicensing_LicenseExpression", ID: g.iri("License-" + escape(expression)), CreationInfo: creation3, Expression: expression}
	for _, word := range strings.FieldsFunc(expression, func(r rune) bool { return strings.ContainsRune(" ()", r) }) {
		if id, ok := texts[word]; ok && !slices.ContainsFunc(e.CustomIDs, func(c entry3) bool { return c.Key == word }) {
			e.CustomIDs = append(e.CustomIDs, entry3{"DictionaryEntry", word, id})
		}
	}
	g.licenses = append(g.licenses, e)
	g.ids[key] = e.ID
	return e.ID
}

// algorithm3 is SPDX 2.3's spelling of an algorithm in that of 3.0.1.
func algorithm3(name string) string {
	name = strings.ToLower(name)
	if rest, ok := strings.CutPrefix(name, "sha3-"); ok {
		return "sha3_" + rest
	}
	return strings.ReplaceAll(name, "-", "")
}

func (g *graph3) pkg(p *Package) *element3 {
	e := &element3{
		Type: "software_Package", ID: g.iri(p.SPDXID), CreationInfo: creation3, Name: p.Name, Version: p.VersionInfo, Summary: p.Summary, Description: p.Description, Comment: p.Comment,
		Homepage: p.Homepage, Purpose: purpose3(p.PrimaryPackagePurpose), Extensions: g.properties(p.Annotations),
	}
	if own := g.purposes[p.SPDXID]; own != "" {
		e.Purpose = own
	}
	if p.DownloadLocation != NoAssertion && p.DownloadLocation != None {
		e.Download = p.DownloadLocation
	}
	if p.CopyrightText != NoAssertion {
		e.Copyright = p.CopyrightText
	}
	if p.Supplier != "" && p.Supplier != NoAssertion {
		e.SuppliedBy = g.agent(p.Supplier)
	}
	if p.Originator != "" && p.Originator != NoAssertion {
		e.OriginatedBy = []string{g.agent(p.Originator)}
	}
	for _, c := range p.Checksums {
		e.Hashes = append(e.Hashes, hash3{"Hash", algorithm3(c.Algorithm), c.Value})
	}
	for _, r := range p.ExternalRefs {
		switch r.Type {
		case "purl":
			e.PURL = r.Locator
		case "cpe23Type", "cpe22Type":
			e.Identifiers = append(e.Identifiers, name3{"ExternalIdentifier", strings.TrimSuffix(r.Type, "Type"), r.Locator})
		case "swh":
			e.Identifiers = append(e.Identifiers, name3{"ExternalIdentifier", "swhid", r.Locator})
		case "gitoid":
			e.Identifiers = append(e.Identifiers, name3{"ExternalIdentifier", "gitoid", r.Locator})
		default:
			kind, ok := references3[r.Type]
			if !ok {
				kind = "other"
				r.Comment = strings.TrimSuffix("CycloneDX: "+r.Type+". "+r.Comment, ". ")
			}
			e.References = append(e.References, link3{"ExternalRef", kind, []string{r.Locator}, r.Comment})
		}
	}
	return e
}

func purpose3(word string) string {
	if word == "OPERATING_SYSTEM" {
		return "operatingSystem"
	}
	return strings.ToLower(word)
}

// purposeOf finds the types that SPDX 3.0.1 has a word for, and 2.3 has not.
func (g *graph3) purposeOf(bom *cdx.BOM) {
	words := map[cdx.ComponentType]string{cdx.ComponentTypeData: "data", cdx.ComponentTypeMachineLearningModel: "model", cdx.ComponentTypePlatform: "platform", cdx.ComponentTypeDeviceDriver: "deviceDriver"}
	var look func(pointer string, c *cdx.Component)
	list := func(pointer string, all *[]cdx.Component) {
		if all != nil {
			for i := range *all {
				look(at(pointer, i), &(*all)[i])
			}
		}
	}
	look = func(pointer string, c *cdx.Component) {
		if word := words[c.Type]; word != "" && c.BOMRef != "" {
			g.purposes[idOf(c.BOMRef)], g.settled[pointer+"/type"] = word, true
		}
		list(pointer+"/components", c.Components)
		if c.Pedigree != nil {
			list(pointer+"/pedigree/ancestors", c.Pedigree.Ancestors)
		}
	}
	if m := bom.Metadata; m != nil && m.Component != nil {
		look("/metadata/component", m.Component)
	}
	list("/components", bom.Components)
}

// properties are those of CycloneDX, which [FromCycloneDX] makes annotations of.
func (g *graph3) properties(notes []Annotation) []props3 {
	var out []prop3
	for _, n := range notes {
		if text, ok := strings.CutPrefix(n.Comment, propertyMark); ok {
			name, value, _ := strings.Cut(text, "=")
			out = append(out, prop3{"extension_CdxPropertyEntry", name, value})
		}
	}
	if out == nil {
		return nil
	}
	g.extended = true
	return []props3{{"extension_CdxPropertiesExtension", out}}
}
