package capture_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/touchmark-go/touchmark/provenance/capture"
)

// TestAfter records builds that nobody saw.
func TestAfter(t *testing.T) {
	longStory(t)
	for _, test := range []struct {
		name    string
		goflags string
		change  func(w *world) // after the build
		commit  string         // grade
		dirty   string
		err     string
	}{
		{name: "stamped", goflags: "-buildvcs=true", commit: capture.Observed, dirty: "false"},
		{name: "not stamped", goflags: "-buildvcs=false", commit: capture.Inferred, dirty: "false"},
		{name: "stamped, changed since", goflags: "-buildvcs=true", change: func(w *world) { w.write("x", "") }, commit: capture.Observed, dirty: "false"},
		{name: "not stamped, changed since", goflags: "-buildvcs=false", change: func(w *world) { w.write("x", "") }, commit: capture.Inferred, dirty: "true"},
		{name: "stamped, committed since", goflags: "-buildvcs=true", change: func(w *world) { w.commit() }, err: `says commit`},
		{name: "removed", change: func(w *world) { os.Remove(filepath.Join(w.dir, "app")) }, err: `"app" is not there`},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			if test.change != nil && test.name != "removed" {
				w.write(".gitignore", "app\n")
				w.commit()
			}
			w.env = append(w.env, "GOFLAGS="+test.goflags)
			w.run("go", "build", "-tags=x", "-o", "app", ".")
			if test.change != nil {
				w.git("commit", "-q", "--allow-empty", "-m", "y", "--amend")
			}
			if test.change != nil && test.goflags == "-buildvcs=true" {
				w.run("go", "build", "-tags=x", "-o", "app", ".")
			}
			if test.change != nil {
				test.change(w)
			}
			here, err := os.Getwd()
			if err != nil {
				t.Fatal(err)
			}
			t.Chdir(w.dir)
			r, err := capture.After(t.Context(), "app")
			t.Chdir(here)
			if test.err != "" {
				if err == nil || !strings.Contains(err.Error(), test.err) {
					t.Errorf("error is %v, want %q", err, test.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			validate(t, r)
			for at, want := range map[string]string{
				"/command": "", "/directory": "", "/env": "", "/goflags": "", "/tags": `["x"]`, "/source/dirty": test.dirty, "/source/ref": `"refs/heads/main"`,
			} {
				if got := external(t, r, at); got != want {
					t.Errorf("externalParameters%s is %s, want %s", at, got, want)
				}
			}
			if got := grade(r, atExternal+"/command"); got != capture.Absent {
				t.Errorf("command is graded %q", got)
			}
			deps := r.Build().BuildDefinition.ResolvedDependencies
			if got, want := deps[0].Digest["gitCommit"], w.git("rev-parse", "HEAD"); got != want {
				t.Errorf("commit is %s, want %s", got, want)
			}
			if got := grade(r, "/predicate/buildDefinition/resolvedDependencies/0"); got != test.commit {
				t.Errorf("commit is graded %q, want %q", got, test.commit)
			}
			if got := r.Build().RunDetails.Metadata; !got.StartedOn.IsZero() || !got.FinishedOn.IsZero() || got.InvocationID == "" {
				t.Errorf("metadata is %v", got)
			}
		})
	}
}

// TestAfterElsewhere looks from one work tree at a program outside of it, which
// is tied to the commit only by what it says itself.
func TestAfterElsewhere(t *testing.T) {
	for _, test := range []struct{ buildvcs, want string }{
		{"true", `{"dirty":false,"ref":"refs/heads/main","repository":"https://github.com/acme/app"}`},
		{"false", ""},
	} {
		w := newWorld(t)
		out := filepath.Join(realTemp(t), "app")
		w.run("go", "build", "-buildvcs="+test.buildvcs, "-o", out, ".")
		r, err := capture.Options{Root: w.dir}.After(t.Context(), out)
		if err != nil {
			t.Fatal(err)
		}
		validate(t, r)
		if got := external(t, r, "/source"); got != test.want {
			t.Errorf("source is %s, want %s", got, test.want)
		}
		if got, want := grade(r, atExternal+"/source") == capture.Absent, test.want == ""; got != want {
			t.Errorf("source is graded absent: %v, want %v", got, want)
		}
	}
}

// TestAfterAnything wants facts where there are some, and an error where there are none.
func TestAfterAnything(t *testing.T) {
	w := newWorld(t)
	w.write("dist/data", "no program")
	r, err := capture.Options{Root: w.dir}.After(t.Context(), filepath.Join(w.dir, "dist/data"))
	if err != nil {
		t.Fatal(err)
	}
	validate(t, r)
	if got, want := r.Subjects()[0].Name, "dist/data"; got != want {
		t.Errorf("subject is %q, want %q", got, want)
	}
	lonely := realTemp(t)
	if err := os.WriteFile(filepath.Join(lonely, "data"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := (capture.Options{Root: lonely}).After(t.Context(), filepath.Join(lonely, "data")); err == nil || !strings.Contains(err.Error(), "nothing is known") {
		t.Errorf("error is %v, want that nothing is known", err)
	}
}
