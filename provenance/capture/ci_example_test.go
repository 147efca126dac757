package capture_test

import (
	"fmt"

	"github.com/touchmark-go/touchmark/provenance/capture"
)

// Read where a build runs from the environment of a CI job. A program passes
// os.Environ() to [capture.Options], which records all of this as the claim that it is.
func ExampleFindJob() {
	job := capture.FindJob([]string{
		"GITHUB_ACTIONS=true",
		"GITHUB_SERVER_URL=https://github.com",
		"GITHUB_REPOSITORY=acme/app",
		"GITHUB_RUN_ID=1658821493",
		"GITHUB_EVENT_NAME=pull_request",
		"GITHUB_REF=refs/pull/12/merge",
		"GITHUB_ACTOR=octocat\nand more",
		"RUNNER_ENVIRONMENT=github-hosted",
	})
	fmt.Println(job.BuilderID)
	fmt.Println(job.Event, job.URL)
	fmt.Println(job.ChangeURL)
	for _, doubt := range job.Doubts {
		fmt.Println(doubt.Field+":", doubt.Why)
	}
	// Output:
	// https://github.com/touchmark-go/touchmark/builders/github-actions/v1
	// pull_request https://github.com/acme/app/actions/runs/1658821493
	// https://github.com/acme/app/pull/12
	// actor: GITHUB_ACTOR is not a plain word
}
