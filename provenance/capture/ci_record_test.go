package capture_test

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/capture"
)

// in is the environment of a story, with the commit that it names replaced by commit.
func in(t testing.TB, story, commit string) []string {
	list := environ(t, story)
	for i := range list {
		list[i] = strings.ReplaceAll(list[i], "5f1e2c9d8a3b4c5d6e7f8091a2b3c4d5e6f70819", commit)
	}
	return list
}

const atCI = atInternal + "/ci"

// TestJobIsRecorded wants what the environment says where it belongs, graded
// as the claim that it is, and the workflow file as git has it.
func TestJobIsRecorded(t *testing.T) {
	w := newWorld(t)
	w.write(".github/workflows/release.yml", "on: push\n")
	w.commit()
	w.git("tag", "v1.4.0")
	r := w.capture(capture.Options{CI: in(t, "github-actions", w.git("rev-parse", "HEAD"))}, goBuild())
	validate(t, r)
	b := r.Build()
	if got, want := b.RunDetails.Builder.ID, "https://github.com/touchmark-go/touchmark/builders/github-actions/v1"; got != want {
		t.Errorf("builder is %s, want %s", got, want)
	}
	run, uuid, _ := strings.Cut(b.RunDetails.Metadata.InvocationID, "#")
	if run != "https://github.com/acme/app/actions/runs/1658821493/attempts/2" || len(uuid) != 36 {
		t.Errorf("invocation is %s", b.RunDetails.Metadata.InvocationID)
	}
	var pages []string
	for _, p := range b.RunDetails.Byproducts {
		pages = append(pages, p.Name+" "+p.URI)
	}
	if want := []string{"build log https://github.com/acme/app/actions/runs/1658821493/attempts/2", "run https://github.com/acme/app/actions/runs/1658821493"}; !slices.Equal(pages, want) {
		t.Errorf("byproducts are %q, want %q", pages, want)
	}
	for at, want := range map[string]string{
		"/ci/system": `"github-actions"`, "/ci/repository": `"https://github.com/acme/app"`, "/ci/ref": `"refs/tags/v1.4.0"`, "/ci/event": `"push"`, "/ci/actor": `"hubot"`,
		"/ci/workflow": `{"path":".github/workflows/release.yml","ref":"refs/tags/v1.4.0","repository":"https://github.com/acme/app"}`,
		"/ci/runner":   `{"arch":"X64","environment":"github-hosted","image":"ubuntu24@20261110.1.0","os":"Linux"}`,
	} {
		if got := internalParameter(t, r, at); got != want {
			t.Errorf("%s is %s, want %s", at, got, want)
		}
		if got := grade(r, atInternal+at); got != capture.Declared {
			t.Errorf("%s is graded %q", at, got)
		}
	}
	file := dependency(t, r, "workflow")
	if want := "git+https://github.com/acme/app@refs/tags/v1.4.0#.github/workflows/release.yml"; file.URI != want {
		t.Errorf("workflow is %s, want %s", file.URI, want)
	}
	if want := (provenance.DigestSet{"gitBlob": w.git("rev-parse", "HEAD:.github/workflows/release.yml"),
		"sha256": sha256Of(t, filepath.Join(w.dir, ".github", "workflows", "release.yml"))}); !maps.Equal(file.Digest, want) {
		t.Errorf("workflow has %v, want %v", file.Digest, want)
	}
}

// TestJobOfEverySystem wants a valid record out of each environment, with the
// builder id of the system, or the local one where the system is in doubt.
func TestJobOfEverySystem(t *testing.T) {
	longStory(t)
	t.Parallel()
	w := newWorld(t)
	w.run("go", "build", "-o", "dist/built")
	files, err := filepath.Glob("testdata/ci/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		story := strings.TrimSuffix(filepath.Base(file), ".txtar")
		t.Run(story, func(t *testing.T) {
			env := environ(t, story)
			r, err := capture.Options{CI: env}.Run(t.Context(), w.command([]string{"cp", "dist/built", "dist/app"}), "dist/app")
			if err != nil {
				t.Fatal(err)
			}
			validate(t, r)
			job := capture.FindJob(env)
			want := job.BuilderID
			if want == "" {
				want = capture.LocalBuilderID
				if got := grade(r, atCI); got != capture.Absent {
					t.Errorf("ci is graded %q", got)
				}
			}
			if got := r.Build().RunDetails.Builder.ID; got != want {
				t.Errorf("builder is %s, want %s", got, want)
			}
			if got, want := len(r.Build().RunDetails.Byproducts), len(job.Byproducts()); got != want {
				t.Errorf("%d byproducts, want %d", got, want)
			}
			if found := leaks(everything(t, r), "notforthisfile", "alice@", "mallory@"); found != nil {
				t.Errorf("written down: %q", found)
			}
		})
	}
}

