package keys_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/touchmark-go/touchmark/internal/integration"
	"github.com/touchmark-go/touchmark/provenance"
	touchmark "github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/sign/keys"
	"github.com/touchmark-go/touchmark/verify"
)

// A key that cosign makes signs here, and cosign takes it; what cosign signs
// with it is taken here.
func TestCosignProgram(t *testing.T) {
	integration.Need(t)
	dir := t.TempDir()
	integration.Cosign.Run(t, dir, "generate-key-pair")
	private, err := os.ReadFile(filepath.Join(dir, "cosign.key"))
	if err != nil {
		t.Fatal(err)
	}
	key, err := keys.Parse(private, func(string) ([]byte, error) { return nil, nil })
	if err != nil {
		t.Fatal(err)
	}
	const scan = "https://example.com/scan/v1"
	artifact := []byte("an artifact\n")
	statement, err := provenance.New(scan, map[string]any{"result": "clean"}, provenance.ResourceDescriptor{Name: "app", Digest: provenance.Set(provenance.SumSHA256(artifact))})
	if err != nil {
		t.Fatal(err)
	}
	b, err := touchmark.Statement(t.Context(), statement, key)
	if err != nil {
		t.Fatal(err)
	}
	b.Format = touchmark.Sigstore
	line, err := b.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	blob, ours, theirs := integration.Write(t, dir, "app", artifact), integration.Write(t, dir, "ours.json", line), filepath.Join(dir, "theirs.json")
	judge := func(path, blob string) (string, error) {
		return integration.Cosign.Try(t, dir, "verify-blob-attestation", "--key", "cosign.pub", "--bundle", path, "--insecure-ignore-tlog", "--type", scan, blob)
	}
	if out, err := judge(ours, blob); err != nil {
		t.Errorf("cosign refuses ours: %v\n%s", err, out)
	}
	if out, err := judge(ours, integration.Write(t, dir, "other", []byte("another"))); err == nil {
		t.Errorf("cosign takes it for another artifact:\n%s", out)
	}
	integration.Cosign.Run(t, dir, "attest-blob", "--yes", "--key", "cosign.key", "--bundle", theirs, "--use-signing-config=false", "--tlog-upload=false",
		"--predicate", integration.Write(t, dir, "predicate.json", []byte(`{"result":"clean"}`)), "--type", scan, blob)
	f, err := os.Open(theirs)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	read, err := touchmark.Read(f)
	if err != nil || len(read) != 1 {
		t.Fatal(read, err)
	}
	trust := &verify.Trust{Version: 1, Expires: time.Now().Add(time.Hour).UTC().Truncate(time.Second),
		Principals: map[string]verify.Principal{"ci": {Kind: verify.Service, Keys: []verify.Key{{PEM: string(key.MarshalPublic())}}}}}
	if _, err := verify.Authenticate(t.Context(), trust, read[0], time.Now()); err != nil {
		t.Errorf("we refuse cosign's: %v", err)
	}
}
