package capture_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/capture"
)

// build is the quickest command that makes dist/app.
var build = []string{"sh", "-c", "mkdir -p dist; date +%N >dist/app"}

// TestRef says which ref is recorded.
func TestRef(t *testing.T) {
	longStory(t)
	t.Parallel()
	for _, test := range []struct {
		name string
		set  func(w *world)
		want string
	}{
		{"branch", func(w *world) {}, `"refs/heads/main"`},
		{"branch with a slash", func(w *world) { w.git("checkout", "-q", "-b", "a/b") }, `"refs/heads/a/b"`},
		{"tag before branch", func(w *world) { w.git("tag", "v1.0.0") }, `"refs/tags/v1.0.0"`},
		{"annotated tag", func(w *world) { w.git("tag", "-a", "-m", "x", "v1.0.0") }, `"refs/tags/v1.0.0"`},
		{"branch called like a tag", func(w *world) { w.git("checkout", "-q", "-b", "v1.0.0") }, `"refs/heads/v1.0.0"`},
		{"highest of three tags", func(w *world) { w.git("tag", "v1.9.0"); w.git("tag", "v1.10.0"); w.git("tag", "zzz") }, `"refs/tags/v1.10.0"`},
		{"release before candidate", func(w *world) { w.git("tag", "v2.0.0-rc.1"); w.git("tag", "v2.0.0") }, `"refs/tags/v2.0.0"`},
		{"tag of the commit before", func(w *world) { w.git("tag", "v1.0.0"); w.commit() }, `"refs/heads/main"`},
		{"detached", func(w *world) { w.git("checkout", "-q", "--detach") }, ""},
		{"detached with a tag", func(w *world) { w.git("tag", "v1.0.0"); w.git("checkout", "-q", "--detach") }, `"refs/tags/v1.0.0"`},
		{"branch called HEAD", func(w *world) { w.git("update-ref", "refs/heads/HEAD", "HEAD"); w.git("checkout", "-q", "--detach") }, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			test.set(w)
			r := w.capture(capture.Options{}, build)
			validate(t, r)
			if got := external(t, r, "/source/ref"); got != test.want {
				t.Errorf("ref is %s, want %s", got, test.want)
			}
			if got, want := grade(r, atExternal+"/source/ref") == capture.Absent, test.want == ""; got != want {
				t.Errorf("ref is graded absent: %v, want %v", got, want)
			}
			if got, want := dependency(t, r, "source").URI, "git+https://github.com/acme/app@"; !strings.HasPrefix(got, want) || strings.HasSuffix(got, "@") {
				t.Errorf("source is %q", got)
			}
		})
	}
}

