package sbom_test

import (
	"fmt"
	"log"
	"strings"

	"github.com/touchmark-go/touchmark/sbom"
)

// What an SBOM misses, by what NTIA asks of one. The supplier of the library is
// written as "NOASSERTION", which says that nobody knows it.
func ExampleCheck() {
	bom, err := sbom.Parse(strings.NewReader(`{"bomFormat":"CycloneDX","specVersion":"1.6","version":1,
		"metadata":{"timestamp":"2026-11-21T03:07:00Z","authors":[{"name":"Ada"}],
			"component":{"bom-ref":"app","type":"application","name":"app","version":"1.4.0","supplier":{"name":"Acme"}}},
		"components":[{"bom-ref":"lib","type":"library","name":"lib","version":"2.0.0","purl":"pkg:generic/lib@2.0.0","supplier":{"name":"NOASSERTION"}}],
		"dependencies":[{"ref":"app","dependsOn":["lib"]},{"ref":"lib","dependsOn":[]}]}`))
	if err != nil {
		log.Fatal(err)
	}
	issues := sbom.Check(bom, sbom.ProfileNTIA)
	for _, i := range issues {
		if !i.Advice {
			fmt.Println(i)
		}
	}
	fmt.Println("met:", sbom.Met(issues))
	// Output:
	// ntia-2021/supplier /components/0 (lib@2.0.0): want who supplies the component, found nothing
	// met: false
}

// A document of any size is checked as it is read.
func ExampleCheckStream() {
	file := strings.NewReader(`{"bomFormat":"CycloneDX","specVersion":"1.6","version":1,
		"metadata":{"component":{"bom-ref":"app","type":"application","name":"app"}},
		"dependencies":[{"ref":"app","dependsOn":["gone"]}],
		"compositions":[{"aggregate":"complete","dependencies":["app"]}]}`)
	for issue, err := range sbom.CheckStream(file, sbom.ProfileStructure) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(issue)
	}
	// Output:
	// structure/unresolved-ref /metadata/component (app): want references to what is in the document, found a dependency on gone, which nothing has as its bom-ref
	// structure/complete /metadata/component (app): want "complete" only where nothing is missing, found complete dependencies, and one on what is not there
}

// Two releases: what was upgraded, what came in by whom, and on other terms.
func ExampleDiff() {
	release := func(components, edges string) string {
		return `{"bomFormat":"CycloneDX","specVersion":"1.6","version":1,"metadata":{"component":{"bom-ref":"app","type":"application","name":"app","version":"1"}},
			"components":[` + components + `],"dependencies":[{"ref":"app","dependsOn":[` + edges + `]}]}`
	}
	var boms [2]string
	boms[0] = release(`{"bom-ref":"a","type":"library","name":"a","version":"1.9.0","purl":"pkg:npm/a@1.9.0","licenses":[{"expression":"MIT"}]}`, `"a"`)
	boms[1] = release(`{"bom-ref":"a","type":"library","name":"a","version":"1.10.0","purl":"pkg:npm/a@1.10.0","licenses":[{"expression":"BUSL-1.1"}]},
		{"bom-ref":"b","type":"library","name":"b","version":"0.1.0","purl":"pkg:npm/b@0.1.0"}`, `"a","b"`)
	before, err := sbom.Parse(strings.NewReader(boms[0]))
	if err != nil {
		log.Fatal(err)
	}
	after, err := sbom.Parse(strings.NewReader(boms[1]))
	if err != nil {
		log.Fatal(err)
	}
	for _, change := range sbom.Diff(before, after) {
		fmt.Println(change)
	}
	// Output:
	// b added: 0.1.0
	// a upgraded from 1.9.0 to 1.10.0
	// a changed its license from MIT to BUSL-1.1
	// app now depends on b
}

// One document of a product of two programs. Each comes in under a bom-ref of
// its own; the library that both have is there once.
func ExampleMerge() {
	program := func(name string) string {
		return `{"bomFormat":"CycloneDX","specVersion":"1.6","version":1,"metadata":{"component":{"bom-ref":"main","type":"application","name":"` + name + `","version":"1"}},
			"components":[{"bom-ref":"x","type":"library","name":"lib","version":"2"}],"dependencies":[{"ref":"main","dependsOn":["x"]}]}`
	}
	server, err := sbom.Parse(strings.NewReader(program("server")))
	if err != nil {
		log.Fatal(err)
	}
	agent, err := sbom.Parse(strings.NewReader(program("agent")))
	if err != nil {
		log.Fatal(err)
	}
	suite, conflicts, err := sbom.Merge("suite", "1.4.0", server, agent)
	if err != nil {
		log.Fatal(err)
	}
	for _, c := range *suite.Components {
		fmt.Println(c.Name, c.Version)
	}
	fmt.Println(len(conflicts), "conflicts")
	// Output:
	// agent 1
	// lib 2
	// server 1
	// 0 conflicts
}

// Who brings a library in, the shortest way first.
func ExamplePaths() {
	bom, err := sbom.Parse(strings.NewReader(`{"bomFormat":"CycloneDX","specVersion":"1.6","version":1,
		"metadata":{"component":{"bom-ref":"app","type":"application","name":"app"}},
		"components":[{"bom-ref":"web","type":"library","name":"web"},{"bom-ref":"tls","type":"library","name":"tls"},{"bom-ref":"x","type":"library","name":"old-crypto"}],
		"dependencies":[{"ref":"app","dependsOn":["web","tls"]},{"ref":"web","dependsOn":["tls"]},{"ref":"tls","dependsOn":["x"]}]}`))
	if err != nil {
		log.Fatal(err)
	}
	paths, all, err := sbom.Paths(bom, "old-crypto", 10)
	if err != nil {
		log.Fatal(err)
	}
	for _, path := range paths {
		var names []string
		for _, c := range path {
			names = append(names, c.Name)
		}
		fmt.Println(strings.Join(names, " -> "))
	}
	fmt.Println("all:", all)
	// Output:
	// app -> tls -> old-crypto
	// app -> web -> tls -> old-crypto
	// all: true
}
