package modcache

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
)

// What is read without an os.File is what is read with one, and what is no file, or
// too large, is refused. That a pipe does not block is the difference.
func TestDirect(t *testing.T) {
	dir := t.TempDir()
	folder := filepath.Join(dir, "cache", "download", "a.b", "@v")
	if err := os.MkdirAll(filepath.Join(folder, "v1.0.1.mod"), 0o755); err != nil {
		t.Fatal(err)
	}
	large := strings.Repeat("x", maxInfo)
	for name, text := range map[string]string{"v1.0.0.mod": "module a.b\n", "v1.0.2.mod": "", "v1.0.3.info": large, "v1.0.4.info": large + "x"} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(filepath.Join(folder, "v1.0.5.mod"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("v1.0.0.mod", filepath.Join(folder, "v1.0.6.mod")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/dev/zero", filepath.Join(folder, "v1.0.7.mod")); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ version, ext, want string }{
		{"v1.0.0", ".mod", ""}, {"v1.0.1", ".mod", "is no regular file"}, {"v1.0.2", ".mod", ""}, {"v1.0.3", ".info", ""},
		{"v1.0.4", ".info", "has 65537 bytes, want at most 65536"}, {"v1.0.5", ".mod", "is no regular file"}, {"v1.0.6", ".mod", ""}, {"v1.0.7", ".mod", "is no regular file"},
		{"v1.0.8", ".mod", fs.ErrNotExist.Error()}, {"v1.0.8/../v1.0.0", ".mod", errPath.Error()},
	} {
		data, err := Cache{FS: os.DirFS(dir)}.read("a.b", test.version, test.ext, maxInfo)
		if test.version == "v1.0.5" { // which another file system waits for
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("a pipe: %v, want %q", err, test.want)
			}
			continue
		}
		// A file system that hides what it is is read as any other.
		other, otherErr := Cache{FS: struct{ fs.FS }{os.DirFS(dir)}}.read("a.b", test.version, test.ext, maxInfo)
		switch {
		case string(data) != string(other) || (err == nil) != (otherErr == nil) || errors.Is(err, fs.ErrNotExist) != errors.Is(otherErr, fs.ErrNotExist):
			t.Errorf("%s: %d bytes, %v; read otherwise %d bytes, %v", test.version, len(data), err, len(other), otherErr)
		case test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want) && !errors.Is(err, fs.ErrNotExist)):
			t.Errorf("%s: %v, want %q", test.version, err, test.want)
		}
	}
}

// Folders are read directly, and nothing else is.
func TestDirectKind(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "x"), []byte("y"), 0o644); err != nil {
		t.Fatal(err)
	}
	if data, ok, err := direct(os.DirFS(dir), "x", 10); !ok || err != nil || string(data) != "y" {
		t.Errorf("a folder: %q, %v, %v, want it to be read directly", data, ok, err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	for name, fsys := range map[string]fs.FS{"a root": root.FS(), "a map": fstest.MapFS{}, "a folder of nothing": os.DirFS("")} {
		if _, ok, _ := direct(fsys, "x", 10); ok {
			t.Errorf("%s is read directly", name)
		}
	}
}
