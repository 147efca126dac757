package capture_test

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/capture"
)

// TestRun builds a real program, with the go command stamping VCS facts and
// not, and wants the same provenance.
func TestRun(t *testing.T) {
	for _, buildvcs := range []string{"true", "false"} {
		t.Run("buildvcs="+buildvcs, func(t *testing.T) {
			w := newWorld(t)
			w.git("tag", "v1.0.0")
			o := capture.Options{Env: []string{"CGO_ENABLED", "GOARM", "UNSET"}}
			r := w.capture(o, goBuild("-tags", "b,a", "-trimpath", "."), "GOFLAGS=-buildvcs="+buildvcs, "CGO_ENABLED=0", "GOARM=7")
			validate(t, r)

			goos, goarch := w.run("go", "env", "GOOS"), w.run("go", "env", "GOARCH")
			for at, want := range map[string]string{
				"":                   "",
				"/command":           `["go","build","-o","dist/app","-tags","b,a","-trimpath","."]`,
				"/directory":         "",
				"/goos":              strconv.Quote(goos),
				"/goarch":            strconv.Quote(goarch),
				"/tags":              `["a","b"]`,
				"/goflags":           `["-buildvcs=` + buildvcs + `"]`,
				"/env":               `{"CGO_ENABLED":"0","GOARM":"7"}`,
				"/source/repository": `"https://github.com/acme/app"`,
				"/source/ref":        `"refs/tags/v1.0.0"`,
				"/source/dirty":      `false`,
			} {
				if got := external(t, r, at); got != want {
					t.Errorf("externalParameters%s is %s, want %s", at, got, want)
				}
			}
			goVersion := w.run("go", "env", "GOVERSION")
			for at, want := range map[string]string{
				"/go/version":  strconv.Quote(goVersion),
				"/go/cgo":      `"0"`,
				"/go/compiler": `"gc"`,
				"/go/module":   `"example.com/app"`,
				"/go/packages": `["example.com/app"]`,
				"/go/tags":     `"a,b"`,
				"/go/trimpath": "true",
				"/exitStatus":  "0",
				"/dirtyFiles":  "",
			} {
				if got := internalParameter(t, r, at); got != want {
					t.Errorf("internalParameters%s is %s, want %s", at, got, want)
				}
			}
			for field, want := range map[string]string{
				"/subject/0":                           capture.Observed,
				atExternal + "/command":                capture.Observed,
				atExternal + "/source/repository":      capture.Declared,
				atExternal + "/env/UNSET":              capture.Absent,
				"/predicate/runDetails/builder/id":     capture.Declared,
				"/predicate/buildDefinition/buildType": capture.Declared,
			} {
				if got := grade(r, field); got != want {
					t.Errorf("%s is graded %q, want %q", field, got, want)
				}
			}
			source := dependency(t, r, "source")
			if got, want := source.URI, "git+https://github.com/acme/app@refs/tags/v1.0.0"; got != want {
				t.Errorf("source is %q, want %q", got, want)
			}
			if got, want := source.Digest["gitCommit"], w.git("rev-parse", "HEAD"); got != want {
				t.Errorf("gitCommit is %q, want %q", got, want)
			}
			if got, want := source.Digest["gitTree"], w.git("rev-parse", "HEAD^{tree}"); got != want {
				t.Errorf("gitTree is %q, want %q", got, want)
			}
			toolchain := dependency(t, r, "go")
			if got, want := toolchain.URI, "pkg:generic/go@"+strings.TrimPrefix(goVersion, "go"); got != want {
				t.Errorf("toolchain is %q, want %q", got, want)
			}
			path := filepath.Join(w.run("go", "env", "GOROOT"), "bin", "go")
			if got, want := toolchain.Digest["sha256"], sha256Of(t, path); got != want {
				t.Errorf("toolchain has sha256 %q, want %q", got, want)
			}
			if got, want := r.Subjects()[0].Name, "dist/app"; got != want {
				t.Errorf("subject is called %q, want %q", got, want)
			}
			if got, want := r.Subjects()[0].Digest["sha256"], sha256Of(t, filepath.Join(w.dir, "dist/app")); got != want {
				t.Errorf("subject has sha256 %q, want %q", got, want)
			}
		})
	}
}

