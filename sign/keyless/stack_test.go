package keyless_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sigstore/sigstore-go/pkg/bundle"
	"github.com/sigstore/sigstore-go/pkg/root"
	sgverify "github.com/sigstore/sigstore-go/pkg/verify"

	"github.com/touchmark-go/touchmark/internal/integration"
	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/sign/keyless"
	"github.com/touchmark-go/touchmark/sign/timestamp"
	"github.com/touchmark-go/touchmark/verify"
	"github.com/touchmark-go/touchmark/verify/sigstore"
)

const (
	alice    = "alice@acme.example"
	scanType = "https://example.com/scan/v1"
)

// TestStack signs on a whole private instance of real servers, and has three
// verifiers judge it: ours, sigstore-go and cosign.
func TestStack(t *testing.T) {
	integration.Need(t)
	s := integration.StartSigstore(t)
	services, err := keyless.ParseSigningConfig(s.SigningConfig(t), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	token := func(claims map[string]any) keyless.TokenSource {
		return func(context.Context, string) (string, error) { return s.Issuer.Token(t, claims), nil }
	}
	o := keyless.Options{Services: services, Token: token(map[string]any{"sub": alice, "email": alice, "email_verified": true})}
	artifact := []byte("an artifact\n")
	statement, err := provenance.New(scanType, map[string]any{"result": "clean"}, provenance.ResourceDescriptor{Name: "app", Digest: provenance.Set(provenance.SumSHA256(artifact))})
	if err != nil {
		t.Fatal(err)
	}
	b, err := keyless.Statement(t.Context(), statement, o)
	if err != nil {
		t.Fatal(err)
	}
	trust := &verify.Trust{Version: 1, Expires: time.Now().Add(time.Hour).UTC().Truncate(time.Second),
		Authorities: map[string]verify.Authority{"local": {TrustedRoot: s.TrustedRoot(t), AtLeast: verify.AuthorityThreshold{Log: 1, Timestamp: 1}}},
		Principals: map[string]verify.Principal{
			"alice": {Kind: verify.Person, Identities: []verify.Identity{{Authority: "local", Issuer: s.Issuer.URL, Email: alice}}}}}
	judge, err := sigstore.New(trust)
	if err != nil {
		t.Fatal(err)
	}
	options := verify.Options{Authenticators: []verify.Authenticator{judge}}
	dir := t.TempDir()
	line, err := b.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	file, blob := integration.Write(t, dir, "app.sigstore.json", line), integration.Write(t, dir, "app", artifact)
	rootFile := integration.Write(t, dir, "root.json", s.TrustedRoot(t))
	configFile := integration.Write(t, dir, "config.json", s.SigningConfig(t))

	t.Run("ours", func(t *testing.T) {
		read, err := sign.Read(bytes.NewReader(line)) // as it is on disk
		if err != nil || len(read) != 1 {
			t.Fatal(read, err)
		}
		got, err := options.Authenticate(t.Context(), trust, read[0], time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if len(got.Signatories) != 1 || got.Signatories[0].Principal != "alice" || time.Since(got.Signatories[0].Time).Abs() > time.Minute {
			t.Errorf("signed by %+v, want alice, just now", got.Signatories)
		}
	})
	t.Run("sigstore-go", func(t *testing.T) {
		material, err := root.NewTrustedRootFromJSON(s.TrustedRoot(t))
		if err != nil {
			t.Fatal(err)
		}
		v, err := sgverify.NewVerifier(material, sgverify.WithSignedTimestamps(1), sgverify.WithTransparencyLog(1))
		if err != nil {
			t.Fatal(err)
		}
		var theirs bundle.Bundle
		if err := theirs.UnmarshalJSON(line); err != nil {
			t.Fatal(err)
		}
		id, err := sgverify.NewShortCertificateIdentity(s.Issuer.URL, "", alice, "")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := v.Verify(&theirs, sgverify.NewPolicy(sgverify.WithArtifact(bytes.NewReader(artifact)), sgverify.WithCertificateIdentity(id))); err != nil {
			t.Error(err)
		}
	})
	t.Run("cosign", func(t *testing.T) {
		flags := []string{"--bundle", file, "--trusted-root", rootFile, "--certificate-oidc-issuer", s.Issuer.URL, "--insecure-ignore-sct", "--use-signed-timestamps", "--type", scanType}
		integration.Cosign.Run(t, dir, append(append([]string{"verify-blob-attestation"}, flags...), "--certificate-identity", alice, blob)...)
		if out, err := integration.Cosign.Try(t, dir, append(append([]string{"verify-blob-attestation"}, flags...), "--certificate-identity", "mallory@acme.example", blob)...); err == nil {
			t.Errorf("cosign takes another identity:\n%s", out)
		}
	})
	t.Run("cosign's own", func(t *testing.T) {
		predicate := integration.Write(t, dir, "predicate.json", []byte(`{"result":"clean"}`))
		theirs := filepath.Join(dir, "theirs.sigstore.json")
		integration.Cosign.Run(t, dir, "attest-blob", "--yes", "--bundle", theirs, "--trusted-root", rootFile, "--signing-config", configFile,
			"--identity-token", s.Issuer.EmailToken(t, alice), "--predicate", predicate, "--type", scanType, blob)
		f, err := os.Open(theirs)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		read, err := sign.Read(f)
		if err != nil || len(read) != 1 {
			t.Fatal(read, err)
		}
		if _, err := options.Authenticate(t.Context(), trust, read[0], time.Now()); err != nil {
			t.Error(err)
		}
	})
	t.Run("artifact", func(t *testing.T) {
		b, err := keyless.Artifact(t.Context(), artifact, o)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := judge.AuthenticateArtifact(t.Context(), b, provenance.SumSHA256(artifact)); err != nil {
			t.Error(err)
		}
		if _, err := judge.AuthenticateArtifact(t.Context(), b, provenance.SumSHA256([]byte("another"))); err == nil {
			t.Error("it is taken for another artifact")
		}
		line, err := b.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		integration.Cosign.Run(t, dir, "verify-blob", "--bundle", integration.Write(t, dir, "blob.sigstore.json", line), "--trusted-root", rootFile, "--certificate-oidc-issuer", s.Issuer.URL,
			"--certificate-identity", alice, "--insecure-ignore-sct", "--use-signed-timestamps", blob)
	})
	t.Run("wrong identity", func(t *testing.T) {
		mallory := o
		mallory.Token = token(map[string]any{"sub": "m", "email": "mallory@acme.example", "email_verified": true})
		b, err := keyless.Statement(t.Context(), statement, mallory)
		if err != nil {
			t.Fatal(err)
		}
		_, err = options.Authenticate(t.Context(), trust, b, time.Now())
		wantFinding(t, err, verify.CodeMissingEvidence, "email mallory@acme.example")
	})
	t.Run("expired token", func(t *testing.T) {
		late := o
		late.Token = token(map[string]any{"sub": alice, "email": alice, "email_verified": true, "exp": time.Now().Add(-time.Minute).Unix()})
		wantStep(t, late, statement, keyless.StepToken, "it ended")
	})
	t.Run("a token for somebody else", func(t *testing.T) {
		foreign := o
		foreign.Token = token(map[string]any{"sub": alice, "email": alice, "email_verified": true, "aud": "another"})
		wantStep(t, foreign, statement, keyless.StepAuthority, "it answers 4")
	})
	t.Run("timestamp of a key's signature", func(t *testing.T) { keySigned(t, s, trust, judge) })
	t.Run("timestamp authority down", func(t *testing.T) {
		s.TSA.Stop()
		wantStep(t, o, statement, keyless.StepTimestamp, "connection refused")
	})
	t.Run("log down", func(t *testing.T) {
		s.Log.Stop()
		wantStep(t, o, statement, keyless.StepLog, "connection refused")
	})
	t.Run("authority down", func(t *testing.T) {
		s.Fulcio.Stop()
		wantStep(t, o, statement, keyless.StepAuthority, "connection refused")
	})
}

// wantStep wants signing to fail there, and to leave nothing.
func wantStep(t *testing.T, o keyless.Options, s *provenance.Statement, step keyless.Step, text string) {
	t.Helper()
	b, err := keyless.Statement(t.Context(), s, o)
	var failed *keyless.Error
	if !errors.As(err, &failed) || failed.Step != step || !strings.Contains(err.Error(), text) || b != nil {
		t.Errorf("got %v and a bundle %v, want a failure at %q that says %q", err, b != nil, step, text)
	}
}

func wantFinding(t *testing.T, err error, code verify.Code, text string) {
	t.Helper()
	var no *verify.Error
	if !errors.As(err, &no) || no.Verdict.Failed()[0].Code != code || !strings.Contains(no.Verdict.Failed()[0].Got, text) {
		t.Errorf("got %v, want %s about %q", err, code, text)
	}
}

// keySigned has a real authority date a key's signature: the key may end, and
// what it signed before stays.
func keySigned(t *testing.T, s *integration.Sigstore, trust *verify.Trust, judge *sigstore.Authenticator) {
	key, pem := newKey(t)
	statement, err := provenance.New(scanType, nil, provenance.ResourceDescriptor{Name: "app", Digest: provenance.Set(provenance.SumSHA256(nil))})
	if err != nil {
		t.Fatal(err)
	}
	plain, err := sign.Statement(t.Context(), statement, key)
	if err != nil {
		t.Fatal(err)
	}
	dated, err := timestamp.Add(t.Context(), plain, s.TSA.URL)
	if err != nil {
		t.Fatal(err)
	}
	own := *trust
	own.Principals = map[string]verify.Principal{"ci": {Kind: verify.Builder, Keys: []verify.Key{{PEM: pem, NotAfter: time.Now().Add(time.Hour).UTC().Truncate(time.Second)}}}}
	o := verify.Options{Authenticators: []verify.Authenticator{judge}}
	own.Expires = time.Now().Add(48 * time.Hour).UTC().Truncate(time.Second)
	later := time.Now().Add(24 * time.Hour)
	if _, err := o.Authenticate(t.Context(), &own, dated, later); err != nil {
		t.Errorf("dated before the key's end: %v", err)
	}
	_, err = o.Authenticate(t.Context(), &own, plain, later)
	wantFinding(t, err, verify.CodeTrustedTime, "ended")
}
