package spdx_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/touchmark-go/touchmark/internal/testkit"
	"github.com/touchmark-go/touchmark/sbom"
	"github.com/touchmark-go/touchmark/sbom/spdx"
)

// A maker makes documents that SPDX and CycloneDX can both say, at random.
type maker struct {
	*rand.Rand
	refs []string
	made int
}

func (m *maker) chance(percent int) bool { return m.IntN(100) < percent }

func (m *maker) of(words ...string) string { return words[m.IntN(len(words))] }

func (m *maker) hex(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = "0123456789abcdef"[m.IntN(16)]
	}
	return string(b)
}

func (m *maker) organization() *cdx.OrganizationalEntity {
	o := &cdx.OrganizationalEntity{Name: m.of("Acme", "Acme, Inc.", "A (B)", "Ünïcode GmbH", "a: b")}
	if m.chance(50) {
		o.Contact = &[]cdx.OrganizationalContact{{Email: m.of("a@b.example", "x+y@z.example")}}
	}
	return o
}

func (m *maker) licenses() *cdx.Licenses {
	var list cdx.Licenses
	for _, as := range []cdx.LicenseAcknowledgement{cdx.LicenseAcknowledgementDeclared, cdx.LicenseAcknowledgementConcluded} {
		switch m.IntN(5) {
		case 0:
			list = append(list, cdx.LicenseChoice{License: &cdx.License{ID: m.of("MIT", "Apache-2.0", "GPL-2.0+"), Acknowledgement: as}})
		case 1:
			list = append(list, cdx.LicenseChoice{Expression: m.of("MIT OR Apache-2.0", "(MIT AND ISC) OR GPL-3.0-only WITH Bison-exception-2.2", "LicenseRef-x AND MIT"), Acknowledgement: &as})
		case 2:
			l := &cdx.License{Name: m.of("Acme License", "Acme License", "100% ours", "LicenseRef-own"), Acknowledgement: as}
			if m.chance(50) {
				l.Text = &cdx.AttachedText{Content: m.of("Do what you like.", "Do nothing.\nAt all.")}
			}
			if m.chance(50) {
				l.URL = "https://acme.example/license"
			}
			list = append(list, cdx.LicenseChoice{License: l})
		}
	}
	if list == nil {
		return nil
	}
	return &list
}

func (m *maker) component(depth int) cdx.Component {
	c := cdx.Component{
		Type: cdx.ComponentType(m.of("application", "library", "framework", "container", "operating-system", "device", "firmware", "file")),
		Name: m.of("a", "example.com/b", "@scope/c", "d e", "ü"), Version: m.of("", "1.0", "v2.3.4+dirty", "2020-01-01"), Description: m.of("", "What it does.\nAnd more."),
		Copyright: m.of("", "Copyright 2026 Acme"), CPE: m.of("", "cpe:2.3:a:acme:b:1:*:*:*:*:*:*:*", "cpe:/a:acme:b:1"), PackageURL: m.of("", "pkg:golang/example.com/b@v1.2.3", "pkg:npm/%40scope/c@1.0.0"),
	}
	if depth == 0 || m.chance(70) {
		c.BOMRef = m.of("ref", "pkg:golang/example.com/b@v1", "a-x2fb", "SPDXRef-", "SPDXRef-z", "-x", ".") + strconv.Itoa(m.made)
		m.made++
		m.refs = append(m.refs, c.BOMRef)
	}
	if m.chance(40) {
		c.Supplier = m.organization()
	}
	switch m.IntN(4) {
	case 0:
		c.Manufacturer = m.organization()
	case 1:
		c.Authors = &[]cdx.OrganizationalContact{{Name: m.of("Ann", "Ann (the second)"), Email: m.of("", "ann@acme.example")}}
	}
	if m.chance(60) {
		c.Hashes = &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: m.hex(64)}, {Algorithm: cdx.HashAlgoSHA3_512, Value: m.hex(128)}, {Algorithm: cdx.HashAlgoBlake3, Value: m.hex(64)}}
	}
	c.Licenses = m.licenses()
	if m.chance(30) {
		c.SWHID = &[]string{"swh:1:cnt:" + m.hex(40), "swh:1:dir:" + m.hex(40)}
	}
	if m.chance(30) {
		c.OmniborID = &[]string{"gitoid:blob:sha256:" + m.hex(64)}
	}
	if m.chance(60) {
		var list []cdx.ExternalReference
		for range 1 + m.IntN(4) {
			list = append(list, cdx.ExternalReference{
				Type: cdx.ExternalReferenceType(m.of("website", "distribution", "vcs", "advisories", "issue-tracker", "other")),
				URL:  m.of("https://acme.example/x", "git+https://acme.example/y.git", "urn:x:y"), Comment: m.of("", "", "a remark"),
			})
		}
		c.ExternalReferences = &list
	}
	if m.chance(40) {
		c.Properties = &[]cdx.Property{{Name: "touchmark:go:h1", Value: "h1:x="}, {Name: "empty", Value: ""}, {Name: "lines", Value: "a\nb"}}
	}
	if depth < 3 && m.chance(30) {
		c.Components = m.components(1+m.IntN(3), depth+1)
	}
	if depth < 3 && m.chance(15) {
		ancestor := m.component(3)
		if ancestor.BOMRef != "" { // an ancestor of whom somebody depends is no ancestor alone
			m.refs = slices.DeleteFunc(m.refs, func(ref string) bool { return ref == ancestor.BOMRef })
		}
		c.Pedigree = &cdx.Pedigree{Ancestors: &[]cdx.Component{ancestor}}
	}
	return c
}

