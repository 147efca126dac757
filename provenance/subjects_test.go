package provenance_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/dirhash"

	"github.com/touchmark-go/touchmark/provenance"
)

// tree writes files below a new folder and returns it.
func tree(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestSubjects(t *testing.T) {
	big := strings.Repeat("0123456789abcdef", 200_000) // more than one piece
	dir := tree(t, map[string]string{"dist/app": big, "dist/empty": "", "lib/b/c": "c", "lib/b.go": "b", "lib/a": big})
	t.Chdir(dir)
	got, err := provenance.SubjectOptions{Algorithms: []string{"sha512", "sha256", "sha384"}}.Subjects(t.Context(), "lib", "dist/app", "./dist//empty", filepath.Join(dir, "dist", "app"))
	if err != nil {
		t.Fatal(err)
	}
	sums := func(s string) provenance.DigestSet {
		a, b, c := sha256.Sum256([]byte(s)), sha512.Sum512([]byte(s)), sha512.Sum384([]byte(s))
		return provenance.DigestSet{"sha256": hex.EncodeToString(a[:]), "sha512": hex.EncodeToString(b[:]), "sha384": hex.EncodeToString(c[:])}
	}
	want := []provenance.ResourceDescriptor{
		{Name: "lib", Digest: provenance.DigestSet{"dirHash": modHash(t, filepath.Join(dir, "lib"))}},
		{Name: "dist/app", Digest: sums(big)},
		{Name: "dist/empty", Digest: sums("")},
		{Name: "dist/app", Digest: sums(big)},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("Subjects:\n%v\nwant:\n%v", got, want)
	}

	got, err = provenance.Subjects(t.Context(), "dist/empty")
	if want := []provenance.ResourceDescriptor{{Name: "dist/empty", Digest: provenance.Set(provenance.SumSHA256(nil))}}; err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("Subjects = %v, %v, want %v", got, err, want)
	}
	got, err = provenance.SubjectOptions{Root: "dist"}.Subjects(t.Context(), "dist/empty")
	if err != nil || got[0].Name != "empty" {
		t.Errorf("below Root: %v, %v", got, err)
	}
	if got, err := provenance.Subjects(t.Context()); err != nil || len(got) != 0 {
		t.Errorf("Subjects of nothing = %v, %v", got, err)
	}
}

// modHash is the folder's Hash1 by golang.org/x/mod, in hexadecimal.
func modHash(t testing.TB, dir string) string {
	t.Helper()
	h1, err := dirhash.HashDir(dir, "", dirhash.Hash1)
	if err != nil {
		t.Fatal(err)
	}
	sum, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(h1, "h1:"))
	if err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(sum)
}

// Folders are hashed as golang.org/x/mod does.
func TestSubjectsHash1(t *testing.T) {
	for name, files := range map[string]map[string]string{
		"one":     {"a": "x"},
		"order":   {"a/b": "1", "a.b": "2", "a": "", "a!": "3", "b/c/d": "4", "b/c.d": "5", "B": "6", "é": "7", "z z": "8"},
		"names":   {"a:b": "1", "con": "2", "-": "3", "...": "4", ".git/x": "5", "trailing ": "6", "back\\slash": "7", "\u202e": "8"},
		"many":    numbered(1000),
		"deep":    {strings.Repeat("d/", 60) + "f": "x"},
		"no file": {},
	} {
		t.Run(name, func(t *testing.T) {
			if name == "names" && runtime.GOOS == "windows" {
				t.Skip("Windows has no such names")
			}
			if _, clash := files["a/b"]; clash {
				delete(files, "a")
			}
			dir := tree(t, files)
			got, err := provenance.SubjectOptions{Root: dir}.Subjects(t.Context(), dir)
			if err != nil {
				t.Fatal(err)
			}
			want := []provenance.ResourceDescriptor{{Name: ".", Digest: provenance.DigestSet{"dirHash": modHash(t, dir)}}}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("%v, want %v", got, want)
			}
		})
	}
}

func numbered(n int) map[string]string {
	files := map[string]string{}
	for i := range n {
		files[fmt.Sprintf("%d/%d", i%7, i)] = fmt.Sprint(i)
	}
	return files
}

