package modcache_test

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"golang.org/x/mod/module"
	"golang.org/x/mod/sumdb/dirhash"

	"github.com/touchmark-go/touchmark/internal/modcache"
)

// local is the module cache of this machine, which has what these tests import.
func local(t testing.TB) (dir string, c modcache.Cache) {
	t.Helper()
	out, err := exec.Command("go", "env", "GOMODCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	dir = strings.TrimSpace(string(out))
	return dir, modcache.Cache{FS: os.DirFS(dir)}
}

// stored are modules whose zips are in the cache, small ones.
func stored(t testing.TB, dir string) (list []module.Version) {
	t.Helper()
	for _, path := range []string{"golang.org/x/mod", "github.com/CycloneDX/cyclonedx-go", "github.com/package-url/packageurl-go"} {
		escaped, err := module.EscapePath(path)
		if err != nil {
			t.Fatal(err)
		}
		names, err := filepath.Glob(filepath.Join(dir, "cache", "download", filepath.FromSlash(escaped), "@v", "*.zip"))
		if err != nil || len(names) == 0 {
			t.Fatalf("no zip of %s in the module cache: %v", path, err)
		}
		for _, name := range names {
			list = append(list, module.Version{Path: path, Version: strings.TrimSuffix(filepath.Base(name), ".zip")})
		}
	}
	return list
}

// The sums and digests of real modules are those that the go command and the
// checksum packages compute.
func TestZip(t *testing.T) {
	dir, c := local(t)
	for _, m := range stored(t, dir) {
		escaped, _ := module.EscapePath(m.Path)
		name := filepath.Join(dir, "cache", "download", filepath.FromSlash(escaped), "@v", m.Version+".zip")
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		want, err := dirhash.HashZip(name, dirhash.Hash1)
		if err != nil {
			t.Fatal(err)
		}
		z, err := c.Zip(m.Path, m.Version)
		if err != nil {
			t.Fatal(err)
		}
		defer z.Close()
		if got, err := z.Sum(t.Context()); err != nil || got != want {
			t.Errorf("%s: sum %s, %v, want %s", m, got, err, want)
		}
		if got := c.ZipHash(m.Path, m.Version); got != want {
			t.Errorf("%s: the cache says %s, want %s", m, got, want)
		}
		digests, err := z.Digests(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if got, want := digests["sha256"], fmt.Sprintf("%x", sha256.Sum256(data)); got != want {
			t.Errorf("%s: SHA-256 %s, want %s", m, got, want)
		}
		if got, want := digests["sha512"], fmt.Sprintf("%x", sha512.Sum512(data)); got != want {
			t.Errorf("%s: SHA-512 %s, want %s", m, got, want)
		}
		files := z.Files(func(name string) bool { return name == "go.mod" || name == "LICENSE" })
		if len(files) != 2 || files[0].Name != "LICENSE" || files[1].Name != "go.mod" {
			t.Fatalf("%s: files %v", m, files)
		}
		text, err := files[1].Read(1 << 20)
		if err != nil {
			t.Fatal(err)
		}
		goMod, err := c.GoMod(m.Path, m.Version)
		if err != nil || !bytes.Equal(goMod, text) {
			t.Errorf("%s: the go.mod file beside the zip is not the one in it: %v", m, err)
		}
		sum, err := dirhash.Hash1([]string{"go.mod"}, func(string) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(goMod)), nil })
		if err != nil {
			t.Fatal(err)
		}
		if got := modcache.SumGoMod(goMod); got != sum {
			t.Errorf("%s: sum of go.mod %s, want %s", m, got, sum)
		}
		if short, err := files[0].Read(10); err != nil || len(short) != 10 {
			t.Errorf("%s: %d bytes of LICENSE, %v, want 10", m, len(short), err)
		}
	}
}

