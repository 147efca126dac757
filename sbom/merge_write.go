package sbom

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/touchmark-go/touchmark/internal/strictjson"
)

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
