package integration

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// A Log is a running transparency log (Rekor v2), writes and reads.
type Log struct {
	*server
	URL    string            // where entries are written
	Reads  string            // where its tiles are read
	Origin string            // its name in checkpoints
	Key    ed25519.PublicKey // what it signs with
}

// StartLog runs Rekor v2 until t ends.
func StartLog(t testing.TB) *Log {
	t.Helper()
	dir := t.TempDir()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	keyFile, storage := filepath.Join(dir, "key.pem"), filepath.Join(dir, "log")
	if err := os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(storage, 0o755); err != nil {
		t.Fatal(err)
	}
	// Clients derive the origin from the host of the log's address.
	log := &Log{Key: public, Origin: "127.0.0.1"}
	log.server = start(t, Rekor, dir, nil, func() ([]string, func() error) {
		http := freePort(t)
		log.URL = "http://127.0.0.1:" + http
		return []string{"serve", "--hostname", log.Origin, "--storage-dir", storage, "--signer-filepath", keyFile,
				"--http-address", "127.0.0.1", "--http-port", http, "--grpc-address", "127.0.0.1", "--grpc-port", freePort(t), "--http-metrics-port", freePort(t),
				"--checkpoint-interval", "1s", "--batch-max-age", "100ms"},
			func() error { _, err := get(log.URL + "/healthz"); return err }
	})
	reads := httptest.NewServer(http.FileServer(http.Dir(storage)))
	t.Cleanup(reads.Close)
	log.Reads = reads.URL
	return log
}

// id is the log's id in a trusted root: the whole of its key's hash in a note.
func (l *Log) id() []byte {
	sum := sha256.Sum256(append([]byte(l.Origin+"\n\x01"), l.Key...))
	return sum[:]
}

// An Authority is a running certificate or timestamp authority.
type Authority struct {
	*server
	URL   string   // of its service
	Chain [][]byte // its certificates in DER, the root last
}

// StartTSA runs a timestamp authority until t ends. Requests go to URL.
func StartTSA(t testing.TB) *Authority {
	t.Helper()
	a := &Authority{}
	var base string
	a.server = start(t, TSA, t.TempDir(), nil, func() ([]string, func() error) {
		port := freePort(t)
		base = "http://127.0.0.1:" + port
		return []string{"serve", "--host", "127.0.0.1", "--port", port, "--timestamp-signer", "memory", "--disable-ntp-monitoring"},
			func() error { _, err := get(base + "/api/v1/timestamp/certchain"); return err }
	})
	chain, err := get(base + "/api/v1/timestamp/certchain")
	if err != nil {
		t.Fatal(err)
	}
	a.URL, a.Chain = base+"/api/v1/timestamp", certificates(chain)
	return a
}

// StartFulcio runs a certificate authority until t ends. It believes these
// issuers: URL to the kind of identity that Fulcio makes of their tokens, such
// as "email" or "github-workflow".
func StartFulcio(t testing.TB, issuers map[string]string) *Authority {
	t.Helper()
	dir := t.TempDir()
	config := "oidc-issuers:\n"
	for url, kind := range issuers {
		config += fmt.Sprintf("  %s:\n    issuer-url: %s\n    client-id: %s\n    type: %s\n", url, url, Audience, kind)
	}
	path := Write(t, dir, "config.yaml", []byte(config))
	a := &Authority{}
	a.server = start(t, Fulcio, dir, nil, func() ([]string, func() error) {
		port := freePort(t)
		a.URL = "http://127.0.0.1:" + port
		return []string{"serve", "--ca", "ephemeralca", "--ct-log-url", "", "--config-path", path, "--host", "127.0.0.1", "--port", port,
				"--grpc-host", "127.0.0.1", "--grpc-port", freePort(t), "--metrics-port", freePort(t)},
			func() error { _, err := get(a.URL + "/api/v2/trustBundle"); return err }
	})
	bundle, err := get(a.URL + "/api/v2/trustBundle")
	if err != nil {
		t.Fatal(err)
	}
	var trust struct {
		Chains []struct {
			Certificates []string `json:"certificates"`
		} `json:"chains"`
	}
	if err := json.Unmarshal(bundle, &trust); err != nil || len(trust.Chains) != 1 {
		t.Fatalf("want one chain of the certificate authority, got %s: %v", bundle, err)
	}
	for _, c := range trust.Chains[0].Certificates {
		a.Chain = append(a.Chain, certificates([]byte(c))...)
	}
	return a
}

