package capture

import (
	"strings"
)

var (
	codeBuildARN = pattern(`\Aarn:(aws[a-z-]*):codebuild:([a-z0-9-]{1,40}):([0-9]{12}):build/([A-Za-z0-9_-]{1,255}):([A-Za-z0-9-]{1,64})\z`)
	webhook      = pattern(`\A(?:branch|tag|pr)/[^\s:]{1,200}\z`)
)

// readCodeBuild reads the variables of AWS CodeBuild (User Guide, "Environment
// variables in build environments").
func readCodeBuild(r *reader, j *Job) {
	j.ID = r.matches("run", "CODEBUILD_BUILD_ARN", "the name of a build", codeBuildARN())
	if m := codeBuildARN().FindStringSubmatch(j.ID); m != nil && m[1] == "aws" {
		j.URL = "https://" + m[2] + ".console.aws.amazon.com/codesuite/codebuild/" + m[3] + "/projects/" + m[4] + "/build/" + m[4] + "%3A" + m[5]
		j.LogURL = j.URL + "/log"
	}
	j.Repository = r.repository("repository", "CODEBUILD_SOURCE_REPO_URL")
	if version := r.env.value("CODEBUILD_RESOLVED_SOURCE_VERSION"); !strings.HasPrefix(version, "arn:") { // of an archive in S3
		j.Commit = r.commit("commit", "CODEBUILD_RESOLVED_SOURCE_VERSION")
	}
	j.Actor = r.word("actor", "CODEBUILD_INITIATOR")
	j.Event = r.word("event", "CODEBUILD_WEBHOOK_EVENT")
	kind, name, _ := strings.Cut(r.matches("ref", "CODEBUILD_WEBHOOK_TRIGGER", "branch/, tag/ or pr/ and a name", webhook()), "/")
	switch full := "refs/" + kind + "/" + name; {
	case kind == "branch" && isFullRef(full):
		j.Ref = "refs/heads/" + name
	case kind == "tag" && isFullRef(full):
		j.Ref = "refs/tags/" + name
	case kind == "pr" && isDigits(name) && strings.HasPrefix(j.Repository, "https://github.com/"):
		j.ChangeURL = under(j.Repository, "pull", name)
	}
	j.Runner = Runner{Image: r.image("runner", "CODEBUILD_BUILD_IMAGE")}
}
