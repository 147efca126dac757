package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sigstore/sigstore/pkg/signature"
	"github.com/theupdateframework/go-tuf/v2/metadata"

	"github.com/touchmark-go/touchmark/internal/integration"
	"github.com/touchmark-go/touchmark/internal/testkit/tufrepo"
	"github.com/touchmark-go/touchmark/verify"
)

// trustedRoot has an authority of each name.
func trustedRoot(t *testing.T, names ...string) []byte {
	t.Helper()
	var cas []any
	for _, name := range names {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now(), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
		der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
		if err != nil {
			t.Fatal(err)
		}
		cas = append(cas, map[string]any{"uri": "https://ca." + name, "certChain": map[string]any{"certificates": []any{map[string]any{"rawBytes": der}}}, "validFor": map[string]any{"start": "2026-01-01T00:00:00Z"}})
	}
	data, err := json.Marshal(map[string]any{"mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1", "certificateAuthorities": cas, "timestampAuthorities": cas})
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// The next version of a trust file is proposed with what the repository says now,
// and is that of a person to sign; what does not hold is no proposal.
func TestTrustRefresh(t *testing.T) {
	s := tufrepo.New(t)
	s.Target = trustedRoot(t, "acme.example")
	s.Next()
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	pinned := integration.Write(t, dir, "root.json", s.Roots[0])
	trust := &verify.Trust{Version: 3, Expires: time.Now().Add(time.Hour).UTC().Truncate(time.Second),
		Authorities: map[string]verify.Authority{"acme": {TrustedRoot: s.Target, AtLeast: verify.AuthorityThreshold{Timestamp: 1}}},
		Principals:  map[string]verify.Principal{"gha": {Kind: verify.Builder, Identities: []verify.Identity{{Authority: "acme", Issuer: "https://issuer.example", Email: "ci@acme.example"}}}}}
	integration.Write(t, dir, "trust.json", trust.Marshal())
	refresh := func(want int, out string, more ...string) string {
		t.Helper()
		var stdout, stderr bytes.Buffer
		args := append([]string{"trust", "refresh", "--authority", "acme", "--url", s.URL, "--root", pinned, "--state", file("acme.tuf"), "--out", file(out)}, more...)
		if got := run(append(args, file("trust.json")), strings.NewReader(""), &stdout, &stderr); got != want || stdout.Len() > 0 {
			t.Errorf("%s: exit status %d, want %d: %s%s", out, got, want, stdout.String(), stderr.String())
		}
		return stderr.String()
	}
	none := func(out string) {
		t.Helper()
		if _, err := os.Stat(file(out)); err == nil {
			t.Errorf("%s was written", out)
		}
	}
	if said := refresh(statusDone, "same.json"); !strings.Contains(said, "as it was") {
		t.Errorf("nothing is new, and it says %s", said)
	}
	none("same.json")

	s.Target = trustedRoot(t, "new.example")
	s.Next()
	said := refresh(statusDone, "next.json")
	for _, part := range []string{"\n- certificateAuthorities ", "\n- timestampAuthorities ", "\n+ certificateAuthorities ", "\n+ timestampAuthorities ", "ca.acme.example", "ca.new.example"} {
		if !strings.Contains("\n"+said, part) {
			t.Errorf("it does not say %q, which came or went: %s", part, said)
		}
	}
	data, err := os.ReadFile(file("next.json"))
	if err != nil {
		t.Fatal(err)
	}
	next, err := verify.ParseTrust(data)
	if err != nil || next.Version != 4 || !bytes.Contains(next.Authorities["acme"].TrustedRoot, []byte("ca.new.example")) || len(next.Principals) != 1 {
		t.Errorf("the next version: %v, %s", err, data)
	}

	s.Versions[metadata.TIMESTAMP] = 1
	s.Publish()
	if said := refresh(statusFailed, "back.json"); !strings.Contains(said, "timestamp is version 1, and was 3 already") {
		t.Errorf("rolled back: %s", said)
	}
	none("back.json")
	s.Versions[metadata.TIMESTAMP] = 7
	s.Target = []byte(`{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1"}`)
	s.Publish()
	if said := refresh(statusFailed, "useless.json"); !strings.Contains(said, "timestamp authorities can never be met") && !strings.Contains(said, "vouch for nothing") {
		t.Errorf("a trusted root that is of no use: %s", said)
	}
	none("useless.json")
	s.Keys[metadata.TIMESTAMP] = []signature.Signer{s.Key()}
	s.Next()
	if said := refresh(statusFailed, "forged.json"); !strings.Contains(said, "timestamp: 0 of the 1") {
		t.Errorf("by another key: %s", said)
	}
	none("forged.json")
	if said := refresh(statusFailed, "unknown.json", "--authority", "other"); !strings.Contains(said, `no authority "other"`) {
		t.Errorf("an authority that is not there: %s", said)
	}
	refresh(statusUsage, "usage.json", "--authority")
}
