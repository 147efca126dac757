package verifytest_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"errors"
	"maps"
	"math/big"
	"slices"
	"testing"
	"time"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/verify"
	"github.com/touchmark-go/touchmark/verify/verifytest"
)

// A gullible authenticator believes any certificate what it says, and counts
// timestamps and log entries without looking at them.
type gullible struct{}

func (gullible) Accepts(verify.Identity) bool { return true }

func (gullible) Authenticate(_ context.Context, b *sign.Bundle, _ time.Time) ([]verify.Identified, error) {
	s := b.Signatures[0]
	if len(s.Chain) == 0 || len(s.Timestamps) < 2 || len(s.LogEntries) < 2 {
		return nil, errors.New("want a certificate, two timestamps and two log entries")
	}
	leaf, err := x509.ParseCertificate(s.Chain[0])
	if err != nil {
		return nil, err
	}
	if err := leaf.CheckSignature(x509.ECDSAWithSHA256, b.PAE(), s.Sig); err != nil {
		return nil, err
	}
	return []verify.Identified{{Authority: "ca", Issuer: "https://issuer.example", Email: leaf.EmailAddresses[0]}}, nil
}

// TestCertified wants an authenticator that looks at nothing found out, by the name
// of each thing that it should have looked at.
func TestCertified(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now().Truncate(time.Second)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: now, NotAfter: now.Add(time.Hour), EmailAddresses: []string{"ci@acme.example"}, KeyUsage: x509.KeyUsageDigitalSignature}
	leaf, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	digest := provenance.SumSHA256([]byte("app"))
	build := &provenance.Build{BuildDefinition: provenance.BuildDefinition{BuildType: "https://acme.example/build/v1", ExternalParameters: map[string]any{"target": "app"}}, RunDetails: provenance.RunDetails{Builder: provenance.Builder{ID: "https://acme.example/ci"}}}
	s, err := build.Statement(provenance.ResourceDescriptor{Name: "app", Digest: provenance.Set(digest)})
	if err != nil {
		t.Fatal(err)
	}
	bundle, err := sign.Statement(t.Context(), s, certifiedBy{key})
	if err != nil {
		t.Fatal(err)
	}
	entry := json.RawMessage(`{"logIndex":"7","logId":{"keyId":"AAAA"},"kindVersion":{"kind":"dsse","version":"0.0.1"},"integratedTime":"1700000000","inclusionPromise":{"signedEntryTimestamp":"AAAA"},` +
		`"inclusionProof":{"logIndex":"7","rootHash":"AAAA","treeSize":"9","hashes":["AAAA","BBBB"],"checkpoint":{"envelope":"log.example\n9\nAAAA\n\n— log.example AAAAAAAAAAAA\n"}},"canonicalizedBody":"AAAA"}`)
	bundle.Format = sign.Sigstore
	bundle.Signatures[0].Chain, bundle.Signatures[0].Timestamps, bundle.Signatures[0].LogEntries = [][]byte{leaf}, [][]byte{{1, 2}, {3, 4}}, []json.RawMessage{entry, entry}

	trust := &verify.Trust{Version: 1, Expires: now.AddDate(1, 0, 0), Authorities: map[string]verify.Authority{"ca": {TrustedRoot: []byte(`{}`), AtLeast: verify.AuthorityThreshold{Timestamp: 1}}},
		Principals: map[string]verify.Principal{"ci": {Kind: verify.Builder, Builders: map[string]int{"https://acme.example/ci": 1}, Identities: []verify.Identity{{Authority: "ca", Issuer: "https://issuer.example", Email: "ci@acme.example"}}}}}
	policy, err := verify.ParsePolicy([]byte(`{"schema":"https://github.com/touchmark-go/touchmark/policy/v1","version":1,"name":"scanned","examine":"off",
		"provenance":{"signedBy":"ci","level":1,"buildType":"any","source":"any","parameters":"any"}}`))
	if err != nil {
		t.Fatal(err)
	}
	v, err := verify.Options{Authenticators: []verify.Authenticator{gullible{}}}.New(trust, policy)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]bool{}
	for variant := range verifytest.Variants(t.Context(), verifytest.Good{Verifier: v, Request: verify.Request{Artifact: verify.Digest(digest), At: now, Evidence: []*sign.Bundle{bundle}}}) {
		verdict, _ := v.Verify(t.Context(), variant.Request)
		if variant.Wrong(verdict) != "" {
			got[variant.Name] = true
		}
	}
	want := []string{"good"}
	for _, name := range []string{"24/timestamp-first", "24/timestamp-middle", "24/timestamp-last", "24/first-of-timestamps", "28/first-of-log-entries",
		"26/other-authority-proven", "26/other-authority-along", "26/other-authority-chain", "26/self-signed",
		"25/log-time", "25/log-promise", "25/log-promised-place", "26/log-body", "26/log-no-body", "27/log-id", "27/log-origin", "27/log-checkpoint-size", "27/log-unsigned-checkpoint", "27/log-checkpoint-signature",
		"28/log-no-proof", "28/log-place", "28/log-size", "28/log-root", "28/log-path", "28/log-shorter", "28/log-longer", "29/log-kind", "29/log-version"} {
		want = append(want, name[:3]+"provenance/"+name[3:])
	}
	want = want[1:] // the question itself is as it should be
	if names := slices.Sorted(maps.Keys(got)); !slices.Equal(names, slices.Sorted(slices.Values(want))) {
		t.Errorf("let through:\n%q\nwant\n%q", names, slices.Sorted(slices.Values(want)))
	}
}

type certifiedBy struct{ key *ecdsa.PrivateKey }

func (c certifiedBy) Sign(_ context.Context, data []byte) ([]byte, error) {
	sum := sha256.Sum256(data)
	return ecdsa.SignASN1(rand.Reader, c.key, sum[:])
}

func (certifiedBy) KeyID() (string, error) { return "", nil }
