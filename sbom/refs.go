package sbom

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

// checkRefs reports a bom-ref that is used twice, anywhere in the document, and
// a dependency or composition that names none (CycloneDX 1.6, bom-ref and
// dependencies). Two entries for one ref are a contradiction as well. It walks
// every component, and so it is here that each is checked.
func checkRefs(bom *cdx.BOM) error {
	size := 8
	if bom.Components != nil {
		size += len(*bom.Components)
	}
	r := refs{seen: make(map[string]bool, size)}
	if bom.Metadata != nil {
		r.component(bom.Metadata.Component)
		r.rest(reflect.ValueOf(bom.Metadata.Tools))
		r.rest(reflect.ValueOf(bom.Metadata.Licenses))
		for _, organization := range []*cdx.OrganizationalEntity{bom.Metadata.Manufacture, bom.Metadata.Manufacturer, bom.Metadata.Supplier} {
			r.rest(reflect.ValueOf(organization))
		}
		r.rest(reflect.ValueOf(bom.Metadata.Authors))
	}
	r.components(bom.Components)
	r.rest(reflect.ValueOf(bom.Services))
	r.rest(reflect.ValueOf(bom.ExternalReferences))
	if bom.Compositions != nil {
		for _, c := range *bom.Compositions {
			r.add(c.BOMRef)
		}
	}
	r.rest(reflect.ValueOf(bom.Vulnerabilities))
	r.rest(reflect.ValueOf(bom.Annotations))
	r.rest(reflect.ValueOf(bom.Formulation))
	r.rest(reflect.ValueOf(bom.Declarations))
	r.rest(reflect.ValueOf(bom.Definitions))
	r.rest(reflect.ValueOf(bom.Citations))
	if r.err != nil {
		return r.err
	}
	return r.resolve(bom)
}

// refs are the bom-refs of a document.
type refs struct {
	seen map[string]bool
	err  error // the first
}

func (r *refs) add(ref string) {
	if ref == "" {
		return
	}
	if r.seen[ref] && r.err == nil {
		r.err = fmt.Errorf("bom-ref %q is used twice", ref)
	}
	r.seen[ref] = true
}

func (r *refs) components(list *[]cdx.Component) {
	if list == nil {
		return
	}
	for i := range *list {
		r.component(&(*list)[i])
	}
}

// component walks the common members by name: reflection would take longer
// than everything else about a BOM.
func (r *refs) component(c *cdx.Component) {
	if c == nil {
		return
	}
	if r.err == nil {
		r.err = checkComponent(c)
	}
	r.add(c.BOMRef)
	r.components(c.Components)
	if p := c.Pedigree; p != nil {
		r.components(p.Ancestors)
		r.components(p.Descendants)
		r.components(p.Variants)
	}
	if c.Supplier != nil || c.Manufacturer != nil || c.Authors != nil || c.Licenses != nil || c.Evidence != nil ||
		c.ReleaseNotes != nil || c.ModelCard != nil || c.Data != nil || c.CryptoProperties != nil || c.PatentAssertions != nil {
		rest := *c
		rest.BOMRef, rest.Components, rest.Pedigree = "", nil, nil
		r.rest(reflect.ValueOf(rest))
	}
}

// rest walks anything, looking for members that the model calls BOMRef.
func (r *refs) rest(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			r.rest(v.Elem())
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return
		}
		for i := range v.Len() {
			r.rest(v.Index(i))
		}
	case reflect.Struct:
		if l, ok := v.Interface().(cdx.License); ok && l.ID == "" && l.Name == "" && r.err == nil {
			r.err = errors.New("a license has neither id nor name")
		}
		for i := range v.NumField() {
			field := v.Type().Field(i)
			switch {
			case !field.IsExported():
			case field.Name == "BOMRef" && field.Type.Kind() == reflect.String:
				r.add(v.Field(i).String())
			default:
				r.rest(v.Field(i))
			}
		}
	}
}

// resolve reports the first reference to what is not there. References into
// other documents (BOM-Link) are theirs to resolve.
func (r *refs) resolve(bom *cdx.BOM) error {
	find := func(ref, where, of string) error {
		if r.seen[ref] || strings.HasPrefix(ref, "urn:cdx:") {
			return nil
		}
		return fmt.Errorf("%s %q names %q, and nothing has that bom-ref", where, of, ref)
	}
	if bom.Dependencies != nil {
		entries := make(map[string]bool, len(*bom.Dependencies))
		for _, d := range *bom.Dependencies {
			if err := find(d.Ref, "dependency", d.Ref); err != nil {
				return err
			}
			if entries[d.Ref] {
				return fmt.Errorf("dependencies have two entries for %q", d.Ref)
			}
			entries[d.Ref] = true
			for _, list := range []*[]string{d.Dependencies, d.Provides} {
				if list == nil {
					continue
				}
				for _, ref := range *list {
					if err := find(ref, "dependency", d.Ref); err != nil {
						return err
					}
				}
			}
		}
	}
	if bom.Compositions != nil {
		for _, c := range *bom.Compositions {
			for _, list := range []*[]cdx.BOMReference{c.Assemblies, c.Dependencies, c.Vulnerabilities} {
				if list == nil {
					continue
				}
				for _, ref := range *list {
					if err := find(string(ref), "composition", string(c.Aggregate)); err != nil {
						return err
					}
				}
			}
		}
	}
	return nil
}
