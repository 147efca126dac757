package testkit

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// GoBinary is a real Go binary for linux/amd64, built once in a process: a
// program of two modules, in a clean git repository with one commit, so that
// it carries everything that the go command can stamp.
func GoBinary(t testing.TB) []byte {
	t.Helper()
	root := Root(t)
	buildOnce.Do(func() { built, buildErr = buildBinary(root) })
	if buildErr != nil {
		t.Fatal(buildErr)
	}
	return built
}

var (
	buildOnce sync.Once
	built     []byte
	buildErr  error
)

func buildBinary(root string) ([]byte, error) {
	dir, err := os.MkdirTemp("", "gobinary")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	sums, err := os.ReadFile(filepath.Join(root, "go.sum"))
	if err != nil {
		return nil, err
	}
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		return nil, err
	}
	want := []string{"github.com/package-url/packageurl-go", "golang.org/x/mod"}
	goMod, goSum := "module example.com/app\n\ngo 1.26.0\n\n", ""
	for _, line := range strings.Split(string(mod), "\n") {
		f := strings.Fields(strings.TrimPrefix(strings.TrimSpace(line), "require "))
		for _, path := range want {
			if len(f) >= 2 && f[0] == path {
				goMod += "require " + path + " " + f[1] + "\n"
			}
		}
	}
	for _, line := range strings.SplitAfter(string(sums), "\n") {
		for _, path := range want {
			if strings.HasPrefix(line, path+" ") {
				goSum += line
			}
		}
	}
	for name, text := range map[string]string{"go.mod": goMod, "go.sum": goSum, ".gitignore": "dist/\n", "cmd/app/main.go": `package main

import (
	"fmt"

	packageurl "github.com/package-url/packageurl-go"
	"golang.org/x/mod/semver"
)

func main() { fmt.Println(semver.Compare("v1", "v2"), packageurl.TypeGolang) }
`} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return nil, err
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return nil, err
		}
	}
	for _, args := range [][]string{
		{"git", "init", "-q", "-b", "main"},
		{"git", "add", "."},
		{"git", "-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false", "commit", "-q", "-m", "one"},
		{"go", "build", "-trimpath", "-buildvcs=true", "-o", "dist/app", "./cmd/app"},
	} {
		cmd := exec.Command(args[0], args[1:]...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off", "GOOS=linux", "GOARCH=amd64", "CGO_ENABLED=0", "GOTOOLCHAIN=local",
			"GIT_AUTHOR_DATE=2026-11-01T00:00:00Z", "GIT_COMMITTER_DATE=2026-11-01T00:00:00Z", "GIT_CONFIG_GLOBAL="+os.DevNull)
		if out, err := cmd.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("%s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	return os.ReadFile(filepath.Join(dir, "dist/app"))
}

// PlainGoBinary is a real Go binary for linux/amd64 that carries as little as
// one can: no module but its own, and nothing about version control.
func PlainGoBinary(t testing.TB) []byte {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"go.mod": "module example.com/plain\n\ngo 1.26.0\n", "main.go": "package main\n\nfunc main() {}\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-o", "plain", ".")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off", "GOOS=linux", "GOARCH=amd64", "CGO_ENABLED=0", "GOTOOLCHAIN=local")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	data, err := os.ReadFile(filepath.Join(dir, "plain"))
	if err != nil {
		t.Fatal(err)
	}
	return data
}
