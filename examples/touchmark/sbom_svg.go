package main

import (
	"fmt"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/touchmark-go/touchmark/internal/graphsvg"
)

// bomSVG is a picture of who depends on whom.
func bomSVG(bom *cdx.BOM) ([]byte, error) {
	g := graphOf(bom)
	out := graphsvg.Graph{Title: "a bill of materials", Edges: g.edges}
	if g.main {
		out.Title = strings.TrimSpace(g.components[0].Name + " " + g.components[0].Version)
	}
	for i, c := range g.components {
		n := graphsvg.Node{Name: strings.TrimPrefix(c.Name, "github.com/"), Detail: orUnknown(c.Version), Title: bomTitle(c)}
		if c.Group != "" {
			n.Name = c.Group + "/" + n.Name
		}
		switch {
		case i == 0 && g.main:
			n.Kind = graphsvg.Main
		case g.edges[i] == nil:
			n.Kind = graphsvg.Open
		}
		out.Nodes = append(out.Nodes, n)
	}
	data, err := graphsvg.Draw(out)
	if err != nil {
		return nil, fmt.Errorf("no picture: %w; take --format tree or table", err)
	}
	return data, nil
}

// bomTitle is what is shown of a component while somebody points at it.
func bomTitle(c *cdx.Component) string {
	lines := []string{strings.TrimSpace(c.Name + " " + c.Version)}
	if c.PackageURL != "" {
		lines = append(lines, c.PackageURL)
	}
	if text := bomLicenses(c); text != "" {
		lines = append(lines, text)
	}
	return strings.Join(lines, "\n")
}

// bomLicenses are the licences of a component, as they are written.
func bomLicenses(c *cdx.Component) string {
	if c.Licenses == nil {
		return ""
	}
	var all []string
	for _, l := range *c.Licenses {
		text := l.Expression
		if l.License != nil {
			text = l.License.ID
			if text == "" {
				text = l.License.Name
			}
		}
		if text != "" && !contains(all, text) {
			all = append(all, text)
		}
	}
	return strings.Join(all, ", ")
}
