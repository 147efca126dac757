package capture_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	intotoslsa "github.com/in-toto/attestation/go/predicates/provenance/v1"
	intoto "github.com/in-toto/attestation/go/v1"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/touchmark-go/touchmark/internal/deptest"
	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/capture"
)

const docs = "../../docs/build-types/go-build/"

func TestBudget(t *testing.T) {
	deptest.Only(t, "provenance/capture", deptest.Budget{Own: []string{"provenance", "provenance/predicate"}, Forbidden: []string{"net/http", "net"}})
}

// validate holds a record against everything that rules its form: in-toto's
// validators, the build type's schema, our own strict parser, and the promise
// that every fact has its grade.
func validate(t testing.TB, r *capture.Record) {
	t.Helper()
	data := marshal(t, r)
	s, err := provenance.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := provenance.ParseBuild(s); err != nil {
		t.Error(err)
	}
	var statement intoto.Statement
	if err := protojson.Unmarshal(data, &statement); err != nil {
		t.Fatal(err)
	}
	if err := statement.Validate(); err != nil {
		t.Errorf("in-toto: %v", err)
	}
	var predicate intotoslsa.Provenance
	if err := protojson.Unmarshal(s.Predicate, &predicate); err != nil {
		t.Fatal(err)
	}
	if err := predicate.Validate(); err != nil {
		t.Errorf("in-toto provenance: %v", err)
	}
	if err := schema(t).Validate(toJSON(t, r.Build().BuildDefinition.ExternalParameters)); err != nil {
		t.Errorf("the build type's schema: %v", err)
	}
	deps := r.Build().BuildDefinition.ResolvedDependencies
	for i := 1; i < len(deps); i++ {
		if a, b := deps[i-1], deps[i]; a.URI > b.URI || a.URI == b.URI && a.Name >= b.Name {
			t.Errorf("dependency %s %s stands before %s %s", a.URI, a.Name, b.URI, b.Name)
		}
	}
	checkGrades(t, data, r.Grades())
}

