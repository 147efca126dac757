package vex_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/touchmark-go/touchmark/internal/deptest"
	"github.com/touchmark-go/touchmark/internal/testkit"
	"github.com/touchmark-go/touchmark/sbom"
	"github.com/touchmark-go/touchmark/sbom/vex"
)

func TestBudget(t *testing.T) {
	deptest.Only(t, "sbom/vex", deptest.Budget{Modules: 2, Own: []string{"provenance", "sbom"}, Forbidden: []string{"net/http", "os/exec"}})
}

// Documents that the reference implementation reads.
func TestCorpus(t *testing.T) {
	root := testkit.Corpus(t)
	rows := testkit.Rows(t, filepath.Join(root, "openvex", "expected.csv"))
	for _, row := range rows {
		data, err := os.ReadFile(filepath.Join(root, row[2]))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := vex.Parse(bytes.NewReader(data)); (err == nil) != (row[10] == "pass") {
			t.Errorf("%s: %v, want %s", row[0], err, row[10])
		}
	}
	if len(rows) != 4 {
		t.Errorf("%d rows", len(rows))
	}
}

// small is a document that everything about is right.
const small = `{
"@context": "https://openvex.dev/ns/v0.2.0",
"@id": "https://acme.example/vex/1",
"author": "Acme",
"timestamp": "2026-01-01T00:00:00Z",
"version": 1,
"statements": [
{"@id": "https://acme.example/vex/1#1", "version": 1, "timestamp": "2026-01-02T03:04:05.5-06:00",
 "vulnerability": {"@id": "https://cve.example/CVE-2026-0001", "name": "CVE-2026-0001", "description": "bad", "aliases": ["GHSA-aaaa", "GO-2026-1"]},
 "products": [{"@id": "pkg:generic/app@1.0", "identifiers": {"purl": "pkg:generic/app@1.0", "cpe23": "cpe:2.3:a:acme:app:1.0:*:*:*:*:*:*:*"}, "hashes": {"sha-256": "E3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
  "subcomponents": [{"@id": "pkg:golang/example.com/lib@v1.0.0"}]}],
 "status": "not_affected", "justification": "vulnerable_code_not_present", "impact_statement": "it is not there"},
{"vulnerability": {"name": "CVE-2026-0002"}, "products": [{"@id": "pkg:generic/app@1.0"}], "status": "affected", "action_statement": "update"},
{"vulnerability": {"name": "CVE-2026-0003"}, "products": [{"@id": "pkg:generic/app@1.0"}], "status": "fixed", "status_notes": "in this one"}
]
}
`

// legacy is one of a version before v0.2.0.
const legacy = `{"@context": "https://openvex.dev/ns", "@id": "mine", "author": "Acme", "timestamp": "2026-01-01T00:00:00Z", "version": "1",
"statements": [{"vulnerability": "CVE-2026-0001", "products": ["pkg:generic/app@1.0"], "subcomponents": ["pkg:golang/example.com/lib@v1.0.0"], "status": "fixed"}]}`