func (m *maker) components(n, depth int) *[]cdx.Component {
	list := make([]cdx.Component, n)
	for i := range list {
		list[i] = m.component(depth)
	}
	return &list
}

func (m *maker) bom() *cdx.BOM {
	bom := cdx.NewBOM()
	bom.SerialNumber = "urn:uuid:" + m.hex(8) + "-" + m.hex(4) + "-5" + m.hex(3) + "-a" + m.hex(3) + "-" + m.hex(12)
	bom.Metadata = &cdx.Metadata{Timestamp: "2026-11-21T05:34:23Z"}
	if m.chance(80) {
		c := m.component(0)
		bom.Metadata.Component = &c
	}
	if m.chance(50) {
		bom.Metadata.Authors = &[]cdx.OrganizationalContact{{Name: "Ann", Email: "ann@acme.example"}, {Name: "Bob"}}
	}
	if m.chance(50) {
		bom.Metadata.Manufacturer = m.organization()
	}
	if m.chance(50) {
		bom.Metadata.Tools = &cdx.ToolsChoice{Components: &[]cdx.Component{{Type: "application", Name: "tool-x", Version: "1.2"}, {Type: "application", Name: "tool"}}}
	}
	if m.chance(30) {
		bom.Metadata.Properties = &[]cdx.Property{{Name: "a", Value: "b=c"}}
	}
	bom.Components = m.components(1+m.IntN(6), 0)
	var list []cdx.Dependency
	for _, ref := range m.refs {
		if m.chance(60) {
			on := []string{}
			for _, other := range m.refs {
				if other != ref && m.chance(20) {
					on = append(on, other)
				}
			}
			list = append(list, cdx.Dependency{Ref: ref, Dependencies: &on})
		}
	}
	if list != nil {
		bom.Dependencies = &list
	}
	return bom
}

// canonical is the JSON of a BOM, with what is a set sorted, and without what
// the way there must say in words: the versions of the format, and the data licence.
func canonical(t *testing.T, bom *cdx.BOM) string { return text(t, bom, true) }

func text(t *testing.T, bom *cdx.BOM, sorted bool) string {
	t.Helper()
	var b bytes.Buffer
	if err := json.NewEncoder(&b).Encode(bom); err != nil {
		t.Fatal(err)
	}
	var v map[string]any
	if err := json.Unmarshal(b.Bytes(), &v); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"$schema", "specVersion", "bomFormat", "version"} {
		delete(v, name)
	}
	if m, ok := v["metadata"].(map[string]any); ok {
		delete(m, "licenses")
	}
	if d, ok := v["dependencies"].([]any); ok {
		slices.SortFunc(d, func(a, b any) int {
			return cmp.Compare(fmt.Sprint(a.(map[string]any)["ref"]), fmt.Sprint(b.(map[string]any)["ref"]))
		})
	}
	if sorted {
		sortReferences(v)
	}
	out, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func sortReferences(v any) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			sortReferences(e)
		}
	case map[string]any:
		for name, e := range v {
			if list, ok := e.([]any); ok && name == "externalReferences" {
				slices.SortFunc(list, func(a, b any) int { return cmp.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
			}
			sortReferences(e)
		}
	}
}

// difference is the first line at which two texts differ.
func difference(a, b string) string {
	as, bs := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range min(len(as), len(bs)) {
		if as[i] != bs[i] {
			from := max(0, i-5)
			return strings.Join(as[from:i+1], "\n") + "\n  became\n" + strings.Join(bs[from:i+1], "\n")
		}
	}
	return fmt.Sprintf("%d lines became %d", len(as), len(bs))
}

