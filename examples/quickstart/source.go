package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"
)

// A goPackage is what go list says of a package.
type goPackage struct {
	Dir, ImportPath, Name string
	Standard              bool
	EmbedFiles            []string
	Module                *struct {
		Path, Dir string
		Main      bool
	}
}

// list returns the main package that pkg names (a folder, a file in one, or an
// import path) and all that it imports.
func list(ctx context.Context, pkg string) (*goPackage, []goPackage, error) {
	cmd := exec.CommandContext(ctx, "go", "list", "-deps", "-json=Dir,ImportPath,Name,Standard,EmbedFiles,Module", pkg)
	dir := pkg
	if strings.HasSuffix(dir, ".go") {
		dir = filepath.Dir(dir)
	}
	if info, err := os.Stat(dir); err == nil && info.IsDir() {
		cmd.Dir, cmd.Args[len(cmd.Args)-1] = dir, "."
	}
	out, err := output(cmd)
	if err != nil {
		return nil, nil, err
	}
	var all []goPackage
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p goPackage
		if err := dec.Decode(&p); err == io.EOF {
			break
		} else if err != nil {
			return nil, nil, fmt.Errorf("go list: %w", err)
		}
		all = append(all, p)
	}
	if len(all) == 0 {
		return nil, nil, fmt.Errorf("%q names no package", pkg)
	}
	main := &all[len(all)-1] // go list -deps lists what is imported first
	if main.Name != "main" {
		return nil, nil, fmt.Errorf("%s is package %s, want a main package", main.ImportPath, main.Name)
	}
	return main, all, nil
}

// own reports whether the package's source is in the module that go works in.
func (p *goPackage) own() bool { return p.Module != nil && p.Module.Main }

// copySource copies what the program is made of from its own module to root:
// go.mod, go.sum, and of each package what is not a test. Other modules come
// from the module cache.
func copySource(ctx context.Context, root string, program *goPackage, all []goPackage) error {
	if program.Standard {
		return nil // it comes with Go
	}
	find := exec.CommandContext(ctx, "go", "env", "GOMOD")
	if program.own() {
		find.Dir = program.Dir
	}
	out, err := output(find)
	if err != nil {
		return err
	}
	gomod := strings.TrimSpace(string(out))
	module := filepath.Dir(gomod)
	mod, err := ownModule(gomod)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(root, "go.mod"), mod, 0o644); err != nil {
		return err
	}
	sum := strings.TrimSuffix(gomod, ".mod") + ".sum"
	if err := copyFile(filepath.Join(root, "go.sum"), sum, 0o644); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if _, err := os.Stat(filepath.Join(module, "vendor", "modules.txt")); err == nil {
		if err := os.CopyFS(filepath.Join(root, "vendor"), os.DirFS(filepath.Join(module, "vendor"))); err != nil {
			return err
		}
	}
	for _, p := range all {
		if !p.own() {
			continue
		}
		rel, err := filepath.Rel(p.Module.Dir, p.Dir)
		if err != nil || !filepath.IsLocal(rel) {
			return fmt.Errorf("%s lies outside its module", p.ImportPath)
		}
		if err := copyPackage(filepath.Join(root, rel), p); err != nil {
			return err
		}
	}
	return nil
}

// ownModule is a go.mod whose relative replacements still point where they did.
func ownModule(path string) ([]byte, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	file, err := modfile.Parse(path, data, nil)
	if err != nil {
		return nil, err
	}
	for _, r := range slices.Clone(file.Replace) {
		if r.New.Version != "" || filepath.IsAbs(r.New.Path) {
			continue
		}
		if err := file.AddReplace(r.Old.Path, r.Old.Version, filepath.Join(filepath.Dir(path), r.New.Path), ""); err != nil {
			return nil, err
		}
	}
	return file.Format()
}

// copyPackage copies the files in the package's folder, and what it embeds.
func copyPackage(dir string, p goPackage) error {
	entries, err := os.ReadDir(p.Dir)
	if err != nil {
		return err
	}
	names := slices.Clone(p.EmbedFiles)
	for _, e := range entries {
		if e.Type().IsRegular() && !strings.HasSuffix(e.Name(), "_test.go") && e.Name() != "go.mod" && e.Name() != "go.sum" {
			names = append(names, e.Name())
		}
	}
	for _, name := range names {
		to := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		if err := copyFile(to, filepath.Join(p.Dir, filepath.FromSlash(name)), 0o644); err != nil {
			return err
		}
	}
	return nil
}

func copyFile(to, from string, mode os.FileMode) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, data, mode)
}

// output runs cmd and returns what it printed; what it complained about
// becomes the error.
func output(cmd *exec.Cmd) ([]byte, error) {
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w\n%s", filepath.Base(cmd.Args[0]), cmd.Args[1], err, bytes.TrimSpace(stderr.Bytes()))
	}
	return out, nil
}
