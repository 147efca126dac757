package verify_test

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/touchmark-go/touchmark/internal/gofacts"
	"github.com/touchmark-go/touchmark/internal/ocilayout/imagetest"
	"github.com/touchmark-go/touchmark/internal/testkit"
	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/release"
	"github.com/touchmark-go/touchmark/sbom"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/verify"
	"github.com/touchmark-go/touchmark/verify/cel"
)

// The five policies of testdata/policies are the yardstick for the types: each
// must parse, survive a round trip, allow what it is for, and deny what it is
// against with the code that is wanted.

var judged = time.Date(2026, 11, 21, 3, 7, 0, 0, time.UTC)

// signer is a private key of the tests, as the ecosystem's interface.
type signer struct{ ed25519.PrivateKey }

func (s signer) Sign(_ context.Context, data []byte) ([]byte, error) {
	return ed25519.Sign(s.PrivateKey, data), nil
}

func (s signer) KeyID() (string, error) {
	return provenance.SumSHA256(pkix(s.PrivateKey)).Hex(), nil
}

func pkix(key ed25519.PrivateKey) []byte {
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		panic(err)
	}
	return der
}

func pemOf(key ed25519.PrivateKey) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: pkix(key)}))
}

// policyTrust is testdata/policies/trust.json with keys in it: the first key of
// alice is seeded("alice 0"), and so on.
func policyTrust(t testing.TB) *verify.Trust {
	t.Helper()
	data, err := os.ReadFile("testdata/policies/trust.json")
	if err != nil {
		t.Fatal(err)
	}
	var doc map[string]any
	if err := json.Unmarshal(data, &doc); err != nil {
		t.Fatal(err)
	}
	fillKeys(doc)
	doc["ledger"].(map[string]any)["witnesses"].(map[string]any)["keys"] = []any{"w1", "w2", "w3"}
	data, err = json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	trust, err := verify.ParseTrust(data)
	if err != nil {
		t.Fatal(err)
	}
	return trust
}

// fillKeys writes real keys into the principals of a trust file that shows none:
// the first one of alice is seeded("alice 0"), and so on.
func fillKeys(doc map[string]any) {
	for name, p := range doc["principals"].(map[string]any) {
		keys, _ := p.(map[string]any)["keys"].([]any)
		for i, k := range keys {
			k := k.(map[string]any)
			k["pem"] = pemOf(seeded(name + " " + string(rune('0'+i))))
			delete(k, "scheme") // the file shows another key's; these are Ed25519
		}
	}
}

func policyFile(t testing.TB, name string) *verify.Policy {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata/policies", name))
	if err != nil {
		t.Fatal(err)
	}
	p, err := verify.ParsePolicy(data)
	if err != nil {
		t.Fatal(err)
	}
	again, err := verify.ParsePolicy(p.Marshal())
	if err != nil {
		t.Fatalf("round trip: %v\n%s", err, p.Marshal())
	}
	if !bytes.Equal(again.Marshal(), p.Marshal()) || again.Digest() != p.Digest() || p.Digest().IsZero() {
		t.Errorf("%s does not survive a round trip:\n%s\n%s", name, p.Marshal(), again.Marshal())
	}
	return p
}

// A scene is everything that one decision of a case needs, before it is signed.
type scene struct {
	t          *testing.T
	policy     *verify.Policy
	artifact   []byte
	layout     *imagetest.Layout // if the artifact is an image, in which the program is
	digest     provenance.Digest // of the image
	request    verify.Request
	build      *provenance.Build
	builder    func(*sign.Bundle) // turns the provenance's signature into an identity's; nil if a key signed
	signers    []string
	statements []signed
	view       *view
	drop       string // a predicate type whose evidence is left out
}

type signed struct {
	statement *provenance.Statement
	by        []string
	identity  func(*sign.Bundle)
}

