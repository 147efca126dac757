package capture_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/touchmark-go/touchmark/provenance/capture"
)

// TestBuildersDocument holds docs/builders to the code: it explains exactly the
// builder ids that there are, and names every variable that is read, and no
// other.
func TestBuildersDocument(t *testing.T) {
	data, err := os.ReadFile("../../docs/builders/README.md")
	if err != nil {
		t.Fatal(err)
	}
	document := string(data)
	var explained []string
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z-]+/v1)` \\|").FindAllStringSubmatch(document, -1) {
		explained = append(explained, "https://github.com/touchmark-go/touchmark/builders/"+m[1])
	}
	slices.Sort(explained)
	if ids := capture.BuilderIDs(); !slices.Equal(explained, ids) {
		t.Errorf("explained are %q, want %q", explained, ids)
	}

	variable := regexp.MustCompile(`"(_?[A-Z][A-Za-z]*(?:_[A-Z0-9_]+)?|BUILDKITE|CIRCLECI|DRONE|ImageOS|ImageVersion)"`)
	read := map[string]bool{"CI": true}
	files, err := filepath.Glob("system_*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range append(files, "ci.go") {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range variable.FindAllStringSubmatch(string(source), -1) {
			if strings.Contains(m[1], "_") || strings.HasPrefix(m[1], "Image") || slices.Contains([]string{"ACT", "BUILDKITE", "CIRCLECI", "DRONE", "LOCATION"}, m[1]) {
				read[m[1]] = true
			}
		}
	}
	named := map[string]bool{}
	for _, m := range regexp.MustCompile("`(_?[A-Z][A-Za-z]*[A-Z_0-9]*(?:Version)?)`|name: (TEKTON_[A-Z_]+)").FindAllStringSubmatch(document, -1) {
		named[m[1]+m[2]] = true
	}
	for name := range read {
		if !named[name] {
			t.Errorf("%s is read, and not documented", name)
		}
	}
	for name := range named {
		if !read[name] {
			t.Errorf("%s is documented, and not read", name)
		}
	}
}
