package provenance

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/dirhash"

	"github.com/touchmark-go/touchmark/internal/safefs"
)

// openers are the ways to open a folder on this system.
var openers = map[string]func(*os.Root, string) (openFolder, error){"fast": openFastFolder, "root": openRootFolder}

// plant writes files into a new folder, each with its own name as its content.
func plant(t testing.TB, names ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range names {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(name), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func opened(t testing.TB, dir string, open func(*os.Root, string) (openFolder, error)) openFolder {
	t.Helper()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	f, err := open(root, ".")
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// A folder with more names than are held at once is read again and again, and
// has the sum that x/mod gives it.
func TestHashOpenInPieces(t *testing.T) {
	var names []string
	for i := range 300 {
		names = append(names, fmt.Sprintf("f%d", i), fmt.Sprintf("d%d/x", i%50), fmt.Sprintf("d%d.x", i%50), fmt.Sprintf("d%d/y%d", i%50, i))
	}
	dir := plant(t, names...)
	h1, err := dirhash.HashDir(dir, "", dirhash.Hash1)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(h1, "h1:"))
	if err != nil {
		t.Fatal(err)
	}
	for name, open := range openers {
		for _, most := range []int{1, 2, 7, 350, 351, 400, 1000} {
			got, err := hashOpen(t.Context(), opened(t, dir, open), most)
			if want := hex.EncodeToString(raw); err != nil || got != want {
				t.Errorf("%s, %d names at once: %s, %v, want %s", name, most, got, err, want)
			}
		}
	}
}

// changing is a folder that has one more entry whenever it is listed.
type changing struct {
	openFolder
	times int
}

func (c *changing) entries(f func(string, fs.FileMode) error) error {
	c.times++
	for i := range c.times {
		if err := f(fmt.Sprintf("zz%d", i), 0); err != nil {
			return err
		}
	}
	return c.openFolder.entries(f)
}

func TestHashOpenChanged(t *testing.T) {
	c := &changing{openFolder: opened(t, plant(t, "a", "b", "c"), openFastFolder)}
	if _, err := hashOpen(t.Context(), c, 1); err == nil || !strings.Contains(err.Error(), "changed while it was read: it had 4 entries, and has 5") {
		t.Errorf("error is %v, want that the folder changed", err)
	}
}

// countEntries cancels a context in the middle of a list of names.
type countEntries struct {
	openFolder
	cancel context.CancelFunc
	seen   int
}

func (c *countEntries) entries(f func(string, fs.FileMode) error) error {
	return c.openFolder.entries(func(name string, mode fs.FileMode) error {
		if c.seen++; c.seen == 3 {
			c.cancel()
		}
		return f(name, mode)
	})
}

func TestHashOpenCanceled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	c := &countEntries{opened(t, plant(t, "a", "b", "c", "d", "e"), openFastFolder), cancel, 0}
	if _, err := hashOpen(ctx, c, maxNames); !errors.Is(err, context.Canceled) || c.seen != 3 {
		t.Errorf("error is %v after %d names, want that it was canceled after 3", err, c.seen)
	}
}

// What is put in the place of a file or a folder after it was listed is not
// followed (docs/threats.md, rows 42 and 43).
func TestOpenFolderLinks(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("links need a privilege")
	}
	dir := plant(t, "in/file", "out/secret")
	for link, to := range map[string]string{"in/link": "../out/secret", "in/folder": "../out", "in/loop": "loop"} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	for name, open := range openers {
		f := opened(t, filepath.Join(dir, "in"), open)
		h, buf := newHash(SHA256), make([]byte, 16)
		if err := f.hash(t.Context(), "file", h, buf); err != nil {
			t.Errorf("%s: the neighbour: %v", name, err)
		}
		for _, link := range []string{"link", "loop", "folder", "nothing"} {
			if err := f.hash(t.Context(), link, h, buf); err == nil {
				t.Errorf("%s: a file by way of %s", name, link)
			}
		}
		for _, link := range []string{"folder", "file", "nothing"} {
			if sub, err := f.sub(link); err == nil {
				t.Errorf("%s: a folder by way of %s", name, link)
				sub.close()
			}
		}
		if err := f.close(); err != nil {
			t.Error(err)
		}
	}
}

