package lockfile_test

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/touchmark-go/touchmark/internal/lockfile"
)

// What is read has the properties that callers rely on, whatever the bytes are:
// canonical package URLs, digests that are some, dependencies that are listed,
// packages in order and once, and the same answer again. What is refused is
// refused with a line that the file has.
func fuzz(f *testing.F, name string) {
	stories, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, story := range stories {
		a, err := txtar.ParseFile(story)
		if err != nil {
			f.Fatal(err)
		}
		if len(a.Files) > 0 && (a.Files[0].Name == name || strings.Contains(name, "lock.json") && strings.HasSuffix(a.Files[0].Name, ".json")) {
			f.Add(string(a.Files[0].Data))
		}
	}
	f.Fuzz(func(t *testing.T, content string) {
		lock, err := lockfile.Parse(name, strings.NewReader(content))
		if err != nil {
			var at *lockfile.Error
			if !errors.As(err, &at) || at.Line < 1 || at.Line > 1+strings.Count(content, "\n") {
				t.Fatalf("%v", err)
			}
			return
		}
		checkPURLs(t, lock)
		ids := map[string]bool{}
		for _, p := range lock.Packages {
			if ids[p.ID()] {
				t.Errorf("%s is there twice", p.ID())
			}
			ids[p.ID()] = true
			if err := p.Digests.Validate(); err != nil || len(p.OneOf) == 1 {
				t.Errorf("%s: %v, %v", p.ID(), err, p.OneOf)
			}
		}
		for _, p := range lock.Packages {
			if !slices.IsSorted(p.Dependencies) {
				t.Errorf("%s: the dependencies are not in order", p.ID())
			}
			for _, d := range p.Dependencies {
				if !ids[d] {
					t.Errorf("%s needs %s, which is not there", p.ID(), d)
				}
			}
		}
		again, err := lockfile.Parse(name, strings.NewReader(content))
		if err != nil || show(again) != show(lock) {
			t.Errorf("read again: %v", err)
		}
	})
}

func FuzzNPM(f *testing.F)       { fuzz(f, "package-lock.json") }
func FuzzYarn(f *testing.F)      { fuzz(f, "yarn.lock") }
func FuzzPNPM(f *testing.F)      { fuzz(f, "pnpm-lock.yaml") }
func FuzzPip(f *testing.F)       { fuzz(f, "requirements.txt") }
func FuzzPipfile(f *testing.F)   { fuzz(f, "Pipfile.lock") }
func FuzzPoetry(f *testing.F)    { fuzz(f, "poetry.lock") }
func FuzzUV(f *testing.F)        { fuzz(f, "uv.lock") }
func FuzzCargo(f *testing.F)     { fuzz(f, "Cargo.lock") }
func FuzzGradle(f *testing.F)    { fuzz(f, "gradle.lockfile") }
func FuzzMaven(f *testing.F)     { fuzz(f, "lockfile.json") }
func FuzzComposer(f *testing.F)  { fuzz(f, "composer.lock") }
func FuzzBundler(f *testing.F)   { fuzz(f, "Gemfile.lock") }
func FuzzBazel(f *testing.F)     { fuzz(f, "MODULE.bazel.lock") }
func FuzzFlake(f *testing.F)     { fuzz(f, "flake.lock") }
func FuzzTerraform(f *testing.F) { fuzz(f, ".terraform.lock.hcl") }
