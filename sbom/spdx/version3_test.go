package spdx_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	cdx "github.com/CycloneDX/cyclonedx-go"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/touchmark-go/touchmark/sbom/spdx"
)

// A node is an element as any reader of JSON sees it.
type node map[string]any

func (n node) text(name string) string { s, _ := n[name].(string); return s }

func (n node) list(name string) (out []string) {
	all, _ := n[name].([]any)
	for _, v := range all {
		s, _ := v.(string)
		out = append(out, s)
	}
	return out
}

func write3(t testing.TB, bom *cdx.BOM) (document []byte, nodes []node, lost []spdx.Loss) {
	t.Helper()
	var b bytes.Buffer
	lost, err := spdx.Write3(&b, bom)
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Context string `json:"@context"`
		Graph   []node `json:"@graph"`
	}
	d := json.NewDecoder(bytes.NewReader(b.Bytes()))
	d.DisallowUnknownFields()
	if err := d.Decode(&doc); err != nil || doc.Context != "https://spdx.org/rdf/3.0.1/spdx-context.jsonld" {
		t.Fatalf("%v, %q", err, doc.Context)
	}
	return b.Bytes(), doc.Graph, lost
}

// wanted are the members that the model of SPDX 3.0.1 demands of each class that
// is written. It is never written to.
var wanted = map[string][]string{
	"CreationInfo": {"@id", "created", "createdBy", "specVersion"}, "SpdxDocument": {"rootElement", "element", "profileConformance", "dataLicense"},
	"software_Sbom": {}, "software_Package": {"name"}, "Person": {"name"}, "Organization": {"name"}, "SoftwareAgent": {"name"}, "Tool": {"name"},
	"Relationship": {"from", "relationshipType", "to"}, "simplelicensing_LicenseExpression": {"simplelicensing_licenseExpression"}, "simplelicensing_SimpleLicensingText": {"simplelicensing_licenseText"},
}

// checkGraph holds a document against the rules that a schema cannot say too:
// each element has an IRI of its own, and whatever is named is there.
func checkGraph(t *testing.T, nodes []node) {
	t.Helper()
	ids := map[string]string{"https://spdx.org/rdf/3.0.1/terms/Core/NoneElement": "IndividualElement"}
	for _, n := range nodes {
		class := n.text("type")
		id := n.text("spdxId")
		if class == "CreationInfo" {
			id = n.text("@id")
		}
		if ids[id] != "" || !strings.Contains(id, ":") || strings.ContainsAny(id, " \n") {
			t.Errorf("%s has the id %q, which is none or taken", class, id)
		}
		ids[id] = class
		members, known := wanted[class]
		if !known {
			t.Errorf("no such class: %q", class)
		}
		for _, m := range append(slices.Clone(members), "type") {
			if n[m] == nil {
				t.Errorf("%s %s has no %s", class, id, m)
			}
		}
		if class != "CreationInfo" && n.text("creationInfo") != "_:creation" {
			t.Errorf("%s %s has no creationInfo", class, id)
		}
	}
	refers := func(n node, classes string, names ...string) {
		for _, name := range names {
			for _, id := range append(n.list(name), n.text(name)) {
				if class := ids[id]; id != "" && (class == "" || classes != "" && !strings.Contains(classes, class)) {
					t.Errorf("%s of %s: %q is %q, want %s", name, n.text("spdxId"), id, class, classes)
				}
			}
		}
	}
	for _, n := range nodes {
		refers(n, "Person Organization SoftwareAgent", "createdBy", "suppliedBy", "originatedBy")
		refers(n, "Tool", "createdUsing")
		refers(n, "simplelicensing_LicenseExpression", "dataLicense")
		refers(n, "", "element", "rootElement", "from", "to", "creationInfo")
		if kind := n.text("relationshipType"); n.text("type") == "Relationship" {
			to := map[string]string{"hasDeclaredLicense": "simplelicensing_LicenseExpression", "hasConcludedLicense": "simplelicensing_LicenseExpression",
				"dependsOn": "software_Package IndividualElement", "contains": "software_Package", "ancestorOf": "software_Package"}[kind]
			if to == "" {
				t.Errorf("no such relationship: %q", kind)
			}
			refers(n, to, "to")
		}
	}
}

// Whatever SPDX and CycloneDX can both say is a graph that holds together, the
// same each time, with every package once.
func TestWrite3(t *testing.T) {
	for seed := range uint64(60) {
		m := &maker{Rand: rand.New(rand.NewPCG(seed, 3))}
		bom := m.bom()
		document, nodes, _ := write3(t, bom)
		checkGraph(t, nodes)
		if again, _, _ := write3(t, bom); !bytes.Equal(again, document) {
			t.Errorf("seed %d: written twice, it is not the same", seed)
		}
		doc, _, err := spdx.FromCycloneDX(bom)
		if err != nil {
			t.Fatal(err)
		}
		packages := slices.DeleteFunc(slices.Clone(nodes), func(n node) bool { return n.text("type") != "software_Package" })
		if len(packages) != len(doc.Packages) {
			t.Errorf("seed %d: %d packages, want %d", seed, len(packages), len(doc.Packages))
		}
		if t.Failed() {
			t.Fatalf("seed %d: %s", seed, document)
		}
	}
}

