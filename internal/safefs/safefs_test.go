package safefs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// house is a folder with a file, a folder, and links to both and out of it.
func house(t *testing.T) (dir string, root *os.Root) {
	t.Helper()
	outside := t.TempDir()
	write(t, filepath.Join(outside, "secret"), "secret")
	dir = t.TempDir()
	write(t, filepath.Join(dir, "file"), "hello")
	if err := os.Mkdir(filepath.Join(dir, "sub"), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "sub", "file"), "below")
	for name, target := range map[string]string{
		"link": "file", "sublink": "sub", "out": outside, "outfile": filepath.Join(outside, "secret"), "dangling": "nowhere", "loop": "loop",
	} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Skipf("no symbolic links here: %v", err)
		}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	return dir, root
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// outcome is what was read, or which refusal came.
func outcome(f *os.File, err error) string {
	for _, refusal := range []error{ErrNotRegular, ErrLink, ErrNotLocal, ErrTooLarge, ErrChanged, fs.ErrNotExist} {
		if errors.Is(err, refusal) {
			return refusal.Error()
		}
	}
	if err != nil {
		return "error"
	}
	defer f.Close()
	data, err := io.ReadAll(f)
	if err != nil {
		return err.Error()
	}
	return string(data)
}

func TestOpen(t *testing.T) {
	dir, root := house(t)
	tests := []struct{ name, open, noLink, in string }{
		{"file", "hello", "hello", "hello"},
		{"sub/file", "below", "below", "below"},
		{"link", "hello", ErrLink.Error(), ErrLink.Error()},
		{"sublink/file", "below", "below", ErrLink.Error()},
		{"outfile", "secret", ErrLink.Error(), ErrLink.Error()},
		{"out/secret", "secret", "secret", ErrLink.Error()},
		{"dangling", fs.ErrNotExist.Error(), ErrLink.Error(), ErrLink.Error()},
		{"loop", "error", ErrLink.Error(), ErrLink.Error()},
		{"sub", ErrNotRegular.Error(), ErrNotRegular.Error(), ErrNotRegular.Error()},
		{"missing", fs.ErrNotExist.Error(), fs.ErrNotExist.Error(), fs.ErrNotExist.Error()},
		{"sub/../file", "hello", "hello", ErrNotLocal.Error()},
		{"./file", "hello", "hello", ErrNotLocal.Error()},
	}
	for _, test := range tests {
		path := dir + "/" + test.name
		if got := outcome(Open(path)); got != test.open {
			t.Errorf("Open(%q): %s, want %s", test.name, got, test.open)
		}
		if got := outcome(OpenNoLink(path)); got != test.noLink {
			t.Errorf("OpenNoLink(%q): %s, want %s", test.name, got, test.noLink)
		}
		if got := outcome(OpenIn(root, test.name)); got != test.in {
			t.Errorf("OpenIn(%q): %s, want %s", test.name, got, test.in)
		}
	}
	for _, name := range []string{"", ".", "..", "../" + filepath.Base(dir) + "/file", dir + "/file", "sub//file", "file/", "a/../../x"} {
		if got := outcome(OpenIn(root, name)); got != ErrNotLocal.Error() && got != ErrNotRegular.Error() {
			t.Errorf("OpenIn(%q): %s, want a refusal", name, got)
		}
	}
}

func TestDevice(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no device files")
	}
	for _, path := range []string{"/dev/null", "/dev/zero"} {
		if got := outcome(Open(path)); got != ErrNotRegular.Error() {
			t.Errorf("Open(%q): %s, want %s", path, got, ErrNotRegular)
		}
	}
}

// TestSwap replaces the file after it was looked at and before it is opened.
func TestSwap(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	write(t, path, "old")
	write(t, filepath.Join(dir, "new"), "new")
	swap := func(string, int, fs.FileMode) (*os.File, error) { return os.Open(filepath.Join(dir, "new")) }
	if got := outcome(open(path, os.Lstat, swap)); got != ErrChanged.Error() {
		t.Errorf("swapped for another file: %s, want %s", got, ErrChanged)
	}
	first := true
	swap = func(string, int, fs.FileMode) (*os.File, error) {
		if first {
			first = false
			if err := os.Rename(filepath.Join(dir, "new"), path); err != nil {
				t.Fatal(err)
			}
		}
		return os.Open(path)
	}
	if got := outcome(open(path, os.Lstat, swap)); got != "new" {
		t.Errorf("replaced by a new version, once: %s, want new", got)
	}
	write(t, path, "old")
	swap = func(string, int, fs.FileMode) (*os.File, error) { return os.Open(dir) }
	if got := outcome(open(path, os.Lstat, swap)); got != ErrNotRegular.Error() {
		t.Errorf("swapped for a folder: %s, want %s", got, ErrNotRegular)
	}
	if got := outcome(open(path, os.Lstat, os.OpenFile)); got != "old" {
		t.Errorf("not swapped: %s, want old", got)
	}
}