// docs/threats.md, rows 43, 44 and 46: nothing outside of the root, no links, no
// devices, no newlines. Each refusal is one change to a folder that is hashed.
func TestSubjectsRefuses(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the names and links of this test need a Unix file system")
	}
	base := map[string]string{"root/dir/a": "a", "root/file": "f", "outside/secret": "s"}
	for _, test := range []struct {
		name string
		do   func(dir string) error
		path string
		want string
	}{
		{"a link to a file", func(d string) error { return os.Symlink("file", d+"/link") }, "link", "a link"},
		{"a link to a folder", func(d string) error { return os.Symlink("dir", d+"/link") }, "link", "a link"},
		{"a link out", func(d string) error { return os.Symlink("../outside/secret", d+"/link") }, "link", "a link"},
		{"by way of a link out", func(d string) error { return os.Symlink("../outside", d+"/link") }, "link/secret", "escapes"},
		{"a link in a folder", func(d string) error { return os.Symlink("a", d+"/dir/link") }, "dir", "link"},
		{"a linked folder in a folder", func(d string) error { return os.Symlink("../../outside", d+"/dir/link") }, "dir", "link"},
		{"a broken link in a folder", func(d string) error { return os.Symlink("nowhere", d+"/dir/link") }, "dir", "link"},
		{"a newline in a folder", func(d string) error { return os.WriteFile(d+"/dir/b\nc", nil, 0o600) }, "dir", "newline"},
		{"a newline in a folder's folder", func(d string) error {
			return errors.Join(os.Mkdir(d+"/dir/b\nc", 0o700), os.WriteFile(d+"/dir/b\nc/d", nil, 0o600))
		}, "dir", "newline"},
		{"a socket in a folder", func(d string) error { return listen(t, d+"/dir/s") }, "dir", "a socket"},
		{"a socket", func(d string) error { return listen(t, d+"/s") }, "s", "a socket"},
		{"no UTF-8", func(d string) error { return os.WriteFile(d+"/b\xff", nil, 0o600) }, "b\xff", "UTF-8"},
		{"the parent", nil, "../outside/secret", "outside of the root"},
		{"a way round", nil, "dir/../../outside/secret", "outside of the root"},
		{"the root's own parent", nil, "..", "outside of the root"},
		{"absent", nil, "nothing", "no such file"},
		{"no path", nil, "", "empty"},
		{"a zero byte", nil, "a\x00", "invalid"},
	} {
		t.Run(test.name, func(t *testing.T) {
			top := tree(t, base)
			dir := filepath.Join(top, "root")
			t.Chdir(dir)
			if got, err := provenance.Subjects(t.Context(), "dir", "file"); err != nil {
				t.Fatalf("before: %v, %v", got, err)
			}
			if test.do != nil {
				if err := test.do(dir); err != nil {
					t.Fatal(err)
				}
			}
			for _, o := range []provenance.SubjectOptions{{}, {Root: dir}} {
				got, err := o.Subjects(t.Context(), "file", test.path)
				if err == nil || !strings.Contains(err.Error(), test.want) {
					t.Errorf("%+v: %v, %v, want an error that says %q", o, got, err, test.want)
				}
				if strings.Contains(fmt.Sprint(err), "\n") {
					t.Errorf("the error breaks the line: %v", err)
				}
			}
		})
	}
	dir := filepath.Join(tree(t, base), "root")
	if got, err := (provenance.SubjectOptions{Root: dir}).Subjects(t.Context(), filepath.Join(filepath.Dir(dir), "outside", "secret")); err == nil {
		t.Errorf("an absolute path outside of the root: %v", got)
	}
	if got, err := (provenance.SubjectOptions{Root: filepath.Join(dir, "file")}).Subjects(t.Context(), dir); err == nil {
		t.Errorf("a root that is a file: %v", got)
	}
	if got, err := (provenance.SubjectOptions{Root: dir}).Subjects(t.Context(), os.DevNull); err == nil {
		t.Errorf("a device: %v", got)
	}
	if got, err := (provenance.SubjectOptions{Root: filepath.Dir(os.DevNull)}).Subjects(t.Context(), os.DevNull); err == nil || !strings.Contains(err.Error(), "a device") {
		t.Errorf("a device: %v, %v", got, err)
	}
}

// listen puts a socket at path, of which the name must be short.
func listen(t *testing.T, path string) error {
	t.Chdir(filepath.Dir(path))
	l, err := net.Listen("unix", filepath.Base(path))
	if err == nil {
		t.Cleanup(func() { l.Close() })
	}
	t.Chdir(strings.TrimSuffix(filepath.Dir(path), "/dir"))
	return err
}

func TestSubjectsAlgorithms(t *testing.T) {
	t.Chdir(tree(t, map[string]string{"a": "a"}))
	for _, bad := range [][]string{{"md5"}, {"sha1"}, {"sha256", "SHA512"}, {"dirHash"}, {""}, {"sha256", "sha256"}} {
		if got, err := (provenance.SubjectOptions{Algorithms: bad}).Subjects(t.Context(), "a"); err == nil {
			t.Errorf("%q: %v", bad, got)
		}
	}
}

