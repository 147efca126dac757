package verify_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log"
	"strings"
	"testing/fstest"
	"time"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/sign/keys"
	"github.com/touchmark-go/touchmark/verify"
)

// signedPolicyTrust is a trust file in which alice and bob sign the policy "app".
func signedPolicyTrust(ci, alice, bob *keys.Key) *verify.Trust {
	t, err := verify.ParseTrust(exampleTrust(map[string]*keys.Key{"ci": ci, "alice": alice, "bob": bob},
		map[string]verify.Kind{"ci": verify.Builder, "alice": verify.Person, "bob": verify.Person}))
	if err != nil {
		log.Fatal(err)
	}
	t.Policies = map[string]verify.Quorum{"app": {AtLeast: 2, Of: []string{"alice", "bob"}}}
	return t
}

// Take a policy only from those who may write it, and never an older one than the
// one in force.
func ExamplePolicyReader() {
	ctx, ci, alice, bob := context.Background(), exampleKey(), exampleKey(), exampleKey()
	trust := signedPolicyTrust(ci, alice, bob)

	// Alice and bob sign the same file, each at home.
	byAlice, err := sign.Payload(ctx, verify.PolicyType, []byte(examplePolicy), alice)
	if err != nil {
		log.Fatal(err)
	}
	byBob, err := sign.Payload(ctx, verify.PolicyType, []byte(examplePolicy), bob)
	if err != nil {
		log.Fatal(err)
	}
	policy, err := verify.PolicyReader{Trust: trust}.Read(ctx, byAlice, byBob)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(policy.Name, policy.Version)

	_, err = verify.PolicyReader{Trust: trust}.Read(ctx, byAlice)
	fmt.Println(err)

	policy.Version = 2 // was in force since
	_, err = verify.PolicyReader{Trust: trust, InForce: policy}.Read(ctx, byAlice, byBob)
	fmt.Println(errors.Is(err, verify.ErrOlderPolicy))
	// Output:
	// app 1
	// policy "app" is signed by "alice", want 2 of alice, bob
	// true
}

// Keep the policies of a place in one folder, and choose by what is asked for.
func ExamplePolicySet() {
	policy := func(name, pkg, environment string) *fstest.MapFile {
		text := strings.Replace(examplePolicy, `"name": "app",`, fmt.Sprintf(`"name": %q, "package": %q,`, name, pkg), 1)
		if environment != "" {
			text = strings.Replace(text, `"examine"`, fmt.Sprintf(`"environment": %q, "examine"`, environment), 1)
		}
		return &fstest.MapFile{Data: []byte(text)}
	}
	folder := fstest.MapFS{
		"app.json":     policy("app", "pkg:generic/acme/app", ""),
		"prod.json":    policy("app-prod", "pkg:generic/acme/app", "prod"),
		"acme.json":    policy("acme", "pkg:generic/acme/*", ""),
		"default.json": policy("default", "any", ""),
	}
	set, err := verify.PolicyReader{}.ReadDir(context.Background(), folder) // os.DirFS("policies")
	if err != nil {
		log.Fatal(err)
	}
	for _, asked := range [][2]string{{"pkg:generic/acme/app@1.4.0", "prod"}, {"pkg:generic/acme/tool@2.0.0", ""}, {"pkg:npm/left-pad@1.3.0", ""}} {
		policies, err := set.For(asked[0], asked[1])
		if err != nil {
			log.Fatal(err)
		}
		var names []string
		for _, p := range policies {
			names = append(names, p.Name)
		}
		fmt.Println(asked[0], names)
	}
	_, err = set.For("pkg:generic/acme/tool@2.0.0", "prod")
	fmt.Println(err)
	// Output:
	// pkg:generic/acme/app@1.4.0 [app app-prod]
	// pkg:generic/acme/tool@2.0.0 [acme]
	// pkg:npm/left-pad@1.3.0 [default]
	// "pkg:generic/acme/tool@2.0.0" in environment "prod": no policy is for it
}

const exampleExceptPolicy = `{
  "schema": "https://github.com/touchmark-go/touchmark/policy/v1", "version": 1, "name": "app",
  "examine": "if-applicable",
  "provenance": {
    "signedBy": "ci", "level": 1, "buildType": "any",
    "source": { "repository": "any", "ref": "any" }, "parameters": { "any": true }
  },
  "attestations": [{ "type": "https://acme.example/scan/v1", "signedBy": "ci", "predicate": { "/critical": 0 } }],
  "exceptions": { "approvedBy": { "atLeast": 2, "of": ["alice", "bob"] }, "rules": ["/attestations/0/predicate/~1critical"], "for": "14d" }
}`

// Let one artifact pass although a check fails, with the consent of those whom the
// policy names: of this artifact, these checks, and for a while.
func ExamplePolicy_Except() {
	ctx, app := context.Background(), []byte("#!/bin/sh\necho hello\n")
	ci, alice, bob := exampleKey(), exampleKey(), exampleKey()
	at := time.Date(2026, 11, 21, 3, 7, 0, 0, time.UTC)
	scan, err := provenance.New("https://acme.example/scan/v1", map[string]int{"critical": 2}, provenance.ResourceDescriptor{Digest: provenance.Set(provenance.SumSHA256(app))})
	if err != nil {
		log.Fatal(err)
	}
	var evidence []*sign.Bundle
	for _, s := range []*provenance.Statement{exampleBuild(app), scan} {
		b, err := sign.Statement(ctx, s, ci)
		if err != nil {
			log.Fatal(err)
		}
		evidence = append(evidence, b)
	}
	v := exampleVerifier(exampleExceptPolicy, map[string]*keys.Key{"ci": ci, "alice": alice, "bob": bob},
		map[string]verify.Kind{"ci": verify.Builder, "alice": verify.Person, "bob": verify.Person})
	policy, err := verify.ParsePolicy([]byte(exampleExceptPolicy))
	if err != nil {
		log.Fatal(err)
	}
	request := verify.Request{Artifact: verify.Content(bytes.NewReader(app), int64(len(app))), At: at, Evidence: evidence}
	denied, err := v.Verify(ctx, request)
	fmt.Println(err)

	exception, err := policy.Except(denied)
	if err != nil {
		log.Fatal(err)
	}
	exception.Reason, exception.Expires = "the code is not linked; fixed in 1.4.1", at.AddDate(0, 0, 7)
	signed, err := sign.Statement(ctx, exception.Statement(), alice, bob) // each of them, having looked at it
	if err != nil {
		log.Fatal(err)
	}
	request.Evidence = append(request.Evidence, signed)
	verdict, err := v.Verify(ctx, request)
	fmt.Println(verdict.Decision, err)
	for _, f := range verdict.Findings {
		if f.Exception != nil {
			fmt.Println(f.Status, f.Code, f.Rule, f.Exception.By, f.Exception.Reason)
		}
	}

	request.At = at.AddDate(0, 0, 7)
	verdict, _ = v.Verify(ctx, request)
	fmt.Println(verdict.Decision, "a week later")
	// Output:
	// deny: content of 21 bytes: condition: the attestation does not say what the policy wants (want 0, got 2)
	// ALLOW <nil>
	// waived condition /attestations/0/predicate/~1critical [alice bob] the code is not linked; fixed in 1.4.1
	// DENY a week later
}
