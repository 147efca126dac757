package mutate

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A Program is the tests of a package with all mutants in them.
type Program struct {
	Dir     string // of the package
	Mutants []Mutant
	binary  string
}

// Build finds the mutants of the files of a package that match, all if match is
// nil, and builds its tests with them into the folder work. What the compiler does
// not take (a number where only a constant may stand) is no mutant.
func Build(ctx context.Context, dir, work string, match func(file string) bool) (*Program, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	sources, changes, name, err := changesOf(dir, match)
	if err != nil {
		return nil, err
	}
	p := &Program{Dir: dir, binary: filepath.Join(work, "mutants.test")}
	for {
		bad, err := p.compile(ctx, work, name, sources, changes)
		if err != nil {
			return nil, err
		}
		if len(bad) == 0 {
			break
		}
		n := len(changes)
		if changes = slices.DeleteFunc(changes, func(c change) bool { return c.fragile() && bad[at(c.File, c.Line)] }); len(changes) == n {
			changes = slices.DeleteFunc(changes, func(c change) bool { return bad[at(c.File, c.Line)] })
		}
		if len(changes) == n {
			return nil, fmt.Errorf("%s does not compile, and no mutant is to blame: %v", dir, bad)
		}
	}
	for _, c := range changes {
		p.Mutants = append(p.Mutants, c.Mutant)
	}
	return p, nil
}

// fragile reports whether the change hangs on a type that is not known here.
func (c change) fragile() bool { return c.Kind == Off || c.Kind == Edge }

func at(file string, line int) string { return filepath.Base(file) + ":" + strconv.Itoa(line) }

// changesOf finds the changes of a package: its sources by path, and its name.
func changesOf(dir string, match func(string) bool) (sources map[string][]byte, changes []change, name string, err error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return nil, nil, "", err
	}
	sources = map[string][]byte{}
	for _, file := range files {
		base := filepath.Base(file)
		if strings.HasSuffix(base, "_test.go") {
			continue
		}
		src, err := os.ReadFile(file)
		if err != nil {
			return nil, nil, "", err
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, src, parser.PackageClauseOnly)
		if err != nil {
			return nil, nil, "", err
		}
		name = f.Name.Name
		if match != nil && !match(base) {
			continue
		}
		first := 0
		if len(changes) > 0 {
			first = changes[len(changes)-1].ID
		}
		found, err := find(base, src, first)
		if err != nil {
			return nil, nil, "", err
		}
		sources[file], changes = src, append(changes, found...)
	}
	if len(changes) == 0 {
		return nil, nil, "", fmt.Errorf("%s: there is nothing to change", dir)
	}
	return sources, changes, name, nil
}

var position = regexp.MustCompile(`(?m)^(?:.*[/\\])?([^/\\:]+\.go):(\d+):`)

// compile builds the tests. It returns the lines that the compiler does not take.
func (p *Program) compile(ctx context.Context, work, name string, sources map[string][]byte, changes []change) (bad map[string]bool, err error) {
	replace := map[string]string{}
	write := func(file string, data []byte) error {
		to := filepath.Join(work, filepath.Base(file))
		replace[file] = to
		return os.WriteFile(to, data, 0o600)
	}
	err = write(filepath.Join(p.Dir, "mutant_switches.go"), fmt.Appendf(nil, switches, name))
	for file, src := range sources {
		of := slices.DeleteFunc(slices.Clone(changes), func(c change) bool { return c.File != filepath.Base(file) })
		err = errors.Join(err, write(file, apply(src, of)))
	}
	overlay, jsonErr := json.Marshal(map[string]any{"Replace": replace})
	path := filepath.Join(work, "overlay.json")
	if err = errors.Join(err, jsonErr, os.WriteFile(path, overlay, 0o600)); err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, "go", "test", "-c", "-vet=off", "-gcflags=-e", "-overlay", path, "-o", p.binary, ".")
	cmd.Dir = p.Dir
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		bad = map[string]bool{}
		for _, m := range position.FindAllStringSubmatch(out.String(), -1) {
			bad[m[1]+":"+m[2]] = true
		}
		if len(bad) == 0 {
			return nil, fmt.Errorf("go test -c: %w\n%s", err, out.Bytes())
		}
	}
	return bad, nil
}
