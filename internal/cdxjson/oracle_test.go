package cdxjson

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/touchmark-go/touchmark/internal/cdxschema"
	"github.com/touchmark-go/touchmark/internal/strictjson"
	"github.com/touchmark-go/touchmark/internal/testkit"
)

// official compiles the official schema of a version: the strict one, where
// there are two. Formats are asserted as draft 7 has them.
func official(t testing.TB, v cdxschema.Version) *jsonschema.Schema {
	t.Helper()
	dir := filepath.Join(testkit.Corpus(t), "cyclonedx-schema", "schema")
	s, err := schemas[v](dir)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

var schemas = func() (all [cdxschema.Last + 1]func(dir string) (*jsonschema.Schema, error)) {
	for v := range all {
		var once sync.Once
		var s *jsonschema.Schema
		var err error
		all[v] = func(dir string) (*jsonschema.Schema, error) {
			once.Do(func() { s, err = compileOfficial(dir, cdxschema.Version(v)) })
			return s, err
		}
	}
	return all
}()

func compileOfficial(dir string, v cdxschema.Version) (*jsonschema.Schema, error) {
	c := jsonschema.NewCompiler()
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		f, err := os.Open(file)
		if err != nil {
			return nil, err
		}
		doc, err := jsonschema.UnmarshalJSON(f)
		f.Close()
		if err != nil {
			return nil, err
		}
		if err := c.AddResource("http://cyclonedx.org/schema/"+filepath.Base(file), doc); err != nil {
			return nil, err
		}
	}
	name := fmt.Sprintf("bom-%v.schema.json", v)
	if v < 4 {
		name = fmt.Sprintf("bom-%v-strict.schema.json", v)
	}
	return c.Compile("http://cyclonedx.org/schema/" + name)
}

// documents yields the JSON documents of the corpus with their verdicts.
func documents(t testing.TB) (all []document) {
	root := testkit.Corpus(t)
	for _, folder := range []string{"cyclonedx", "cyclonedx-examples", "cyclonedx-gomod"} {
		for _, row := range testkit.Rows(t, filepath.Join(root, folder, "expected.csv")) {
			if !strings.HasSuffix(row[1], "-json") && row[1] != "cyclonedx-snapshot" {
				continue
			}
			data, err := os.ReadFile(filepath.Join(root, row[2]))
			if err != nil {
				t.Fatal(err)
			}
			if row[1] == "cyclonedx-snapshot" && !bytes.HasPrefix(bytes.TrimSpace(data), []byte("{")) {
				continue
			}
			all = append(all, document{row[0], string(data), row[10] == "pass"})
		}
	}
	return all
}

type document struct {
	id, text string
	valid    bool
}

// judge asks the official schema.
func judge(t testing.TB, text string) error {
	v, err := versionOf(text)
	if err != nil {
		return err
	}
	if err := strictjson.Check([]byte(text)); err != nil {
		return err
	}
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		return err
	}
	return official(t, v).Validate(doc)
}

// Every document of the specification, and every published one.
func TestCorpus(t *testing.T) {
	count := 0
	for _, doc := range documents(t) {
		count++
		err := Validate(doc.text)
		if (err == nil) != doc.valid {
			t.Errorf("%s: %v, and it is valid: %v", doc.id, err, doc.valid)
		}
		if oracle := judge(t, doc.text); (oracle == nil) != doc.valid {
			t.Logf("%s: the oracle itself says %.300v", doc.id, oracle)
		}
	}
	t.Logf("%d documents", count)
}

var _ = io.EOF
