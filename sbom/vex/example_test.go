package vex_test

import (
	"fmt"
	"log"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/touchmark-go/touchmark/sbom/vex"
)

const statements = `{
  "@context": "https://openvex.dev/ns/v0.2.0", "@id": "https://acme.example/vex/7", "author": "Acme", "timestamp": "2026-11-21T05:34:23Z", "version": 1,
  "statements": [{
    "vulnerability": {"name": "CVE-2026-0001", "aliases": ["GHSA-aaaa-bbbb-cccc"]},
    "products": [{"@id": "pkg:generic/app", "subcomponents": [{"@id": "pkg:golang/example.com/lib@v1.2.3"}]}],
    "status": "not_affected", "justification": "vulnerable_code_not_in_execute_path"
  }]
}`

func app() *cdx.BOM {
	bom := cdx.NewBOM()
	bom.Metadata = &cdx.Metadata{Component: &cdx.Component{BOMRef: "app", Type: cdx.ComponentTypeApplication, Name: "app", PackageURL: "pkg:generic/app@1.0"}}
	bom.Components = &[]cdx.Component{{BOMRef: "lib", Type: cdx.ComponentTypeLibrary, Name: "example.com/lib", PackageURL: "pkg:golang/example.com/lib@v1.2.3"}}
	return bom
}

// What is said of a vulnerability in a component of the app.
func ExampleApply() {
	doc, err := vex.Parse(strings.NewReader(statements))
	if err != nil {
		log.Fatal(err) // malformed, or incomplete: it says where
	}
	result := vex.Apply(app(), doc)
	for _, name := range []string{"GHSA-aaaa-bbbb-cccc", "CVE-2026-0002"} {
		a, ok := result.Status(name, "lib")
		if !ok {
			fmt.Println(name, "nobody says anything")
			continue
		}
		fmt.Println(name, a.Statement.Status, a.Statement.Justification)
	}
	// Output:
	// GHSA-aaaa-bbbb-cccc not_affected vulnerable_code_not_in_execute_path
	// CVE-2026-0002 nobody says anything
}

func ExampleResult_Annotate() {
	doc, err := vex.Parse(strings.NewReader(statements))
	if err != nil {
		log.Fatal(err)
	}
	bom := app()
	if err := vex.Apply(bom, doc).Annotate(bom); err != nil {
		log.Fatal(err)
	}
	v := (*bom.Vulnerabilities)[0]
	fmt.Println(v.ID, (*v.Affects)[0].Ref, v.Analysis.State, v.Analysis.Justification)
	// Output:
	// CVE-2026-0001 lib not_affected code_not_reachable
}

func ExampleParse() {
	_, err := vex.Parse(strings.NewReader(strings.Replace(statements, `, "justification": "vulnerable_code_not_in_execute_path"`, "", 1)))
	fmt.Println(err)
	// Output:
	// VEX: line 3: /statements/0: not_affected needs a justification or an impact_statement
}

func ExampleFromCycloneDX() {
	bom := app()
	bom.Vulnerabilities = &[]cdx.Vulnerability{{
		ID: "CVE-2026-0003", Affects: &[]cdx.Affects{{Ref: "lib"}},
		Analysis: &cdx.VulnerabilityAnalysis{State: cdx.IASResolved, LastUpdated: "2026-11-21T05:34:23Z"},
	}}
	doc, lost, err := vex.FromCycloneDX(bom)
	if err != nil {
		log.Fatal(err)
	}
	s := doc.Statements[0]
	fmt.Println(s.Vulnerability.Name, s.Status, s.Products[0].PURL, len(lost))
	// Output:
	// CVE-2026-0003 fixed pkg:golang/example.com/lib@v1.2.3 0
}
