package verifytest_test

import (
	"bytes"
	"context"
	"fmt"
	"log"
	"time"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/sign/keys"
	"github.com/touchmark-go/touchmark/verify"
	"github.com/touchmark-go/touchmark/verify/verifytest"
)

const trustFile = `{
  "schema": "https://github.com/touchmark-go/touchmark/trust/v1", "version": 1, "expires": "2027-11-01T00:00:00Z",
  "principals": { "ci": { "kind": "builder", "keys": [{ "pem": %q }], "builders": { "https://github.com/touchmark-go/touchmark/builders/local/v1": 1 } } }
}`

// It wants a tag, and takes any branch: somebody was in a hurry.
const policyFile = `{
  "schema": "https://github.com/touchmark-go/touchmark/policy/v1", "version": 1, "name": "app",
  "examine": "off",
  "provenance": {
    "signedBy": "ci", "level": 1,
    "buildType": "https://github.com/touchmark-go/touchmark/build-types/go-build/v1",
    "source": { "repository": "https://github.com/acme/app", "ref": "any" },
    "parameters": { "/command": ["go", "build", "-o", "app", "."] },
    "maxAge": "30d"
  }
}`

// In a test of your own this is one line: verifytest.Run(t, good).
func ExampleVariants() {
	ctx, app, at := context.Background(), []byte("#!/bin/sh\necho hello\n"), time.Date(2026, 11, 21, 3, 7, 0, 0, time.UTC)
	ci, err := keys.Generate(keys.ECDSAP256)
	if err != nil {
		log.Fatal(err)
	}
	var b provenance.Build
	b.BuildDefinition.BuildType = "https://github.com/touchmark-go/touchmark/build-types/go-build/v1"
	b.BuildDefinition.ExternalParameters = map[string]any{
		"command": []any{"go", "build", "-o", "app", "."},
		"source":  map[string]any{"repository": "https://github.com/acme/app", "ref": "refs/tags/v1.4.0", "dirty": false},
	}
	b.BuildDefinition.ResolvedDependencies = []provenance.ResourceDescriptor{{
		URI: "git+https://github.com/acme/app@refs/tags/v1.4.0", Digest: provenance.DigestSet{provenance.GitCommit: "5f1e2c90b7c1d2e3f4a5b6c7d8e9f0a1b2c3d4e5"}}}
	b.RunDetails.Builder.ID = "https://github.com/touchmark-go/touchmark/builders/local/v1"
	b.RunDetails.Metadata.FinishedOn = at.Add(-time.Hour)
	statement, err := b.Statement(provenance.ResourceDescriptor{Name: "app", Digest: provenance.Set(provenance.SumSHA256(app))})
	if err != nil {
		log.Fatal(err)
	}
	bundle, err := sign.Statement(ctx, statement, ci)
	if err != nil {
		log.Fatal(err)
	}
	trust, err := verify.ParseTrust(fmt.Appendf(nil, trustFile, ci.MarshalPublic()))
	if err != nil {
		log.Fatal(err)
	}
	policy, err := verify.ParsePolicy([]byte(policyFile))
	if err != nil {
		log.Fatal(err)
	}
	v, err := verify.New(trust, policy)
	if err != nil {
		log.Fatal(err)
	}

	good := verifytest.Good{
		Verifier: v,
		Request:  verify.Request{Artifact: verify.Content(bytes.NewReader(app), int64(len(app))), At: at, Evidence: []*sign.Bundle{bundle}},
		Sign:     verifytest.Signers(ci),
	}
	for variant := range verifytest.Variants(ctx, good) {
		verdict, _ := v.Verify(ctx, variant.Request)
		if variant.Wrong(verdict) != "" {
			fmt.Println(variant.Name)
		}
	}
	// Output:
	// D2/provenance/branch
	// 35/provenance/tag-for-branch
	// 35/provenance/ref-pull
	// 35/provenance/ref-below
	// 35/provenance/ref-newline
	// examine/provenance/another-commit
}
