package verify_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/touchmark-go/touchmark/verify"
)

// TestPolicySchema holds docs/policy.schema.json, by which editors complete and
// check policies, to what ParsePolicy reads, both ways: every policy that there is
// and what it becomes when each of its members in turn is left out, is null, empty
// or of another type, or has a neighbour that nobody knows.
func TestPolicySchema(t *testing.T) {
	schema := schemaOf(t, "../docs/policy.schema.json")
	seeds := [][]byte{}
	files, err := filepath.Glob("testdata/policies/[1-9]*.json")
	if err != nil || len(files) != 5 {
		t.Fatalf("%d policies, %v", len(files), err)
	}
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		seeds = append(seeds, data)
	}
	text, err := os.ReadFile("../docs/policy.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile("(?s)```json\n(.*?)```").FindAllSubmatch(text, -1) {
		p, err := verify.ParsePolicy(m[1])
		if bytes.Contains(m[1], []byte(verify.PolicySchema)) && err != nil {
			t.Fatal(err)
		}
		if err == nil && !slices.ContainsFunc(seeds, func(seed []byte) bool {
			other, err := verify.ParsePolicy(seed)
			return err == nil && other.Digest() == p.Digest()
		}) { // the document quotes the files
			seeds = append(seeds, m[1])
		}
	}
	bothWays(t, schema, seeds, cannotSay, func(data []byte) error { _, err := verify.ParsePolicy(data); return err })
}

// schemaOf reads a JSON Schema.
func schemaOf(t testing.TB, name string) *jsonschema.Schema {
	t.Helper()
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	doc, err := jsonschema.UnmarshalJSON(file)
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("schema", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("schema")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// bothWays holds a schema to what parse reads: the seeds, and each change of one.
// What parse alone refuses must be something that cannot be said.
func bothWays(t *testing.T, schema *jsonschema.Schema, seeds [][]byte, cannotSay []string, parse func([]byte) error) {
	t.Helper()
	accepted, refused, beyond := 0, 0, 0
	said := map[string]bool{}
	for _, seed := range seeds {
		var root any
		if err := json.Unmarshal(seed, &root); err != nil {
			t.Fatal(err)
		}
		each(root, "", func(pointer string) {
			data, err := json.Marshal(root)
			if err != nil {
				t.Fatal(err)
			}
			v, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
			if err != nil {
				t.Fatal(err)
			}
			parsed := parse(data)
			valid := schema.Validate(v)
			switch {
			case parsed == nil && valid == nil:
				accepted++
			case parsed != nil && valid != nil:
				refused++
			case parsed != nil && slices.ContainsFunc(cannotSay, func(says string) bool { return strings.Contains(parsed.Error(), says) }):
				beyond++
				for _, says := range cannotSay {
					said[says] = said[says] || strings.Contains(parsed.Error(), says)
				}
			case parsed == nil:
				t.Errorf("%s: read, and the schema refuses it: %v\n%s", pointer, valid, data)
			default:
				t.Errorf("%s: the schema accepts it: %v\n%s", pointer, parsed, data)
			}
		})
	}
	for _, says := range cannotSay {
		if !said[says] {
			t.Errorf("the schema says all that there is to say about %q", says)
		}
	}
	t.Logf("%d accepted by both, %d refused by both, %d refused by the parser alone for what a schema cannot say", accepted, refused, beyond)
	if accepted < 90 || refused < 1000 || beyond > refused/3 {
		t.Error("that shows little")
	}
}

// TestTrustSchema does so with docs/trust.schema.json and what ParseTrust reads.
func TestTrustSchema(t *testing.T) {
	text, err := os.ReadFile("../docs/policy.md")
	if err != nil {
		t.Fatal(err)
	}
	schema, seeds := schemaOf(t, "../docs/trust.schema.json"), [][]byte{}
	var policies any
	if err := json.Unmarshal(policyTrust(t).Marshal(), &policies); err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(policies); err != nil {
		t.Errorf("the trust file of the policies: %v", err)
	}
	for _, m := range regexp.MustCompile("(?s)```json\n(.*?)```").FindAllSubmatch(text, -1) {
		if !bytes.Contains(m[1], []byte(verify.TrustSchema)) {
			continue
		}
		var doc map[string]any
		if err := json.Unmarshal(m[1], &doc); err != nil {
			t.Fatal(err)
		}
		fillKeys(doc)
		seeds = append(seeds, mustJSON(doc))
	}
	for _, seed := range seeds {
		if _, err := verify.ParseTrust(seed); err != nil {
			t.Fatal(err)
		}
	}
	if len(seeds) != 1 {
		t.Fatalf("%d trust files in the document, want one with everything there is", len(seeds))
	}
	bothWays(t, schema, seeds, trustCannotSay, func(data []byte) error { _, err := verify.ParseTrust(data); return err })
}

// trustCannotSay is what ParseTrust refuses and a JSON Schema has no words for:
// mostly a name that is nobody's, of those that stand elsewhere in the file.
var trustCannotSay = []string{
	"is no principal", "is no authority", "is neither a principal nor a role", "can never be met", "persons named", "want a stage before it", "want between 0 and",
}

// cannotSay is what ParsePolicy refuses and a JSON Schema has no words for, or not
// without repeating the documents of others: each is a part of the message.
var cannotSay = []string{
	"cannot be waived", "where build type", "/request: ", "is neither a license",
}

// each calls check with root as it is, and after each change.
func each(root any, pointer string, check func(pointer string)) {
	check(pointer)
	others := []any{nil, "", "any", "x", 0.0, 7.0, true, []any{}, map[string]any{}, map[string]any{"any": true}, map[string]any{"any": false}}
	var walk func(node any, at string)
	walk = func(node any, at string) {
		switch node := node.(type) {
		case map[string]any:
			for name, old := range node {
				at := at + "/" + name
				delete(node, name)
				check(at + " left out")
				for _, other := range others {
					node[name] = other
					check(at)
				}
				node[name] = old
				walk(old, at)
			}
			node["nobodyKnows"] = "x"
			check(at + "/nobodyKnows")
			delete(node, "nobodyKnows")
		case []any:
			for i, old := range node {
				for _, other := range others {
					node[i] = other
					check(at + "/-")
				}
				node[i] = old
				walk(old, at+"/-")
			}
		}
	}
	walk(root, pointer)
}
