package spdx

import (
	"fmt"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

// relationships puts the elements into each other, and notes who depends on whom.
func (t *to) relationships() {
	for i, id := range t.doc.DocumentDescribes {
		t.describes(at("/documentDescribes", i), id)
	}
	for i := range t.doc.Packages {
		for j, id := range t.doc.Packages[i].HasFiles {
			t.contains(at(at("/packages", i)+"/hasFiles", j), t.doc.Packages[i].SPDXID, id)
		}
	}
	for i := range t.doc.Relationships {
		pointer, r := at("/relationships", i), &t.doc.Relationships[i]
		if r.Comment != "" {
			t.lose(pointer+"/comment", r.Comment, cdxNoPlace)
		}
		t.relationship(pointer, r)
	}
}

func (t *to) relationship(pointer string, r *Relationship) {
	switch r.Type {
	case "DESCRIBES":
		if r.Element == DocumentID {
			t.describes(pointer, r.Related)
			return
		}
	case "DESCRIBED_BY":
		if r.Related == DocumentID {
			t.describes(pointer, r.Element)
			return
		}
	case "CONTAINS":
		t.contains(pointer, r.Element, r.Related)
		return
	case "CONTAINED_BY":
		t.contains(pointer, r.Related, r.Element)
		return
	case "DEPENDS_ON":
		t.depends(pointer, r.Element, r.Related, r)
		return
	case "DEPENDENCY_OF":
		t.depends(pointer, r.Related, r.Element, r)
		return
	case "RUNTIME_DEPENDENCY_OF", "BUILD_DEPENDENCY_OF", "DEV_DEPENDENCY_OF", "TEST_DEPENDENCY_OF", "OPTIONAL_DEPENDENCY_OF", "PROVIDED_DEPENDENCY_OF":
		t.lose(pointer+"/relationshipType", r.Type, "CycloneDX has one kind of dependency")
		t.depends(pointer, r.Related, r.Element, r)
		return
	case "ANCESTOR_OF":
		t.descends(pointer, r.Related, r.Element)
		return
	case "DESCENDANT_OF":
		t.descends(pointer, r.Element, r.Related)
		return
	}
	t.loseRelation(pointer, r, cdxNoPlace)
}

func (t *to) loseRelation(pointer string, r *Relationship, why string) {
	t.lose(pointer, fmt.Sprintf("%s %s %s", r.Element, r.Type, r.Related), why)
}

func (t *to) describes(pointer, id string) {
	if e := t.elements[id]; e != nil {
		e.described = true
		return
	}
	t.lose(pointer, "DESCRIBES "+id, "it is neither a package nor a file of this document")
}

func (t *to) contains(pointer, outer, inner string) {
	o, i := t.elements[outer], t.elements[inner]
	lose := func(why string) { t.lose(pointer, outer+" CONTAINS "+inner, why) }
	switch {
	case o == nil || i == nil:
		lose("one of them is neither a package nor a file of this document")
		return
	case i.parent == o:
		return
	case i.parent != nil:
		lose("a component of CycloneDX stands in one other")
		return
	}
	depth := 0
	for up := o; up != nil; up = up.parent {
		if depth++; up == i || depth+i.height > maxNesting {
			lose("it would stand in itself, or too deep")
			return
		}
	}
	i.parent = o
	o.children = append(o.children, i)
	for up, height := o, i.height+1; up != nil && up.height < height; up, height = up.parent, height+1 {
		up.height = height
	}
}

// How deep components of CycloneDX may stand in each other here, and how deep
// pedigrees: a level is two or three of the 64 that strict JSON may have.
const (
	maxNesting  = 20
	maxPedigree = 4
)

func (t *to) depends(pointer, who, on string, r *Relationship) {
	w := t.elements[who]
	if w == nil {
		t.loseRelation(pointer, r, "it is neither a package nor a file of this document")
		return
	}
	switch on {
	case NoAssertion:
		return // nobody knows, and so CycloneDX says nothing
	case None:
		w.entry, w.related = true, true
		return
	}
	o := t.elements[on]
	if o == nil {
		t.loseRelation(pointer, r, "it is neither a package nor a file of this document")
		return
	}
	w.entry, w.related, o.related = true, true, true
	w.dependsOn = append(w.dependsOn, o.c.BOMRef)
}

func (t *to) descends(pointer, who, from string) {
	w, a := t.elements[who], t.elements[from]
	if w == nil || a == nil || w == a || a.ancestor {
		t.lose(pointer, from+" ANCESTOR_OF "+who, "an ancestor of CycloneDX stands in one pedigree, and is a component")
		return
	}
	w.ancestors = append(w.ancestors, a)
	a.ancestor = true
}

// build puts the components where they belong.
func (t *to) build(bom *cdx.BOM) {
	bom.Metadata = new(cdx.Metadata)
	t.pedigrees()
	var described []*element
	for _, e := range t.order {
		if e.described {
			described = append(described, e)
		}
	}
	var main *element
	if len(described) == 1 && described[0].parent == nil && !described[0].ancestor {
		main = described[0]
	}
	var components []cdx.Component
	roots := 0
	for _, e := range t.order {
		if e == main || e.parent != nil || e.ancestor {
			continue
		}
		roots++
		components = append(components, t.component(e, 0))
	}
	if main != nil {
		c := t.component(main, 0)
		bom.Metadata.Component = &c
	} else {
		for _, e := range described {
			if roots < 2 || len(described) != roots || e.parent != nil || e.ancestor {
				t.lose("/relationships", "DESCRIBES "+e.id, "CycloneDX describes one main component")
			}
		}
	}
	if components != nil {
		bom.Components = &components
	}
	t.dependencies(bom)
}

// pedigrees leaves as ancestors only what is nothing else, and has no ancestor
// that leads back to itself.
func (t *to) pedigrees() {
	for _, e := range t.order {
		kept := e.ancestors[:0]
		for _, a := range e.ancestors {
			if a.related || a.described || a.parent != nil || t.circular(a, e) {
				t.lose("/relationships", a.id+" ANCESTOR_OF "+e.id, "an ancestor of CycloneDX is nothing else besides")
				a.ancestor = false
				continue
			}
			kept = append(kept, a)
		}
		e.ancestors = kept
	}
}

// circular reports whether e stands below a, or deeper than components may.
func (t *to) circular(a, e *element) bool {
	budget := 1000
	var below func(x *element, depth int) bool
	below = func(x *element, depth int) bool {
		if budget--; x == e || depth >= maxPedigree || budget < 0 {
			return true
		}
		for _, list := range [][]*element{x.ancestors, x.children} {
			for _, y := range list {
				if below(y, depth+1) {
					return true
				}
			}
		}
		return false
	}
	return below(a, 0)
}

func (t *to) component(e *element, depth int) cdx.Component {
	c := e.c
	if !e.related && isUnnamed(e.id) {
		c.BOMRef = ""
	}
	if len(e.children) > 0 {
		inner := make([]cdx.Component, 0, len(e.children))
		for _, child := range e.children {
			inner = append(inner, t.component(child, depth+1))
		}
		c.Components = &inner
	}
	if len(e.ancestors) > 0 {
		ancestors := make([]cdx.Component, 0, len(e.ancestors))
		for _, a := range e.ancestors {
			ancestors = append(ancestors, t.component(a, depth+1))
		}
		c.Pedigree = &cdx.Pedigree{Ancestors: &ancestors}
	}
	return c
}

func (t *to) dependencies(bom *cdx.BOM) {
	var list []cdx.Dependency
	for _, e := range t.order {
		if !e.entry {
			continue
		}
		on := make([]string, 0, len(e.dependsOn))
		seen := make(map[string]bool, len(e.dependsOn))
		for _, ref := range e.dependsOn {
			if !seen[ref] {
				seen[ref] = true
				on = append(on, ref)
			}
		}
		list = append(list, cdx.Dependency{Ref: e.c.BOMRef, Dependencies: &on})
	}
	if list != nil {
		bom.Dependencies = &list
	}
}
