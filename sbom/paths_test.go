package sbom_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/touchmark-go/touchmark/sbom"
)

// edgesBOM is a document with the edges "a b" and so on; the first name of all
// is the main component.
func edgesBOM(edges ...string) *cdx.BOM {
	var order []string
	on := map[string]*[]string{}
	for _, e := range edges {
		from, to, _ := strings.Cut(e, " ")
		for _, n := range []string{from, to} {
			if on[n] == nil {
				order, on[n] = append(order, n), &[]string{}
			}
		}
		*on[from] = append(*on[from], to)
	}
	var components []cdx.Component
	var dependencies []cdx.Dependency
	for _, n := range order {
		components = append(components, cdx.Component{BOMRef: n, Type: cdx.ComponentTypeLibrary, Name: n, Version: "1", PackageURL: "pkg:generic/" + n + "@1"})
		dependencies = append(dependencies, cdx.Dependency{Ref: n, Dependencies: on[n]})
	}
	rest := components[1:]
	return &cdx.BOM{BOMFormat: cdx.BOMFormat, SpecVersion: cdx.SpecVersion1_6, Version: 1, Metadata: &cdx.Metadata{Component: &components[0]}, Components: &rest, Dependencies: &dependencies}
}

func pathText(paths []sbom.Path) string {
	var out []string
	for _, p := range paths {
		var names []string
		for _, c := range p {
			names = append(names, c.Name)
		}
		out = append(out, strings.Join(names, ">"))
	}
	return strings.Join(out, " ")
}

func TestPaths(t *testing.T) {
	for _, test := range []struct {
		name, edges, to string
		most            int
		want            string
		all             bool
	}{
		{"one", "m a,a b", "b", 10, "m>a>b", true},
		{"the shortest first", "m a,a b,b c,m c,a c", "c", 10, "m>c m>a>c m>a>b>c", true},
		{"so many", "m a,a b,b c,m c,a c", "c", 2, "m>c m>a>c", false},
		{"exactly so many", "m a,a b,b c,m c,a c", "c", 3, "m>c m>a>c m>a>b>c", true},
		{"round a cycle", "m a,a b,b a,b c", "c", 10, "m>a>b>c", true},
		{"back to the main component", "m a,a m,a b", "b", 10, "m>a>b", true},
		{"nobody", "m a,b a", "b", 10, "", true},
		{"itself", "m a", "m", 10, "m", true},
		{"by name and version", "m a,a b", "b@1", 10, "m>a>b", true},
		{"by package URL", "m a,a b", "pkg:generic/b@1", 10, "m>a>b", true},
		{"none", "m a", "a", 0, "", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, all, err := sbom.Paths(edgesBOM(strings.Split(test.edges, ",")...), test.to, test.most)
			if err != nil || pathText(got) != test.want || all != test.all {
				t.Errorf("%q, %v, %v; want %q, %v", pathText(got), all, err, test.want, test.all)
			}
		})
	}
	if _, _, err := sbom.Paths(edgesBOM("m a"), "z", 1); err == nil || !strings.Contains(err.Error(), `no component "z"`) {
		t.Errorf("a component that is not there: %v", err)
	}
	if _, _, err := sbom.Paths(nil, "z", 1); err == nil {
		t.Error("a document without a main component has paths")
	}
}

// A name may be that of several versions; each way ends at the first of them.
func TestPathsOfVersions(t *testing.T) {
	bom := edgesBOM("m a", "a b", "b c", "m c")
	(*bom.Components)[1].Name, (*bom.Components)[2].Name = "x", "x"
	got, all, err := sbom.Paths(bom, "x", 10)
	if err != nil || !all || pathText(got) != "m>x m>a>x" {
		t.Errorf("%q, %v, %v", pathText(got), all, err)
	}
}

// Among all simple paths, which a search without any cleverness finds, none is
// missing and none invented; and the first is the shortest.
func TestPathsProperties(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 300 {
		edges := []string{"n0 n1"}
		on := map[string][]string{"n0": {"n1"}}
		for range r.IntN(14) {
			from, to := fmt.Sprint("n", r.IntN(7)), fmt.Sprint("n", r.IntN(7))
			if from != to && !slices.Contains(on[from], to) {
				edges, on[from] = append(edges, from+" "+to), append(on[from], to)
			}
		}
		target := fmt.Sprint("n", 1+r.IntN(6))
		var want []string
		var search func(path []string)
		search = func(path []string) {
			last := path[len(path)-1]
			if last == target {
				want = append(want, strings.Join(path, ">"))
				return
			}
			for _, n := range on[last] {
				if !slices.Contains(path, n) {
					search(append(slices.Clone(path), n))
				}
			}
		}
		search([]string{"n0"})
		bom := edgesBOM(edges...)
		got, all, err := sbom.Paths(bom, target, 1<<20)
		if err != nil {
			if len(want) > 0 {
				t.Fatalf("%v: %v", edges, err)
			}
			continue
		}
		found := strings.Fields(pathText(got))
		lengths := make([]int, len(found))
		for i, p := range found {
			lengths[i] = len(strings.Split(p, ">"))
		}
		if !slices.IsSorted(lengths) || !all {
			t.Fatalf("%v to %s: %v, all %v", edges, target, found, all)
		}
		slices.Sort(found)
		slices.Sort(want)
		if !slices.Equal(found, want) {
			t.Fatalf("%v to %s: %v, want %v", edges, target, found, want)
		}
	}
}

// A graph with more paths than anybody can count is answered soon, with the
// shortest ones, and with the word that these are not all.
func TestPathsBounded(t *testing.T) {
	var edges []string
	for i := range 60 {
		for j := i + 1; j < 60; j++ {
			edges = append(edges, fmt.Sprintf("n%d n%d", i, j))
		}
	}
	got, all, err := sbom.Paths(edgesBOM(edges...), "n59", 1<<30)
	if err != nil || all || len(got) < 100 || len(got[0]) != 2 {
		t.Errorf("%d paths, all %v, %v", len(got), all, err)
	}
	got, _, err = sbom.Paths(edgesBOM(edges...), "n59", 5)
	if err != nil || pathText(got) != "n0>n59 n0>n1>n59 n0>n2>n59 n0>n3>n59 n0>n4>n59" {
		t.Errorf("%s, %v", pathText(got), err)
	}
}
