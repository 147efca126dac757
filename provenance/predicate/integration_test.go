package predicate_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/touchmark-go/touchmark/provenance/predicate"
)

// tool is a program of somebody else's, which go run fetches: it is what the
// converters are held to.
func tool(t *testing.T, dir, pkg string, args ...string) []byte {
	t.Helper()
	if os.Getenv("TOUCHMARK_INTEGRATION") != "1" {
		t.Skip("set TOUCHMARK_INTEGRATION=1 to run " + pkg + ", which is fetched")
	}
	bin := filepath.Join(t.TempDir(), "tool.exe")
	build := exec.Command("go", "install", pkg)
	build.Env = append(os.Environ(), "GOBIN="+filepath.Dir(bin), "GOFLAGS=", "GOWORK=off")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", pkg, err, out)
	}
	name, _, _ := strings.Cut(filepath.Base(pkg), "@")
	cmd := exec.Command(filepath.Join(filepath.Dir(bin), name), args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off", "GOPROXY=off")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if _, failed := err.(*exec.ExitError); err != nil && !failed {
		t.Fatal(err)
	}
	t.Logf("%s %q: %v\n%s", name, args, err, stderr.Bytes())
	return out
}

// module writes a module into a folder of its own.
func module(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	files["go.mod"] = "module example.com/app\n\ngo 1.26\n"
	for name, content := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestGovulncheckForReal scans a program with govulncheck against a database
// of our own, in which the standard library is full of holes.
func TestGovulncheckForReal(t *testing.T) {
	entry := func(id, pkg, symbol string) string {
		return `{"schema_version":"1.3.1","id":"` + id + `","modified":"2026-11-01T00:00:00Z","published":"2026-11-01T00:00:00Z","aliases":["CVE-` + id[3:] + `"],"summary":"x","details":"x",` +
			`"affected":[{"package":{"name":"stdlib","ecosystem":"Go"},"ranges":[{"type":"SEMVER","events":[{"introduced":"0"}]}],` +
			`"ecosystem_specific":{"imports":[{"path":"` + pkg + `","symbols":["` + symbol + `"]}]}}],"database_specific":{"url":"https://pkg.go.dev/vuln/` + id + `","review_status":"REVIEWED"}}`
	}
	index := func(ids ...string) string {
		var vulns []string
		for _, id := range ids {
			vulns = append(vulns, `{"id":"`+id+`","modified":"2026-11-01T00:00:00Z"}`)
		}
		return `[{"path":"stdlib","vulns":[` + strings.Join(vulns, ",") + `]}]`
	}
	db := module(t, map[string]string{
		"index/db.json": `{"modified":"2026-11-01T00:00:00Z"}`, "index/vulns.json": `[]`,
		"index/modules.json":   index("GO-2026-0001", "GO-2026-0002", "GO-2026-0003"),
		"ID/GO-2026-0001.json": entry("GO-2026-0001", "strconv", "Atoi"), "ID/GO-2026-0002.json": entry("GO-2026-0002", "os", "Chtimes"), "ID/GO-2026-0003.json": entry("GO-2026-0003", "net/smtp", "SendMail"),
	})
	none := module(t, map[string]string{"index/db.json": `{"modified":"2026-11-01T00:00:00Z"}`, "index/vulns.json": `[]`, "index/modules.json": `[]`})
	app := module(t, map[string]string{"main.go": "package main\n\nimport (\n\t\"os\"\n\t\"strconv\"\n)\n\nfunc main() {\n\tn, _ := strconv.Atoi(os.Args[1])\n\tos.Exit(n)\n}\n"})
	const pkg = "golang.org/x/vuln/cmd/govulncheck@v1.1.4"
	started := time.Date(2026, 11, 21, 3, 0, 0, 0, time.UTC)

	report := tool(t, app, pkg, "-json", "-db=file://"+filepath.ToSlash(db), "./...")
	v, err := predicate.FromGovulncheck(bytes.NewReader(report), started, started)
	if err != nil {
		t.Fatalf("%v\n%s", err, report)
	}
	var got []string
	for _, found := range v.Scanner.Result {
		got = append(got, found.ID+" "+found.Severity[0].Score)
	}
	if want := []string{"GO-2026-0001 called", "GO-2026-0002 imported", "GO-2026-0003 required"}; !slices.Equal(got, want) {
		t.Errorf("found %q, want %q\n%s", got, want, report)
	}
	for i := 0; i < len(report); i += 1 + len(report)/500 { // cut anywhere: never a list that is shorter without saying so
		if cut, err := predicate.FromGovulncheck(bytes.NewReader(report[:i]), started, started); err == nil && len(cut.Scanner.Result) == 0 {
			t.Errorf("the first %d of %d bytes say that nothing was found", i, len(report))
		}
	}
	report = tool(t, app, pkg, "-json", "-db=file://"+filepath.ToSlash(none), "./...")
	if v, err = predicate.FromGovulncheck(bytes.NewReader(report), started, started); err != nil || len(v.Scanner.Result) != 0 {
		t.Errorf("of an empty database: %v, %v\n%s", v, err, report)
	}
	// A program that does not build is not scanned.
	broken := module(t, map[string]string{"main.go": "package main\n\nfunc main() { undefined() }\n"})
	report = tool(t, broken, pkg, "-json", "-db=file://"+filepath.ToSlash(db), "./...")
	if v, err := predicate.FromGovulncheck(bytes.NewReader(report), started, started); err == nil {
		t.Errorf("of a program that does not build: %v\n%s", v, report)
	}
}

// TestStaticcheckForReal reads what staticcheck writes in SARIF.
func TestStaticcheckForReal(t *testing.T) {
	const pkg = "honnef.co/go/tools/cmd/staticcheck@v0.8.2"
	for name, c := range map[string]struct {
		code   string
		result predicate.Result
	}{
		"clean": {"package main\n\nfunc main() {}\n", predicate.Passed},
		"wrong": {"package main\n\nimport \"regexp\"\n\nfunc main() { regexp.MustCompile(\"(\") }\n", predicate.Failed},
	} {
		t.Run(name, func(t *testing.T) {
			report := tool(t, module(t, map[string]string{"main.go": c.code}), pkg, "-f", "sarif", "./...")
			r, err := predicate.FromSARIF(bytes.NewReader(report), config)
			if err != nil {
				t.Fatalf("%v\n%s", err, report)
			}
			if r.Result == predicate.Passed != (c.result == predicate.Passed) {
				t.Errorf("%s %q, want %s", r.Result, append(r.FailedTests, r.WarnedTests...), c.result)
			}
		})
	}
}

// TestGotestsumForReal reads one run of tests twice: as go test says it, and as
// gotestsum makes a JUnit report of it.
func TestGotestsumForReal(t *testing.T) {
	const pkg = "gotest.tools/gotestsum@v1.13.0"
	dir := module(t, map[string]string{
		"app.go":      "package app\n",
		"app_test.go": "package app\n\nimport \"testing\"\n\nfunc TestPasses(t *testing.T) { t.Run(\"sub\", func(t *testing.T) {}) }\n\nfunc TestSkips(t *testing.T) { t.Skip() }\n\nfunc TestFails(t *testing.T) { t.Fatal(\"<&>\") }\n",
	})
	tool(t, dir, pkg, "--junitfile", "junit.xml", "--jsonfile", "tests.json", "--", "-vet=off", "./...")
	var results []*predicate.TestResult
	for file, read := range map[string]string{"tests.json": "gotest", "junit.xml": "junit"} {
		report, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			t.Fatal(err)
		}
		r, err := convert(read, report)
		if err != nil {
			t.Fatalf("%s: %v\n%s", file, err, report)
		}
		results = append(results, r.(*predicate.TestResult))
	}
	for _, r := range results {
		if r.Result != predicate.Failed || !slices.Equal(r.PassedTests, results[0].PassedTests) || !slices.Equal(r.FailedTests, results[0].FailedTests) || len(r.FailedTests) != 1 {
			t.Errorf("%+v and %+v", r, results[0])
		}
	}
}
