// Package deptest holds packages to their budgets: what a program that uses
// them links. Every public package has a test that calls [Only] with its own
// row of the table in the design.
package deptest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// Module is the path of ours.
const Module = "github.com/touchmark-go/touchmark"

// A Budget says what a package may link. The zero Budget allows the standard
// library and what is internal here.
type Budget struct {
	// Modules is how many modules besides ours may be linked, on any system.
	Modules int
	// Own names our public packages that may be linked, without the module's
	// path: "provenance". Internal packages always may.
	Own []string
	// Forbidden are import paths that may not be linked, such as net/http. One
	// that ends in /... stands for everything below it as well.
	Forbidden []string
}

// systems are those whose programs are measured: modules differ between them.
var systems = [...]string{"linux", "darwin", "windows"}

// Only fails t, naming each excess, unless what pkg links, directly or not,
// stays within b. Pkg is a package of ours without the module's path; empty
// means the top one. The go command measures.
func Only(t testing.TB, pkg string, b Budget) {
	t.Helper()
	for _, system := range systems {
		pkgs, err := list(pkg, system)
		if err != nil {
			t.Fatalf("what %q links on %s is unknown: %v", pkg, system, err)
			return
		}
		for _, excess := range check(pkgs, pkg, b) {
			t.Errorf("%s on %s: %s", pkg, system, excess)
		}
	}
}

// Modules returns the paths of the modules besides ours that pkg links on
// Linux, sorted. It is for tests that say more than a number.
func Modules(t testing.TB, pkg string) []string {
	t.Helper()
	pkgs, err := list(pkg, "linux")
	if err != nil {
		t.Fatalf("what %q links is unknown: %v", pkg, err)
	}
	return modules(pkgs)
}

// listed is what is used of the output of go list -json.
type listed struct {
	ImportPath string
	Imports    []string
	Module     *struct{ Path string }
	Error      *struct{ Err string }
}

// own returns the path without ours, and whether the package is ours.
func (p listed) own() (string, bool) {
	if p.ImportPath == Module {
		return "", true
	}
	return strings.CutPrefix(p.ImportPath, Module+"/")
}

func list(pkg, system string) ([]listed, error) {
	cmd := exec.Command("go", "list", "-deps", "-json=ImportPath,Imports,Module,Error", strings.TrimSuffix(Module+"/"+pkg, "/"))
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=readonly", "GOWORK=off", "CGO_ENABLED=0", "GOOS="+system, "GOARCH=amd64")
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			err = fmt.Errorf("%w: %s", err, exit.Stderr)
		}
		return nil, fmt.Errorf("go list: %w", err)
	}
	return parse(strings.NewReader(string(out)))
}

func parse(r io.Reader) (pkgs []listed, err error) {
	d := json.NewDecoder(r)
	for {
		var p listed
		if err := d.Decode(&p); err == io.EOF {
			return pkgs, nil
		} else if err != nil {
			return nil, err
		}
		if p.Error != nil {
			return nil, fmt.Errorf("%s: %s", p.ImportPath, p.Error.Err)
		}
		pkgs = append(pkgs, p)
	}
}

// check returns the excesses. Pkg is among pkgs.
func check(pkgs []listed, pkg string, b Budget) (excesses []string) {
	if mods := modules(pkgs); len(mods) > b.Modules {
		excesses = append(excesses, fmt.Sprintf("links %d modules, want at most %d: %s", len(mods), b.Modules, strings.Join(mods, " ")))
	}
	for _, p := range pkgs {
		name, ours := p.own()
		if ours && name != pkg && !internal(name) && !slices.Contains(b.Own, name) {
			excesses = append(excesses, fmt.Sprintf("links our package %q, want only %q (imported by %s)", name, b.Own, importers(pkgs, p.ImportPath)))
		}
		for _, pattern := range b.Forbidden {
			if matches(pattern, p.ImportPath) {
				excesses = append(excesses, fmt.Sprintf("links %s, which it may not (imported by %s)", p.ImportPath, importers(pkgs, p.ImportPath)))
			}
		}
		if ours {
			excesses = append(excesses, direct(name, p.Imports)...)
		}
	}
	return excesses
}

// modules are those that pkgs belong to, without ours.
func modules(pkgs []listed) (paths []string) {
	for _, p := range pkgs {
		if p.Module != nil && p.Module.Path != Module {
			paths = append(paths, p.Module.Path)
		}
	}
	slices.Sort(paths)
	return slices.Compact(paths)
}

func internal(name string) bool {
	return strings.HasPrefix(name, "internal/") || strings.Contains(name, "/internal/")
}

// matches reads the two forms of a pattern.
func matches(pattern, path string) bool {
	parent, below := strings.CutSuffix(pattern, "/...")
	return path == parent || below && strings.HasPrefix(path, parent+"/")
}

// importers are enough to find where an excess comes from.
func importers(pkgs []listed, path string) string {
	var names []string
	for _, p := range pkgs {
		if slices.Contains(p.Imports, path) {
			names = append(names, p.ImportPath)
		}
	}
	if len(names) > 3 {
		names = append(names[:3], fmt.Sprintf("and %d more", len(names)-3))
	}
	return strings.Join(names, ", ")
}

// reserved are the packages that only some of ours may import by name, or none.
func reserved() map[string][]string {
	return map[string][]string{
		"github.com/sigstore/sigstore-go/...":              {"sign/keyless", "verify/sigstore"},
		"github.com/sigstore/cosign/...":                   nil,
		"github.com/sigstore/rekor/...":                    nil,
		"github.com/sigstore/sigstore/pkg/tuf/...":         nil,
		"github.com/sigstore/sigstore/pkg/fulcioroots/...": nil,
		"github.com/slsa-framework/slsa-verifier/...":      nil,
		"github.com/google/osv-scalibr/...":                nil,
		"github.com/protobom/protobom/...":                 nil,
		"github.com/go-git/go-git/...":                     nil,
	}
}

// direct holds the imports of one of our packages against reserved.
func direct(name string, imports []string) (excesses []string) {
	for pattern, allowed := range reserved() {
		for _, path := range imports {
			if matches(pattern, path) && !slices.Contains(allowed, name) {
				excesses = append(excesses, fmt.Sprintf("%q imports %s, want that only in %q", name, path, allowed))
			}
		}
	}
	slices.Sort(excesses)
	return excesses
}