func zipOf(t testing.TB, names ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, name := range names {
		f, err := w.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store})
		if err != nil {
			t.Fatal(err)
		}
		f.Write([]byte("content of " + name))
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// What is no zip of that module is refused.
func TestZipRefuses(t *testing.T) {
	const name = "cache/download/a.b/!c/@v/v1.0.0.zip"
	good := zipOf(t, "a.b/C@v1.0.0/go.mod", "a.b/C@v1.0.0/x/y.go")
	open := func(data []byte) (*modcache.Zip, error) {
		return modcache.Cache{FS: fstest.MapFS{name: {Data: data}}}.Zip("a.b/C", "v1.0.0")
	}
	z, err := open(good)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := z.Sum(t.Context()); err != nil {
		t.Fatal(err)
	}
	for what, data := range map[string][]byte{
		"another module":      zipOf(t, "a.b/c@v1.0.0/go.mod"),
		"another version":     zipOf(t, "a.b/C@v1.0.1/go.mod"),
		"outside":             zipOf(t, "a.b/C@v1.0.0/../../x"),
		"absolute":            zipOf(t, "/etc/passwd"),
		"two lines":           zipOf(t, "a.b/C@v1.0.0/x\ny"),
		"a backslash":         zipOf(t, `a.b/C@v1.0.0/x\y`),
		"no zip":              []byte("PK nothing"),
		"nothing":             nil,
		"only the first half": good[:len(good)/2],
	} {
		if z, err := open(data); err == nil {
			t.Errorf("%s: is opened, with %v", what, z.Files(func(string) bool { return true }))
		}
	}
	twice, err := open(zipOf(t, "a.b/C@v1.0.0/go.mod", "a.b/C@v1.0.0/go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	if sum, err := twice.Sum(t.Context()); err == nil {
		t.Errorf("a file that is there twice has the sum %s", sum)
	}
	// A changed file has another sum, or none that can be read.
	want, _ := z.Sum(t.Context())
	z, err = open(bytes.Replace(good, []byte("content of a.b/C@v1.0.0/x"), []byte("CONTENT of a.b/C@v1.0.0/x"), 1))
	if err != nil {
		t.Fatal(err)
	}
	if sum, err := z.Sum(t.Context()); err == nil && sum == want {
		t.Error("a changed file does not change the sum")
	}
}

// Paths of nobody's module open nothing, and never something else.
func TestPaths(t *testing.T) {
	c := modcache.Cache{FS: fstest.MapFS{"cache/download/a.b/@v/v1.0.0.mod": {Data: []byte("module a.b\n")}, "secret.mod": {Data: []byte("x")}}}
	if _, err := c.GoMod("a.b", "v1.0.0"); err != nil {
		t.Fatal(err)
	}
	for _, m := range [][2]string{{"", "v1.0.0"}, {"a.b", ""}, {"../..", "v1"}, {"a.b", "../../../../secret"}, {"a.b/", "v1.0.0"}, {"/a.b", "v1.0.0"},
		{"a.b!c", "v1.0.0"}, {`a.b\c`, "v1.0.0"}, {"a.b", "v1.0.0\x00"}, {"A.b", "v1.0.0"}, {strings.Repeat("a/", 600) + "b", "v1.0.0"}} {
		if data, err := c.GoMod(m[0], m[1]); err == nil {
			t.Errorf("%q has the go.mod file %q", m, data)
		}
	}
	if _, err := (modcache.Cache{}).GoMod("a.b", "v1.0.0"); err != fs.ErrNotExist {
		t.Errorf("the zero Cache: %v, want %v", err, fs.ErrNotExist)
	}
}

func TestOrigin(t *testing.T) {
	for info, want := range map[string]string{
		`{"Version":"v1.0.0","Time":"2026-01-01T00:00:00Z","Origin":{"VCS":"git","URL":"https://a.b/c","Hash":"d65a","Ref":"refs/tags/v1.0.0"}}`: "https://a.b/c",
		`{"Version":"v1.0.0","Time":"2026-01-01T00:00:00Z"}`:                              "",
		`{"Version":"v1.0.1","Origin":{"VCS":"git","URL":"https://a.b/c"}}`:               "",
		`{"Version":"v1.0.0","Origin":{"VCS":"git","URL":"https://me:secret@a.b/c"}}`:     "",
		`{"Version":"v1.0.0","Origin":{"VCS":"git","URL":"file:///home/me/c"}}`:           "",
		`{"Version":"v1.0.0","Origin":{"VCS":"git","URL":"https://a.b/c?token=secret"}}`:  "",
		`{"Version":"v1.0.0","Origin":{"VCS":"git","URL":"https://a.b/c"},"Origin":null}`: "",
		`{"Version":"v1.0.0","Origin":{"VCS":"git","URL":"https://a.b/c"}} and more`:      "",
		`not JSON`: "",
	} {
		c := modcache.Cache{FS: fstest.MapFS{"cache/download/a.b/@v/v1.0.0.info": {Data: []byte(info)}}}
		o, ok := c.Origin("a.b", "v1.0.0")
		if o.URL != want || ok != (want != "") {
			t.Errorf("%s: %q, %v, want %q", info, o.URL, ok, want)
		}
	}
}

func TestPrunes(t *testing.T) {
	for version, want := range map[string]bool{"": false, "1": false, "1.16": false, "1.17": true, "1.9": false, "1.21rc2": true, "1.26.8": true, "2.0": true, "x": false, "1.x": false} {
		if got := modcache.Prunes(version); got != want {
			t.Errorf("Prunes(%q) is %v, want %v", version, got, want)
		}
	}
}
