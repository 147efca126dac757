package license_test

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"
	"testing/fstest"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/touchmark-go/touchmark/internal/deptest"
	"github.com/touchmark-go/touchmark/internal/modcache"
	"github.com/touchmark-go/touchmark/internal/testkit"
	"github.com/touchmark-go/touchmark/sbom"
	"github.com/touchmark-go/touchmark/sbom/license"
)

func TestBudget(t *testing.T) {
	deptest.Only(t, "sbom/license", deptest.Budget{Modules: 3, Own: []string{"sbom", "provenance"}, Forbidden: []string{"net/http", "os/exec"}})
}

const mit = `Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation files (the "Software"), to deal in the Software without restriction, including without limitation the rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
`

const isc = `Permission to use, copy, modify, and/or distribute this software for any purpose with or without fee is hereby granted, provided that the above copyright notice and this permission notice appear in all copies.

THE SOFTWARE IS PROVIDED "AS IS" AND THE AUTHOR DISCLAIMS ALL WARRANTIES WITH REGARD TO THIS SOFTWARE INCLUDING ALL IMPLIED WARRANTIES OF MERCHANTABILITY AND FITNESS. IN NO EVENT SHALL THE AUTHOR BE LIABLE FOR ANY SPECIAL, DIRECT, INDIRECT, OR CONSEQUENTIAL DAMAGES OR ANY DAMAGES WHATSOEVER RESULTING FROM LOSS OF USE, DATA OR PROFITS, WHETHER IN AN ACTION OF CONTRACT, NEGLIGENCE OR OTHER TORTIOUS ACTION, ARISING OUT OF OR IN CONNECTION WITH THE USE OR PERFORMANCE OF THIS SOFTWARE.
`