// complete3 is a document with everything that has a place of its own.
const complete3 = `{"bomFormat":"CycloneDX","specVersion":"1.6","serialNumber":"urn:uuid:a5ed6f86-e799-5ca5-879b-1dac4fd03a42","version":1,
	"metadata":{"timestamp":"2026-11-21T03:07:00Z","lifecycles":[{"phase":"build"},{"phase":"discovery"}],
		"tools":{"components":[{"type":"application","name":"tm","version":"1.2"}]},"authors":[{"name":"Ada","email":"ada@acme.example"}],
		"component":{"bom-ref":"app","type":"application","name":"app","version":"1","purl":"pkg:generic/app@1","cpe":"cpe:2.3:a:acme:app:1:*:*:*:*:*:*:*",
			"supplier":{"name":"Acme","contact":[{"email":"desk@acme.example"}]},"manufacturer":{"name":"Acme"},
			"hashes":[{"alg":"SHA-256","content":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}],
			"licenses":[{"license":{"id":"MIT","acknowledgement":"declared"}},{"license":{"name":"Ours","acknowledgement":"concluded"}}],
			"externalReferences":[{"type":"vcs","url":"https://git.acme.example/app"},{"type":"poam","url":"https://acme.example/poam"}],
			"properties":[{"name":"a","value":"1"}]}},
	"components":[{"bom-ref":"m","type":"machine-learning-model","name":"m","version":"2"},{"bom-ref":"os","type":"operating-system","name":"os","version":"3"}],
	"dependencies":[{"ref":"app","dependsOn":["m","os"]},{"ref":"m","dependsOn":[]}],
	"compositions":[{"aggregate":"complete","dependencies":["app"]},{"aggregate":"unknown","dependencies":["m"]},{"aggregate":"incomplete","assemblies":["app"]}]}`

func complete(t testing.TB) *cdx.BOM {
	t.Helper()
	bom := new(cdx.BOM)
	if err := json.Unmarshal([]byte(complete3), bom); err != nil {
		t.Fatal(err)
	}
	return bom
}

// Each thing stands where the specification looks for it.
func TestWrite3Places(t *testing.T) {
	document, nodes, lost := write3(t, complete(t))
	checkGraph(t, nodes)
	text := string(document)
	const ns = "https://spdx.org/spdxdocs/app%201-a5ed6f86-e799-5ca5-879b-1dac4fd03a42#"
	for _, want := range []string{
		`{"type":"CreationInfo","@id":"_:creation","comment":"converted from CycloneDX 1.6","specVersion":"3.0.1","created":"2026-11-21T03:07:00Z","createdBy":["` + ns + `Person-`,
		`"createdUsing":["` + ns + `Tool-tm-1.2"]`,
		`"software_sbomType":["build"]`, `"profileConformance":["core","software","simpleLicensing","extension"]`,
		`"name":"Ada","externalIdentifier":[{"type":"ExternalIdentifier","externalIdentifierType":"email","identifier":"ada@acme.example"}]`,
		`"verifiedUsing":[{"type":"Hash","algorithm":"sha256","hashValue":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}]`,
		`"externalIdentifierType":"cpe23","identifier":"cpe:2.3:a:acme:app:1:*:*:*:*:*:*:*"`, `"software_packageUrl":"pkg:generic/app@1"`, `"software_packageVersion":"1"`,
		`{"type":"ExternalRef","externalRefType":"vcs","locator":["https://git.acme.example/app"]}`,
		`{"type":"ExternalRef","externalRefType":"other","locator":["https://acme.example/poam"],"comment":"CycloneDX: poam"}`,
		`"extension":[{"type":"extension_CdxPropertiesExtension","extension_cdxProperty":[{"type":"extension_CdxPropertyEntry","extension_cdxPropName":"a","extension_cdxPropValue":"1"}]}]`,
		`"from":"` + ns + `SPDXRef-app","relationshipType":"dependsOn","to":["` + ns + `SPDXRef-m","` + ns + `SPDXRef-os"],"completeness":"complete"`,
		`"from":"` + ns + `SPDXRef-m","relationshipType":"dependsOn","to":["https://spdx.org/rdf/3.0.1/terms/Core/NoneElement"],"completeness":"noAssertion"`,
		`"relationshipType":"hasDeclaredLicense","to":["` + ns + `License-MIT"]`, `"relationshipType":"hasConcludedLicense"`,
		`"simplelicensing_customIdToUri":[{"type":"DictionaryEntry","key":"LicenseRef-Ours","value":"` + ns + `LicenseRef-Ours"}]`,
		`"software_primaryPurpose":"model"`, `"software_primaryPurpose":"operatingSystem"`, `"software_primaryPurpose":"application"`,
		`"suppliedBy":"` + ns + `Organization-Acme-x20-x28desk-x40acme.example-x29"`, `"originatedBy":["` + ns + `Organization-Acme"]`,
		`"rootElement":["` + ns + `SPDXRef-app"]`, `"rootElement":["` + ns + `Sbom"]`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("there is no %s in %s", want, text)
		}
	}
	var pointers []string
	for _, l := range lost {
		pointers = append(pointers, l.Pointer)
		if strings.Contains(l.Why, "2.3") {
			t.Errorf("%+v is about another version", l)
		}
	}
	if got := strings.Join(pointers, " "); got != "/compositions/2/assemblies /metadata/lifecycles/1" {
		t.Errorf("lost %s", got)
	}
	if _, err := spdx.Write3(io.Discard, &cdx.BOM{}); err == nil {
		t.Error("a BOM without a time is written")
	}
	if _, err := spdx.Write3(io.Discard, nil); err == nil {
		t.Error("no BOM is written")
	}
	// A document by nobody is by the program that made it.
	nobody := complete(t)
	nobody.Metadata.Authors, nobody.Metadata.Tools = nil, nil
	document, nodes, _ = write3(t, nobody)
	checkGraph(t, nodes)
	if !strings.Contains(string(document), `"createdBy":["`+ns+`SoftwareAgent"]`) {
		t.Errorf("by whom is it? %s", document)
	}
}

