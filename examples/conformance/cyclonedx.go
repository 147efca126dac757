package main

import (
	"bytes"

	"github.com/touchmark-go/touchmark/sbom"
)

// runCycloneDX reads a CycloneDX document, JSON or XML, by the schema of its version.
func runCycloneDX(r row) error {
	data, err := r.read(r.bundle)
	if err != nil {
		return err
	}
	_, err = sbom.Parse(bytes.NewReader(data))
	return err
}