// Each attack is one change to the small document, which is accepted.
func TestParseRefuses(t *testing.T) {
	for _, test := range []struct{ name, old, new, want string }{
		{"nothing", "", "", ""},
		{"no context", `"@context": "https://openvex.dev/ns/v0.2.0",`, "", "no @context"},
		{"another context", "ns/v0.2.0", "ns/v0.3.0", `line 2: @context is "https://openvex.dev/ns/v0.3.0"`},
		{"a CycloneDX document", `"@context": "https://openvex.dev/ns/v0.2.0",`, `"bomFormat": "CycloneDX",`, "FromCycloneDX"},
		{"an in-toto statement", `"@context": "https://openvex.dev/ns/v0.2.0",`, `"_type": "https://in-toto.io/Statement/v1",`, "in-toto"},
		{"CSAF", `"@context": "https://openvex.dev/ns/v0.2.0",`, `"document": {},`, "CSAF"},
		{"no id", `"@id": "https://acme.example/vex/1",`, "", "/@id"},
		{"an id that is relative", `"@id": "https://acme.example/vex/1",`, `"@id": "1",`, "line 3: /@id"},
		{"no author", `"author": "Acme",`, "", "/author"},
		{"version 0", `"version": 1,` + "\n", `"version": 0,` + "\n", "line 6: /version"},
		{"a version as a string", `"version": 1,` + "\n", `"version": "1",` + "\n", "line 6: /version"},
		{"a time that is none", `"2026-01-01T00:00:00Z"`, `"yesterday"`, "line 5: /timestamp"},
		{"a time without an offset", `"2026-01-01T00:00:00Z"`, `"2026-01-01T00:00:00"`, "/timestamp"},
		{"no time at all", `"timestamp": "2026-01-01T00:00:00Z",`, "", "/statements/1: it has no timestamp"},
		{"no statements", "\"statements\": [\n", "\"statements\": [], \"x\": [\n", `"x"`},
		{"a supplier of the document", `"author": "Acme",`, `"author": "Acme", "supplier": "Acme",`, "before v0.2.0"},
		{"null", `"status_notes": "in this one"`, `"status_notes": null`, "found null"},
		{"an unknown member", `"status_notes"`, `"notes"`, `"notes"`},
		{"a member of another letter case", `"status_notes"`, `"Status_notes"`, "Status_notes"},
		{"a member twice", `"status_notes": "in this one"`, `"status": "fixed"`, "duplicate"},
		{"a vulnerability without a name", `{"name": "CVE-2026-0002"}`, `{"name": " "}`, "/statements/1/vulnerability/name"},
		{"a vulnerability as a string", `{"name": "CVE-2026-0002"}`, `"CVE-2026-0002"`, "line 13: /statements/1/vulnerability"},
		{"an alias twice", `"GO-2026-1"`, `"GHSA-aaaa"`, "/statements/0/vulnerability/aliases/1"},
		{"no products", `"products": [{"@id": "pkg:generic/app@1.0"}], "status": "fixed"`, `"status": "fixed"`, "/statements/2: it names no product"},
		{"a product as a string", `[{"@id": "pkg:generic/app@1.0"}], "status": "fixed"`, `["pkg:generic/app@1.0"], "status": "fixed"`, "/statements/2/products/0"},
		{"a product that nothing identifies", `[{"@id": "pkg:generic/app@1.0"}], "status": "fixed"`, `[{"subcomponents": [{"@id": "pkg:generic/x"}]}], "status": "fixed"`, "nothing identifies it"},
		{"a product twice", `[{"@id": "pkg:generic/app@1.0"}], "status": "fixed"`, `[{"@id": "pkg:generic/app@1.0"}, {"@id": "pkg:generic/app@1.0"}], "status": "fixed"`, "/statements/2/products/1"},
		{"a package URL that is none", `"purl": "pkg:generic/app@1.0"`, `"purl": "generic/app@1.0"`, "package URL"},
		{"an @id that is no package URL", `[{"@id": "pkg:generic/app@1.0"}], "status": "fixed"`, `[{"@id": "pkg:generic"}], "status": "fixed"`, "package URL"},
		{"an unknown identifier", `"cpe23"`, `"cpe24"`, "cpe24"},
		{"an unknown hash", `"sha-256"`, `"sha256"`, `"sha256" is no hash`},
		{"a short hash", "E3b0c442", "E3b0c4", "/statements/0/products/0/hashes"},
		{"a subcomponent that nothing identifies", `[{"@id": "pkg:golang/example.com/lib@v1.0.0"}]`, `[{}]`, "/statements/0/products/0/subcomponents/0"},
		{"subcomponents in subcomponents", `[{"@id": "pkg:golang/example.com/lib@v1.0.0"}]`, `[{"@id": "pkg:golang/example.com/lib@v1.0.0", "subcomponents": []}]`, "subcomponents"},
		{"an unknown status", `"fixed"`, `"known_affected"`, "line 14: /statements/2/status"},
		{"an unknown justification", `"vulnerable_code_not_present"`, `"code_not_present"`, "line 12: /statements/0/justification"},
		{"not affected for no reason", `, "justification": "vulnerable_code_not_present", "impact_statement": "it is not there"`, "", "/statements/0: not_affected needs"},
		{"not affected, with an action", `"impact_statement": "it is not there"`, `"action_statement": "update"`, "/statements/0/action_statement"},
		{"affected without an action", `, "action_statement": "update"`, "", "/statements/1: affected needs"},
		{"affected, and justified", `"action_statement": "update"`, `"action_statement": "update", "justification": "component_not_present"`, "do not belong to affected"},
		{"fixed, and justified", `"status_notes": "in this one"`, `"impact_statement": "x"`, "do not belong to fixed"},
		{"a statement twice", `{"vulnerability": {"name": "CVE-2026-0003"}, "products": [{"@id": "pkg:generic/app@1.0"}], "status": "fixed", "status_notes": "in this one"}`,
			`{"vulnerability": {"name": "CVE-2026-0002"}, "products": [{"@id": "pkg:generic/app@1.0"}], "status": "affected", "action_statement": "update"}`, "/statements/2: it says the same"},
	} {
		t.Run(test.name, func(t *testing.T) {
			document := strings.Replace(small, test.old, test.new, 1)
			if test.old != "" && document == small {
				t.Fatalf("the document has no %q", test.old)
			}
			_, err := vex.Parse(strings.NewReader(document))
			if test.want == "" && err != nil {
				t.Errorf("the neighbour is refused: %v", err)
			}
			if test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("Parse: %v, want a word about %q", err, test.want)
			}
		})
	}
	doc, err := vex.Parse(strings.NewReader(legacy))
	if err != nil || doc.Version != 1 || doc.Statements[0].Vulnerability.Name != "CVE-2026-0001" || doc.Statements[0].Products[0].Subcomponents[0].ID != "pkg:golang/example.com/lib@v1.0.0" {
		t.Errorf("the old form: %+v, %v", doc, err)
	}
	if _, err := vex.Parse(strings.NewReader(strings.Replace(legacy, `"1"`, `"one"`, 1))); err == nil {
		t.Error("a version in words is read")
	}
	for _, text := range []string{"", "[]", "null", "{", `{"@context":1}`} {
		if _, err := vex.Parse(strings.NewReader(text)); err == nil || !strings.HasPrefix(err.Error(), "VEX: ") {
			t.Errorf("Parse(%q): %v", text, err)
		}
	}
}

