package spdx

import (
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"

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

func (s refSet) add(ref string) { s[ref] = true }

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
