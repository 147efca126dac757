package testkit

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A Difference is a way in which we decide otherwise than another program, and what
// our error says then.
type Difference struct{ Name, Text string }

// Explain names the difference that an error is, or "" if it is none of them.
func Explain(all []Difference, err error) string {
	for _, d := range all {
		if strings.Contains(err.Error(), d.Text) {
			return d.Name
		}
	}
	return ""
}

// Documented wants the table below a heading of docs/differences.md to have a row
// for each of the differences, and no other.
func Documented(t testing.TB, heading string, all []Difference) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(Root(t), "docs", "differences.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(data), "\n## "+heading+"\n")
	text, _, _ = strings.Cut(text, "\n## ")
	rows := map[string]bool{}
	for line := range strings.Lines(text) {
		if cells := strings.Split(line, "|"); len(cells) > 3 && !strings.Contains(line, "---") {
			rows[strings.TrimSpace(cells[1])] = true
		}
	}
	delete(rows, "difference")
	for _, d := range all {
		if !rows[d.Name] {
			t.Errorf("docs/differences.md has no row %q below %q", d.Name, heading)
		}
		delete(rows, d.Name)
	}
	for row := range rows {
		t.Errorf("docs/differences.md has a row %q below %q, and there is no such difference", row, heading)
	}
}
