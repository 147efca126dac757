package cel_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/touchmark-go/touchmark/internal/deptest"
	"github.com/touchmark-go/touchmark/verify"
	"github.com/touchmark-go/touchmark/verify/cel"
)

func TestBudget(t *testing.T) {
	deptest.Only(t, "verify/cel", deptest.Budget{
		Modules:   14,
		Own:       []string{"provenance", "provenance/predicate", "provenance/release", "sbom", "sbom/spdx", "sign", "verify"},
		Forbidden: []string{"net/http", "os/exec", "cel.dev/cel-go/ext", "cel.dev/cel-go/cel", "google.golang.org/protobuf/reflect/protodesc"}, // the last two cost every program a quarter of its start
	})
}

const (
	vulns   = "https://in-toto.io/attestation/vulns/v0.2"
	vulnsV1 = "https://in-toto.io/attestation/vulns/v0.1"
	scai    = "https://in-toto.io/attestation/scai/v0.3"
	vsa     = "https://slsa.dev/verification_summary/v1"
	tests   = "https://in-toto.io/attestation/test-result/v0.1"
	bom     = "https://cyclonedx.org/bom"
	spdx    = "https://spdx.dev/Document/v2.3"
	openvex = "https://openvex.dev/ns/v0.2.0"
	slsa    = "https://slsa.dev/provenance/v1"
	rel     = "https://in-toto.io/attestation/release/v0.2"
	custom  = "https://acme.example/review/v1"
)

const scan = `{"scanner": {"uri": "https://scan.example", "db": {"lastUpdate": "2026-11-20T00:00:00Z"},
	"result": [{"id": "CVE-2026-1", "severity": [{"method": "cvss_score", "score": "6.9"}]}, {"id": "CVE-2026-2", "severity": [{"method": "nvd", "score": "medium"}]}]},
	"metadata": {"scanStartedOn": "2026-11-20T01:00:00Z", "scanFinishedOn": "2026-11-20T01:00:05.5Z"}}`

// rule makes a condition over one type.
func rule(kind, fields, where string) verify.AttestationRule {
	r := verify.AttestationRule{Type: kind, Where: where}
	if fields != "" {
		r.Fields = json.RawMessage(fields)
	}
	return r
}

