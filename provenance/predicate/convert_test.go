package predicate_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/predicate"
)

var update = flag.Bool("update", false, "write down what is found as what is wanted")

// config is what tests are run with here.
var config = provenance.ResourceDescriptor{Name: "go test ./..."}

// convert converts a report by the tool that wrote it.
func convert(tool string, report []byte) (any, error) {
	r := bytes.NewReader(report)
	switch tool {
	case "gotest":
		return predicate.FromGoTest(r, config)
	case "junit":
		return predicate.FromJUnit(r, config)
	case "sarif":
		return predicate.FromSARIF(r, config)
	}
	return predicate.FromGovulncheck(r, time.Date(2026, 11, 21, 3, 0, 0, 0, time.UTC), time.Date(2026, 11, 21, 3, 1, 0, 0, time.UTC))
}

// TestConvert reads a report a file, testdata/convert/TOOL-what.txtar, and wants
// what it says, and no more than that.
func TestConvert(t *testing.T) {
	files, err := filepath.Glob("testdata/convert/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal(err, len(files))
	}
	for _, file := range files {
		story := strings.TrimSuffix(filepath.Base(file), ".txtar")
		tool, _, _ := strings.Cut(story, "-")
		t.Run(story, func(t *testing.T) {
			a, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			if p, err := convert(tool, a.Files[0].Data); err != nil {
				got = "error: " + err.Error() + "\n"
			} else {
				data, err := json.MarshalIndent(p, "", "  ")
				if err != nil {
					t.Fatal(err)
				}
				got = string(data) + "\n"
			}
			if *update {
				a.Files = append(a.Files[:1], txtar.File{Name: "want", Data: []byte(got)})
				if err := os.WriteFile(file, txtar.Format(a), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if len(a.Files) != 2 || got != string(a.Files[1].Data) {
				t.Errorf("got\n%s", got)
			}
		})
	}
}
