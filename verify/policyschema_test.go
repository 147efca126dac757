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
	file, err := os.Open("../docs/policy.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	doc, err := jsonschema.UnmarshalJSON(file)
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("policy", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("policy")
	if err != nil {
		t.Fatal(err)
	}
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
		if bytes.Contains(m[1], []byte(verify.PolicySchema)) {
			seeds = append(seeds, m[1])
		}
	}
	accepted, refused, beyond := 0, 0, 0
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
			_, parsed := verify.ParsePolicy(data)
			valid := schema.Validate(v)
			switch {
			case parsed == nil && valid == nil:
				accepted++
			case parsed != nil && valid != nil:
				refused++
			case parsed != nil && slices.ContainsFunc(cannotSay, func(says string) bool { return strings.Contains(parsed.Error(), says) }):
				beyond++
			case parsed == nil:
				t.Errorf("%s: read, and the schema refuses it: %v\n%s", pointer, valid, data)
			default:
				t.Errorf("%s: the schema accepts it: %v\n%s", pointer, parsed, data)
			}
		})
	}
	t.Logf("%d accepted by both, %d refused by both, %d refused by ParsePolicy alone for what a schema cannot say", accepted, refused, beyond)
	if accepted < 100 || refused < 1000 || beyond > refused/3 {
		t.Error("that shows little")
	}
}

// cannotSay is what ParsePolicy refuses and a JSON Schema has no words for, or not
// without repeating the documents of others: each is a part of the message.
var cannotSay = []string{
	"/package: ", "is neither a purl", "cannot be waived", "where build type", "/request: ", "/sbom", "/fields", "/source/repository: ", "/summary", "/dependencies",
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
