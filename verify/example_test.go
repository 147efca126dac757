package verify_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/release"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/sign/keys"
	"github.com/touchmark-go/touchmark/verify"
)

// The examples decide about dist/app, a file made here, whose provenance ci
// signed. They share this trust file and policy.
func exampleTrust(principals map[string]*keys.Key, kinds map[string]verify.Kind) []byte {
	t := verify.Trust{Version: 1, Expires: time.Date(2027, 11, 1, 0, 0, 0, 0, time.UTC), Principals: map[string]verify.Principal{}}
	for name, key := range principals {
		p := verify.Principal{Kind: kinds[name], Keys: []verify.Key{{PEM: string(key.MarshalPublic())}}}
		if p.Kind == verify.Builder {
			p.Builders = map[string]int{"https://github.com/touchmark-go/touchmark/builders/local/v1": 1}
		}
		t.Principals[name] = p
	}
	if _, ok := principals["bob"]; ok {
		t.Roles = map[string][]string{"release-manager": {"alice", "bob"}}
		t.Root = verify.Quorum{AtLeast: 2, Of: []string{"alice", "bob"}}
	}
	return t.Marshal()
}

const examplePolicy = `{
  "schema": "https://github.com/touchmark-go/touchmark/policy/v1", "version": 1, "name": "app",
  "examine": "if-applicable",
  "provenance": {
    "signedBy": "ci", "level": 1,
    "buildType": "https://github.com/touchmark-go/touchmark/build-types/go-build/v1",
    "source": { "repository": "https://github.com/acme/app", "ref": "refs/tags/v1.*" },
    "parameters": { "/command": ["go", "build", "-o", "dist/app", "./cmd/app"] }
  }
}`

const exampleProdPolicy = `{
  "schema": "https://github.com/touchmark-go/touchmark/policy/v1", "version": 1, "name": "app-prod", "environment": "prod",
  "examine": "if-applicable",
  "provenance": { "signedBy": "ci", "level": "any", "buildType": "any", "source": "any", "parameters": { "any": true } },
  "approvals": [{ "atLeast": 2, "of": ["release-manager"] }]
}`

func exampleBuild(app []byte) *provenance.Statement {
	var b provenance.Build
	b.BuildDefinition.BuildType = "https://github.com/touchmark-go/touchmark/build-types/go-build/v1"
	b.BuildDefinition.ExternalParameters = map[string]any{
		"command": []any{"go", "build", "-o", "dist/app", "./cmd/app"},
		"source":  map[string]any{"repository": "https://github.com/acme/app", "ref": "refs/tags/v1.4.0", "dirty": false},
	}
	b.BuildDefinition.ResolvedDependencies = []provenance.ResourceDescriptor{{
		URI: "git+https://github.com/acme/app@refs/tags/v1.4.0", Digest: provenance.DigestSet{provenance.GitCommit: "5f1e2c90b7c1d2e3f4a5b6c7d8e9f0a1b2c3d4e5"}}}
	b.RunDetails.Builder.ID = "https://github.com/touchmark-go/touchmark/builders/local/v1"
	s, err := b.Statement(provenance.ResourceDescriptor{Name: "dist/app", Digest: provenance.Set(provenance.SumSHA256(app))})
	if err != nil {
		log.Fatal(err)
	}
	return s
}

func exampleKey() *keys.Key {
	key, err := keys.Generate(keys.ECDSAP256)
	if err != nil {
		log.Fatal(err)
	}
	return key
}

// inFolder moves into a new folder that holds dist/app, and back.
func inFolder(app []byte) (back func()) {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	old, err := os.Getwd()
	if err != nil {
		log.Fatal(err)
	}
	if err := errors.Join(os.Chdir(dir), os.Mkdir("dist", 0o755), os.WriteFile(filepath.Join("dist", "app"), app, 0o755)); err != nil {
		log.Fatal(err)
	}
	return func() { os.Chdir(old); os.RemoveAll(dir) }
}

