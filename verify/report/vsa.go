package report

import (
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/verify"
)

// A VSA makes a verdict a verification summary (SLSA 1.2, Verification Summary
// Attestation v1): a statement that others believe instead of looking at the
// evidence themselves, if they trust whoever signs it. [verify.SummaryRule] is
// how a policy does. The zero VSA names no verifier, and makes none.
type VSA struct {
	// Verifier says who verified, as a URI. Trust pairs it with who signs.
	Verifier string
	// Resource says of what, as a URI: where users find the artifact, or the name
	// that they ask for it by. Empty is the verdict's Name.
	Resource string
	// Evidence is all that was looked at: its IDs are written down.
	Evidence []*sign.Bundle
}

// vsaPredicate is the predicate; the names are the specification's.
type vsaPredicate struct {
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

// Statement is the summary of verdicts about one or several artifacts, all by
// the same policy at the same instant and with the same decision, as a statement to sign.
//
// [verify.Allow] is PASSED. It says the level of SLSA's build track that was
// verified, and of a policy that wanted none that the track was not evaluated.
// [verify.Deny] is FAILED, whatever the level. Of one that is Undecided there is
// nothing to say, and that is an error; so is a verdict by several policies,
// because a summary names one: verify by each, and write a summary of each.
func (s VSA) Statement(verdicts ...*verify.Verdict) (*provenance.Statement, error) {
	if len(verdicts) == 0 {
		return nil, errors.New("verification summary: no verdict to write down")
	}
	first := verdicts[0]
	out := vsaPredicate{Verifier: vsaVerifier{s.Verifier}, ResourceURI: s.Resource, TimeVerified: first.At.UTC().Truncate(time.Second), SLSAVersion: "1.2"}
	if out.ResourceURI == "" {
		out.ResourceURI = first.Name
	}
	for _, f := range []struct{ what, uri string }{{"the verifier", s.Verifier}, {"the resource", out.ResourceURI}} {
		if u, err := url.Parse(f.uri); err != nil || u.Scheme == "" {
			return nil, fmt.Errorf("verification summary: %s is %q, want a URI", f.what, f.uri)
		}
	}
	var subjects []provenance.ResourceDescriptor
	level := first.Level()
	for _, v := range verdicts {
		switch {
		case v.Decision == verify.Undecided:
			return nil, errors.New("verification summary: the verdict is UNDECIDED, and a summary says yes or no")
		case len(v.Policies) != 1:
			return nil, fmt.Errorf("verification summary: the verdict is by %d policies, want one", len(v.Policies))
		case v.Digest.IsZero():
			return nil, errors.New("verification summary: the verdict is of no content: the artifact could not be read")
		case v.Decision != first.Decision || v.Policies[0].Digest != first.Policies[0].Digest || !v.At.Equal(first.At):
			return nil, errors.New("verification summary: the verdicts differ in decision, policy or instant: write one of each")
		}
		level = min(level, v.Level()) // levels compare as text: there are four, and "" is below them
		subjects = append(subjects, provenance.ResourceDescriptor{Digest: provenance.Set(v.Digest)})
	}
	switch {
	case first.Decision == verify.Deny:
		out.VerificationResult, out.VerifiedLevels = "FAILED", []string{"FAILED"}
	case level == "":
		out.VerificationResult, out.VerifiedLevels = "PASSED", []string{"SLSA_BUILD_LEVEL_UNEVALUATED"}
	default:
		out.VerificationResult, out.VerifiedLevels = "PASSED", []string{level}
	}
	p := first.Policies[0].Digest // its name would be refused by readers that know no more than in-toto's type of a summary
	out.Policy = provenance.ResourceDescriptor{URI: "urn:touchmark:policy:" + p.Hex(), Digest: provenance.Set(p)}
	seen := map[provenance.Digest]bool{}
	for _, b := range s.Evidence {
		if b == nil || b.Err != nil || b.ID().IsZero() || seen[b.ID()] {
			continue
		}
		seen[b.ID()] = true
		out.InputAttestations = append(out.InputAttestations, provenance.ResourceDescriptor{Digest: provenance.Set(b.ID())})
	}
	return provenance.New(verify.SummaryType, out, subjects...)
}