// TestDirty says what makes a work tree dirty, and that it is listed.
func TestDirty(t *testing.T) {
	longStory(t)
	t.Parallel()
	submodule := func(w *world) {
		sub := newWorld(w.t)
		w.git("-c", "protocol.file.allow=always", "submodule", "add", "-q", sub.dir, "sub")
		w.commit()
	}
	for _, test := range []struct {
		name  string
		set   func(w *world)
		dirty string
		files string
	}{
		{"clean", func(w *world) {}, "false", ""},
		{"modified", func(w *world) { w.write("main.go", "package main\n\nfunc main() {}\n") }, "true", `["main.go"]`},
		{"staged", func(w *world) { w.write("b.go", "package main\n"); w.git("add", "b.go") }, "true", `["b.go"]`},
		{"removed", func(w *world) { os.Remove(filepath.Join(w.dir, "main.go")) }, "true", `["main.go"]`},
		{"renamed", func(w *world) { w.git("mv", "main.go", "n.go") }, "true", `["main.go","n.go"]`},
		{"untracked, sorted", func(w *world) { w.write("z/z", ""); w.write("a b", ""); w.write("é", "") }, "true", `["a b","z/z","é"]`},
		{"newline in a name", func(w *world) { w.write("a\nb", "") }, "true", `["a\nb"]`},
		{"no UTF-8 in a name", func(w *world) { w.write("a\xff", "") }, "true", "[\"a\uFFFD\"]"},
		{"ignored", func(w *world) { w.write("dist/more", "") }, "false", ""},
		{"hidden from status by configuration", func(w *world) { w.write("a", ""); w.git("config", "status.showUntrackedFiles", "no") }, "true", `["a"]`},
		{"assume-unchanged", func(w *world) {
			w.git("update-index", "--assume-unchanged", "main.go")
			w.write("main.go", "package main\n\nfunc main() { println(1) }\n")
		}, "true", `["main.go"]`},
		{"skip-worktree", func(w *world) {
			w.git("update-index", "--skip-worktree", "main.go")
			w.write("main.go", "package main\n\nfunc main() { println(1) }\n")
		}, "true", `["main.go"]`},
		{"skip-worktree, not there", func(w *world) {
			w.git("update-index", "--skip-worktree", "main.go")
			os.Remove(filepath.Join(w.dir, "main.go"))
		}, "false", ""},
		{"clean submodule", submodule, "false", ""},
		{"dirty submodule", func(w *world) { submodule(w); w.write("sub/main.go", "") }, "true", `["sub/main.go"]`},
		{"untracked in a submodule", func(w *world) { submodule(w); w.write("sub/x", "") }, "true", `["sub/x"]`},
		{"ignored submodule", func(w *world) {
			submodule(w)
			w.git("config", "submodule.sub.ignore", "all")
			w.write("sub/x", "")
		}, "true", `["sub/x"]`},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			test.set(w)
			r := w.capture(capture.Options{}, build)
			validate(t, r)
			if got := external(t, r, "/source/dirty"); got != test.dirty {
				t.Errorf("dirty is %s, want %s", got, test.dirty)
			}
			if got := internalParameter(t, r, "/dirtyFiles"); got != test.files {
				t.Errorf("files are %s, want %s", got, test.files)
			}
		})
	}
}

// TestDirtyBound wants a bounded list, and how many more there are.
func TestDirtyBound(t *testing.T) {
	w := newWorld(t)
	for i := range 1003 {
		w.write("many/"+strings.Repeat("x", i/26+1)+string(rune('a'+i%26)), "")
	}
	r := w.capture(capture.Options{}, build)
	validate(t, r)
	if got, want := strings.Count(internalParameter(t, r, "/dirtyFiles"), ","), 999; got != want {
		t.Errorf("%d commas, want %d", got, want)
	}
	if got, want := internalParameter(t, r, "/dirtyFilesOmitted"), "3"; got != want {
		t.Errorf("%s omitted, want %s", got, want)
	}
}

// TestDirtyAsGo wants our word to be the go command's where it stamps one: what
// a first build leaves behind counts unless it is ignored.
func TestDirtyAsGo(t *testing.T) {
	longStory(t)
	w := newWorld(t)
	for _, test := range []struct {
		set  func()
		want string
	}{
		{func() {}, "false"},
		{func() { w.write("left-over", "") }, "true"},
		{func() { w.write(".gitignore", "dist/\nleft-over\n"); w.commit() }, "false"},
	} {
		test.set()
		r := w.capture(capture.Options{}, goBuild("."), "GOFLAGS=-buildvcs=true")
		validate(t, r)
		if got := external(t, r, "/source/dirty"); got != test.want {
			t.Errorf("dirty is %s, want %s", got, test.want)
		}
		if got := w.run("go", "version", "-m", "dist/app"); !strings.Contains(got, "vcs.modified="+test.want) {
			t.Errorf("go says otherwise than %s:\n%s", test.want, got)
		}
	}
}