func (s *scene) subject() provenance.ResourceDescriptor {
	if s.layout != nil {
		return provenance.ResourceDescriptor{Name: "web", Digest: provenance.Set(s.digest)}
	}
	return provenance.ResourceDescriptor{Name: "app", Digest: provenance.Set(provenance.SumSHA256(s.artifact))}
}

// image makes the artifact an image: an index of one image, which it calls one for
// the claimed platform.
func (s *scene) image(claimed, platform string, layers ...[]imagetest.Entry) {
	s.t.Helper()
	s.layout = imagetest.New()
	s.layout.Stored = true
	image := s.layout.Image(platform, layers...)
	image.Platform = imagetest.ParsePlatform(claimed)
	index := s.layout.Index(image)
	s.layout.Add(index)
	var err error
	if s.digest, err = provenance.ParseDigest(index.Digest); err != nil {
		s.t.Fatal(err)
	}
}

func (s *scene) attest(predicateType string, predicate any, by ...string) {
	s.t.Helper()
	st, err := provenance.New(predicateType, predicate, s.subject())
	if err != nil {
		s.t.Fatal(err)
	}
	s.statements = append(s.statements, signed{statement: st, by: by})
}

func (s *scene) approve(from, to string, expires time.Time, by ...string) {
	a := release.Approval{Digest: provenance.SumSHA256(s.artifact), From: from, To: to, Policy: s.policy.Digest(), Expires: expires, Nonce: "round-1"}
	s.statements = append(s.statements, signed{statement: a.Statement(), by: by})
}

// evidence signs everything.
func (s *scene) evidence() []*sign.Bundle {
	s.t.Helper()
	st, err := s.build.Statement(s.subject())
	if err != nil {
		s.t.Fatal(err)
	}
	var out []*sign.Bundle
	for _, e := range append([]signed{{st, s.signers, s.builder}}, s.statements...) {
		if e.statement.PredicateType == s.drop {
			continue
		}
		var keys []sign.Signer
		for _, name := range e.by {
			keys = append(keys, signer{seeded(name)})
		}
		b, err := sign.Statement(s.t.Context(), e.statement, keys...)
		if err != nil {
			s.t.Fatal(err)
		}
		if e.identity != nil {
			e.identity(b)
		}
		out = append(out, b)
	}
	return out
}

// A view is a release.View that says what the case wants.
type view struct {
	head   release.Head
	status *release.Status
	err    error
}

func (v *view) Head() release.Head { return v.head }
func (v *view) Tag(context.Context, string, string) (provenance.Digest, error) {
	return provenance.Digest{}, release.ErrUnknown
}
func (v *view) Status(context.Context, string, provenance.Digest) (*release.Status, error) {
	return v.status, v.err
}
func (v *view) LastGood(context.Context, string, string) (*release.Ref, error) {
	return &release.Ref{Name: "app#101", Digest: provenance.SumSHA256([]byte("last good"))}, nil
}

const githubWorkflow = "https://slsa-framework.github.io/github-actions-buildtypes/workflow/v1"

// goFacts is what a capture writes of a Go binary.
func goFacts(t testing.TB, binary []byte) (map[string]any, []provenance.ResourceDescriptor) {
	t.Helper()
	f, err := gofacts.Read(bytes.NewReader(binary))
	if err != nil {
		t.Fatal(err)
	}
	var deps []provenance.ResourceDescriptor
	for _, m := range f.Modules {
		deps = append(deps, m.Descriptor())
	}
	return map[string]any{"version": f.GoVersion, "goos": f.Settings["GOOS"], "goarch": f.Settings["GOARCH"], "packages": []any{f.Path}, "module": f.Main.Path}, deps
}

