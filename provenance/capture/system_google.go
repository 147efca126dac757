package capture

import (
	"cmp"
	"strings"
)

// isCloudBuild looks for what is in every build step (BUILDER_OUTPUT), or for
// the substitutions of every build, which are variables if the configuration
// has automapSubstitutions or maps them.
func isCloudBuild(e environment) bool {
	for _, name := range []string{"PROJECT_ID", "PROJECT_NUMBER", "BUILD_ID", "LOCATION"} {
		if e.value(name) == "" {
			return e.value("BUILDER_OUTPUT") == "/builder/outputs"
		}
	}
	return true
}

// readCloudBuild reads the default substitutions of Google Cloud Build (Cloud
// Build documentation, "Substituting variable values"). The repository's name
// says nothing of where it is; only pull requests are GitHub's.
func readCloudBuild(r *reader, j *Job) {
	project, build, region := r.name("run", "PROJECT_ID"), r.name("run", "BUILD_ID"), r.name("run", "LOCATION")
	if project != "" && build != "" && region != "" {
		j.URL = under("https://console.cloud.google.com/cloud-build/builds;region="+region, build) + "?project=" + project
		j.LogURL = j.URL
		j.ID = "projects/" + project + "/locations/" + region + "/builds/" + build
	}
	j.Commit = cmp.Or(r.commit("commit", "COMMIT_SHA"), r.commit("commit", "REVISION_ID"))
	if r.env.value("TRIGGER_NAME") != "" {
		j.Event = "trigger"
	}
	j.Actor = r.read("actor", "SERVICE_ACCOUNT_EMAIL", "the address of a service account", maxWord, isServiceAccount)
	if number := r.number("change", "_PR_NUMBER"); number != "" {
		j.Event = "pull_request"
		if name := r.matches("change", "REPO_FULL_NAME", "OWNER/NAME", gitHubName()); name != "" {
			j.ChangeURL = "https://github.com/" + name + "/pull/" + number
		}
	} else {
		j.Ref = cmp.Or(r.tag("ref", "TAG_NAME"), r.branch("ref", "BRANCH_NAME"))
	}
	if path := r.path("workflow", "TRIGGER_BUILD_CONFIG_PATH"); path != "" {
		j.Workflow = Workflow{Path: path, Ref: j.Ref, Commit: j.Commit}
	}
}

// isServiceAccount reports whether s names a service account: a program's
// address, and no person's.
func isServiceAccount(s string) bool {
	return len(s) > 1 && onlyASCII(s, "-.@") && strings.HasSuffix(s, ".gserviceaccount.com")
}
