package integration

import (
	"fmt"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"
)

// StartRegistry runs go-containerregistry's registry with the referrers API,
// which its own command has no flag for, inside of the test, and returns its
// host and port.
func StartRegistry(t testing.TB) (host string) {
	t.Helper()
	Need(t)
	srv := httptest.NewServer(registry.New(registry.WithReferrersSupport(true), registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(srv.Close)
	return strings.TrimPrefix(srv.URL, "http://")
}

// StartDistribution runs the CNCF's registry, which has no referrers API, and
// returns its host and port.
func StartDistribution(t testing.TB) (host string) {
	t.Helper()
	dir := t.TempDir()
	config := filepath.Join(dir, "config.yml")
	start(t, Distribution, dir, []string{"OTEL_TRACES_EXPORTER=none"}, func() ([]string, func() error) {
		host = "127.0.0.1:" + freePort(t)
		text := fmt.Sprintf("version: 0.1\nlog: {level: warn}\nstorage:\n  filesystem: {rootdirectory: %q}\n  delete: {enabled: true}\nhttp: {addr: %q}\n", filepath.Join(dir, "data"), host)
		if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return []string{"serve", config}, listening(host)
	})
	return host
}