// github is provenance by a GitHub workflow.
func (s *scene) github(repository, ref, workflow, builderID string, inputs map[string]any) {
	internal, deps := goFacts(s.t, s.artifact)
	s.build = &provenance.Build{}
	s.build.BuildDefinition.BuildType = githubWorkflow
	s.build.BuildDefinition.ExternalParameters = map[string]any{"workflow": map[string]any{"repository": repository, "ref": ref, "path": workflow}}
	if inputs != nil {
		s.build.BuildDefinition.ExternalParameters["inputs"] = inputs
	}
	s.build.BuildDefinition.InternalParameters = map[string]any{"go": internal}
	s.build.BuildDefinition.ResolvedDependencies = append(deps, s.commit(repository, ref))
	s.build.RunDetails.Builder.ID = builderID
	s.build.RunDetails.Metadata.FinishedOn = judged.Add(-time.Hour)
}

func (s *scene) commit(repository, ref string) provenance.ResourceDescriptor {
	f, err := gofacts.Read(bytes.NewReader(s.artifact))
	if err != nil {
		s.t.Fatal(err)
	}
	return provenance.ResourceDescriptor{URI: "git+" + repository + "@" + ref, Digest: provenance.DigestSet{provenance.GitCommit: f.Settings["vcs.revision"]}}
}

// local is provenance by our own capture.
func (s *scene) local() {
	internal, deps := goFacts(s.t, s.artifact)
	const repository, ref = "https://github.com/acme/app", "refs/tags/v1.4.0"
	s.build = &provenance.Build{}
	s.build.BuildDefinition.BuildType = "https://github.com/touchmark-go/touchmark/build-types/go-build/v1"
	s.build.BuildDefinition.ExternalParameters = map[string]any{
		"command": []any{"go", "build", "-trimpath", "-o", "dist/app", "./cmd/app"}, "goos": internal["goos"], "goarch": internal["goarch"],
		"source": map[string]any{"repository": repository, "ref": ref, "dirty": false}}
	s.build.BuildDefinition.InternalParameters = map[string]any{"go": internal}
	s.build.BuildDefinition.ResolvedDependencies = append(deps, s.commit(repository, ref))
	s.build.RunDetails.Builder.ID = "https://github.com/touchmark-go/touchmark/builders/local/v1"
	s.build.RunDetails.Metadata.FinishedOn = judged.Add(-time.Hour)
	s.signers = []string{"ci 0"}
}

func (s *scene) bom() {
	s.t.Helper()
	bom, err := sbom.FromBinary(bytes.NewReader(s.artifact))
	if err != nil {
		s.t.Fatal(err)
	}
	if s.layout != nil { // an SBOM of an image lists what is in all its programs
		hashes := []cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: s.digest.Hex()}}
		bom.Metadata.Component = &cdx.Component{BOMRef: "web", Type: cdx.ComponentTypeContainer, Name: "web", Hashes: &hashes}
		bom.Dependencies, bom.Compositions = nil, nil
	}
	st, err := sbom.Statement(bom)
	if err != nil {
		s.t.Fatal(err)
	}
	s.statements = append(s.statements, signed{statement: st, by: s.signers, identity: s.builder})
}

func (s *scene) decide(authority *authority, conditions verify.Conditions) *verify.Verdict {
	s.t.Helper()
	v := s.ready(authority, conditions)
	verdict, err := v.Verify(s.t.Context(), s.request)
	if (err == nil) != (verdict.Decision == verify.Allow) {
		s.t.Errorf("decision %v with error %v", verdict.Decision, err)
	}
	return verdict
}

// ready completes the request, and makes who answers it.
func (s *scene) ready(authority *authority, conditions verify.Conditions) *verify.Verifier {
	s.t.Helper()
	o := verify.Options{Authenticators: []verify.Authenticator{authority}, Conditions: conditions}
	v, err := o.New(policyTrust(s.t), s.policy)
	if err != nil {
		s.t.Fatal(err)
	}
	s.request.Artifact = verify.Content(bytes.NewReader(s.artifact), int64(len(s.artifact)))
	if s.layout != nil {
		s.request.Artifact = verify.File(s.layout.Write(s.t.TempDir()))
	}
	s.request.Evidence = s.evidence()
	if s.request.At.IsZero() {
		s.request.At = judged
	}
	if s.view != nil {
		s.request.Release = s.view
	}
	return v
}

