package main

import (
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/touchmark-go/touchmark/internal/deptest"
	"github.com/touchmark-go/touchmark/internal/testkit"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"touchmark": main})
}

// TestScripts runs the command as a user does: testdata/script holds one story
// a file. $FIXTURE is a folder with a release that was really built, see fixture;
// $REGISTRY a container registry, and $REGISTRY_TAGS one that has no referrers API.
//
// With -short it tells those in which much goes on at once.
func TestScripts(t *testing.T) {
	p := testscript.Params{Dir: "testdata/script"}
	if testing.Short() {
		p.Dir = ""
		for _, name := range []string{"build", "release", "sbom", "store", "trace"} {
			p.Files = append(p.Files, "testdata/script/"+name+".txtar")
		}
	}
	runScripts(t, p, startRegistry(t, false))
}

func runScripts(t *testing.T, p testscript.Params, registryOfTags string) {
	variables := []string{"FIXTURE=" + makeFixture(t), "REGISTRY=" + startRegistry(t, true), "REGISTRY_TAGS=" + registryOfTags}
	variables = slices.Concat(variables, goEnvironment(t), gitEnvironment)
	p.RequireExplicitExec = true
	p.Setup = func(env *testscript.Env) error {
		for _, kv := range variables {
			name, value, _ := strings.Cut(kv, "=")
			env.Setenv(name, value)
		}
		env.Setenv("HOME", env.WorkDir)
		return nil
	}
	p.Cmds = map[string]func(*testscript.TestScript, bool, []string){"exits": exits, "lines": lines, "retag": retag}
	testscript.Run(t, p)
}

// retag does what whoever can write to a registry can: it makes a tag name a manifest, or, without a file, nothing.
func retag(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 && len(args) != 3 {
		ts.Fatalf("usage: retag REPOSITORY TAG [MANIFEST]")
	}
	host, name, _ := strings.Cut(args[0], "/")
	method, body := http.MethodDelete, ""
	if len(args) == 3 {
		method, body = http.MethodPut, strings.TrimSuffix(ts.ReadFile(args[2]), "\n")
	}
	req, err := http.NewRequest(method, "http://"+host+"/v2/"+name+"/manifests/"+args[1], strings.NewReader(body))
	ts.Check(err)
	req.Header.Set("Content-Type", "application/vnd.oci.image.index.v1+json")
	resp, err := http.DefaultClient.Do(req)
	ts.Check(err)
	resp.Body.Close()
	if resp.StatusCode != http.StatusCreated && resp.StatusCode != http.StatusAccepted {
		ts.Fatalf("%s %s: %s", method, req.URL, resp.Status)
	}
}

// startRegistry starts a container registry and returns its HOST:PORT.
func startRegistry(t testing.TB, referrers bool) string {
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0)), registry.WithReferrersSupport(referrers)))
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

// exits runs a command that must end with this status. What it says when it
// fails must be one line of ours, and no secret.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits STATUS COMMAND…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit status %d, want %d", got, want)
	}
	stdout, stderr := ts.ReadFile("stdout"), ts.ReadFile("stderr")
	if strings.Contains(stdout+stderr, "correct horse") || strings.Contains(stdout+stderr, "PRIVATE KEY-----") {
		ts.Fatalf("a secret was printed")
	}
	if want == statusUsage && (strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, "--help)\n") || stdout != "") {
		ts.Fatalf("wrong usage wants one line that names --help, and nothing else")
	}
	if want == statusFailed && stdout == "" && !strings.HasPrefix(stderr[strings.LastIndex(strings.TrimSuffix(stderr, "\n"), "\n")+1:], "touchmark: ") {
		ts.Fatalf("a failure wants a last line that begins with \"touchmark: \"")
	}
}

// lines wants a file to have so many lines.
func lines(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: lines N FILE")
	}
	if got := strconv.Itoa(strings.Count(ts.ReadFile(args[1]), "\n")); (got == args[0]) == neg {
		ts.Fatalf("%s has %s lines, want %s", args[1], got, args[0])
	}
}

var gitEnvironment = []string{
	"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=" + os.DevNull,
	"GIT_AUTHOR_NAME=dev", "GIT_AUTHOR_EMAIL=dev@acme.example", "GIT_AUTHOR_DATE=2026-11-01T12:00:00Z",
	"GIT_COMMITTER_NAME=dev", "GIT_COMMITTER_EMAIL=dev@acme.example", "GIT_COMMITTER_DATE=2026-11-01T12:00:00Z",
}

// goEnvironment is what builds need when HOME is a new folder.
func goEnvironment(t testing.TB) []string {
	env := []string{"GOENV=off", "GOFLAGS=", "GOWORK=off", "CGO_ENABLED=0"}
	names := []string{"GOCACHE", "GOMODCACHE", "GOPROXY", "GOTOOLCHAIN"}
	out, err := exec.Command("go", append([]string{"env"}, names...)...).Output()
	if err != nil {
		t.Fatal(err)
	}
	for i, value := range strings.Split(strings.TrimSuffix(string(out), "\n"), "\n") {
		env = append(env, names[i]+"="+strings.TrimSpace(value))
	}
	return env
}