// Of several errors it is the first path's, however the work is shared out.
func TestSubjectsFirstError(t *testing.T) {
	dir := tree(t, map[string]string{"a": "a", "big": strings.Repeat("x", 4<<20)})
	t.Chdir(dir)
	for _, name := range []string{"bad1", "bad2"} {
		if err := os.Symlink("a", name); err != nil {
			t.Skip(err)
		}
	}
	for range 50 {
		_, err := provenance.Subjects(t.Context(), "big", "a", "bad1", "a", "bad2", "big")
		if want := `"bad1" is a link, want a file`; err == nil || err.Error() != want {
			t.Fatalf("error is %v, want %s", err, want)
		}
	}
}

// countdown is a context that is canceled when it was asked often enough.
type countdown struct {
	context.Context
	left int
}

func (c *countdown) Err() error {
	if c.left--; c.left < 0 {
		return context.Canceled
	}
	return nil
}

func TestSubjectsCanceled(t *testing.T) {
	t.Chdir(tree(t, map[string]string{"big": strings.Repeat("x", 8<<20), "d/a": "a"}))
	before := runtime.NumGoroutine()
	for _, procs := range []int{1, 2, 4} {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
		for left := range 4 {
			ctx := &countdown{t.Context(), left}
			if got, err := provenance.Subjects(ctx, "big"); !errors.Is(err, context.Canceled) || got != nil {
				t.Errorf("canceled after %d pieces: %v, %v", left, got, err)
			}
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, path := range []string{"big", "d"} {
		if got, err := provenance.Subjects(ctx, path); !errors.Is(err, context.Canceled) || got != nil {
			t.Errorf("canceled before: %v, %v", got, err)
		}
	}
	// A goroutine that said it is done may still have its last step to go: what outlives its call stays for ever.
	for patience := 0; runtime.NumGoroutine() > before; patience++ {
		if patience == 10_000 {
			t.Fatalf("%d goroutines outlive their call", runtime.NumGoroutine()-before)
		}
		time.Sleep(time.Millisecond)
	}
}

// The results are the same for any number of processors.
func TestSubjectsConcurrent(t *testing.T) {
	dir := tree(t, numbered(300))
	var paths []string
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		paths = append(paths, path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]provenance.DigestSet{}
	for _, procs := range []int{1, 2, 3, 16, 1000} {
		func() {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
			got, err := provenance.SubjectOptions{Root: dir}.Subjects(t.Context(), paths...)
			if err != nil || len(got) != len(paths) {
				t.Fatalf("%d subjects of %d, %v", len(got), len(paths), err)
			}
			for i, s := range got {
				rel, _ := filepath.Rel(dir, paths[i])
				if s.Name != filepath.ToSlash(rel) {
					t.Fatalf("subject %d is %s, want %s", i, s.Name, rel)
				}
				if procs == 1 {
					want[s.Name] = s.Digest
				} else if !maps.Equal(want[s.Name], s.Digest) {
					t.Errorf("%s is %v with %d processors, want %v", s.Name, s.Digest, procs, want[s.Name])
				}
			}
		}()
	}
	if len(slices.Collect(maps.Keys(want))) != len(paths) {
		t.Errorf("%d names of %d paths", len(want), len(paths))
	}
}

// A file of any size is hashed in constant memory.
func TestSubjectsMemory(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "big")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	const size = 256 << 20
	if err := errors.Join(f.Truncate(size), f.Close()); err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	got, err := provenance.SubjectOptions{Root: dir}.Subjects(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; used > 8<<20 {
		t.Errorf("hashing %d bytes took %d bytes of memory", size, used)
	}
	h := sha256.New()
	zeros := bytes.Repeat([]byte{0}, 1<<20)
	for range size >> 20 {
		h.Write(zeros)
	}
	if want := hex.EncodeToString(h.Sum(nil)); got[0].Digest["sha256"] != want {
		t.Errorf("sha256 is %s, want %s", got[0].Digest["sha256"], want)
	}
}

// A file that grows while it is read is not a subject (docs/threats.md, row 42).
func TestSubjectsChanged(t *testing.T) {
	t.Chdir(tree(t, map[string]string{"big": strings.Repeat("x", 8<<20)}))
	if _, err := provenance.Subjects(t.Context(), "big"); err != nil {
		t.Fatal(err)
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	ctx := &growing{Context: t.Context(), t: t}
	if got, err := provenance.Subjects(ctx, "big"); err == nil || !strings.Contains(err.Error(), `"big" changed while it was read`) {
		t.Errorf("a file that grew: %v, %v", got, err)
	}
}

// growing is a context that makes the file longer whenever it is asked.
type growing struct {
	context.Context
	t *testing.T
}

func (g *growing) Err() error {
	f, err := os.OpenFile("big", os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		g.t.Fatal(err)
	}
	if _, err := f.WriteString("more"); err != nil {
		g.t.Fatal(err)
	}
	return f.Close()
}