func sha256Of(t testing.TB, path string) string {
	t.Helper()
	s, err := provenance.SubjectOptions{Root: filepath.Dir(path)}.Subjects(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	return s[0].Digest["sha256"]
}

func dependency(t testing.TB, r *capture.Record, name string) provenance.ResourceDescriptor {
	t.Helper()
	deps := r.Build().BuildDefinition.ResolvedDependencies
	i := slices.IndexFunc(deps, func(d provenance.ResourceDescriptor) bool { return d.Name == name })
	if i < 0 {
		t.Fatalf("no resolved dependency is called %q", name)
	}
	return deps[i]
}

// TestModules wants every module of go version -m among the dependencies, with
// its sum, and no other.
func TestModules(t *testing.T) {
	w := newWorld(t)
	w.write("go.mod", "module example.com/app\n\ngo 1.26\n\nrequire (\n\texample.com/Dep v1.2.3\n\texample.com/old v1.0.0\n\texample.com/local v0.0.0\n\texample.com/unused v1.0.0\n)\n"+
		"\nreplace example.com/old => example.com/fork v1.1.0\n\nreplace example.com/local => ./local\n")
	w.write("local/go.mod", "module example.com/local\n\ngo 1.26\n")
	w.write("local/local.go", "package local\n\nfunc F() {}\n")
	w.write("main.go", "package main\n\nimport (\n\tdep \"example.com/Dep\"\n\t\"example.com/local\"\n\t\"example.com/old\"\n)\n\nfunc main() { dep.F(); old.F(); local.F() }\n")
	served := proxy(t, map[string]string{
		"example.com/Dep@v1.2.3":    "package dep\n\nfunc F() {}\n",
		"example.com/fork@v1.1.0":   "package old\n\nfunc F() {}\n",
		"example.com/unused@v1.0.0": "package unused\n",
	})
	env := []string{served, "GOFLAGS=-mod=mod -modcacherw"}
	r := w.capture(capture.Options{}, goBuild("."), env...)
	validate(t, r)

	want := map[string]string{} // "path version" to sum
	last := ""
	for line := range strings.Lines(w.run("go", "version", "-m", "dist/app")) {
		f := strings.Fields(line)
		switch {
		case len(f) >= 3 && f[0] == "dep":
			last = f[1] + " " + f[2]
			want[last] = dirHash(t, f[3:])
		case len(f) >= 2 && f[0] == "=>":
			delete(want, last)
			if strings.HasPrefix(f[1], ".") {
				last, _, _ = strings.Cut(last, " ")
				want[last+" "] = ""
			} else {
				want[f[1]+" "+f[2]] = dirHash(t, f[3:])
			}
		}
	}
	got := map[string]string{}
	for i, d := range r.Build().BuildDefinition.ResolvedDependencies {
		if !strings.HasPrefix(d.URI, "pkg:golang/") {
			continue
		}
		_, version, _ := strings.Cut(d.URI, "@")
		got[d.Name+" "+version] = d.Digest["dirHash"]
		at := fmt.Sprintf("/predicate/buildDefinition/resolvedDependencies/%d", i)
		if g := grade(r, at) + grade(r, at+"/digest"); g != capture.Observed {
			t.Errorf("%s is graded %s, want observed", d.Name, g)
		}
	}
	local := filepath.Join(w.dir, "local")
	folder, err := provenance.SubjectOptions{Root: local}.Subjects(t.Context(), local)
	if err != nil {
		t.Fatal(err)
	}
	want["example.com/local "] = folder[0].Digest["dirHash"] // all of its files were compiled
	if len(want) != 3 || !maps.Equal(got, want) {
		t.Errorf("modules are\n%v, want\n%v", got, want)
	}
	if strings.Contains(string(marshal(t, r)), "./local") {
		t.Error("the folder of a replacement is written down")
	}
}

// dirHash is the sum at the end of a line of go version -m, in hexadecimal.
func dirHash(t testing.TB, fields []string) string {
	t.Helper()
	if len(fields) == 0 {
		return ""
	}
	raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(fields[0], "h1:"))
	if err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(raw)
}

