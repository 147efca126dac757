package sbom

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/touchmark-go/touchmark/internal/strictjson"
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

// A claimSum is what several documents say about one thing.
type claimSum struct {
	some bool // somebody said, or did not say, something
	said cdx.CompositionAggregate
}

// add keeps the lesser of what was said so far and what is said here: "" is nothing.
func (s *claimSum) add(a cdx.CompositionAggregate) {
	if !s.some {
		s.some, s.said = true, a
		return
	}
	s.said = lesser(s.said, a)
}

// lesser is the most that is true if both are said of one thing.
func lesser(a, b cdx.CompositionAggregate) cdx.CompositionAggregate {
	x, y := claimOf(a), claimOf(b)
	switch {
	case a == b:
		return a
	case x == claimsUnknown || y == claimsUnknown: // or nothing at all
		return cdx.CompositionAggregateUnknown
	case x == claimsComplete:
		return b
	case y == claimsComplete:
		return a
	}
	return cdx.CompositionAggregateIncomplete // two ways of it
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

// claimSums are the least that the compositions of a document say of each
// component, of its dependencies and of its parts.
func claimSums(g *graph) (edges, parts []claimSum) {
	edges, parts = make([]claimSum, len(g.parts)), make([]claimSum, len(g.parts))
	for _, c := range g.compositions {
		said := cmp.Or(c.aggregate, cdx.CompositionAggregateNotSpecified)
		for _, n := range c.dependencies {
			edges[n].add(said)
		}
		for _, n := range c.assemblies {
			parts[n].add(said)
		}
	}
	return edges, parts
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

// canonicalComponent is a component without the components inside of it, under a
// bom-ref that only depends on what it is.
func canonicalComponent(c *cdx.Component) (string, cdx.Component, error) {
	if err := checkComponent(c); err != nil {
		return "", cdx.Component{}, err
	}
	alone := *c
	alone.Components, alone.BOMRef = nil, ""
	data, err := json.Marshal(&alone)
	if err != nil {
		return "", cdx.Component{}, err
	}
	// A copy, so that the documents stay as they are.
	var copied cdx.Component
	if err := json.Unmarshal(data, &copied); err != nil {
		return "", cdx.Component{}, err
	}
	dropRefs(reflect.ValueOf(&copied))
	if data, err = json.Marshal(&copied); err != nil {
		return "", cdx.Component{}, err
	}
	// A document of ours has its refs in this form already; the digest does not
	// depend on them.
	sum := sha256.Sum256(data)
	ref := nameVersion(c) + "#" + hex.EncodeToString(sum[:8])
	copied.BOMRef = ref
	return ref, copied, nil
}

// dropRefs takes away the bom-refs of licences, organizations and the like, which
// could be used again in another document.
func dropRefs(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			dropRefs(v.Elem())
		}
	case reflect.Slice:
		for i := range v.Len() {
			dropRefs(v.Index(i))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			field := v.Type().Field(i)
			switch {
			case !field.IsExported():
			case field.Name == "BOMRef" && field.Type.Kind() == reflect.String:
				v.Field(i).SetString("")
			default:
				dropRefs(v.Field(i))
			}
		}
	}
}

// bom is the result.
func (m *merging) bom() *cdx.BOM {
	main := cdx.Component{Type: cdx.ComponentTypeApplication, Name: m.name, Version: m.version, BOMRef: ref(m.name, m.version),
		Properties: &[]cdx.Property{{Name: PropertyMerged, Value: "true"}}}
	spec := max(m.spec, cdx.SpecVersion1_6)
	out := &cdx.BOM{JSONSchema: schemaOf(spec), BOMFormat: cdx.BOMFormat, SpecVersion: spec, Version: 1,
		Metadata: &cdx.Metadata{Timestamp: m.time, Component: &main}}
	out.Metadata.Authors = listed(m.authors)
	out.Metadata.Lifecycles = listed(m.lifecycles)
	if licenses := listed(m.licenses); licenses != nil {
		out.Metadata.Licenses = (*cdx.Licenses)(licenses)
	}
	if tools := listed(m.tools); tools != nil {
		out.Metadata.Tools = &cdx.ToolsChoice{Components: tools}
	}
	order := slices.Sorted(maps.Keys(m.parts))
	top := slices.Sorted(maps.Keys(m.top))
	components := make([]cdx.Component, 0, len(order))
	dependencies := []cdx.Dependency{{Ref: main.BOMRef, Dependencies: &top}}
	by := map[cdx.CompositionAggregate]*cdx.Composition{}
	name := func(a cdx.CompositionAggregate, ref string, dependency bool) {
		if a == "" {
			return
		}
		c := by[a]
		if c == nil {
			c = &cdx.Composition{Aggregate: a}
			by[a] = c
		}
		list := &c.Assemblies
		if dependency {
			list = &c.Dependencies
		}
		if *list == nil {
			*list = &[]cdx.BOMReference{}
		}
		**list = append(**list, cdx.BOMReference(ref))
	}
	// The product is what its parts are. Nobody said that there are no others.
	name(cdx.CompositionAggregateUnknown, main.BOMRef, false)
	name(cdx.CompositionAggregateUnknown, main.BOMRef, true)
	for _, ref := range order {
		p := m.parts[ref]
		if p.edgesKnown {
			edges := slices.Sorted(maps.Keys(p.edges))
			if edges == nil {
				edges = []string{}
			}
			dependencies = append(dependencies, cdx.Dependency{Ref: ref, Dependencies: &edges})
		}
		name(p.edgesSaid.said, ref, true)
		name(p.partsSaid.said, ref, false)
		if m.inside(ref) == "" {
			components = append(components, m.nested(ref))
		}
	}
	out.Components, out.Dependencies = &components, &dependencies
	var compositions []cdx.Composition
	for _, a := range slices.Sorted(maps.Keys(by)) {
		compositions = append(compositions, *by[a])
	}
	out.Compositions = &compositions
	return out
}