// TestConditions is what conditions say of predicates of every known type, and
// of one whose fields the policy names.
func TestConditions(t *testing.T) {
	for _, c := range []struct {
		kind, fields, where, predicate string
		want                           string // true, false, or an error
	}{
		{vulns, "", `predicate.scanner.result.all(r, r.severity.all(s, s.method != "cvss_score" || double(s.score) < 7.0))`, scan, "true"},
		{vulns, "", `predicate.scanner.result.all(r, r.severity.all(s, s.method != "cvss_score" || double(s.score) < 6.9))`, scan, "false"},
		{vulns, "", `predicate.scanner.result.all(r, r.severity.all(s, double(s.score) < 7.0))`, scan, "error"}, // "medium" is no number
		{vulns, "", `predicate.scanner.result.exists(r, r.id == "CVE-2026-2")`, scan, "true"},
		{vulns, "", `size(predicate.scanner.result) <= 2 && !has(predicate.scanner.version)`, scan, "true"},
		{vulns, "", `predicate.scanner.version == "1"`, scan, "error"}, // not there: not a pass and not a mere false
		{vulns, "", `predicate.scanner.version != "1"`, scan, "error"},
		{vulns, "", `!(predicate.scanner.version == "1")`, scan, "error"},
		{vulns, "", `predicate.metadata.scanFinishedOn - predicate.metadata.scanStartedOn < duration("6s")`, scan, "true"},
		{vulns, "", `predicate.scanner.db.lastUpdate > timestamp("2026-11-19T00:00:00Z")`, scan, "true"},
		{vulns, "", `predicate.scanner.result.all(r, true)`, `{"scanner": {}}`, "error"},               // no list is not an empty list
		{vulns, "", `predicate.scanner.result.all(r, true)`, `{"scanner": {"result": null}}`, "error"}, // nor is null
		{vulns, "", `predicate.scanner.result.all(r, true)`, `{"scanner": {"result": {}}}`, "error"},   // nor an object
		{vulns, "", `predicate.scanner.result.all(r, false)`, `{"scanner": {"result": []}}`, "true"},   // nothing was found
		{vulns, "", `predicate.scanner.uri == "x"`, `{"scanner": {"uri": 1}}`, "error"},                // of another type than the field's
		{vulns, "", `predicate.scanner.uri == "x"`, `{"scanner": {"uri": "x", "URI": "y"}}`, "true"},   // letter case is exact
		{vulns, "", `predicate.scanner.uri == "x"`, `{"scanner": {"uri": "y", "uri": "x"}}`, "error"},  // a member twice
		{vulns, "", `predicate.scanner.uri == "x"`, `[]`, "error"},                                     // no object
		{vulns, "", `predicate.scanner.db.lastUpdate < timestamp("2026-01-01T00:00:00Z")`, `{"scanner": {"db": {"lastUpdate": "yesterday"}}}`, "error"},
		{vulnsV1, "", `predicate.scanner.result.all(r, r.vulnerability.id != "x")`, `{"scanner": {"result": [{"vulnerability": {"id": "y"}}]}}`, "true"},
		{scai, "", `predicate.attributes.exists(a, a.attribute == "WITH_STACK_PROTECTION")`, `{"attributes": [{"attribute": "WITH_STACK_PROTECTION", "conditions": {"flags": "-fstack-protector*"}}]}`, "true"},
		{scai, "", `predicate.attributes.exists(a, a.conditions["flags"] == "x")`, `{"attributes": [{"attribute": "a", "conditions": {"flags": 1}}]}`, "false"},
		{vsa, "", `predicate.verificationResult == "PASSED" && predicate.verifiedLevels.exists(l, l in ["SLSA_BUILD_LEVEL_2", "SLSA_BUILD_LEVEL_3"])`, `{"verificationResult": "PASSED", "verifiedLevels": ["SLSA_BUILD_LEVEL_3"], "dependencyLevels": {"SLSA_BUILD_LEVEL_0": 5}}`, "true"},
		{vsa, "", `predicate.dependencyLevels.all(level, level != "SLSA_BUILD_LEVEL_0" || predicate.dependencyLevels[level] == 0)`, `{"dependencyLevels": {"SLSA_BUILD_LEVEL_0": 5}}`, "false"},
		{tests, "", `predicate.result == "PASSED" && "TestEverything" in predicate.passedTests`, `{"result": "PASSED", "configuration": [], "passedTests": ["TestEverything"]}`, "true"},
		{bom, "", `predicate.components.all(c, !c.name.matches("^log4j.*") && c.licenses.size() > 0)`, `{"bomFormat": "CycloneDX", "components": [{"name": "x", "licenses": [{"license": {"id": "MIT"}}]}]}`, "true"},
		{bom, "", `predicate.components.exists(c, c.components.exists(d, d.purl.startsWith("pkg:npm/")))`, `{"components": [{"components": [{"purl": "pkg:npm/x"}]}]}`, "true"},
		{bom, "", `predicate.version == 1`, `{"version": 1}`, "true"},
		{bom, "", `predicate.version == 1`, `{"version": 1.5}`, "error"},
		{spdx, "", `predicate.packages.all(p, p.licenseConcluded != "NOASSERTION")`, `{"packages": [{"licenseConcluded": "MIT"}]}`, "true"},
		{openvex, "", `predicate.statements.all(s, s.status in ["not_affected", "fixed"])`, `{"statements": [{"status": "affected"}]}`, "false"},
		{slsa, "", `predicate.buildDefinition.resolvedDependencies.all(d, "sha256" in d.digest || "gitCommit" in d.digest)`, `{"buildDefinition": {"resolvedDependencies": [{"uri": "x", "digest": {"sha256": "00"}}]}}`, "true"},
		{rel, "", `predicate.purl.startsWith("pkg:golang/")`, `{"purl": "pkg:golang/x@v1"}`, "true"},

		{custom, `{"score": "number", "by": [{"name": "string"}], "labels": {"*": "string"}}`, `predicate.score >= 7 && predicate.by.size() == 2 && predicate.labels["team"] == "a"`, `{"score": 7, "by": [{"name": "x"}, {"name": "y"}], "labels": {"team": "a"}}`, "true"},
		{custom, `{"n": "int"}`, `predicate.n % 2 == 0`, `{"n": 4}`, "true"},
		{custom, `{"n": "int"}`, `predicate.n / 0 == 0`, `{"n": 4}`, "error"},
		{custom, `"any"`, `predicate.deep.er[1] == 7`, `{"deep": {"er": [1, 7]}}`, "true"},
		{custom, `"any"`, `predicate.deep.er[2] == 7`, `{"deep": {"er": [1, 7]}}`, "error"},
		{custom, `"any"`, `predicate.deep == 7`, `{"deep": "7"}`, "false"},
	} {
		condition, err := cel.Conditions(rule(c.kind, c.fields, c.where))
		if err != nil {
			t.Errorf("%s: %v", c.where, err)
			continue
		}
		ok, err := condition(json.RawMessage(c.predicate))
		got := fmt.Sprint(ok)
		if err != nil {
			got = "error"
		}
		if got != c.want || err != nil && ok {
			t.Errorf("%s of %s: %s (%v), want %s", c.where, c.predicate, got, err, c.want)
		}
	}
}

