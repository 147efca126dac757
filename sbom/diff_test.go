package sbom_test

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/touchmark-go/touchmark/sbom"
)

func TestDiff(t *testing.T) {
	const document = `{"bomFormat":"CycloneDX","specVersion":"1.6","version":1,
	"metadata":{"component":{"bom-ref":"app","type":"application","name":"app","version":"1"}},
	"components":[
		{"bom-ref":"a","type":"library","name":"ex.org/A","version":"v1.2.0","purl":"pkg:golang/ex.org/a@v1.2.0","licenses":[{"expression":"MIT"}],"properties":[{"name":"touchmark:go:h1","value":"h1:aaa="}]},
		{"bom-ref":"b","type":"library","name":"b","version":"2","purl":"pkg:npm/b@2"}],
	"dependencies":[{"ref":"app","dependsOn":["a","b"]},{"ref":"a","dependsOn":["b"]},{"ref":"b","dependsOn":[]}],
	"compositions":[{"aggregate":"complete","assemblies":["app"],"dependencies":["app","a"]}]}`
	for _, test := range []struct {
		name, old, new string
		want           string
	}{
		{"nothing", "", "", ""},
		{"another serial number and time", `"metadata":{`, `"serialNumber":"urn:uuid:a5ed6f86-e799-5ca5-879b-1dac4fd03a42","metadata":{"timestamp":"2026-11-21T03:07:00Z",`, ""},
		{"another bom-ref", `"bom-ref":"zz"`, ``, ""},
		{"another order", `["a","b"]}`, `["b","a"]}`, ""},
		{"upgraded", `A","version":"v1.2.0","purl":"pkg:golang/ex.org/a@v1.2.0"`, `A","version":"v1.10.0","purl":"pkg:golang/ex.org/a@v1.10.0"`, "ex.org/A upgraded from v1.2.0 to v1.10.0"},
		{"downgraded to a pre-release", `A","version":"v1.2.0","purl":"pkg:golang/ex.org/a@v1.2.0"`, `A","version":"v1.2.0-rc.1","purl":"pkg:golang/ex.org/a@v1.2.0-rc.1"`, "ex.org/A downgraded from v1.2.0 to v1.2.0-rc.1"},
		{"changed", `"version":"2","purl":"pkg:npm/b@2"`, `"version":"main","purl":"pkg:npm/b@main"`, "b changed from 2 to main"},
		{"removed", `,
		{"bom-ref":"b","type":"library","name":"b","version":"2","purl":"pkg:npm/b@2"}`, ``, "b removed: was 2\napp no longer depends on b\nex.org/A no longer depends on b"},
		{"added", `"components":[`, `"components":[{"type":"library","name":"c","version":"3"},`, "c added: 3"},
		{"two versions of one", `"components":[`, `"components":[{"type":"library","name":"b","version":"3","purl":"pkg:npm/b@3"},`, "b added: 3"},
		{"another licence", `"MIT"`, `"GPL-3.0-only"`, "ex.org/A changed its license from MIT to GPL-3.0-only"},
		{"no licence", `"licenses":[{"expression":"MIT"}],`, ``, "ex.org/A changed its license from MIT to nothing"},
		{"other content", `"h1:aaa="`, `"h1:bbb="`, "ex.org/A is other content of the same version: was h1 aaa=, is h1 bbb="},
		{"a further hash", `"properties":[{"name":"touchmark:go:h1"`, `"hashes":[{"alg":"MD5","content":"d41d8cd98f00b204e9800998ecf8427e"}],"properties":[{"name":"touchmark:go:h1"`, ""},
		{"an edge", `{"ref":"b","dependsOn":[]}`, `{"ref":"b","dependsOn":["a"]}`, "b now depends on ex.org/A"},
		{"no entry", `,{"ref":"b","dependsOn":[]}`, ``, "b depends on nobody knows what, was nothing"},
		{"less complete", `"aggregate":"complete"`, `"aggregate":"incomplete"`, "app is said to be its dependencies incomplete, its parts incomplete, was its dependencies complete, its parts complete\nex.org/A is said to be its dependencies incomplete, was its dependencies complete"},
		{"another path in other letters", `"name":"ex.org/A"`, `"name":"ex.org/a"`, "ex.org/a added: v1.2.0\nex.org/A removed: was v1.2.0\napp now depends on ex.org/a\napp no longer depends on ex.org/A"},
		{"a name that would not stay on its line", `"name":"b"`, `"name":"b\n\u202eevil"`, `app now depends on "b\n\u202eevil"` + "\napp no longer depends on b\n" + `ex.org/A now depends on "b\n\u202eevil"` + "\nex.org/A no longer depends on b"},
	} {
		t.Run(test.name, func(t *testing.T) {
			a := read(t, document)
			b := read(t, strings.Replace(document, test.old, test.new, 1))
			var got []string
			for _, c := range sbom.Diff(a, b) {
				got = append(got, c.String())
			}
			if strings.Join(got, "\n") != test.want {
				t.Errorf("changes:\n%s\nwant:\n%s", strings.Join(got, "\n"), test.want)
			}
			checkSymmetry(t, a, b)
		})
	}
	if got := sbom.Diff(nil, nil); got != nil {
		t.Errorf("nothing differs from nothing by %v", got)
	}
	if got := sbom.Diff(nil, read(t, document)); len(got) != 3 {
		t.Errorf("everything is new: %v", got)
	}
}