// TestRefOfJob wants the ref of the CI system where git knows none, as GitLab
// and others check out: but only if both mean the same commit and repository.
func TestRefOfJob(t *testing.T) {
	longStory(t)
	t.Parallel()
	w := newWorld(t)
	head := w.git("rev-parse", "HEAD")
	w.git("checkout", "-q", "--detach")
	for _, c := range []struct{ name, story, commit, remote, want string }{
		{"same", "gitlab-ci", head, "https://gitlab.com/acme/app.git", `"refs/tags/v1.4.0"`},
		{"commit", "gitlab-ci", strings.Repeat("0", 40), "https://gitlab.com/acme/app.git", ""},
		{"repository", "gitlab-ci", head, "https://gitlab.com/mallory/app.git", ""},
		{"no job", "none", head, "https://gitlab.com/acme/app.git", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			w.git("remote", "set-url", "origin", c.remote)
			r := w.capture(capture.Options{CI: in(t, c.story, c.commit)}, goBuild())
			validate(t, r)
			if got := external(t, r, "/source/ref"); got != c.want {
				t.Errorf("ref is %s, want %s", got, c.want)
			}
			want := capture.Declared
			if c.want == "" {
				want = capture.Absent
			}
			if got := grade(r, atExternal+"/source/ref"); got != want {
				t.Errorf("ref is graded %q, want %q", got, want)
			}
			if c.name == "commit" && !strings.Contains(why(r, atCI+"/commit"), "another commit") {
				t.Errorf("that the commits differ is not said: %q", why(r, atCI+"/commit"))
			}
			if c.name == "repository" && !strings.Contains(why(r, atCI+"/repository"), "another repository") {
				t.Errorf("that the repositories differ is not said: %q", why(r, atCI+"/repository"))
			}
		})
	}
}

// why is the reason of the grade of exactly that field.
func why(r *capture.Record, field string) string {
	for _, g := range r.Grades() {
		if g.Field == field {
			return g.Why
		}
	}
	return ""
}

// TestJobIsNotAssumed wants nothing of a CI system where nobody looks, the id
// that the caller gives before all others, and nothing of this run in what was
// recorded after the fact.
func TestJobIsNotAssumed(t *testing.T) {
	w := newWorld(t)
	env := environ(t, "buildkite")
	r := w.capture(capture.Options{}, goBuild(), env...)
	validate(t, r)
	if got := internalParameter(t, r, "/ci"); got != "" || grade(r, atCI) != "" || r.Build().RunDetails.Builder.ID != capture.LocalBuilderID {
		t.Errorf("ci is %s, builder %s", got, r.Build().RunDetails.Builder.ID)
	}
	r = w.capture(capture.Options{CI: env, BuilderID: "https://acme.example/builder/v1"}, goBuild())
	validate(t, r)
	if got := r.Build().RunDetails.Builder.ID; got != "https://acme.example/builder/v1" {
		t.Errorf("builder is %s", got)
	}
	after, err := capture.Options{CI: env, Root: w.dir}.After(t.Context(), filepath.Join(w.dir, "dist/app"))
	if err != nil {
		t.Fatal(err)
	}
	validate(t, after)
	if got := after.Build().RunDetails; got.Builder.ID != capture.LocalBuilderID || strings.Contains(got.Metadata.InvocationID, "buildkite") {
		t.Errorf("after the fact, the builder is %s and the run %s", got.Builder.ID, got.Metadata.InvocationID)
	}
	if got := why(after, atCI+"/system"); !strings.Contains(got, "nobody saw") {
		t.Errorf("after the fact, the system is known because %q", got)
	}
}

// FuzzFindJob wants nothing out of any environment that cannot be written down:
// all of it short, printable and without what a URL may hide.
func FuzzFindJob(f *testing.F) {
	files, _ := filepath.Glob("testdata/ci/*.txtar")
	for _, file := range files {
		f.Add(strings.Join(environ(f, strings.TrimSuffix(filepath.Base(file), ".txtar")), "\n"))
	}
	f.Fuzz(func(t *testing.T, env string) {
		j := capture.FindJob(strings.Split(env, "\n"))
		if (j.System == "") != (j.BuilderID == "") {
			t.Errorf("system %q has builder %q", j.System, j.BuilderID)
		}
		for _, s := range []string{j.ID, j.URL, j.LogURL, j.ChangeURL, j.Repository, j.Commit, j.Ref, j.Event, j.Actor, j.Workflow.Repository, j.Workflow.Path, j.Workflow.Ref,
			j.Workflow.Commit, j.Runner.Environment, j.Runner.OS, j.Runner.Arch, j.Runner.Image} {
			if len(s) > 8192 || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f || r == 0x202e || r == 0xfffd }) {
				t.Errorf("%q is no line of text", s)
			}
			if at := strings.Index(s, "://"); at >= 0 && strings.Contains(s[at:], "@") {
				t.Errorf("%q has user info", s)
			}
		}
		if again := capture.FindJob(strings.Split(env, "\n")); len(again.Doubts) != len(j.Doubts) || again.ID != j.ID {
			t.Errorf("read again it is another: %v and %v", j, again)
		}
	})
}
