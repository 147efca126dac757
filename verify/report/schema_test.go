package report_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/touchmark-go/touchmark/internal/testkit/story"
	"github.com/touchmark-go/touchmark/verify"
	"github.com/touchmark-go/touchmark/verify/report"
)

// TestVerdictSchema holds docs/verdict.schema.json to what verdicts are in JSON,
// both ways: every verdict keeps to it, and everything it names is in some
// verdict; and what a verdict becomes when a member of it is left out, is of
// another type, or has a neighbour that nobody knows, does not keep to it.
func TestVerdictSchema(t *testing.T) {
	text, err := os.ReadFile("../../docs/verdict.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("verdict", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("verdict")
	if err != nil {
		t.Fatal(err)
	}
	full := everything("harmless")
	for i := range full.Policies {
		full.Policies[i].Version = 1
	}
	verdicts := []*verify.Verdict{{}, full}
	for _, c := range verdictCases {
		v, _ := c.verdict(t)
		verdicts = append(verdicts, v)
	}
	for _, script := range []string{"request at 2028-01-01T00:00:00Z", "request mode missing", "line x\ndrop provenance", "request canceled", "request name pkg:generic/app",
		"set policy /provenance {\"signedBy\":\"any\",\"level\":\"any\",\"buildType\":\"any\",\"source\":\"any\",\"parameters\":\"any\"}"} {
		made := story.Build(t, script)
		v, _ := made.Verify(t)
		verdicts = append(verdicts, v)
	}
	seen := map[string]bool{}
	for _, v := range verdicts {
		data := must(t)(report.JSON(v))
		root, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(root); err != nil {
			t.Errorf("%v\n%s", err, data)
		}
		names(root, seen)
	}
	for _, m := range regexp.MustCompile(`"([a-zA-Z]+)": \{ (?:"description"|"type"|"\$ref"|"const"|"enum")`).FindAllStringSubmatch(string(text), -1) {
		if !seen[m[1]] && !slices.Contains([]string{"digest", "instant", "items", "findings", "status"}, m[1]) {
			t.Errorf("%q is in the schema and in no verdict", m[1])
		}
	}

	// What is not what we write.
	others := []any{nil, "", 0.5, true, []any{}, map[string]any{}, []any{0.5}, map[string]any{"x": "y"}}
	refused := 0
	for _, v := range []*verify.Verdict{full, verdicts[2], verdicts[3]} {
		var root any
		if err := json.Unmarshal(must(t)(report.JSON(v)), &root); err != nil {
			t.Fatal(err)
		}
		required := regexp.MustCompile(`^/(schema|decision|artifact|at|policies|findings|policies/-/(name|version|digest)|trust/(version|digest)|findings/-/(code|status)|findings/-/exception/(by|until|reason|evidence)|lastGood/(release|digest))$`)
		mutate(root, "", func(at string, leftOut bool, was, is any) {
			valid := schema.Validate(root) == nil
			want := leftOut && !required.MatchString(at) && (v.Decision != verify.Allow || !slices.Contains([]string{"/digest", "/trust"}, at))
			switch {
			case strings.HasSuffix(at, "/nobodyKnows"):
			case at == "/policies" || at == "/findings":
				want = !leftOut && v.Decision != verify.Allow && is == nil || isEmptyList(is) && !leftOut && v.Decision != verify.Allow
			case is == "" && slices.Contains([]string{"/artifact", "/policies/-/name", "/lastGood/release", "/findings/-/exception/evidence", "/findings/-/exception/by/-"}, at) && !leftOut:
				want = true
			}
			if valid != want {
				t.Errorf("%s: %v for %v (left out: %v): valid is %v, want %v", at, is, was, leftOut, valid, want)
			}
			if !valid {
				refused++
			}
		}, others)
	}
	t.Logf("%d changes refused", refused)
	if refused < 500 {
		t.Error("that shows little")
	}
}

func isEmptyList(v any) bool {
	list, is := v.([]any)
	return is && len(list) == 0
}

// names collects the members that there are.
func names(v any, seen map[string]bool) {
	switch v := v.(type) {
	case map[string]any:
		for name, child := range v {
			seen[name] = true
			names(child, seen)
		}
	case []any:
		for _, child := range v {
			names(child, seen)
		}
	}
}

// mutate calls check after each change: a member left out, something else in its
// place, one more beside it.
func mutate(node any, at string, check func(at string, leftOut bool, was, is any), others []any) {
	switch node := node.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(node)) {
			was, at := node[name], at+"/"+name
			delete(node, name)
			check(at, true, was, nil)
			for _, is := range others {
				node[name] = is
				check(at, false, was, is)
			}
			node[name] = was
			mutate(was, at, check, others)
		}
		node["nobodyKnows"] = "x"
		check(at+"/nobodyKnows", false, nil, "x")
		delete(node, "nobodyKnows")
	case []any:
		for i, was := range node {
			for _, is := range others {
				node[i] = is
				check(at+"/-", false, was, is)
			}
			node[i] = was
			mutate(was, at+"/-", check, others)
		}
	}
}
