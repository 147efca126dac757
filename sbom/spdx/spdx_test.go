package spdx_test

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/touchmark-go/touchmark/internal/deptest"
	"github.com/touchmark-go/touchmark/sbom"
	"github.com/touchmark-go/touchmark/sbom/spdx"
)

var created = time.Date(2026, 11, 21, 5, 34, 23, 0, time.UTC)

func TestBudget(t *testing.T) {
	deptest.Only(t, "sbom/spdx", deptest.Budget{Modules: 2, Own: []string{"provenance", "sbom"}, Forbidden: []string{"net/http", "os/exec"}})
}

// small is a document that everything about is right.
const small = `{
"spdxVersion": "SPDX-2.3",
"dataLicense": "CC0-1.0",
"SPDXID": "SPDXRef-DOCUMENT",
"name": "app",
"documentNamespace": "https://acme.example/spdx/app-1",
"creationInfo": {"created": "2026-11-21T05:34:23Z", "creators": ["Tool: maker-1.0", "Organization: Acme ()"], "licenseListVersion": "3.28"},
"externalDocumentRefs": [{"externalDocumentId": "DocumentRef-a+b", "spdxDocument": "https://acme.example/spdx/other", "checksum": {"algorithm": "SHA1", "checksumValue": "da39a3ee5e6b4b0d3255bfef95601890afd80709"}}],
"hasExtractedLicensingInfos": [{"licenseId": "LicenseRef-own", "extractedText": "Ours.", "crossRefs": [{"url": "https://acme.example", "isLive": true, "order": 0}]}],
"documentDescribes": ["SPDXRef-app"],
"packages": [
{"SPDXID": "SPDXRef-app", "name": "app", "versionInfo": "1.0", "downloadLocation": "git+https://acme.example/app.git@v1.0#cmd", "supplier": "Organization: Acme (a@acme.example)", "originator": "NOASSERTION",
 "licenseConcluded": "MIT OR LicenseRef-own", "licenseDeclared": "NONE", "copyrightText": "NOASSERTION", "primaryPackagePurpose": "APPLICATION", "builtDate": "2026-11-21T05:34:23Z",
 "packageVerificationCode": {"packageVerificationCodeValue": "da39a3ee5e6b4b0d3255bfef95601890afd80709"}, "hasFiles": ["SPDXRef-file"], "licenseInfoFromFiles": ["MIT"],
 "externalRefs": [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": "pkg:generic/app@1.0"}],
 "checksums": [{"algorithm": "SHA256", "checksumValue": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}],
 "annotations": [{"annotationDate": "2026-11-21T05:34:23Z", "annotationType": "REVIEW", "annotator": "Person: Ann", "comment": "good"}]},
{"SPDXID": "SPDXRef-lib", "name": "lib", "downloadLocation": "NOASSERTION", "filesAnalyzed": false}
],
"files": [{"SPDXID": "SPDXRef-file", "fileName": "./main.go", "fileTypes": ["SOURCE"], "checksums": [{"algorithm": "SHA1", "checksumValue": "da39a3ee5e6b4b0d3255bfef95601890afd80709"}], "artifactOfs": [{"name": "x"}]}],
"snippets": [{"SPDXID": "SPDXRef-snippet", "snippetFromFile": "SPDXRef-file", "ranges": [{"startPointer": {"reference": "SPDXRef-file", "offset": 1}, "endPointer": {"reference": "SPDXRef-file", "offset": 2}}]}],
"revieweds": [{"reviewDate": "2026-11-21T05:34:23Z"}],
"relationships": [
{"spdxElementId": "SPDXRef-app", "relationshipType": "DEPENDS_ON", "relatedSpdxElement": "SPDXRef-lib"},
{"spdxElementId": "SPDXRef-lib", "relationshipType": "DEPENDS_ON", "relatedSpdxElement": "NONE"},
{"spdxElementId": "SPDXRef-app", "relationshipType": "AMENDS", "relatedSpdxElement": "DocumentRef-a+b:SPDXRef-x"}
]
}
`

