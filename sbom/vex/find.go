package vex

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/touchmark-go/touchmark/sbom"
)

// An index finds the components of a BOM by what identifies them.
type index struct {
	main       string
	link       string // the link to this BOM, without the bom-ref
	components []*cdx.Component
	purls      []sbom.PURL
	byPackage  map[string][]int
	byCPE      map[string][]int
	byHash     map[string][]int
	byRef      map[string]int
	below      map[int][]int // who contains or depends on whom
}

func newIndex(bom *cdx.BOM) *index {
	x := &index{byPackage: map[string][]int{}, byCPE: map[string][]int{}, byHash: map[string][]int{}, byRef: map[string]int{}, below: map[int][]int{}}
	if bom == nil {
		return x
	}
	if serial, ok := strings.CutPrefix(bom.SerialNumber, "urn:uuid:"); ok {
		x.link = "urn:cdx:" + serial + "/" + strconv.Itoa(max(bom.Version, 1))
	}
	if bom.Metadata != nil && bom.Metadata.Component != nil {
		x.main = bom.Metadata.Component.BOMRef
		x.add(bom.Metadata.Component, -1)
	}
	if bom.Components != nil {
		for i := range *bom.Components {
			x.add(&(*bom.Components)[i], -1)
		}
	}
	if bom.Dependencies == nil {
		return x
	}
	for _, d := range *bom.Dependencies {
		from, ok := x.byRef[d.Ref]
		if !ok || d.Dependencies == nil {
			continue
		}
		for _, ref := range *d.Dependencies {
			if to, ok := x.byRef[ref]; ok {
				x.below[from] = append(x.below[from], to)
			}
		}
	}
	return x
}

// add notes a component and those in it. One without a bom-ref cannot be spoken
// of, so nothing is about it.
func (x *index) add(c *cdx.Component, parent int) {
	n := parent
	if c.BOMRef != "" {
		n = len(x.components)
		x.components = append(x.components, c)
		x.purls = append(x.purls, sbom.PURL{})
		x.byRef[c.BOMRef] = n
		if p, err := sbom.ParsePURL(c.PackageURL); c.PackageURL != "" && err == nil {
			x.purls[n] = p
			x.byPackage[packageKey(p)] = append(x.byPackage[packageKey(p)], n)
		}
		if c.CPE != "" {
			x.byCPE[c.CPE] = append(x.byCPE[c.CPE], n)
		}
		for name, value := range hashesOf(c) {
			x.byHash[name+":"+value] = append(x.byHash[name+":"+value], n)
		}
		if parent >= 0 {
			x.below[parent] = append(x.below[parent], n)
		}
	}
	if c.Components != nil {
		for i := range *c.Components {
			x.add(&(*c.Components)[i], n)
		}
	}
}

func packageKey(p sbom.PURL) string { return p.Type + "\x00" + p.Namespace + "\x00" + p.Name }

// hashesOf are the hashes of a component by their names in OpenVEX.
func hashesOf(c *cdx.Component) map[string]string {
	if c.Hashes == nil {
		return nil
	}
	all := map[string]string{}
	for _, h := range *c.Hashes {
		name := strings.ToLower(string(h.Algorithm))
		if name == "sha-1" {
			name = "sha1"
		}
		all[name] = strings.ToLower(h.Value)
	}
	return all
}

// A place is a component of the BOM as a product, or one within another.
type place struct{ product, component string }

// places are all that a statement is about, each once.
func (x *index) places(s *Statement) []place {
	var list []place
	seen := map[place]bool{}
	add := func(p place) {
		if !seen[p] {
			seen[p] = true
			list = append(list, p)
		}
	}
	for i := range s.Products {
		p := &s.Products[i]
		for _, n := range x.find(&p.Component) {
			ref := x.components[n].BOMRef
			if len(p.Subcomponents) == 0 {
				add(place{product: ref})
				continue
			}
			var inside map[int]bool
			for j := range p.Subcomponents {
				for _, m := range x.find(&p.Subcomponents[j]) {
					if inside == nil && ref != x.main {
						inside = x.inside(n)
					}
					if m != n && (ref == x.main || inside[m]) {
						add(place{ref, x.components[m].BOMRef})
					}
				}
			}
		}
	}
	return list
}

// inside is everything that a component contains or depends on.
func (x *index) inside(n int) map[int]bool {
	all := map[int]bool{}
	for todo := []int{n}; len(todo) > 0; {
		top := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		for _, m := range x.below[top] {
			if !all[m] {
				all[m] = true
				todo = append(todo, m)
			}
		}
	}
	return all
}

// find returns the components that c names, in the order of the BOM.
func (x *index) find(c *Component) []int {
	found := map[int]bool{}
	for _, text := range []string{c.ID, c.PURL} {
		if !strings.HasPrefix(text, "pkg:") {
			continue
		}
		p, err := sbom.ParsePURL(text)
		if err != nil {
			continue
		}
		for _, n := range x.byPackage[packageKey(p)] {
			if covers(p, x.purls[n]) {
				found[n] = true
			}
		}
	}
	for _, cpe := range []string{c.CPE22, c.CPE23} {
		for _, n := range x.byCPE[cpe] {
			found[n] = true
		}
	}
	for name, value := range c.Hashes {
		if name == "md5" || name == "sha1" {
			continue // anybody can make two files of one digest
		}
		for _, n := range x.byHash[name+":"+value] {
			found[n] = true
		}
	}
	if document, ref, ok := strings.Cut(c.ID, "#"); ok && x.link != "" && document == x.link {
		if n, ok := x.byRef[unescapeRef(ref)]; ok {
			found[n] = true
		}
	}
	for n := range found {
		for name, value := range hashesOf(x.components[n]) {
			if said := c.Hashes[name]; said != "" && said != value {
				delete(found, n)
			}
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// covers reports whether the package URL of a statement names that of a
// component, which is of the same package.
func covers(p, of sbom.PURL) bool {
	if p.Version != "" && p.Version != of.Version || p.Subpath != "" && p.Subpath != of.Subpath {
		return false
	}
	for key, value := range p.Qualifiers {
		if of.Qualifiers[key] != value {
			return false
		}
	}
	return true
}
