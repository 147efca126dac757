package lockfile_test

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/touchmark-go/touchmark/internal/lockfile"
)

// Five package managers resolve one project and write it down in their own ways;
// what is read of each is the same list of packages with the same edges. Yarn alone
// leaves out the edges to peers.
func TestSameResolution(t *testing.T) {
	if os.Getenv("TOUCHMARK_INTEGRATION") != "1" {
		t.Skip("TOUCHMARK_INTEGRATION is not 1: this runs npm, and yarn and pnpm through it")
	}
	const manifest = `{"name": "app", "version": "1.0.0", "license": "MIT",
		"dependencies": {"express": "4.19.2", "ms-alias": "npm:ms@2.1.3", "@babel/code-frame": "7.24.7"},
		"devDependencies": {"left-pad": "1.3.0", "chalk": "4.1.2", "react-dom": "18.2.0", "react": "18.2.0"},
		"optionalDependencies": {"fsevents": "2.3.3"}}`
	type answer struct{ packages, edges, dev map[string]bool }
	read := func(file string, args ...string) answer {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "package.json"), []byte(manifest), 0o644); err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%q: %v\n%s", args, err, out)
		}
		f, err := os.Open(filepath.Join(dir, file))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		lock, err := lockfile.Parse(file, f)
		if err != nil {
			t.Fatal(err)
		}
		checkPURLs(t, lock)
		a := answer{map[string]bool{}, map[string]bool{}, map[string]bool{}}
		for _, p := range lock.Packages {
			if p.Digests["sha512"] == "" {
				t.Errorf("%s: %s has no digest", file, p.ID())
			}
			a.packages[p.ID()] = true
			if p.Dev {
				a.dev[p.ID()] = true
			}
			for _, to := range p.Dependencies {
				a.edges[p.ID()+" -> "+to] = true
			}
		}
		return a
	}
	same := func(who, what string, got, want map[string]bool) {
		t.Helper()
		if !maps.Equal(got, want) {
			t.Errorf("%s: the %s are\n%q\nwant\n%q", who, what, slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
		}
		t.Logf("%s: %d %s", who, len(got), what)
	}
	npm := read("package-lock.json", "npm", "install", "--package-lock-only", "--ignore-scripts", "--no-audit", "--no-fund")
	for _, version := range []string{"7", "8", "9"} {
		pnpm := read("pnpm-lock.yaml", "npx", "--yes", "pnpm@"+version, "install", "--lockfile-only", "--ignore-scripts")
		same("pnpm "+version, "packages", pnpm.packages, npm.packages)
		same("pnpm "+version, "edges", pnpm.edges, npm.edges)
		same("pnpm "+version, "packages for developing", pnpm.dev, npm.dev)
	}
	yarn := read("yarn.lock", "npx", "--yes", "yarn@1.22.22", "install", "--ignore-scripts", "--non-interactive")
	delete(npm.edges, "pkg:npm/react-dom@18.2.0 -> pkg:npm/react@18.2.0")
	same("yarn 1", "packages", yarn.packages, npm.packages)
	same("yarn 1", "edges", yarn.edges, npm.edges)
}
