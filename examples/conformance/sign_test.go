package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/touchmark-go/touchmark/internal/integration"
	"github.com/touchmark-go/touchmark/provenance"
)

// sign-bundle signs an artifact, and a statement about it, on real servers, and
// verify-bundle takes them for that signer and no other; a token that nobody
// issued gets no bundle.
func TestSignBundle(t *testing.T) {
	integration.Need(t)
	s := integration.StartSigstore(t)
	dir := t.TempDir()
	artifact := integration.Write(t, dir, "artifact", []byte("the artifact"))
	other := integration.Write(t, dir, "other", []byte("another artifact"))
	root, config := integration.Write(t, dir, "root.json", s.TrustedRoot(t)), integration.Write(t, dir, "config.json", s.SigningConfig(t))
	statement, err := provenance.New("https://example.com/predicate/v1", map[string]any{"x": 1}, provenance.ResourceDescriptor{Name: "artifact", Digest: provenance.Set(provenance.SumSHA256([]byte("the artifact")))})
	if err != nil {
		t.Fatal(err)
	}
	body, err := statement.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	statementFile := integration.Write(t, dir, "statement.json", body)
	workflow := "https://github.com/acme/app/.github/workflows/release.yml@refs/tags/v1.4.0"
	token := s.WorkflowToken(t, "acme/app", "refs/tags/v1.4.0", strings.Repeat("5f1e2c9a", 5))
	call := func(want int, args ...string) {
		t.Helper()
		var said bytes.Buffer
		if got := runClient(args, &said); got != want {
			t.Errorf("%s: exit status %d, want %d: %s", args[0], got, want, said.String())
		}
	}
	for name, signed := range map[string][]string{"message": {artifact}, "statement": {"--in-toto", statementFile}} {
		bundle := filepath.Join(dir, name+".sigstore.json")
		call(0, append([]string{"sign-bundle", "--identity-token", token, "--bundle", bundle, "--signing-config", config}, signed...)...)
		verify := []string{"verify-bundle", "--bundle", bundle, "--certificate-identity", workflow, "--certificate-oidc-issuer", s.CI.URL, "--trusted-root", root}
		call(0, append(verify, artifact)...)
		call(1, append(verify, other)...)
		verify[4] = strings.Replace(workflow, "v1.4.0", "v1.4.1", 1)
		call(1, append(verify, artifact)...)
	}
	none := filepath.Join(dir, "none.json")
	call(1, "sign-bundle", "--identity-token", token[:len(token)-4]+"AAAA", "--bundle", none, "--signing-config", config, artifact)
	call(1, "sign-bundle", "--bundle", none, "--signing-config", config, artifact)
	if _, err := os.Stat(none); err == nil {
		t.Error("what was refused left a bundle")
	}
}
