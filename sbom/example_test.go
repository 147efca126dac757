package sbom_test

import (
	"bytes"
	"fmt"
	"log"
	"os"
	"runtime/debug"
	"strings"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sbom"
)

// program stands for a file that os.Open returned.
var program = bytes.NewReader(binaryWith("go1.26.8", "path\texample.com/app\nmod\texample.com/app\tv1.4.0\t\n"+
	"dep\tgolang.org/x/mod\tv0.42.0\th1:ICeL3t2L30ljSPHHxDnR4fqVcBt/zR2zJAb9juavmQg=\n"+
	"build\tCGO_ENABLED=0\nbuild\tGOARCH=amd64\nbuild\tGOOS=linux\n"))

// List what a Go binary was linked from.
func ExampleFromBinary() {
	bom, err := sbom.FromBinary(program)
	if err != nil {
		log.Fatal(err) // sbom.ErrNotGo: there is nothing to read
	}
	fmt.Println(bom.Metadata.Component.PackageURL)
	for _, c := range *bom.Components {
		fmt.Println(" ", c.PackageURL)
	}
	// Output:
	// pkg:golang/example.com/app@v1.4.0
	//   pkg:golang/golang.org/x/mod@v0.42.0
	//   pkg:golang/stdlib@1.26.8
}

// Bind the list to digests that are known already, and do not hash again.
func ExampleOptions_FromBinary() {
	known := provenance.DigestSet{"sha256": "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"}
	bom, err := sbom.Options{Hashes: known}.FromBinary(program)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println((*bom.Metadata.Component.Hashes)[0])
	// Output:
	// {SHA-256 2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824}
}

// A program lists itself: pass what debug.ReadBuildInfo returns.
func ExampleFromBuildInfo() {
	info := &debug.BuildInfo{GoVersion: "go1.26.8", Path: "example.com/app", Main: debug.Module{Path: "example.com/app", Version: "v1.4.0+dirty"}}
	bom, err := sbom.FromBuildInfo(info)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(bom.Metadata.Component.PackageURL)
	// Output:
	// pkg:golang/example.com/app@v1.4.0%2Bdirty
}

// Read a document of somebody else.
func ExampleParse() {
	_, err := sbom.Parse(strings.NewReader(`{"spdxVersion":"SPDX-2.3","packages":[]}`))
	fmt.Println(err)
	bom, err := sbom.Parse(strings.NewReader(`{"bomFormat":"CycloneDX","specVersion":"1.5","components":[{"type":"library","name":"zlib"}]}`))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(bom.SpecVersion, (*bom.Components)[0].Name)
	// Output:
	// BOM is an SPDX document, want CycloneDX: package sbom/spdx reads SPDX 2.3
	// 1.5 zlib
}

// Write a document; the same BOM always gives the same bytes.
func ExampleWrite() {
	bom, err := sbom.Parse(strings.NewReader(`{ "specVersion": "1.6", "bomFormat": "CycloneDX" }`))
	if err != nil {
		log.Fatal(err)
	}
	if err := sbom.Write(os.Stdout, bom); err != nil {
		log.Fatal(err)
	}
	// Output:
	// {"bomFormat":"CycloneDX","specVersion":"1.6","version":1}
}

// Say of which artifact the list is, so that it can be signed.
func ExampleStatement() {
	bom, err := sbom.FromBinary(program)
	if err != nil {
		log.Fatal(err)
	}
	statement, err := sbom.Statement(bom)
	if err != nil {
		log.Fatal(err) // the BOM is bound to no artifact
	}
	hash := (*bom.Metadata.Component.Hashes)[0].Value
	fmt.Println(statement.PredicateType, statement.Subject[0].Name, statement.Subject[0].Digest["sha256"] == hash)
	// Output:
	// https://cyclonedx.org/bom example.com/app true
}

func ExampleParsePURL() {
	p, err := sbom.ParsePURL("pkg:GOLANG/github.com/CycloneDX/cyclonedx-go@v0.12.0%2Bdirty")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(p.Namespace, p.Name, p.Version)
	fmt.Println(p)
	// Output:
	// github.com/cyclonedx cyclonedx-go v0.12.0+dirty
	// pkg:golang/github.com/cyclonedx/cyclonedx-go@v0.12.0%2Bdirty
}

func ExamplePURL_Canonical() {
	p, err := sbom.PURL{Type: "npm", Namespace: "@angular", Name: "animation", Version: "12.3.1"}.Canonical()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(p)
	_, err = sbom.PURL{Type: "npm"}.Canonical()
	fmt.Println(err)
	// Output:
	// pkg:npm/%40angular/animation@12.3.1
	// package URL: purl is missing name
}
