package main

import (
	"encoding/json"
	"fmt"
	"maps"

	"github.com/touchmark-go/touchmark/sbom"
)

// A purlTest is one case of purl-spec's own suite (schema 0.2).
type purlTest struct {
	Description string          `json:"description"`
	Type        string          `json:"test_type"` // parse, build, roundtrip or validate
	Input       json.RawMessage `json:"input"`
	Want        json.RawMessage `json:"expected_output"`
	Fails       bool            `json:"expected_failure"`
}

// purlParts is a package URL taken apart.
type purlParts struct {
	Type       string            `json:"type"`
	Namespace  string            `json:"namespace"`
	Name       string            `json:"name"`
	Version    string            `json:"version"`
	Qualifiers map[string]string `json:"qualifiers"`
	Subpath    string            `json:"subpath"`
}

// runPURL runs every case of a file; the verdicts are inside.
func runPURL(r row) error {
	data, err := r.read(r.bundle)
	if err != nil {
		return err
	}
	var doc struct {
		Tests []purlTest `json:"tests"`
	}
	if err := json.Unmarshal(data, &doc); err != nil {
		return unusable{err}
	}
	if len(doc.Tests) == 0 {
		return unusable{fmt.Errorf("%s has no cases", r.bundle)}
	}
	for i, t := range doc.Tests {
		if err := t.run(); err != nil {
			return fmt.Errorf("case %d (%s): %w", i, t.Description, err)
		}
	}
	return nil
}

func (t purlTest) run() error {
	got, err := t.purl()
	if t.Fails {
		if err == nil {
			return fmt.Errorf("%s gives %q, want an error", t.Input, got)
		}
		return nil
	}
	if err != nil {
		return err
	}
	if t.Type == "parse" {
		var w purlParts
		if err := json.Unmarshal(t.Want, &w); err != nil {
			return unusable{err}
		}
		if got.Type != w.Type || got.Namespace != w.Namespace || got.Name != w.Name || got.Version != w.Version || got.Subpath != w.Subpath || !maps.Equal(got.Qualifiers, w.Qualifiers) {
			return fmt.Errorf("%s gives %+v, want %+v", t.Input, got, w)
		}
		return nil
	}
	var want string
	if err := json.Unmarshal(t.Want, &want); err != nil {
		return unusable{err}
	}
	if got.String() != want {
		return fmt.Errorf("%s gives %q, want %q", t.Input, got, want)
	}
	return nil
}

// purl is what the library makes of the input: a package URL, or its parts.
func (t purlTest) purl() (sbom.PURL, error) {
	if t.Type == "build" {
		var in purlParts
		if err := json.Unmarshal(t.Input, &in); err != nil {
			return sbom.PURL{}, unusable{err}
		}
		return sbom.PURL(in).Canonical()
	}
	var in string
	if err := json.Unmarshal(t.Input, &in); err != nil {
		return sbom.PURL{}, unusable{err}
	}
	return sbom.ParsePURL(in)
}