// The document around may name the products.
func TestProductsOfTheDocumentAround(t *testing.T) {
	text := strings.Replace(small, `"products": [{"@id": "pkg:generic/app@1.0"}], "status": "fixed"`, `"status": "fixed"`, 1)
	around := []vex.Product{{Component: vex.Component{ID: "pkg:generic/other@2"}}}
	doc, err := vex.Options{Products: around}.Parse(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if got := doc.Statements[2].Products; len(got) != 1 || got[0].ID != "pkg:generic/other@2" {
		t.Errorf("inherited %+v", got)
	}
	if got := doc.Statements[1].Products[0].ID; got != "pkg:generic/app@1.0" {
		t.Errorf("a statement's own product became %q", got)
	}
}

// The BOM that statements are applied to: the app depends on a and b, a on c,
// and b contains d.
func bom() *cdx.BOM {
	hash := &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: strings.Repeat("ab", 32)}, {Algorithm: cdx.HashAlgoSHA1, Value: strings.Repeat("cd", 20)}}
	b := cdx.NewBOM()
	b.SpecVersion, b.JSONSchema = cdx.SpecVersion1_6, ""
	b.SerialNumber = "urn:uuid:3e671687-395b-41f5-a30f-a58921a69b79"
	b.Metadata = &cdx.Metadata{Timestamp: "2026-01-01T00:00:00Z", Component: &cdx.Component{BOMRef: "app", Type: "application", Name: "app", PackageURL: "pkg:generic/app@1.0"}}
	b.Components = &[]cdx.Component{
		{BOMRef: "a", Type: "library", Name: "a", PackageURL: "pkg:golang/example.com/a@v1.0.0", Hashes: hash},
		{BOMRef: "b", Type: "library", Name: "b", PackageURL: "pkg:deb/debian/b@1-2?arch=amd64&distro=trixie", CPE: "cpe:2.3:a:acme:b:1:*:*:*:*:*:*:*",
			Components: &[]cdx.Component{{BOMRef: "d", Type: "library", Name: "d", PackageURL: "pkg:npm/d@1.0.0"}}},
		{BOMRef: "c", Type: "library", Name: "c", PackageURL: "pkg:golang/example.com/c@v1.0.0#sub"},
		{Type: "library", Name: "nameless", PackageURL: "pkg:npm/nameless@1.0.0"},
	}
	b.Dependencies = &[]cdx.Dependency{{Ref: "app", Dependencies: &[]string{"a", "b"}}, {Ref: "a", Dependencies: &[]string{"c"}}, {Ref: "b"}, {Ref: "c"}}
	return b
}