func marshal(t testing.TB, r *capture.Record) []byte {
	t.Helper()
	data, err := r.Statement().Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestFailedBuild wants no record of a build that failed, and its exit status.
func TestFailedBuild(t *testing.T) {
	w := newWorld(t)
	w.write("main.go", "package main\n\nfunc main() { nothing() }\n")
	r, err := capture.Run(t.Context(), w.command(goBuild(".")), "dist/app")
	var exit *exec.ExitError
	if r != nil || !errors.As(err, &exit) || exit.ExitCode() != 1 {
		t.Errorf("a failed build gives %v, %v, want an ExitError with status 1", r, err)
	}
	w.write("main.go", "package main\n\nfunc main() {}\n")
	w.capture(capture.Options{}, goBuild("."))
}

// TestOutputs says which outputs a command may be said to have made.
func TestOutputs(t *testing.T) {
	t.Parallel()
	old := time.Now().Add(-time.Hour)
	for _, test := range []struct {
		name, script string
		before       string // content of dist/app, an hour old, before the command
		outputs      []string
		want         string // in the error
		grade        string
	}{
		{name: "made", script: "echo new >dist/app", outputs: []string{"dist/app"}, grade: capture.Observed},
		{name: "written anew", script: "echo new >dist/tmp; mv dist/tmp dist/app", before: "old\n", outputs: []string{"dist/app"}, grade: capture.Observed},
		{name: "written in place", script: "echo longer >dist/app", before: "old\n", outputs: []string{"dist/app"}, grade: capture.Observed},
		{name: "touched only", script: "touch dist/app", before: "old\n", outputs: []string{"dist/app"}, grade: capture.Inferred},
		{name: "missing", script: "true", outputs: []string{"dist/app"}, want: "was not made"},
		{name: "removed", script: "rm dist/app", before: "old\n", outputs: []string{"dist/app"}, want: "was not made"},
		{name: "not touched", script: "true", before: "old\n", outputs: []string{"dist/app"}, want: "did not touch it"},
		{name: "one of two missing", script: "echo >dist/app", outputs: []string{"dist/app", "dist/other"}, want: `"dist/other" was not made`},
		{name: "none named", script: "true", want: "no outputs"},
		{name: "named twice", script: "echo >dist/app", outputs: []string{"dist/app", "./dist/app"}, want: "twice"},
		{name: "folder", script: "mkdir dist/f; echo >dist/f/a", outputs: []string{"dist/f"}, grade: capture.Observed},
		{name: "a link", script: "ln -s /etc/passwd dist/app", outputs: []string{"dist/app"}, want: "is a link"},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			w.write("dist/.keep", "")
			if test.before != "" {
				w.write("dist/app", test.before)
				if err := os.Chtimes(filepath.Join(w.dir, "dist/app"), old, old); err != nil {
					t.Fatal(err)
				}
			}
			r, err := capture.Run(t.Context(), w.command([]string{"sh", "-c", test.script}), test.outputs...)
			if test.want != "" {
				if err == nil || !strings.Contains(err.Error(), test.want) {
					t.Errorf("error is %v, want %q", err, test.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			validate(t, r)
			if got := grade(r, "/subject/0"); got != test.grade {
				t.Errorf("grade is %q, want %q", got, test.grade)
			}
		})
	}
}

// TestFolderNotTouched wants a folder that was there before refused, and
// accepted once one file in its depth is written.
func TestFolderNotTouched(t *testing.T) {
	w := newWorld(t)
	w.write("dist/f/deep/a", "x")
	_, err := capture.Run(t.Context(), w.command([]string{"true"}), "dist/f")
	if err == nil || !strings.Contains(err.Error(), "did not touch it") {
		t.Errorf("error is %v, want that it was not touched", err)
	}
	if _, err := capture.Run(t.Context(), w.command([]string{"sh", "-c", "echo more >>dist/f/deep/a"}), "dist/f"); err != nil {
		t.Error(err)
	}
}

// TestUpToDate builds twice. The second time go only touches the file, so that
// it was made by this command is inferred. An output of another command is not.
func TestUpToDate(t *testing.T) {
	w := newWorld(t)
	first := w.capture(capture.Options{}, goBuild("."))
	second := w.capture(capture.Options{}, goBuild("."))
	if got := grade(first, "/subject/0"); got != capture.Observed {
		t.Errorf("first is graded %q", got)
	}
	if got := grade(second, "/subject/0"); got != capture.Inferred {
		t.Errorf("second is graded %q, want inferred", got)
	}
	_, err := capture.Run(t.Context(), w.command([]string{"go", "build", "-o", "dist/other", "."}), "dist/app")
	if err == nil || !strings.Contains(err.Error(), "did not touch it") {
		t.Errorf("error is %v, want that dist/app was not touched", err)
	}
}

// TestSeveralOutputs records two programs of one command.
func TestSeveralOutputs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.write("cmd/a/main.go", "package main\n\nfunc main() {}\n")
	w.write("cmd/b/main.go", "package main\n\nfunc main() { println() }\n")
	r, err := capture.Run(t.Context(), w.command([]string{"go", "build", "-o", "dist/", "./cmd/..."}), "dist/b", "dist/a")
	if err != nil {
		t.Fatal(err)
	}
	validate(t, r)
	if got, want := internalParameter(t, r, "/go/packages"), `["example.com/app/cmd/a","example.com/app/cmd/b"]`; got != want {
		t.Errorf("packages are %s, want %s", got, want)
	}
	var names []string
	for _, s := range r.Subjects() {
		names = append(names, s.Name)
	}
	if got, want := fmt.Sprint(names), "[dist/b dist/a]"; got != want {
		t.Errorf("subjects are %s, want %s", got, want)
	}
}

// TestPlatformsDiffer wants no platform where the outputs differ in it.
func TestPlatformsDiffer(t *testing.T) {
	w := newWorld(t)
	script := "GOOS=linux GOARCH=amd64 go build -o dist/a . && GOOS=linux GOARCH=arm64 go build -o dist/b ."
	r, err := capture.Run(t.Context(), w.command([]string{"sh", "-c", script}, "CGO_ENABLED=0"), "dist/a", "dist/b")
	if err != nil {
		t.Fatal(err)
	}
	validate(t, r)
	if got, want := external(t, r, "/goos"), `"linux"`; got != want {
		t.Errorf("goos is %s, want %s", got, want)
	}
	if got := external(t, r, "/goarch") + grade(r, atExternal+"/goarch"); got != capture.Absent {
		t.Errorf("goarch is %s, want it absent", got)
	}
	if got, want := external(t, r, "/command"), `["sh","(withheld)","(withheld)"]`; got != want {
		t.Errorf("command is %s, want %s", got, want)
	}
}

// TestContradiction wants an error where an output says something else than
// what was seen: here a file for another platform is put in the program's place.
func TestContradiction(t *testing.T) {
	w := newWorld(t)
	w.run("sh", "-c", "GOOS=windows go build -o dist/windows .")
	tool := filepath.Join(w.dir, "swap")
	w.write("swap", "#!/bin/sh\ncase $1 in */link) [ \"$2\" = -V=full ] || { cp "+w.dir+"/dist/windows "+w.dir+"/swapped; }; esac\nexec \"$@\"\n")
	if err := os.Chmod(tool, 0o755); err != nil {
		t.Fatal(err)
	}
	_, err := capture.Run(t.Context(), w.command([]string{"go", "build", "-toolexec", tool, "-o", "dist/app", "."}), "swapped")
	if err == nil || !strings.Contains(err.Error(), `GOOS "windows"`) {
		t.Errorf("error is %v, want that the output is for windows", err)
	}
	if _, err := capture.Run(t.Context(), w.command([]string{"go", "build", "-o", "dist/app2", "."}), "dist/app2"); err != nil {
		t.Error(err)
	}
}

// TestMovedCommit wants no record of a build during which another commit was checked out.
func TestMovedCommit(t *testing.T) {
	w := newWorld(t)
	_, err := capture.Run(t.Context(), w.command([]string{"sh", "-c", "mkdir -p dist; go build -o dist/app . && git commit -q --allow-empty -m y"}), "dist/app")
	if err == nil || !strings.Contains(err.Error(), "changed during the build") {
		t.Errorf("error is %v, want that the commit changed", err)
	}
	w.capture(capture.Options{}, []string{"sh", "-c", "go build -o dist/app ."})
}

// TestCancel wants the command killed with ctx, grandchildren notwithstanding.
func TestCancel(t *testing.T) {
	w := newWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	cmd := w.command([]string{"sh", "-c", "echo started; exec sleep 600"})
	cmd.Stdout = writerFunc(func(p []byte) (int, error) { cancel(); return len(p), nil })
	_, err := capture.Run(ctx, cmd, "dist/app")
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v, want that it was canceled", err)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// TestRefusedCommands lists what cannot be run.
func TestRefusedCommands(t *testing.T) {
	w := newWorld(t)
	started := w.command([]string{"true"})
	if err := started.Run(); err != nil {
		t.Fatal(err)
	}
	elsewhere := w.command([]string{"true"})
	elsewhere.Dir = t.TempDir()
	for name, test := range map[string]struct {
		cmd     *exec.Cmd
		options capture.Options
		want    string
	}{
		"nil":            {nil, capture.Options{}, "missing"},
		"started":        {started, capture.Options{}, "started"},
		"no program":     {exec.Command("no-such-program-here"), capture.Options{}, "not found"},
		"no folder":      {&exec.Cmd{Path: "/bin/true", Dir: "/no/such/folder"}, capture.Options{}, "no such file"},
		"no root":        {w.command([]string{"true"}), capture.Options{Root: "/no/such/folder"}, "no such file"},
		"outside root":   {elsewhere, capture.Options{Root: w.dir}, "not inside the root"},
		"variable":       {w.command([]string{"true"}), capture.Options{Env: []string{"A=B"}}, "no name of an environment variable"},
		"builder id":     {w.command(goBuild(".")), capture.Options{BuilderID: "me"}, "builder"},
		"empty variable": {w.command([]string{"true"}), capture.Options{Env: []string{""}}, "no name of an environment variable"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := test.options.Run(t.Context(), test.cmd, "dist/app")
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error is %v, want %q", err, test.want)
			}
		})
	}
}

