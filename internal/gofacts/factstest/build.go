// Package factstest builds small real Go programs for tests. Nothing but tests
// imports it.
package factstest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/touchmark-go/touchmark/internal/testkit"
)

// A Program is a module in a folder of its own: example.com/Acme/app, whose
// letter case matters, with a main package at its root.
//
// It links golang.org/x/mod as itself under a replacement of example.com/mod,
// packageurl-go as it is, and example.com/lib from the folder ./lib. Its tag
// "extra" links cyclonedx-go too.
type Program struct{ Dir string }

// New writes the program's source.
func New(t testing.TB) Program {
	t.Helper()
	root := testkit.Root(t)
	sums, err := os.ReadFile(filepath.Join(root, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	gomod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	pin := func(path string) string {
		m := regexp.MustCompile(`(?m)` + regexp.QuoteMeta(path) + ` (v\S+)`).FindSubmatch(gomod)
		if m == nil {
			t.Fatalf("go.mod does not require %s", path)
		}
		return string(m[1])
	}
	p := Program{Dir: t.TempDir()}
	p.write(t, "go.sum", string(sums))
	p.write(t, "go.mod", fmt.Sprintf(`module example.com/Acme/app

go 1.26.0

require (
	example.com/lib v1.0.0
	example.com/mod v1.0.0
	github.com/CycloneDX/cyclonedx-go %s
	github.com/package-url/packageurl-go %s
)

replace example.com/lib => ./lib

replace example.com/mod => golang.org/x/mod %s
`, pin("github.com/CycloneDX/cyclonedx-go"), pin("github.com/package-url/packageurl-go"), pin("golang.org/x/mod")))
	p.write(t, "main.go", `package main

import (
	"fmt"

	"example.com/lib"
	"example.com/mod/semver"
	"github.com/package-url/packageurl-go"
)

func main() {
	fmt.Println(lib.Name, semver.IsValid("v1.0.0"), packageurl.TypeGolang)
}
`)
	p.write(t, "extra.go", `//go:build extra

package main

import cdx "github.com/CycloneDX/cyclonedx-go"

func init() { println(cdx.BOMFormat) }
`)
	p.write(t, "main_test.go", `package main

import (
	"testing"

	"example.com/mod/modfile"
)

func TestNothing(t *testing.T) { _ = modfile.File{} }
`)
	p.write(t, "lib/go.mod", "module example.com/lib\n\ngo 1.26.0\n")
	p.write(t, "lib/lib.go", "package lib\n\nconst Name = \"lib\"\n")
	return p
}

func (p Program) write(t testing.TB, name, text string) {
	t.Helper()
	path := filepath.Join(p.Dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

// Env is the environment to run go in: that of the test with nothing of the
// caller's that changes a build, and with settings behind it.
func Env(settings ...string) []string {
	var env []string
	for _, s := range os.Environ() {
		name, _, _ := strings.Cut(s, "=")
		switch name {
		case "GOOS", "GOARCH", "GOFLAGS", "GOWORK", "GOEXPERIMENT", "GOFIPS140", "GOAMD64", "CGO_ENABLED", "CI":
		default:
			env = append(env, s)
		}
	}
	return append(append(env, "GOFLAGS=", "GOWORK=off", "CGO_ENABLED=0"), settings...)
}

// Build builds the program and returns the path of the binary. What is
// "NAME=value" in args goes into the environment, the rest to go build.
func (p Program) Build(t testing.TB, args ...string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "app")
	argv := []string{"build", "-mod=mod", "-o", out}
	var env []string
	for _, a := range args {
		if name, _, ok := strings.Cut(a, "="); ok && !strings.HasPrefix(name, "-") {
			env = append(env, a)
		} else {
			argv = append(argv, a)
		}
	}
	cmd := exec.Command("go", append(argv, ".")...)
	cmd.Dir, cmd.Env = p.Dir, Env(env...)
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(argv, " "), err, text)
	}
	return out
}

// GoVersionM is what go version -m says about the binary, its lines without
// the first.
func GoVersionM(t testing.TB, binary string) []string {
	t.Helper()
	cmd := exec.Command("go", "version", "-m", binary)
	cmd.Env = Env()
	text, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(text), "\n")[1:]
	// Behind a replacement it prints a line of white space.
	return slices.DeleteFunc(lines, func(line string) bool { return strings.TrimSpace(line) == "" })
}