// What both can say comes back as it was, nothing is named as lost, and the
// document on the way is valid SPDX.
func TestThereAndBack(t *testing.T) {
	for seed := range uint64(500) {
		m := &maker{Rand: rand.New(rand.NewPCG(1, seed))}
		bom := m.bom()
		doc, lost, err := spdx.FromCycloneDX(bom)
		if err != nil || len(lost) > 0 {
			t.Fatalf("seed %d: lost %v, %v", seed, lost, err)
		}
		var written bytes.Buffer
		if err := spdx.Write(&written, doc); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		read, err := spdx.Parse(bytes.NewReader(written.Bytes()))
		if err != nil {
			t.Fatalf("seed %d: what was written is refused: %v", seed, err)
		}
		back, lost, err := spdx.ToCycloneDX(read)
		if err != nil || len(lost) > 0 {
			t.Fatalf("seed %d: on the way back lost %v, %v", seed, lost, err)
		}
		if got, want := canonical(t, back), canonical(t, bom); got != want {
			t.Fatalf("seed %d: %s", seed, difference(want, got))
		}
		if err := sbom.Write(new(bytes.Buffer), back); err != nil {
			t.Fatalf("seed %d: the BOM that came back is not valid: %v", seed, err)
		}
		again, lost, err := spdx.FromCycloneDX(back)
		if err != nil || len(lost) > 0 {
			t.Fatalf("seed %d: the second time lost %v, %v", seed, lost, err)
		}
		var twice bytes.Buffer
		if err := spdx.Write(&twice, again); err != nil {
			t.Fatal(err)
		}
		comment := func(b []byte) string {
			return strings.Replace(string(b), "CycloneDX "+bom.SpecVersion.String(), "CycloneDX "+back.SpecVersion.String(), 1)
		}
		if a, b := comment(written.Bytes()), twice.String(); len(a) != len(b) && !strings.Contains(canonical(t, bom), "externalReferences") {
			t.Fatalf("seed %d: there, back and there again is\n%s\nwas\n%s", seed, b, a)
		}
	}
}

// leaves are the pointers of all values that hold nothing.
func leaves(v any, pointer string, to map[string]string) {
	switch v := v.(type) {
	case map[string]any:
		for name, e := range v {
			leaves(e, pointer+"/"+name, to)
		}
	case []any:
		for i, e := range v {
			leaves(e, pointer+"/"+strconv.Itoa(i), to)
		}
	default:
		to[pointer] = fmt.Sprint(v)
	}
}

// Whatever the published documents say is either there after the way there and
// back, or named as lost.
func TestNothingIsLostInSilence(t *testing.T) {
	root := testkit.Corpus(t)
	tried := 0
	for _, corpus := range []string{"cyclonedx", "cyclonedx-examples"} {
		for _, row := range testkit.Rows(t, filepath.Join(root, corpus, "expected.csv")) {
			if !strings.HasSuffix(row[1], "-json") || row[10] != "pass" {
				continue
			}
			data, err := os.ReadFile(filepath.Join(root, row[2]))
			if err != nil {
				t.Fatal(err)
			}
			bom, err := sbom.Parse(bytes.NewReader(data))
			if err != nil {
				continue // another test says what is read
			}
			tried++
			t.Run(row[0], func(t *testing.T) { everyLeaf(t, bom) })
		}
	}
	if tried < 100 {
		t.Errorf("%d documents", tried)
	}
}

func everyLeaf(t *testing.T, bom *cdx.BOM) {
	before := text(t, bom, false)
	doc, lost, err := spdx.Options{Created: created}.FromCycloneDX(bom)
	if err != nil {
		t.Fatal(err)
	}
	if after := text(t, bom, false); after != before {
		t.Errorf("the BOM was changed: %s", difference(before, after))
	}
	back, _, err := spdx.ToCycloneDX(doc)
	if err != nil {
		t.Fatal(err)
	}
	was, is := map[string]string{}, map[string]string{}
	for text, to := range map[string]map[string]string{before: was, text(t, back, false): is} {
		var v any
		if err := json.Unmarshal([]byte(text), &v); err != nil {
			t.Fatal(err)
		}
		leaves(v, "", to)
	}
	values := map[string]int{}
	for _, v := range is {
		values[v]++
	}
	for _, pointer := range slices.Sorted(maps.Keys(was)) {
		named := slices.ContainsFunc(lost, func(l spdx.Loss) bool {
			p := strings.ReplaceAll(strings.ReplaceAll(l.Pointer, "~1", "/"), "~0", "~")
			return pointer == p || strings.HasPrefix(pointer, p+"/")
		})
		// Some things come back elsewhere: references and hashes are sets, tools
		// of the old form become components, the supplier of the document that of
		// its main component, and the spelling of digests and times is one.
		if named || is[pointer] == was[pointer] || values[was[pointer]] > 0 || values[strings.ToLower(was[pointer])] > 0 || strings.HasSuffix(pointer, "/timestamp") || strings.HasSuffix(pointer, "/contentType") {
			continue
		}
		t.Errorf("%s was %q and is %q, and nothing says that it is lost", pointer, was[pointer], is[pointer])
	}
	for _, l := range lost {
		if l.What == "" || l.Why == "" || !strings.HasPrefix(l.Pointer, "/") {
			t.Errorf("a loss that says nothing: %+v", l)
		}
	}
}
