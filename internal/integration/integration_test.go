package integration_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/touchmark-go/touchmark/internal/integration"
)

// Every program builds, and is itself. Here the builds happen that all later
// integration tests use.
func TestPrograms(t *testing.T) {
	integration.Need(t)
	for _, p := range integration.Programs() {
		t.Run(p.Package, func(t *testing.T) { p.Path(t) })
	}
	if out := integration.Cosign.Run(t, t.TempDir(), "version"); !strings.Contains(out, integration.Cosign.Version) {
		t.Errorf("cosign says that it is\n%s\nwant %s", out, integration.Cosign.Version)
	}
}

// Both registries answer, and differ in what the tests want them for.
func TestRegistries(t *testing.T) {
	integration.Need(t)
	referrers := func(host string) int {
		// A repository is there once something is in it.
		index := "application/vnd.oci.image.index.v1+json"
		req, err := http.NewRequestWithContext(t.Context(), "PUT", "http://"+host+"/v2/x/manifests/y", strings.NewReader(`{"schemaVersion":2,"mediaType":"`+index+`","manifests":[]}`))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", index)
		made, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		made.Body.Close()
		if made.StatusCode != http.StatusCreated {
			t.Fatalf("%s takes no manifest: %s", host, made.Status)
		}
		resp, err := http.Get("http://" + host + "/v2/x/referrers/sha256:" + strings.Repeat("0", 64))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.StatusCode
	}
	if got := referrers(integration.StartRegistry(t)); got != http.StatusOK {
		t.Errorf("go-containerregistry's registry answers %d to the referrers API, want 200", got)
	}
	if got := referrers(integration.StartDistribution(t)); got != http.StatusNotFound {
		t.Errorf("distribution answers %d to the referrers API, want 404", got)
	}
}

// A whole private instance starts, answers, and says what to trust. Stopped,
// it answers no more.
func TestSigstore(t *testing.T) {
	integration.Need(t)
	s := integration.StartSigstore(t)
	for _, doc := range [][]byte{s.TrustedRoot(t), s.SigningConfig(t)} {
		if !json.Valid(doc) {
			t.Errorf("no JSON: %s", doc)
		}
	}
	if len(s.TSA.Chain) < 2 || len(s.Fulcio.Chain) < 1 {
		t.Errorf("%d certificates of the timestamp authority and %d of Fulcio, want two and one at least", len(s.TSA.Chain), len(s.Fulcio.Chain))
	}
	if token := s.Issuer.EmailToken(t, "alice@example.com"); strings.Count(token, ".") != 2 {
		t.Errorf("no token: %s", token)
	}
	resp, err := http.Post(s.TSA.URL, "application/json", bytes.NewReader(nil))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	s.TSA.Stop()
	s.TSA.Stop()
	if _, err := http.Post(s.TSA.URL, "application/json", nil); err == nil {
		t.Error("stopped, and still answers")
	}
}
