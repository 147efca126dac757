package capture_test

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"
	"unicode"

	"github.com/touchmark-go/touchmark/provenance/capture"
)

// A world is a git work tree with a small Go program, and an environment in
// which nothing of the machine's own set-up is felt.
type world struct {
	t   testing.TB
	dir string
	env []string
}

// newWorld makes the module example.com/app, commits it with dist ignored, and
// gives it a remote. Builds in it never use the network.
func newWorld(t testing.TB) *world {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("git and shell fixtures are written for Unix")
	}
	w := &world{t: t, dir: realTemp(t)}
	w.env = append(cleanEnv(t), "GOFLAGS=")
	pattern, err := patternWorld()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(w.dir, pattern); err != nil {
		t.Fatal(err)
	}
	w.git("update-index", "-q", "--refresh") // as the files lie here
	return w
}

// longStory leaves a test out with -short, as under the race detector for every
// change: it tells many builds in turn, and what goes on at once in each of them
// goes on in the tests that are left as well.
func longStory(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("many builds")
	}
}

// patternWorld is the work tree that every world begins as. It is made once.
var patternWorld = sync.OnceValues(func() (fs.FS, error) {
	dir, err := os.MkdirTemp("", "pattern")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	files := fstest.MapFS{}
	for name, content := range map[string]string{
		"go.mod":     "module example.com/app\n\ngo 1.26\n",
		"main.go":    "package main\n\nvar version = \"none\"\n\nfunc main() { println(\"hello\", version) }\n",
		".gitignore": "dist/\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			return nil, err
		}
	}
	for _, args := range [][]string{
		{"init", "-q", "-b", "main"}, {"remote", "add", "origin", "https://github.com/acme/app.git"},
		{"add", "-A"}, {"commit", "-q", "--allow-empty", "-m", "x"},
	} {
		cmd := exec.Command("git", args...)
		cmd.Dir, cmd.Env = dir, append(gitEnv(dir), "PATH="+os.Getenv("PATH"))
		if out, err := cmd.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("git %q: %v\n%s", args, err, out)
		}
	}
	err = fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		file := &fstest.MapFile{Mode: info.Mode(), ModTime: info.ModTime()}
		if !d.IsDir() {
			if file.Data, err = os.ReadFile(filepath.Join(dir, name)); err != nil {
				return err
			}
		}
		files[name] = file
		return nil
	})
	return files, err
})

// gitEnv is git's environment without the machine's own set-up.
func gitEnv(home string) []string {
	return []string{"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=" + filepath.Join(home, "gitconfig"),
		"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.com",
		"GIT_AUTHOR_DATE=2026-11-01T00:00:00Z", "GIT_COMMITTER_DATE=2026-11-01T00:00:00Z"}
}

// goCache is the build cache of whoever runs the tests.
var goCache = sync.OnceValues(func() (string, error) {
	out, err := exec.Command("go", "env", "GOCACHE").Output()
	return strings.TrimSpace(string(out)), err
})

// program is a Go program that was built from the pattern of worlds, unstamped, for
// tests that are about something else than how it is built.
func program(t testing.TB) string {
	t.Helper()
	data, err := builtProgram()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(path, data, 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

var builtProgram = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "program")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	pattern, err := patternWorld()
	if err != nil {
		return nil, err
	}
	if err := os.CopyFS(dir, pattern); err != nil {
		return nil, err
	}
	cmd := exec.Command("go", "build", "-buildvcs=false", "-o", "app", ".")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOFLAGS=", "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%v\n%s", err, out)
	}
	return os.ReadFile(filepath.Join(dir, "app"))
})

func realTemp(t testing.TB) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func cleanEnv(t testing.TB) []string {
	t.Helper()
	cache, err := goCache()
	if err != nil {
		t.Fatal(err)
	}
	home := realTemp(t)
	// The go command's telemetry goes on after the command, in a folder that is removed meanwhile.
	telemetry := filepath.Join(home, ".config", "go", "telemetry")
	if err := errors.Join(os.MkdirAll(telemetry, 0o755), os.WriteFile(filepath.Join(telemetry, "mode"), []byte("off"), 0o644)); err != nil {
		t.Fatal(err)
	}
	return append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "USERPROFILE=" + home, "GOCACHE=" + cache, "GOENV=off", "GOPROXY=off",
		"GOTOOLCHAIN=local", "GONOSUMDB=*", "GOPATH=" + filepath.Join(home, "go")}, gitEnv(home)...)
}

func (w *world) write(name, content string) {
	w.t.Helper()
	path := filepath.Join(w.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		w.t.Fatal(err)
	}
}

