// Package testkit holds what the tests of several packages share. Nothing but
// tests imports it.
package testkit

import (
	"encoding/csv"
	"os"
	"path/filepath"
	"testing"
)

// Corpus returns the folder of test material that others wrote: the one that
// TOUCHMARK_CORPUS names, else shared/corpus beside the repository. Without
// either the test is skipped and says so, but it fails where CI is "true": an
// oracle that nobody asks is none.
func Corpus(t testing.TB) string {
	t.Helper()
	dir, named := os.LookupEnv("TOUCHMARK_CORPUS")
	if !named || dir == "" {
		dir = filepath.Join(Root(t), "..", "shared", "corpus")
	}
	if info, err := os.Stat(dir); err == nil && info.IsDir() {
		return dir
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("no test corpus at %s: set TOUCHMARK_CORPUS to its folder", dir)
	}
	t.Skipf("no test corpus at %s: set TOUCHMARK_CORPUS to its folder to run this test", dir)
	return ""
}

// Rows returns the rows of a CSV file without its heading.
func Rows(t testing.TB, name string) [][]string {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	all, err := csv.NewReader(f).ReadAll()
	if err != nil || len(all) == 0 {
		t.Fatalf("%s: %d rows, %v", name, len(all), err)
	}
	return all[1:]
}

// Root returns the top folder of the repository: the one that holds the
// nearest go.mod above the test.
func Root(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		up := filepath.Dir(dir)
		if up == dir {
			t.Fatal("no go.mod above the test's folder")
		}
		dir = up
	}
}
