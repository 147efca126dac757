package provenance_test

import (
	"fmt"

	"github.com/touchmark-go/touchmark/provenance"
)

// A build tool that knows its inputs fills in a Build by hand. What it forgets,
// or writes in a form that nobody could match, comes back with the field.
func ExampleBuild_Validate() {
	build := &provenance.Build{}
	build.BuildDefinition.BuildType = "https://build.acme.example/types/bundle/v1"
	build.BuildDefinition.ExternalParameters = map[string]any{"target": "//web:bundle"}
	build.BuildDefinition.ResolvedDependencies = []provenance.ResourceDescriptor{
		{Name: "web/index.html", Digest: provenance.Set(provenance.SumSHA256([]byte("<html>")))},
		{Name: "web/app.js", Digest: provenance.DigestSet{"sha256": "ABCDEF"}},
	}
	fmt.Println(build.Validate())

	build.RunDetails.Builder.ID = "https://build.acme.example/tool/v3"
	fmt.Println(build.Validate())

	build.BuildDefinition.ResolvedDependencies[1].Digest = provenance.Set(provenance.SumSHA256([]byte("alert(1)")))
	fmt.Println(build.Validate())

	build.BuildDefinition.ExternalParameters["options"] = map[string]any{"jobs": 4, "seed": int64(1<<53 + 1)}
	fmt.Println(build.Validate())

	build.BuildDefinition.ExternalParameters["options"] = map[string]any{"done": make(chan bool)}
	fmt.Println(build.Validate())
	// Output:
	// /runDetails/builder/id is missing
	// /buildDefinition/resolvedDependencies/1/digest: sha256 digest has 6 characters, want 64
	// <nil>
	// /buildDefinition/externalParameters/options/seed: line 1, column 29: a number beyond 2^53 that would lose precision
	// /buildDefinition/externalParameters/options/done: json: unsupported type: chan bool
}