// run runs a program in the work tree and returns what it printed.
func (w *world) run(name string, args ...string) string {
	w.t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Env = w.dir, w.env
	out, err := cmd.CombinedOutput()
	if err != nil {
		w.t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
	return strings.TrimSpace(string(out))
}

func (w *world) git(args ...string) string { w.t.Helper(); return w.run("git", args...) }

func (w *world) commit() {
	w.t.Helper()
	w.git("add", "-A")
	w.git("commit", "-q", "--allow-empty", "-m", "x")
}

// command is a command in the work tree, with more variables.
func (w *world) command(args []string, env ...string) *exec.Cmd {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir, cmd.Env = w.dir, append(w.env[:len(w.env):len(w.env)], env...)
	return cmd
}

func goBuild(args ...string) []string {
	return append([]string{"go", "build", "-o", "dist/app"}, args...)
}

// capture runs args under o, with dist/app as the output.
func (w *world) capture(o capture.Options, args []string, env ...string) *capture.Record {
	w.t.Helper()
	r, err := o.Run(w.t.Context(), w.command(args, env...), "dist/app")
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

// external is the external parameter at a JSON pointer, as JSON, "" if there is none.
func external(t testing.TB, r *capture.Record, at string) string {
	t.Helper()
	return member(t, r.Build().BuildDefinition.ExternalParameters, at)
}

func internalParameter(t testing.TB, r *capture.Record, at string) string {
	t.Helper()
	return member(t, r.Build().BuildDefinition.InternalParameters, at)
}

func member(t testing.TB, v any, at string) string {
	t.Helper()
	for name := range strings.SplitSeq(strings.TrimPrefix(at, "/"), "/") {
		m, ok := v.(map[string]any)
		if !ok {
			return ""
		}
		if v, ok = m[strings.NewReplacer("~1", "/", "~0", "~").Replace(name)]; !ok {
			return ""
		}
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(b.String())
}

// grade is the grade of exactly that field, "" if it has none.
func grade(r *capture.Record, field string) string {
	for _, g := range r.Grades() {
		if g.Field == field {
			return g.Grade
		}
	}
	return ""
}

const (
	atExternal = "/predicate/buildDefinition/externalParameters"
	atInternal = "/predicate/buildDefinition/internalParameters"
)

// proxy writes a module proxy into a folder, from "path@version" to the code of
// the module's one package, and returns the variable that names it.
func proxy(t testing.TB, modules map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for at, code := range modules {
		path, version, _ := strings.Cut(at, "@")
		mod := "module " + path + "\n\ngo 1.26\n"
		var archive bytes.Buffer
		z := zip.NewWriter(&archive)
		for _, file := range [][2]string{{"go.mod", mod}, {"code.go", code}} {
			f, err := z.Create(at + "/" + file[0])
			if err == nil {
				_, err = f.Write([]byte(file[1]))
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		var escaped strings.Builder
		for _, r := range path {
			if unicode.IsUpper(r) {
				escaped.WriteByte('!')
			}
			escaped.WriteRune(unicode.ToLower(r))
		}
		folder := filepath.Join(dir, filepath.FromSlash(escaped.String()), "@v")
		if err := os.MkdirAll(folder, 0o755); err != nil {
			t.Fatal(err)
		}
		for ext, data := range map[string]string{".mod": mod, ".info": `{"Version":"` + version + `"}`, ".zip": archive.String()} {
			if err := os.WriteFile(filepath.Join(folder, version+ext), []byte(data), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	return "GOPROXY=file://" + filepath.ToSlash(dir)
}

// past is a time long before any build of these tests.
func past() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }

func atDependencies(i int) string {
	return fmt.Sprintf("/predicate/buildDefinition/resolvedDependencies/%d", i)
}

// pgoProfile is a CPU profile without samples, always the same one: go compiles the
// runtime anew by each that it has not seen.
func pgoProfile(t testing.TB) string {
	t.Helper()
	field := func(number byte, data string) string { return string([]byte{number<<3 | 2, byte(len(data))}) + data }
	var raw strings.Builder                                                      // google/pprof's profile.proto
	raw.WriteString(field(1, "\x08\x01\x10\x02") + field(1, "\x08\x03\x10\x04")) // sample_type: type and unit
	for _, text := range []string{"", "samples", "count", "cpu", "nanoseconds"} {
		raw.WriteString(field(6, text)) // string_table
	}
	raw.WriteString(field(11, "\x08\x03\x10\x04") + "\x60\x01") // period_type, period
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := io.WriteString(z, raw.String()); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
