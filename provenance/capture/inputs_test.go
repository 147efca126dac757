package capture_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/capture"
)

// useDep makes the world's program import example.com/Dep, which a proxy of
// files serves, and returns the variables that the build needs.
func (w *world) useDep() []string {
	w.t.Helper()
	w.write("go.mod", "module example.com/app\n\ngo 1.26\n\nrequire example.com/Dep v1.2.3\n")
	w.write("main.go", "package main\n\nimport dep \"example.com/Dep\"\n\nfunc main() { dep.F() }\n")
	env := []string{proxy(w.t, map[string]string{"example.com/Dep@v1.2.3": "package dep\n\nfunc F() {}\n"}), "GOFLAGS=-modcacherw"}
	cmd := w.command([]string{"go", "mod", "tidy"}, env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		w.t.Fatalf("go mod tidy: %v\n%s", err, out)
	}
	w.commit()
	return env
}

// home is the HOME of w, which holds its module cache.
func (w *world) home() string {
	for _, e := range w.env {
		if home, ok := strings.CutPrefix(e, "HOME="); ok {
			return home
		}
	}
	return ""
}

// whyOf is why a dependency is known as it is graded.
func whyOf(t testing.TB, r *capture.Record, name string) string {
	t.Helper()
	deps := r.Build().BuildDefinition.ResolvedDependencies
	i := slices.IndexFunc(deps, func(d provenance.ResourceDescriptor) bool { return d.Name == name })
	for _, g := range r.Grades() {
		if i >= 0 && g.Field == atDependencies(i) {
			return g.Grade + ": " + g.Why
		}
	}
	t.Errorf("no dependency is called %q", name)
	return ""
}

