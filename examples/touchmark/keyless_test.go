package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/touchmark-go/touchmark/internal/integration"
	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/verify"
)

// The command signs by a login alone on real servers, and its own verify takes
// that for the identity that the trust file names, and for no other.
func TestKeylessCommand(t *testing.T) {
	integration.Need(t)
	s := integration.StartSigstore(t)
	dir := t.TempDir()
	app := integration.Write(t, dir, "app", []byte("app"))
	workflow := "https://github.com/acme/app/.github/workflows/release.yml@refs/tags/v1.4.0"
	commit := strings.Repeat("5f1e2c9a", 5)
	build := &provenance.Build{BuildDefinition: provenance.BuildDefinition{BuildType: "https://actions.github.io/buildtypes/workflow/v1",
		ExternalParameters:   map[string]any{"workflow": map[string]any{"repository": "https://github.com/acme/app", "ref": "refs/tags/v1.4.0", "path": ".github/workflows/release.yml"}},
		ResolvedDependencies: []provenance.ResourceDescriptor{{URI: "git+https://github.com/acme/app@refs/tags/v1.4.0", Digest: provenance.DigestSet{"gitCommit": commit}}}},
		RunDetails: provenance.RunDetails{Builder: provenance.Builder{ID: workflow}}}
	statement, err := provenance.New(provenance.SLSAProvenanceV1, build, provenance.ResourceDescriptor{Name: "app", Digest: provenance.Set(provenance.SumSHA256([]byte("app")))})
	if err != nil {
		t.Fatal(err)
	}
	data, err := statement.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	trust := &verify.Trust{Version: 1, Expires: time.Now().Add(time.Hour).UTC().Truncate(time.Second),
		Authorities: map[string]verify.Authority{"local": {TrustedRoot: s.TrustedRoot(t), AtLeast: verify.AuthorityThreshold{Log: 1, Timestamp: 1}}},
		Principals: map[string]verify.Principal{"gha": {Kind: verify.Builder, Identities: []verify.Identity{{Authority: "local", Issuer: s.CI.URL, Workflow: workflow}},
			Builders: map[string]int{workflow: 3}}}}
	policy := &verify.Policy{Version: 1, Name: "app", Examine: verify.ExamineRule{Mode: verify.ExamineOff}, Provenance: verify.ProvenanceRule{
		SignedBy: verify.Quorum{AtLeast: 1, Of: []string{"gha"}}, Level: 3, BuildType: "https://actions.github.io/buildtypes/workflow/v1",
		Source: verify.SourceRule{Repository: "https://github.com/acme/app", Ref: "refs/tags/v1.*"}, Parameters: map[string]verify.Matcher{"/workflow/path": {Exact: ".github/workflows/release.yml"}}}}
	trustFile, policyFile := integration.Write(t, dir, "trust.json", trust.Marshal()), integration.Write(t, dir, "policy.json", policy.Marshal())
	touchmark := func(want int, args ...string) string {
		t.Helper()
		var out bytes.Buffer
		if got := run(args, strings.NewReader(""), &out, &out); got != want {
			t.Errorf("touchmark %s: exit status %d, want %d\n%s", strings.Join(args, " "), got, want, out.String())
		}
		return out.String()
	}
	statementFile := integration.Write(t, dir, "statement.json", data)
	signAs := func(out, token string) {
		t.Helper()
		touchmark(statusDone, "sign", "--keyless", "--signing-config", integration.Write(t, dir, "config.json", s.SigningConfig(t)),
			"--identity-token", integration.Write(t, dir, "token", []byte(token)), "--out", out, statementFile)
	}
	signAs(app+".intoto.jsonl", s.WorkflowToken(t, "acme/app", "refs/tags/v1.4.0", commit))
	touchmark(statusDone, "verify", "--trust", trustFile, "--policy", policyFile, app)
	for name, c := range map[string]struct{ repository, ref, commit, want string }{
		"another repository": {"acme/evil", "refs/tags/v1.4.0", commit, "identity"},
		"another commit":     {"acme/app", "refs/tags/v1.4.0", strings.Repeat("0", 40), "source"},
	} {
		out := filepath.Join(dir, "other.jsonl")
		os.Remove(out)
		signAs(out, s.WorkflowToken(t, c.repository, c.ref, c.commit))
		if text := touchmark(statusDenied, "verify", "--trust", trustFile, "--policy", policyFile, "--evidence", out, app); !strings.Contains(text, c.want) {
			t.Errorf("%s: want %q in\n%s", name, c.want, text)
		}
	}
	// The same by the URLs, and into nothing when the log is gone.
	s.Log.Stop()
	gone := filepath.Join(dir, "gone.jsonl")
	text := touchmark(statusFailed, "sign", "--keyless", "--fulcio", s.Fulcio.URL, "--rekor", s.Log.URL, "--tsa", s.TSA.URL,
		"--identity-token", integration.Write(t, dir, "token", []byte(s.Issuer.EmailToken(t, "a@acme.example"))), "--out", gone, statementFile)
	if _, err := os.Stat(gone); err == nil || !strings.Contains(text, "not logged") {
		t.Errorf("the log is down: %q, and a file %v", text, err == nil)
	}
}
