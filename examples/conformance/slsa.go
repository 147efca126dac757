package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"strings"
	"time"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/sign/store/oci"
	"github.com/touchmark-go/touchmark/verify"
)

// SLSA's generators for GitHub: those that sign with their own name, and those
// that sign for builders of others, whose name stands in the provenance.
const generators = "https://github.com/slsa-framework/slsa-github-generator/.github/workflows/"

var (
	signers    = []string{"generator_generic_slsa3.yml", "builder_go_slsa3.yml", "builder_container-based_slsa3.yml", "generator_container_slsa3.yml"}
	delegators = []string{"delegator_generic_slsa3.yml", "delegator_lowperms-generic_slsa3.yml"}
	delegating = []string{"builder_gradle_slsa3.yml", "builder_maven_slsa3.yml", "builder_nodejs_slsa3.yml"}
)

// runSLSA wants provenance of every artifact, by the builder and of the source
// that the row names.
func runSLSA(r row) error {
	bundles, err := r.bundles()
	if err != nil {
		return err
	}
	return r.verify(bundles)
}

// runSavedImage is runSLSA for what cosign saved beside an image.
func runSavedImage(r row) error {
	layout, err := oci.OpenLayout(filepath.Join(r.root.Name(), filepath.FromSlash(r.bundle)))
	if err != nil {
		return err
	}
	defer layout.Close()
	subject, err := provenance.ParseDigest(r.artifact)
	if err != nil {
		return err
	}
	bundles, err := layout.Bundles(context.Background(), subject)
	if err == nil && len(bundles) == 0 {
		err = errors.New("no bundle at all")
	}
	if err != nil {
		return err
	}
	return r.verify(bundles)
}