// Each attack is one change to the small document, which is accepted.
func TestParseRefuses(t *testing.T) {
	tests := []struct{ name, old, new, want string }{
		{"nothing", "", "", ""},
		{"no version", `"spdxVersion": "SPDX-2.3",`, "", "no spdxVersion"},
		{"an older version", "SPDX-2.3", "SPDX-2.2", `line 2: spdxVersion is "SPDX-2.2", want "SPDX-2.3"`},
		{"a CycloneDX document", `"spdxVersion": "SPDX-2.3",`, `"bomFormat": "CycloneDX",`, "read it with package sbom"},
		{"JSON-LD", `"spdxVersion": "SPDX-2.3",`, `"@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld",`, "SPDX 3"},
		{"another licence of the data", "CC0-1.0", "MIT", `line 3: /dataLicense: it is "MIT", want "CC0-1.0"`},
		{"another id of the document", "SPDXRef-DOCUMENT", "SPDXRef-document", "line 4: /SPDXID"},
		{"no name", `"name": "app",` + "\n\"documentNamespace\"", `"documentNamespace"`, `"name" is missing`},
		{"an empty name", `"name": "app",` + "\n\"documentNamespace\"", `"name": "", "documentNamespace"`, "line 5: /name"},
		{"no namespace", `"documentNamespace": "https://acme.example/spdx/app-1",`, "", `"documentNamespace" is missing`},
		{"a namespace with a fragment", "app-1", "app#1", "line 6: /documentNamespace"},
		{"a namespace that is relative", "https://acme.example/spdx/app-1", "app-1", "line 6: /documentNamespace"},
		{"no time", `"created": "2026-11-21T05:34:23Z", `, "", `line 7, column 17: "created" is missing`},
		{"a time with an offset", `"created": "2026-11-21T05:34:23Z"`, `"created": "2026-11-21T05:34:23+00:00"`, "/creationInfo/created"},
		{"a time with a fraction", `"created": "2026-11-21T05:34:23Z"`, `"created": "2026-11-21T05:34:23.5Z"`, "/creationInfo/created"},
		{"no creators", `["Tool: maker-1.0", "Organization: Acme ()"]`, "[]", "/creationInfo/creators"},
		{"a creator of no kind", "Tool: maker-1.0", "maker-1.0", "/creationInfo/creators/0"},
		{"a creator without a name", "Tool: maker-1.0", "Tool: ", "/creationInfo/creators/0"},
		{"a version that is none", `"3.28"`, `"three"`, "/creationInfo/licenseListVersion"},
		{"null", `"licenseListVersion": "3.28"`, `"comment": null`, "found null"},
		{"a number for a string", `"versionInfo": "1.0"`, `"versionInfo": 1.0`, "want a string"},
		{"an object for an array", `"documentDescribes": ["SPDXRef-app"]`, `"documentDescribes": {}`, "want an array"},
		{"an unknown member", `"versionInfo"`, `"version"`, `"version"`},
		{"a member of another letter case", `"versionInfo"`, `"versioninfo"`, "versioninfo"},
		{"a member twice", `"versionInfo": "1.0"`, `"name": "app"`, "duplicate"},
		{"text behind", "]\n}\n", "]\n} x", "after the value"},
		{"a document reference of another form", "DocumentRef-a+b\",", "a+b\",", "/externalDocumentRefs/0/externalDocumentId"},
		{"a licence reference of another form", `"licenseId": "LicenseRef-own"`, `"licenseId": "own"`, "/hasExtractedLicensingInfos/0/licenseId"},
		{"a licence without a text", `"extractedText": "Ours."`, `"extractedText": ""`, "/hasExtractedLicensingInfos/0/extractedText"},
		{"a description of nothing", `["SPDXRef-app"]`, `["SPDXRef-none"]`, "/documentDescribes/0"},
		{"no id", `"SPDXID": "SPDXRef-lib", `, "", `line 18, column 1: "SPDXID" is missing`},
		{"an id twice", `"SPDXID": "SPDXRef-lib"`, `"SPDXID": "SPDXRef-app"`, `/packages/1/SPDXID: "SPDXRef-app" is used twice`},
		{"an id of the document", `"SPDXID": "SPDXRef-lib"`, `"SPDXID": "SPDXRef-DOCUMENT"`, "used twice"},
		{"an id with an underscore", `"SPDXID": "SPDXRef-lib"`, `"SPDXID": "SPDXRef-l_b"`, "/packages/1/SPDXID"},
		{"no download location", `"downloadLocation": "NOASSERTION", `, "", `"downloadLocation" is missing`},
		{"a download location that is none", `"downloadLocation": "NOASSERTION"`, `"downloadLocation": "somewhere"`, "/packages/1/downloadLocation"},
		{"a supplier of no kind", "Organization: Acme (a@acme.example)", "Acme", "/packages/0/supplier"},
		{"a tool that supplies", "Organization: Acme (a@acme.example)", "Tool: Acme", "/packages/0/supplier"},
		{"an unknown licence", "MIT OR LicenseRef-own", "MIT OR Unknown", "/packages/0/licenseConcluded"},
		{"an operator in lower case", "MIT OR LicenseRef-own", "MIT or LicenseRef-own", "/packages/0/licenseConcluded"},
		{"a licence that nobody defines", "MIT OR LicenseRef-own", "MIT OR LicenseRef-none", `"LicenseRef-none" is defined nowhere`},
		{"a licence of no document", "MIT OR LicenseRef-own", "DocumentRef-c:LicenseRef-own", "is defined nowhere"},
		{"NONE within an expression", "MIT OR LicenseRef-own", "MIT OR NONE", "/packages/0/licenseConcluded"},
		{"an unknown purpose", `"APPLICATION"`, `"PROGRAM"`, "/packages/0/primaryPackagePurpose"},
		{"a date that is none", `"builtDate": "2026-11-21T05:34:23Z"`, `"builtDate": "2026-02-30T00:00:00Z"`, "/packages/0/builtDate"},
		{"a short code", `"packageVerificationCodeValue": "da39`, `"packageVerificationCodeValue": "da3`, "packageVerificationCodeValue"},
		{"files that were not analyzed", `"hasFiles": [`, `"filesAnalyzed": false, "hasFiles": [`, "/packages/0/hasFiles: it is there, and filesAnalyzed is false"},
		{"an unknown category", `"PACKAGE-MANAGER"`, `"PACKAGE_MANAGER"`, "/packages/0/externalRefs/0/referenceCategory"},
		{"a type of another category", `"PACKAGE-MANAGER"`, `"SECURITY"`, "/packages/0/externalRefs/0/referenceType"},
		{"a locator with spaces", "pkg:generic/app@1.0", "pkg:generic/app 1.0", "/packages/0/externalRefs/0/referenceLocator"},
		{"a package URL that is none", "pkg:generic/app@1.0", "https://acme.example", "/packages/0/externalRefs/0/referenceLocator"},
		{"a digest in upper case", "e3b0c442", "E3B0C442", "/packages/0/checksums/0/checksumValue"},
		{"a short digest", "e3b0c442", "e3b0c4", "SHA256 has 62 characters, want 64"},
		{"an unknown algorithm", `"SHA256"`, `"SHA-256"`, "/packages/0/checksums/0/algorithm"},
		{"an annotation of another type", `"REVIEW"`, `"NOTE"`, "/packages/0/annotations/0/annotationType"},
		{"an annotation by nobody", `"annotator": "Person: Ann", `, "", `"annotator" is missing`},
		{"a file without SHA1", `"checksums": [{"algorithm": "SHA1"`, `"checksums": [{"algorithm": "MD5"`, "no SHA1"},
		{"an unknown type of file", `"SOURCE"`, `"CODE"`, "/files/0/fileTypes/0"},
		{"a snippet of nothing", `"snippetFromFile": "SPDXRef-file"`, `"snippetFromFile": "SPDXRef-none"`, "/snippets/0/snippetFromFile"},
		{"a snippet that ends first", `"offset": 2`, `"offset": 0`, "ends before it begins"},
		{"a snippet without a place", `, "offset": 2`, ``, "neither two offsets"},
		{"a review at no time", `{"reviewDate": "2026-11-21T05:34:23Z"}`, `{}`, `"reviewDate" is missing`},
		{"an unknown relationship", `"DEPENDS_ON", "relatedSpdxElement": "NONE"`, `"NEEDS", "relatedSpdxElement": "NONE"`, "/relationships/1/relationshipType"},
		{"a relationship to nothing", `"relatedSpdxElement": "SPDXRef-lib"`, `"relatedSpdxElement": "SPDXRef-none"`, "line 24: /relationships/0/relatedSpdxElement"},
		{"a relationship of nothing", `{"spdxElementId": "SPDXRef-lib"`, `{"spdxElementId": "NONE"`, "/relationships/1/spdxElementId"},
		{"a relationship to an unknown document", "DocumentRef-a+b:SPDXRef-x", "DocumentRef-c:SPDXRef-x", "/relationships/2/relatedSpdxElement"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			document := strings.Replace(small, test.old, test.new, 1)
			if test.old != "" && document == small {
				t.Fatalf("the document has no %q", test.old)
			}
			doc, err := spdx.Parse(strings.NewReader(document))
			if test.want == "" {
				if err != nil {
					t.Fatalf("the neighbour is refused: %v", err)
				}
				roundTrip(t, doc)
			} else if err == nil || !strings.Contains(err.Error(), test.want) || !strings.HasPrefix(err.Error(), "SPDX: ") {
				t.Errorf("Parse: %v, want a word about %q", err, test.want)
			}
			// Part by part the same is refused, but for what the parts do not show.
			if err := spdx.StreamToCycloneDX(io.Discard, strings.NewReader(document), nil); (err == nil) != (test.want == "") {
				t.Errorf("StreamToCycloneDX: %v", err)
			}
		})
	}
	for text, want := range map[string]string{"SPDXVersion: SPDX-2.3\n": "tag-value", "<?xml version='1.0'?>": "XML", "": "SPDX", "[]": "SPDX", "null": "SPDX", `{"a":`: "SPDX"} {
		if _, err := spdx.Parse(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Parse(%q): %v, want a word about %q", text, err, want)
		}
	}
}