// checkSymmetry wants Diff to say the same the other way round.
func checkSymmetry(t *testing.T, a, b *cdx.BOM) {
	t.Helper()
	var there, back []string
	for _, c := range sbom.Diff(a, b) {
		there = append(there, fmt.Sprintf("%+v", c))
	}
	mirrored := map[string]string{"added": "removed", "removed": "added", "upgraded": "downgraded", "downgraded": "upgraded"}
	for _, c := range sbom.Diff(b, a) {
		if kind, ok := mirrored[c.Kind]; ok {
			c.Kind = kind
		}
		c.Old, c.New = c.New, c.Old
		back = append(back, fmt.Sprintf("%+v", c))
	}
	slices.Sort(there)
	slices.Sort(back)
	if !slices.Equal(there, back) {
		t.Errorf("there:\n%s\nand back:\n%s", strings.Join(there, "\n"), strings.Join(back, "\n"))
	}
}

// randomBOM is a small document about a product, with everything that Diff and
// Merge look at, and names that often meet those of other documents.
func randomBOM(r *rand.Rand) *cdx.BOM {
	pick := func(list ...string) string { return list[r.IntN(len(list))] }
	var components []cdx.Component
	for i := range r.IntN(6) {
		c := cdx.Component{BOMRef: fmt.Sprint("ref", i), Type: cdx.ComponentTypeLibrary, Name: pick("a", "b", "c", "d"), Version: pick("1", "2", "v1.0.0", "")}
		if r.IntN(2) == 0 {
			c.PackageURL = "pkg:npm/" + c.Name + strings.TrimSuffix("@"+c.Version, "@")
		}
		if r.IntN(3) == 0 {
			c.Licenses = &cdx.Licenses{{Expression: pick("MIT", "ISC")}}
		}
		if r.IntN(3) == 0 {
			c.Hashes = &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: strings.Repeat(pick("0", "1"), 64)}}
		}
		if len(components) > 0 && r.IntN(5) == 0 {
			last := &components[len(components)-1]
			inside := append([]cdx.Component{}, c)
			if last.Components != nil {
				inside = append(inside, *last.Components...)
			}
			last.Components = &inside
			continue
		}
		components = append(components, c)
	}
	main := cdx.Component{BOMRef: "main", Type: cdx.ComponentTypeApplication, Name: pick("p", "q", "r"), Version: pick("1", "2")}
	bom := &cdx.BOM{BOMFormat: cdx.BOMFormat, SpecVersion: cdx.SpecVersion1_6, Version: 1, Components: &components,
		Metadata: &cdx.Metadata{Component: &main, Timestamp: pick("", "2026-11-21T03:07:00Z", "2026-11-21T02:07:00+01:00")}}
	if r.IntN(2) == 0 {
		bom.Metadata.Authors = &[]cdx.OrganizationalContact{{Name: pick("A", "B")}}
	}
	refs := []string{"main"}
	for _, c := range components {
		refs = append(refs, c.BOMRef)
	}
	var dependencies []cdx.Dependency
	for _, ref := range refs {
		if r.IntN(4) == 0 {
			continue
		}
		on := []string{}
		for _, to := range refs {
			if r.IntN(3) == 0 && to != ref {
				on = append(on, to)
			}
		}
		dependencies = append(dependencies, cdx.Dependency{Ref: ref, Dependencies: &on})
	}
	bom.Dependencies = &dependencies
	var compositions []cdx.Composition
	for range r.IntN(3) {
		named := []cdx.BOMReference{cdx.BOMReference(pick(refs...))}
		c := cdx.Composition{Aggregate: cdx.CompositionAggregate(pick("complete", "complete", "incomplete", "unknown", "incomplete_first_party_only", "not_specified"))}
		if r.IntN(2) == 0 {
			c.Dependencies = &named
		} else {
			c.Assemblies = &named
		}
		if slices.ContainsFunc(compositions, func(o cdx.Composition) bool { return reflect.DeepEqual(o, c) }) {
			continue // the schema wants them to differ
		}
		compositions = append(compositions, c)
	}
	bom.Compositions = &compositions
	return bom
}

// Nothing differs from itself, and every difference has a way back.
func TestDiffProperties(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		a, b := randomBOM(r), randomBOM(r)
		if got := sbom.Diff(a, a); got != nil {
			t.Fatalf("a document differs from itself by %v", got)
		}
		checkSymmetry(t, a, b)
		if t.Failed() {
			t.Fatalf("%s\n%s", write(t, a), write(t, b))
		}
	}
}
