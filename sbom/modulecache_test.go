package sbom_test

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/touchmark-go/touchmark/internal/diskcache"
	"github.com/touchmark-go/touchmark/internal/gofacts/factstest"
	"github.com/touchmark-go/touchmark/internal/modcache"
	"github.com/touchmark-go/touchmark/sbom"
)

// goModCache is the module cache of this machine.
func goModCache(t testing.TB) string {
	t.Helper()
	out, err := exec.Command("go", "env", "GOMODCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// The digests are those of the zip that has the module's sum.
func TestAddDigests(t *testing.T) {
	dir := goModCache(t)
	file := factstest.New(t).Build(t)
	bom := fromFile(t, sbom.Options{}, file)
	serial := bom.SerialNumber
	answers := filepath.Join(t.TempDir(), "answers")
	for range 2 { // found, and then remembered
		bom := fromFile(t, sbom.Options{}, file)
		if err := (sbom.ModuleCache{FS: os.DirFS(dir), Answers: answers}).AddDigests(t.Context(), bom); err != nil {
			t.Fatal(err)
		}
		valid(t, write(t, bom))
		count := 0
		for _, c := range *bom.Components {
			if property(c, sbom.PropertyH1) == "" {
				if c.Hashes != nil {
					t.Errorf("%s has %v, and no sum that a file could be held against", c.Name, *c.Hashes)
				}
				continue
			}
			data, err := os.ReadFile(filepath.Join(dir, "cache", "download", filepath.FromSlash(c.Name), "@v", c.Version+".zip"))
			if err != nil {
				t.Fatal(err)
			}
			want := []cdx.Hash{{Algorithm: "SHA-256", Value: fmt.Sprintf("%x", sha256.Sum256(data))}, {Algorithm: "SHA-512", Value: fmt.Sprintf("%x", sha512.Sum512(data))}}
			if c.Hashes == nil || !slices.Equal(*c.Hashes, want) {
				t.Errorf("%s has %v, want %v", c.Name, c.Hashes, want)
			}
			count++
		}
		if count < 2 {
			t.Errorf("%d modules have digests, want those with sums", count)
		}
		if bom.SerialNumber != serial {
			t.Error("a document about an artifact has another serial number")
		}
	}
	if names, err := filepath.Glob(filepath.Join(answers, "*")); err != nil || len(names) < 2 {
		t.Errorf("answers are %q, %v", names, err)
	}
}

// moduleZip is a module cache with one module, and its sum.
func moduleZip(t testing.TB, text string) (fstest.MapFS, string) {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	f, err := w.Create("a.b/c@v1.0.0/go.mod")
	if err != nil {
		t.Fatal(err)
	}
	f.Write([]byte(text))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	cache := fstest.MapFS{
		"cache/download/a.b/c/@v/v1.0.0.zip": {Data: b.Bytes(), ModTime: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)},
		"cache/download/a.b/c/@v/v1.0.0.mod": {Data: []byte(text)},
	}
	z, err := modcache.Cache{FS: cache}.Zip("a.b/c", "v1.0.0")
	if err != nil {
		t.Fatal(err)
	}
	sum, err := z.Sum(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return cache, sum
}

func oneModule(t testing.TB, sum string) *cdx.BOM {
	return fromInfo(t, sbom.Options{}, "path\tx.y/z\nmod\tx.y/z\tv1.0.0\t\ndep\ta.b/c\tv1.0.0\t"+sum+"\nbuild\tCGO_ENABLED=0\n")
}

// A zip that is not the module's is an error and no digest, whatever the cache
// says of it, and whatever was remembered of another.
func TestAddDigestsRefuses(t *testing.T) {
	cache, sum := moduleZip(t, "module a.b/c\n")
	other, otherSum := moduleZip(t, "module a.b/c\n\ngo 1.20\n")
	other["cache/download/a.b/c/@v/v1.0.0.ziphash"] = &fstest.MapFile{Data: []byte(sum)}
	answers := filepath.Join(t.TempDir(), "answers")
	digest := func(fsys fs.FS, sum string) (string, error) {
		bom := oneModule(t, sum)
		before := write(t, bom)
		err := sbom.ModuleCache{FS: fsys, Answers: answers}.AddDigests(t.Context(), bom)
		if err != nil && !bytes.Equal(before, write(t, bom)) {
			t.Error("the BOM was changed")
		}
		if c := (*bom.Components)[0]; c.Hashes != nil {
			return (*c.Hashes)[0].Value, err
		}
		return "", err
	}
	first, err := digest(cache, sum)
	if err != nil || first == "" {
		t.Fatalf("the module's own zip: %q, %v", first, err)
	}
	if got, err := digest(other, sum); err == nil || got != "" {
		t.Errorf("another zip: %q, %v", got, err)
	}
	if got, err := digest(fstest.MapFS{"cache/download/a.b/c/@v/v1.0.0.zip": {Data: []byte("no zip")}}, sum); err == nil || got != "" {
		t.Errorf("no zip: %q, %v", got, err)
	}
	if got, err := digest(other, otherSum); err != nil || got == first {
		t.Errorf("the other module: %q, %v", got, err)
	}
	// What is not there is unknown, and no error.
	for name, fsys := range map[string]fs.FS{"an empty cache": fstest.MapFS{}, "none": nil} {
		if got, err := digest(fsys, sum); err != nil || got != "" {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	// A damaged answer is found anew.
	names, err := filepath.Glob(filepath.Join(answers, "*"))
	if err != nil || len(names) == 0 {
		t.Fatal(names, err)
	}
	for _, name := range names {
		if err := os.WriteFile(name, []byte("damaged"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := digest(cache, sum); err != nil || got != first {
		t.Errorf("after damage: %q, %v, want %s", got, err, first)
	}
}

// Where the cache recorded an origin, it stands in place of what the path says.
func TestOriginBeforeDerivation(t *testing.T) {
	sums := map[string]string{}
	for _, line := range strings.Split(publishedInfo, "\n") {
		if f := strings.Split(line, "\t"); f[0] == "dep" {
			sums[f[1]] = f[3]
		}
	}
	cache := fstest.MapFS{"cache/download/github.com/a/b/@v/v1.0.0.info": {Data: []byte(`{"Version":"v1.0.0","Time":"2026-01-01T00:00:00Z","Origin":{"VCS":"git","URL":"https://git.a.example/b"}}`)}}
	bom := fromInfo(t, sbom.Options{}, "path\tx.y/z\nmod\tx.y/z\tv1.0.0\t\ndep\tgithub.com/a/b\tv1.0.0\th1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n")
	if err := (sbom.ModuleCache{FS: cache}).AddDigests(t.Context(), bom); err != nil {
		t.Fatal(err)
	}
	r := *(*bom.Components)[0].ExternalReferences
	if len(r) != 1 || r[0].URL != "https://git.a.example/b" || r[0].Comment != "recorded when the module was fetched" {
		t.Errorf("references are %+v", r)
	}
}

// Requirements of go.mod files become edges between what is linked, and no more
// is said of them than that.
func TestAddRequirements(t *testing.T) {
	const h1 = "h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
	bom := fromInfo(t, sbom.Options{}, "path\tx.y/z\nmod\tx.y/z\tv1.0.0\t\n"+
		"dep\ta.b/c\tv1.0.0\t"+h1+"\ndep\tb.c/Old\tv1.0.0\n=>\tb.c/new\tv1.1.0\t"+h1+"\ndep\tc.d/e\tv1.0.0\n=>\t../e\t(devel)\t\ndep\td.e/f\tv1.5.0\t"+h1+"\nbuild\tCGO_ENABLED=0\n")
	mod := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	cache := fstest.MapFS{
		"cache/download/x.y/z/@v/v1.0.0.mod":   mod("module x.y/z\nrequire (\n\ta.b/c v1.0.0\n\tb.c/Old v0.9.0\n\tnot.linked/x v1.0.0\n\td.e/f v1.5.0 // indirect\n)\n"),
		"cache/download/a.b/c/@v/v1.0.0.mod":   mod("module a.b/c\nrequire d.e/f v1.0.0\nrequire c.d/e v1.0.0\nrequire a.b/c v0.0.1\n"),
		"cache/download/b.c/new/@v/v1.1.0.mod": mod("module b.c/new\n"),
	}
	if err := (sbom.ModuleCache{FS: cache}).AddRequirements(bom); err != nil {
		t.Fatal(err)
	}
	valid(t, write(t, bom))
	var got []string
	for _, d := range *bom.Dependencies {
		got = append(got, d.Ref+" -> "+strings.Join(*d.Dependencies, " "))
	}
	slices.Sort(got)
	want := []string{"a.b/c@v1.0.0 -> c.d/e d.e/f@v1.5.0", "b.c/new@v1.1.0 -> ", "stdlib@1.26.8 -> ", "x.y/z@v1.0.0 -> a.b/c@v1.0.0 b.c/new@v1.1.0 stdlib@1.26.8"}
	if !slices.Equal(got, want) {
		t.Errorf("edges:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	wantKnown := []string{"assemblies x.y/z@v1.0.0 incomplete", "dependencies a.b/c@v1.0.0 incomplete", "dependencies b.c/new@v1.1.0 incomplete",
		"dependencies c.d/e unknown", "dependencies d.e/f@v1.5.0 unknown", "dependencies stdlib@1.26.8 complete", "dependencies x.y/z@v1.0.0 incomplete"}
	if got := aggregates(bom); !slices.Equal(got, wantKnown) {
		t.Errorf("compositions:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(wantKnown, "\n"))
	}
	if p := *bom.Metadata.Properties; len(p) != 1 || p[0] != (cdx.Property{Name: sbom.PropertyEdges, Value: "requires"}) {
		t.Errorf("the edges are said to mean %v", p)
	}
	// Once more changes nothing, and neither does a cache without the files.
	once := write(t, bom)
	for _, fsys := range []fs.FS{cache, fstest.MapFS{}, nil} {
		if err := (sbom.ModuleCache{FS: fsys}).AddRequirements(bom); err != nil || !bytes.Equal(once, write(t, bom)) {
			t.Errorf("again: %v\n%s\nwant\n%s", err, write(t, bom), once)
		}
	}
	cache["cache/download/d.e/f/@v/v1.5.0.mod"] = mod("module \"d\n")
	if err := (sbom.ModuleCache{FS: cache}).AddRequirements(bom); err == nil || !bytes.Equal(once, write(t, bom)) {
		t.Errorf("a malformed go.mod file: %v", err)
	}
}

// Take the digests of modules from the module cache.
func ExampleModuleCache_AddDigests() {
	bom, err := sbom.FromBinary(program)
	if err != nil {
		fmt.Println(err)
		return
	}
	cache := fstest.MapFS{} // os.DirFS of what "go env GOMODCACHE" prints
	if err := (sbom.ModuleCache{FS: cache}).AddDigests(context.Background(), bom); err != nil {
		fmt.Println(err) // a zip is not that of the module that was linked
		return
	}
	for _, c := range *bom.Components {
		fmt.Println(c.Name, "has a digest:", c.Hashes != nil)
	}
	// Output:
	// golang.org/x/mod has a digest: false
	// stdlib has a digest: false
}

// Take who requires whom from the go.mod files in the module cache.
func ExampleModuleCache_AddRequirements() {
	bom, err := sbom.FromBinary(program)
	if err != nil {
		fmt.Println(err)
		return
	}
	cache := fstest.MapFS{ // os.DirFS of what "go env GOMODCACHE" prints
		"cache/download/example.com/app/@v/v1.4.0.mod": {Data: []byte("module example.com/app\n\nrequire golang.org/x/mod v0.42.0\n")},
	}
	if err := (sbom.ModuleCache{FS: cache}).AddRequirements(bom); err != nil {
		fmt.Println(err)
		return
	}
	program := (*bom.Dependencies)[0]
	fmt.Println(program.Ref, "requires", *program.Dependencies)
	// Output:
	// example.com/app@v1.4.0 requires [golang.org/x/mod@v0.42.0 stdlib@1.26.8]
}

// An answer that is whole but no digest is found anew.
func TestAnswerThatIsNone(t *testing.T) {
	cache, sum := moduleZip(t, "module a.b/c\n")
	zip := cache["cache/download/a.b/c/@v/v1.0.0.zip"]
	dir := t.TempDir()
	answers, err := diskcache.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer answers.Close()
	key := fmt.Sprintf("zip/1\na.b/c\nv1.0.0\n%s\n%d\n%d", sum, len(zip.Data), zip.ModTime.UnixNano())
	for answer, want := range map[string]string{
		strings.Repeat("ab", 32) + " " + strings.Repeat("cd", 64): strings.Repeat("ab", 32), // so it is the key
		strings.Repeat("zz", 32) + " " + strings.Repeat("cd", 64): fmt.Sprintf("%x", sha256.Sum256(zip.Data)),
		"nothing": fmt.Sprintf("%x", sha256.Sum256(zip.Data)),
	} {
		if err := answers.Put(key, []byte(answer)); err != nil {
			t.Fatal(err)
		}
		bom := oneModule(t, sum)
		if err := (sbom.ModuleCache{FS: cache, Answers: dir}).AddDigests(t.Context(), bom); err != nil {
			t.Fatal(err)
		}
		if got := (*(*bom.Components)[0].Hashes)[0].Value; got != want {
			t.Errorf("of the answer %q: %s, want %s", answer, got, want)
		}
	}
}
