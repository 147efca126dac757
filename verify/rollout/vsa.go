package rollout

import (
	"errors"
	"time"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/verify"
)

// VSAType is the predicate type of a signed verdict: SLSA's verification summary.
const VSAType = "https://slsa.dev/verification_summary/v1"

// vsa is a SLSA Verification Summary Attestation v1.
type vsa struct {
	Verifier           vsaVerifier                     `json:"verifier"`
	TimeVerified       time.Time                       `json:"timeVerified"`
	ResourceURI        string                          `json:"resourceUri"`
	Policy             provenance.ResourceDescriptor   `json:"policy"`
	InputAttestations  []provenance.ResourceDescriptor `json:"inputAttestations,omitempty"`
	VerificationResult string                          `json:"verificationResult"`
	VerifiedLevels     []string                        `json:"verifiedLevels"`
	SLSAVersion        string                          `json:"slsaVersion"`
}

type vsaVerifier struct {
	ID string `json:"id"`
}

// summarize writes verdicts, all of one instant and one policy, down as one
// summary about their artifacts. It claims no level: a policy says more than
// that, and its digest stands in it.
func summarize(verifier, resource string, verdicts []*verify.Verdict, evidence []*sign.Bundle) (*provenance.Statement, error) {
	if len(verdicts) == 0 || len(verdicts[0].Policies) == 0 {
		return nil, errors.New("no verdict to write down")
	}
	first := verdicts[0]
	out := vsa{Verifier: vsaVerifier{verifier}, TimeVerified: first.At.UTC().Truncate(time.Second), ResourceURI: resource, VerificationResult: "PASSED", VerifiedLevels: []string{}, SLSAVersion: "1.1"}
	p := first.Policies[0]
	out.Policy = provenance.ResourceDescriptor{Name: p.Name, URI: "urn:touchmark:policy:" + p.Digest.Hex(), Digest: provenance.Set(p.Digest)}
	seen := map[provenance.Digest]bool{}
	for _, b := range evidence {
		if id := b.ID(); !id.IsZero() && !seen[id] {
			seen[id] = true
			out.InputAttestations = append(out.InputAttestations, provenance.ResourceDescriptor{Digest: provenance.Set(id)})
		}
	}
	var subjects []provenance.ResourceDescriptor
	for _, v := range verdicts {
		if v.Decision != verify.Allow {
			return nil, errors.New("a verdict is not yes")
		}
		subjects = append(subjects, provenance.ResourceDescriptor{Digest: provenance.Set(v.Digest)})
	}
	return provenance.New(VSAType, out, subjects...)
}
