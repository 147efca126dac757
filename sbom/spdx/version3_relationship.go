package spdx

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

func (g *graph3) relationship(from, kind string, to ...string) *element3 {
	g.numbers++
	return &element3{Type: "Relationship", ID: g.iri("Relationship-" + strconv.Itoa(g.numbers)), CreationInfo: creation3, From: from, Relationship: kind, To: to}
}

// relationships are what depends on what and what is inside of what, one of a
// kind an element, and the elements that the document is about.
func (g *graph3) relationships(completeness map[string]string) (list []*element3, roots []string) {
	words := map[string]string{"DEPENDS_ON": "dependsOn", "CONTAINS": "contains", "ANCESTOR_OF": "ancestorOf"}
	by := map[[2]string]*element3{}
	for _, r := range g.doc.Relationships {
		if r.Type == "DESCRIBES" {
			roots = append(roots, g.iri(r.Related))
			continue
		}
		to := g.iri(r.Related)
		if r.Related == None {
			to = none3
		}
		key := [2]string{r.Element, r.Type}
		if by[key] == nil {
			by[key] = g.relationship(g.iri(r.Element), words[r.Type])
			if r.Type == "DEPENDS_ON" {
				by[key].Completeness = completeness[r.Element]
			}
			list = append(list, by[key])
		}
		by[key].To = append(by[key].To, to)
	}
	if len(roots) == 0 && len(g.doc.Packages) == 1 {
		roots = []string{g.iri(g.doc.Packages[0].SPDXID)}
	}
	return list, roots
}

// completeness is what the compositions say of the dependencies of a package,
// by its id. Two that differ say nothing.
func (g *graph3) completeness() map[string]string {
	out := map[string]string{}
	if g.bom.Compositions == nil {
		return out
	}
	for i, c := range *g.bom.Compositions {
		word := "incomplete"
		switch c.Aggregate {
		case cdx.CompositionAggregateComplete:
			word = "complete"
		case cdx.CompositionAggregateUnknown, cdx.CompositionAggregateNotSpecified:
			word = "noAssertion"
		}
		if c.Dependencies != nil {
			for _, ref := range *c.Dependencies {
				id := idOf(string(ref))
				if old, ok := out[id]; ok && old != word {
					word = "noAssertion"
				}
				out[id] = word
			}
		}
		for name, list := range map[string]*[]cdx.BOMReference{"assemblies": c.Assemblies, "vulnerabilities": c.Vulnerabilities} {
			if list != nil && len(*list) > 0 {
				g.lost = append(g.lost, Loss{Pointer: at("/compositions", i) + "/" + name, What: fmt.Sprintf("%s of %d", c.Aggregate, len(*list)), Why: "a relationship is as complete as it says, and there is none to say it of"})
			}
		}
	}
	slices.SortFunc(g.lost, func(a, b Loss) int { return strings.Compare(a.Pointer, b.Pointer) })
	return out
}

// sbomTypes are the phases that the document is of.
func (g *graph3) sbomTypes() (types []string) {
	words := map[cdx.LifecyclePhase]string{
		cdx.LifecyclePhaseDesign: "design", cdx.LifecyclePhasePreBuild: "source", cdx.LifecyclePhaseBuild: "build",
		cdx.LifecyclePhasePostBuild: "analyzed", cdx.LifecyclePhaseOperations: "deployed",
	}
	if g.bom.Metadata == nil || g.bom.Metadata.Lifecycles == nil {
		return nil
	}
	for i, l := range *g.bom.Metadata.Lifecycles {
		word := words[l.Phase]
		if word == "" {
			g.lost = append(g.lost, Loss{Pointer: at("/metadata/lifecycles", i), What: string(l.Phase) + l.Name, Why: "SPDX " + Version3 + " has no such type of an SBOM"})
			continue
		}
		if !slices.Contains(types, word) {
			types = append(types, word)
		}
	}
	return types
}