// sign signs another body as a piece of the scene's evidence was signed.
func (s *scene) sign(ctx context.Context, was *sign.Bundle, payloadType string, body []byte) (*sign.Bundle, error) {
	by := append([]signed{{nil, s.signers, s.builder}}, s.statements...)[slices.Index(s.request.Evidence, was)]
	var keys []sign.Signer
	for _, name := range by.by {
		keys = append(keys, signer{seeded(name)})
	}
	b, err := sign.Payload(ctx, payloadType, body, keys...)
	if err == nil && by.identity != nil {
		by.identity(b)
	}
	return b, err
}

func scan(finished time.Time, scores ...string) map[string]any {
	results := []any{}
	for _, s := range scores {
		r := map[string]any{"id": "CVE-1", "severity": []any{}}
		if s != "" {
			r["severity"] = []any{map[string]any{"method": "CVSS", "score": s}}
		}
		results = append(results, r)
	}
	return map[string]any{"scanner": map[string]any{"uri": "https://scanner.example", "result": results}, "metadata": map[string]any{"scanFinishedOn": finished.Format(time.RFC3339)}}
}

const (
	actions  = "https://token.actions.githubusercontent.com"
	reusable = "https://github.com/acme/build/.github/workflows/go.yml@refs/tags/v2.3"
)

type layer = []imagetest.Entry

// A yardstick makes what the five policies allow.
type yardstick struct {
	public      *authority
	binary      []byte
	byWorkflow  func(workflow string) func(*sign.Bundle)
	base, clean layer // of an image: with a tool that the build leaves behind, and takes away
	plain       string
	program     layer
	imageOf     func(claimed, platform string, layers ...layer) func(s *scene)

	githubBinary, npm, image, twoPeople, airGapped func(*scene)
}

func newYardstick(t testing.TB) *yardstick {
	public := newAuthority("public-good")
	binary := testkit.GoBinary(t)
	byWorkflow := func(workflow string) func(*sign.Bundle) {
		return func(b *sign.Bundle) {
			public.certify(b, seeded("ephemeral"), verify.Identity{Issuer: actions, Workflow: workflow}, judged.Add(-time.Hour))
		}
	}

	githubBinary := func(s *scene) {
		s.request.Name = "pkg:generic/app@1.4.0"
		s.github("https://github.com/acme/app", "refs/tags/v1.4.0", ".github/workflows/release.yml", reusable, map[string]any{"channel": "beta", "debug": "no"})
		s.signers, s.builder = []string{"ephemeral"}, byWorkflow(reusable)
	}
	npm := func(s *scene) {
		const workflow = "https://github.com/acme/pad/.github/workflows/publish.yml@refs/tags/v1.2.3"
		s.request.Name = "pkg:npm/pad@1.2.3"
		s.github("https://github.com/acme/pad", "refs/tags/v1.2.3", ".github/workflows/publish.yml", "https://github.com/actions/runner/github-hosted", nil)
		s.signers, s.builder = []string{"ephemeral"}, byWorkflow(workflow)
		s.attest("https://github.com/npm/attestation/tree/main/specs/publish/v0.1", map[string]any{"name": "pad", "version": "1.2.3"}, "npm 0")
	}
	plain := string(testkit.PlainGoBinary(t))
	base := layer{{Name: "etc/os-release", Body: "ID=debian"}, {Name: "tmp/helper", Body: plain}} // a tool that the build leaves behind
	clean := layer{{Name: ".wh.tmp"}}                                                             // and takes away
	program := layer{{Name: "app", Body: string(binary)}}
	imageOf := func(claimed, platform string, layers ...layer) func(s *scene) {
		return func(s *scene) {
			s.request.Name, s.request.Environment = "pkg:oci/web", "prod"
			s.github("https://github.com/acme/web", "refs/heads/main", ".github/workflows/image.yml", reusable, map[string]any{"tag": "1"})
			s.signers, s.builder = []string{"ephemeral"}, byWorkflow(reusable)
			s.image(claimed, platform, layers...)
			s.build.BuildDefinition.ResolvedDependencies = append(s.build.BuildDefinition.ResolvedDependencies, provenance.ResourceDescriptor{Name: "app", Digest: provenance.Set(provenance.SumSHA256(s.artifact))})
			s.bom()
			s.attest("https://in-toto.io/attestation/vulns/v0.2", scan(judged.Add(-time.Hour), "4.0", "8.9"), "scanner 0")
		}
	}
	image := imageOf("linux/amd64", "linux/amd64", base, clean, program)
	ledger := func(s *scene, from string, soaked, headAge time.Duration) {
		s.view = &view{head: release.Head{Origin: "releases.acme.example", Size: 9, Time: s.request.At.Add(-headAge), Witnesses: 2},
			status: &release.Status{Release: release.Ref{Name: "app#102", Digest: provenance.SumSHA256(s.artifact)}, Authors: []string{"dan"}, Promotions: []release.Entry{{Environment: from, Time: s.request.At.Add(-soaked)}}}}
	}
	twoPeople := func(s *scene) {
		s.request.Name, s.request.Environment, s.request.At = "pkg:generic/app", "prod", judged
		s.local()
		s.approve("canary", "prod", judged.Add(time.Hour), "alice 0", "bob 0")
		ledger(s, "canary", 2*time.Hour, time.Minute)
	}
	airGapped := func(s *scene) {
		s.request.At = time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC)
		s.request.Name, s.request.Environment = "pkg:generic/app", "site-7"
		s.local()
		s.build.RunDetails.Metadata.FinishedOn = s.request.At.Add(-100 * 24 * time.Hour)
		s.bom()
		s.approve("prod", "site-7", s.request.At.Add(time.Hour), "alice 0", "bob 0")
		s.approve("prod", "site-7", s.request.At.Add(time.Hour), "dan 0")
		ledger(s, "prod", 48*time.Hour, 24*time.Hour)
		s.view.status.Authors = []string{"bob's deputy"}
	}
	return &yardstick{public, binary, byWorkflow, base, clean, plain, program, imageOf, githubBinary, npm, image, twoPeople, airGapped}
}