// TestRefused are expressions that a policy may not have: each is an error when
// the policy is compiled, long before there is evidence.
func TestRefused(t *testing.T) {
	deep := strings.Repeat("(", 100) + "true" + strings.Repeat(")", 100)
	for _, c := range []struct{ kind, fields, where, want string }{
		{vulns, "", `predicate.scanner.results.all(r, true)`, "undefined field 'results'"}, // misspelt
		{vulns, "", `predicate.Scanner.uri == ""`, "undefined field 'Scanner'"},            // Go's name, not JSON's
		{vulns, "", `has(predicate.scaner)`, "undefined field"},
		{vulns, "", `predicate.scanner.result.all(r, r.sev == "x")`, "undefined field 'sev'"},
		{vulns, "", `predicate.scanner.uri > 3`, "no matching overload"},
		{vulns, "", `predicate.scanner.result.all(r, r.severity < 7.0)`, "no matching overload"},
		{bom, "", `predicate.XMLNS == ""`, "undefined field"}, // fields of the Go type behind it (GHSA-gcjh-h69q-9w9g)
		{bom, "", `predicate["-"] == ""`, "no matching overload"},
		{bom, "", `predicate.xmlns == ""`, "undefined field"},
		{slsa, "", `predicate.From == ""`, "undefined field"},
		{vulns, "", `predicate.scanner.uri`, "want a bool"},
		{vulns, "", `predicate`, "want a bool"},
		{custom, `"any"`, `predicate.x`, "want a bool"},
		{vulns, "", ``, "ERROR"},
		{vulns, "", `true || `, "Syntax error"},
		{vulns, "", `true; true`, "Syntax error"},
		{vulns, "", `dyn(predicate).nothing == 1`, "undeclared reference to 'dyn'"},
		{vulns, "", `type(predicate) == type(1)`, "undeclared reference"},
		{vulns, "", `now() > timestamp("2026-01-01T00:00:00Z")`, "undeclared reference to 'now'"},
		{vulns, "", `time.now() > timestamp("2026-01-01T00:00:00Z")`, "undeclared reference"},
		{vulns, "", `env("HOME") == ""`, "undeclared reference"},
		{vulns, "", `http.get("https://x") == ""`, "undeclared reference"},
		{vulns, "", `rand() == 1`, "undeclared reference"},
		{vulns, "", `predicate.metadata.scanStartedOn.getHours("America/New_York") > 8`, "undeclared reference to 'getHours'"}, // would read the system's time zones
		{vulns, "", `google.protobuf.Struct{} == google.protobuf.Struct{}`, "undeclared reference"},
		{vulns, "", `b"x" == bytes("x")`, "undeclared reference to 'bytes'"},
		{vulns, "", `"x".matches(predicate.scanner.uri)`, "the pattern must be written in the expression"},
		{vulns, "", `["x"].all(p, p.matches(p))`, "the pattern must be written in the expression"},
		{vulns, "", `predicate.scanner.uri + "x" == "x"`, "cannot be joined"},
		{vulns, "", `[1] + [2] == [1, 2]`, "lists cannot be joined"},
		{custom, `"any"`, `predicate.a + predicate.b == 1`, "cannot be joined"},
		{vulns, "", `"x".matches("(")`, "invalid matches argument"},
		{vulns, "", `"x".matches("` + strings.Repeat("a", 1100) + `")`, "pattern of at most"},
		{vulns, "", `"x".matches("((a{1,100}){1,100}){1,10}")`, "matches"},
		{vulns, "", `[1].all(a, [1].all(b, [1].all(c, [1].all(d, true))))`, "nesting"},
		{vulns, "", strings.Repeat(" ", 5000) + "true", "want at most 4096"},
		{vulns, "", deep, "recursion"},
		{vulns, "", `predicate.scanner.db.lastUpdate > timestamp("2026-13-01T00:00:00Z")`, "invalid timestamp"},
		{vulns, "", `duration("1 fortnight") == duration("1s")`, "invalid duration"},
		{custom, "", `true`, `say it in fields`},
		{custom, "", `predicate.x == 1`, `say it in fields`},
		{custom, `{"x": "string"}`, `predicate.y == "1"`, "undefined field 'y'"},
		{custom, `{"x": "text"}`, `predicate.x == "1"`, `"text" is no type`},
		{vulns, `{"x": "string"}`, `predicate.x == "1"`, "is known: leave fields out"},
		{vulns, `"any"`, `predicate.x == "1"`, "is known: leave fields out"},
	} {
		if _, err := cel.Conditions(rule(c.kind, c.fields, c.where)); err == nil {
			t.Errorf("%q: accepted", c.where)
		} else if !strings.Contains(err.Error(), c.want) && c.want != "ERROR" || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v, want %q", c.where, err, c.want)
		}
	}
}

