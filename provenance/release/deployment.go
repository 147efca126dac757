package release

import (
	"fmt"
	"time"

	"github.com/touchmark-go/touchmark/provenance"
)

// DeploymentType is the predicate type of a [Deployment]. Its document is
// docs/predicates/deployment/v1.md.
const DeploymentType = "https://github.com/touchmark-go/touchmark/predicates/deployment/v1"

// A Result is what became of a deployment.
type Result string

// The results.
const (
	Running      Result = "running"       // it runs
	Removed      Result = "removed"       // it runs no more
	PullFailed   Result = "pull-failed"   // it could not be fetched
	Missing      Result = "missing"       // an artifact of it is not there
	VerifyFailed Result = "verify-failed" // it was refused
	Failed       Result = "failed"        // it did not start, for another reason
)

// A Deployment says what somebody put, or tried to put, into an environment. By
// whom is said by the signature.
//
// The zero Deployment is invalid. A Deployment is plain data.
type Deployment struct {
	Product     string                          // required
	Environment string                          // required
	Cluster     string                          // which of several places of the environment; empty if there is one
	Release     provenance.Digest               // the [Release.ID]. Required
	Subjects    []provenance.ResourceDescriptor // what runs: artifacts of the release, and of the statement. At least one
	Config      provenance.Digest               // the configuration that it runs with. Required
	Result      Result                          // required
	// Reference is what the artifact was asked for by, as it stands in a manifest:
	// "registry.example/app@sha256:…". Without a digest in it, the deployment was
	// not by digest.
	Reference string
	Run       string    // names the job or person's tool that did it, by URL or by id
	At        time.Time // when, by the word of whoever signs. Required; it decides nothing
}

type deployment struct {
	Product     string            `json:"product"`
	Environment string            `json:"environment"`
	Cluster     string            `json:"cluster,omitempty"`
	Release     provenance.Digest `json:"release"`
	Config      provenance.Digest `json:"config"`
	Result      Result            `json:"result"`
	Reference   string            `json:"reference,omitempty"`
	Run         string            `json:"run,omitempty"`
	At          time.Time         `json:"at"`
}

// Validate reports what makes d unusable.
func (d Deployment) Validate() error {
	errs := []error{
		checkProduct("/product", d.Product),
		checkEnvironment("/environment", d.Environment),
		checkText("/cluster", d.Cluster, maxEnvironment),
		checkSHA256("/release", d.Release, "a release"),
		checkSubjects(d.Subjects),
		checkConfig("/config", d.Config),
		checkText("/reference", d.Reference, maxURI),
		checkText("/run", d.Run, maxURI),
		checkTime("/at", d.At, true),
	}
	switch d.Result {
	case Running, Removed, PullFailed, Missing, VerifyFailed, Failed:
	default:
		errs = append(errs, fmt.Errorf("/result is %.80q, want running, removed, pull-failed, missing, verify-failed or failed", d.Result))
	}
	return prefixed("deployment", errs...)
}

// Statement returns the deployment as a statement to sign. One that is not valid
// gives a statement without a subject, which nobody can sign or marshal.
func (d Deployment) Statement() *provenance.Statement {
	return statement(DeploymentType, d.Validate(),
		deployment{d.Product, d.Environment, d.Cluster, d.Release, d.Config, d.Result, d.Reference, d.Run, d.At.UTC()}, d.Subjects...)
}

// ParseDeployment reads the Deployment in s: a Statement v1 of exactly
// [DeploymentType], and no member that the document does not name.
func ParseDeployment(s *provenance.Statement) (*Deployment, error) {
	var in deployment
	if err := open(s, "deployment", DeploymentType, &in); err != nil {
		return nil, err
	}
	d := &Deployment{in.Product, in.Environment, in.Cluster, in.Release, s.Subject, in.Config, in.Result, in.Reference, in.Run, in.At}
	if err := d.Validate(); err != nil {
		return nil, err
	}
	return d, nil
}