func TestReadFile(t *testing.T) {
	dir, root := house(t)
	tests := []struct {
		max  int64
		want error
	}{{5, nil}, {6, nil}, {4, ErrTooLarge}, {0, ErrTooLarge}}
	for _, test := range tests {
		data, err := ReadFile(filepath.Join(dir, "file"), test.max)
		if !errors.Is(err, test.want) || err == nil && string(data) != "hello" || err != nil && data != nil {
			t.Errorf("ReadFile of 5 bytes, at most %d: %q, %v, want %v", test.max, data, err, test.want)
		}
		data, err = ReadFileIn(root, "file", test.max)
		if !errors.Is(err, test.want) || err == nil && string(data) != "hello" || err != nil && data != nil {
			t.Errorf("ReadFileIn of 5 bytes, at most %d: %q, %v, want %v", test.max, data, err, test.want)
		}
	}
	if _, err := ReadFileIn(root, "link", 10); !errors.Is(err, ErrLink) {
		t.Errorf("ReadFileIn of a link: %v, want %v", err, ErrLink)
	}
}

// TestReadSparse: a file of a terabyte costs nothing to refuse.
func TestReadSparse(t *testing.T) {
	path := filepath.Join(t.TempDir(), "huge")
	write(t, path, "")
	if err := os.Truncate(path, 1<<40); err != nil {
		t.Skipf("no sparse files here: %v", err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := ReadFile(path, 64<<20); !errors.Is(err, ErrTooLarge) {
		t.Errorf("ReadFile: %v, want %v", err, ErrTooLarge)
	}
	runtime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; got > 1<<20 {
		t.Errorf("%d bytes allocated to refuse a file, want almost none", got)
	}
}

// A file that says it is empty, as those of Linux's proc do, is read and bounded.
func TestReadProc(t *testing.T) {
	const path = "/proc/self/status"
	if _, err := os.Stat(path); err != nil {
		t.Skip("no proc file system here")
	}
	if data, err := ReadFile(path, 1<<20); err != nil || len(data) == 0 {
		t.Errorf("ReadFile: %d bytes, %v, want some", len(data), err)
	}
	if _, err := ReadFile(path, 10); !errors.Is(err, ErrTooLarge) {
		t.Errorf("ReadFile of at most 10 bytes: %v, want %v", err, ErrTooLarge)
	}
}

func TestFiles(t *testing.T) {
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	for _, sub := range []string{"b", "b/c", "empty"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"b.txt", "b/c/2", "b/1", "a", "Z", "aux.c"} {
		write(t, filepath.Join(dir, name), name)
	}
	names, err := Files(root)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := strings.Join(names, " "), "Z a aux.c b.txt b/1 b/c/2"; got != want {
		t.Errorf("Files: %s, want %s", got, want)
	}
	if runtime.GOOS != "windows" { // where aux.c is a device
		for _, name := range names {
			if got := outcome(OpenIn(root, name)); got != name {
				t.Errorf("OpenIn(%q): %s, want %s", name, got, name)
			}
		}
	}
}

func TestFilesRefuses(t *testing.T) {
	tests := map[string]struct {
		make func(dir string) error
		want error
	}{
		"link":                       {func(dir string) error { return os.Symlink("file", filepath.Join(dir, "link")) }, ErrLink},
		"newline":                    {func(dir string) error { return os.WriteFile(filepath.Join(dir, "a\nb"), nil, 0o600) }, ErrNotLocal},
		"bytes":                      {func(dir string) error { return os.WriteFile(filepath.Join(dir, "a\xff"), nil, 0o600) }, ErrNotLocal},
		"newline in a folder's name": {func(dir string) error { return os.Mkdir(filepath.Join(dir, "a\nb"), 0o700) }, ErrNotLocal},
		"nothing":                    {func(dir string) error { return nil }, nil},
	}
	for name, test := range tests {
		dir := t.TempDir()
		write(t, filepath.Join(dir, "file"), "")
		if err := test.make(dir); err != nil {
			t.Logf("%s: not on this system: %v", name, err)
			continue
		}
		root, err := os.OpenRoot(dir)
		if err != nil {
			t.Fatal(err)
		}
		names, err := Files(root)
		if !errors.Is(err, test.want) || err != nil && names != nil {
			t.Errorf("%s: %q, %v, want %v", name, names, err, test.want)
		}
		root.Close()
	}
}

// TestFilesBounds: entries and depth are counted, not collected first.
func TestFilesBounds(t *testing.T) {
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	for i := range 5 {
		write(t, filepath.Join(dir, fmt.Sprint(i)), "")
	}
	for left, want := range []error{ErrTooLarge, ErrTooLarge, ErrTooLarge, ErrTooLarge, ErrTooLarge, nil, nil} {
		w := walk{root: root, left: left}
		if err := w.folder(".", maxFolders); !errors.Is(err, want) {
			t.Errorf("5 files, at most %d: %v, want %v", left, err, want)
		}
	}
	if err := root.MkdirAll(strings.Repeat("d/", maxFolders-1), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := Files(root); err != nil {
		t.Errorf("%d folders: %v", maxFolders-1, err)
	}
	if err := root.MkdirAll(strings.Repeat("d/", maxFolders), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := Files(root); !errors.Is(err, ErrTooLarge) {
		t.Errorf("%d folders: %v, want %v", maxFolders, err, ErrTooLarge)
	}
}

func ExampleOpenIn() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	root, err := os.OpenRoot(dir)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer root.Close()
	_, err = OpenIn(root, "../etc/passwd")
	fmt.Println(err)
	// Output: "../etc/passwd" is not a local path
}