// verify asks for every artifact of the row.
func (r row) verify(bundles []*sign.Bundle) error {
	refs, err := r.refs()
	if err != nil {
		return err
	}
	for _, path := range strings.Split(r.artifact, "|") {
		one := r
		one.artifact = path
		var err error
		for _, ref := range refs {
			if err = one.verifyRef(bundles, ref); err == nil {
				break
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// A want is a ref as policies spell it, and what else provenance must say.
type want struct {
	ref       string
	predicate map[string]verify.Matcher // of SLSA v0.2; empty wants nothing
}

// refs are the refs one of which the row wants. A tag that leaves out its last
// numbers is met by every tag that has them, and by one that leaves out numbers
// that are zero: v14.0 by v14.0.3, and by v14. A branch is met by a tag as well
// that the event which started the build says was pushed from it.
func (r row) refs() ([]want, error) {
	tag, short, branch := r.tag, r.noted("source_versioned_tag"), r.noted("source_branch")
	switch {
	case tag != "" && short == "" && branch == "":
		return []want{{ref: "refs/tags/" + tag}}, nil
	case short != "" && tag == "" && branch == "":
		base := "refs/tags/" + short
		all := []want{{ref: base}}
		if strings.Count(short, ".") < 2 {
			all = append(all, want{ref: base + ".*"})
		}
		for rest, ok := strings.CutSuffix(base, ".0"); ok; rest, ok = strings.CutSuffix(rest, ".0") {
			all = append(all, want{ref: rest})
		}
		return all, nil
	case branch != "" && tag == "" && short == "":
		event := "/invocation/environment/github_event_"
		return []want{{ref: "refs/heads/" + branch}, {ref: "refs/tags/*", predicate: map[string]verify.Matcher{
			event + "name": {Exact: "push"}, event + "payload/base_ref": {Exact: "refs/heads/" + branch}}}}, nil
	case tag == "" && short == "" && branch == "":
		return []want{{ref: "any"}}, nil
	}
	return nil, errors.New("more than one of a tag, a version and a branch, and provenance has one ref")
}

// verifyRef asks one question with a trust file and a policy made of the row.
func (r row) verifyRef(bundles []*sign.Bundle, ref want) error {
	builder := r.slsaBuilder()
	inputs := map[string]verify.Matcher{"": {Any: true}}
	if text := r.noted("workflow_inputs"); text != "" {
		var wanted map[string]any
		if err := json.Unmarshal([]byte(text), &wanted); err != nil {
			return unusable{err}
		}
		for name, value := range wanted {
			inputs["/event_inputs/"+strings.NewReplacer("~", "~0", "/", "~1").Replace(name)] = verify.Matcher{OneOf: []any{value}}
		}
	}
	policy := &verify.Policy{Version: 1, Name: "row", Examine: verify.ExamineRule{Mode: verify.ExamineOff}, Provenance: verify.ProvenanceRule{
		SignedBy: verify.Quorum{AtLeast: 1, Of: []string{"builder"}}, Level: 3, BuildType: "any", Parameters: inputs,
		Source: verify.SourceRule{Repository: "https://" + strings.TrimPrefix(strings.TrimPrefix(r.source, "git+"), "https://"), Ref: ref.ref},
		Types:  []string{provenance.SLSAProvenanceV1, provenance.SLSAProvenanceV02},
	}}
	if len(ref.predicate) > 0 {
		policy.Attestations = []verify.AttestationRule{{Type: provenance.SLSAProvenanceV02, SignedBy: policy.Provenance.SignedBy, Predicate: ref.predicate}}
	}
	return r.decide(map[string]verify.Principal{"builder": builder}, policy, bundles, "", time.Time{})
}

// slsaBuilder is whom the row trusts to build. A builder id without a ref is any
// version of it; none is any of SLSA's own. Those are tested with one repository,
// from their main branch.
func (r row) slsaBuilder() verify.Principal {
	p := verify.Principal{Kind: verify.Builder, Builders: map[string]int{}}
	refs := []string{"refs/tags/v*"}
	if r.source == "github.com/slsa-framework/example-package" {
		refs = append(refs, "refs/heads/main")
	}
	sign := func(workflow string, refs ...string) {
		for _, ref := range refs {
			p.Identities = append(p.Identities, verify.Identity{Authority: authorityName, Issuer: r.issuer, Workflow: workflow + "@" + ref})
		}
	}
	build := func(workflow string, refs ...string) {
		for _, ref := range refs {
			p.Builders[workflow+"@"+ref] = 3
		}
	}
	for _, d := range delegators {
		sign(generators+d, refs...)
	}
	if r.builder == "" {
		for _, w := range signers {
			sign(generators+w, refs...)
			build(generators+w, refs...)
		}
		for _, w := range delegating {
			build(generators+w, refs...)
		}
		return p
	}
	workflow, ref, exact := strings.Cut(r.builder, "@")
	if exact {
		if refs = []string{ref}; !strings.HasPrefix(ref, "refs/") {
			refs = []string{"refs/tags/" + ref}
		}
	}
	sign(workflow, refs...)
	build(workflow, refs...)
	return p
}

// decide asks verify. A trust file and a policy are made ready once however many
// rows they are for.
func (r row) decide(principals map[string]verify.Principal, policy *verify.Policy, bundles []*sign.Bundle, name string, at time.Time) error {
	v, err := r.verifier(principals, policy)
	if err != nil {
		return err
	}
	q := verify.Request{Evidence: bundles, Name: name, At: at}
	if algorithm, _, ok := strings.Cut(r.artifact, ":"); ok && !strings.Contains(algorithm, "/") {
		d, err := provenance.ParseDigest(r.artifact)
		if err != nil {
			return err
		}
		q.Artifact = verify.Digest(d)
	} else {
		f, err := r.open(r.artifact)
		if err != nil {
			return err
		}
		defer f.Close()
		size, err := f.Seek(0, io.SeekEnd)
		if err != nil {
			return unusable{err}
		}
		q.Artifact = verify.Content(f, size)
	}
	if _, err := v.Verify(context.Background(), q); err != nil {
		return fmt.Errorf("%.1000v", err)
	}
	return nil
}

func (r row) verifier(principals map[string]verify.Principal, policy *verify.Policy) (*verify.Verifier, error) {
	i := r.instance()
	i.withoutLog = r.noted("needs_rekor_lookup") != ""
	options := verify.Options{}
	trust := &verify.Trust{}
	if i.root != "" && !strings.HasSuffix(i.root, "/") {
		a, err := r.authenticator(i)
		if err != nil {
			return nil, err
		}
		if trust, err = i.trust(r); err != nil {
			return nil, err
		}
		options.Authenticators = []verify.Authenticator{a}
	}
	trust.Version, trust.Expires, trust.Principals = 1, time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC), maps.Clone(principals)
	key := fmt.Sprintf("%s\n%s\n%t", trust.Marshal(), policy.Marshal(), i.withoutLog)
	r.cache.mu.Lock()
	defer r.cache.mu.Unlock()
	if v := r.cache.verifiers[key]; v != nil {
		return v, nil
	}
	v, err := options.New(trust, policy)
	if err == nil {
		r.cache.verifiers[key] = v
	}
	return v, err
}
