package sbom_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/touchmark-go/touchmark/sbom"
)

// read decodes a document without the checks of Parse: it may be at odds with itself.
func read(t testing.TB, document string) *cdx.BOM {
	t.Helper()
	var bom cdx.BOM
	if err := json.Unmarshal([]byte(document), &bom); err != nil {
		t.Fatal(err)
	}
	return &bom
}

// sound is a document that nothing is wrong with: app depends on a and b, and a
// on b.
const sound = `{"bomFormat":"CycloneDX","specVersion":"1.6","version":1,
	"metadata":{"component":{"bom-ref":"app","type":"application","name":"app","version":"1"}},
	"components":[{"bom-ref":"a","type":"library","name":"a","version":"1"},{"bom-ref":"b","type":"library","name":"b","version":"2"}],
	"dependencies":[{"ref":"app","dependsOn":["a","b"]},{"ref":"a","dependsOn":["b"]},{"ref":"b","dependsOn":[]}],
	"compositions":[{"aggregate":"complete","assemblies":["app"],"dependencies":["app","a","b"]}]}`

// Each thing that schemas cannot say is found, and nothing is found in a sound
// document.
func TestCheckStructure(t *testing.T) {
	for _, test := range []struct {
		name, old, new string
		want           []string // rule, pointer, found
	}{
		{"sound", "", "", nil},
		{"no main", `"component":{"bom-ref":"app","type":"application","name":"app","version":"1"}`, ``, []string{
			`main : nothing`,
			`unresolved-ref : dependencies of app, which nothing has as its bom-ref`,
			`unresolved-ref : a composition (complete) of app, which nothing has as its bom-ref`,
			`unresolved-ref : a composition (complete) of app, which nothing has as its bom-ref`,
		}},
		{"no ref", `"bom-ref":"b",`, ``, []string{
			`ref /components/1: nothing`,
			`unresolved-ref /metadata/component: a dependency on b, which nothing has as its bom-ref`,
			`unresolved-ref /components/0: a dependency on b, which nothing has as its bom-ref`,
			`unresolved-ref : dependencies of b, which nothing has as its bom-ref`,
			`unresolved-ref : a composition (complete) of b, which nothing has as its bom-ref`,
			`no-entry /components/1: none: its dependencies are unknown`,
			`complete /metadata/component: complete dependencies, and one on what is not there`,
			`complete /components/0: complete dependencies, and one on what is not there`,
			`complete /metadata/component: a complete list, and dependencies on what is not in it`,
			`unreached /components/1: nobody who depends on it`,
		}},
		{"a ref twice", `{"bom-ref":"b",`, `{"bom-ref":"b","type":"library","name":"c"},{"bom-ref":"b",`, []string{
			`duplicate-ref /components/2: bom-ref b for the second time`,
			`no-entry /components/2: none: its dependencies are unknown`,
			`unreached /components/2: nobody who depends on it`,
		}},
		{"the main ref again", `"bom-ref":"b"`, `"bom-ref":"app"`, []string{
			`duplicate-ref /components/1: bom-ref app for the second time`,
			`unresolved-ref /metadata/component: a dependency on b, which nothing has as its bom-ref`,
			`unresolved-ref /components/0: a dependency on b, which nothing has as its bom-ref`,
			`unresolved-ref : dependencies of b, which nothing has as its bom-ref`,
			`unresolved-ref : a composition (complete) of b, which nothing has as its bom-ref`,
			`no-entry /components/1: none: its dependencies are unknown`,
			`complete /metadata/component: complete dependencies, and one on what is not there`,
			`complete /components/0: complete dependencies, and one on what is not there`,
			`complete /metadata/component: a complete list, and dependencies on what is not in it`,
			`unreached /components/1: nobody who depends on it`,
		}},
		{"an entry of nothing", `{"ref":"b",`, `{"ref":"zz","dependsOn":[]},{"ref":"b",`, []string{
			`unresolved-ref : dependencies of zz, which nothing has as its bom-ref`,
			`complete /metadata/component: a complete list, and dependencies on what is not in it`,
		}},
		{"two entries", `{"ref":"b",`, `{"ref":"a","dependsOn":[]},{"ref":"b",`, []string{`duplicate-entry /components/0: another entry for it`}},
		{"an edge twice", `["a","b"]}`, `["a","b","a"]}`, []string{`duplicate-entry /metadata/component: a twice`}},
		{"on itself", `{"ref":"b","dependsOn":[]}`, `{"ref":"b","dependsOn":["b"]}`, []string{`self-edge /components/1: a dependency on itself`}},
		{"a cycle", `{"ref":"b","dependsOn":[]}`, `{"ref":"b","dependsOn":["a"]}`, []string{`cycle* /components/0: a@1 -> b@2 -> a@1`}},
		{"a cycle through the main component", `{"ref":"b","dependsOn":[]}`, `{"ref":"b","dependsOn":["app"]}`, []string{`cycle* /metadata/component: app@1 -> a@1 -> b@2 -> app@1`}},
		{"no entry", `,{"ref":"b","dependsOn":[]}`, ``, []string{
			`no-entry* /components/1: none: its dependencies are unknown`,
			`complete /components/1: complete dependencies, and no entry for them`,
		}},
		{"an honest gap", `,{"ref":"b","dependsOn":[]}],
	"compositions":[{"aggregate":"complete","assemblies":["app"],"dependencies":["app","a","b"]}`, `],
	"compositions":[{"aggregate":"complete","assemblies":["app"],"dependencies":["app","a"]},{"aggregate":"unknown","dependencies":["b"]}`,
			[]string{`no-entry* /components/1: none: its dependencies are unknown`}},
		{"complete and not", `"compositions":[`, `"compositions":[{"aggregate":"incomplete","dependencies":["a"]},`, []string{`contradiction /components/0: complete, and something else`}},
		{"a composition of a stranger", `["app","a","b"]}]`, `["app","a","b"]},{"aggregate":"unknown","assemblies":["z"]}]`, []string{
			`unresolved-ref : a composition (unknown) of z, which nothing has as its bom-ref`}},
		{"a composition of nothing", `"compositions":[`, `"compositions":[{"aggregate":"incomplete"},`, []string{`composition-empty* : a composition (incomplete) of nothing`}},
		{"brought in by nobody", `{"ref":"app","dependsOn":["a","b"]},{"ref":"a","dependsOn":["b"]}`, `{"ref":"app","dependsOn":["b"]},{"ref":"a","dependsOn":["b"]}`, []string{
			`unreached* /components/0: nobody who depends on it`}},
		{"inside of another", `"name":"b","version":"2"}`, `"name":"b","version":"2","components":[{"bom-ref":"c","type":"file","name":"c"}]}`, []string{
			`no-entry* /components/1/components/0: none: its dependencies are unknown`}},
		{"another document", `["a","b"]}`, `["a","b","urn:cdx:f08a6ccd-4dce-4759-bd84-c626675d60a7/1#x"]}`, nil},
		{"a service", `"components":[`, `"services":[{"bom-ref":"s","name":"s"}],"components":[`, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			if !strings.Contains(sound, test.old) {
				t.Fatalf("the document has no %q", test.old)
			}
			bom := read(t, strings.Replace(sound, test.old, test.new, 1))
			var got []string
			for _, i := range sbom.Check(bom, sbom.ProfileStructure) {
				advice := ""
				if i.Advice {
					advice = "*"
				}
				got = append(got, fmt.Sprintf("%s%s %s: %s", strings.TrimPrefix(i.Rule, "structure/"), advice, i.Pointer, i.Found))
				if i.Reference == "" || i.Want == "" || i.Remedy == "" {
					t.Errorf("%+v lacks a part", i)
				}
			}
			want := slices.Clone(test.want)
			for i := range want { // advice is marked only where it is the point of the test
				for _, rule := range []string{"no-entry ", "unreached "} {
					want[i] = strings.Replace(want[i], rule, strings.TrimSpace(rule)+"* ", 1)
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("issues:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		})
	}
}

// Where services are depended on, that is no dangling edge.
func TestCheckService(t *testing.T) {
	bom := read(t, strings.NewReplacer(`"components":[`, `"services":[{"bom-ref":"s","name":"s","services":[{"bom-ref":"t","name":"t"}]}],"components":[`, `["a","b"]}`, `["a","b","t"]}`).Replace(sound))
	if got := sbom.Check(bom, sbom.ProfileStructure); got != nil {
		t.Errorf("%v", got)
	}
}

// A profile that there is none of is met by nobody, and a BOM that says nothing
// meets none.
func TestCheckNothing(t *testing.T) {
	for _, profile := range append(sbom.Profiles(), "", "ntia", "BSI") {
		issues := sbom.Check(nil, profile)
		if sbom.Met(issues) {
			t.Errorf("%q is met by nothing: %v", profile, issues)
		}
		for _, i := range issues {
			if i.Want == "" || i.Found == "" || i.Remedy == "" || i.Rule == "" && profile != "" {
				t.Errorf("%+v lacks a part", i)
			}
		}
	}
	if got := sbom.Score(nil); got.Total > 2 || got.Grade() != "F" {
		t.Errorf("nothing is rated %v", got.Total)
	}
}

// full says everything that the profiles ask of every component, but for what
// nobody can know of a part.
const full = `{"bomFormat":"CycloneDX","specVersion":"1.6","serialNumber":"urn:uuid:a5ed6f86-e799-5ca5-879b-1dac4fd03a42","version":1,
	"metadata":{"timestamp":"2026-11-21T03:07:00Z","lifecycles":[{"phase":"build"}],"tools":{"components":[{"type":"application","name":"tm","version":"1"}]},
		"authors":[{"name":"A","email":"a@acme.example"}],"supplier":{"name":"Acme"},"licenses":[{"license":{"id":"CC0-1.0"}}],
		"component":COMPONENT(app)},
	"components":[COMPONENT(a)],
	"dependencies":[{"ref":"app","dependsOn":["a"]},{"ref":"a","dependsOn":[]}],
	"compositions":[{"aggregate":"complete","assemblies":["app"],"dependencies":["app","a"]}]}`

const component = `{"bom-ref":"NAME","type":"library","name":"NAME","version":"1","purl":"pkg:generic/NAME@1",
	"supplier":{"name":"Acme","url":["https://acme.example"]},
	"hashes":[{"alg":"SHA-256","content":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}],
	"licenses":[{"license":{"id":"MIT","acknowledgement":"concluded"}},{"license":{"id":"MIT","acknowledgement":"declared"}}],
	"externalReferences":[{"type":"vcs","url":"https://acme.example/NAME.git"},{"type":"distribution","url":"https://acme.example/NAME.tgz","hashes":[{"alg":"SHA-512",
		"content":"cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e"}]}],
	"properties":[{"name":"bsi:component:filename","value":"NAME.tgz"},{"name":"bsi:component:executable","value":"non-executable"},
		{"name":"bsi:component:archive","value":"archive"},{"name":"bsi:component:structured","value":"structured"}]}`

func fullDocument() string {
	s := full
	for _, name := range []string{"app", "a"} {
		s = strings.Replace(s, "COMPONENT("+name+")", strings.ReplaceAll(component, "NAME", name), 1)
	}
	return s
}

// A full document meets every profile. Taking away, or spoiling, one thing breaks
// exactly the rules about it.
func TestCheckProfiles(t *testing.T) {
	document := fullDocument()
	parse(t, document)
	for _, profile := range sbom.Profiles() {
		for _, i := range sbom.Check(read(t, document), profile) {
			if i.Rule != "sbomqs/signature" && i.Rule != "sbomqs/cpe" {
				t.Errorf("the full document: %v", i)
			}
		}
	}
	for _, test := range []struct {
		name, old, new string
		want           string // rules, advice in parentheses
	}{
		{"no author", `"authors":[{"name":"A","email":"a@acme.example"}],`, ``, "bsi-2.1/creator cisa-2025/author ntia-2021/author sbomqs/authors"},
		{"an author without an address", `"name":"A","email":"a@acme.example"`, `"name":"A"`, "bsi-2.1/creator"},
		{"an author who is unknown", `"name":"A","email":"a@acme.example"`, `"name":"NOASSERTION"`, "bsi-2.1/creator cisa-2025/author ntia-2021/author sbomqs/authors"},
		{"a manufacturer instead", `"authors":[{"name":"A","email":"a@acme.example"}],`, `"manufacturer":{"name":"Acme","contact":[{"email":"a@acme.example"}]},`, "sbomqs/authors"},
		{"no time", `"timestamp":"2026-11-21T03:07:00Z",`, ``, "bsi-2.1/timestamp cisa-2025/timestamp ntia-2021/timestamp sbomqs/timestamp"},
		{"a time that is none", `"2026-11-21T03:07:00Z"`, `"yesterday"`, "bsi-2.1/timestamp cisa-2025/timestamp ntia-2021/timestamp sbomqs/schema sbomqs/timestamp"},
		{"no tool", `"tools":{"components":[{"type":"application","name":"tm","version":"1"}]},`, ``, "(cisa-2025/tool-version) cisa-2025/tool sbomqs/tool"},
		{"a tool without a version", `"name":"tm","version":"1"`, `"name":"tm"`, "(cisa-2025/tool-version) sbomqs/tool"},
		{"no lifecycle", `"lifecycles":[{"phase":"build"}],`, ``, "cisa-2025/context sbomqs/lifecycle"},
		{"no serial number", `"serialNumber":"urn:uuid:a5ed6f86-e799-5ca5-879b-1dac4fd03a42",`, ``, "(bsi-2.1/sbom-uri) sbomqs/namespace"},
		{"no supplier of the product", `"supplier":{"name":"Acme"},`, ``, "sbomqs/supplier"},
		{"no data licence", `"licenses":[{"license":{"id":"CC0-1.0"}}],`, ``, "sbomqs/data-license"},
		{"an old format, which knows no acknowledgement", `"specVersion":"1.6"`, `"specVersion":"1.5"`, "bsi-2.1/format sbomqs/schema"},
		{"vulnerabilities", `"dependencies":[{`, `"vulnerabilities":[{"id":"CVE-2026-1"}],"dependencies":[{`, "bsi-2.1/no-vulnerabilities"},
		{"no version", `"name":"a","version":"1","purl":"pkg:generic/a@1"`, `"name":"a","purl":"pkg:generic/a"`, "bsi-2.1/version cisa-2025/version ntia-2021/version sbomqs/version"},
		{"(devel)", `"name":"a","version":"1"`, `"name":"a","version":"(devel)"`, "bsi-2.1/version cisa-2025/version ntia-2021/version sbomqs/version"},
		{"no identifier", `"purl":"pkg:generic/a@1",`, ``, "(bsi-2.1/identifiers) (ntia-2021/identifier) cisa-2025/identifier sbomqs/purl"},
		{"a purl that is none", `"purl":"pkg:generic/a@1",`, `"purl":"generic/a",`, "(bsi-2.1/identifiers) (ntia-2021/identifier) cisa-2025/identifier sbomqs/purl"},
		{"a CPE", `"purl":"pkg:generic/a@1",`, `"cpe":"cpe:2.3:a:acme:a:1:*:*:*:*:*:*:*",`, "sbomqs/purl"},
		{"a CPE that is none", `"purl":"pkg:generic/a@1",`, `"cpe":"cpe:2.3:a:acme",`, "(bsi-2.1/identifiers) (ntia-2021/identifier) cisa-2025/identifier sbomqs/purl"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if !strings.Contains(document, test.old) {
				t.Fatalf("the document has no %q", test.old)
			}
			bom := read(t, strings.Replace(document, test.old, test.new, 1))
			if got := broken(bom); got != test.want {
				t.Errorf("broken rules: %s\nwant:         %s", got, test.want)
			}
		})
	}
	// Of the component a, which stands behind the main one.
	at := strings.Index(document, `"components":[{"bom-ref":"a"`)
	for _, test := range []struct{ name, old, new, want string }{
		{"no supplier", `"supplier":{"name":"Acme","url":["https://acme.example"]},`, ``, "bsi-2.1/component-creator cisa-2025/producer ntia-2021/supplier sbomqs/component-supplier"},
		{"a supplier's name alone", `,"url":["https://acme.example"]`, ``, "bsi-2.1/component-creator"},
		{"a supplier who is unknown", `"name":"Acme","url":["https://acme.example"]`, `"name":"unknown"`, "bsi-2.1/component-creator cisa-2025/producer ntia-2021/supplier sbomqs/component-supplier"},
		{"no hash", `"hashes":[{"alg":"SHA-256","content":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}],`, ``, "cisa-2025/hash sbomqs/strong-checksum"},
		{"a weak hash", `"alg":"SHA-256","content":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"`, `"alg":"MD5","content":"d41d8cd98f00b204e9800998ecf8427e"`, "cisa-2025/hash sbomqs/strong-checksum sbomqs/weak-checksum"},
		{"a hash of the wrong length", `852b855"`, `852b"`, "cisa-2025/hash sbomqs/schema sbomqs/strong-checksum sbomqs/weak-checksum"},
		{"SHA-256 of the file", `"alg":"SHA-512",
		"content":"cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e"`, `"alg":"SHA-256","content":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"`, "bsi-2.1/hash"},
		{"no licences", `"licenses":[{"license":{"id":"MIT","acknowledgement":"concluded"}},{"license":{"id":"MIT","acknowledgement":"declared"}}],`, ``, "(bsi-2.1/original-licenses) bsi-2.1/distribution-license cisa-2025/license sbomqs/declared-license sbomqs/license sbomqs/valid-license"},
		{"only a declared one", `{"license":{"id":"MIT","acknowledgement":"concluded"}},`, ``, "bsi-2.1/distribution-license sbomqs/license sbomqs/valid-license"},
		{"only a concluded one", `,{"license":{"id":"MIT","acknowledgement":"declared"}}`, ``, "(bsi-2.1/original-licenses) sbomqs/declared-license"},
		{"NOASSERTION", `"licenses":[{"license":{"id":"MIT","acknowledgement":"concluded"}},{"license":{"id":"MIT","acknowledgement":"declared"}}]`, `"licenses":[{"expression":"NOASSERTION"}]`, "(bsi-2.1/original-licenses) bsi-2.1/distribution-license cisa-2025/license sbomqs/declared-license sbomqs/license sbomqs/valid-license"},
		{"a licence by its name", `"id":"MIT","acknowledgement":"concluded"`, `"name":"the Acme licence","acknowledgement":"concluded"`, "bsi-2.1/distribution-license sbomqs/valid-license"},
		{"a LicenseRef", `"id":"MIT","acknowledgement":"concluded"`, `"name":"LicenseRef-acme","acknowledgement":"concluded"`, ""},
		{"a deprecated id", `"id":"MIT","acknowledgement":"concluded"`, `"id":"GPL-2.0","acknowledgement":"concluded"`, "(sbomqs/restrictive-license) sbomqs/deprecated-license"},
		{"copyleft", `"id":"MIT","acknowledgement":"concluded"`, `"id":"AGPL-3.0-only","acknowledgement":"concluded"`, "(sbomqs/restrictive-license)"},
		{"no filename", `"name":"bsi:component:filename"`, `"name":"filename"`, "bsi-2.1/filename"},
		{"a path", `"a.tgz"}`, `"dist/a.tgz"}`, "bsi-2.1/filename"},
		{"another word", `"value":"non-executable"`, `"value":"false"`, "bsi-2.1/executable"},
		{"no archive", `"value":"archive"`, `"value":"no"`, "bsi-2.1/archive"},
		{"no structured", `"value":"structured"`, `"value":""`, "bsi-2.1/structured"},
		{"no source", `{"type":"vcs","url":"https://acme.example/a.git"},`, ``, "(bsi-2.1/source-uri) sbomqs/source-code"},
		{"no distribution", `"type":"distribution"`, `"type":"website"`, "(bsi-2.1/deployable-uri) bsi-2.1/hash"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if !strings.Contains(document[at:], test.old) {
				t.Fatalf("the component has no %q", test.old)
			}
			bom := read(t, document[:at]+strings.Replace(document[at:], test.old, test.new, 1))
			if got := broken(bom, "/components/0"); got != test.want {
				t.Errorf("broken rules: %s\nwant:         %s", got, test.want)
			}
		})
	}
	for _, test := range []struct{ name, old, new, want string }{
		{"no dependencies of the main component", `{"ref":"app","dependsOn":["a"]},`, ``, "bsi-2.1/dependencies cisa-2025/coverage cisa-2025/dependencies ntia-2021/dependencies ntia-2021/known-unknowns sbomqs/dependencies structure/complete (structure/no-entry)"},
		{"a part of unknown dependencies, unsaid", `,{"ref":"a","dependsOn":[]}`, ``, "bsi-2.1/dependencies cisa-2025/coverage ntia-2021/known-unknowns structure/complete (structure/no-entry)"},
		{"a part of unknown dependencies, said", `,{"ref":"a","dependsOn":[]}],
	"compositions":[{"aggregate":"complete","assemblies":["app"],"dependencies":["app","a"]}`, `],
	"compositions":[{"aggregate":"complete","assemblies":["app"],"dependencies":["app"]},{"aggregate":"unknown","dependencies":["a"]}`, "sbomqs/declared-completeness (structure/no-entry)"},
		{"no compositions", `,
	"compositions":[{"aggregate":"complete","assemblies":["app"],"dependencies":["app","a"]}]`, ``, "bsi-2.1/dependencies (cisa-2025/known-unknowns) sbomqs/declared-completeness sbomqs/dependencies"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if !strings.Contains(document, test.old) {
				t.Fatalf("the document has no %q", test.old)
			}
			bom := read(t, strings.Replace(document, test.old, test.new, 1))
			got := strings.Fields(broken(bom))
			want := strings.Fields(test.want)
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("broken rules: %s\nwant:         %s", got, want)
			}
		})
	}
}

