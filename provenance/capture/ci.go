package capture

import (
	"fmt"
	"slices"
	"strings"

	"github.com/touchmark-go/touchmark/provenance"
)

const (
	builders         = "https://github.com/touchmark-go/touchmark/builders/" // what the builder ids of captures begin with
	gitHubSelfHosted = builders + "github-actions-self-hosted/v1"
)

// BuilderIDs are the builder ids that a capture gives itself: [LocalBuilderID],
// and one of each CI system whose job it may run in. docs/builders/README.md says what
// each is; none is worth more than SLSA Build Level 1.
func BuilderIDs() []string {
	ids := []string{LocalBuilderID, gitHubSelfHosted}
	for _, s := range systems() {
		ids = append(ids, s.builderID())
	}
	slices.Sort(ids)
	return ids
}

// A Job is what environment variables say about the CI job that a build runs
// in. The zero Job is of a build in none.
//
// All of it is a claim: whoever can run a command in the job can set the
// variables, and on a machine of their own, too. docs/builders/README.md says
// which variables of which system are read, and what each builder id is worth.
type Job struct {
	// System names the CI system: "github-actions". It is empty if there is none,
	// if nobody here knows it, or if the variables contradict each other.
	System string
	// BuilderID is that of a capture in a job of the system: one of ours, never
	// the platform's own. It is empty exactly if System is.
	BuilderID string
	// ID names the run in the system's own words, its address where it has one.
	ID string
	// URL is the run's page, and LogURL where its output is to be read.
	URL, LogURL string
	// ChangeURL is the page of the change request (pull request, merge request)
	// that the job builds.
	ChangeURL string
	// Repository is in the form in which provenance names one:
	// "https://github.com/acme/app".
	Repository string
	// Commit is the object ID that the system says it builds, and Ref the branch,
	// tag or change request, in full: "refs/heads/main".
	Commit, Ref string
	// Event is what started the run, in the system's own words: "push".
	Event string
	// Actor is who started it, as the system names its users.
	Actor string
	// Workflow is the file that says what the job does.
	Workflow Workflow
	// Runner is the machine that it runs on.
	Runner Runner
	// Doubts are what the variables say that cannot be, or that contradicts
	// another. What they concern is left out above.
	Doubts []Doubt
}

// A Workflow is the file that says what a job does.
type Workflow struct {
	// Repository holds it. If it is empty, nothing says which one does.
	Repository string
	// Path is relative to the top of the repository: ".github/workflows/release.yml".
	Path string
	// Ref and Commit are the version of the file that is in force.
	Ref, Commit string
}

// A Runner is the machine that a job runs on.
type Runner struct {
	Environment string // who keeps it, in the system's own words: "github-hosted", "self-hosted"
	OS, Arch    string // in the system's own words: "Linux", "X64"
	Image       string // what the machine or container was made from, with its version or digest
}

// A Doubt is why something that a job's environment says was not believed.
type Doubt struct {
	Field string // what it concerns, as the record names it: "actor"; "" is the whole job
	Why   string // one sentence for a person; holds no value from outside
}

// FindJob reads env, which is a list as os.Environ returns it. It looks at
// nothing else. Only the variables that docs/builders/README.md lists are read;
// of URLs, user info, query and fragment are left out; a value that is too
// long, or not what its system documents, is a [Doubt] and is left out, too. If
// two systems claim the job, it is nobody's.
func FindJob(env []string) Job {
	e := newEnvironment(env)
	var claims []system
	j := Job{Doubts: e.doubts}
	for _, s := range systems() {
		if s.claims(e) {
			claims = append(claims, s)
		}
	}
	switch len(claims) {
	case 0:
		if e.value("CI") != "" && e.value("CI") != "false" {
			j.doubt("", "CI is set, and nothing says which system it is")
		}
		return j
	case 1:
	default:
		titles := make([]string, len(claims))
		for i, s := range claims {
			titles[i] = s.title
		}
		j.doubt("", "the environment is that of "+strings.Join(titles, " and of ")+" at once")
		return j
	}
	s := claims[0]
	if name, ok := e.imitates(s); ok {
		j.doubt("", fmt.Sprintf("%s is set: something imitates %s", name, s.title))
		return j
	}
	j.System, j.BuilderID = s.name, s.builderID()
	s.read(&reader{env: e, job: &j}, &j)
	return j
}

func (j *Job) doubt(field, why string) { j.Doubts = append(j.Doubts, Doubt{field, why}) }

// Byproducts are the pages where more is to be read about the run: its page,
// its log, and the change request with its reviews.
func (j Job) Byproducts() []provenance.ResourceDescriptor {
	var list []provenance.ResourceDescriptor
	for _, p := range []struct{ name, url string }{
		{"build log", j.LogURL}, {"change request", j.ChangeURL}, {"run", j.URL},
	} {
		if p.url != "" {
			list = append(list, provenance.ResourceDescriptor{Name: p.name, URI: p.url})
		}
	}
	return list
}

// A system is a CI system: how to tell it, and how to read what it says.
type system struct {
	name, title string
	claims      func(environment) bool
	imitators   []string // variables that others set who also set this system's
	read        func(*reader, *Job)
}

func (s system) builderID() string { return builders + s.name + "/v1" }

// systems are those that are known, in the order in which they are listed in
// the documentation.
func systems() []system {
	return []system{
		{"github-actions", "GitHub Actions", isSet("GITHUB_ACTIONS"), []string{"ACT", "GITEA_ACTIONS", "FORGEJO_ACTIONS"}, readGitHub},
		{"gitlab-ci", "GitLab CI", isSet("GITLAB_CI"), nil, readGitLab},
		{"jenkins", "Jenkins", isJenkins, nil, readJenkins},
		{"buildkite", "Buildkite", isSet("BUILDKITE"), nil, readBuildkite},
		{"google-cloud-build", "Google Cloud Build", isCloudBuild, nil, readCloudBuild},
		{"circleci", "CircleCI", isSet("CIRCLECI"), nil, readCircle},
		{"tekton", "Tekton", isSet("TEKTON_TASKRUN_UID"), nil, readTekton},
		{"azure-pipelines", "Azure Pipelines", isSet("TF_BUILD"), nil, readAzure},
		{"aws-codebuild", "AWS CodeBuild", isSet("CODEBUILD_BUILD_ARN"), nil, readCodeBuild},
		{"drone", "Drone", isSet("DRONE"), []string{"CI_WOODPECKER", "HARNESS_BUILD_ID"}, readDrone},
		{"teamcity", "TeamCity", isSet("TEAMCITY_VERSION"), nil, readTeamCity},
		{"bitbucket-pipelines", "Bitbucket Pipelines", isSet("BITBUCKET_PIPELINE_UUID"), nil, readBitbucket},
	}
}

// isSet reports whether a variable is there and is not "false".
func isSet(name string) func(environment) bool {
	return func(e environment) bool {
		value := e.value(name)
		return value != "" && !strings.EqualFold(value, "false")
	}
}