// TestAbsent wants a record also where git has nothing to say, and why.
func TestAbsent(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		set  func(w *world)
		at   string // what is absent, below externalParameters
		why  string
	}{
		{"no repository", func(w *world) { os.RemoveAll(filepath.Join(w.dir, ".git")) }, "/source", "the folder is in no git repository"},
		{"no commit", func(w *world) { os.RemoveAll(filepath.Join(w.dir, ".git")); w.git("init", "-q") }, "/source", "the repository has no commit"},
		{"broken", func(w *world) { w.write(".git/HEAD", "nonsense") }, "/source", "the folder is in no git repository"},
		{"broken commit", func(w *world) {
			os.RemoveAll(filepath.Join(w.dir, ".git/objects"))
			os.Mkdir(filepath.Join(w.dir, ".git/objects"), 0o755)
		}, "/source", ""},
		{"no remote", func(w *world) { w.git("remote", "remove", "origin") }, "/source/repository", "no remote is called origin"},
		{"two remotes", func(w *world) {
			w.git("remote", "remove", "origin")
			w.git("remote", "add", "a", "https://a.example/x")
			w.git("remote", "add", "b", "https://b.example/x")
		}, "/source/repository", "not just one"},
		{"a folder", func(w *world) { w.git("remote", "set-url", "origin", "/srv/git/secret-customer.git") }, "/source/repository", "is a folder"},
		{"work tree elsewhere", func(w *world) { w.git("config", "core.worktree", "/") }, "/source", "work tree is elsewhere"},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			w.env = append(w.env, "GIT_CEILING_DIRECTORIES="+filepath.Dir(w.dir))
			test.set(w)
			r := w.capture(capture.Options{}, []string{"sh", "-c", "mkdir -p dist && cp " + program(t) + " dist/app"})
			validate(t, r)
			if got := external(t, r, test.at); got != "" {
				t.Errorf("%s is %s, want it absent", test.at, got)
			}
			for _, g := range r.Grades() {
				if g.Field == atExternal+test.at && (g.Grade != capture.Absent || !strings.Contains(g.Why, test.why)) {
					t.Errorf("%s is graded %s: %s, want absent: %s", test.at, g.Grade, g.Why, test.why)
				}
			}
			if got := grade(r, atExternal+test.at); got != capture.Absent {
				t.Errorf("%s is graded %q", test.at, got)
			}
		})
	}
}

// TestWithoutGit takes git off the path.
func TestWithoutGit(t *testing.T) {
	w := newWorld(t)
	goTool, err := exec.LookPath("go")
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	if err := os.Symlink(goTool, filepath.Join(bin, "go")); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin)
	r := w.capture(capture.Options{}, goBuild("."), "PATH="+bin, "GOFLAGS=-buildvcs=false")
	validate(t, r)
	for _, g := range r.Grades() {
		if g.Field == atExternal+"/source" && (g.Grade != capture.Absent || g.Why != "git is not installed") {
			t.Errorf("source is graded %s: %s", g.Grade, g.Why)
		}
	}
	if got := external(t, r, "/source"); got != "" {
		t.Errorf("source is %s", got)
	}
}

// TestOtherRepository wants variables that point git elsewhere without effect.
func TestOtherRepository(t *testing.T) {
	w, other := newWorld(t), newWorld(t)
	other.write("more", "")
	other.commit()
	r := w.capture(capture.Options{}, build, "GIT_DIR="+other.dir+"/.git", "GIT_WORK_TREE="+other.dir, "GIT_INDEX_FILE=/nonexistent")
	if got, want := dependency(t, r, "source").Digest["gitCommit"], w.git("rev-parse", "HEAD"); got != want {
		t.Errorf("commit is %s, want %s", got, want)
	}
}