// TestFolders tells the root, the command's folder and -C apart.
func TestFolders(t *testing.T) {
	longStory(t)
	t.Parallel()
	w := newWorld(t)
	w.write("sub/tool/main.go", "package main\n\nfunc main() {}\n")
	w.commit()
	for _, test := range []struct {
		name, dir          string
		args               []string
		options            capture.Options
		output             string
		command, directory string
		subject            string
	}{
		{"top", "", []string{"go", "build", "-o", w.dir + "/dist/a", w.dir + "/sub/tool"}, capture.Options{}, "dist/a",
			`["go","build","-o","dist/a","./sub/tool"]`, "", "dist/a"},
		{"below", "sub", []string{"go", "build", "-o", w.dir + "/dist/b", "./tool"}, capture.Options{}, "../dist/b",
			`["go","build","-o","../dist/b","./tool"]`, `"sub"`, "dist/b"},
		{"-C", "", []string{"go", "build", "-C", "sub", "-o", "tool.out", "./tool"}, capture.Options{}, "sub/tool.out",
			`["go","build","-C","sub","-o","tool.out","./tool"]`, "", "sub/tool.out"},
		{"root", "sub", []string{"go", "build", "-o", "out", w.dir + "/sub/tool"}, capture.Options{Root: filepath.Join(w.dir, "sub")}, "out",
			`["go","build","-o","out","./tool"]`, "", "out"},
		{"output outside", "sub", []string{"go", "build", "-o", w.dir + "/dist/c", "./tool"}, capture.Options{Root: filepath.Join(w.dir, "sub")}, w.dir + "/dist/c",
			`["go","build","-o","(withheld)/c","./tool"]`, "", "c"},
	} {
		t.Run(test.name, func(t *testing.T) {
			cmd := w.command(test.args)
			cmd.Dir = filepath.Join(w.dir, test.dir)
			r, err := test.options.Run(t.Context(), cmd, test.output)
			if err != nil {
				t.Fatal(err)
			}
			validate(t, r)
			if got := external(t, r, "/command"); got != test.command {
				t.Errorf("command is %s, want %s", got, test.command)
			}
			if got := external(t, r, "/directory"); got != test.directory {
				t.Errorf("directory is %s, want %s", got, test.directory)
			}
			if got := r.Subjects()[0].Name; got != test.subject {
				t.Errorf("subject is %q, want %q", got, test.subject)
			}
			if strings.Contains(string(marshal(t, r)), w.dir) {
				t.Error("the work tree's own folder is written down")
			}
		})
	}
}

