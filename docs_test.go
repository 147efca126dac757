package touchmark_test

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var quoted = regexp.MustCompile("`([^`]+)`")

// Every row of docs/threats.md names codes, stories and tests that exist, and
// every story is named by its row.
func TestThreats(t *testing.T) {
	codes := codesOf(t)
	stories, err := filepath.Glob(filepath.Join("verify", "testdata", "*.txtar"))
	if err != nil || len(stories) == 0 {
		t.Fatalf("%d stories, %v", len(stories), err)
	}
	held := map[string]bool{}
	next := 1
	for line := range strings.Lines(document(t, "docs", "threats.md")) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if !strings.HasPrefix(line, "| ") || strings.Contains(line, "---") || strings.Contains(line, "the attack |") {
			continue
		}
		row := strings.TrimSpace(cells[0])
		if number, err := strconv.Atoi(row); err == nil {
			if number != next {
				t.Errorf("row %d follows row %d", number, next-1)
			}
			next = number + 1
			row = fmt.Sprintf("T-%02d-", number)
		}
		endsIn, heldBy := cells[len(cells)-2], cells[len(cells)-1]
		wanted, names := "", 0
		for _, name := range quotes(heldBy) {
			names++
			if folder, test, isTest := strings.Cut(name, "."); isTest {
				if !hasTest(t, folder, test) {
					t.Errorf("%s: there is no test %s in %s", row, test, folder)
				}
				continue
			}
			files, _ := filepath.Glob(filepath.Join("verify", "testdata", name+".txtar"))
			if len(files) == 0 {
				t.Errorf("%s: there is no story %s", row, name)
			}
			for _, file := range files {
				story := strings.TrimSuffix(filepath.Base(file), ".txtar")
				held[story] = held[story] || !strings.HasPrefix(story, "T-") || strings.HasPrefix(story, row)
				wanted += "\n" + document(t, file)
			}
		}
		later := strings.Contains(heldBy, "later")
		if names == 0 && !later {
			t.Errorf("%s: nothing holds it", row)
		}
		for _, code := range quotes(endsIn) {
			if !slices.Contains(codes, code) {
				t.Errorf("%s: there is no code %s", row, code)
			}
			ends := regexp.MustCompile(`(?m)^(\d+ |set aside \S+: )?` + regexp.QuoteMeta(code) + `(  |: )`)
			if wanted != "" && !later && !ends.MatchString(wanted) {
				t.Errorf("%s: no story of it ends in %s", row, code)
			}
		}
	}
	if next != 71 {
		t.Errorf("the last row is %d, want 70", next-1)
	}
	for _, file := range stories {
		if story := strings.TrimSuffix(filepath.Base(file), ".txtar"); !held[story] {
			t.Errorf("no row, or not its own, names the story %s", story)
		}
	}
}

// quotes are the words of a cell that stand in code quotes.
func quotes(cell string) []string {
	var out []string
	for _, m := range quoted.FindAllStringSubmatch(cell, -1) {
		out = append(out, m[1])
	}
	return out
}

func hasTest(t *testing.T, folder, name string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(filepath.FromSlash(folder), "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	return slices.ContainsFunc(files, func(file string) bool {
		return strings.Contains(document(t, file), "\nfunc "+name+"(")
	})
}

// codesOf are the codes that package verify has.
func codesOf(t *testing.T) []string {
	t.Helper()
	var out []string
	for _, m := range regexp.MustCompile(`(?m)^\tCode\w+ +Code = "([^"]+)"`).FindAllStringSubmatch(document(t, "verify", "code.go"), -1) {
		out = append(out, m[1])
	}
	if len(out) < 50 {
		t.Fatalf("%d codes found in verify/code.go", len(out))
	}
	return out
}

func document(t *testing.T, name ...string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.FromSlash(path.Join(name...)))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
