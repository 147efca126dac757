package report

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/touchmark-go/touchmark/verify"
)

// TestMeanings holds what SARIF says of a code to what docs/policy.md says of it,
// and both to the codes that there are.
func TestMeanings(t *testing.T) {
	source, err := os.ReadFile("../code.go")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := os.ReadFile("../../docs/policy.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(doc), "\n## Codes\n")
	documented := map[string][]string{}
	for _, m := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\| (.*) \\| (.*) \\|$").FindAllStringSubmatch(table, -1) {
		if documented[m[1]] != nil {
			t.Errorf("%s stands in docs/policy.md twice", m[1])
		}
		text := regexp.MustCompile(`\[([^\]]*)\]\([^)]*\)`).ReplaceAllString(m[2], "$1")
		documented[m[1]] = []string{strings.ReplaceAll(text, "`", ""), m[3]}
	}
	codes := regexp.MustCompile(`(?m)^\tCode\w+\s+Code = "([^"]+)"`).FindAllStringSubmatch(string(source), -1)
	if len(codes) < 50 || len(codes) != len(documented) {
		t.Errorf("%d codes, and %d in docs/policy.md", len(codes), len(documented))
	}
	for _, m := range codes {
		code := verify.Code(m[1])
		if documented[m[1]] == nil {
			t.Errorf("%s does not stand in docs/policy.md", code)
			continue
		}
		text, decision := documented[m[1]][0], documented[m[1]][1]
		if decision == "no verdict" { // it is in no finding
			if meanings[code] != "" {
				t.Errorf("%s has a meaning, and is in no verdict", code)
			}
			continue
		}
		if meanings[code] != text {
			t.Errorf("%s means\n%s\nand in docs/policy.md\n%s", code, meanings[code], text)
		}
		if !strings.EqualFold(code.Decision().String(), decision) {
			t.Errorf("%s leads to %s, and in docs/policy.md to %s", code, code.Decision(), decision)
		}
		if code.Remedy() == "" && code != verify.CodeExamine {
			t.Errorf("%s: nothing to do about it", code)
		}
	}
}
