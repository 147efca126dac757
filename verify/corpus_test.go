package verify_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/touchmark-go/touchmark/internal/testkit"
	"github.com/touchmark-go/touchmark/internal/testkit/story"
)

// TestCorpus runs the attacks in testdata, each beside its positive neighbour:
// see package story. With -update it writes what is wanted anew.
func TestCorpus(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "*.txtar"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%d stories, %v", len(files), err)
	}
	for _, file := range files {
		s := story.Load(t, file)
		t.Run(s.Name, s.Run)
	}
}

// elsewhere names the tests of rows of docs/threats.md that are about code, not about
// evidence, and further tests of rows that have stories: file and function.
var elsewhere = map[int][]string{
	14: {"verify/limits_test.go:TestLimitCode", "verify/limits_test.go:TestMemory"},
	42: {"verify/limits_test.go:TestOpenChanged"},
	46: {"internal/safefs/safefs_test.go:TestFilesRefuses"},
	50: {"verify/limits_test.go:TestTooMuchEvidence"},
	51: {"verify/pattern_test.go:FuzzMatchRef"},
	52: {"verify/break_test.go:TestBreak"},
	53: {"verify/same_test.go:TestNothingIsNoYes", "verify/config_test.go:TestZeroRefuses"},
	54: {"verify/pattern_test.go:TestShow"},
	55: {"provenance/capture/secrets_test.go:TestSecrets", "provenance/capture/secrets_test.go:TestSecretsInErrors", "sbom/sbom_test.go:TestNoSecrets"},
	56: {"provenance/capture/run_test.go:TestSameBytes", "provenance/capture/secrets_test.go:TestLeaks"},
	70: {"verify/same_test.go:TestConcurrent", "verify/config_test.go:TestNewCopies"},
}

// TestRows wants a story for each row of docs/threats.md that evidence signed by keys
// can meet: files are named T-ROW-what.txtar.
func TestRows(t *testing.T) {
	rows := []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 16, 17, 18, 19, 20, 33, 34, 35, 37, 38, 40, 41, 42, 46, 50, 51, 52, 53, 54, 55, 56, 61, 64, 65, 66, 69, 70}
	files, err := filepath.Glob(filepath.Join("testdata", "T-*.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	held := map[int]bool{}
	for _, file := range files {
		m := regexp.MustCompile(`^T-(\d\d)-`).FindStringSubmatch(filepath.Base(file))
		if m == nil {
			t.Errorf("%s: want T-ROW-what.txtar", file)
			continue
		}
		row, _ := strconv.Atoi(m[1])
		held[row] = true
	}
	for _, row := range rows {
		if !held[row] && len(elsewhere[row]) == 0 {
			t.Errorf("T-%02d: no story", row)
		}
		for _, test := range elsewhere[row] {
			file, function, _ := strings.Cut(test, ":")
			data, err := os.ReadFile(filepath.Join(testkit.Root(t), filepath.FromSlash(file)))
			if err != nil || !strings.Contains(string(data), "\nfunc "+function+"(") {
				t.Errorf("T-%02d: there is no %s: %v", row, test, err)
			}
		}
	}
}