// What is written is valid by the official JSON schema of SPDX 3.0.1, which one
// npm package ships.
func TestWrite3Validates(t *testing.T) {
	if os.Getenv("TOUCHMARK_INTEGRATION") != "1" {
		t.Skip("fetches the schema of SPDX 3.0.1 with npm; set TOUCHMARK_INTEGRATION=1 to run it")
	}
	if _, err := exec.LookPath("npm"); err != nil {
		t.Skip("there is no npm")
	}
	schema := schema3(t)
	valid := func(document []byte) error {
		v, err := jsonschema.UnmarshalJSON(bytes.NewReader(document))
		if err != nil {
			t.Fatal(err)
		}
		return schema.Validate(v)
	}
	document, _, _ := write3(t, complete(t))
	if err := valid(document); err != nil {
		t.Errorf("%v\n%s", err, document)
	}
	for seed := range uint64(20) {
		m := &maker{Rand: rand.New(rand.NewPCG(seed, 3))}
		document, _, _ := write3(t, m.bom())
		if err := valid(document); err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, document)
		}
	}
	// And the schema is one that refuses.
	for _, change := range [][2]string{{`"relationshipType":"dependsOn"`, `"relationshipType":"DEPENDS_ON"`}, {`"algorithm":"sha256"`, `"algorithm":"SHA256"`}, {`"type":"software_Package"`, `"type":"Package"`}} {
		if valid([]byte(strings.Replace(string(document), change[0], change[1], 1))) == nil {
			t.Errorf("the schema takes %s", change[1])
		}
	}
}

// An iri is an expression for what is no blank node.
type iri struct{ *regexp.Regexp }

func (i iri) MatchString(s string) bool {
	return !strings.HasPrefix(s, "_:") && i.Regexp.MatchString(s)
}

func schema3(t *testing.T) *jsonschema.Schema {
	t.Helper()
	dir := t.TempDir()
	cmd := exec.Command("npm", "pack", "--silent", "--ignore-scripts", "@cyclonedx/cdxgen@12.8.4")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("npm pack: %v\n%s", err, out)
	}
	f, err := os.Open(filepath.Join(dir, "cyclonedx-cdxgen-12.8.4.tgz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err != nil {
			t.Fatalf("no schema: %v", err)
		}
		if h.Name != "package/data/spdx-export.schema.json" {
			continue
		}
		v, err := jsonschema.UnmarshalJSON(r)
		if err != nil {
			t.Fatal(err)
		}
		c := jsonschema.NewCompiler()
		c.UseRegexpEngine(func(pattern string) (jsonschema.Regexp, error) {
			if rest, ok := strings.CutPrefix(pattern, "^(?!_:)"); ok { // which Go's expressions cannot say
				re, err := regexp.Compile("^" + rest)
				return iri{re}, err
			}
			return regexp.Compile(pattern)
		})
		if err := c.AddResource("spdx3.json", v); err != nil {
			t.Fatal(err)
		}
		schema, err := c.Compile("spdx3.json")
		if err != nil {
			t.Fatal(err)
		}
		return schema
	}
}
