package sbom_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/touchmark-go/touchmark/internal/strictjson"
	"github.com/touchmark-go/touchmark/internal/testkit"
	"github.com/touchmark-go/touchmark/sbom"
)

// The specification's own documents, and published ones.
func TestParseCorpus(t *testing.T) {
	root := testkit.Corpus(t)
	for _, corpus := range []string{"cyclonedx", "cyclonedx-examples", "cyclonedx-gomod"} {
		for _, row := range testkit.Rows(t, filepath.Join(root, corpus, "expected.csv")) {
			if !strings.HasSuffix(row[1], "-json") && row[1] != "cyclonedx-snapshot" {
				continue
			}
			t.Run(row[0], func(t *testing.T) {
				data, err := os.ReadFile(filepath.Join(root, row[2]))
				if err != nil {
					t.Fatal(err)
				}
				bom, err := sbom.Parse(bytes.NewReader(data))
				if (err == nil) != (row[10] == "pass") {
					t.Fatalf("Parse: %v, and the corpus says %s", err, row[10])
				}
				if err != nil {
					return
				}
				once := write(t, bom)
				again, err := sbom.Parse(bytes.NewReader(once))
				if err != nil {
					t.Fatalf("what was read and written is refused: %v", err)
				}
				if !bytes.Equal(once, write(t, again)) {
					t.Error("the document does not survive a round trip")
				}
			})
		}
	}
}

// small is a document that everything about is right.
const small = `{"$schema":"http://cyclonedx.org/schema/bom-1.6.schema.json","bomFormat":"CycloneDX","specVersion":"1.6",` +
	`"serialNumber":"urn:uuid:3e671687-395b-41f5-a30f-a58921a69b79","version":1,` +
	`"metadata":{"timestamp":"2026-11-21T05:34:23Z","component":{"bom-ref":"a","type":"application","name":"app",` +
	`"hashes":[{"alg":"SHA-256","content":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}]}},` +
	`"components":[{"bom-ref":"b","type":"library","name":"lib"}],` +
	`"dependencies":[{"ref":"a","dependsOn":["b"]},{"ref":"b","dependsOn":[]}],` +
	`"compositions":[{"aggregate":"complete","dependencies":["a","b"]}]}`

// Each attack is one change to the small document, which is accepted.
func TestParseRefuses(t *testing.T) {
	tests := []struct{ name, old, new, want string }{
		{"nothing", "", "", ""},
		{"another format", `"CycloneDX"`, `"SPDX"`, `bomFormat is "SPDX"`},
		{"format in lower case", `"CycloneDX"`, `"cyclonedx"`, `bomFormat is "cyclonedx"`},
		{"no format", `"bomFormat":"CycloneDX",`, ``, "no bomFormat"},
		{"format of another letter case", `"bomFormat"`, `"BomFormat"`, "no bomFormat"},
		{"an SPDX document", `"bomFormat":"CycloneDX",`, `"spdxVersion":"SPDX-2.3",`, "SPDX document"},
		{"an unknown version", `"specVersion":"1.6"`, `"specVersion":"1.8"`, "specVersion of 1.2 to 1.7"},
		{"a version before JSON", `"specVersion":"1.6"`, `"specVersion":"1.1"`, "specVersion"},
		{"no version", `"specVersion":"1.6",`, ``, "specVersion"},
		{"a negative version", `"version":1`, `"version":-1`, "/version: want 1 or more, found -1"},
		{"another schema", `bom-1.6.schema.json","bomFormat":"CycloneDX","specVersion":"1.6"`, `bom-1.4.schema.json","bomFormat":"CycloneDX","specVersion":"1.5"`, "/$schema"},
		{"a member twice", `"version":1,`, `"version":1,"version":2,`, "version"},
		{"components twice", `"components":[`, `"components":[],"components":[`, "components"},
		{"text behind", `]}]}`, `]}]} x`, "value"},
		{"a serial in upper case", `3e671687`, `3E671687`, "serialNumber"},
		{"a short serial", `3e671687`, `3e67168`, "serialNumber"},
		{"no time", `2026-11-21T05:34:23Z`, `today`, "timestamp"},
		{"a hash of no length", `e3b0c442`, `e3b0c44`, "32, 40, 64"},
		{"an unknown hash", `"SHA-256"`, `"SHA-0"`, "SHA-0"},
		{"no hexadecimal", `e3b0c442`, `x3b0c442`, "hexadecimal"},
		{"an unknown type", `"library"`, `"malware"`, "malware"},
		{"no name", `"name":"lib"`, `"version":"1"`, `line 1, column 411: /components/0: want the member "name" in component, found none`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			document := strings.Replace(small, test.old, test.new, 1)
			_, err := sbom.Parse(strings.NewReader(document))
			if test.want == "" {
				if err != nil {
					t.Errorf("the neighbour is refused: %v", err)
				}
			} else if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("Parse: %v, want a word about %q", err, test.want)
			}
		})
	}
}

// endless is a document without end.
type endless struct{ began bool }

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	if !e.began {
		e.began = true
		p[0] = '{'
	}
	return len(p), nil
}

func TestParseLimit(t *testing.T) {
	if testing.Short() {
		t.Skip("reads 256 MiB")
	}
	if _, err := sbom.Parse(&endless{}); !errors.Is(err, strictjson.ErrLimit) {
		t.Errorf("Parse: %v, want %v", err, strictjson.ErrLimit)
	}
}

func TestParseDeep(t *testing.T) {
	deep := strings.Repeat(`{"components":[`, 10_000)
	if _, err := sbom.Parse(strings.NewReader(deep)); !errors.Is(err, strictjson.ErrLimit) {
		t.Errorf("Parse: %v, want %v", err, strictjson.ErrLimit)
	}
	if _, err := sbom.Parse(io.MultiReader()); err == nil {
		t.Error("nothing is a BOM")
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(small))
	f.Add([]byte(`{"bomFormat":"CycloneDX","specVersion":"1.2"}`))
	f.Add([]byte(`{"bomFormat":"CycloneDX","specVersion":"1.7","metadata":{"tools":[{"name":"x"}],"component":{"type":"file","name":"y","licenses":[{"expression":"MIT"}]}}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		bom, err := sbom.Parse(bytes.NewReader(data))
		if err != nil {
			return
		}
		var once, twice bytes.Buffer
		if err := sbom.Write(&once, bom); err != nil {
			t.Fatalf("%q is read and not written: %v", data, err)
		}
		again, err := sbom.Parse(bytes.NewReader(once.Bytes()))
		if err != nil {
			t.Fatalf("%q does not survive a round trip: %v", once.Bytes(), err)
		}
		if err := sbom.Write(&twice, again); err != nil || !bytes.Equal(once.Bytes(), twice.Bytes()) {
			t.Errorf("%q became %q, %v", once.Bytes(), twice.Bytes(), err)
		}
	})
}
