package sbom_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/touchmark-go/touchmark/sbom"
)

func merge(t testing.TB, boms ...*cdx.BOM) *cdx.BOM {
	t.Helper()
	bom, _, err := sbom.Merge("product", "9", boms...)
	if err != nil {
		t.Fatal(err)
	}
	return bom
}

// In any order, in any grouping, and with what comes twice counted once, the
// merged document has the same bytes; and it can be read.
func TestMergeProperties(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 300 {
		a, b, c := randomBOM(r), randomBOM(r), randomBOM(r)
		before := [][]byte{write(t, a), write(t, b), write(t, c)}
		all := write(t, merge(t, a, b, c))
		for name, other := range map[string]*cdx.BOM{
			"in another order": merge(t, c, a, b),
			"in two steps":     merge(t, merge(t, a, b), c),
			"the other two":    merge(t, a, merge(t, b, c)),
			"one twice":        merge(t, a, b, b, c),
			"itself":           merge(t, merge(t, a, b, c)),
			"itself twice":     merge(t, merge(t, a, b, c), merge(t, c, b, a)),
		} {
			if got := write(t, other); !bytes.Equal(got, all) {
				t.Fatalf("%s:\n%s\nwant:\n%s\nof\n%s\n%s\n%s", name, got, all, before[0], before[1], before[2])
			}
		}
		for i, bom := range []*cdx.BOM{a, b, c} {
			if !bytes.Equal(write(t, bom), before[i]) {
				t.Fatal("a document that was merged is another one afterwards")
			}
		}
		parse(t, string(all))
		checkNeverMore(t, merge(t, a, b, c), a, b, c)
	}
}

// checkNeverMore wants no component to be called complete in the merged document
// that one of the documents does not call complete.
func checkNeverMore(t *testing.T, merged *cdx.BOM, parts ...*cdx.BOM) {
	t.Helper()
	complete := func(bom *cdx.BOM) (names map[string]int) {
		names = map[string]int{}
		for _, c := range *bom.Compositions {
			if c.Aggregate != cdx.CompositionAggregateComplete {
				continue
			}
			for _, list := range []*[]cdx.BOMReference{c.Assemblies, c.Dependencies} {
				if list != nil {
					for _, ref := range *list {
						names[string(ref)]++
					}
				}
			}
		}
		return names
	}
	said := 0
	for _, p := range parts {
		for _, n := range complete(p) {
			said += n
		}
	}
	now := 0
	for ref, n := range complete(merged) {
		if strings.HasPrefix(ref, "product@9") && !strings.Contains(ref, "#") {
			t.Errorf("the product is called complete")
		}
		now += n
	}
	if now > said {
		t.Errorf("%d things are complete, and the documents say so of %d", now, said)
	}
}

// What two documents say of one component: the same once, and otherwise both,
// with a word about it. Bom-refs that two documents use for different things stay
// apart.
func TestMerge(t *testing.T) {
	a := parse(t, `{"bomFormat":"CycloneDX","specVersion":"1.6","version":1,"metadata":{"component":{"bom-ref":"app","type":"application","name":"one","version":"1"}},
		"components":[{"bom-ref":"x","type":"library","name":"same","version":"1"},{"bom-ref":"y","type":"library","name":"lib","version":"1","licenses":[{"expression":"MIT"}]}],
		"dependencies":[{"ref":"app","dependsOn":["x","y"]},{"ref":"x","dependsOn":["y"]}],
		"compositions":[{"aggregate":"complete","dependencies":["app","x"]}]}`)
	b := parse(t, `{"bomFormat":"CycloneDX","specVersion":"1.5","version":1,"metadata":{"component":{"bom-ref":"app","type":"application","name":"two","version":"1"}},
		"components":[{"bom-ref":"y","type":"library","name":"same","version":"1"},{"bom-ref":"x","type":"library","name":"lib","version":"1","licenses":[{"expression":"ISC"}]}],
		"dependencies":[{"ref":"app","dependsOn":["x","y"]}],
		"services":[{"bom-ref":"s","name":"s"}],
		"compositions":[{"aggregate":"incomplete","dependencies":["app","y"]}]}`)
	bom, conflicts, err := sbom.Merge("product", "9", a, b)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, c := range *bom.Components {
		names = append(names, c.Name+"@"+c.Version)
		if !strings.HasPrefix(c.BOMRef, c.Name+"@"+c.Version+"#") {
			t.Errorf("bom-ref %s of %s", c.BOMRef, c.Name)
		}
	}
	slices.Sort(names)
	if want := []string{"lib@1", "lib@1", "one@1", "same@1", "two@1"}; !slices.Equal(names, want) {
		t.Errorf("components are %v, want %v", names, want)
	}
	if len(conflicts) != 2 || !strings.Contains(conflicts[0], "lib@1 is there 2 times, and differs in its license: lib@1#") || conflicts[1] != "services of the documents are not carried over" {
		t.Errorf("conflicts are %q", conflicts)
	}
	edges := func(name string) (all []string) {
		for _, d := range *bom.Dependencies {
			if strings.HasPrefix(d.Ref, name) {
				for _, to := range *d.Dependencies {
					all = append(all, strings.Split(to, "#")[0])
				}
			}
		}
		return all
	}
	for name, want := range map[string]string{"product@9": "[one@1 two@1]", "one@1": "[lib@1 same@1]", "same@1": "[lib@1]"} {
		if got := fmt.Sprint(edges(name)); got != want {
			t.Errorf("%s depends on %s, want %s", name, got, want)
		}
	}
	said := map[string]string{}
	for _, c := range *bom.Compositions {
		if c.Dependencies == nil {
			continue
		}
		for _, ref := range *c.Dependencies {
			said[strings.Split(string(ref), "#")[0]] = string(c.Aggregate)
		}
	}
	if got := fmt.Sprint(said); got != "map[one@1:complete product@9:unknown same@1:incomplete two@1:incomplete]" {
		t.Errorf("the dependencies are said to be %s", got)
	}
	if issues := sbom.Check(bom, sbom.ProfileStructure); !sbom.Met(issues) {
		t.Errorf("the merged document is at odds with itself: %v", issues)
	}
}

