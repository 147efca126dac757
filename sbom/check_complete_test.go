package sbom_test

import (
	"strings"
	"testing"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/touchmark-go/touchmark/sbom"
)

// Complete is what compositions say of everything, and the document does not refute.
func TestCompleteness(t *testing.T) {
	for _, test := range []struct{ name, old, new, components, dependencies string }{
		{"complete", "", "", "complete", "complete"},
		{"no compositions", `,
	"compositions":[{"aggregate":"complete","assemblies":["app"],"dependencies":["app","a","b"]}]`, ``, "unknown", "unknown"},
		{"incomplete", `"aggregate":"complete"`, `"aggregate":"incomplete_third_party_only"`, "incomplete", "incomplete"},
		{"not specified", `"aggregate":"complete"`, `"aggregate":"not_specified"`, "unknown", "unknown"},
		{"one of them unsaid", `"dependencies":["app","a","b"]`, `"dependencies":["app","a"]`, "complete", "unknown"},
		{"one of them incomplete", `"dependencies":["app","a","b"]}`, `"dependencies":["app","a"]},{"aggregate":"incomplete","dependencies":["b"]}`, "complete", "incomplete"},
		{"parts unsaid", `"assemblies":["app"],`, ``, "unknown", "complete"},
		{"both at once", `"compositions":[`, `"compositions":[{"aggregate":"incomplete","assemblies":["app"]},`, "incomplete", "complete"},
		{"complete without an entry", `,{"ref":"b","dependsOn":[]}`, ``, "complete", "unknown"},
		{"a dangling edge", `"dependsOn":["b"]`, `"dependsOn":["b","zz"]`, "incomplete", "incomplete"},
		{"an entry of nothing", `{"ref":"b",`, `{"ref":"zz","dependsOn":[]},{"ref":"b",`, "incomplete", "incomplete"},
		{"a bom-ref twice", `{"bom-ref":"b",`, `{"bom-ref":"b","type":"library","name":"c"},{"bom-ref":"b",`, "incomplete", "unknown"},
		{"no main component", `"component":{"bom-ref":"app","type":"application","name":"app","version":"1"}`, ``, "unknown", "unknown"},
	} {
		if !strings.Contains(sound, test.old) {
			t.Fatalf("%s: the document has no %q", test.name, test.old)
		}
		components, dependencies := sbom.Completeness(read(t, strings.Replace(sound, test.old, test.new, 1)))
		if string(components) != test.components || string(dependencies) != test.dependencies {
			t.Errorf("%s: components %s, dependencies %s; want %s, %s", test.name, components, dependencies, test.components, test.dependencies)
		}
	}
	if a, b := sbom.Completeness(nil); a != cdx.CompositionAggregateUnknown || b != cdx.CompositionAggregateUnknown {
		t.Errorf("no document is %s, %s", a, b)
	}
}