func TestPolicies(t *testing.T) {
	y := newYardstick(t)
	public, binary, byWorkflow, imageOf := y.public, y.binary, y.byWorkflow, y.imageOf
	base, clean, plain, program := y.base, y.clean, y.plain, y.program
	githubBinary, npm, image, twoPeople, airGapped := y.githubBinary, y.npm, y.image, y.twoPeople, y.airGapped
	set := func(build func(*provenance.Build)) func(*scene) { return func(s *scene) { build(s.build) } }
	param := func(b *provenance.Build, name string) map[string]any {
		return b.BuildDefinition.ExternalParameters[name].(map[string]any)
	}

	for _, c := range []struct {
		policy, name string
		good         func(*scene)
		change       func(*scene)
		want         verify.Decision
		codes        string
	}{
		{"1-github-binary.json", "by the reusable workflow", githubBinary, nil, verify.Allow, ""},
		{"1-github-binary.json", "workflow at a branch", githubBinary, func(s *scene) { s.builder = byWorkflow(strings.Replace(reusable, "tags/v2.3", "heads/main", 1)) }, verify.Deny, "missing-evidence"},
		{"1-github-binary.json", "another issuer", githubBinary, func(s *scene) {
			s.builder = func(b *sign.Bundle) {
				public.certify(b, seeded("ephemeral"), verify.Identity{Issuer: actions + "/", Workflow: reusable}, judged)
			}
		}, verify.Deny, "missing-evidence"},
		{"1-github-binary.json", "source at a branch", githubBinary, set(func(b *provenance.Build) {
			param(b, "workflow")["ref"] = "refs/heads/main"
			b.BuildDefinition.ResolvedDependencies[len(b.BuildDefinition.ResolvedDependencies)-1].URI = "git+https://github.com/acme/app@refs/heads/main"
		}), verify.Deny, "ref"},
		{"1-github-binary.json", "channel nightly", githubBinary, set(func(b *provenance.Build) { param(b, "inputs")["channel"] = "nightly" }), verify.Deny, "parameters"},
		{"1-github-binary.json", "one more parameter", githubBinary, set(func(b *provenance.Build) { b.BuildDefinition.ExternalParameters["extra"] = "x" }), verify.Deny, "parameters"},

		{"2-npm.json", "provenance and publish attestation", npm, nil, verify.Allow, ""},
		{"2-npm.json", "another version asked for", npm, func(s *scene) { s.request.Name = "pkg:npm/pad@1.2.4" }, verify.Deny, "condition"},
		{"2-npm.json", "no publish attestation", npm, func(s *scene) { s.drop = "https://github.com/npm/attestation/tree/main/specs/publish/v0.1" }, verify.Deny, "missing-evidence"},
		{"2-npm.json", "no version asked for", npm, func(s *scene) { s.request.Name = "pkg:npm/pad" }, verify.Undecided, "request"},

		{"3-image.json", "provenance, SBOM and scan", image, nil, verify.Allow, ""},
		{"3-image.json", "old scan", image, func(s *scene) { s.statements[1].statement.Predicate = mustJSON(scan(judged.Add(-10 * 24 * time.Hour))) }, verify.Deny, "stale"},
		{"3-image.json", "critical finding", image, func(s *scene) { s.statements[1].statement.Predicate = mustJSON(scan(judged, "9.8")) }, verify.Deny, "condition"},
		{"3-image.json", "unscored finding", image, func(s *scene) { s.statements[1].statement.Predicate = mustJSON(scan(judged, "")) }, verify.Deny, "condition"},
		{"3-image.json", "SBOM of another image", image, func(s *scene) {
			other := hex.EncodeToString(make([]byte, 32))
			s.statements[0].statement.Predicate = bytes.ReplaceAll(s.statements[0].statement.Predicate, []byte(s.digest.Hex()), []byte(other))
		}, verify.Deny, "binding"},
		{"3-image.json", "a module that provenance does not know", image, set(func(b *provenance.Build) {
			b.BuildDefinition.ResolvedDependencies = b.BuildDefinition.ResolvedDependencies[1:]
		}), verify.Deny, "examine/module"},
		{"3-image.json", "the program swapped in its layer", imageOf("linux/amd64", "linux/amd64", base, clean, layer{{Name: "app", Body: string(binary) + "!"}}), nil, verify.Deny, "examine/binary"},
		{"3-image.json", "a program that nobody recorded", imageOf("linux/amd64", "linux/amd64", base, clean, program, layer{{Name: "usr/bin/helper", Body: plain}}), nil, verify.Deny, "examine/binary"},
		{"3-image.json", "a program that was to be taken away", imageOf("linux/amd64", "linux/amd64", base, program), nil, verify.Deny, "examine/binary"},
		{"3-image.json", "the program taken away", imageOf("linux/amd64", "linux/amd64", base, clean, program, layer{{Name: ".wh.app"}}), nil, verify.Deny, "examine/not-go"},
		{"3-image.json", "taken away, and kept by a link", imageOf("linux/amd64", "linux/amd64", base, layer{{Name: "bin/helper", Link: "tmp/helper", Type: tar.TypeLink}, {Name: ".wh.tmp"}}, program), nil, verify.Deny, "examine/binary"},
		{"3-image.json", "for another architecture", imageOf("linux/arm64", "linux/arm64", base, clean, program), nil, verify.Deny, "examine/goarch"},
		{"3-image.json", "an index that names another platform", imageOf("linux/s390x", "linux/amd64", base, clean, program), nil, verify.Deny, "examine/goarch"},
		{"3-image.json", "a byte of a layer", image, func(s *scene) { flipLargest(s.layout) }, verify.Deny, "malformed/digest"},
		{"3-image.json", "a layer that is missing", image, func(s *scene) { delete(s.layout.Files, largest(s.layout)) }, verify.Undecided, "transport"},

		{"4-two-people.json", "two release managers", twoPeople, nil, verify.Allow, ""},
		{"4-two-people.json", "one person with two keys", twoPeople, func(s *scene) { s.statements[0].by = []string{"alice 0", "alice 1"} }, verify.Deny, "approval"},
		{"4-two-people.json", "the author as second", twoPeople, func(s *scene) { s.view.status.Authors = []string{"dan", "bob"} }, verify.Deny, "approval"},
		{"4-two-people.json", "for another environment", twoPeople, func(s *scene) {
			s.statements = nil
			s.approve("canary", "staging", judged.Add(time.Hour), "alice 0", "bob 0")
		}, verify.Deny, "approval"},
		{"4-two-people.json", "expired", twoPeople, func(s *scene) { s.statements = nil; s.approve("canary", "prod", judged, "alice 0", "bob 0") }, verify.Deny, "approval"},
		{"4-two-people.json", "40 minutes in canary", twoPeople, func(s *scene) { s.view.status.Promotions[0].Time = judged.Add(-40 * time.Minute) }, verify.Deny, "release"},
		{"4-two-people.json", "revoked", twoPeople, func(s *scene) { s.view.status.Revoked = &release.Revoked{At: judged, By: "dan", Reason: "leak"} }, verify.Deny, "revoked"},

		{"5-air-gapped.json", "100 days after the build", airGapped, nil, verify.Allow, ""},
		{"5-air-gapped.json", "head too old", airGapped, func(s *scene) { s.view.head.Time = s.request.At.Add(-31 * 24 * time.Hour) }, verify.Undecided, "ledger"},
		{"5-air-gapped.json", "no site officer", airGapped, func(s *scene) { s.statements = s.statements[:2] }, verify.Deny, "approval"},
		{"5-air-gapped.json", "key past its window", airGapped, func(s *scene) {
			s.request.At = time.Date(2026, 12, 2, 0, 0, 0, 0, time.UTC)
			s.statements = s.statements[:1]
			s.approve("prod", "site-7", s.request.At.Add(time.Hour), "alice 0", "bob 0")
			s.approve("prod", "site-7", s.request.At.Add(time.Hour), "dan 0")
			s.view.head.Time = s.request.At
		}, verify.Deny, "trusted-time"},
	} {
		t.Run(strings.TrimSuffix(c.policy, ".json")+"/"+c.name, func(t *testing.T) {
			s := &scene{t: t, policy: policyFile(t, c.policy), artifact: binary}
			c.good(s)
			if c.change != nil {
				c.change(s)
			}
			verdict := s.decide(public, cel.Conditions)
			if verdict.Decision != c.want || failed(verdict) != c.codes {
				t.Errorf("%v [%s], want %v [%s]\n%s", verdict.Decision, failed(verdict), c.want, c.codes, verdict)
			}
		})
	}

	// Without somebody who can check identities, such a policy is no policy.
	for _, name := range []string{"1-github-binary.json", "2-npm.json", "3-image.json", "4-two-people.json"} {
		_, err := verify.Options{Conditions: cel.Conditions}.New(policyTrust(t), policyFile(t, name))
		if e, ok := err.(*verify.ConfigError); !ok || e.Code != verify.CodeTrustInvalid {
			t.Errorf("%s without an authenticator: %v, want %s", name, err, verify.CodeTrustInvalid)
		}
	}
}

// largest is the largest file of a layout: the layer with the program.
func largest(l *imagetest.Layout) string {
	var name string
	for n, data := range l.Files {
		if len(data) > len(l.Files[name]) || len(data) == len(l.Files[name]) && n < name {
			name = n
		}
	}
	return name
}

func flipLargest(l *imagetest.Layout) {
	data := bytes.Clone(l.Files[largest(l)])
	data[len(data)/2] ^= 1
	l.Files[largest(l)] = data
}

func mustJSON(v any) json.RawMessage {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return data
}
