package main

import (
	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/touchmark-go/touchmark/sbom"
)

// An sbomChange is one difference between two SBOMs.
type sbomChange struct{ sbom.Change }

func (c sbomChange) kind() string { return c.Kind }

// line is the change in a person's words, safe to print.
func (c sbomChange) line() string { return c.String() }

// diffSBOM lists how b differs from a. It is never nil.
func diffSBOM(a, b *cdx.BOM) ([]sbomChange, error) {
	out := []sbomChange{}
	for _, c := range sbom.Diff(a, b) {
		out = append(out, sbomChange{c})
	}
	return out, nil
}

func sbomsDiffer(a, b *cdx.BOM) bool { return len(sbom.Diff(a, b)) > 0 }
