package capture

import (
	"cmp"
	"strings"
)

// readCircle reads the built-in variables of CircleCI (CircleCI Docs, "Project
// values and variables"). What started a pipeline is a value that is no variable.
func readCircle(r *reader, j *Job) {
	j.Repository = r.repository("repository", "CIRCLE_REPOSITORY_URL")
	j.Commit = r.commit("commit", "CIRCLE_SHA1")
	j.Ref = cmp.Or(r.tag("ref", "CIRCLE_TAG"), r.circleBranch())
	j.Actor = r.word("actor", "CIRCLE_USERNAME")
	j.URL = r.url("run", "CIRCLE_BUILD_URL")
	j.LogURL = j.URL
	j.ID = cmp.Or(r.word("run", "CIRCLE_WORKFLOW_JOB_ID"), j.URL)
	j.ChangeURL = r.url("change", "CIRCLE_PULL_REQUEST")
}

// circleBranch is the branch; that of a fork's pull request is "pull/12", which
// is none.
func (r *reader) circleBranch() string {
	if number, ok := strings.CutPrefix(r.env.value("CIRCLE_BRANCH"), "pull/"); ok && isDigits(number) {
		return ""
	}
	return r.branch("ref", "CIRCLE_BRANCH")
}
