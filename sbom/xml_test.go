package sbom_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/touchmark-go/touchmark/internal/strictxml"
	"github.com/touchmark-go/touchmark/internal/testkit"
	"github.com/touchmark-go/touchmark/sbom"
)

// modelLacks are what documents of the specification say and the model cannot
// hold, which Read must name.
var modelLacks = regexp.MustCompile(`^(/bom/components/component/modelCard/properties/property|/bom/declarations/evidence/evidence/data/classification)`)

// The specification's own XML documents, valid and invalid.
func TestXMLCorpus(t *testing.T) {
	root := testkit.Corpus(t)
	rows := 0
	for _, row := range testkit.Rows(t, filepath.Join(root, "cyclonedx", "expected.csv")) {
		if !strings.HasSuffix(row[1], "-xml") {
			continue
		}
		rows++
		t.Run(row[0], func(t *testing.T) {
			data, err := os.ReadFile(filepath.Join(root, row[2]))
			if err != nil {
				t.Fatal(err)
			}
			bom, lost, err := sbom.Read(bytes.NewReader(data))
			if (err == nil) != (row[10] == "pass") {
				t.Fatalf("Read: %v, want %s", err, row[10])
			}
			if err != nil {
				if !strings.HasPrefix(err.Error(), "BOM: line ") {
					t.Errorf("an error without a line: %v", err)
				}
				return
			}
			for _, l := range lost {
				if !modelLacks.MatchString(l.Pointer) {
					t.Errorf("lost in reading: %s", l)
				}
			}
			xmlRoundTrip(t, bom)
		})
	}
	if rows != 244 {
		t.Errorf("%d rows, want 244", rows)
	}
}

// xmlRoundTrip writes bom as XML, reads that, and compares what the BOMs say.
// It returns what was named as lost.
func xmlRoundTrip(t *testing.T, bom *cdx.BOM) []sbom.Loss {
	t.Helper()
	before := plain(t, bom)
	var once, twice bytes.Buffer
	lost, err := sbom.WriteXML(&once, bom)
	if err != nil {
		t.Fatalf("what was read is not written: %v", err)
	}
	if plain(t, bom) != before {
		t.Error("writing changed the BOM")
	}
	again, err := sbom.Parse(bytes.NewReader(once.Bytes()))
	if err != nil {
		t.Fatalf("what was written is refused: %v\n%s", err, once.Bytes())
	}
	// A list that is there and empty is not there the second time, and then all
	// stays as it is.
	second, third := new(bytes.Buffer), new(bytes.Buffer)
	if _, err := sbom.WriteXML(second, again); err != nil {
		t.Fatal(err)
	}
	if last, err := sbom.Parse(bytes.NewReader(second.Bytes())); err != nil {
		t.Fatal(err)
	} else if _, err := sbom.WriteXML(third, last); err != nil || !bytes.Equal(second.Bytes(), third.Bytes()) {
		t.Errorf("%s became %s, %v", second.Bytes(), third.Bytes(), err)
	}
	if _, err := sbom.WriteXML(&twice, bom); err != nil || !bytes.Equal(once.Bytes(), twice.Bytes()) {
		t.Errorf("two writings differ, %v", err)
	}
	was, is := map[string]string{}, map[string]string{}
	for text, to := range map[string]map[string]string{before: was, plain(t, again): is} {
		var v any
		if err := json.Unmarshal([]byte(text), &v); err != nil {
			t.Fatal(err)
		}
		flatten(v, "", to)
	}
	for pointer, value := range was {
		named := false
		for _, l := range lost {
			named = named || pointer == l.Pointer || strings.HasPrefix(pointer, l.Pointer+"/")
		}
		if got := is[pointer]; got != value && !named && pointer != "/specVersion" && pointer != "/$schema" && is[strings.Replace(pointer, "/identity/", "/identity/0/", 1)] != value {
			t.Errorf("%s was %q and is %q, and nothing says that it is lost", pointer, value, got)
		}
	}
	return lost
}