// TestCost wants an expression that would not end soon to fail as a limit, soon,
// whatever is dear in it.
func TestCost(t *testing.T) {
	many, _ := json.Marshal(map[string]any{"n": make([]int, 20_000), "name": strings.Repeat("a", 50), "text": strings.Repeat("a", 50_000)})
	most, _ := json.Marshal(map[string]any{"n": make([]int, 900_000), "text": strings.Repeat("a", 50_000)})
	for _, where := range []string{
		`predicate.n.all(a, predicate.n.all(b, predicate.n.all(c, a == b || b == c)))`,
		`predicate.n.map(a, predicate.n.map(b, a + b)).size() == 1`,
		`predicate.n.all(a, predicate.n.filter(b, a == b).size() > 0)`,
		`predicate.n.all(a, !predicate.text.matches("(a|aa)*b|c"))`,
		`predicate.n.all(a, !predicate.text.contains("b"))`,
		`predicate.n.all(a, size(predicate.text) > 0)`,
		`predicate.n.all(a, a in predicate.n && 1 + a in predicate.n || predicate.n == predicate.n)`,
	} {
		condition, err := cel.Conditions(rule(custom, `{"n": ["int"], "text": "string", "name": "string"}`, where))
		if err != nil {
			t.Fatal(err)
		}
		for i, data := range [][]byte{many, most} {
			if i > 0 && !strings.Contains(where, " in ") {
				continue // no dearer
			}
			start := time.Now()
			ok, err := condition(data)
			var limit cel.LimitError
			if ok || !errors.As(err, &limit) || limit.Code() != verify.CodeLimit {
				t.Errorf("%s: %v, %v, want a LimitError", where, ok, err)
			}
			if took := time.Since(start); took > 30*time.Second {
				t.Errorf("%s: %v", where, took)
			}
		}
	}
	// What is large and honest is decided.
	for _, where := range []string{`predicate.n.all(a, a == 0)`, `predicate.n.all(a, a in [0, 1] && predicate.text != "" && !predicate.name.matches("(a|aa)*b|c"))`} {
		condition, err := cel.Conditions(rule(custom, `{"n": ["int"], "text": "string", "name": "string"}`, where))
		if err != nil {
			t.Fatal(err)
		}
		if ok, err := condition(many); !ok || err != nil {
			t.Errorf("20,000 elements: %v, %v", ok, err)
		}
	}
}

