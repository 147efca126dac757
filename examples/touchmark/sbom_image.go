package main

import (
	"errors"
	"fmt"

	cdx "github.com/CycloneDX/cyclonedx-go"
	"github.com/spf13/cobra"

	"github.com/touchmark-go/touchmark/sbom/image"
)

// imageBOM is the BOM of the image at path for the platform that the command
// names, nil if there is no image. Where there are several, one must be named:
// the BOM of another would say nothing about what runs.
func imageBOM(cmd *cobra.Command, path string) (*cdx.BOM, []byte, error) {
	platforms, err := image.Platforms(path)
	if errors.Is(err, image.ErrNotImage) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("SBOM of %q: %w", path, err)
	}
	o := image.Options{}
	if f := cmd.Flags().Lookup("platform"); f != nil {
		o.Platform = f.Value.String()
	}
	if len(platforms) > 1 && o.Platform == "" {
		return nil, nil, fmt.Errorf("%q holds images for %s: choose one with --platform", path, orList(platforms))
	}
	boms, err := o.BOMs(cmd.Context(), path)
	if err != nil {
		return nil, nil, fmt.Errorf("SBOM of %q: %w", path, err)
	}
	if len(boms) > 1 {
		return nil, nil, fmt.Errorf("%q holds %d images for %s, and nothing tells them apart", path, len(boms), o.Platform)
	}
	data, err := marshalBOM(boms[0])
	return boms[0], data, err
}