// TestLinkedFolder names everything by way of a link to the work tree, as
// folders for temporary files are on some systems.
func TestLinkedFolder(t *testing.T) {
	longStory(t)
	w := newWorld(t)
	w.write("sub/main.go", "package main\n\nfunc main() {}\n")
	w.commit()
	link := filepath.Join(realTemp(t), "link")
	if err := os.Symlink(w.dir, link); err != nil {
		t.Fatal(err)
	}
	for _, output := range []string{"../dist/app", link + "/dist/app", w.dir + "/dist/app"} {
		cmd := w.command([]string{"go", "build", "-o", link + "/dist/app", "."})
		cmd.Dir = filepath.Join(link, "sub")
		r, err := capture.Run(t.Context(), cmd, output)
		if err != nil {
			t.Fatal(err)
		}
		validate(t, r)
		if got, want := r.Subjects()[0].Name, "dist/app"; got != want {
			t.Errorf("output %s is called %q, want %q", output, got, want)
		}
		if got, want := external(t, r, "/command"), `["go","build","-o","../dist/app","."]`; got != want {
			t.Errorf("command is %s, want %s", got, want)
		}
	}
}

// TestProgramName wants the program that ran, whatever it calls itself.
func TestProgramName(t *testing.T) {
	w := newWorld(t)
	cmd := w.command([]string{"sh", "-c", "mkdir -p dist; echo >dist/app"})
	cmd.Args[0] = "go"
	r, err := capture.Run(t.Context(), cmd, "dist/app")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := external(t, r, "/command"), `["sh","(withheld)","(withheld)"]`; got != want {
		t.Errorf("command is %s, want %s", got, want)
	}
}

