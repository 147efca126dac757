package touchmark_test

import (
	"encoding/json"
	"fmt"
	"go/format"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The programs in the README are compiled and run as they stand there, in
// their order, in one folder, once in a git checkout and once outside one.
func TestReadmePrograms(t *testing.T) {
	programs := readmePrograms(t)
	if len(programs) < 8 {
		t.Fatalf("%d programs in README.md, want the most frequent tasks", len(programs))
	}
	bin := buildPrograms(t, append(slices.Clip(programs), shortProgram(t)))
	for _, place := range []string{"in a checkout", "outside one"} {
		t.Run(place, func(t *testing.T) {
			dir := clone(t)
			if place == "in a checkout" {
				if _, err := exec.LookPath("git"); err != nil {
					t.Skip("needs git")
				}
				git(t, dir, "init", "-q")
				git(t, dir, "add", "-A")
				git(t, dir, "-c", "user.name=A", "-c", "user.email=a@example.com", "-c", "commit.gpgSign=false", "commit", "-q", "--no-verify", "-m", "all")
			}
			for _, p := range programs {
				cmd := exec.Command(filepath.Join(bin, p.name))
				cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOPROXY=off", "GIT_CEILING_DIRECTORIES="+filepath.Dir(dir))
				got, err := cmd.Output()
				if err != nil {
					stderr := ""
					if exit, ok := err.(*exec.ExitError); ok {
						stderr = string(exit.Stderr)
					}
					t.Fatalf("%q: %v\n%s%s", p.title, err, got, stderr) // the others need its files
				}
				if got := blot(string(got)); got != blot(p.want) {
					t.Errorf("%q printed:\n%s\nwant:\n%s", p.title, got, blot(p.want))
				}
			}
		})
	}
}

// A program is one of the README's Go programs.
type program struct{ title, name, text, want string }

func readmePrograms(t *testing.T) []program {
	var programs []program
	sections := regexp.MustCompile(`(?m)^##+ (.*)$`)
	block := regexp.MustCompile("(?s)\n```go\n(.*?)\n```\n")
	text := readme(t)
	heads := sections.FindAllStringSubmatchIndex(text, -1)
	for i, head := range heads {
		end := len(text)
		if i+1 < len(heads) {
			end = heads[i+1][0]
		}
		for _, m := range block.FindAllStringSubmatch(text[head[0]:end], -1) {
			p := program{title: text[head[2]:head[3]], name: fmt.Sprintf("readme%02d.exe", len(programs)), text: m[1] + "\n"}
			_, comment, ok := strings.Cut(p.text, "\t// Output:\n")
			if !ok {
				t.Fatalf("the program of %q does not say what it prints", p.title)
			}
			for line := range strings.Lines(comment) {
				said, ok := strings.CutPrefix(line, "\t// ")
				if !ok {
					break
				}
				p.want += said
			}
			programs = append(programs, p)
		}
	}
	return programs
}

// shortProgram is the three lines and the four at the top of the README, which
// must compile; doc.go has the same.
func shortProgram(t *testing.T) program {
	t.Helper()
	m := regexp.MustCompile("(?s)\n```golang\n(.*?)\n```\n").FindStringSubmatch(readme(t))
	if m == nil {
		t.Fatal("README.md does not begin with the short form")
	}
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	lines := regexp.MustCompile(`(?m)^//\t(.*)$`).FindAllStringSubmatch(string(doc), -1)
	if len(lines) < 6 {
		t.Fatalf("doc.go has %d lines of code, want the short form", len(lines))
	}
	for _, line := range lines {
		if !strings.Contains(m[1], line[1]) {
			t.Errorf("doc.go says %q, and README.md does not", line[1])
		}
	}
	text, err := format.Source([]byte(`package main

import (
	"context"
	"io"
	"os/exec"

	"github.com/touchmark-go/touchmark/provenance/capture"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/verify"
)

func main() { _ = short }

func short(ctx context.Context, key sign.Signer, file io.Writer, t, p []byte, evidence []*sign.Bundle) (*verify.Verdict, error) {
` + m[1] + `
	return verdict, err
}
`))
	if err != nil {
		t.Fatal(err)
	}
	return program{title: "the short form", name: "readmeshort.exe", text: string(text)}
}

func readme(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(data), "\r\n", "\n")
}

// buildPrograms compiles the programs as packages of this module which exist
// in an overlay only.
func buildPrograms(t *testing.T, programs []program) (bin string) {
	t.Helper()
	bin = t.TempDir()
	root, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	overlay := struct{ Replace map[string]string }{map[string]string{}}
	for _, p := range programs {
		file := filepath.Join(bin, p.name+".go")
		if err := os.WriteFile(file, []byte(p.text), 0o644); err != nil {
			t.Fatal(err)
		}
		if formatted, err := format.Source([]byte(p.text)); err != nil || string(formatted) != p.text {
			t.Errorf("the program of %q is not as gofmt has it (%v)", p.title, err)
		}
		overlay.Replace[filepath.Join(root, "try", p.name, "main.go")] = file
	}
	data, err := json.Marshal(overlay)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(bin, "overlay.json"), data, 0o644); err != nil {
		t.Fatal(err)
	}
	args := []string{"build", "-overlay", filepath.Join(bin, "overlay.json"), "-o", bin + string(filepath.Separator)}
	for _, p := range programs {
		args = append(args, "./try/"+p.name)
	}
	cmd := exec.Command("go", args...)
	cmd.Env = append(os.Environ(), "GOPROXY=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return bin
}