// TestInputs wants what is compiled counted, and a digest of each folder that
// changes with what is compiled and with nothing else.
func TestInputs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.write("main.go", "package main\n\nimport (\n\t_ \"embed\"\n\n\t\"example.com/app/asm\"\n)\n\n//go:embed data/hello.txt\nvar hello string\n\nfunc main() { println(hello, asm.F()) }\n")
	w.write("data/hello.txt", "hello")
	w.write("other_windows.go", "package main\n")
	w.write("asm/asm.go", "package asm\n\nfunc F() int { return 0 }\n")
	w.write("asm/empty.s", "")
	w.commit()
	build := func(args ...string) (string, string) {
		t.Helper()
		r := w.capture(capture.Options{}, goBuild(args...))
		validate(t, r)
		digest := internalParameter(t, r, "/go/inputs/modules/example.com~1app")
		return digest, internalParameter(t, r, "/go/inputs/files") + internalParameter(t, r, "/go/inputs/embedded") + internalParameter(t, r, "/go/inputs/native")
	}
	first, counts := build(".")
	if counts != "411" {
		t.Errorf("files, embedded and native are %s, want 4, 1 and 1", counts)
	}
	list := filepath.Join(t.TempDir(), "list")
	for _, name := range []string{"asm/asm.go", "asm/empty.s", "data/hello.txt", "go.mod", "main.go"} {
		data, err := os.ReadFile(filepath.Join(w.dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(filepath.Join(list, filepath.Dir(name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(list, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	only, err := provenance.SubjectOptions{Root: list}.Subjects(t.Context(), list)
	if err != nil {
		t.Fatal(err)
	}
	if want := `"` + only[0].Digest["dirHash"] + `"`; first != want {
		t.Errorf("digest is %s, want that of a folder with just these files, %s", first, want)
	}
	same := map[string]string{"README": "not compiled", "other_windows.go": "package main\n\nvar x int\n", "data/more.txt": "not embedded",
		"tagged.go": "//go:build tag\n\npackage main\n", ".gitignore": "dist/\nignored.go\n"}
	for name, content := range same {
		w.write(name, content)
	}
	if got, _ := build("."); got != first {
		t.Errorf("digest is %s with files that are not compiled, want %s", got, first)
	}
	if got, _ := build("-tags=tag", "."); got == first {
		t.Error("digest is the same with a file that a tag adds")
	}
	for _, change := range []struct{ name, content string }{
		{"data/hello.txt", "bye"},
		{"asm/empty.s", "// more\n"},
		{"go.mod", "module example.com/app\n\ngo 1.25\n"},
		{"ignored.go", "package main\n"},
	} {
		before, _ := os.ReadFile(filepath.Join(w.dir, change.name))
		w.write(change.name, change.content)
		if got, _ := build("."); got == first {
			t.Errorf("digest is the same with another %s", change.name)
		}
		if before != nil {
			w.write(change.name, string(before))
		}
	}
}

// TestModuleSums wants the sum of a module held against go.sum, the module
// cache and the source in it, and no record where one of them says otherwise.
func TestModuleSums(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	env := w.useDep()
	r := w.capture(capture.Options{}, goBuild("."), env...)
	validate(t, r)
	if got, want := whyOf(t, r, "example.com/Dep"), "observed: the outputs' build info, which the linker wrote; the sum was held against go.sum, the module cache's sum of its archive, the source in the module cache, hashed during the build"; got != want {
		t.Errorf("it is known by\n%s, want\n%s", got, want)
	}
	cache := filepath.Join(w.home(), "go", "pkg", "mod")
	source := filepath.Join(cache, "example.com/!dep@v1.2.3/code.go")
	archive := filepath.Join(cache, "cache/download/example.com/!dep/@v/v1.2.3.ziphash")
	for _, test := range []struct {
		name, path string
		change     func(content string) string
		subject    string
		fact       string
	}{
		{"source", source, func(s string) string { return s + "// more\n" }, "example.com/Dep", "source"},
		{"another file of it", filepath.Join(cache, "example.com/!dep@v1.2.3/more.txt"), func(string) string { return "more" }, "example.com/Dep", "source"},
		{"go.sum", filepath.Join(w.dir, "go.sum"), func(s string) string { return s + "example.com/x v1.0.0 h1:short\n" }, "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			before, readErr := os.ReadFile(test.path)
			if err := os.WriteFile(test.path, []byte(test.change(string(before))), 0o644); err != nil {
				t.Fatal(err)
			}
			defer func() {
				os.Remove(test.path)
				if readErr == nil {
					if err := os.WriteFile(test.path, before, 0o644); err != nil {
						t.Fatal(err)
					}
				}
			}()
			r, err := capture.Run(t.Context(), w.command(goBuild("."), env...), "dist/app")
			var contradiction *capture.ContradictionError
			if test.fact == "" {
				if r != nil || err == nil {
					t.Errorf("%v, %v, want go itself to refuse", r, err)
				}
				return
			}
			if r != nil || !errors.As(err, &contradiction) || len(contradiction.Findings) != 1 {
				t.Fatalf("%v, %v, want one contradiction", r, err)
			}
			if f := contradiction.Findings[0]; f.Subject != test.subject || f.Fact != test.fact {
				t.Errorf("found %v, want %s of %s", f, test.fact, test.subject)
			}
		})
	}
	if err := os.Remove(archive); err != nil {
		t.Fatal(err)
	}
	w.capture(capture.Options{}, goBuild("-mod=mod", "."), env...)
}

// TestVendor wants the vendor folder hashed, and modules.txt to agree.
func TestVendor(t *testing.T) {
	w := newWorld(t)
	env := w.useDep()
	cmd := w.command([]string{"go", "mod", "vendor"}, env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	w.commit()
	r := w.capture(capture.Options{}, goBuild("."), env...)
	validate(t, r)
	vendor := filepath.Join(w.dir, "vendor")
	folder, err := provenance.SubjectOptions{Root: vendor}.Subjects(t.Context(), vendor)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := dependency(t, r, "vendor").Digest["dirHash"], folder[0].Digest["dirHash"]; got != want {
		t.Errorf("vendor has dirHash %s, want %s", got, want)
	}
	if got, want := dependency(t, r, "example.com/Dep"), "pkg:golang/example.com/dep@v1.2.3"; got.URI != want || got.Digest != nil {
		t.Errorf("the module is %v, want %s and no digest", got, want)
	}
	if got := whyOf(t, r, "example.com/Dep"); !strings.HasSuffix(got, "it is compiled from the vendor folder") {
		t.Errorf("the module is %s", got)
	}
}

// TestWorkspace wants the folders of a workspace with their digests, and the
// lines of go.work.
func TestWorkspace(t *testing.T) {
	w := newWorld(t)
	w.write("main.go", "package main\n\nimport \"example.com/lib\"\n\nfunc main() { lib.F() }\n")
	w.write("go.mod", "module example.com/app\n\ngo 1.26\n\ntoolchain go1.26.0\n\nrequire example.com/lib v0.0.0\n")
	w.write("lib/go.mod", "module example.com/lib\n\ngo 1.26\n")
	w.write("lib/lib.go", "package lib\n\nfunc F() {}\n")
	w.write("go.work", "go 1.26\n\nuse (\n\t.\n\t./lib\n)\n")
	w.commit()
	r := w.capture(capture.Options{}, goBuild("."))
	validate(t, r)
	lib := filepath.Join(w.dir, "lib")
	folder, err := provenance.SubjectOptions{Root: lib}.Subjects(t.Context(), lib)
	if err != nil {
		t.Fatal(err)
	}
	want := folder[0].Digest["dirHash"]
	if got := dependency(t, r, "example.com/lib"); got.Digest["dirHash"] != want || got.URI != "pkg:golang/example.com/lib" {
		t.Errorf("lib is %v, want dirHash %s", got, want)
	}
	for at, want := range map[string]string{
		"/go/work":                              `{"go":"1.26","use":[".","./lib"]}`,
		"/go/mod":                               `{"go":"1.26","toolchain":"go1.26.0"}`,
		"/go/gowork":                            "",
		"/go/inputs/modules/example.com~1lib":   `"` + want + `"`,
		"/go/inputs/modules/example.com~1other": "",
	} {
		if got := internalParameter(t, r, at); got != want {
			t.Errorf("internalParameters%s is %s, want %s", at, got, want)
		}
	}
	w.write("go.mod", "module example.com/app\n\ngo 1.26\n\nrequire example.com/lib v0.0.0\n\nreplace example.com/lib => ./lib\n")
	off := w.capture(capture.Options{}, goBuild("."), "GOWORK=off")
	validate(t, off)
	if got := internalParameter(t, off, "/go/gowork") + internalParameter(t, off, "/go/work"); got != `"off"` {
		t.Errorf("GOWORK is %s, want off", got)
	}
	if got := grade(off, atExternal+"/env/GOWORK"); got != "" {
		t.Errorf("the variable GOWORK is graded %s, and it is recorded", got)
	}
	if got := dependency(t, off, "example.com/lib").Digest["dirHash"]; got != want {
		t.Errorf("the replacement has %s, want %s", got, want)
	}
}

// TestProfiles wants the profiles that the compiler optimizes by, with digests.
func TestProfiles(t *testing.T) {
	longStory(t)
	t.Parallel()
	profile := pgoProfile(t)
	for _, test := range []struct {
		name, file, flag string
		want             string
	}{
		{"default", "default.pgo", "", "profile default.pgo"},
		{"none", "", "", ""},
		{"off", "default.pgo", "-pgo=off", ""},
		{"named", "profiles/cpu.pgo", "-pgo=profiles/cpu.pgo", "profile profiles/cpu.pgo"},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			if test.file != "" {
				w.write(test.file, profile)
			}
			w.commit()
			args := []string{"."}
			if test.flag != "" {
				args = []string{test.flag, "."}
			}
			r := w.capture(capture.Options{}, goBuild(args...))
			validate(t, r)
			var got []string
			for _, d := range r.Build().BuildDefinition.ResolvedDependencies {
				if strings.HasPrefix(d.Name, "profile ") {
					got = append(got, d.Name)
					if want := sha256Of(t, filepath.Join(w.dir, filepath.FromSlash(test.file))); d.Digest["sha256"] != want {
						t.Errorf("%s has sha256 %s, want %s", d.Name, d.Digest["sha256"], want)
					}
				}
			}
			if strings.Join(got, ",") != test.want {
				t.Errorf("profiles are %q, want %q", got, test.want)
			}
		})
	}
}

// TestTwoProfiles builds two programs at once, each with a profile of its own, and
// a package that both import and that go so compiles twice.
func TestTwoProfiles(t *testing.T) {
	w := newWorld(t)
	profile := pgoProfile(t)
	w.write("lib/lib.go", "package lib\n\nfunc F() {}\n")
	for _, name := range []string{"a", "b"} {
		w.write("cmd/"+name+"/main.go", "package main\n\nimport \"example.com/app/lib\"\n\nfunc main() { lib.F() }\n")
		w.write("cmd/"+name+"/default.pgo", profile)
	}
	w.commit()
	r, err := capture.Run(t.Context(), w.command([]string{"go", "build", "-o", "dist/", "./cmd/..."}), "dist/a", "dist/b")
	if err != nil {
		t.Fatal(err)
	}
	validate(t, r)
	for _, name := range []string{"profile cmd/a/default.pgo", "profile cmd/b/default.pgo"} {
		if dependency(t, r, name).Digest["sha256"] == "" {
			t.Errorf("%s has no digest", name)
		}
	}
	if got := internalParameter(t, r, "/go/inputs/files"); got != "3" {
		t.Errorf("inputs are %s files, want 3", got)
	}
}

// TestSettings wants what go env and flags set recorded, and agreeing with the
// binary.
func TestSettings(t *testing.T) {
	longStory(t)
	t.Parallel()
	w := newWorld(t)
	for _, test := range []struct {
		args []string
		env  []string
		at   string
		want string
	}{
		{[]string{"-ldflags=-s -X main.version=1"}, nil, "/go/ldflags", `"-s -X main.version=(withheld)"`},
		{nil, []string{"GOFLAGS='-ldflags=-s -w' -tags=a,b -trimpath"}, "/go/ldflags", `"-s -w"`},
		{[]string{"-ldflags=-w"}, []string{"GOFLAGS='-ldflags=-s -w' -tags=a,b"}, "/go/ldflags", `"-w"`},
		{[]string{"-tags", "y,x,x"}, nil, "/go/tags", `"x,y"`},
		{[]string{"-modfile=other.mod"}, nil, "/go/mod/go", `"1.25"`},
	} {
		w.write("other.mod", "module example.com/app\n\ngo 1.25\n")
		r := w.capture(capture.Options{}, goBuild(append(test.args, ".")...), test.env...)
		validate(t, r)
		if got := internalParameter(t, r, test.at); got != test.want {
			t.Errorf("%q %q: internalParameters%s is %s, want %s", test.args, test.env, test.at, got, test.want)
		}
		if got := internalParameter(t, r, "/go/inputs/files"); got != "1" {
			t.Errorf("%q %q: inputs are %s files, want 1", test.args, test.env, got)
		}
	}
}

// TestUnknownInputs says why the inputs of some commands are not known.
func TestUnknownInputs(t *testing.T) {
	longStory(t)
	t.Parallel()
	w := newWorld(t)
	w.write("overlay.json", `{"Replace": {"`+w.dir+`/main.go": "`+w.dir+`/other.txt"}}`)
	w.write("other.txt", "package main\n\nfunc main() {}\n")
	for _, test := range []struct {
		args  []string
		field string
		want  string
	}{
		{[]string{"sh", "-c", "go build -o dist/app ."}, "/go/inputs", "not go build or go install"},
		{goBuild("-overlay=overlay.json", "."), "/go/inputs/modules/example.com~1app", "an overlay stands in"},
	} {
		r := w.capture(capture.Options{}, test.args)
		validate(t, r)
		i := slices.IndexFunc(r.Grades(), func(g capture.Grade) bool {
			return g.Field == "/predicate/buildDefinition/internalParameters"+test.field
		})
		if i < 0 || r.Grades()[i].Grade != capture.Absent || !strings.Contains(r.Grades()[i].Why, test.want) {
			t.Errorf("%q: %s is not graded absent because %s: %v", test.args, test.field, test.want, r.Grades())
		}
	}
}

// TestChangedSource wants no record if a file that is compiled changes
// meanwhile: here the linker does it.
func TestChangedSource(t *testing.T) {
	w := newWorld(t)
	tool := filepath.Join(realTemp(t), "tool")
	script := "#!/bin/sh\ncase $1 in */link) [ \"$2\" = -V=full ] || { echo >>" + w.dir + "/main.go; };; esac\nexec \"$@\"\n"
	if err := os.WriteFile(tool, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	_, err := capture.Run(t.Context(), w.command(goBuild("-toolexec", tool, ".")), "dist/app")
	var contradiction *capture.ContradictionError
	if !errors.As(err, &contradiction) || contradiction.Findings[0].Subject != "main.go" {
		t.Errorf("error is %v, want that main.go changed", err)
	}
}

// TestDeterministic builds twice, and wants the same bytes but for what is
// particular to a run.
func TestDeterministic(t *testing.T) {
	longStory(t)
	t.Parallel()
	w := newWorld(t)
	env := w.useDep()
	var before []byte
	for _, args := range [][]string{goBuild("-trimpath", "-tags=b,a", "."), goBuild("-trimpath", "-tags=b,a", "."), goBuild("-trimpath", "-tags=b,a", ".")} {
		r := w.capture(capture.Options{Env: []string{"CGO_ENABLED", "HOME"}}, args, append(env, "CGO_ENABLED=0")...)
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
		if before != nil && string(before) != string(data) {
			t.Errorf("one run says\n%s, another\n%s", before, data)
		}
		before = data
		if err := os.Remove(filepath.Join(w.dir, "dist/app")); err != nil {
			t.Fatal(err)
		}
	}
}

// TestFromAbove runs go build -C above the work tree.
func TestFromAbove(t *testing.T) {
	longStory(t)
	t.Parallel()
	w := newWorld(t)
	w.write("cmd/app/main.go", "package main\n\nfunc main() {}\n")
	w.commit()
	above := filepath.Dir(w.dir)
	if err := os.Rename(w.dir, filepath.Join(above, "hidden-name")); err != nil {
		t.Fatal(err)
	}
	w.dir = filepath.Join(above, "hidden-name")
	for _, test := range []struct{ chdir, pattern, out, command string }{
		{filepath.Base(w.dir), "./cmd/app", "dist/app", `["go","build","-C",".","-o","dist/app","./cmd/app"]`},
		{filepath.Join(filepath.Base(w.dir), "cmd"), "./app", "../dist/app", `["go","build","-C","cmd","-o","../dist/app","./app"]`},
		{filepath.Join(w.dir, "cmd"), "./app", filepath.Join(w.dir, "dist/app"), `["go","build","-C","cmd","-o","../dist/app","./app"]`},
	} {
		cmd := w.command([]string{"go", "build", "-C", test.chdir, "-o", test.out, test.pattern})
		cmd.Dir = above
		r, err := capture.Run(t.Context(), cmd, filepath.Join(filepath.Base(w.dir), "dist/app"))
		if err != nil {
			t.Fatal(err)
		}
		validate(t, r)
		if got := external(t, r, "/command"); got != test.command {
			t.Errorf("command is %s, want %s", got, test.command)
		}
		if got := external(t, r, "/directory"); got != "" {
			t.Errorf("directory is %s, want none", got)
		}
		if got := r.Subjects()[0].Name; got != "dist/app" {
			t.Errorf("subject is %s", got)
		}
		if strings.Contains(string(everything(t, r)), "hidden-name") {
			t.Error("the name of the work tree's folder is written down")
		}
		os.RemoveAll(filepath.Join(w.dir, "dist"))
	}
	cmd := w.command([]string{"sh", "-c", "cd " + w.dir + " && go build -o dist/app ."})
	cmd.Dir = above
	if _, err := (capture.Options{Root: w.dir}).Run(t.Context(), cmd, "x"); err == nil || !strings.Contains(err.Error(), "not inside the root") {
		t.Errorf("error is %v, want that the folder is not inside the root", err)
	}
}

// TestOutputElsewhere wants an output outside the root named as its subject is,
// and nothing of the folder.
func TestOutputElsewhere(t *testing.T) {
	w := newWorld(t)
	out := filepath.Join(realTemp(t), "hidden", "app")
	r, err := capture.Run(t.Context(), w.command([]string{"go", "build", "-o", out, "."}), out)
	if err != nil {
		t.Fatal(err)
	}
	validate(t, r)
	if got, want := external(t, r, "/command"), `["go","build","-o","(withheld)/app","."]`; got != want {
		t.Errorf("command is %s, want %s", got, want)
	}
	r, err = capture.Run(t.Context(), w.command([]string{"go", "build", "-o", filepath.Dir(out) + "/", "example.com/app"}), out)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := external(t, r, "/command"), `["go","build","-o","(withheld)","example.com/app"]`; got != want {
		t.Errorf("command is %s, want %s", got, want)
	}
}

// TestRecordFailure wants a record of a build that failed, if asked for, that
// cannot be taken for provenance.
func TestRecordFailure(t *testing.T) {
	w := newWorld(t)
	w.write("main.go", "package main\n\nfunc main() { nothing() }\n")
	w.write("dist/app", "left over")
	for _, args := range [][]string{goBuild("."), goBuild("-mod=mod", "."), {"sh", "-c", "echo >dist/app; exit 3"}, {"sh", "-c", "kill -9 $$"}} {
		r, err := capture.Options{RecordFailure: true}.Run(t.Context(), w.command(args), "dist/app")
		var exit *exec.ExitError
		if !errors.As(err, &exit) || r == nil {
			t.Fatalf("%q: %v, %v, want a record and an ExitError", args, r, err)
		}
		if r.Statement() != nil || r.Subjects() != nil {
			t.Errorf("%q: there are subjects: %v", args, r.Subjects())
		}
		b := r.Build()
		if err := b.Validate(); err != nil {
			t.Error(err)
		}
		if got := b.BuildDefinition.InternalParameters["exitStatus"]; got != float64(exit.ExitCode()) || got == 0.0 {
			t.Errorf("%q: exit status is %v, want %d", args, got, exit.ExitCode())
		}
		if got := grade(r, "/subject"); got != capture.Absent {
			t.Errorf("subject is graded %q", got)
		}
	}
	if r, err := (capture.Options{RecordFailure: true}).Run(t.Context(), w.command([]string{"./missing"}), "dist/app"); r != nil || err == nil {
		t.Errorf("a command that cannot run gives %v, %v", r, err)
	}
}
