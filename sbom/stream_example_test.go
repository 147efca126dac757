package sbom_test

import (
	"bytes"
	"fmt"
	"log"
	"os"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/touchmark-go/touchmark/sbom"
)

// A document of any size is read part by part, and holds the first error where
// it stands.
func ExampleScan() {
	document := `{"bomFormat":"CycloneDX","specVersion":"1.6","version":1,
 "components":[
  {"type":"library","name":"zlib","version":"1.3.1"},
  {"type":"library","name":"lz4","scope":"always"}]}`
	for part, err := range sbom.Scan(strings.NewReader(document)) {
		if err != nil {
			fmt.Println(err)
			break
		}
		if c := part.Component; c != nil {
			fmt.Println(part.Pointer(), c.Name, c.Version)
		}
	}
	// Output:
	// /components/0 zlib 1.3.1
	// BOM: line 4, column 42: /components/1/scope: want one of excluded, optional, required, found "always"
}

// What a document says and a cyclonedx.BOM cannot hold is named, so that nobody
// loses it without knowing.
func ExampleRead() {
	bom, losses, err := sbom.Read(strings.NewReader(`{"bomFormat":"CycloneDX","specVersion":"1.5","version":1,
 "components":[{"type":"library","name":"zlib","properties":[{"name":"a","value":"b","origin":"scan"}]}]}`))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println((*bom.Components)[0].Name)
	for _, l := range losses {
		fmt.Println(l)
	}
	// Output:
	// zlib
	// /components/0/properties/0/origin: the member "origin": cyclonedx.BOM has no place for it
}

// A BOM is written in another version if that can say all of it.
func ExampleWriteOptions_Write() {
	external := true
	bom := &cdx.BOM{BOMFormat: "CycloneDX", SpecVersion: cdx.SpecVersion1_7, Version: 1,
		Components: &[]cdx.Component{{Type: cdx.ComponentTypeLibrary, Name: "zlib", IsExternal: &external}}}
	if err := (sbom.WriteOptions{Version: cdx.SpecVersion1_6}).Write(&bytes.Buffer{}, bom); err != nil {
		fmt.Println(err)
	}
	(*bom.Components)[0].IsExternal = nil
	if err := (sbom.WriteOptions{Version: cdx.SpecVersion1_6}).Write(os.Stdout, bom); err != nil {
		log.Fatal(err)
	}
	// Output:
	// BOM: /components/0/isExternal: component has no member "isExternal"
	// {"bomFormat":"CycloneDX","specVersion":"1.6","version":1,"components":[{"type":"library","name":"zlib"}]}
}
