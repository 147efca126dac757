package main

import (
	"fmt"
	"maps"
	"slices"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/touchmark-go/touchmark/sbom"
)

// An sbomChange is one difference between two SBOMs.
type sbomChange struct {
	Kind string   `json:"kind"`
	Name string   `json:"name"`
	Old  []string `json:"old,omitempty"`
	New  []string `json:"new,omitempty"`
}

func (c sbomChange) kind() string { return c.Kind }

// line is the change in a person's words, safe to print.
func (c sbomChange) line() string {
	switch c.Kind {
	case "added":
		return fmt.Sprintf("%s added: %s", show(c.Name), showAll(c.New))
	case "removed":
		return fmt.Sprintf("%s removed: was %s", show(c.Name), showAll(c.Old))
	}
	return fmt.Sprintf("%s changed from %s to %s", show(c.Name), showAll(c.Old), showAll(c.New))
}

// diffSBOM lists how b's components differ from a's. It is never nil.
func diffSBOM(a, b *cdx.BOM) ([]sbomChange, error) {
	before, after := bomVersions(a), bomVersions(b)
	names := map[string]bool{}
	for name := range before {
		names[name] = true
	}
	for name := range after {
		names[name] = true
	}
	out := []sbomChange{}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		c := sbomChange{Kind: "changed", Name: name, Old: before[name], New: after[name]}
		switch {
		case slices.Equal(c.Old, c.New):
			continue
		case c.Old == nil:
			c.Kind = "added"
		case c.New == nil:
			c.Kind = "removed"
		}
		out = append(out, c)
	}
	return out, nil
}

func sbomsDiffer(a, b *cdx.BOM) bool {
	changes, err := diffSBOM(a, b)
	return err != nil || len(changes) > 0
}

// bomVersions are the versions, with the sums, of each component and of the
// main one.
func bomVersions(bom *cdx.BOM) map[string][]string {
	out := map[string][]string{}
	add := func(c *cdx.Component) {
		v := orUnknown(c.Version)
		if sum := bomProperty(c, sbom.PropertyH1); sum != "" {
			v += " " + sum
		}
		out[c.Name] = append(out[c.Name], v)
	}
	list := components(bom)
	for i := range list {
		add(&list[i])
	}
	if bom.Metadata != nil && bom.Metadata.Component != nil {
		add(bom.Metadata.Component)
	}
	for _, versions := range out {
		slices.Sort(versions)
	}
	return out
}