func schema(t testing.TB) *jsonschema.Schema {
	t.Helper()
	f, err := os.Open(docs + "v1.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	doc, err := jsonschema.UnmarshalJSON(f)
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("v1.schema.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("v1.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

func toJSON(t testing.TB, v any) any {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	out, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// checkGrades wants every leaf of the statement graded, itself or with what it
// is in, every grade of a fact to point to one, and no grade absent to do so.
func checkGrades(t testing.TB, data []byte, grades []capture.Grade) {
	t.Helper()
	var doc any
	if err := json.Unmarshal(data, &doc); err != nil {
		t.Fatal(err)
	}
	places := map[string]bool{}
	var leaves []string
	var walk func(at string, v any)
	walk = func(at string, v any) {
		places[at] = true
		switch v := v.(type) {
		case map[string]any:
			for name, member := range v {
				walk(at+"/"+strings.NewReplacer("~", "~0", "/", "~1").Replace(name), member)
			}
		case []any:
			for i, element := range v {
				walk(fmt.Sprintf("%s/%d", at, i), element)
			}
		default:
			leaves = append(leaves, at)
		}
	}
	walk("", doc)
	graded := map[string]bool{}
	for i, g := range grades {
		if g.Why == "" {
			t.Errorf("%s is graded %s without saying why", g.Field, g.Grade)
		}
		if i > 0 && g.Field <= grades[i-1].Field {
			t.Errorf("grade of %s is not in order, or there are two", g.Field)
		}
		switch g.Grade {
		case capture.Absent:
			if places[g.Field] {
				t.Errorf("%s is graded absent, and is there", g.Field)
			}
		case capture.Observed, capture.Declared, capture.Inferred:
			if !places[g.Field] {
				t.Errorf("%s is graded %s, and is not there", g.Field, g.Grade)
			}
			graded[g.Field] = true
		default:
			t.Errorf("%s is graded %q", g.Field, g.Grade)
		}
	}
	for _, leaf := range leaves {
		if leaf == "/_type" || leaf == "/predicateType" {
			continue
		}
		at := leaf
		for at != "" && !graded[at] {
			at = at[:strings.LastIndexByte(at, '/')]
		}
		if at == "" {
			t.Errorf("%s has no grade", leaf)
		}
	}
}

// TestSchema holds the schema against what it must refuse.
func TestSchema(t *testing.T) {
	for name, test := range map[string]struct {
		params string
		ok     bool
	}{
		"whole":             {`{"command":["go","build"],"directory":"a/b","goos":"linux","goarch":"amd64","tags":["a"],"goflags":["-mod=mod"],"env":{"A":""},"source":{"repository":"https://github.com/acme/app","ref":"refs/heads/main","dirty":false}}`, true},
		"port":              {`{"source":{"repository":"https://git.example:8443/a"}}`, true},
		"nothing":           {`{}`, false},
		"unknown":           {`{"goos":"linux","more":1}`, false},
		"unknown in source": {`{"source":{"commit":"x"}}`, false},
		"user info":         {`{"source":{"repository":"https://u:p@github.com/a"}}`, false},
		"upper-case host":   {`{"source":{"repository":"https://GitHub.com/a"}}`, false},
		"ssh":               {`{"source":{"repository":"ssh://github.com/a"}}`, false},
		"query":             {`{"source":{"repository":"https://github.com/a?t=1"}}`, false},
		"short ref":         {`{"source":{"ref":"v1.0.0"}}`, false},
		"dirty word":        {`{"source":{"dirty":"no"}}`, false},
		"absolute":          {`{"directory":"/home/me"}`, false},
		"drive":             {`{"directory":"C:/me"}`, false},
		"upwards":           {`{"directory":"a/../.."}`, false},
		"the root":          {`{"directory":"."}`, false},
		"tags empty":        {`{"tags":[]}`, false},
		"tags string":       {`{"tags":"a,b"}`, false},
		"env number":        {`{"env":{"A":1}}`, false},
		"command string":    {`{"command":"go build"}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			v, err := jsonschema.UnmarshalJSON(strings.NewReader(test.params))
			if err != nil {
				t.Fatal(err)
			}
			if got := schema(t).Validate(v) == nil; got != test.ok {
				t.Errorf("valid is %v, want %v", got, test.ok)
			}
		})
	}
}

// TestExample wants the document's example valid by its own schema.
func TestExample(t *testing.T) {
	data, err := os.ReadFile(docs + "v1.example.json")
	if err != nil {
		t.Fatal(err)
	}
	s, err := provenance.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	b, err := provenance.ParseBuild(s)
	if err != nil {
		t.Fatal(err)
	}
	if err := schema(t).Validate(toJSON(t, b.BuildDefinition.ExternalParameters)); err != nil {
		t.Error(err)
	}
}

// TestDocument wants every member of the schema in the document's table.
func TestDocument(t *testing.T) {
	text, err := os.ReadFile(docs + "v1.md")
	if err != nil {
		t.Fatal(err)
	}
	var s struct {
		Properties map[string]struct{ Properties map[string]any }
	}
	data, err := os.ReadFile(docs + "v1.schema.json")
	if err == nil {
		err = json.Unmarshal(data, &s)
	}
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Properties) < 8 {
		t.Fatalf("the schema has %d members", len(s.Properties))
	}
	for name, p := range s.Properties {
		for _, want := range append(keys("`"+name+".", "`", p.Properties), "`"+name+"`") {
			if !bytes.Contains(text, []byte("| "+want)) && !bytes.Contains(text, []byte(", "+want)) {
				t.Errorf("the document has no row for %s", want)
			}
		}
	}
	for _, id := range []string{capture.GoBuildType, capture.LocalBuilderID} {
		if !bytes.Contains(text, []byte("`"+id+"`")) {
			t.Errorf("the document does not name %s", id)
		}
	}
}

func keys(before, after string, m map[string]any) []string {
	var list []string
	for name := range m {
		list = append(list, before+name+after)
	}
	return list
}