// Decide: who is in the trust file, what is in the policy, and nil means yes.
func Example() {
	ctx, app, ci := context.Background(), []byte("#!/bin/sh\necho hello\n"), exampleKey()
	defer inFolder(app)()
	bundle, err := sign.Statement(ctx, exampleBuild(app), ci)
	if err != nil {
		log.Fatal(err)
	}
	evidence := []*sign.Bundle{bundle}

	trust, err := verify.ParseTrust(exampleTrust(map[string]*keys.Key{"ci": ci}, map[string]verify.Kind{"ci": verify.Builder}))
	if err != nil {
		log.Fatal(err)
	}
	policy, err := verify.ParsePolicy([]byte(examplePolicy))
	if err != nil {
		log.Fatal(err)
	}
	v, err := verify.New(trust, policy)
	if err != nil {
		log.Fatal(err)
	}
	verdict, err := v.Verify(ctx, verify.Request{Artifact: verify.File("dist/app"), Evidence: evidence})
	if err != nil {
		log.Fatal(err) // refused, or could not be examined: it says which, and why
	}
	fmt.Println(verdict.Decision, verdict.Digest)
	// Output:
	// ALLOW sha256:bfdeaeb08cffb6a36438bcd12dda25417e3cdd36f1e7e482a2849d539225288b
}

// Decide on the bytes that will run, with no gap between the check and the use.
func ExampleVerifier_Open() {
	ctx, app, ci := context.Background(), []byte("#!/bin/sh\necho hello\n"), exampleKey()
	defer inFolder(app)()
	bundle, err := sign.Statement(ctx, exampleBuild(app), ci)
	if err != nil {
		log.Fatal(err)
	}
	v := exampleVerifier(examplePolicy, map[string]*keys.Key{"ci": ci}, map[string]verify.Kind{"ci": verify.Builder})

	h, err := v.Open(ctx, verify.Request{Artifact: verify.File("dist/app"), Evidence: []*sign.Bundle{bundle}})
	if err != nil {
		log.Fatal(err)
	}
	defer h.Close()
	fmt.Println(h.Verdict.Decision, h.Size(), "bytes")

	// Somebody swaps the content after the check: the handle does not give it out.
	if err := os.WriteFile("dist/app", []byte("#!/bin/sh\necho owned\n"), 0o755); err != nil {
		log.Fatal(err)
	}
	_, err = h.ReadAt(make([]byte, 5), 0)
	fmt.Println(err)
	// Output:
	// ALLOW 21 bytes
	// the artifact changed since it was verified
}

func exampleVerifier(policy string, principals map[string]*keys.Key, kinds map[string]verify.Kind) *verify.Verifier {
	t, err := verify.ParseTrust(exampleTrust(principals, kinds))
	if err != nil {
		log.Fatal(err)
	}
	p, err := verify.ParsePolicy([]byte(policy))
	if err != nil {
		log.Fatal(err)
	}
	v, err := verify.New(t, p)
	if err != nil {
		log.Fatal(err)
	}
	return v
}

// Two release managers approve, each at home. Evidence is a set: hand in what
// both have signed.
func ExampleVerifier_Verify_approvals() {
	ctx, app := context.Background(), []byte("#!/bin/sh\necho hello\n")
	ci, alice, bob := exampleKey(), exampleKey(), exampleKey()
	bundle, err := sign.Statement(ctx, exampleBuild(app), ci)
	if err != nil {
		log.Fatal(err)
	}
	evidence := []*sign.Bundle{bundle}
	policy, err := verify.ParsePolicy([]byte(exampleProdPolicy))
	if err != nil {
		log.Fatal(err)
	}

	d := provenance.SumSHA256(app)
	expires := time.Date(2026, 11, 21, 18, 0, 0, 0, time.UTC)
	stmt := release.Approval{Digest: d, To: "prod", Policy: policy.Digest(), Expires: expires}.Statement()
	a, err := sign.Statement(ctx, stmt, alice)
	if err != nil {
		log.Fatal(err)
	}
	b, err := sign.Statement(ctx, stmt, bob)
	if err != nil {
		log.Fatal(err)
	}

	v := exampleVerifier(exampleProdPolicy, map[string]*keys.Key{"ci": ci, "alice": alice, "bob": bob},
		map[string]verify.Kind{"ci": verify.Builder, "alice": verify.Person, "bob": verify.Person})
	request := verify.Request{Artifact: verify.Content(bytes.NewReader(app), int64(len(app))), Environment: "prod", At: expires.Add(-time.Hour), Evidence: append(evidence, a, b)}
	verdict, _ := v.Verify(ctx, request)
	for _, f := range verdict.Findings {
		if f.Code == verify.CodeApproval {
			fmt.Println(f.Status, f.Got)
		}
	}

	request.Evidence = append(evidence, a, a)
	_, err = v.Verify(ctx, request)
	fmt.Println(err)
	// Output:
	// passed alice, bob
	// deny: content of 21 bytes: approval: 1 of 2 people (want 2 of release-manager, got alice)
}