func plain(t *testing.T, bom *cdx.BOM) string {
	t.Helper()
	data, err := json.Marshal(bom)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// flatten are the values of a document by their pointers.
func flatten(v any, pointer string, to map[string]string) {
	switch v := v.(type) {
	case map[string]any:
		for name, e := range v {
			flatten(e, pointer+"/"+strings.NewReplacer("~", "~0", "/", "~1").Replace(name), to)
		}
	case []any:
		for i, e := range v {
			flatten(e, fmt.Sprintf("%s/%d", pointer, i), to)
		}
	default:
		to[pointer] = fmt.Sprint(v)
	}
}

// JSON becomes XML and comes back, but for what XML cannot say. What is lost in
// the specification's own documents is listed here.
func TestXMLFromJSON(t *testing.T) {
	root := testkit.Corpus(t)
	expected := regexp.MustCompile(`/signature$|/signature/|/licensing$|/properties$|/expressionDetails/\d+/bom-ref$|/data/\d+/classification$|/sensitiveData$|/evidence/callstack|/externalReferences/\d+/properties$|/versions/\d+/status$`)
	tried, refused := 0, 0
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
			t.Run(row[0], func(t *testing.T) {
				if _, err := sbom.WriteXML(new(bytes.Buffer), bom); err != nil {
					refused++
					if !strings.HasPrefix(err.Error(), "BOM cannot be written as XML: ") {
						t.Error(err)
					}
					t.Log(err)
					return
				}
				for _, l := range xmlRoundTrip(t, bom) {
					if !expected.MatchString(l.Pointer) {
						t.Errorf("lost in writing: %s", l)
					}
				}
			})
		}
	}
	if tried < 150 || refused > 12 {
		t.Errorf("%d documents, and %d of them are refused", tried, refused)
	}
}

// smallXML is a document that everything about is right.
const smallXML = `<?xml version="1.0" encoding="UTF-8"?>
<bom xmlns="http://cyclonedx.org/schema/bom/1.6" xmlns:x="https://acme.example/x" serialNumber="urn:uuid:3e671687-395b-41f5-a30f-a58921a69b79" version="2" x:seen="yes">
  <metadata>
    <timestamp>2026-11-21T05:34:23Z</timestamp>
    <component type="application" bom-ref="app"><name>app &amp; co</name><version>1.0</version></component>
    <x:note>ours</x:note>
  </metadata>
  <components>
    <component type="library" bom-ref="lib">
      <name>lib</name>
      <scope/>
      <hashes><hash alg="SHA-256">e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855</hash></hashes>
      <licenses><license><id>MIT</id></license></licenses>
      <purl> pkg:golang/example.com/lib@v1.0.0
      </purl>
      <modified>false</modified>
    </component>
  </components>
  <dependencies><dependency ref="app"><dependency ref="lib"/></dependency></dependencies>
  <x:signature>anything</x:signature>
</bom>
`

func TestXMLReads(t *testing.T) {
	bom, lost, err := sbom.Read(strings.NewReader(smallXML))
	if err != nil || len(lost) > 0 {
		t.Fatal(lost, err)
	}
	lib := (*bom.Components)[0]
	if bom.SpecVersion != cdx.SpecVersion1_6 || bom.Version != 2 || bom.Metadata.Component.Name != "app & co" || lib.PackageURL != "pkg:golang/example.com/lib@v1.0.0" ||
		lib.Scope != cdx.ScopeRequired || *lib.Modified || (*(*bom.Dependencies)[0].Dependencies)[0] != "lib" {
		t.Errorf("read as %s", plain(t, bom))
	}
	var b bytes.Buffer
	if err := sbom.Write(&b, bom); err != nil {
		t.Errorf("XML does not become JSON: %v", err)
	}
}

