package safefs

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"unicode/utf8"
)

// MaxFiles is how many entries [Files] looks at before it says [ErrTooLarge].
const MaxFiles = 1_000_000

// maxFolders bounds how deep folders may lie in each other.
const maxFolders = 256

// Files returns the paths of all regular files below root: relative, with
// slashes, sorted by their bytes. Empty folders leave no trace.
//
// A link anywhere is [ErrLink], a pipe, socket or device is [ErrNotRegular],
// and a name with a newline or that is not UTF-8 is [ErrNotLocal], because no
// list of names could carry it (docs/threats.md, rows 44 and 46). The names
// are those of this disk: they need not be [Local].
func Files(root *os.Root) ([]string, error) {
	w := walk{root: root, left: MaxFiles}
	if err := w.folder(".", maxFolders); err != nil {
		return nil, err
	}
	slices.Sort(w.names)
	return w.names, nil
}

type walk struct {
	root  *os.Root
	names []string
	left  int
}

func (w *walk) folder(dir string, depth int) error {
	if depth == 0 {
		return fmt.Errorf("folder %q is %w: want at most %d folders in each other", shorten(dir), ErrTooLarge, maxFolders)
	}
	d, err := w.root.Open(dir)
	if err != nil {
		return err
	}
	entries, err := d.ReadDir(w.left + 1)
	if closeErr := d.Close(); err == nil {
		err = closeErr
	}
	if err != nil && err != io.EOF { // which is how an empty folder ends
		return err
	}
	if w.left -= len(entries); w.left < 0 {
		return fmt.Errorf("folder is %w: want at most %d entries", ErrTooLarge, MaxFiles)
	}
	for _, e := range entries {
		if err := w.entry(path.Join(dir, e.Name()), e, depth); err != nil {
			return err
		}
	}
	return nil
}

func (w *walk) entry(name string, e fs.DirEntry, depth int) error {
	if !utf8.ValidString(name) || strings.ContainsAny(name, "\n\r") {
		return fmt.Errorf("%q is %w: it has a newline or is not UTF-8", shorten(name), ErrNotLocal)
	}
	if e.IsDir() {
		return w.folder(name, depth-1)
	}
	info, err := e.Info()
	if err != nil {
		return err
	}
	if err := regular(name, info); err != nil {
		return err
	}
	w.names = append(w.names, name)
	return nil
}
