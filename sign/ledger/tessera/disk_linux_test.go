package tessera_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/touchmark-go/touchmark/sign/ledger"
	"github.com/touchmark-go/touchmark/sign/ledger/tessera"
)

// mount mounts a small file system of memory on a new folder.
func mount(t *testing.T, flags uintptr, data string) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", flags, data); err != nil {
		t.Skipf("cannot mount: %v", err)
	}
	t.Cleanup(func() { syscall.Unmount(dir, syscall.MNT_DETACH) })
	return dir
}

// A full disk is an error that says so; what was acknowledged before is there,
// and with room again the log goes on.
func TestDiskFull(t *testing.T) {
	f := newFixture(t, 0)
	f.dir = mount(t, 0, "size=256k")
	l := f.open(t)
	if _, err := l.AppendAll(t.Context(), record(t, 0), record(t, 1)); err != nil {
		t.Fatal(err)
	}
	filler := filepath.Join(f.dir, "filler")
	if err := os.WriteFile(filler, make([]byte, 1<<20), 0o644); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("the disk is not full: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if _, err := l.Append(ctx, record(t, 2)); err == nil || !strings.Contains(err.Error(), syscall.ENOSPC.Error()) {
		t.Errorf("a full disk: %v", err)
	}
	if size := f.read(t).Checkpoint().Size(); size != 2 {
		t.Errorf("%d records, want 2", size)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Append(t.Context(), record(t, 3)); err != nil {
		t.Error(err)
	}
	if err := f.read(t).Check(t.Context()); err != nil {
		t.Error(err)
	}
}

// In a folder that cannot be written nothing is appended, and it is said why.
func TestReadOnly(t *testing.T) {
	f := newFixture(t, 0)
	f.dir = mount(t, syscall.MS_RDONLY, "")
	if _, err := f.open(t).Append(t.Context(), record(t, 0)); err == nil || !strings.Contains(err.Error(), syscall.EROFS.Error()) {
		t.Errorf("a read-only folder: %v", err)
	}
}

// A log whose files were tampered with is not appended to: that would sign the
// lie.
func TestAppendRefuses(t *testing.T) {
	type attack struct {
		name string
		do   func(t *testing.T, dir, older string)
	}
	replace := func(name string) func(*testing.T, string, string) {
		return func(t *testing.T, dir, older string) {
			data, err := os.ReadFile(filepath.Join(older, name))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	remove := func(name string) func(*testing.T, string, string) {
		return func(t *testing.T, dir, _ string) {
			if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	flip := func(name string) func(*testing.T, string, string) {
		return func(t *testing.T, dir, _ string) {
			path := filepath.Join(dir, name)
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			data[len(data)/2] ^= 1
			if err := os.WriteFile(path, data, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, a := range []attack{
		{"the tree's state from before", replace(".state/treeState")},
		{"no state", remove(".state")},
		{"a record was changed", flip("tile/entries/000.p/5")},
		{"a hash was changed", flip("tile/0/000.p/5")},
		{"the records are gone", remove("tile/entries")},
		{"the checkpoint was changed", flip("checkpoint")},
		{"everything from before", func(t *testing.T, dir, older string) {
			if err := os.RemoveAll(dir); err != nil {
				t.Fatal(err)
			}
			if err := os.CopyFS(dir, os.DirFS(older)); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		t.Run(a.name, func(t *testing.T) {
			f := newFixture(t, 0)
			l := f.open(t)
			if _, err := l.AppendAll(t.Context(), record(t, 0), record(t, 1)); err != nil {
				t.Fatal(err)
			}
			older := t.TempDir()
			if err := os.CopyFS(older, os.DirFS(f.dir)); err != nil {
				t.Fatal(err)
			}
			if _, err := l.AppendAll(t.Context(), record(t, 2), record(t, 3), record(t, 4)); err != nil {
				t.Fatal(err)
			}
			a.do(t, f.dir, older)
			_, err := l.Append(t.Context(), record(t, 5))
			var rollback *ledger.RollbackError
			if !errors.Is(err, ledger.ErrCorrupt) && !errors.As(err, &rollback) && !errors.Is(err, ledger.ErrUnsigned) {
				t.Errorf("it was appended to: %v", err)
			}
		})
	}
	// The neighbour: the same, untouched.
	f := newFixture(t, 0)
	for i := range 3 {
		l, err := tessera.Open(f.dir, f.key)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := l.Append(t.Context(), record(t, i)); err != nil {
			t.Error(err)
		}
	}
}