// Each attack is one change to the small document, which is accepted.
func TestXMLRefuses(t *testing.T) {
	for _, test := range []struct{ name, old, new, want string }{
		{"nothing", "", "", ""},
		{"a document type", "<bom ", "<!DOCTYPE bom [<!ENTITY x SYSTEM \"file:///etc/passwd\">]>\n<bom ", "line 2, column 1: a document type"},
		{"a billion laughs", "<bom ", "<!DOCTYPE bom [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;\">]>\n<bom ", "document type"},
		{"an entity", "app &amp; co", "&x;", "unknown reference"},
		{"a processing instruction", "<metadata>", "<?php x?><metadata>", "processing instruction"},
		{"a style sheet", "<bom ", "<?xml-stylesheet href='x'?><bom ", "processing instruction"},
		{"another encoding", `encoding="UTF-8"`, `encoding="UTF-16"`, "UTF-16"},
		{"bytes that are not UTF-8", "app &amp;", "app \xff", "UTF-8"},
		{"another version of XML", `version="1.0" encoding`, `version="1.1" encoding`, `"1.1"`},
		{"two roots", "</bom>\n", "</bom><bom/>", "want the end"},
		{"an attribute twice", `<dependency ref="app">`, `<dependency ref="app" ref="app">`, "twice"},
		{"an attribute twice under two prefixes", `x:seen="yes"`, `x:seen="yes" xmlns:y="https://acme.example/x" y:seen="no"`, "twice"},
		{"a prefix of nobody", "x:note", "z:note", "declared nowhere"},
		{"another namespace", "bom/1.6", "bom/1.8", `of CycloneDX "1.8"`},
		{"no namespace", ` xmlns="http://cyclonedx.org/schema/bom/1.6"`, "", "want <bom> of CycloneDX"},
		{"another root", "<bom ", "<component xmlns:b='u' ", "want </component>"},
		{"an element of another version", "http://cyclonedx.org/schema/bom/1.6", "http://cyclonedx.org/schema/bom/1.0", "line 2: <bom>: it has the attribute"},
		{"another order", "<name>lib</name>\n      <scope/>", "<scope/>\n      <name>lib</name>", "line 10: <scope>: it may not stand here, want"},
		{"an element twice", "<scope/>", "<scope/><scope/>", "<scope>: it may not stand here"},
		{"an unknown element", "<scope/>", "<scopes/>", "<scopes>: it may not stand here"},
		{"an element without the namespace", "<scope/>", `<scope xmlns=""/>`, "of the namespace"},
		{"an element of another namespace where there is no room", "<hashes>", "<hashes><x:hash/>", "<hash>: it is of the namespace"},
		{"no name", "<name>lib</name>", "", "<scope>: it may not stand here, want"},
		{"no content", "<name>lib</name>\n      <scope/>\n      <hashes><hash alg=\"SHA-256\">e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855</hash></hashes>\n      <licenses><license><id>MIT</id></license></licenses>\n      <purl> pkg:golang/example.com/lib@v1.0.0\n      </purl>\n      <modified>false</modified>", "", "something is missing at its end"},
		{"text between elements", "<components>", "<components>text", `it holds the text "text"`},
		{"elements in a text", "<name>lib</name>", "<name><b/></name>", "want text only"},
		{"no type", `type="library" `, "", "the attribute type is missing"},
		{"an unknown type", `type="library"`, `type="malware"`, `it is "malware", want one of`},
		{"an unknown attribute", `type="library"`, `type="library" kind="x"`, ""},
		{"an unknown attribute where there is no room", `alg="SHA-256"`, `alg="SHA-256" kind="x"`, `the attribute "kind", which its type does not know`},
		{"a changed type", `type="library"`, `type="library" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="x"`, "xsi:type"},
		{"a place of the schema", `type="library"`, `type="library" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="x y"`, ""},
		{"an unknown scope", "<scope/>", "<scope>needed</scope>", `it is "needed"`},
		{"an unknown hash", "SHA-256", "SHA-0", "the attribute alg"},
		{"a short hash", "e3b0c44298", "e3b0c4", "<hash>"},
		{"an unknown licence", "<id>MIT</id>", "<id>mit</id>", "SPDX License List"},
		{"two names of a licence", "<id>MIT</id>", "<id>MIT</id><name>MIT</name>", "<name>: it may not stand here"},
		{"a time that is none", "2026-11-21T05:34:23Z", "2026-02-30T05:34:23Z", "want a time"},
		{"a serial in upper case", "3e671687", "3E671687", "serialNumber"},
		{"a version that is none", `version="2"`, `version="two"`, "the attribute version"},
		{"a flag that is none", "<modified>false", "<modified>no", "want true, false"},
		{"a bom-ref twice", `bom-ref="lib"`, `bom-ref="app"`, `line 9: <component>: the bom-ref "app" is used twice`},
		{"a bom-ref twice, in another namespace", "<x:note>", `<x:note bom-ref="lib">`, "used twice"},
		{"an empty bom-ref", `bom-ref="lib"`, `bom-ref=""`, "want 1 characters or more"},
	} {
		t.Run(test.name, func(t *testing.T) {
			document := strings.Replace(smallXML, test.old, test.new, 1)
			if test.old != "" && document == smallXML {
				t.Fatalf("the document has no %q", test.old)
			}
			_, err := sbom.Parse(strings.NewReader(document))
			if test.want == "" && err != nil {
				t.Errorf("the neighbour is refused: %v", err)
			}
			if test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("Parse: %v, want a word about %q", err, test.want)
			}
		})
	}
	deep := strings.Repeat("<a>", 100) + strings.Repeat("</a>", 100)
	if _, err := sbom.Parse(strings.NewReader(deep)); !errors.Is(err, strictxml.ErrLimit) {
		t.Errorf("Parse: %v, want %v", err, strictxml.ErrLimit)
	}
}