// What one document calls complete and another one, which has it too, does not
// mention, is unknown; what both call complete is.
func TestMergeCompleteness(t *testing.T) {
	document := func(name, compositions string) *cdx.BOM {
		return parse(t, `{"bomFormat":"CycloneDX","specVersion":"1.6","version":1,"metadata":{"component":{"bom-ref":"app","type":"application","name":"`+name+`"}},
			"components":[{"bom-ref":"x","type":"library","name":"x"}],"dependencies":[{"ref":"app","dependsOn":["x"]},{"ref":"x","dependsOn":[]}],"compositions":[`+compositions+`]}`)
	}
	for _, test := range []struct{ one, two, want string }{
		{`{"aggregate":"complete","dependencies":["x"]}`, `{"aggregate":"complete","dependencies":["x"]}`, "complete"},
		{`{"aggregate":"complete","dependencies":["x"]}`, ``, "unknown"},
		{`{"aggregate":"complete","dependencies":["x"]}`, `{"aggregate":"unknown","dependencies":["x"]}`, "unknown"},
		{`{"aggregate":"complete","dependencies":["x"]}`, `{"aggregate":"not_specified","dependencies":["x"]}`, "unknown"},
		{`{"aggregate":"complete","dependencies":["x"]}`, `{"aggregate":"incomplete_first_party_only","dependencies":["x"]}`, "incomplete_first_party_only"},
		{`{"aggregate":"incomplete_third_party_only","dependencies":["x"]}`, `{"aggregate":"incomplete_first_party_only","dependencies":["x"]}`, "incomplete"},
		{`{"aggregate":"complete","dependencies":["x"]},{"aggregate":"incomplete","dependencies":["x"]}`, `{"aggregate":"complete","dependencies":["x"]}`, "incomplete"},
		{``, ``, ""},
	} {
		got := ""
		for _, c := range *merge(t, document("one", test.one), document("two", test.two)).Compositions {
			if c.Dependencies != nil && slices.ContainsFunc(*c.Dependencies, func(r cdx.BOMReference) bool { return strings.HasPrefix(string(r), "x#") }) {
				got += string(c.Aggregate)
			}
		}
		if got != test.want {
			t.Errorf("%s and %s make %q, want %q", test.one, test.two, got, test.want)
		}
	}
}

func TestMergeRefuses(t *testing.T) {
	one := parse(t, sound)
	for name, f := range map[string]func() (*cdx.BOM, []string, error){
		"no name":           func() (*cdx.BOM, []string, error) { return sbom.Merge("", "1", one) },
		"no documents":      func() (*cdx.BOM, []string, error) { return sbom.Merge("p", "1") },
		"no document":       func() (*cdx.BOM, []string, error) { return sbom.Merge("p", "1", one, nil) },
		"no main component": func() (*cdx.BOM, []string, error) { return sbom.Merge("p", "1", one, &cdx.BOM{}) },
		"no such type": func() (*cdx.BOM, []string, error) {
			return sbom.Merge("p", "1", &cdx.BOM{Metadata: &cdx.Metadata{Component: &cdx.Component{Name: "a", Type: "b"}}})
		},
	} {
		if bom, _, err := f(); err == nil {
			t.Errorf("%s: %+v", name, bom)
		}
	}
}
