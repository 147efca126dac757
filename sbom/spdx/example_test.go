package spdx_test

import (
	"fmt"
	"log"
	"os"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/touchmark-go/touchmark/sbom/spdx"
)

// A BOM becomes an SPDX document, and what SPDX cannot say is named.
func ExampleFromCycloneDX() {
	bom := cdx.NewBOM()
	bom.SerialNumber = "urn:uuid:3e671687-395b-41f5-a30f-a58921a69b79"
	bom.Metadata = &cdx.Metadata{
		Timestamp: "2026-11-21T05:34:23Z",
		Component: &cdx.Component{BOMRef: "app", Type: cdx.ComponentTypeApplication, Name: "app", Version: "1.0", Scope: cdx.ScopeRequired},
	}
	doc, lost, err := spdx.FromCycloneDX(bom)
	if err != nil {
		log.Fatal(err)
	}
	for _, l := range lost {
		fmt.Println(l)
	}
	if err := spdx.Write(os.Stdout, doc); err != nil {
		log.Fatal(err)
	}
	// Output:
	// /metadata/component/scope: scope "required": SPDX 2.3 has no place for it
	// {"spdxVersion":"SPDX-2.3","dataLicense":"CC0-1.0","SPDXID":"SPDXRef-DOCUMENT","name":"app 1.0","documentNamespace":"https://spdx.org/spdxdocs/app%201.0-3e671687-395b-41f5-a30f-a58921a69b79","creationInfo":{"created":"2026-11-21T05:34:23Z","creators":["Tool: touchmark"],"comment":"converted from CycloneDX 1.7"},"packages":[{"SPDXID":"SPDXRef-app","name":"app","versionInfo":"1.0","downloadLocation":"NOASSERTION","filesAnalyzed":false,"licenseConcluded":"NOASSERTION","licenseDeclared":"NOASSERTION","copyrightText":"NOASSERTION","primaryPackagePurpose":"APPLICATION"}],"relationships":[{"spdxElementId":"SPDXRef-DOCUMENT","relationshipType":"DESCRIBES","relatedSpdxElement":"SPDXRef-app"}]}
}

// The same in SPDX 3.0.1, which is a graph.
func ExampleWrite3() {
	bom := cdx.NewBOM()
	bom.SerialNumber = "urn:uuid:3e671687-395b-41f5-a30f-a58921a69b79"
	bom.Metadata = &cdx.Metadata{
		Timestamp: "2026-11-21T05:34:23Z",
		Component: &cdx.Component{BOMRef: "app", Type: cdx.ComponentTypeApplication, Name: "app", Version: "1.0"},
	}
	var document strings.Builder
	lost, err := spdx.Write3(&document, bom)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(lost), "things lost")
	creation, _, _ := strings.Cut(document.String(), "},")
	fmt.Println(creation)
	// Output:
	// 0 things lost
	// {"@context":"https://spdx.org/rdf/3.0.1/spdx-context.jsonld","@graph":[{"type":"CreationInfo","@id":"_:creation","comment":"converted from CycloneDX 1.7","specVersion":"3.0.1","created":"2026-11-21T05:34:23Z","createdBy":["https://spdx.org/spdxdocs/app%201.0-3e671687-395b-41f5-a30f-a58921a69b79#SoftwareAgent"],"createdUsing":["https://spdx.org/spdxdocs/app%201.0-3e671687-395b-41f5-a30f-a58921a69b79#Tool-touchmark"]
}

const document = `{
  "spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT", "name": "app 1.0",
  "documentNamespace": "https://acme.example/spdx/app-1.0",
  "creationInfo": {"created": "2026-11-21T05:34:23Z", "creators": ["Tool: maker-1.0"]},
  "packages": [{"SPDXID": "SPDXRef-app", "name": "app", "versionInfo": "1.0", "downloadLocation": "NOASSERTION",
                "licenseDeclared": "MIT", "sourceInfo": "built from the tag"}],
  "relationships": [{"spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES", "relatedSpdxElement": "SPDXRef-app"}]
}`

func ExampleToCycloneDX() {
	doc, err := spdx.Parse(strings.NewReader(document))
	if err != nil {
		log.Fatal(err)
	}
	bom, lost, err := spdx.ToCycloneDX(doc)
	if err != nil {
		log.Fatal(err)
	}
	main := bom.Metadata.Component
	fmt.Println(main.Name, main.Version, (*main.Licenses)[0].License.ID)
	for _, l := range lost {
		fmt.Println(l)
	}
	// Output:
	// app 1.0 MIT
	// /packages/0/sourceInfo: sourceInfo "built from the tag": CycloneDX has no place for it
	// /documentNamespace: https://acme.example/spdx/app-1.0: CycloneDX has a UUID in its place: urn:uuid:faafd839-9907-5257-8f95-20a7f62ebf2a
}

func ExampleParse() {
	_, err := spdx.Parse(strings.NewReader(strings.Replace(document, "MIT", "MIT License", 1)))
	fmt.Println(err)
	// Output:
	// SPDX: line 6: /packages/0/licenseDeclared: license expression "MIT License": want AND, OR or the end, found "License"
}

func ExampleWrite() {
	doc, err := spdx.Parse(strings.NewReader(document))
	if err != nil {
		log.Fatal(err)
	}
	doc.Relationships[0].Related = "SPDXRef-none"
	fmt.Println(spdx.Write(os.Stdout, doc))
	// Output:
	// SPDX: /relationships/0/relatedSpdxElement: "SPDXRef-none" names nothing in this document
}
