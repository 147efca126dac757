//go:build unix

package safefs

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestFIFO: a pipe that nobody writes to is refused and does not block, not
// even when it takes the place of a file at the last moment.
func TestFIFO(t *testing.T) {
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	file := filepath.Join(dir, "file")
	write(t, file, "")
	swap := func(_ string, flag int, perm fs.FileMode) (*os.File, error) { return os.OpenFile(pipe, flag, perm) }
	for name, got := range map[string]string{
		"Open":       outcome(Open(pipe)),
		"OpenNoLink": outcome(OpenNoLink(pipe)),
		"OpenIn":     outcome(OpenIn(root, "pipe")),
		"OpenUnder":  outcome(OpenUnder(root, "pipe")),
		"swapped":    outcome(open(file, os.Lstat, swap)),
	} {
		if got != ErrNotRegular.Error() {
			t.Errorf("%s: %s, want %s", name, got, ErrNotRegular)
		}
	}
	if names, err := Files(root); !errors.Is(err, ErrNotRegular) {
		t.Errorf("Files: %q, %v, want %v", names, err, ErrNotRegular)
	}
}
