package predicate_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/touchmark-go/touchmark/provenance/predicate"
)

// goTest runs go test -json on a package of its own, and returns what it wrote.
func goTest(t *testing.T, code string, args ...string) []byte {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string]string{"go.mod": "module example.com/app\n\ngo 1.26\n", "app_test.go": "package app\n\n" + code} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("go", append([]string{"test", "-json", "-vet=off"}, args...)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off", "GOPROXY=off", "GO111MODULE=on", "GOTOOLCHAIN=local")
	out, err := cmd.Output()
	if _, failed := err.(*exec.ExitError); err != nil && !failed {
		t.Fatal(err)
	}
	return out
}

// TestGoTestForReal holds FromGoTest to what this Go really writes: whatever way
// a run goes wrong, it does not pass; and no part of a report says more than the whole.
func TestGoTestForReal(t *testing.T) {
	const imports = "import (\n\t\"os\"\n\t\"testing\"\n)\n\nvar _ = os.Exit\n\n"
	const passes = "func TestPasses(t *testing.T) { t.Run(\"sub\", func(t *testing.T) {}) }\n\nfunc TestSkips(t *testing.T) { t.Skip() }\n"
	for name, c := range map[string]struct {
		code   string
		args   []string
		result predicate.Result
		failed []string
	}{
		"passes":  {imports + passes, nil, predicate.Passed, nil},
		"fails":   {imports + passes + "func TestFails(t *testing.T) { t.Fail() }\n", nil, predicate.Failed, []string{"example.com/app.TestFails"}},
		"panics":  {imports + passes + "func TestPanics(t *testing.T) { panic(1) }\n", nil, predicate.Failed, []string{"example.com/app.TestPanics"}},
		"exits":   {imports + passes + "func TestExits(t *testing.T) { os.Exit(0) }\n", nil, predicate.Failed, []string{"example.com/app.TestExits"}},
		"dies":    {imports + passes + "func TestMain(m *testing.M) { m.Run(); os.Exit(3) }\n", nil, predicate.Failed, []string{"example.com/app"}},
		"broken":  {imports + passes + "func TestBroken(t *testing.T) { undefined() }\n", nil, predicate.Failed, []string{"example.com/app"}},
		"hangs":   {imports + passes + "func TestHangs(t *testing.T) { select {} }\n", []string{"-timeout=50ms"}, predicate.Failed, []string{"example.com/app.TestHangs"}},
		"nothing": {imports + passes, []string{"-run=NoSuch"}, "", nil},
		"skipped": {imports + passes, []string{"-run=TestSkips"}, "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			report := goTest(t, c.code, c.args...)
			r, err := predicate.FromGoTest(bytes.NewReader(report), config)
			if c.result == "" {
				if err == nil || !strings.Contains(err.Error(), "no test ran") {
					t.Errorf("error is %v\n%s", err, report)
				}
				return
			}
			if err != nil {
				t.Fatalf("%v\n%s", err, report)
			}
			if r.Result != c.result || !slices.Equal(r.FailedTests, c.failed) {
				t.Errorf("%s %q, want %s %q\n%s", r.Result, r.FailedTests, c.result, c.failed, report)
			}
			if c.result == predicate.Passed && !slices.Equal(r.PassedTests, []string{"example.com/app.TestPasses", "example.com/app.TestPasses/sub"}) {
				t.Errorf("passed are %q", r.PassedTests)
			}
			for i := range report { // cut anywhere
				if cut, err := predicate.FromGoTest(bytes.NewReader(report[:i]), config); err == nil {
					t.Errorf("the first %d of %d bytes are %s", i, len(report), cut.Result)
				}
			}
		})
	}
}
