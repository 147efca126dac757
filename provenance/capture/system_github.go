package capture

import (
	"cmp"
	"strings"
)

var (
	gitHubName = pattern(`\A[A-Za-z0-9_.-]{1,100}/[A-Za-z0-9_.-]{1,100}\z`)
	pullRef    = pattern(`\Arefs/pull/([0-9]{1,18})/(?:merge|head)\z`)
)

// readGitHub reads the default environment variables of GitHub Actions
// (GitHub Docs, "Variables reference"), and the two of its hosted images.
func readGitHub(r *reader, j *Job) {
	server := strings.TrimSuffix(r.url("repository", "GITHUB_SERVER_URL"), "/")
	name := r.matches("repository", "GITHUB_REPOSITORY", "OWNER/NAME", gitHubName())
	if server != "" && name != "" {
		j.Repository = repositoryAt("repository", server+"/"+name, j)
	}
	page := ""
	if j.Repository != "" {
		page = server + "/" + name
	}
	j.Commit = r.commit("commit", "GITHUB_SHA")
	j.Ref = r.ref("ref", "GITHUB_REF")
	j.Event = r.word("event", "GITHUB_EVENT_NAME")
	j.Actor = cmp.Or(r.word("actor", "GITHUB_TRIGGERING_ACTOR"), r.word("actor", "GITHUB_ACTOR"))
	if run := r.number("run", "GITHUB_RUN_ID"); run != "" {
		j.URL = under(page, "actions", "runs", run)
		j.ID = j.URL
		if attempt := r.number("run", "GITHUB_RUN_ATTEMPT"); attempt != "" {
			j.ID = under(j.URL, "attempts", attempt)
		}
		j.LogURL = j.ID
	}
	if m := pullRef().FindStringSubmatch(j.Ref); m != nil {
		j.ChangeURL = under(page, "pull", m[1])
	}
	j.Workflow = gitHubWorkflow(r, server, j)
	j.Runner = Runner{
		Environment: r.word("runner", "RUNNER_ENVIRONMENT"),
		OS:          r.word("runner", "RUNNER_OS"),
		Arch:        r.word("runner", "RUNNER_ARCH"),
		Image:       versioned(r.word("runner", "ImageOS"), r.word("runner", "ImageVersion")),
	}
	if j.Runner.Environment != "github-hosted" {
		j.BuilderID = gitHubSelfHosted
	}
}

// gitHubWorkflow reads "OWNER/NAME/PATH@REF".
func gitHubWorkflow(r *reader, server string, j *Job) Workflow {
	var w Workflow
	r.read("workflow", "GITHUB_WORKFLOW_REF", "OWNER/NAME/PATH@REF", 1024, func(s string) bool {
		file, ref, ok := strings.Cut(s, "@")
		parts := strings.SplitN(file, "/", 3)
		if !ok || len(parts) != 3 || !gitHubName().MatchString(parts[0]+"/"+parts[1]) || !isRepositoryPath(parts[2]) || !isFullRef(ref) {
			return false
		}
		w.Path, w.Ref = parts[2], ref
		if server != "" {
			w.Repository = repositoryAt("workflow", server+"/"+parts[0]+"/"+parts[1], j)
		}
		return true
	})
	if w.Path != "" {
		w.Commit = r.commit("workflow", "GITHUB_WORKFLOW_SHA")
	}
	return w
}

// repositoryAt is the repository at an address that was put together.
func repositoryAt(field, address string, j *Job) string {
	repository, err := repositoryURL(address)
	if err != nil {
		j.doubt(field, err.Error())
		return ""
	}
	return repository
}

// versioned is a name with its version, if it has one.
func versioned(name, version string) string {
	if name == "" || version == "" {
		return name
	}
	return name + "@" + version
}
