package sbom

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"reflect"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

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