// say makes a document of lines "time status vulnerability product [subcomponent]".
func say(t *testing.T, id string, lines ...string) *vex.Document {
	t.Helper()
	d := &vex.Document{ID: id, Author: "Acme"}
	for _, line := range lines {
		f := strings.Fields(line)
		at, err := time.Parse("2006-01-02", f[0])
		if err != nil {
			t.Fatal(err)
		}
		s := vex.Statement{Timestamp: at, Status: vex.Status(f[1]), Products: []vex.Product{{Component: component(f[3])}}}
		names := strings.Split(f[2], "=")
		s.Vulnerability = vex.Vulnerability{Name: names[0], Aliases: names[1:]}
		for _, sub := range f[4:] {
			s.Products[0].Subcomponents = append(s.Products[0].Subcomponents, component(sub))
		}
		d.Statements = append(d.Statements, s)
	}
	return d
}

func component(text string) vex.Component {
	if strings.HasPrefix(text, "cpe:2.3") {
		return vex.Component{CPE23: text}
	}
	id, hash, hashed := strings.Cut(text, "!")
	c := vex.Component{ID: id}
	if hashed {
		algorithm, value, _ := strings.Cut(hash, ":")
		c.Hashes = map[string]string{algorithm: value}
	}
	return c
}

func show(r *vex.Result) string {
	var b strings.Builder
	for _, a := range r.Assessments {
		fmt.Fprintf(&b, "%s %s/%s %s", a.Vulnerability, a.Product, a.Component, a.Statement.Status)
		if a.Superseded > 0 {
			fmt.Fprintf(&b, " +%d", a.Superseded)
		}
		if a.Aliases != nil {
			fmt.Fprintf(&b, " %v", a.Aliases)
		}
		b.WriteString("; ")
	}
	for _, u := range r.Unmatched {
		b.WriteString("unmatched " + u + "; ")
	}
	return strings.TrimSuffix(b.String(), "; ")
}

// What a statement is about, and what it is not about.
func TestMatching(t *testing.T) {
	full, sha1 := "sha-256:"+strings.Repeat("ab", 32), "sha1:"+strings.Repeat("cd", 20)
	other := "sha-256:" + strings.Repeat("00", 32)
	for _, test := range []struct{ name, line, want string }{
		{"the version", "pkg:golang/example.com/a@v1.0.0", "V a/ fixed"},
		{"another version", "pkg:golang/example.com/a@v1.0.1", ""},
		{"every version", "pkg:golang/example.com/a", "V a/ fixed"},
		{"another package", "pkg:golang/example.com/aa", ""},
		{"another namespace", "pkg:golang/a", ""},
		{"another type", "pkg:npm/example.com/a", ""},
		{"a qualifier that the component has", "pkg:deb/debian/b@1-2?arch=amd64", "V b/ fixed"},
		{"a qualifier of another value", "pkg:deb/debian/b@1-2?arch=arm64", ""},
		{"a qualifier that the component lacks", "pkg:golang/example.com/a@v1.0.0?arch=amd64", ""},
		{"no qualifiers", "pkg:deb/debian/b@1-2", "V b/ fixed"},
		{"the subpath", "pkg:golang/example.com/c@v1.0.0#sub", "V c/ fixed"},
		{"no subpath", "pkg:golang/example.com/c@v1.0.0", "V c/ fixed"},
		{"another subpath", "pkg:golang/example.com/c@v1.0.0#other", ""},
		{"a subpath that the component lacks", "pkg:golang/example.com/a@v1.0.0#sub", ""},
		{"the CPE", "cpe:2.3:a:acme:b:1:*:*:*:*:*:*:*", "V b/ fixed"},
		{"a wider CPE", "cpe:2.3:a:acme:b:*:*:*:*:*:*:*:*", ""},
		{"the digest", "urn:x!" + full, "V a/ fixed"},
		{"another digest", "urn:x!" + other, ""},
		{"a weak digest", "urn:x!" + sha1, ""},
		{"the version, and a weak digest", "pkg:golang/example.com/a@v1.0.0!" + sha1, "V a/ fixed"},
		{"the version, and another digest", "pkg:golang/example.com/a@v1.0.0!" + other, ""},
		{"the version, and another weak digest", "pkg:golang/example.com/a@v1.0.0!sha1:" + strings.Repeat("00", 20), ""},
		{"the version, and a digest that nobody knows", "pkg:golang/example.com/a@v1.0.0!sha-512:" + strings.Repeat("00", 64), "V a/ fixed"},
		{"the link", "urn:cdx:3e671687-395b-41f5-a30f-a58921a69b79/1#a", "V a/ fixed"},
		{"the link of another version", "urn:cdx:3e671687-395b-41f5-a30f-a58921a69b79/2#a", ""},
		{"the link of another BOM", "urn:cdx:4e671687-395b-41f5-a30f-a58921a69b79/1#a", ""},
		{"a bom-ref is no IRI of the world", "a", ""},
		{"a component without a bom-ref", "pkg:npm/nameless@1.0.0", ""},
		{"a component in a component", "pkg:npm/d", "V d/ fixed"},
		{"the product", "pkg:generic/app", "V app/ fixed"},
		{"a component of the product", "pkg:generic/app pkg:golang/example.com/c", "V app/c fixed"},
		{"a component of another product", "pkg:generic/other pkg:golang/example.com/c", ""},
		{"what a component depends on", "pkg:golang/example.com/a pkg:golang/example.com/c", "V a/c fixed"},
		{"what a component contains", "pkg:deb/debian/b pkg:npm/d", "V b/d fixed"},
		{"what a component has nothing to do with", "pkg:deb/debian/b pkg:golang/example.com/c", ""},
		{"a component of itself", "pkg:golang/example.com/a pkg:golang/example.com/a", ""},
		{"several", "pkg:generic/app pkg:golang/example.com/c pkg:npm/d pkg:npm/none", "V app/c fixed; V app/d fixed"},
	} {
		t.Run(test.name, func(t *testing.T) {
			want := test.want
			if want == "" {
				want = "unmatched doc#/statements/0"
			}
			if got := show(vex.Apply(bom(), say(t, "doc", "2026-01-01 fixed V "+test.line))); got != want {
				t.Errorf("%s, want %s", got, want)
			}
		})
	}
}