// broken are the rules that a document breaks, without those that the full one
// does; of some pointers, if any are given.
func broken(bom *cdx.BOM, pointers ...string) string {
	seen := map[string]bool{}
	for _, profile := range sbom.Profiles() {
		for _, i := range sbom.Check(bom, profile) {
			if i.Rule == "sbomqs/signature" || i.Rule == "sbomqs/cpe" || len(pointers) > 0 && i.Pointer != "" && !slices.Contains(pointers, i.Pointer) {
				continue
			}
			if i.Advice {
				i.Rule = "(" + i.Rule + ")"
			}
			seen[i.Rule] = true
		}
	}
	var all []string
	for rule := range seen {
		all = append(all, rule)
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

// What a BOM of a binary does not know is missing, and is never taken for known.
func TestUnknownIsMissing(t *testing.T) {
	bom := fromInfo(t, sbom.Options{}, "path\ta.b/c\nmod\ta.b/c\tv1.0.0\t\ndep\ta.b/d\tv1.0.0\th1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n")
	missing := map[string]bool{}
	for _, profile := range []sbom.Profile{sbom.ProfileNTIA, sbom.ProfileCISA, sbom.ProfileBSI, sbom.ProfileSBOMQS} {
		for _, i := range sbom.Check(bom, profile) {
			if i.Component == "a.b/d@v1.0.0" {
				missing[i.Rule] = true
			}
		}
	}
	for _, rule := range []string{"ntia-2021/supplier", "cisa-2025/producer", "cisa-2025/hash", "cisa-2025/license", "bsi-2.1/component-creator", "bsi-2.1/hash", "bsi-2.1/distribution-license", "sbomqs/license", "sbomqs/strong-checksum", "sbomqs/declared-completeness"} {
		if !missing[rule] {
			t.Errorf("%s passes for a module of which only name and sum are known", rule)
		}
	}
	for _, rule := range []string{"ntia-2021/name", "ntia-2021/version", "cisa-2025/identifier", "ntia-2021/known-unknowns", "cisa-2025/coverage", "sbomqs/purl"} {
		if missing[rule] {
			t.Errorf("%s fails for a module that says it", rule)
		}
	}
}
