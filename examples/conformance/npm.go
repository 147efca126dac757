package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/verify"
)

// npmPublish is what npm's registry attests of a package that it took.
const npmPublish = "https://github.com/npm/attestation/tree/main/specs/publish/v0.1"

// runNPM wants provenance by the builder and of the source that the row names,
// and the registry's word for the package's name and version.
func runNPM(r row) error {
	bundles, err := r.bundles()
	if err != nil {
		return err
	}
	builder := r.slsaBuilder()
	a, err := r.authenticator(r.instance())
	if err != nil {
		return err
	}
	var at time.Time
	for _, b := range bundles {
		if b.Err != nil || b.PAE() == nil {
			return fmt.Errorf("%s: %v", b.Origin, b.Err)
		}
		if len(b.Signatures[0].Chain) == 0 {
			continue
		}
		found, err := a.Authenticate(context.Background(), b, time.Now())
		if err != nil {
			return err
		}
		if len(found) != 1 {
			return fmt.Errorf("%s: nobody vouches for its signature", b.Origin)
		}
		// The registry's keys are judged when the package was built.
		at = found[0].Time
		if r.builder != "https://github.com/actions/runner/github-hosted" {
			continue
		}
		// npm itself signs as the workflow that runs it, which is one of the source.
		if !strings.HasPrefix(found[0].Workflow, "https://"+r.source+"/.github/workflows/") {
			return fmt.Errorf("signed by %s, want a workflow of %s", found[0], r.source)
		}
		builder = verify.Principal{Kind: verify.Builder, Builders: map[string]int{r.builder: 3}, Identities: []verify.Identity{{Authority: authorityName, Issuer: r.issuer, Workflow: found[0].Workflow}}}
	}
	if r.builder == "" {
		return errors.New("the row names no builder")
	}
	registry, err := r.npmRegistry()
	if err != nil {
		return err
	}
	published := map[string]verify.Matcher{}
	for member, want := range map[string]string{"/name": r.noted("PackageName"), "/version": r.noted("PackageVersion")} {
		if want != "" {
			published[member] = verify.Matcher{Exact: want}
		}
	}
	policy := &verify.Policy{Version: 1, Name: "row", Examine: verify.ExamineRule{Mode: verify.ExamineOff},
		Provenance: verify.ProvenanceRule{SignedBy: verify.Quorum{AtLeast: 1, Of: []string{"builder"}}, Level: 3, BuildType: "any",
			Source: verify.SourceRule{Repository: "https://" + r.source, Ref: "any"}, Parameters: map[string]verify.Matcher{"": {Any: true}},
			Types: []string{provenance.SLSAProvenanceV1, provenance.SLSAProvenanceV02}},
		Attestations: []verify.AttestationRule{{Type: npmPublish, SignedBy: verify.Quorum{AtLeast: 1, Of: []string{"npm"}}, Predicate: published}},
	}
	return r.decide(map[string]verify.Principal{"builder": builder, "npm": registry}, policy, bundles, "", at)
}

// npmRegistry is npm's registry, by the keys that it publishes.
func (r row) npmRegistry() (verify.Principal, error) {
	p := verify.Principal{Kind: verify.Service}
	data, err := r.read(r.noted("npm_keys"))
	if err != nil {
		return p, err
	}
	var doc struct {
		Keys []struct {
			Usage     string `json:"keyUsage"`
			PublicKey struct {
				RawBytes string `json:"rawBytes"`
				ValidFor struct {
					Start time.Time `json:"start"`
					End   time.Time `json:"end"`
				} `json:"validFor"`
			} `json:"publicKey"`
		} `json:"keys"`
	}
	if err := json.Unmarshal(data, &doc); err != nil {
		return p, unusable{err}
	}
	for _, k := range doc.Keys {
		if k.Usage != "npm:attestations" {
			continue
		}
		der, err := base64.StdEncoding.DecodeString(k.PublicKey.RawBytes)
		if err != nil {
			return p, unusable{err}
		}
		p.Keys = append(p.Keys, verify.Key{PEM: string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})), NotBefore: k.PublicKey.ValidFor.Start, NotAfter: k.PublicKey.ValidFor.End})
	}
	return p, nil
}