// Of several statements the newest counts, in whatever order they come.
func TestTheNewestCounts(t *testing.T) {
	for _, test := range []struct {
		name string
		docs [][]string
		want string
	}{
		{"newer and older", [][]string{{"2026-01-02 fixed V pkg:golang/example.com/a", "2026-01-01 affected V pkg:golang/example.com/a"}}, "V a/ fixed +1"},
		{"in two documents", [][]string{{"2026-01-02 affected V pkg:golang/example.com/a"}, {"2026-01-01 fixed V pkg:golang/example.com/a"}}, "V a/ affected +1"},
		{"at one time", [][]string{{"2026-01-01 not_affected V pkg:golang/example.com/a"}, {"2026-01-01 affected V pkg:golang/example.com/a@v1.0.0"}}, "V a/ affected +1"},
		{"under aliases", [][]string{{"2026-01-02 fixed G=V pkg:golang/example.com/a"}, {"2026-01-01 affected V=W pkg:golang/example.com/a"}}, "G a/ fixed +1 [V W]"},
		{"of other vulnerabilities", [][]string{{"2026-01-02 fixed V pkg:golang/example.com/a", "2026-01-01 affected W pkg:golang/example.com/a"}}, "V a/ fixed; W a/ affected"},
		{"of other products", [][]string{{"2026-01-02 fixed V pkg:golang/example.com/a", "2026-01-01 affected V pkg:generic/app pkg:golang/example.com/a"}}, "V a/ fixed; V app/a affected"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var docs []*vex.Document
			for i, lines := range test.docs {
				docs = append(docs, say(t, fmt.Sprintf("doc%d", i), lines...))
			}
			got := show(vex.Apply(bom(), docs...))
			slices.Reverse(docs)
			if again := show(vex.Apply(bom(), append(docs, nil)...)); got != test.want || again != got {
				t.Errorf("%s, and turned round %s, want %s", got, again, test.want)
			}
		})
	}
}