func TestFind(t *testing.T) {
	own := "You may look at this software on Sundays, and only if you bring cake for everybody in the office. " + strings.Repeat("Nothing else is allowed to anyone at all. ", 8)
	var many []license.Text
	for i := range license.MaxTexts + 1 {
		many = append(many, license.Text{Name: fmt.Sprintf("d%d/LICENSE", i), Content: []byte(mit)})
	}
	many = append(many, license.Text{Name: "LICENSE", Content: []byte(mit)})
	for _, test := range []struct {
		name  string
		texts []license.Text
		want  string // declared | concluded | files | unknown
	}{
		{"one text", []license.Text{{Name: "LICENSE", Content: []byte("MIT License\n\nCopyright (c) 2026 Ada\n\n" + mit)}}, "[MIT] [MIT] [LICENSE] []"},
		{"two texts at the root", []license.Text{{Name: "LICENSE-MIT", Content: []byte(mit)}, {Name: "COPYING.ISC", Content: []byte(isc)}}, "[ISC MIT] [ISC MIT] [COPYING.ISC LICENSE-MIT] []"},
		{"two texts in one file", []license.Text{{Name: "LICENSE", Content: []byte(mit + "\n" + isc)}}, "[ISC MIT] [ISC MIT] [LICENSE] []"},
		{"one in a folder", []license.Text{{Name: "LICENSE", Content: []byte(mit)}, {Name: "third/party/LICENSE", Content: []byte(isc)}}, "[MIT] [ISC MIT] [LICENSE third/party/LICENSE] []"},
		{"only in a folder", []license.Text{{Name: "third/LICENSE", Content: []byte(isc)}}, "[] [ISC] [third/LICENSE] []"},
		{"for tests", []license.Text{{Name: "testdata/LICENSE", Content: []byte(isc)}}, "[] [] [] []"},
		{"its own terms", []license.Text{{Name: "LICENSE", Content: []byte(own)}}, "[] [] [] [LICENSE]"},
		{"own terms in a folder", []license.Text{{Name: "LICENSE", Content: []byte(mit)}, {Name: "x/LICENSE", Content: []byte(own)}}, "[MIT] [] [LICENSE] [x/LICENSE]"},
		{"much besides", []license.Text{{Name: "LICENSE", Content: []byte(mit + own)}}, "[] [] [] [LICENSE]"},
		{"a text that is only named", []license.Text{{Name: "LICENSE", Content: []byte("See http://www.apache.org/licenses/LICENSE-2.0\n")}}, "[] [] [] [LICENSE]"},
		{"a tag", []license.Text{{Name: "LICENSE", Content: []byte("SPDX-License-Identifier: mit\n\n" + mit)}}, "[MIT] [MIT] [LICENSE] []"},
		{"a tag with a choice", []license.Text{{Name: "README.md", Content: []byte("# lib\n<!-- SPDX-License-Identifier: MIT OR ISC -->\n")}, {Name: "LICENSE", Content: []byte(mit)}}, "[MIT OR ISC] [MIT] [LICENSE] []"},
		{"a tag in go.mod", []license.Text{{Name: "go.mod", Content: []byte("// SPDX-License-Identifier: ISC\nmodule a\n")}}, "[ISC] [] [] []"},
		{"tags that differ", []license.Text{{Name: "README", Content: []byte("SPDX-License-Identifier: MIT\nSPDX-License-Identifier: ISC\n")}}, "[] [] [] []"},
		{"a tag that is none", []license.Text{{Name: "README", Content: []byte("SPDX-License-Identifier: Apache 2\n")}}, "[] [] [] []"},
		{"a tag in a sentence", []license.Text{{Name: "README", Content: []byte("Write SPDX-License-Identifier: MIT into each file.\n")}}, "[] [] [] []"},
		{"NOASSERTION", []license.Text{{Name: "README", Content: []byte("SPDX-License-Identifier: NOASSERTION\n")}}, "[] [] [] []"},
		{"an endless text", []license.Text{{Name: "LICENSE", Content: []byte(mit + strings.Repeat(" ", license.MaxText))}}, "[] [] [] [LICENSE]"},
		{"too many texts", many, "[] [] "},
		{"nothing", nil, "[] [] [] []"},
	} {
		f := license.Find(test.texts)
		got := fmt.Sprint(f.Declared, f.Concluded, f.Files, f.Unknown)
		got = strings.ReplaceAll(got, "][", "] [")
		if !strings.HasPrefix(got, test.want) {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
	}
}

func TestIsText(t *testing.T) {
	for name, want := range map[string]bool{
		"LICENSE": true, "LICENCE": true, "license.txt": true, "License.md": true, "COPYING": true, "COPYING.LESSER": true, "UNLICENSE": true, "a/b/LICENSE": true,
		"LICENSE-MIT": true, "LICENSE.BSD": true, "LICENSE-APACHE-2.0.txt": true, "LICENSES/MIT.txt": true, "MIT-LICENSE.txt": true, "LICENSE-3rdparty": true,
		"license.go": false, "LICENSE.json": false, "LICENSE-3rdparty.csv": false, "license_test.go": false, "licenses.yaml": false, "licensed": false, "LICENSES/go.mod": false,
		"README": false, "testdata/LICENSE": false, "a/testdata/b/LICENSE": false, "license/scan": false, "LICENSE.header": false, "NOTICE": false, "Unlicense.lre": false, "cmd/license_ids.txt": false, "a/LICENSE-MIT": false, "PATENTS": false,
	} {
		if got := license.IsText(name); got != want {
			t.Errorf("IsText(%q) is %v, want %v", name, got, want)
		}
	}
}

// cacheWith is a module cache with one module in it, and its sum. The go
// command's record of the sum is there if recorded says so.
func cacheWith(t testing.TB, path string, recorded bool, files map[string]string) (fstest.MapFS, string) {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for name, text := range files {
		f, err := w.Create(path + "@v1.0.0/" + name)
		if err != nil {
			t.Fatal(err)
		}
		f.Write([]byte(text))
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	cache := fstest.MapFS{"cache/download/" + path + "/@v/v1.0.0.zip": {Data: b.Bytes()}}
	z, err := modcache.Cache{FS: cache}.Zip(path, "v1.0.0")
	if err != nil {
		t.Fatal(err)
	}
	sum, err := z.Sum(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if recorded {
		cache["cache/download/"+path+"/@v/v1.0.0.ziphash"] = &fstest.MapFile{Data: []byte(sum)}
	}
	return cache, sum
}

// bomOf is the BOM of a program with these modules: path, version, sum.
func bomOf(t testing.TB, p sbom.Publisher, modules ...[3]string) *cdx.BOM {
	t.Helper()
	info := &debug.BuildInfo{GoVersion: "go1.26.8", Path: "example.com/app", Main: debug.Module{Path: "example.com/app", Version: "v1.0.0"}}
	for _, m := range modules {
		info.Deps = append(info.Deps, &debug.Module{Path: m[0], Version: m[1], Sum: m[2]})
	}
	bom, err := sbom.Options{Publisher: p}.FromBuildInfo(info)
	if err != nil {
		t.Fatal(err)
	}
	return bom
}

// licenses are what a component says of its licences.
func licenses(t testing.TB, bom *cdx.BOM, name string) string {
	t.Helper()
	for _, c := range append([]cdx.Component{*bom.Metadata.Component}, *bom.Components...) {
		if c.Name != name {
			continue
		}
		var list []string
		if c.Licenses != nil {
			for _, l := range *c.Licenses {
				switch {
				case l.License != nil:
					list = append(list, l.License.ID+l.License.Name+" "+string(l.License.Acknowledgement))
				case l.Acknowledgement != nil:
					list = append(list, l.Expression+" "+string(*l.Acknowledgement))
				default:
					list = append(list, l.Expression)
				}
			}
		}
		return strings.Join(list, ", ")
	}
	t.Fatalf("no component %s", name)
	return ""
}

func write(t testing.TB, bom *cdx.BOM) string {
	t.Helper()
	var b bytes.Buffer
	if err := sbom.Write(&b, bom); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestDescribe(t *testing.T) {
	for _, test := range []struct {
		name  string
		files map[string]string
		want  string
	}{
		{"a text", map[string]string{"LICENSE": mit}, "MIT declared, MIT concluded"},
		{"two", map[string]string{"LICENSE": mit, "x/COPYING": isc}, "MIT declared, ISC concluded, MIT concluded"},
		{"a tag that is an expression", map[string]string{"LICENSE": mit, "go.mod": "// SPDX-License-Identifier: MIT OR ISC\n"}, "MIT OR ISC declared"},
		{"its own terms", map[string]string{"LICENSE": strings.Repeat("cake on Sundays ", 100)}, ""},
		{"no text", map[string]string{"go.mod": "module a\n"}, ""},
	} {
		for _, recorded := range []bool{true, false} {
			cache, sum := cacheWith(t, "a.b/c", recorded, test.files)
			bom := bomOf(t, sbom.Publisher{}, [3]string{"a.b/c", "v1.0.0", sum}, [3]string{"a.b/missing", "v1.0.0", sum})
			serial := bom.SerialNumber
			if err := (license.Finder{ModuleCache: cache}).Describe(t.Context(), bom); err != nil {
				t.Fatal(err)
			}
			if got := licenses(t, bom, "a.b/c"); got != test.want {
				t.Errorf("%s: licences %q, want %q", test.name, got, test.want)
			}
			for _, other := range []string{"a.b/missing", "stdlib", "example.com/app"} {
				if got := licenses(t, bom, other); got != "" {
					t.Errorf("%s: %s has the licences %q, and nothing says so", test.name, other, got)
				}
			}
			if test.want != "" && bom.SerialNumber == serial {
				t.Errorf("%s: another document of no artifact has the same serial number", test.name)
			}
			// Once more changes nothing.
			once := write(t, bom)
			if err := (license.Finder{ModuleCache: cache}).Describe(t.Context(), bom); err != nil {
				t.Fatal(err)
			}
			if again := write(t, bom); again != once && !strings.Contains(test.want, "OR") {
				t.Errorf("%s: describing it twice gives\n%s\nnot\n%s", test.name, again, once)
			}
		}
	}
}

// A module cache with another module in the place of one that was linked is an
// error, and says nothing.
func TestDescribeRefuses(t *testing.T) {
	cache, sum := cacheWith(t, "a.b/c", true, map[string]string{"LICENSE": mit})
	other, _ := cacheWith(t, "a.b/c", false, map[string]string{"LICENSE": isc})
	lying := fstest.MapFS{"cache/download/a.b/c/@v/v1.0.0.zip": {Data: []byte("no zip")}, "cache/download/a.b/c/@v/v1.0.0.ziphash": {Data: []byte(sum)}}
	for name, fsys := range map[string]fs.FS{"another module": other, "no zip": lying} {
		bom := bomOf(t, sbom.Publisher{}, [3]string{"a.b/c", "v1.0.0", sum})
		before := write(t, bom)
		if err := (license.Finder{ModuleCache: fsys}).Describe(t.Context(), bom); err == nil {
			t.Errorf("%s: no error", name)
		}
		if after := write(t, bom); after != before {
			t.Errorf("%s: the BOM was changed", name)
		}
	}
	// Without a sum nobody knows which module it is.
	bom := bomOf(t, sbom.Publisher{}, [3]string{"a.b/c", "v1.0.0", ""})
	if err := (license.Finder{ModuleCache: cache}).Describe(t.Context(), bom); err != nil || licenses(t, bom, "a.b/c") != "" {
		t.Errorf("a module without a sum: %v, %q", err, licenses(t, bom, "a.b/c"))
	}
}

// Answers are kept by sum; a damaged or invented one is found anew.
func TestAnswers(t *testing.T) {
	cache, sum := cacheWith(t, "a.b/c", true, map[string]string{"LICENSE": mit})
	dir := filepath.Join(t.TempDir(), "answers")
	run := func(fsys fs.FS) string {
		t.Helper()
		bom := bomOf(t, sbom.Publisher{}, [3]string{"a.b/c", "v1.0.0", sum})
		if err := (license.Finder{ModuleCache: fsys, Answers: dir}).Describe(t.Context(), bom); err != nil {
			t.Fatal(err)
		}
		return licenses(t, bom, "a.b/c")
	}
	const want = "MIT declared, MIT concluded"
	if got := run(cache); got != want {
		t.Fatalf("licences %q, want %q", got, want)
	}
	if got := run(fstest.MapFS{}); got != want {
		t.Errorf("with answers at hand: %q, want %q", got, want)
	}
	names, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(names) != 1 {
		t.Fatalf("answers are %q, %v, want one", names, err)
	}
	if err := os.WriteFile(names[0], []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := run(fstest.MapFS{}); got != "" {
		t.Errorf("a damaged answer counts: %q", got)
	}
	if got := run(cache); got != want {
		t.Errorf("after damage: %q, want %q", got, want)
	}
	if got := run(fstest.MapFS{}); got != want {
		t.Errorf("the answer was not kept anew: %q", got)
	}
}

// The main module and the standard library have the licences of their own
// folders, if these are theirs; what the publisher said stays.
func TestMainAndStdlib(t *testing.T) {
	bom := bomOf(t, sbom.Publisher{})
	goFolder := fstest.MapFS{"VERSION": {Data: []byte("go1.26.8\ntime 2026-01-01T00:00:00Z\n")}, "LICENSE": {Data: []byte(mit)}}
	main := fstest.MapFS{"LICENSE": {Data: []byte(isc)}, "sub/LICENSE": {Data: []byte(mit)}}
	if err := (license.Finder{Go: goFolder, Main: main}).Describe(t.Context(), bom); err != nil {
		t.Fatal(err)
	}
	if got, want := licenses(t, bom, "stdlib"), "MIT declared, MIT concluded"; got != want {
		t.Errorf("stdlib: %q, want %q", got, want)
	}
	if got, want := licenses(t, bom, "example.com/app"), "ISC declared, ISC concluded"; got != want {
		t.Errorf("main: %q, want %q", got, want)
	}
	goFolder["VERSION"].Data = []byte("go1.26.7\n")
	bom = bomOf(t, sbom.Publisher{License: "Apache-2.0"})
	if err := (license.Finder{Go: goFolder, Main: main}).Describe(t.Context(), bom); err != nil {
		t.Fatal(err)
	}
	if got := licenses(t, bom, "stdlib"); got != "" {
		t.Errorf("another Go's licence is stdlib's: %q", got)
	}
	if got, want := licenses(t, bom, "example.com/app"), "Apache-2.0 declared, ISC concluded"; got != want {
		t.Errorf("main: %q, want %q", got, want)
	}
	bom = bomOf(t, sbom.Publisher{License: "Apache-2.0 OR MIT"})
	if err := (license.Finder{Main: main}).Describe(t.Context(), bom); err != nil {
		t.Fatal(err)
	}
	if got, want := licenses(t, bom, "example.com/app"), "Apache-2.0 OR MIT declared"; got != want {
		t.Errorf("main: %q, want %q", got, want)
	}
	if data, _ := json.Marshal(bom.Metadata.Component.Evidence); !strings.Contains(string(data), `"ISC"`) {
		t.Errorf("what was found is no evidence: %s", data)
	}
}

// Real modules have the licences that everybody knows of them.
func TestRealModules(t *testing.T) {
	sums, err := os.ReadFile(filepath.Join(testkit.Root(t), "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	goMod, err := os.ReadFile(filepath.Join(testkit.Root(t), "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"golang.org/x/mod":                     "BSD-3-Clause",
		"github.com/CycloneDX/cyclonedx-go":    "Apache-2.0",
		"github.com/package-url/packageurl-go": "MIT",
		"github.com/google/licensecheck":       "BSD-3-Clause",
	}
	var modules [][3]string
	for _, line := range strings.Split(string(sums), "\n") {
		if f := strings.Fields(line); len(f) == 3 && want[f[0]] != "" && strings.Contains(string(goMod), f[0]+" "+f[1]+"\n") {
			modules = append(modules, [3]string{f[0], f[1], f[2]})
		}
	}
	if len(modules) != len(want) {
		t.Fatalf("go.sum has %q, want %d modules", modules, len(want))
	}
	dir := goEnv(t, "GOMODCACHE")
	bom := bomOf(t, sbom.Publisher{}, modules...)
	if err := (license.Finder{ModuleCache: os.DirFS(dir), Go: os.DirFS(goEnv(t, "GOROOT"))}).Describe(t.Context(), bom); err != nil {
		t.Fatal(err)
	}
	for name, id := range want {
		if got, want := licenses(t, bom, name), id+" declared, "+id+" concluded"; got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

func goEnv(t testing.TB, name string) string {
	t.Helper()
	out, err := exec.Command("go", "env", name).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}