// clone makes a folder with what the README's programs use of this one.
func clone(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "touchmark")
	for _, name := range []string{"go.mod", "go.sum", ".gitignore"} {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	const app = "examples/quickstart/app"
	if err := os.CopyFS(filepath.Join(dir, filepath.FromSlash(app)), os.DirFS(filepath.FromSlash(app))); err != nil {
		t.Fatal(err)
	}
	return dir
}

func git(t *testing.T, dir string, args ...string) {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL="+os.DevNull)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
}

// blot replaces what differs from run to run, which the README writes as "…":
// digests, key ids, signatures and payloads.
func blot(s string) string {
	s = regexp.MustCompile(`"(payload|sig)":"[^"]*"`).ReplaceAllString(s, `"$1":"…"`)
	return regexp.MustCompile(`\b[0-9a-f]{64}\b`).ReplaceAllString(s, "…")
}

// What the table in the README says of an import is true of the package.
func TestReadmeImports(t *testing.T) {
	_, table, _ := strings.Cut(readme(t), "## What an import costs")
	table, _, _ = strings.Cut(table, "## ")
	rows := regexp.MustCompile("(?m)^\\| (`.*`) \\| ([0-9]+) \\|$").FindAllStringSubmatch(table, -1)
	var named []string
	for _, row := range rows {
		for _, pkg := range regexp.MustCompile("`([^`]*)`").FindAllStringSubmatch(row[1], -1) {
			named = append(named, pkg[1])
			n := len(modulesOf(t, "./"+pkg[1]))
			if got := fmt.Sprint(n); len(got) > len(row[2]) || len(got) == len(row[2]) && got > row[2] {
				t.Errorf("%s links %d other modules, and the README says at most %s", pkg[1], n, row[2])
			}
		}
	}
	slices.Sort(named)
	out, err := exec.Command("go", "list", "-f", "{{.ImportPath}}", "./provenance/...", "./sbom/...", "./sign/...", "./verify/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Fields(strings.ReplaceAll(string(out), "github.com/touchmark-go/touchmark/", ""))
	slices.Sort(want)
	if !slices.Equal(named, want) {
		t.Errorf("the table names %q, want %q", named, want)
	}
}

// modulesOf are the modules, other than this one, that a program links which
// imports pkg.
func modulesOf(t *testing.T, pkg string) []string {
	t.Helper()
	out, err := exec.Command("go", "list", "-deps", "-f", "{{with .Module}}{{if not .Main}}{{.Path}}{{end}}{{end}}", pkg).Output()
	if err != nil {
		t.Fatalf("%s: %v", pkg, err)
	}
	modules := strings.Fields(string(out))
	slices.Sort(modules)
	return slices.Compact(modules)
}

// A program that imports verify alone gets no more lines in its go.mod than
// the README says.
func TestReadmeGoMod(t *testing.T) {
	root, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	sum, err := os.ReadFile("go.sum")
	if err != nil {
		t.Fatal(err)
	}
	const module = "github.com/touchmark-go/touchmark"
	for name, text := range map[string]string{
		"go.sum":  string(sum),
		"go.mod":  fmt.Sprintf("module example.com/deploy\n\ngo 1.26.0\n\nrequire %s v0.0.0\n\nreplace %[1]s => %q\n", module, root),
		"main.go": fmt.Sprintf("package main\n\nimport _ %q\n\nfunc main() {}\n", module+"/verify"),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("go", "build", "-mod=mod", "-o", os.DevNull, ".")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOPROXY=off", "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	data, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	text, _, _ := strings.Cut(string(data), "replace ")
	if n := len(regexp.MustCompile(`(?m)^(require )?\s*[a-z.]+/\S+ v\S+`).FindAllString(text, -1)); n < 2 || n > 7 {
		t.Errorf("%d lines, and the README says at most seven:\n%s", n, data)
	}
}

// The README names no path of one machine, and what it links to is there.
func TestReadmeLinks(t *testing.T) {
	text := readme(t)
	if m := regexp.MustCompile(`(?:^|[\s"(])/(?:home|root|tmp|work|Users|var)/\S*`).FindString(text); m != "" {
		t.Errorf("a path of one machine: %q", m)
	}
	for _, m := range regexp.MustCompile(`\]\(([^)#]+)\)`).FindAllStringSubmatch(text, -1) {
		if strings.Contains(m[1], "://") {
			continue
		}
		if _, err := os.Stat(filepath.FromSlash(m[1])); err != nil {
			t.Errorf("%s leads nowhere", m[1])
		}
	}
}
