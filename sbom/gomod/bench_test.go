//go:build unix

package gomod_test

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/touchmark-go/touchmark/internal/gofacts/factstest"
	"github.com/touchmark-go/touchmark/internal/testkit"
	"github.com/touchmark-go/touchmark/sbom"
	"github.com/touchmark-go/touchmark/sbom/gomod"
	"github.com/touchmark-go/touchmark/sbom/license"
)

// cpu is how much processor time this process and the commands that it waited
// for have used, in milliseconds.
func cpu(b *testing.B) float64 {
	var sum float64
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var u syscall.Rusage
		if err := syscall.Getrusage(who, &u); err != nil {
			b.Fatal(err)
		}
		for _, t := range []syscall.Timeval{u.Utime, u.Stime} {
			sum += float64(t.Sec)*1e3 + float64(t.Usec)/1e3
		}
	}
	return sum
}

// measured runs f as often as b wants, and reports the processor time too.
func measured(b *testing.B, f func()) {
	f() // what is read once is in memory
	before, n := cpu(b), 0
	for b.Loop() {
		f()
		n++
	}
	b.ReportMetric((cpu(b)-before)/float64(n), "cpu-ms/op")
}

// BenchmarkSource is the BOM of our own command from source, to encoded JSON,
// beside go list -deps of the same main package, which it cannot be without:
// without licences, with those found anew, and with those that were kept. What
// counts is cpu-ms/op.
func BenchmarkSource(b *testing.B) {
	root := testkit.Root(b)
	const main = "./examples/touchmark"
	environment := []string{"GOFLAGS=", "CGO_ENABLED=0"}
	cache := os.DirFS(strings.TrimSpace(goCommand(b, root, nil, "env", "GOMODCACHE")))
	document := func(b *testing.B, describe func(*cdx.BOM) error) {
		bom, err := gomod.Options{Env: environment}.FromSource(context.Background(), root, main)
		if err != nil {
			b.Fatal(err)
		}
		if describe != nil {
			if err := describe(bom); err != nil {
				b.Fatal(err)
			}
		}
		var out bytes.Buffer
		if err := sbom.Write(&out, bom); err != nil {
			b.Fatal(err)
		}
	}
	find := func(modules fs.FS, answers string) func(*cdx.BOM) error {
		return func(bom *cdx.BOM) error {
			return license.Finder{ModuleCache: modules, Answers: answers}.Describe(context.Background(), bom)
		}
	}
	b.Run("raw/go list -deps", func(b *testing.B) {
		measured(b, func() {
			cmd := exec.Command("go", "list", "-deps", main)
			cmd.Dir, cmd.Env = root, factstest.Env(environment...)
			if out, err := cmd.CombinedOutput(); err != nil {
				b.Fatalf("%v\n%s", err, out)
			}
		})
	})
	b.Run("document", func(b *testing.B) { measured(b, func() { document(b, nil) }) })
	b.Run("with licences", func(b *testing.B) {
		measured(b, func() { document(b, find(cache, filepath.Join(b.TempDir(), "new"))) })
	})
	b.Run("with licences that were kept", func(b *testing.B) {
		answers := b.TempDir()
		measured(b, func() { document(b, find(cache, answers)) })
	})
}

// BenchmarkFromFiles is the BOM of 300 modules from their files to encoded
// JSON. Beside it stands only reading these files.
func BenchmarkFromFiles(b *testing.B) {
	files := large(b, 300)
	b.Run("document", func(b *testing.B) {
		b.ReportAllocs()
		measured(b, func() {
			bom, err := gomod.FromFiles(files)
			if err != nil {
				b.Fatal(err)
			}
			var out bytes.Buffer
			if err := sbom.Write(&out, bom); err != nil {
				b.Fatal(err)
			}
		})
	})
	b.Run("raw/read", func(b *testing.B) {
		var names []string
		err := fs.WalkDir(files.ModuleCache, ".", func(path string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				names = append(names, path)
			}
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			for _, name := range names {
				if _, err := fs.ReadFile(files.ModuleCache, name); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
}
