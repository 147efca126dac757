package sbom

import (
	"errors"
	"fmt"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

// PropertyMerged is "true" of a main component that [Merge] made: it stands for
// the documents below it.
const PropertyMerged = "touchmark:merged"

// maxMerged is how many components a document may have that [Merge] makes.
const maxMerged = 1 << 20

// Merge makes one document of several: that of a product, by name and version,
// whose parts are what the documents are about. Their order does not matter, a
// document that comes twice counts once, and merging a product's document with
// more of its parts is the same as merging all parts at once.
//
// The main component of each document becomes a component that the product
// depends on. A component that several documents have, the same in every word
// but its bom-ref, is there once, with the dependencies that any of them gives
// it. Bom-refs are new: the name and version, "#", and the beginning of a digest
// of the component itself, so that those of different documents never meet. What
// the compositions say of a component is never more than each document says that
// has it: of complete and incomplete it is incomplete, and of one that says
// nothing unknown.
//
// conflicts name what the documents disagree about, components of one package
// URL, or one name, and version that differ in content or licence: both stay. They also name
// the parts of documents that are not carried over: services, formulation,
// annotations, declarations, definitions, citations, signatures, and
// vulnerabilities, which belong into a VEX document. The error says that there
// is nothing to merge, or a document without a main component.
func Merge(name, version string, boms ...*cdx.BOM) (bom *cdx.BOM, conflicts []string, err error) {
	if name == "" {
		return nil, nil, errors.New("the product has no name")
	}
	if len(boms) == 0 {
		return nil, nil, errors.New("there is no document to merge")
	}
	m := merging{name: name, version: version, parts: map[string]*mergedPart{}, top: map[string]bool{}, lost: map[string]bool{}}
	for i, b := range boms {
		if b == nil || metadata(b).Component == nil {
			return nil, nil, fmt.Errorf("document %d has no main component, and nobody could say what of the product it is", i+1)
		}
		if err := m.add(b); err != nil {
			return nil, nil, fmt.Errorf("document %d: %w", i+1, err)
		}
	}
	bom = m.bom()
	if err := SetSerial(bom); err != nil {
		return nil, nil, err
	}
	if err := check(bom); err != nil {
		return nil, nil, err
	}
	return bom, m.conflicts(), nil
}

// A merging is documents on their way into one.
type merging struct {
	name, version string
	spec          cdx.SpecVersion
	time          string
	parts         map[string]*mergedPart // by bom-ref
	top           map[string]bool        // what the product consists of
	lost          map[string]bool
	children      map[string][]string

	authors    []cdx.OrganizationalContact
	tools      []cdx.Component
	lifecycles []cdx.Lifecycle
	licenses   []cdx.LicenseChoice
}

// A mergedPart is a component of the result, with what all documents say of it.
type mergedPart struct {
	component  cdx.Component
	parents    map[string]bool // the components that it is inside of, "" where it is inside of none
	edges      map[string]bool
	edgesKnown bool
	edgesSaid  claimSum
	partsSaid  claimSum
}

// add takes one document in.
func (m *merging) add(b *cdx.BOM) error {
	m.spec = max(m.spec, b.SpecVersion)
	m.head(b)
	g := graphOf(b)
	product := m.isProduct(metadata(b).Component)
	refs := make([]string, len(g.parts))
	i := 0
	var failed error
	walk(b, func(s subjectComponent) {
		defer func() { i++ }()
		if product && s.main {
			return // it is the result's own
		}
		ref, c, err := canonicalComponent(s.Component)
		if err != nil {
			failed = err
			return
		}
		refs[i] = ref
		if m.parts[ref] == nil {
			m.parts[ref] = &mergedPart{component: c, edges: map[string]bool{}, parents: map[string]bool{}}
		}
		inside := ""
		if p := g.parents[i]; p >= 0 {
			inside = refs[p]
		}
		m.parts[ref].parents[inside] = true
	})
	if failed != nil {
		return failed
	}
	if len(m.parts) > maxMerged {
		return fmt.Errorf("more than %d components in all", maxMerged)
	}
	if product {
		for _, n := range g.on(g.main) {
			m.top[refs[n]] = true
		}
	} else {
		m.top[refs[g.main]] = true
	}
	edgesSaid, partsSaid := claimSums(g)
	for i := range g.parts {
		if refs[i] == "" {
			continue
		}
		p := m.parts[refs[i]]
		if g.known(i) {
			p.edgesKnown = true
			for _, n := range g.on(i) {
				if refs[n] != "" && refs[n] != refs[i] {
					p.edges[refs[n]] = true
				}
			}
		}
		p.edgesSaid.add(edgesSaid[i].said)
		p.partsSaid.add(partsSaid[i].said)
	}
	return nil
}

// isProduct reports whether c is what a merge into this product made.
func (m *merging) isProduct(c *cdx.Component) bool {
	return c.Name == m.name && c.Version == m.version && property(c, PropertyMerged) == "true"
}

// head takes what a document says about itself, and notes what is lost.
func (m *merging) head(b *cdx.BOM) {
	md := metadata(b)
	if later(md.Timestamp, m.time) {
		m.time = md.Timestamp
	}
	m.authors = append(m.authors, listOf(md.Authors)...)
	m.lifecycles = append(m.lifecycles, listOf(md.Lifecycles)...)
	m.licenses = append(m.licenses, listOf((*[]cdx.LicenseChoice)(md.Licenses))...)
	for _, t := range toolsOf(b) {
		m.tools = append(m.tools, cdx.Component{Type: cdx.ComponentTypeApplication, Name: t.name, Version: t.version})
	}
	for what, there := range map[string]bool{
		"services": b.Services != nil, "vulnerabilities": b.Vulnerabilities != nil, "annotations": b.Annotations != nil, "formulation": b.Formulation != nil,
		"declarations": b.Declarations != nil, "definitions": b.Definitions != nil, "citations": b.Citations != nil, "signature": b.Signature != nil,
		"properties": b.Properties != nil, "externalReferences": b.ExternalReferences != nil,
	} {
		if there {
			m.lost[what] = true
		}
	}
}