func roundTrip(t *testing.T, doc *spdx.Document) {
	t.Helper()
	var once, twice bytes.Buffer
	if err := spdx.Write(&once, doc); err != nil {
		t.Fatalf("what was read is not written: %v", err)
	}
	again, err := spdx.Parse(bytes.NewReader(once.Bytes()))
	if err != nil {
		t.Fatalf("what was written is refused: %v", err)
	}
	if err := spdx.Write(&twice, again); err != nil || !bytes.Equal(once.Bytes(), twice.Bytes()) {
		t.Errorf("%s became %s, %v", once.Bytes(), twice.Bytes(), err)
	}
}

func TestWriteRefuses(t *testing.T) {
	var b bytes.Buffer
	if err := spdx.Write(&b, nil); err == nil || b.Len() > 0 {
		t.Error("no document is written")
	}
	if err := spdx.Write(&b, &spdx.Document{}); err == nil || b.Len() > 0 {
		t.Error("the zero document is written")
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(small))
	f.Add([]byte(`{"spdxVersion":"SPDX-2.3"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		doc, err := spdx.Parse(bytes.NewReader(data))
		if err != nil {
			return
		}
		roundTrip(t, doc)
		bom, _, err := spdx.ToCycloneDX(doc)
		if err != nil {
			t.Fatalf("a valid document does not become a BOM: %v", err)
		}
		if _, _, err := spdx.FromCycloneDX(bom); err != nil {
			t.Errorf("there and not back: %v", err)
		}
		var atOnce, streamed bytes.Buffer
		if err := sbom.Write(&atOnce, bom); err != nil {
			t.Fatalf("%q becomes no valid BOM: %v", data, err)
		}
		if err := spdx.StreamToCycloneDX(&streamed, bytes.NewReader(data), nil); err != nil || canonicalBOM(t, streamed.Bytes()) != atOnce.String() {
			t.Errorf("part by part it is\n%s, %v, at once\n%s", streamed.Bytes(), err, atOnce.Bytes())
		}
	})
}
