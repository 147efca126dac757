package capture

import (
	"cmp"
	"strings"
)

// isJenkins looks at what Jenkins always sets; JENKINS_URL alone may be the
// address of a server that a job of another system talks to.
func isJenkins(e environment) bool {
	return e.value("JOB_NAME") != "" && e.value("BUILD_NUMBER") != "" && (e.value("JENKINS_URL") != "" || strings.HasPrefix(e.value("BUILD_TAG"), "jenkins-"))
}

// readJenkins reads the variables that Jenkins sets for every build, those of
// its Git plugin and those of multibranch projects (Jenkins, "Global Variable
// Reference"). Jenkins does not say who or what started a build, nor where the
// Jenkinsfile is.
func readJenkins(r *reader, j *Job) {
	j.Repository = r.repository("repository", "GIT_URL")
	j.Commit = r.commit("commit", "GIT_COMMIT")
	change := r.word("change", "CHANGE_ID")
	switch {
	case r.env.value("TAG_NAME") != "":
		j.Ref = r.tag("ref", "TAG_NAME")
	case change != "": // BRANCH_NAME is then an arbitrary name
	case r.env.value("BRANCH_NAME") != "":
		j.Ref = r.branch("ref", "BRANCH_NAME")
	case r.env.value("GIT_BRANCH") != "":
		j.Ref = r.remoteBranch("ref", "GIT_BRANCH")
	}
	j.URL = r.url("run", "BUILD_URL")
	j.LogURL = under(j.URL, "console")
	j.ID = cmp.Or(j.URL, r.text("run", "BUILD_TAG"))
	j.ChangeURL = r.url("change", "CHANGE_URL")
	if j.ChangeURL != "" || change != "" {
		j.Event = "change-request"
	}
}

// remoteBranch is a branch as a remote-tracking name of origin or as it is.
func (r *reader) remoteBranch(field, name string) string {
	branch := r.branch(field, name)
	if rest, ok := strings.CutPrefix(branch, "refs/heads/origin/"); ok {
		return "refs/heads/" + rest
	}
	return branch
}
