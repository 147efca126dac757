package capture

import (
	"cmp"
	"strings"
)

// readGitLab reads the predefined variables of GitLab CI (GitLab Docs,
// "Predefined CI/CD variables reference").
func readGitLab(r *reader, j *Job) {
	project := r.url("repository", "CI_PROJECT_URL")
	if project != "" {
		j.Repository = repositoryAt("repository", project, j)
	}
	j.Commit = r.commit("commit", "CI_COMMIT_SHA")
	j.Ref = cmp.Or(r.tag("ref", "CI_COMMIT_TAG"), r.branch("ref", "CI_COMMIT_BRANCH"), r.ref("ref", "CI_MERGE_REQUEST_REF_PATH"))
	j.Event = r.word("event", "CI_PIPELINE_SOURCE")
	j.Actor = r.word("actor", "GITLAB_USER_LOGIN")
	j.URL = r.url("run", "CI_PIPELINE_URL")
	j.LogURL = r.url("log", "CI_JOB_URL")
	j.ID = cmp.Or(j.LogURL, j.URL)
	if iid := r.number("change", "CI_MERGE_REQUEST_IID"); iid != "" {
		j.ChangeURL = under(cmp.Or(r.url("change", "CI_MERGE_REQUEST_PROJECT_URL"), project), "-", "merge_requests", iid)
	}
	j.Workflow = gitLabConfig(r, j)
	os, arch, _ := strings.Cut(r.word("runner", "CI_RUNNER_EXECUTABLE_ARCH"), "/")
	j.Runner = Runner{OS: os, Arch: arch, Image: r.image("runner", "CI_JOB_IMAGE")}
}

// gitLabConfig reads CI_CONFIG_PATH: "PATH" in the project itself,
// "PATH@GROUP/PROJECT[:REF]" in another one, or a URL.
func gitLabConfig(r *reader, j *Job) Workflow {
	var w Workflow
	r.read("workflow", "CI_CONFIG_PATH", "the path of a file", 1024, func(s string) bool {
		file, project, elsewhere := strings.Cut(s, "@")
		if !isRepositoryPath(file) {
			return false
		}
		if !elsewhere {
			w = Workflow{Repository: j.Repository, Path: file, Ref: j.Ref, Commit: j.Commit}
			return true
		}
		project, ref, _ := strings.Cut(project, ":")
		server := r.url("workflow", "CI_SERVER_URL")
		if server == "" || !isPlainWord(project) || ref != "" && !isFullRef("refs/heads/"+ref) {
			return false
		}
		w = Workflow{Repository: repositoryAt("workflow", strings.TrimSuffix(server, "/")+"/"+project, j), Path: file}
		return true
	})
	return w
}