// What XML cannot say is named, and what no document may say is refused.
func TestWriteXML(t *testing.T) {
	bom, err := sbom.Parse(strings.NewReader(smallXML))
	if err != nil {
		t.Fatal(err)
	}
	(*bom.Components)[0].Signature = &cdx.JSFSignature{JSFSigner: &cdx.JSFSigner{Algorithm: "ES256", Value: "x"}}
	lost := xmlRoundTrip(t, bom)
	if len(lost) != 1 || lost[0].Pointer != "/components/0/signature" {
		t.Errorf("lost %v", lost)
	}
	var b bytes.Buffer
	if _, err := sbom.WriteXML(&b, nil); err == nil || b.Len() > 0 {
		t.Error("no BOM is written")
	}
	(*bom.Components)[0].Type = "malware"
	if _, err := sbom.WriteXML(&b, bom); err == nil || b.Len() > 0 {
		t.Errorf("an invalid BOM is written: %s", b.Bytes())
	}
}

func FuzzParseXML(f *testing.F) {
	f.Add([]byte(smallXML))
	f.Add([]byte(`<bom xmlns="http://cyclonedx.org/schema/bom/1.0" version="1"><components/></bom>`))
	f.Add([]byte(`<bom xmlns="http://cyclonedx.org/schema/bom/1.7"/>`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if !bytes.Contains(data, []byte("<")) {
			return
		}
		bom, err := sbom.Parse(bytes.NewReader(data))
		if err != nil || bom.XMLNS != "" {
			return
		}
		var b bytes.Buffer
		if _, err := sbom.WriteXML(&b, bom); err != nil {
			return // XML has few documents that JSON does not, and the other way round
		}
		if _, err := sbom.Parse(bytes.NewReader(b.Bytes())); err != nil {
			t.Errorf("%q became %q: %v", data, b.Bytes(), err)
		}
	})
}

func ExampleWriteXML() {
	bom := cdx.NewBOM()
	bom.SpecVersion = cdx.SpecVersion1_6
	bom.Components = &[]cdx.Component{{BOMRef: "lib", Type: cdx.ComponentTypeLibrary, Name: "lib", Version: "1.0"}}
	bom.Signature = &cdx.JSFSignature{JSFSigner: &cdx.JSFSigner{Algorithm: "ES256", Value: "…"}}
	lost, err := sbom.WriteXML(os.Stdout, bom)
	if err != nil {
		fmt.Println(err)
	}
	for _, l := range lost {
		fmt.Println("lost:", l.Pointer)
	}
	// Output:
	// <?xml version="1.0" encoding="UTF-8"?>
	// <bom xmlns="http://cyclonedx.org/schema/bom/1.6" version="1">
	//   <components>
	//     <component bom-ref="lib" type="library">
	//       <name>lib</name>
	//       <version>1.0</version>
	//     </component>
	//   </components>
	// </bom>
	// lost: /signature
}
