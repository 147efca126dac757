//go:build linux && (amd64 || arm64)

package trace_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestShell follows shells and what they run through folders, pipes and files
// that come and go.
func TestShell(t *testing.T) {
	for _, c := range []struct {
		name, script string
		want         []string
	}{
		{"read", "cat a sub/../b >/dev/null", []string{"source a read {a}", "source b read {b}"}},
		{"chdir", "cd sub && cat c ../a >/dev/null && cd / && cat $W/b >/dev/null", []string{"source a read {a}", "source b read {b}", "source sub/c read {c}"}},
		{"link", "ln -s a s && cat s >/dev/null", []string{"source a read {a}"}},
		{"link to a folder", "ln -s sub s && cat s/c >/dev/null", []string{"source sub/c read {c}"}},
		{"not there", "cat none 2>/dev/null || true", nil},
		{"written", "echo x >new", []string{"output new written {x\n}"}},
		{"written and read", "echo x >new; cat new >/dev/null", []string{"output new read written {x\n}"}},
		{"written again", "echo x >a", []string{"output a written {x\n}"}},
		{"appended after it was read", "cat a >/dev/null; echo x >>a", []string{"output a read written changed {ax\n}"}},
		{"written with the same", ": >>a", []string{"source a read {a}"}},
		{"temporary", "echo x >tmp; cat tmp >/dev/null; rm tmp", []string{"temporary tmp read written gone"}},
		{"renamed", "echo x >tmp; mv tmp dist", []string{"output dist written {x\n}", "temporary tmp written gone"}},
		{"renamed and read", "echo x >tmp; mv tmp new; cat new >/dev/null", []string{"output new read written {x\n}", "temporary tmp written gone"}},
		{"renamed over another", "cat b >/dev/null; mv a b", []string{"source a written gone", "output b read written changed {a}"}},
		{"renamed folder", "mkdir tmp; echo x >tmp/y; mv tmp out; cat out/y >/dev/null", []string{"output out/y read written {x\n}", "temporary tmp/y written gone"}},
		{"removed", "rm a; rm -r sub", []string{"source a written gone", "source sub/c written gone"}},
		{"removed after it was read", "cat a >/dev/null; rm a", []string{"source a read written gone"}},
		{"hard link", "ln a l; cat l >/dev/null", []string{"output l read written {a}"}},
		{"script", "./script", []string{"source script read executed {" + script + "}"}},
		{"script of a script", "./outer", []string{"source outer executed {#!./script\n}", "source script read executed {" + script + "}"}},
		{"not executable", "./a 2>/dev/null || true", nil},
		{"a child of a child", "(sh -c 'sh -c \"cat a\"' | cat) >/dev/null", []string{"source a read {a}"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			for name, content := range map[string]string{"a": "a", "b": "b", "sub/c": "c", "script": script, "outer": "#!./script\n"} {
				w.write(name, content)
			}
			if err := os.Chmod(filepath.Join(w.dir, "a"), 0o644); err != nil {
				t.Fatal(err)
			}
			cmd := w.command("sh", "-c", c.script)
			cmd.Env = append(os.Environ(), "W="+w.dir)
			seen, err := w.traced(cmd)
			if err != nil {
				t.Fatal(err)
			}
			slices.SortFunc(c.want, func(a, b string) int { return strings.Compare(strings.Fields(a)[1], strings.Fields(b)[1]) })
			w.want(seen, c.want...)
			sh, _ := exec.LookPath("sh")
			w.system(seen, true, sh)
		})
	}
}

const script = "#!/bin/sh\nexit 0\n"

// compile compiles testdata/calls.c.
func (w world) compile(flags ...string) string {
	w.t.Helper()
	if _, err := exec.LookPath("gcc"); err != nil {
		w.t.Skip("no C compiler")
	}
	path := filepath.Join(w.t.TempDir(), "calls")
	source, err := filepath.Abs("testdata/calls.c")
	if err != nil {
		w.t.Fatal(err)
	}
	if out, err := w.command(append(append([]string{"gcc"}, flags...), "-o", path, source)...).CombinedOutput(); err != nil {
		w.t.Fatalf("%v: %s", err, out)
	}
	return path
}

// TestCalls makes every call that opens, executes or writes, from a program
// that is linked dynamically and from one that is not.
func TestCalls(t *testing.T) {
	for _, flag := range []string{"-static", "-pie"} {
		t.Run(flag, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			program := w.compile(flag)
			for _, name := range []string{"a", "b", "c", "d", "e", "f", "sub/g", "sub/h"} {
				w.write(name, name)
			}
			w.write("true", script)
			seen := w.trace(program, "all")
			w.want(seen,
				"source a read {a}",
				"source b read {b}",
				"source c read {c}",
				"output d written {d}",
				"output e2 written {e}",
				"source f written gone",
				"output f2 written {f}",
				"output linked written {new}",
				"output made written {new}",
				"source sub/g read {sub/g}",
				"source sub/h read {sub/h}",
				"source true read executed {"+script+"}")
			loader := func() (loaders []string) {
				for _, f := range seen.Files {
					if f.Executed && strings.Contains(f.Name, "ld-linux") {
						loaders = append(loaders, f.Name)
					}
				}
				return loaders
			}()
			if len(loader) != 1 { // the shell of the script is dynamic in any case
				t.Errorf("loaders executed: %q, want one", loader)
			}
		})
	}
}