// What counts for a component, of all that is said of it and around it.
func TestStatus(t *testing.T) {
	for _, test := range []struct{ name, lines, ref, want string }{
		{"of the component itself", "2026-01-01 fixed V pkg:golang/example.com/c", "c", "fixed"},
		{"of another component", "2026-01-01 fixed V pkg:golang/example.com/c", "a", "none"},
		{"within the product", "2026-01-01 fixed V pkg:generic/app pkg:golang/example.com/c", "c", "fixed"},
		{"of the product as a whole", "2026-01-01 fixed V pkg:generic/app", "c", "fixed"},
		{"of the product, asked for itself", "2026-01-01 fixed V pkg:generic/app", "app", "fixed"},
		{"of a part, asked for the product", "2026-01-01 fixed V pkg:generic/app pkg:golang/example.com/c", "app", "none"},
		{"within one user alone", "2026-01-01 not_affected V pkg:golang/example.com/a pkg:golang/example.com/c", "c", "none"},
		{"newer of the whole", "2026-01-01 fixed V pkg:golang/example.com/c|2026-01-02 affected V pkg:generic/app", "c", "affected"},
		{"older of the whole", "2026-01-03 fixed V pkg:golang/example.com/c|2026-01-02 affected V pkg:generic/app", "c", "fixed"},
		{"of another vulnerability", "2026-01-01 fixed W pkg:golang/example.com/c", "c", "none"},
		{"by an alias", "2026-01-01 fixed W=V pkg:golang/example.com/c", "c", "fixed"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := "none"
			if a, ok := vex.Apply(bom(), say(t, "doc", strings.Split(test.lines, "|")...)).Status("V", test.ref); ok {
				got = string(a.Statement.Status)
			}
			if got != test.want {
				t.Errorf("%s, want %s", got, test.want)
			}
		})
	}
	// Without a main component nothing stands for the whole.
	b := bom()
	b.Metadata.Component = nil
	if _, ok := vex.Apply(b, say(t, "doc", "2026-01-01 fixed V pkg:golang/example.com/a")).Status("V", ""); ok {
		t.Error("a status for nothing")
	}
	if got := show(vex.Apply(nil, say(t, "doc", "2026-01-01 fixed V pkg:golang/example.com/a"))); got != "unmatched doc#/statements/0" {
		t.Error(got)
	}
}

