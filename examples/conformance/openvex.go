package main

import (
	"bytes"

	"github.com/touchmark-go/touchmark/sbom/vex"
)

// runOpenVEX reads an OpenVEX document.
func runOpenVEX(r row) error {
	data, err := r.read(r.bundle)
	if err != nil {
		return err
	}
	_, err = vex.Parse(bytes.NewReader(data))
	return err
}