// certificates reads PEM.
func certificates(text []byte) (out [][]byte) {
	for {
		var block *pem.Block
		if block, text = pem.Decode(bytes.TrimSpace(text)); block == nil {
			return out
		}
		out = append(out, block.Bytes)
	}
}

// A Sigstore is a whole private instance: a login, a certificate authority
// that believes it, a log and a timestamp authority.
type Sigstore struct {
	Issuer *Issuer // its tokens name people by email
	CI     *Issuer // its tokens name workflows, as those of GitHub do
	Fulcio *Authority
	Log    *Log
	TSA    *Authority
	since  time.Time
}

// StartSigstore runs a private instance until t ends.
func StartSigstore(t testing.TB) *Sigstore {
	t.Helper()
	s := &Sigstore{Issuer: StartIssuer(t), CI: StartIssuer(t), since: time.Now().Add(-time.Hour).UTC().Truncate(time.Second)}
	s.Log, s.TSA = StartLog(t), StartTSA(t)
	s.Fulcio = StartFulcio(t, map[string]string{s.Issuer.URL: "email", s.CI.URL: "github-workflow"})
	return s
}

// WorkflowToken is a token of a build of repository (owner/name) at ref, as
// GitHub's would be.
func (s *Sigstore) WorkflowToken(t testing.TB, repository, ref, commit string) string {
	t.Helper()
	workflow := repository + "/.github/workflows/release.yml@" + ref
	return s.CI.Token(t, map[string]any{"sub": "repo:" + repository + ":ref:" + ref, "job_workflow_ref": workflow, "job_workflow_sha": commit, "workflow_ref": workflow, "workflow_sha": commit,
		"repository": repository, "repository_id": "1", "repository_owner": "acme", "repository_owner_id": "2", "repository_visibility": "public", "ref": ref, "sha": commit,
		"event_name": "push", "workflow": "release", "runner_environment": "github-hosted", "run_id": "7", "run_attempt": "1"})
}

// TrustedRoot is what a client needs to verify what the instance vouches for.
func (s *Sigstore) TrustedRoot(t testing.TB) []byte {
	t.Helper()
	span := map[string]any{"start": s.since.Format(time.RFC3339)}
	key, err := x509.MarshalPKIXPublicKey(s.Log.Key)
	if err != nil {
		t.Fatal(err)
	}
	return encode(t, map[string]any{
		"mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
		"tlogs": []any{map[string]any{"baseUrl": s.Log.URL, "hashAlgorithm": "SHA2_256", "logId": map[string]any{"keyId": s.Log.id()},
			"publicKey": map[string]any{"rawBytes": key, "keyDetails": "PKIX_ED25519", "validFor": span}}},
		"certificateAuthorities": []any{authority(s.Fulcio, span)},
		"timestampAuthorities":   []any{authority(s.TSA, span)},
	})
}

func authority(a *Authority, span any) map[string]any {
	var chain []any
	for _, der := range a.Chain {
		chain = append(chain, map[string]any{"rawBytes": der})
	}
	return map[string]any{"uri": a.URL, "subject": map[string]any{"organization": "test", "commonName": "test"}, "certChain": map[string]any{"certificates": chain}, "validFor": span}
}

// SigningConfig says to clients which services to use.
func (s *Sigstore) SigningConfig(t testing.TB) []byte {
	t.Helper()
	service := func(url string, version int) []any {
		return []any{map[string]any{"url": url, "majorApiVersion": version, "operator": "test", "validFor": map[string]any{"start": s.since.Format(time.RFC3339)}}}
	}
	return encode(t, map[string]any{
		"mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json",
		"caUrls":    service(s.Fulcio.URL, 1), "oidcUrls": service(s.Issuer.URL, 1),
		"rekorTlogUrls": service(s.Log.URL, 2), "rekorTlogConfig": map[string]any{"selector": "ANY"},
		"tsaUrls": service(s.TSA.URL, 1), "tsaConfig": map[string]any{"selector": "ANY"},
	})
}

func encode(t testing.TB, v any) []byte {
	t.Helper()
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return append(data, '\n')
}

// Write writes a file for a program into dir and returns its path.
func Write(t testing.TB, dir, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(fmt.Errorf("for a program: %w", err))
	}
	return path
}