// What was applied can be written, and says the same when it is read again.
func TestAnnotate(t *testing.T) {
	b := bom()
	b.Vulnerabilities = &[]cdx.Vulnerability{
		{BOMRef: "v1", ID: "V", Affects: &[]cdx.Affects{{Ref: "a"}, {Ref: "c"}, {Ref: "b"}}},
		{BOMRef: "v2", ID: "W", Affects: &[]cdx.Affects{{Ref: "a"}}, Analysis: &cdx.VulnerabilityAnalysis{State: cdx.IASExploitable, LastUpdated: "2027-01-01T00:00:00Z"}},
		{ID: "X", Affects: &[]cdx.Affects{{Ref: "a"}}},
	}
	doc := say(t, "doc", "2026-01-01 not_affected V pkg:golang/example.com/a", "2026-01-01 affected V pkg:generic/app pkg:golang/example.com/c",
		"2026-01-01 fixed W pkg:golang/example.com/a", "2026-01-01 under_investigation Y pkg:npm/d", "2026-01-01 fixed Z pkg:golang/example.com/a pkg:golang/example.com/c")
	doc.Statements[0].Justification = vex.VulnerableCodeNotControlled
	doc.Statements[1].ActionStatement = "update"
	result := vex.Apply(b, doc)
	if err := result.Annotate(b); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, v := range *b.Vulnerabilities {
		line := v.BOMRef + " " + v.ID
		for _, a := range *v.Affects {
			line += " " + a.Ref
		}
		if v.Analysis != nil {
			line += fmt.Sprintf(" %s %s %q %s", v.Analysis.State, v.Analysis.Justification, v.Analysis.Detail, v.Analysis.LastUpdated)
		}
		got = append(got, line+" "+v.Recommendation)
	}
	want := []string{
		`v1 V b `,
		` V a not_affected  "vulnerable_code_cannot_be_controlled_by_adversary" 2026-01-01T00:00:00Z `,
		` V c exploitable  "" 2026-01-01T00:00:00Z update`,
		`v2 W a exploitable  "" 2027-01-01T00:00:00Z `,
		` X a `,
		` Y d in_triage  "" 2026-01-01T00:00:00Z `,
	}
	if !slices.Equal(got, want) {
		t.Errorf("annotated as\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	var once bytes.Buffer
	if err := sbom.Write(&once, b); err != nil {
		t.Fatalf("what was annotated is not valid: %v", err)
	}
	read, err := sbom.Parse(bytes.NewReader(once.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	back, lost, err := vex.FromCycloneDX(read)
	if err != nil || len(lost) > 0 {
		t.Fatal(lost, err)
	}
	again := vex.Apply(read, back)
	for _, q := range []struct{ vulnerability, ref string }{{"V", "a"}, {"V", "c"}, {"Y", "d"}} {
		was, _ := result.Status(q.vulnerability, q.ref)
		is, ok := again.Status(q.vulnerability, q.ref)
		if !ok || is.Statement.Status != was.Statement.Status {
			t.Errorf("%s in %s was %s and is %s", q.vulnerability, q.ref, was.Statement.Status, is.Statement.Status)
		}
	}
	if err := vex.Apply(b, doc).Annotate(&cdx.BOM{SpecVersion: cdx.SpecVersion1_3}); err == nil {
		t.Error("a BOM that knows no vulnerabilities is annotated")
	}
	// A second time changes nothing.
	if err := vex.Apply(b, doc).Annotate(b); err != nil {
		t.Fatal(err)
	}
	var twice bytes.Buffer
	if err := sbom.Write(&twice, b); err != nil || !bytes.Equal(once.Bytes(), twice.Bytes()) {
		t.Errorf("%s became %s, %v", once.Bytes(), twice.Bytes(), err)
	}
}

// The analyses of a CycloneDX document apply to another one by link and by name.
func TestFromCycloneDX(t *testing.T) {
	analysis := func(state cdx.ImpactAnalysisState) *cdx.VulnerabilityAnalysis {
		return &cdx.VulnerabilityAnalysis{State: state, Detail: "why", Justification: cdx.IAJRequiresConfiguration}
	}
	doc := cdx.NewBOM()
	doc.Metadata = &cdx.Metadata{Timestamp: "2026-01-01T00:00:00Z"}
	doc.Components = &[]cdx.Component{{BOMRef: "x", Type: "library", Name: "a", PackageURL: "pkg:golang/example.com/a@v1.0.0"}}
	doc.Vulnerabilities = &[]cdx.Vulnerability{
		{ID: "V1", Analysis: analysis(cdx.IASResolvedWithPedigree), Affects: &[]cdx.Affects{{Ref: "urn:cdx:3e671687-395b-41f5-a30f-a58921a69b79/1#c"}}},
		{ID: "V2", Analysis: analysis(cdx.IASFalsePositive), Affects: &[]cdx.Affects{{Ref: "x"}}},
		{ID: "V3", Analysis: analysis(cdx.IASExploitable), Affects: &[]cdx.Affects{{Ref: "x", Range: &[]cdx.AffectedVersions{
			{Version: "v0.9.0"}, {Version: "v1.0.0", Status: cdx.VulnerabilityStatusNotAffected}, {Range: "vers:golang/>=1"}}}}},
		{ID: "V4", Affects: &[]cdx.Affects{{Ref: "x"}}},
		{ID: "V5", Analysis: analysis(cdx.IASInTriage), Affects: &[]cdx.Affects{{Ref: "nobody"}}},
	}
	d, lost, err := vex.FromCycloneDX(doc)
	if err != nil {
		t.Fatal(err)
	}
	got := show(vex.Apply(bom(), d))
	if want := "V1 c/ fixed; V2 a/ not_affected; V3 a/ not_affected; unmatched #/statements/2"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	var pointers []string
	for _, l := range lost {
		pointers = append(pointers, l.Pointer)
	}
	if want := "/vulnerabilities/0/analysis/justification /vulnerabilities/1/analysis/justification /vulnerabilities/2/analysis/justification /vulnerabilities/2/affects/0/versions/2 /vulnerabilities/4/analysis/justification /vulnerabilities/4/affects/0"; strings.Join(pointers, " ") != want {
		t.Errorf("lost %v, want %s", pointers, want)
	}
	doc.Metadata = nil
	if _, _, err := vex.FromCycloneDX(doc); err == nil {
		t.Error("an analysis without any time is a statement")
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(small))
	f.Add([]byte(legacy))
	b := bom()
	f.Fuzz(func(t *testing.T, data []byte) {
		doc, err := vex.Parse(bytes.NewReader(data))
		if err != nil {
			return
		}
		for _, s := range doc.Statements {
			if s.Timestamp.IsZero() || len(s.Products) == 0 || s.Vulnerability.Name == "" {
				t.Errorf("an incomplete statement: %+v", s)
			}
		}
		result := vex.Apply(b, doc)
		if show(result) != show(vex.Apply(b, doc)) {
			t.Error("two answers")
		}
		annotated := bom()
		if err := result.Annotate(annotated); err != nil {
			t.Error(err)
		}
	})
}
