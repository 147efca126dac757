package main_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
)

// The story is told by processes, as a new user would start them.
func TestQuickstart(t *testing.T) {
	quickstart := build(t, ".")
	outside := t.TempDir() // no git checkout, and a module of its own
	write(t, outside, "go.mod", "module example.com/hello\n\ngo 1.26.0\n\nrequire example.com/dep v0.0.0\n\nreplace example.com/dep => ./dep\n")
	write(t, outside, "dep/go.mod", "module example.com/dep\n\ngo 1.26.0\n")
	write(t, outside, "dep/dep.go", "package dep\n\nconst Mark = \"!\"\n")
	write(t, outside, "main.go", "package main\n\nimport (\n\t_ \"embed\"\n\n\t\"example.com/dep\"\n)\n\n//go:embed text/hello.txt\nvar text string\n\nfunc main() { println(text + dep.Mark) }\n")
	write(t, outside, "text/hello.txt", "hello")

	const allow, skipped = "for prod: ", "so there is no other commit"
	refusals := []string{"DENY subject", "DENY examine/vcs.revision", "DENY binding", "DENY approval"}
	withoutGit := []string{"DENY subject", skipped, "DENY binding", "DENY approval"}
	tests := []struct {
		name string
		args []string
		env  []string
		dir  string
		git  bool
		want []string // in this order
		not  []string
	}{
		{name: "with git", git: true, want: refusals, not: []string{"SKIPPED", "source ("}},
		{name: "without git", env: []string{"PATH=" + pathWithoutGit(t)}, want: withoutGit, not: []string{"vcs.revision"}},
		{name: "without git, buildvcs=true", args: []string{outside}, env: []string{"PATH=" + pathWithoutGit(t), "GOFLAGS=-buildvcs=true"}, want: withoutGit},
		{name: "buildvcs=false", git: true, args: []string{outside}, env: []string{"GOFLAGS=-buildvcs=false"}, want: refusals},
		{name: "buildvcs=true", git: true, args: []string{outside}, env: []string{"GOFLAGS=-buildvcs=true"}, want: refusals},
		{name: "no network", git: true, env: []string{"GOPROXY=off", "GOFLAGS=-mod=readonly", "GOSUMDB=off"}, want: refusals},
		{name: "tags", git: true, args: []string{outside}, env: []string{"GOFLAGS=-tags=b,a"}, want: refusals},
		{name: "inside a git hook", git: true, args: []string{outside}, env: []string{"GIT_DIR=" + outside, "GIT_INDEX_FILE=nowhere"}, want: refusals},
		{name: "another program", git: true, args: []string{"."}, want: refusals},
		{name: "another module", git: true, args: []string{outside}, env: []string{"GOWORK=off"}, want: refusals},
		{name: "a program that comes with Go", args: []string{"cmd/gofmt"}, want: withoutGit},
		{name: "a program of another module", args: []string{"golang.org/x/mod/gosumcheck"}, env: []string{"GOPROXY=off"}, want: withoutGit},
		{name: "from another module", git: true, args: []string{"main.go"}, dir: outside, want: refusals},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if _, err := exec.LookPath("git"); err != nil && test.git {
				t.Skip("needs git")
			}
			if runtime.GOOS == "windows" && !test.git {
				t.Skip("needs links")
			}
			temp := t.TempDir()
			out, stderr, err := run(quickstart, test.dir, append(test.env, "TMPDIR="+temp, "TMP="+temp), test.args...)
			if err != nil {
				t.Fatalf("%v\n%s%s", err, out, stderr)
			}
			if n := strings.Count(out, "\n"); n < 30 || n > 55 {
				t.Errorf("%d lines, want about forty:\n%s", n, out)
			}
			if stderr != "" {
				t.Errorf("on standard error:\n%s", stderr)
			}
			rest := out
			for _, want := range append([]string{"ALLOW  ", allow}, test.want...) {
				_, after, ok := strings.Cut(rest, want)
				if !ok {
					t.Fatalf("no %q, or not in its place:\n%s", want, out)
				}
				rest = after
			}
			for _, not := range test.not {
				if before, _, _ := strings.Cut(out, "5. "); strings.Contains(before, not) {
					t.Errorf("%q stands there:\n%s", not, out)
				}
			}
			for _, denied := range strings.Split(out, "DENY ")[1:] {
				if !strings.Contains(denied, "want ") || !strings.Contains(denied, "got ") {
					t.Errorf("a refusal without a reason: %q", denied)
				}
			}
			left(t, out, test.git)
			if test.name == "with git" {
				asInReadme(t, out)
			}
		})
	}
}

// asInReadme checks that the README shows what the story really says.
func asInReadme(t *testing.T, out string) {
	t.Helper()
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	blot := regexp.MustCompile(`[0-9a-f]{12}…`)
	_, shown, _ := strings.Cut(strings.ReplaceAll(string(readme), "\r\n", "\n"), "```text\n")
	shown, _, ok := strings.Cut(shown, "```\n")
	if shown = blot.ReplaceAllString(shown, "…"); !ok || !strings.Contains(blot.ReplaceAllString(out, "…"), shown) {
		t.Errorf("README.md shows\n%s\nand the story is\n%s", shown, out)
	}
}

