package capture_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/touchmark-go/touchmark/provenance/capture"
)

// TestLinks reads what forges and people write into the messages of commits.
func TestLinks(t *testing.T) {
	const gh, gl, bb, other = "https://github.com/acme/app", "https://gitlab.com/acme/app", "https://bitbucket.org/acme/app", "https://git.acme.example/acme/app"
	for _, c := range []struct {
		name, repository, system, message string
		want                              []string
	}{
		{"merge", gh, "", "Merge pull request #12 from mallory/topic\n\nAdd x\n", []string{"change request " + gh + "/pull/12"}},
		{"squash", gh, "", "Add x (#12)\n\n* Fixes #3, closes #4\n* resolved: #3\n", []string{"change request " + gh + "/pull/12", "issue " + gh + "/issues/3", "issue " + gh + "/issues/4"}},
		{"gitlab", gl, "", "Merge branch 'topic' into 'main'\n\nAdd x\n\nCloses #5\n\nSee merge request acme/app!7\n", []string{"issue " + gl + "/-/issues/5", "change request " + gl + "/-/merge_requests/7"}},
		{"of another project", gl, "", "x\n\nSee merge request mallory/app2!7\n", nil},
		{"bitbucket", bb, "", "Merged in topic (pull request #9)\n", []string{"change request " + bb + "/pull-requests/9"}},
		{"unknown forge", other, "", "Add x (#12)\n\nFixes #3\n", nil},
		{"known by its CI system", other, "gitlab-ci", "x\n\nSee merge request !7\n", []string{"change request " + other + "/-/merge_requests/7"}},
		{"trailers", other, "", "x\n\nBug: https://bugs.acme.example/17\nReviewed-on: https://review.acme.example/c/app/+/42\nFixes: 1234abcd (\"y\")\n",
			[]string{"issue https://bugs.acme.example/17", "change request https://review.acme.example/c/app/+/42"}},
		{"credentials", other, "", "x\n\nBug: https://me:hunter2@bugs.acme.example/17?token=hunter2#hunter2\nIssue: https://x/@hunter2\nIssue: javascript:hunter2\n", []string{"issue https://bugs.acme.example/17"}},
		{"no repository", "", "", "Add x (#12)\n\nFixes #3\n", nil},
		{"not at the end", gh, "", "Undo (#12) again\n\n(#13)\nprefixes #4 #5\n", nil},
		{"huge number", gh, "", "x (#12345678901)\n", nil},
		{"nothing", gh, "", "", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			for _, d := range capture.LinksOf(c.repository, c.system, c.message) {
				got = append(got, d.Name+" "+d.URI)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
	if got := len(capture.LinksOf(gh, "", strings.Repeat("Fixes #1", 1)+strings.Repeat("\nfixes #2 fixes #3", 10)+strings.Repeat("\nx", 1<<20))); got != 3 {
		t.Errorf("%d links, want 3", got)
	}
	many := ""
	for i := range 100 {
		many += "\nfixes #" + strings.Repeat("1", 1+i%9) + strings.Repeat("2", i/9%3)
	}
	if got := len(capture.LinksOf(gh, "", many)); got > 16 {
		t.Errorf("%d links", got)
	}
}

// TestLinksAreRecorded wants to find from a build of a merged commit who
// reviewed it, and says that the message is how that is known.
func TestLinksAreRecorded(t *testing.T) {
	w := newWorld(t)
	w.write("more.go", "package main\n")
	w.git("add", "-A")
	w.git("commit", "-q", "-m", "Add more (#12)", "-m", "Fixes #3")
	r := w.capture(capture.Options{CI: []string{}}, goBuild())
	validate(t, r)
	var got []string
	for i, d := range r.Build().RunDetails.Byproducts {
		got = append(got, d.Name+" "+d.URI)
		if g := grade(r, "/predicate/runDetails/byproducts/"+string(rune('0'+i))); g != capture.Inferred {
			t.Errorf("%s is graded %q", d.Name, g)
		}
	}
	if want := []string{"change request https://github.com/acme/app/pull/12", "issue https://github.com/acme/app/issues/3"}; !slices.Equal(got, want) {
		t.Errorf("byproducts are %q, want %q", got, want)
	}
	// The job's own change request is not there twice.
	env := []string{"GITHUB_ACTIONS=true", "GITHUB_SERVER_URL=https://github.com", "GITHUB_REPOSITORY=acme/app", "GITHUB_REF=refs/pull/12/merge", "GITHUB_RUN_ID=1"}
	r = w.capture(capture.Options{CI: env}, goBuild())
	validate(t, r)
	if got := len(r.Build().RunDetails.Byproducts); got != 4 { // log, change request, run, issue
		t.Errorf("%d byproducts, want 4: %v", got, r.Build().RunDetails.Byproducts)
	}
}

// FuzzLinks wants pages only, whatever the message says.
func FuzzLinks(f *testing.F) {
	f.Add("Merge pull request #12 from a\n\nFixes #3\nBug: https://me:pw@x.example/1?a#b")
	f.Fuzz(func(t *testing.T, message string) {
		for _, repository := range []string{"https://github.com/acme/app", "https://gitlab.com/acme/app", ""} {
			for _, d := range capture.LinksOf(repository, "", message) {
				if !strings.HasPrefix(d.URI, "http") || strings.ContainsAny(d.URI, "@ \n\x00\"") || len(d.URI) > 4096 {
					t.Errorf("%q is no page", d.URI)
				}
			}
		}
	})
}
