// Package integration runs the real servers and programs of others that tests
// hold this library against: a transparency log, a certificate authority, a
// timestamp authority, registries, a login, and cosign as the outside judge.
//
// Each program is built once at an exact version with the ordinary go command,
// into the user's cache folder, and is used by every later run. Servers listen
// on free ports of the loopback interface, start within bounded time, and are
// stopped by their own process id when the test ends.
//
// All of it needs time and a network, so a test calls [Need] first.
package integration

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/module"

	"github.com/touchmark-go/touchmark/internal/dirlock"
)

// A Program is one that the go command builds: a package at an exact version.
type Program struct {
	Package string // import path of the main package
	Version string // exact
	// Module is the package's module, where go install would not do: it asks the
	// proxy for all versions of a module, and not of every module a proxy has a list.
	Module string
}

// The programs. Their versions are those that build with this module's Go.
var (
	Rekor        = Program{Package: "github.com/sigstore/rekor-tiles/v2/cmd/rekor-server/posix", Version: "v2.3.0"}
	TSA          = Program{Package: "github.com/sigstore/timestamp-authority/v2/cmd/timestamp-server", Version: "v2.1.3"}
	Fulcio       = Program{Package: "github.com/sigstore/fulcio", Version: "v1.8.8"}
	Cosign       = Program{Package: "github.com/sigstore/cosign/v3/cmd/cosign", Version: "v3.1.3"}
	Distribution = Program{Package: "github.com/distribution/distribution/v3/cmd/registry", Version: "v3.1.2"} // without the referrers API
	// Sbomqs is the newest that is handed out as a module. Its rules differ from those of
	// 2.0.9 in three: see docs/go-sbom.md.
	Sbomqs = Program{Package: "github.com/interlynk-io/sbomqs/v2", Version: "v2.0.2", Module: "github.com/interlynk-io/sbomqs/v2"}
)

// Programs are all of them.
func Programs() []Program { return []Program{Rekor, TSA, Fulcio, Distribution, Cosign, Sbomqs} }

// buildTime bounds one build: cosign takes minutes on a small machine.
const buildTime = 20 * time.Minute

// Need skips t unless integration tests are asked for.
func Need(t testing.TB) {
	t.Helper()
	if os.Getenv("TOUCHMARK_INTEGRATION") != "1" {
		t.Skip("runs programs of others, which it builds from the module proxy: set TOUCHMARK_INTEGRATION=1")
	}
}

// Path is where the program is, built if it was not before. It calls [Need].
func (p Program) Path(t testing.TB) string {
	t.Helper()
	Need(t)
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatalf("no folder to keep programs in: %v", err)
	}
	file, err := p.build(t.Context(), filepath.Join(cache, "touchmark-integration"))
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// name is how the go command calls the program: by its package, without a major version.
func (p Program) name() string {
	prefix, _, ok := module.SplitPathVersion(p.Package)
	if !ok {
		prefix = p.Package
	}
	return path.Base(prefix)
}

// Run runs the program and returns what it prints, both streams together. It
// fails t if the program does. The environment is the test's, without what
// would make the program find a configuration of the user's.
func (p Program) Run(t testing.TB, dir string, args ...string) string {
	t.Helper()
	out, err := p.Try(t, dir, args...)
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", p.name(), strings.Join(args, " "), err, out)
	}
	return out
}

// Try is [Program.Run] for programs that may fail.
func (p Program) Try(t testing.TB, dir string, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, p.Path(t), args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "HOME="+dir, "COSIGN_PASSWORD=", "COSIGN_YES=true", "DOCKER_CONFIG="+dir, "NO_COLOR=1")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// build installs the program into a folder of its own below cache. One process
// at a time builds; the others wait and find it there.
func (p Program) build(ctx context.Context, cache string) (string, error) {
	dir := filepath.Join(cache, strings.NewReplacer("/", "_").Replace(p.Package)+"@"+p.Version+"_"+runtime.Version())
	name := p.name()
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	file := filepath.Join(dir, name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, buildTime)
	defer cancel()
	unlock, err := dirlock.Lock(ctx, dir)
	if err != nil {
		return "", fmt.Errorf("%s@%s is being built by somebody else: %w", p.Package, p.Version, err)
	}
	defer unlock()
	if _, err := os.Stat(file); err == nil {
		return file, nil
	}
	tmp, err := os.MkdirTemp(dir, "build")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(tmp)
	cmd := exec.CommandContext(ctx, "go", "install", p.Package+"@"+p.Version)
	if p.Module != "" {
		text := fmt.Sprintf("module judge\n\ngo 1.26.0\n\nrequire %s %s\n", p.Module, p.Version)
		if err := os.WriteFile(filepath.Join(tmp, "go.mod"), []byte(text), 0o644); err != nil {
			return "", err
		}
		cmd = exec.CommandContext(ctx, "go", "build", "-mod=mod", "-o", name, p.Package)
	}
	cmd.Dir = tmp
	cmd.Env = append(os.Environ(), "GOBIN="+tmp, "GOFLAGS=", "GOWORK=off", "CGO_ENABLED=0", "GOOS=", "GOARCH=")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building %s@%s: %w\n%s", p.Package, p.Version, err, out)
	}
	return file, os.Rename(filepath.Join(tmp, name), file)
}
