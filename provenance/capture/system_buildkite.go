package capture

import "cmp"

// readBuildkite reads the variables of Buildkite (Buildkite Docs, "Environment
// variables"). Who is named there is the author of the commit, unverified, or
// who created the build.
func readBuildkite(r *reader, j *Job) {
	j.Repository = r.repository("repository", "BUILDKITE_REPO")
	if r.env.value("BUILDKITE_COMMIT") != "HEAD" { // a build that was started by hand
		j.Commit = r.commit("commit", "BUILDKITE_COMMIT")
	}
	j.Event = r.word("event", "BUILDKITE_SOURCE")
	j.Actor = cmp.Or(r.text("actor", "BUILDKITE_BUILD_CREATOR"), r.text("actor", "BUILDKITE_BUILD_AUTHOR"))
	j.URL = r.url("run", "BUILDKITE_BUILD_URL")
	j.LogURL, j.ID = j.URL, j.URL
	if job := r.word("run", "BUILDKITE_JOB_ID"); job != "" && j.URL != "" {
		j.ID = j.URL + "#" + job
		j.LogURL = j.ID
	}
	if isSet("BUILDKITE_PULL_REQUEST")(r.env) {
		number := r.number("change", "BUILDKITE_PULL_REQUEST")
		switch r.env.value("BUILDKITE_PIPELINE_PROVIDER") {
		case "github", "github_enterprise":
			j.ChangeURL = under(j.Repository, "pull", number)
		case "gitlab", "gitlab_ee", "gitlab_community":
			j.ChangeURL = under(j.Repository, "-", "merge_requests", number)
		case "bitbucket":
			j.ChangeURL = under(j.Repository, "pull-requests", number)
		}
	} else { // the branch of a pull request may be that of a fork
		j.Ref = cmp.Or(r.tag("ref", "BUILDKITE_TAG"), r.branch("ref", "BUILDKITE_BRANCH"))
	}
	j.Runner = Runner{Environment: r.word("runner", "BUILDKITE_COMPUTE_TYPE"), Image: r.image("runner", "BUILDKITE_IMAGE")}
}
