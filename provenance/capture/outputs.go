package capture

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/touchmark-go/touchmark/internal/gofacts"
	"github.com/touchmark-go/touchmark/provenance"
)

// An outputFile is something that the build is said to make.
type outputFile struct {
	given string // as the caller named it, for errors
	path  string // absolute
	old   state  // before the command
	new   state
	facts *gofacts.Facts // nil if it is no Go binary
	grade string
	why   string

	contents contents
}

// A state is what can be seen of a file or folder without reading it.
type state struct {
	info  fs.FileInfo // nil if there is none
	print [32]byte    // hash of size, time and mode of it and of all below it
}

const maxEntries = 1_000_000 // files of one folder

func stateOf(path string) (state, error) {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return state{}, nil
	}
	if err != nil {
		return state{}, err
	}
	print := sha256.New()
	entries := 0
	err = filepath.WalkDir(path, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entries++; entries > maxEntries {
			return fmt.Errorf("more than %d files", maxEntries)
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if entries == 1 || !d.IsDir() {
			fmt.Fprintf(print, "%s\x00%d %d %d\n", strings.TrimPrefix(name, path), info.Size(), info.ModTime().UnixNano(), info.Mode())
		}
		return nil
	})
	return state{info, [32]byte(print.Sum(nil))}, err
}

// newOutputs looks at what stands there before the build.
func newOutputs(dir string, names []string) ([]outputFile, error) {
	if len(names) == 0 {
		return nil, errors.New("capture: no outputs are named")
	}
	outputs := make([]outputFile, len(names))
	for i, name := range names {
		path := name
		if !filepath.IsAbs(path) {
			path = filepath.Join(dir, path)
		}
		if name == "" || slices.ContainsFunc(outputs[:i], func(o outputFile) bool { return o.path == filepath.Clean(path) }) {
			return nil, fmt.Errorf("capture: output %q is empty or named twice", name)
		}
		old, err := stateOf(filepath.Clean(path))
		if err != nil {
			return nil, fmt.Errorf("capture: output %q cannot be examined: %w", name, pathless(err))
		}
		outputs[i] = outputFile{given: name, path: filepath.Clean(path), old: old}
	}
	return outputs, nil
}

// made checks that the command made o, and says how we know.
func (o *outputFile) made(goBuild bool) error {
	var err error
	if o.new, err = stateOf(o.path); err != nil {
		return fmt.Errorf("capture: output %q cannot be examined: %w", o.given, pathless(err))
	}
	o.resolve()
	switch {
	case o.new.info == nil:
		return fmt.Errorf("capture: output %q was not made by the command", o.given)
	case o.old.info == nil:
		o.grade, o.why = Observed, "hashed after the command, which made it: it was not there before"
	case o.old.print == o.new.print && os.SameFile(o.old.info, o.new.info):
		return fmt.Errorf("capture: output %q was there before and the command did not touch it", o.given)
	case !o.new.info.IsDir() && os.SameFile(o.old.info, o.new.info) && o.old.info.Size() == o.new.info.Size():
		o.grade, o.why = Inferred, "hashed after the command; the file was there before in the same size, and now has a new time"
		if goBuild {
			o.why += ": go does so when a program is up to date"
		}
	default:
		o.grade, o.why = Observed, "hashed after the command, which wrote it anew"
	}
	return nil
}

// resolve resolves links in the folder that o is in, as the root's are: o may
// have been named by way of one. That o is a link itself is refused later.
func (o *outputFile) resolve() {
	if dir, err := filepath.EvalSymlinks(filepath.Dir(o.path)); err == nil {
		o.path = filepath.Join(dir, filepath.Base(o.path))
	}
}

// found checks that o is there, for a build that nobody watched.
func (o *outputFile) found() error {
	if o.old.info == nil {
		return fmt.Errorf("capture: output %q is not there", o.given)
	}
	o.new = o.old
	o.resolve()
	o.grade, o.why = Observed, "hashed after the build; that the build made it is the caller's word"
	return nil
}

// read reads the Go facts of o, if it has any, and checks that nobody changed
// it since it was first looked at.
func (o *outputFile) read() error {
	if o.new.info.Mode().IsRegular() {
		f, err := os.Open(o.path)
		if err != nil {
			return fmt.Errorf("capture: output %q cannot be read: %w", o.given, pathless(err))
		}
		defer f.Close()
		if o.facts, err = gofacts.Read(f); err != nil && !errors.Is(err, gofacts.ErrNotGo) {
			return fmt.Errorf("capture: output %q: %w", o.given, err)
		}
	}
	now, err := stateOf(o.path)
	if err != nil || now.info == nil || now.print != o.new.print || !os.SameFile(now.info, o.new.info) {
		return fmt.Errorf("capture: output %q changed while it was read", o.given)
	}
	return nil
}

// subjects hashes the outputs. Inside root their names are relative to it,
// outside only the last element of the path is recorded.
func subjects(ctx context.Context, root string, outputs []outputFile) ([]provenance.ResourceDescriptor, error) {
	var list []provenance.ResourceDescriptor
	for i := 0; i < len(outputs); {
		dir := rootOf(root, outputs[i].path)
		paths := []string{outputs[i].path}
		for i++; i < len(outputs) && rootOf(root, outputs[i].path) == dir; i++ {
			paths = append(paths, outputs[i].path)
		}
		hashed, err := provenance.SubjectOptions{Root: dir}.Subjects(ctx, paths...)
		if err != nil {
			return nil, fmt.Errorf("capture: %w", err)
		}
		if len(hashed) != len(paths) {
			return nil, fmt.Errorf("capture: %d outputs have %d subjects", len(paths), len(hashed))
		}
		list = append(list, hashed...)
	}
	for i, s := range list {
		if slices.ContainsFunc(list[:i], func(o provenance.ResourceDescriptor) bool { return o.Name == s.Name }) {
			return nil, fmt.Errorf("capture: two outputs would be called %q; name a root that both are in", s.Name)
		}
	}
	return list, nil
}

func rootOf(root, path string) string {
	if rel, err := filepath.Rel(root, path); err == nil && filepath.IsLocal(rel) {
		return root
	}
	return filepath.Dir(path)
}

// pathless is the cause of a file error without the path.
func pathless(err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}
