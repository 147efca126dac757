package capture_test

import (
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/touchmark-go/touchmark/provenance/capture"
)

// TestRealModules builds programs that others wrote, as of exact versions, and
// wants exactly the modules that go version -m names among the dependencies,
// each with its sum, and each sum held against go.sum and the module cache. With
// the caches of Go warm it takes seconds.
func TestRealModules(t *testing.T) {
	if os.Getenv("TOUCHMARK_INTEGRATION") != "1" {
		t.Skip("it needs the module proxy: set TOUCHMARK_INTEGRATION=1")
	}
	for _, test := range []struct {
		name    string
		modules []string // the main module's, and others to put beside it
		remove  string   // a folder of it that a module archive holds in part
		work    bool     // in a workspace
		args    []string
		least   int // modules
	}{
		{"cgo", []string{"github.com/opencontainers/runc@v1.2.6"}, "vendor", false, []string{"."}, 15},
		{"replace", []string{"github.com/bcicen/ctop@v0.7.7"}, "", false, []string{"."}, 15},
		{"ldflags and tags", []string{"github.com/junegunn/fzf@v0.55.0"}, "", false,
			[]string{"-tags", "tcell", "-trimpath", "-ldflags=-s -w -X main.version=0.55 -X main.revision=abc", "."}, 8},
		{"workspace", []string{"mvdan.cc/gofumpt@v0.7.0", "golang.org/x/mod@v0.14.0"}, "", true, []string{"."}, 3},
		{"plain", []string{"github.com/rakyll/hey@v0.1.4"}, "vendor", false, []string{"-mod=mod", "."}, 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			env := networkEnv(t)
			for i, at := range test.modules {
				to := w.dir
				if i > 0 {
					path, _, _ := strings.Cut(at, "@")
					to = filepath.Join(w.dir, "beside", filepath.Base(path))
				} else {
					os.Remove(filepath.Join(w.dir, "main.go"))
				}
				w.unpack(at, to, env)
			}
			if test.remove != "" {
				os.RemoveAll(filepath.Join(w.dir, test.remove))
			}
			if test.work {
				w.write("go.work", "go 1.26\n\nuse (\n\t.\n\t./beside/mod\n)\n")
			}
			w.commit()
			r := w.capture(capture.Options{}, goBuild(test.args...), env...)
			validate(t, r)
			n := exactly(t, w, r)
			if n < test.least {
				t.Errorf("%d modules, want %d at least", n, test.least)
			}
			if got := internalParameter(t, r, "/go/inputs/modules"); got == "" {
				t.Error("the main module has no digest")
			}
		})
	}
}

// networkEnv lets a build use the machine's own proxy and module cache.
func networkEnv(t testing.TB) []string {
	t.Helper()
	out, err := exec.Command("go", "env", "-json", "GOPROXY", "GOMODCACHE", "GOSUMDB").Output()
	if err != nil {
		t.Fatal(err)
	}
	var values map[string]string
	if err := json.Unmarshal(out, &values); err != nil {
		t.Fatal(err)
	}
	env := []string{"GONOSUMDB=", "GOFLAGS=", "CGO_ENABLED=1"}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		env = append(env, name+"="+values[name])
	}
	return env
}

// unpack copies the source of a module, "path@version", into a folder.
func (w *world) unpack(at, to string, env []string) {
	w.t.Helper()
	cmd := w.command([]string{"go", "mod", "download", "-json", at}, env...)
	cmd.Dir = w.t.TempDir()
	out, err := cmd.Output()
	if err != nil {
		w.t.Fatalf("%s: %v\n%s", at, err, out)
	}
	var module struct{ Dir string }
	if err := json.Unmarshal(out, &module); err != nil {
		w.t.Fatal(err)
	}
	err = filepath.WalkDir(module.Dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(module.Dir, path)
		if err != nil || rel == ".gitignore" {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		path = filepath.Join(to, rel)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		return os.WriteFile(path, data, 0o644)
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// exactly wants the modules of go version -m among the dependencies of r, each
// with its sum, and no other, and says how many there are.
func exactly(t testing.TB, w *world, r *capture.Record) int {
	t.Helper()
	want := map[string]string{} // "path version" to sum
	last := ""
	for line := range strings.Lines(w.run("go", "version", "-m", "dist/app")) {
		f := strings.Fields(line)
		switch {
		case len(f) >= 3 && f[0] == "dep" && f[2] == "(devel)":
			want[f[1]+" "] = "" // of a workspace: it has no sum, but a folder
		case len(f) >= 3 && f[0] == "dep":
			last = f[1] + " " + f[2]
			want[last] = dirHash(t, f[3:])
		case len(f) >= 3 && f[0] == "=>":
			delete(want, last)
			want[f[1]+" "+f[2]] = dirHash(t, f[3:])
		}
	}
	got := map[string]string{}
	for i, d := range r.Build().BuildDefinition.ResolvedDependencies {
		if !strings.HasPrefix(d.URI, "pkg:golang/") {
			continue
		}
		_, version, _ := strings.Cut(d.URI, "@")
		version = strings.ReplaceAll(version, "%2B", "+")
		sum := d.Digest["dirHash"]
		if version == "" && sum != "" {
			sum = ""
		}
		got[d.Name+" "+version] = sum
		for _, g := range r.Grades() {
			held := strings.Contains(g.Why, "held against go.sum, the module cache's sum of its archive, the source in the module cache")
			if g.Field == atDependencies(i) && version != "" && !held {
				t.Errorf("%s %s is only known by: %s", d.Name, version, g.Why)
			}
		}
	}
	if !maps.Equal(got, want) {
		t.Errorf("modules are\n%v, want\n%v", got, want)
	}
	return len(want)
}

// TestOwnModules does the same without a network, with modules that this
// project has in its own go.sum, and so in the module cache.
func TestOwnModules(t *testing.T) {
	w := newWorld(t)
	own, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	sums, err := os.ReadFile("../../go.sum")
	if err != nil {
		t.Fatal(err)
	}
	_, require, _ := strings.Cut(string(own), "\ngo ")
	w.write("go.mod", "module example.com/app\n\ngo "+require)
	w.write("go.sum", string(sums))
	w.write("main.go", "package main\n\nimport (\n\tcdx \"github.com/CycloneDX/cyclonedx-go\"\n\t\"github.com/package-url/packageurl-go\"\n\t\"golang.org/x/mod/semver\"\n)\n\n"+
		"func main() { println(semver.IsValid(\"v1\"), packageurl.TypeGolang, cdx.BOMFormat) }\n")
	w.commit()
	env := append(networkEnv(t), "GOPROXY=off", "GOFLAGS=-mod=mod")
	r := w.capture(capture.Options{}, goBuild("."), env...)
	validate(t, r)
	if n := exactly(t, w, r); n != 3 {
		t.Errorf("%d modules, want 3", n)
	}
}
