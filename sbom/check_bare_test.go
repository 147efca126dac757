package sbom

import (
	"slices"
	"strings"
	"testing"
)

// With more dependencies than are kept, cycles are not looked for, and the
// document is told so; all else is found.
func TestCheckStreamBare(t *testing.T) {
	const document = `{"bomFormat":"CycloneDX","specVersion":"1.6","version":1,
	"metadata":{"component":{"bom-ref":"app","type":"application","name":"app","version":"1"}},
	"components":[{"bom-ref":"a","type":"library","name":"a","version":"1"},{"bom-ref":"b","type":"library","name":"b","version":"2"},{"bom-ref":"c","type":"library","name":"c","version":"2"}],
	"dependencies":[{"ref":"app","dependsOn":["a"]},{"ref":"a","dependsOn":["b","a","zz"]},{"ref":"b","dependsOn":["a"]}],
	"compositions":[{"aggregate":"complete","assemblies":["app"],"dependencies":["app","c"]}]}`
	rules := func(most int) (all []string) {
		s := streamCheck{r: strings.NewReader(document), most: most}
		s.checker = newChecker(ProfileStructure, func(i Issue) { all = append(all, strings.TrimSpace(i.Rule+" "+i.Component)) })
		if err := s.run(); err != nil {
			t.Fatal(err)
		}
		slices.Sort(all)
		return all
	}
	whole := []string{"structure/complete app@1", "structure/complete c@2", "structure/cycle a@1", "structure/no-entry c@2", "structure/self-edge a@1", "structure/unresolved-ref a@1"}
	if got := rules(maxEdges); !slices.Equal(got, whole) {
		t.Errorf("%q, want %q", got, whole)
	}
	whole[2] = "structure/cycle"
	if got := rules(3); !slices.Equal(got, whole) {
		t.Errorf("bare: %q, want %q", got, whole)
	}
}