// nested is a component with those inside of it.
func (m *merging) nested(ref string) cdx.Component {
	if m.children == nil {
		m.children = map[string][]string{}
		for _, other := range slices.Sorted(maps.Keys(m.parts)) {
			if p := m.inside(other); p != "" {
				m.children[p] = append(m.children[p], other)
			}
		}
	}
	c := m.parts[ref].component
	if children := m.children[ref]; len(children) > 0 {
		inside := make([]cdx.Component, len(children))
		for i, other := range children {
			inside[i] = m.nested(other)
		}
		c.Components = &inside
	}
	return c
}

// inside is the component that one is inside of. Where the documents disagree,
// and where they put two components into each other, it is none.
func (m *merging) inside(ref string) string {
	parent := m.only(ref)
	for above, steps := parent, 0; above != ""; above, steps = m.only(above), steps+1 {
		if steps == strictjson.MaxDepth {
			return ""
		}
	}
	return parent
}

func (m *merging) only(ref string) string {
	p := m.parts[ref]
	if len(p.parents) != 1 {
		return ""
	}
	for parent := range p.parents {
		return parent
	}
	return ""
}

// later reports whether a is a later time than b. What is no time is the earliest.
func later(a, b string) bool {
	x, errA := time.Parse(time.RFC3339, a)
	y, errB := time.Parse(time.RFC3339, b)
	switch {
	case errA != nil:
		return false
	case errB != nil || x.After(y):
		return true
	}
	return x.Equal(y) && a > b
}

// listed is a list without doubles and bom-refs, in the order of their JSON; nil
// if it is empty.
func listed[T any](list []T) *[]T {
	by := map[string]T{}
	for _, v := range list {
		data, err := json.Marshal(v)
		var copied T // so that the documents stay as they are
		if err != nil || json.Unmarshal(data, &copied) != nil {
			continue // has been read from JSON, or cannot be written at all
		}
		dropRefs(reflect.ValueOf(&copied))
		if data, err = json.Marshal(copied); err == nil {
			by[string(data)] = copied
		}
	}
	if len(by) == 0 {
		return nil
	}
	out := make([]T, 0, len(by))
	for _, key := range slices.Sorted(maps.Keys(by)) {
		out = append(out, by[key])
	}
	return &out
}

// conflicts says what the documents disagree about, and what was left behind.
func (m *merging) conflicts() (out []string) {
	same := map[string][]string{}
	for ref, p := range m.parts {
		key := identity(&p.component) + "\x00" + p.component.Version
		same[key] = append(same[key], ref)
	}
	for _, key := range slices.Sorted(maps.Keys(same)) {
		refs := same[key]
		if len(refs) < 2 {
			continue
		}
		slices.Sort(refs)
		first := newEntry(&m.parts[refs[0]].component)
		differ := map[string]bool{}
		for _, ref := range refs[1:] {
			e := newEntry(&m.parts[ref].component)
			if otherContent(first.hashes, e.hashes) {
				differ["content"] = true
			} else if first.licenses != e.licenses {
				differ["license"] = true
			} else {
				differ["description"] = true
			}
		}
		out = append(out, fmt.Sprintf("%s is there %d times, and differs in its %s: %s", plainText(nameVersion(&m.parts[refs[0]].component)), len(refs),
			strings.Join(slices.Sorted(maps.Keys(differ)), " and "), plainText(strings.Join(refs, ", "))))
	}
	for _, what := range slices.Sorted(maps.Keys(m.lost)) {
		out = append(out, what+" of the documents are not carried over")
	}
	return out
}