// Why not? The verdict is text for a person and findings for a program.
func ExampleVerdict_Failed() {
	ctx, app, ci := context.Background(), []byte("#!/bin/sh\necho hello\n"), exampleKey()
	bundle, err := sign.Statement(ctx, exampleBuild(app), ci)
	if err != nil {
		log.Fatal(err)
	}
	v := exampleVerifier(examplePolicy, map[string]*keys.Key{"ci": ci}, map[string]verify.Kind{"ci": verify.Builder})
	tampered := provenance.SumSHA256([]byte("#!/bin/sh\necho owned\n"))
	verdict, err := v.Verify(ctx, verify.Request{Artifact: verify.Digest(tampered), Evidence: []*sign.Bundle{bundle}})

	var refused *verify.Error
	fmt.Println(errors.As(err, &refused), verdict.Decision)
	f := verdict.Failed()[0]
	fmt.Printf("%s: %s\n  %s\n", f.Code, f.Message, f.Remedy)
	// Output:
	// true DENY
	// subject: it is about something else
	//   check that artifact and evidence are of the same build; if they should be, do not run it and fetch both again
}

// Find out who signed one bundle, of whatever type.
func ExampleAuthenticate() {
	ctx, ci := context.Background(), exampleKey()
	bundle, err := sign.Payload(ctx, "text/plain", []byte("hello"), ci)
	if err != nil {
		log.Fatal(err)
	}
	trust, err := verify.ParseTrust(exampleTrust(map[string]*keys.Key{"ci": ci}, map[string]verify.Kind{"ci": verify.Builder}))
	if err != nil {
		log.Fatal(err)
	}
	got, err := verify.Authenticate(ctx, trust, bundle, time.Time{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(got.PayloadType, string(got.Payload), got.Signatories[0].Principal)
	// Output: text/plain hello ci
}

// Rotate a key: the root signs the next trust file, and whoever holds the old
// one takes it over.
func ExampleTrust_Update() {
	ctx := context.Background()
	ci, alice, bob, newKey := exampleKey(), exampleKey(), exampleKey(), exampleKey()
	trust, err := verify.ParseTrust(exampleTrust(map[string]*keys.Key{"ci": ci, "alice": alice, "bob": bob},
		map[string]verify.Kind{"ci": verify.Builder, "alice": verify.Person, "bob": verify.Person}))
	if err != nil {
		log.Fatal(err)
	}

	next, err := trust.Rotate("ci", newKey.Public(), time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC))
	if err != nil {
		log.Fatal(err)
	}
	signed, err := sign.Payload(ctx, verify.TrustType, next.Marshal(), alice, bob)
	if err != nil {
		log.Fatal(err)
	}
	trust, err = trust.Update(signed)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(trust.Version, len(trust.Principals["ci"].Keys))
	// Output: 2 2
}

// A mistake in a policy names its line.
func ExampleParsePolicy() {
	_, err := verify.ParsePolicy([]byte(`{
  "schema": "https://github.com/touchmark-go/touchmark/policy/v1", "version": 1, "name": "app",
  "examine": "off",
  "provenance": {
    "signedBy": "ci", "level": 1, "buildType": "any", "parameters": { "any": true },
    "source": { "repository": "https://github.com/acme/app", "ref": "v1.4.0" }
  }
}`))
	fmt.Println(err)
	// Output: policy-invalid: app: line 6: /provenance/source/ref: "v1.4.0": want a ref in full, like refs/tags/v1.* or refs/heads/main
}

// A trust file without an end is refused, with its line.
func ExampleParseTrust() {
	_, err := verify.ParseTrust([]byte(`{
  "schema": "https://github.com/touchmark-go/touchmark/trust/v1",
  "version": 1,
  "expires": "2027-11-01T00:00:00Z",
  "principals": { "ci": { "kind": "builder", "builder": {} } }
}`))
	fmt.Println(err)
	// Output: trust-invalid: line 5: /principals/ci/builder: unknown member "builder"
}
