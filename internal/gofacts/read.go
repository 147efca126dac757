package gofacts

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"runtime/debug"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

var (
	// ErrNotGo says that a file is no Go binary, or one whose build info was
	// taken out: there is nothing to read.
	ErrNotGo = errors.New("not a Go binary with build info")
	// ErrMalformed says that a file has build info, and that no Go linker wrote it so.
	ErrMalformed = errors.New("the build info of the binary is malformed")
)

// Limits of what is read of a binary, whatever its headers claim.
const (
	maxInfo    = 16 << 20 // bytes of module information; a thousand modules have 200 KiB
	maxVersion = 4 << 10  // bytes of the toolchain's name
	maxSearch  = 64 << 20 // bytes of data searched where no section names the place
)

// Read reads the build info of an ELF, PE, Mach-O or Wasm file, or of a universal
// file whose parts agree. It does not matter whether the file is stripped.
//
// The error is [ErrNotGo], [ErrMalformed], or what r failed with: trouble with
// the disk is never an answer about the file. Read needs less than 64 MiB
// for any file, and does not use package debug/buildinfo, which reads symbol
// tables too and copies a hostile one many times over.
func Read(r io.ReaderAt) (*Facts, error) {
	// The disk's own error outlives what the parser makes of a short read.
	d := &disk{r: r}
	f, err := read(d)
	if d.err != nil {
		return nil, fmt.Errorf("could not read the binary: %w", d.err)
	}
	return f, err
}

// disk is a reader that remembers its first failure; the end of the file is none.
type disk struct {
	r   io.ReaderAt
	err error
}

func (d *disk) ReadAt(p []byte, off int64) (int, error) {
	n, err := d.r.ReadAt(p, off)
	if err != nil && err != io.EOF && d.err == nil {
		d.err = err
	}
	return n, err
}

func read(r io.ReaderAt) (*Facts, error) {
	parts, err := universal(r)
	if err != nil {
		return nil, err
	}
	// Any part can be what runs: one that is not Go must not hide behind one that
	// is, nor the other way round.
	var first *Facts
	var notGo error
	for _, part := range parts {
		f, err := readOne(part)
		switch {
		case errors.Is(err, ErrNotGo):
			notGo = err
		case err != nil:
			return nil, err
		case first == nil:
			first = f
		case !agree(first, f):
			return nil, fmt.Errorf("%w: its parts for several architectures are of different builds", ErrMalformed)
		}
	}
	if first != nil && notGo != nil {
		return nil, fmt.Errorf("%w: some of its parts for several architectures are not Go", ErrMalformed)
	}
	return first, notGo
}

// agree reports whether two parts of a universal file differ in nothing but
// the architecture.
func agree(a, b *Facts) bool {
	same := func(x, y Module) bool {
		return cmp.Compare(x.Descriptor().URI, y.Descriptor().URI) == 0 && x.Path == y.Path && x.Sum == y.Sum
	}
	strip := func(settings map[string]string) map[string]string {
		rest := maps.Clone(settings)
		for _, name := range []string{"GOARCH", "GO386", "GOAMD64", "GOARM", "GOARM64", "CGO_ENABLED"} {
			delete(rest, name)
		}
		return rest
	}
	return a.GoVersion == b.GoVersion && a.Path == b.Path && same(a.Main, b.Main) &&
		slices.EqualFunc(a.Modules, b.Modules, same) && maps.Equal(strip(a.Settings), strip(b.Settings))
}

func readOne(r io.ReaderAt) (*Facts, error) {
	version, text, err := rawInfo(r)
	if err != nil {
		return nil, err
	}
	info, err := debug.ParseBuildInfo(text)
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrMalformed, err)
	}
	info.GoVersion = version
	f := FromBuildInfo(info)
	if len(f.Settings) != len(info.Settings) {
		return nil, fmt.Errorf("%w: it has a setting twice", ErrMalformed)
	}
	return f, f.validate()
}

// validate reports what no Go linker writes: a module twice, and names that
// are not text.
func (f *Facts) validate() error {
	if !text(f.GoVersion) || !text(f.Path) {
		return fmt.Errorf("%w: toolchain %q, package %q, want printable text", ErrMalformed, f.GoVersion, f.Path)
	}
	if err := f.Main.validate(); f.Main.Path != "" && err != nil {
		return err
	}
	for i, m := range f.Modules {
		if err := m.validate(); err != nil {
			return err
		}
		if i > 0 && f.Modules[i-1].Path == m.Path || m.Path == f.Main.Path {
			return fmt.Errorf("%w: it has the module %q twice", ErrMalformed, m.Path)
		}
	}
	return nil
}

func (m Module) validate() error {
	for _, s := range []string{m.Path, m.Version, m.Sum} {
		if !word(s) {
			return fmt.Errorf("%w: module %q, version %q, sum %q, want printable words", ErrMalformed, m.Path, m.Version, m.Sum)
		}
	}
	if m.Path == "" || !text(m.Dir) {
		return fmt.Errorf("%w: module %q in folder %q, want a path and printable text", ErrMalformed, m.Path, m.Dir)
	}
	if m.Replaces != nil {
		return m.Replaces.validate()
	}
	return nil
}

// text reports whether s is valid UTF-8 of printable characters and spaces;
// word that it has no spaces.
func text(s string) bool { return printable(s, ' ') }
func word(s string) bool { return printable(s, '!') }

// printable reports whether s is valid UTF-8 and all of it can be printed and
// is not before least.
func printable(s string, least byte) bool {
	for i := range len(s) {
		if c := s[i]; c >= utf8.RuneSelf {
			rest := s[i:]
			return utf8.ValidString(rest) && !strings.ContainsFunc(rest, func(r rune) bool { return r < rune(least) || !unicode.IsPrint(r) })
		} else if c < least || c == 0x7f {
			return false
		}
	}
	return true
}