// TestLongText wants a text that is too long to be looked at to matter to those
// who look at it, and to nobody else.
func TestLongText(t *testing.T) {
	data := []byte(`{"long": "` + strings.Repeat("a", cel.MaxText+1) + `", "short": "b"}`)
	for where, want := range map[string]string{
		`predicate.short == "b"`:                     "true",
		`predicate.long != "b"`:                      "error",
		`!predicate.long.contains("b")`:              "error",
		`[predicate.short].all(s, s.contains("b"))`:  "true",
		`[predicate.long].all(s, !s.contains("b"))`:  "error",
		`has(predicate.long) && !has(predicate.any)`: "true",
	} {
		condition, err := cel.Conditions(rule(custom, `{"long": "string", "short": "string", "any": "any"}`, where))
		if err != nil {
			t.Fatal(err)
		}
		ok, err := condition(data)
		got := fmt.Sprint(ok)
		if err != nil {
			got = "error"
		}
		if got != want {
			t.Errorf("%s: %s (%v), want %s", where, got, err, want)
		}
	}
}

// TestDeterministic runs one condition many times at once, over members in
// whatever order a map has them.
func TestDeterministic(t *testing.T) {
	condition, err := cel.Conditions(rule(custom, `{"labels": {"*": "int"}}`, `predicate.labels.exists(l, 10 / predicate.labels[l] == 10)`))
	if err != nil {
		t.Fatal(err)
	}
	for predicate, want := range map[string]bool{
		`{"labels": {"a": 0, "b": 1, "c": 0}}`: true, // an error beside what holds
		`{"labels": {"a": 0, "b": 2, "c": 0}}`: false,
	} {
		var first string
		var mu sync.Mutex
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for range 50 {
					ok, err := condition(json.RawMessage(predicate))
					got := fmt.Sprint(ok, err)
					mu.Lock()
					if first == "" {
						first = got
					}
					if ok != want || got != first {
						t.Errorf("%s: %s and %s, want %v", predicate, got, first, want)
					}
					mu.Unlock()
				}
			})
		}
		wg.Wait()
	}
}

// TestTypes wants every type that is named to be known, and to have a member.
func TestTypes(t *testing.T) {
	for _, kind := range cel.Types() {
		if _, err := cel.Conditions(rule(kind, "", "true")); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
		if _, err := cel.Conditions(rule(kind, "", "has(predicate.noSuchMember)")); err == nil {
			t.Errorf("%s: not typed", kind)
		}
	}
	if !slices.Contains(cel.Types(), vulns) {
		t.Error("vulns is missing")
	}
	text, err := os.ReadFile("../../docs/policy.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range cel.Types() {
		if !strings.Contains(string(text), "`"+kind+"`") {
			t.Errorf("docs/policy.md does not name %s", kind)
		}
	}
}

func FuzzConditions(f *testing.F) {
	f.Add(`predicate.a.all(x, x.b == "1")`, `{"a": [{"b": "1"}]}`)
	f.Add(`predicate.n > 3.0 && predicate.t < timestamp("2026-01-01T00:00:00Z")`, `{"n": 4, "t": "2025-01-01T00:00:00Z"}`)
	f.Fuzz(func(t *testing.T, where, predicate string) {
		condition, err := cel.Conditions(rule(custom, `{"a": [{"b": "string"}], "n": "number", "t": "time", "m": {"*": "any"}}`, where))
		if err != nil {
			t.Skip()
		}
		ok, err := condition(json.RawMessage(predicate))
		again, errAgain := condition(json.RawMessage(predicate))
		if ok != again || (err == nil) != (errAgain == nil) || ok && err != nil {
			t.Errorf("%q of %q: %v %v and %v %v", where, predicate, ok, err, again, errAgain)
		}
	})
}