// makeFixture builds two releases of a program in a git repository of their
// own, 1.0.0 and 1.1.0, and makes everything that belongs to them.
//
//	src/            the work tree
//	v1.0.0/, v1.1.0/  app, app.intoto.jsonl, app.cdx.json
//	unsigned/       the statements of 1.0.0, nobody's
//	ci.key, alice.key, mallory.key and .pub; all but mallory are in trust.json
//	trust.json, policy.json  the policy that both releases meet
//	aging.json      a trust file with a key that ends on 2026-12-01
//	first.json      a trust file with a root and a product, that names no ledger yet
func makeFixture(t testing.TB) string {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("no git")
	}
	dir := t.TempDir()
	src := filepath.Join(dir, "src")
	write := func(name, content string) {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	env := slices.Concat(os.Environ(), testkit.OutsideCI(), goEnvironment(t), gitEnvironment)
	do := func(name string, args ...string) {
		t.Helper()
		c := exec.Command(name, args...)
		c.Dir, c.Env = src, env
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("%s %q: %v\n%s", name, args, err, out)
		}
	}
	write("passphrase", "correct horse\n")
	write("src/go.mod", "module acme.example/app\n\ngo 1.26\n")
	write("src/.gitignore", "/dist/\n")
	do("git", "init", "-q", "-b", "main")
	do("git", "remote", "add", "origin", "https://build:hunter2@github.com/acme/app.git")
	for _, who := range []string{"ci", "alice", "mallory", "bob", "carol", "oncall"} {
		do("touchmark", "keys", "generate", "--unencrypted", "--out", "../"+who+".key")
	}
	for _, version := range []string{"1.0.0", "1.1.0"} {
		write("src/main.go", fmt.Sprintf("package main\n\nfunc main() { println(%q) }\n", version))
		do("git", "add", ".")
		do("git", "commit", "-q", "-m", version)
		do("git", "tag", "v"+version)
		do("touchmark", "build", "--key", "../ci.key", "--out", "../v"+version, "--", "go", "build", "-trimpath", "-o", "dist/app", ".")
		if version == "1.0.0" {
			do("touchmark", "build", "--out", "../unsigned", "--", "go", "build", "-trimpath", "-o", "dist/app", ".")
		}
		if err := os.Rename(filepath.Join(src, "dist/app"), filepath.Join(dir, "v"+version, "app")); err != nil {
			t.Fatal(err)
		}
	}
	do("touchmark", "trust", "init", "--principal", "ci=../ci.key.pub", "--builder", "ci=local=1",
		"--principal", "alice=../alice.key.pub", "--kind", "alice=person", "--out", "../trust.json")
	do("touchmark", "policy", "learn", "--trust", "../trust.json", "--name", "app", "--out", "../policy.json", "../v1.0.0/app", "../v1.1.0/app")
	writeLayout(t, dir)
	pem, err := os.ReadFile(filepath.Join(dir, "ci.key.pub"))
	if err != nil {
		t.Fatal(err)
	}
	write("aging.json", fmt.Sprintf(`{ "schema": "https://github.com/touchmark-go/touchmark/trust/v1", "version": 1, "expires": "2099-01-01T00:00:00Z",
  "principals": { "ci": { "kind": "builder", "keys": [{ "pem": %q, "notAfter": "2026-12-01T00:00:00Z" }],
    "builders": { "https://github.com/touchmark-go/touchmark/builders/local/v1": 1 } } },
  "roles": { "release-manager": ["ci"] } }
`, pem))
	principal := func(name, kind, more string) string {
		pem, err := os.ReadFile(filepath.Join(dir, name+".key.pub"))
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf(`"%s": { "kind": %q, "keys": [{ "pem": %q }]%s }`, name, kind, pem, more)
	}
	write("first.json", `{ "schema": "https://github.com/touchmark-go/touchmark/trust/v1", "version": 1, "expires": "2099-01-01T00:00:00Z",
  "root": { "atLeast": 2, "of": ["managers"] },
  "principals": { `+strings.Join([]string{principal("ci", "builder", `, "builders": { "https://github.com/touchmark-go/touchmark/builders/local/v1": 1 }`),
		principal("alice", "person", ""), principal("bob", "person", ""), principal("carol", "person", ""), principal("oncall", "person", "")}, ",\n    ")+` },
  "roles": { "managers": ["alice", "bob", "carol"] }, "revokers": ["alice"],
  "auditors": { "atLeast": 2, "of": ["carol", "oncall", "ci"] },
  "products": { "app": { "versions": "semver", "releasers": ["ci"], "revokers": ["managers"], "stages": [
    { "name": "canary", "promoters": ["ci"], "rollback": ["oncall"], "deployers": ["ci"] },
    { "name": "prod", "from": "canary", "soak": "1s", "promoters": ["managers"], "rollback": ["oncall"], "deployers": ["ci"],
      "approvals": [{ "atLeast": 2, "of": ["managers"] }], "hotfix": { "approvals": ["managers"], "within": "24h" } } ] } } }
`)
	return dir
}

func TestBudget(t *testing.T) {
	deptest.Only(t, "examples/touchmark", deptest.Budget{
		Modules: 120,
		Own: []string{"provenance", "provenance/capture", "provenance/capture/trace", "provenance/predicate", "provenance/release",
			"sbom", "sbom/gomod", "sbom/image", "sbom/license", "sbom/spdx", "sbom/vex", "sign", "sign/keyless", "sign/keys", "sign/kms/plugin", "sign/ledger", "sign/ledger/tessera", "sign/store", "sign/store/oci", "sign/timestamp", "verify", "verify/capsule", "verify/cel", "verify/layout", "verify/learn", "verify/report", "verify/rollout", "verify/rollout/index", "verify/sigstore", "verify/sigstore/tuf"},
		// What does its work before main, for every call of every command.
		Forbidden: []string{"github.com/sigstore/sigstore-go/...", "github.com/go-openapi/...", "github.com/asaskevich/govalidator"},
	})
}