// left checks that what the story says it left is there.
func left(t *testing.T, out string, git bool) {
	t.Helper()
	_, folder, _ := strings.Cut(out, "D=")
	folder, _, _ = strings.Cut(folder, "\n")
	suffix := ""
	if runtime.GOOS == "windows" {
		suffix = ".exe"
	}
	app := "app" + suffix
	names := []string{app, app + ".intoto.jsonl", app + ".cdx.json", "trust.json", "policy.json", "source",
		"attacks/1-flipped-byte/" + app, "attacks/3-other-sbom.intoto.jsonl", "attacks/4-copied-signature.intoto.jsonl"}
	if git {
		names = append(names, "source/.git", "source/go.mod", "attacks/2-other-commit.intoto.jsonl")
	}
	for _, name := range names {
		if _, err := os.Stat(filepath.Join(folder, name)); err != nil {
			t.Error(err)
		}
	}
	policy, err := os.ReadFile(filepath.Join(folder, "policy.json"))
	if err != nil {
		t.Fatal(err)
	}
	if got := bytes.Contains(policy, []byte("vcs.revision")); got != git {
		t.Errorf("the policy asks for the commit: %t, want %t", got, git)
	}
	files, err := filepath.Glob(filepath.Join(folder, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if data, err := os.ReadFile(file); err == nil && filepath.Base(file) != app && bytes.Contains(data, []byte("PRIVATE KEY")) {
			t.Errorf("%s holds a private key", file)
		}
	}
}

// The program is a real one: it links ten to twenty modules.
func TestApp(t *testing.T) {
	out, err := exec.Command("go", "version", "-m", build(t, "./app")).Output()
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(out), "\n\tdep\t"); n < 10 || n > 20 {
		t.Errorf("the program links %d modules, want 10 to 20:\n%s", n, out)
	}
}

// What the app says of the module that it is part of, and of nonsense.
func TestAppRuns(t *testing.T) {
	app := build(t, "./app")
	dir := t.TempDir()
	write(t, dir, "go.mod", "module example.com/m\n\nrequire example.com/A/b v1.2.3\n")
	write(t, dir, "bom.json", `{"bomFormat":"CycloneDX","specVersion":"1.6","version":1,"components":[{"type":"library","name":"n","version":"1"}]}`)
	write(t, dir, "nonsense", "\x00")
	write(t, dir, "envelope", `{"payloadType":"application/vnd.in-toto+json","payload":"e30=","signatures":[]}`)
	write(t, dir, "list.yaml", "a: 1\nb: 2\n")
	out, stderr, err := run(app, dir, nil, "go.mod", "bom.json", "nonsense", "envelope", "list.yaml")
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr)
	}
	want := `go.mod: module example.com/m, 1 requirements
  pkg:golang/example.com/A/b@v1.2.3
bom.json: CycloneDX 1.6, 1 components
  n 1
nonsense: 1 bytes, BLAKE2b 03170a2e7597b7b7
envelope: application/vnd.in-toto+json, 0 signatures that nobody checked
  predicate 
list.yaml: a document with 2 members
`
	if out != want {
		t.Errorf("got:\n%s\nwant:\n%s", out, want)
	}
	if _, _, err := run(app, dir, nil, "missing"); err == nil {
		t.Error("a file that is not there is no error")
	}
}

// What cannot be built says so, and does not tell half a story.
func TestRefusals(t *testing.T) {
	quickstart := build(t, ".")
	for _, test := range []struct {
		args   []string
		status int
		want   string
	}{
		{[]string{"../../verify"}, 1, "is package verify, want a main package"},
		{[]string{"fmt"}, 1, "is package fmt, want a main package"},
		{[]string{"./nowhere"}, 1, "nowhere"},
		{[]string{".", "."}, 64, "usage: "},
	} {
		out, stderr, err := run(quickstart, "", []string{"GOFLAGS="}, test.args...)
		exit, ok := err.(*exec.ExitError)
		if !ok || exit.ExitCode() != test.status {
			t.Errorf("%v: %v, want status %d", test.args, err, test.status)
		}
		if out != "" || !strings.Contains(stderr, test.want) {
			t.Errorf("%v: said %q and %q, want %q", test.args, out, stderr, test.want)
		}
	}
}

// build builds the package in this folder.
func build(t *testing.T, pkg string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "program.exe")
	if out, err := exec.Command("go", "build", "-o", name, pkg).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return name
}

func run(program, dir string, env []string, args ...string) (stdout, stderr string, err error) {
	var out, complaints bytes.Buffer
	cmd := exec.Command(program, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &out, &complaints
	cmd.Env = append(os.Environ(), env...)
	err = cmd.Run()
	return out.String(), complaints.String(), err
}

func write(t *testing.T, dir, name, content string) {
	t.Helper()
	name = filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// pathWithoutGit is a PATH with all that is on PATH but git.
func pathWithoutGit(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, from := range filepath.SplitList(os.Getenv("PATH")) {
		entries, _ := os.ReadDir(from)
		for _, e := range entries {
			if e.Name() != "git" && !strings.HasPrefix(e.Name(), "git-") {
				os.Symlink(filepath.Join(from, e.Name()), filepath.Join(dir, e.Name())) // the first one wins
			}
		}
	}
	return dir
}
