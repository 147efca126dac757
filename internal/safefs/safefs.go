// Package safefs opens and reads files whose paths or contents come from
// others: only regular files, never waiting on a pipe or a device, never more
// bytes than the caller allows, and, below a folder, never out of it.
package safefs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// What is refused. Errors of the operating system come as they are.
var (
	ErrNotRegular = errors.New("not a regular file")
	ErrLink       = errors.New("is a symbolic link")
	ErrNotLocal   = errors.New("not a local path")
	ErrTooLarge   = errors.New("too large")
	ErrChanged    = errors.New("was replaced while it was opened")
)

// Open opens the regular file at path for reading, following links. A folder,
// pipe, socket or device is [ErrNotRegular]; a pipe without a writer does not
// block.
func Open(path string) (*os.File, error) {
	return open(path, os.Stat, os.OpenFile)
}

// OpenNoLink is [Open] for a path whose last element may not be a link: that
// is [ErrLink].
func OpenNoLink(path string) (*os.File, error) {
	return open(path, os.Lstat, os.OpenFile)
}

// OpenIn opens the regular file name, a slash-separated path, below root. No
// element of it may be a link, even one that stays inside. It opens whatever
// [Files] lists; a name that comes from somebody else goes through [Local] first.
func OpenIn(root *os.Root, name string) (*os.File, error) {
	if !fs.ValidPath(name) || !filepath.IsLocal(filepath.FromSlash(name)) {
		return nil, fmt.Errorf("%q is %w", shorten(name), ErrNotLocal)
	}
	if err := noLinkAbove(root, name); err != nil {
		return nil, err
	}
	return open(name, root.Lstat, root.OpenFile)
}

// OpenUnder is [OpenNoLink] below root, for a name that is the caller's own:
// links among its folders are followed as far as root allows.
func OpenUnder(root *os.Root, name string) (*os.File, error) {
	return open(name, root.Lstat, root.OpenFile)
}

// noLinkAbove refuses links among the folders of name. One that is put there
// afterwards still cannot lead out of root.
func noLinkAbove(root *os.Root, name string) error {
	for i := range name {
		if name[i] != '/' {
			continue
		}
		info, err := root.Lstat(name[:i])
		if err != nil {
			return err
		}
		if info.Mode()&fs.ModeSymlink != 0 {
			return fmt.Errorf("%q: %q %w", name, name[:i], ErrLink)
		}
	}
	return nil
}

// tries is how often a file may be replaced by another while it is opened: whoever
// writes atomically does so.
const tries = 10

// open looks before it opens, so that no device sees an open, and holds what it
// opened against what it saw, so that no swap in between goes unnoticed.
func open(path string, stat func(string) (fs.FileInfo, error), openFile func(string, int, fs.FileMode) (*os.File, error)) (*os.File, error) {
	for try := 1; ; try++ {
		before, err := stat(path)
		if err != nil {
			return nil, err
		}
		if err := regular(path, before); err != nil {
			return nil, err
		}
		f, err := openFile(path, os.O_RDONLY|nonBlocking, 0)
		if err != nil {
			return nil, err
		}
		after, err := f.Stat()
		if err == nil {
			err = regular(path, after)
		}
		swapped := err == nil && !os.SameFile(before, after)
		switch {
		case swapped && try == tries:
			err = fmt.Errorf("%q %w", path, ErrChanged)
		case err == nil && !swapped:
			return f, nil
		}
		f.Close() // only read from
		if err != nil {
			return nil, err
		}
	}
}

func regular(path string, info fs.FileInfo) error {
	switch {
	case info.Mode().IsRegular():
		return nil
	case info.Mode()&fs.ModeSymlink != 0:
		return fmt.Errorf("%q %w", path, ErrLink)
	}
	return fmt.Errorf("%q is %w (mode %s)", path, ErrNotRegular, info.Mode())
}

// ReadFile reads the regular file at path, following links, if it holds at most
// max bytes; more is [ErrTooLarge], and is noticed before the memory is spent.
func ReadFile(path string, max int64) ([]byte, error) {
	f, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readAll(f, path, max)
}

// ReadFileIn is [ReadFile] for what [OpenIn] opens.
func ReadFileIn(root *os.Root, name string, max int64) ([]byte, error) {
	f, err := OpenIn(root, name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readAll(f, name, max)
}

func readAll(f *os.File, path string, max int64) ([]byte, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.Size() > max {
		return nil, fmt.Errorf("%q is %w: %d bytes, want at most %d", path, ErrTooLarge, info.Size(), max)
	}
	// The file may still grow, and files of the kernel say that they are empty.
	data, err := io.ReadAll(io.LimitReader(f, max+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > max {
		return nil, fmt.Errorf("%q is %w: want at most %d bytes", path, ErrTooLarge, max)
	}
	return data, nil
}
