package capture_test

import (
	"context"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/touchmark-go/touchmark/internal/ocilayout/imagetest"
	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/capture"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/verify"
)

// key signs, as the ecosystem's interface wants it.
type key struct{ ed25519.PrivateKey }

func (k key) Sign(_ context.Context, data []byte) ([]byte, error) {
	return ed25519.Sign(k.PrivateKey, data), nil
}
func (k key) KeyID() (string, error) { return "", nil }

// judge asks whether an image may be used, by what was captured of its build and
// signed by the builder.
func judge(t *testing.T, r *capture.Record, artifact string) *verify.Verdict {
	t.Helper()
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	trust := &verify.Trust{Version: 1, Expires: time.Now().AddDate(1, 0, 0), Root: verify.Quorum{AtLeast: 1, Of: []string{"ci"}},
		Principals: map[string]verify.Principal{"ci": {Kind: verify.Builder, Keys: []verify.Key{{PEM: string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))}}, Builders: map[string]int{capture.LocalBuilderID: 1}}}}
	policy, err := verify.ParsePolicy(fmt.Appendf(nil, `{"schema":"https://github.com/touchmark-go/touchmark/policy/v1","version":1,"name":"image","examine":"required",
	"provenance":{"signedBy":"ci","level":1,"buildType":%q,"source":{"repository":"https://github.com/acme/app","ref":"refs/heads/main"},"parameters":{"/command":{"any":true}}}}`, capture.CommandBuildType))
	if err != nil {
		t.Fatal(err)
	}
	v, err := verify.New(trust, policy)
	if err != nil {
		t.Fatal(err)
	}
	bundle, err := sign.Statement(t.Context(), r.Statement(), key{private})
	if err != nil {
		t.Fatal(err)
	}
	verdict, _ := v.Verify(t.Context(), verify.Request{Artifact: verify.File(artifact), Evidence: []*sign.Bundle{bundle}})
	return verdict
}

// TestImageIsExamined goes the whole way: a command makes an image, capture
// names what is in it, and verify finds and examines it, in whatever form the
// image is stored afterwards.
func TestImageIsExamined(t *testing.T) {
	w := newWorld(t)
	program := w.capture(capture.Options{}, goBuild("."), "GOOS=linux", "GOARCH=amd64", "CGO_ENABLED=0")
	binary, err := os.ReadFile(filepath.Join(w.dir, "dist/app"))
	if err != nil {
		t.Fatal(err)
	}
	layers := [][]imagetest.Entry{{{Name: "etc/passwd", Body: "root"}}, {{Name: "usr/bin/app", Body: string(binary)}}}
	l := imagetest.New()
	l.Add(l.Image("linux/amd64", layers...))
	prepared := l.Write(t.TempDir())
	r, err := capture.Run(t.Context(), w.command(shell("cp -r "+prepared+" dist/image")), "dist/image")
	if err != nil {
		t.Fatal(err)
	}
	tarred := filepath.Join(t.TempDir(), "image.tar")
	if err := os.WriteFile(tarred, l.Tar(), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, artifact := range []string{filepath.Join(w.dir, "dist/image"), tarred} {
		if verdict := judge(t, r, artifact); verdict.Decision != verify.Allow || verdict.Digest.String() != l.Roots[0].Digest {
			t.Errorf("%s, want the image %s allowed", verdict, l.Roots[0].Digest)
		}
	}
	// The program of the image is the one whose own build was captured.
	var named bool
	for _, d := range r.Build().BuildDefinition.ResolvedDependencies {
		named = named || d.Digest.Match(provenance.Set(provenance.SumSHA256(binary))) == provenance.Matched && d.Name == "usr/bin/app"
	}
	if want, _ := program.Subjects()[0].Digest.Get(provenance.SHA256); !named || want != provenance.SumSHA256(binary) {
		t.Errorf("the image's provenance does not name %s", want)
	}

	other := imagetest.New()
	other.Add(other.Image("linux/amd64", append(layers, []imagetest.Entry{{Name: "usr/bin/helper", Body: string(binary) + "!"}})...))
	if verdict := judge(t, r, other.Write(t.TempDir())); verdict.Decision != verify.Deny || !strings.Contains(verdict.String(), "subject") {
		t.Errorf("another image:\n%s", verdict)
	}
}