// TestReplacedCommit wants the commit's own tree, whatever refs/replace says.
func TestReplacedCommit(t *testing.T) {
	w := newWorld(t)
	head, tree := w.git("rev-parse", "HEAD"), w.git("rev-parse", "HEAD^{tree}")
	w.write("main.go", "package main\n\nfunc main() { println(`evil`) }\n")
	w.commit()
	evil := w.git("rev-parse", "HEAD")
	w.git("reset", "-q", "--hard", head)
	w.git("replace", head, evil)
	r := w.capture(capture.Options{}, build)
	if got := dependency(t, r, "source").Digest["gitTree"]; got != tree {
		t.Errorf("tree is %s, want %s", got, tree)
	}
}

// TestHostileRepository builds in repositories whose own configuration names
// programs to run. Each case first shows that plain git does run it.
func TestHostileRepository(t *testing.T) {
	longStory(t)
	t.Parallel()
	plain := func(args ...string) func(*world) {
		return func(w *world) {
			cmd := w.command(append([]string{"git"}, args...))
			cmd.Run() // what it says does not matter
		}
	}
	for _, test := range []struct {
		name  string
		set   func(w *world, evil string)
		plain func(w *world)
	}{
		{"core.fsmonitor", func(w *world, evil string) { w.git("config", "core.fsmonitor", evil) }, plain("status")},
		{"clean filter", func(w *world, evil string) {
			w.git("config", "filter.x.clean", evil)
			w.write(".gitattributes", "*.go filter=x\n")
		}, plain("status")},
		{"clean filter, required, odd name", func(w *world, evil string) {
			w.git("config", "filter.A.b c.clean", evil)
			w.git("config", "filter.A.b c.required", "true")
			w.write(".gitattributes", "*.go filter=A.b\n")
			w.git("config", "filter.A.b.clean", evil)
		}, plain("status")},
		{"filter process", func(w *world, evil string) {
			w.git("config", "filter.x.process", evil)
			w.write(".gitattributes", "*.go filter=x\n")
		}, plain("status")},
		{"filter that cannot be switched off", func(w *world, evil string) {
			w.write(".git/more", "[filter \"a=b\"]\n\tclean = "+evil+"\n")
			w.git("config", "include.path", "more")
			w.write(".gitattributes", "*.go filter=a=b\n")
		}, plain("status")},
		{"filter by include", func(w *world, evil string) {
			w.write(".git/more", "[filter \"x\"]\n\tclean = "+evil+"\n")
			w.git("config", "include.path", "more")
			w.write(".gitattributes", "*.go filter=x\n")
		}, plain("status")},
		{"index hook", func(w *world, evil string) {
			w.write(".git/hooks/post-index-change", "#!/bin/sh\n"+evil+"\n")
			os.Chmod(filepath.Join(w.dir, ".git/hooks/post-index-change"), 0o755)
			w.write("main.go", "package main\n\nfunc main() {}\n") // so that the index would be refreshed
			w.git("-c", "core.hooksPath=/dev/null", "add", "main.go")
			os.Chtimes(filepath.Join(w.dir, "main.go"), past(), past())
		}, plain("status")},
		{"filter of a repository that another one claims", func(w *world, evil string) {
			w.write("inner/main.go", "package main\n\nfunc main() {}\n")
			w.run("cp", "-r", ".git", "inner/.git") // with the same commit
			w.git("config", "filter.x.clean", evil)
			w.write(".gitattributes", "*.go filter=x\n")
			w.dir = filepath.Join(w.dir, "inner")
			w.git("config", "core.worktree", "../..")
			if err := os.Chtimes(filepath.Join(w.dir, "../main.go"), past(), past()); err != nil {
				w.t.Fatal(err)
			}
		}, plain("-C", "..", "status")},
		{"filter in a submodule", func(w *world, evil string) {
			sub := newWorld(w.t)
			w.git("-c", "protocol.file.allow=always", "submodule", "add", "-q", sub.dir, "sub")
			w.commit()
			w.git("-C", "sub", "config", "filter.x.clean", evil)
			w.write("sub/.gitattributes", "*.go filter=x\n")
			os.Chtimes(filepath.Join(w.dir, "sub/main.go"), past(), past())
		}, plain("status")},
		{"fsmonitor in a submodule", func(w *world, evil string) {
			sub := newWorld(w.t)
			w.git("-c", "protocol.file.allow=always", "submodule", "add", "-q", sub.dir, "sub")
			w.commit()
			w.git("-C", "sub", "config", "core.fsmonitor", evil)
		}, plain("status")},
		{"promisor remote", func(w *world, evil string) {
			blob := w.git("rev-parse", "HEAD^{tree}")
			os.Remove(filepath.Join(w.dir, ".git/objects", blob[:2], blob[2:]))
			w.git("config", "core.repositoryFormatVersion", "1")
			w.git("config", "extensions.partialClone", "evil")
			w.git("config", "remote.evil.promisor", "true")
			w.git("config", "remote.evil.url", "ext::"+evil)
			w.git("config", "protocol.ext.allow", "always")
		}, plain("status")},
		{"upload pack of a promisor", func(w *world, evil string) {
			blob := w.git("rev-parse", "HEAD^{tree}")
			os.Remove(filepath.Join(w.dir, ".git/objects", blob[:2], blob[2:]))
			w.git("config", "core.repositoryFormatVersion", "1")
			w.git("config", "extensions.partialClone", "evil")
			w.git("config", "remote.evil.promisor", "true")
			w.git("config", "remote.evil.url", w.dir)
			w.git("config", "remote.evil.uploadpack", evil)
		}, plain("status")},
		{"pager", func(w *world, evil string) {
			w.git("config", "core.pager", evil)
			w.git("config", "pager.status", evil)
		}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			marker := filepath.Join(t.TempDir(), "ran")
			evil := filepath.Join(t.TempDir(), "evil")
			if err := os.WriteFile(evil, []byte("#!/bin/sh\ntouch "+marker+"\nexit 1\n"), 0o755); err != nil {
				t.Fatal(err)
			}
			test.set(w, evil)
			if err := os.Chtimes(filepath.Join(w.dir, "main.go"), past(), past()); err != nil {
				t.Fatal(err)
			}
			// The command makes a program, so that there is something to record
			// even where the repository cannot be read.
			r := w.capture(capture.Options{}, []string{"sh", "-c", "mkdir -p dist && cp " + program(t) + " dist/app"})
			validate(t, r)
			if _, err := os.Stat(marker); err == nil {
				t.Error("the repository's program was run")
			}
			if test.plain == nil {
				return
			}
			test.plain(w)
			if _, err := os.Stat(marker); err != nil {
				t.Error("plain git does not run the program either: this case shows nothing")
			}
		})
	}
}