// More is read than the file had, and less.
func TestHashPieces(t *testing.T) {
	for _, test := range []struct {
		content string
		size    int64
		want    string
	}{
		{"", 0, ""}, {"1234", 4, ""}, {"12345678", 8, ""}, {"123456789", 9, ""},
		{"123456789", 8, "has more"}, {"12345678", 9, "has 8"}, {"1234", 8, "has 4"}, {"", 1, "has 0"},
	} {
		r := strings.NewReader(test.content)
		err := hashPieces(t.Context(), test.size, newHash(SHA256), make([]byte, 4), r.Read)
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%q of %d bytes: error is %v, want %q", test.content, test.size, err, test.want)
		}
	}
}

// The depth and the number of entries are bounded.
func TestHashOpenBounds(t *testing.T) {
	deep := plant(t, strings.Repeat("d/", maxFolders-1)+"f")
	if _, err := hashOpen(t.Context(), opened(t, deep, openFastFolder), maxNames); err != nil {
		t.Errorf("%d folders in each other: %v", maxFolders, err)
	}
	if err := os.Mkdir(filepath.Join(deep, strings.Repeat("d/", maxFolders)), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := hashOpen(t.Context(), opened(t, deep, openFastFolder), maxNames); err == nil || !strings.Contains(err.Error(), "lie in each other") {
		t.Errorf("one folder more: %v", err)
	}
	endless := &endlessFolder{opened(t, plant(t), openFastFolder), 0}
	if _, err := hashOpen(t.Context(), endless, 10); err == nil || !strings.Contains(err.Error(), "more than 1000000 files and folders") || endless.seen != maxEntries+1 {
		t.Errorf("error is %v after %d entries, want one after a million", err, endless.seen)
	}
}

// endlessFolder has names for ever.
type endlessFolder struct {
	openFolder
	seen int
}

func (e *endlessFolder) entries(f func(string, fs.FileMode) error) error {
	for {
		e.seen++
		if err := f(fmt.Sprintf("%x", e.seen), 0); err != nil {
			return err
		}
	}
}

// Errors say of what kind they are: what the folder holds, or trouble with the
// disk, which is no answer about it.
func TestHashOpenErrors(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the links of this test need a privilege")
	}
	for name, test := range map[string]struct {
		do   func(dir string) error
		want error // nil for the disk's
	}{
		"link":    {func(dir string) error { return os.Symlink("a", dir+"/link") }, safefs.ErrLink},
		"newline": {func(dir string) error { return os.WriteFile(dir+"/x\ny", nil, 0o600) }, safefs.ErrNotLocal},
		"deep":    {func(dir string) error { return os.MkdirAll(dir+strings.Repeat("/d", maxFolders), 0o700) }, safefs.ErrTooLarge},
		"disk":    {func(string) error { return nil }, nil},
	} {
		for kind, open := range openers {
			dir := plant(t, "a", "b/c")
			f := opened(t, dir, open)
			if err := test.do(dir); err != nil {
				t.Fatal(err)
			}
			if test.want == nil {
				f = unreadable{f}
			}
			_, err := hashOpen(t.Context(), f, maxNames)
			var disk *fs.PathError
			if test.want == nil && !errors.As(err, &disk) || test.want != nil && !errors.Is(err, test.want) {
				t.Errorf("%s, %s: error is %v, want %v", name, kind, err, test.want)
			}
		}
	}
}

// unreadable is a folder of which the disk cannot read anything.
type unreadable struct{ openFolder }

func (unreadable) hash(context.Context, string, hash.Hash, []byte) error { return fs.ErrPermission }

func (unreadable) sub(string) (openFolder, error) { return nil, fs.ErrPermission }
