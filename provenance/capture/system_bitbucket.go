package capture

import (
	"cmp"
)

var bracedUUID = pattern(`\A\{[0-9a-fA-F-]{36}\}\z`)

// readBitbucket reads the default variables of Bitbucket Pipelines (Bitbucket
// Cloud, "Variables and secrets"). Who started a build is named by an opaque
// number only.
func readBitbucket(r *reader, j *Job) {
	j.Repository = r.repository("repository", "BITBUCKET_GIT_HTTP_ORIGIN")
	j.Commit = r.commit("commit", "BITBUCKET_COMMIT")
	j.Actor = r.matches("actor", "BITBUCKET_STEP_TRIGGERER_UUID", "a UUID in braces", bracedUUID())
	j.URL = under(j.Repository, "pipelines", "results", r.number("run", "BITBUCKET_BUILD_NUMBER"))
	j.LogURL = j.URL
	j.ID = r.matches("run", "BITBUCKET_PIPELINE_UUID", "a UUID in braces", bracedUUID())
	if step := r.matches("run", "BITBUCKET_STEP_UUID", "a UUID in braces", bracedUUID()); step != "" {
		j.LogURL = under(j.URL, "steps", step)
		j.ID += step
	}
	if number := r.number("change", "BITBUCKET_PR_ID"); number != "" {
		j.ChangeURL = under(j.Repository, "pull-requests", number)
		j.Event = "pull-request"
	} else { // the branch is that of the change, which may be in a fork
		j.Ref = cmp.Or(r.tag("ref", "BITBUCKET_TAG"), r.branch("ref", "BITBUCKET_BRANCH"))
	}
}