// TestWorktree records a linked work tree like any other.
func TestWorktree(t *testing.T) {
	w := newWorld(t)
	dir := filepath.Join(realTemp(t), "linked")
	w.git("worktree", "add", "-q", "-b", "side", dir)
	linked := *w
	linked.dir = dir
	r := linked.capture(capture.Options{}, build)
	validate(t, r)
	if got, want := external(t, r, "/source"), `{"dirty":false,"ref":"refs/heads/side","repository":"https://github.com/acme/app"}`; got != want {
		t.Errorf("source is %s, want %s", got, want)
	}
}

// TestSHA256Repository records the longer names of objects. in-toto's validator
// knows only the short ones; its specification allows both.
func TestSHA256Repository(t *testing.T) {
	w := newWorld(t)
	os.RemoveAll(filepath.Join(w.dir, ".git"))
	w.git("init", "-q", "-b", "main", "--object-format=sha256")
	w.commit()
	r := w.capture(capture.Options{}, build)
	if _, err := provenance.Parse(marshal(t, r)); err != nil {
		t.Error(err)
	}
	if got, want := dependency(t, r, "source").Digest["gitCommit"], w.git("rev-parse", "HEAD"); got != want || len(got) != 64 {
		t.Errorf("commit is %s, want %s", got, want)
	}
}