// TestCompiler wants the C compiler recorded if cgo is on, and not if it is off.
func TestCompiler(t *testing.T) {
	w := newWorld(t)
	bin := realTemp(t)
	if err := os.WriteFile(filepath.Join(bin, "mycc"), []byte("#!/bin/sh\nexec cc \"$@\"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	path := "PATH=" + bin + ":" + os.Getenv("PATH")
	r := w.capture(capture.Options{}, goBuild("."), "CGO_ENABLED=1", "CC=mycc -m64", path)
	validate(t, r)
	cc := dependency(t, r, "cc")
	if got, want := cc.URI, "pkg:generic/mycc"; got != want {
		t.Errorf("compiler is %q, want %q", got, want)
	}
	if got, want := cc.Digest["sha256"], sha256Of(t, filepath.Join(bin, "mycc")); got != want {
		t.Errorf("compiler has sha256 %q, want %q", got, want)
	}
	r = w.capture(capture.Options{}, goBuild("."), "CGO_ENABLED=0", "CC=mycc -m64", path)
	validate(t, r)
	for _, dep := range r.Build().BuildDefinition.ResolvedDependencies {
		if dep.Name == "cc" {
			t.Error("a compiler is recorded that was switched off")
		}
	}
}

// TestSharedModules wants a module that two outputs link recorded once.
func TestSharedModules(t *testing.T) {
	w := newWorld(t)
	w.write("go.mod", "module example.com/app\n\ngo 1.26\n\nrequire (\n\texample.com/a v1.0.0\n\texample.com/b v1.0.0\n)\n")
	w.write("cmd/x/main.go", "package main\n\nimport (\n\t_ \"example.com/a\"\n\t_ \"example.com/b\"\n)\n\nfunc main() {}\n")
	w.write("cmd/y/main.go", "package main\n\nimport _ \"example.com/a\"\n\nfunc main() {}\n")
	served := proxy(t, map[string]string{"example.com/a@v1.0.0": "package a\n", "example.com/b@v1.0.0": "package b\n"})
	cmd := w.command([]string{"go", "build", "-o", "dist/", "./cmd/..."}, served, "GOFLAGS=-mod=mod -modcacherw")
	r, err := capture.Run(t.Context(), cmd, "dist/x", "dist/y")
	if err != nil {
		t.Fatal(err)
	}
	validate(t, r)
	var modules []string
	for _, dep := range r.Build().BuildDefinition.ResolvedDependencies {
		if strings.HasPrefix(dep.URI, "pkg:golang/") {
			modules = append(modules, dep.URI)
		}
	}
	if got, want := strings.Join(modules, " "), "pkg:golang/example.com/a@v1.0.0 pkg:golang/example.com/b@v1.0.0"; got != want {
		t.Errorf("modules are %s, want %s", got, want)
	}
}

// TestSameName wants two outputs told apart.
func TestSameName(t *testing.T) {
	w := newWorld(t)
	a, b := realTemp(t), realTemp(t)
	_, err := capture.Run(t.Context(), w.command([]string{"sh", "-c", "echo >" + a + "/x; echo >" + b + "/x"}), a+"/x", b+"/x")
	if err == nil || !strings.Contains(err.Error(), `called "x"`) {
		t.Errorf("error is %v, want that both are called x", err)
	}
}

// TestVariables wants said which variables change a build and were not recorded.
func TestVariables(t *testing.T) {
	w := newWorld(t)
	o := capture.Options{Env: []string{"CC", "GOFLAGS"}}
	r := w.capture(o, goBuild("."), "CC=cc", "CGO_CFLAGS=-O1", "GOFLAGS='-ldflags=-X main.version=s3cr3t'", "CGO_ENABLED=0")
	validate(t, r)
	if got, want := external(t, r, "/env"), `{"CC":"cc","GOFLAGS":"'-ldflags=-X main.version=(withheld)'"}`; got != want {
		t.Errorf("env is %s, want %s", got, want)
	}
	for name, want := range map[string]string{"CC": capture.Observed, "CGO_CFLAGS": capture.Absent, "CXX": ""} {
		if got := grade(r, atExternal+"/env/"+name); got != want {
			t.Errorf("%s is graded %q, want %q", name, got, want)
		}
	}
}

// TestSameBytes captures the same build twice; only the invocation id and the
// times may differ.
func TestSameBytes(t *testing.T) {
	w := newWorld(t)
	w.write("untracked-b", "")
	w.write("untracked-a", "")
	o := capture.Options{Env: []string{"Z", "A", "PATH", "A"}}
	args := goBuild("-trimpath", "-tags=c,b,a", ".")
	first, second := w.capture(o, args, "A=1", "Z=2"), w.capture(o, args, "A=1", "Z=2")
	a, b := withoutRun(t, first), withoutRun(t, second)
	if a != b {
		t.Errorf("two captures differ:\n%s\n%s", a, b)
	}
	if x, y := first.Build().RunDetails.Metadata.InvocationID, second.Build().RunDetails.Metadata.InvocationID; x == y {
		t.Errorf("two captures have the invocation id %s", x)
	}
	if x, y := string(marshal(t, first)), string(marshal(t, first)); x != y {
		t.Error("one record has two encodings")
	}
}

func withoutRun(t *testing.T, r *capture.Record) string {
	t.Helper()
	b := r.Build()
	b.RunDetails.Metadata = provenance.BuildMetadata{}
	s, err := b.Statement(r.Subjects()...)
	if err != nil {
		t.Fatal(err)
	}
	data, err := s.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestCopies wants a record unharmed by what its caller does to what it returned.
func TestCopies(t *testing.T) {
	w := newWorld(t)
	r := w.capture(capture.Options{}, goBuild("."))
	want := string(marshal(t, r))
	b := r.Build()
	b.BuildDefinition.ExternalParameters["command"].([]any)[0] = "evil"
	b.BuildDefinition.ExternalParameters["source"].(map[string]any)["dirty"] = "evil"
	b.BuildDefinition.ResolvedDependencies[0].Digest["gitCommit"] = "evil"
	r.Subjects()[0].Digest["sha256"] = "evil"
	s := r.Statement()
	s.Subject[0].Digest["sha256"] = "evil"
	s.Predicate[0] = 'x'
	r.Grades()[0].Grade = "evil"
	if got := string(marshal(t, r)); got != want {
		t.Error("a copy changed the statement")
	}
	again, err := json.Marshal(r.Build())
	if err != nil || strings.Contains(string(again), "evil") || r.Grades()[0].Grade == "evil" {
		t.Error("a copy changed the record")
	}
}
