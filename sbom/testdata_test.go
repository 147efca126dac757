package sbom_test

import (
	"runtime/debug"
	"testing"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/touchmark-go/touchmark/sbom"
)

// fromInfo is the BOM of a build info in the linker's text form, by go1.26.8.
func fromInfo(t testing.TB, o sbom.Options, text string) *cdx.BOM {
	t.Helper()
	info, err := debug.ParseBuildInfo(text)
	if err != nil {
		t.Fatal(err)
	}
	info.GoVersion = "go1.26.8"
	bom, err := o.FromBuildInfo(info)
	if err != nil {
		t.Fatal(err)
	}
	return bom
}

// refuse is [fromInfo] with the error.
func refuse(o sbom.Options, text string) (*cdx.BOM, error) {
	info, err := debug.ParseBuildInfo(text)
	if err != nil {
		return nil, err
	}
	info.GoVersion = "go1.26.8"
	return o.FromBuildInfo(info)
}
