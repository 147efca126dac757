package capture_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/touchmark-go/touchmark/internal/testkit"
	"github.com/touchmark-go/touchmark/provenance/capture"
)

var updateJobs = flag.Bool("update-jobs", false, "write down what is found as what is wanted")

// environ is the environment of a story in testdata/ci.
func environ(t testing.TB, story string) []string {
	t.Helper()
	a, err := txtar.ParseFile(filepath.Join("testdata", "ci", story+".txtar"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range a.Files {
		if f.Name == "env" {
			return strings.Split(strings.TrimSuffix(string(f.Data), "\n"), "\n")
		}
	}
	t.Fatalf("%s has no env", story)
	return nil
}

// TestFindJob reads the environment of each system as its documentation
// describes it, and what hostile or contradictory ones say.
func TestFindJob(t *testing.T) {
	files, err := filepath.Glob("testdata/ci/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal(err, len(files))
	}
	seen := map[string]bool{}
	for _, file := range files {
		story := strings.TrimSuffix(filepath.Base(file), ".txtar")
		t.Run(story, func(t *testing.T) {
			job := capture.FindJob(environ(t, story))
			seen[job.System] = true
			got, err := json.MarshalIndent(job, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, '\n')
			if found := leaks(got, "notforthisfile", "alice@", "mallory@"); found != nil {
				t.Errorf("written down: %q", found)
			}
			a, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if *updateJobs {
				a.Files = append(a.Files[:1], txtar.File{Name: "want.json", Data: got})
				if err := os.WriteFile(file, txtar.Format(a), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if len(a.Files) != 2 || !bytes.Equal(a.Files[1].Data, got) {
				t.Errorf("got\n%s", got)
			}
		})
	}
	for _, s := range []string{"github-actions", "gitlab-ci", "jenkins", "buildkite", "google-cloud-build", "circleci", "tekton", "azure-pipelines", "aws-codebuild", "drone", "teamcity", "bitbucket-pipelines"} {
		if !seen[s] {
			t.Errorf("no fixture is of %s", s)
		}
	}
}

// TestOutsideCI holds what other tests run builds with to what is looked for here.
func TestOutsideCI(t *testing.T) {
	files, err := filepath.Glob("testdata/ci/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		env := map[string]string{}
		for _, line := range append(environ(t, strings.TrimSuffix(filepath.Base(file), ".txtar")), testkit.OutsideCI()...) {
			name, value, _ := strings.Cut(line, "=")
			env[name] = value // the last one counts, as for a process
		}
		var list []string
		for name, value := range env {
			list = append(list, name+"="+value)
		}
		if job := capture.FindJob(list); job.System != "" || len(job.Doubts) > 0 {
			t.Errorf("%s: outside of it, the system is %q, and doubts are %v", file, job.System, job.Doubts)
		}
	}
}

// TestTwice doubts a variable of a CI system that has two values, and repeats
// nothing of any other, however it is called.
func TestTwice(t *testing.T) {
	long := "GITHUB_" + strings.Repeat("X", 57) // 64 bytes
	for _, c := range []struct {
		env  []string
		want string
	}{
		{[]string{"GITHUB_SHA=a", "GITHUB_SHA=b"}, "GITHUB_SHA is there twice, with different values"},
		{[]string{long + "=a", long + "=b"}, long + " is there twice, with different values"},
		{[]string{long + "X=a", long + "X=b"}, ""},
		{[]string{"GITHUB_ hunter2=a", "GITHUB_ hunter2=b"}, ""},
		{[]string{"PATH=a", "PATH=b", "=a", "=b", "a", "b"}, ""},
		{[]string{"GITHUB_SHA=a", "GITHUB_SHA=a"}, ""},
	} {
		job := capture.FindJob(c.env)
		got := ""
		for _, d := range job.Doubts {
			got += d.Why
		}
		if got != c.want || job.System != "" {
			t.Errorf("%q: %q of system %q, want %q", c.env, got, job.System, c.want)
		}
	}
}
