package testkit

// OutsideCI are variables that make a process believe that it is in no CI job,
// appended to an environment: what it builds is then built as on anybody's machine.
func OutsideCI() []string {
	return []string{"CI=", "GITHUB_ACTIONS=", "GITLAB_CI=", "JENKINS_URL=", "BUILD_TAG=", "BUILDKITE=", "BUILDER_OUTPUT=", "PROJECT_NUMBER=", "CIRCLECI=",
		"TEKTON_TASKRUN_UID=", "TF_BUILD=", "CODEBUILD_BUILD_ARN=", "DRONE=", "TEAMCITY_VERSION=", "BITBUCKET_PIPELINE_UUID="}
}
