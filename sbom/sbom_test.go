package sbom_test

import (
	"bytes"
	"crypto/sha512"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/touchmark-go/touchmark/internal/deptest"
	"github.com/touchmark-go/touchmark/internal/gofacts/factstest"
	"github.com/touchmark-go/touchmark/internal/testkit"
	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sbom"
)

func TestBudget(t *testing.T) {
	deptest.Only(t, "sbom", deptest.Budget{Modules: 2, Own: []string{"provenance"}, Forbidden: []string{"net/http", "os/exec"}})
}

// schema compiles the official schema of a version.
func schema(t testing.TB, version string) *jsonschema.Schema {
	t.Helper()
	dir := filepath.Join(testkit.Corpus(t), "cyclonedx-schema", "schema")
	c := jsonschema.NewCompiler()
	for _, name := range []string{"spdx.schema.json", "jsf-0.82.schema.json", "cryptography-defs.schema.json", "bom-" + version + ".schema.json"} {
		f, err := os.Open(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		doc, err := jsonschema.UnmarshalJSON(f)
		f.Close()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.AddResource("http://cyclonedx.org/schema/"+name, doc); err != nil {
			t.Fatal(err)
		}
	}
	c.AssertFormat()
	s, err := c.Compile("http://cyclonedx.org/schema/bom-" + version + ".schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// write is the document, which must be valid by the official schema.
func write(t testing.TB, bom *cdx.BOM) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := sbom.Write(&b, bom); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func valid(t testing.TB, document []byte) {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(document))
	if err != nil {
		t.Fatal(err)
	}
	if err := schema(t, "1.6").Validate(v); err != nil {
		t.Errorf("the document is refused by the schema: %v\n%s", err, document)
	}
}

func fromFile(t testing.TB, o sbom.Options, name string) *cdx.BOM {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	bom, err := o.FromBinary(f)
	if err != nil {
		t.Fatal(err)
	}
	return bom
}

// Every module that go version -m prints is in the BOM and nothing else, for
// each file format, stripped, with tags and without.
func TestExactlyTheLinkedModules(t *testing.T) {
	p := factstest.New(t)
	for _, args := range [][]string{
		{"GOOS=linux", "GOARCH=amd64"},
		{"GOOS=linux", "GOARCH=amd64", "-ldflags=-s -w"},
		{"GOOS=linux", "GOARCH=amd64", "-tags=extra"},
		{"GOOS=darwin", "GOARCH=arm64"},
		{"GOOS=darwin", "GOARCH=arm64", "-ldflags=-s -w"},
		{"GOOS=windows", "GOARCH=amd64"},
		{"GOOS=windows", "GOARCH=amd64", "-ldflags=-s -w"},
	} {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			file := p.Build(t, args...)
			bom := fromFile(t, sbom.Options{}, file)
			var want []string
			for _, line := range factstest.GoVersionM(t, file) {
				switch f := strings.Split(line, "\t")[1:]; {
				case f[0] == "dep":
					f = append(f, "", "")
					want = append(want, f[1]+" "+f[2]+" "+f[3])
				case f[0] == "=>" && f[2] == "(devel)": // a folder: the path stays
					path, _, _ := strings.Cut(want[len(want)-1], " ")
					want[len(want)-1] = path + "  "
				case f[0] == "=>":
					want[len(want)-1] = f[1] + " " + f[2] + " " + f[3]
				}
			}
			want = append(want, "stdlib "+strings.TrimPrefix(runtime.Version(), "go")+" ")
			var got []string
			for _, c := range *bom.Components {
				got = append(got, c.Name+" "+c.Version+" "+property(c, sbom.PropertyH1))
			}
			slices.Sort(want)
			slices.Sort(got)
			if !slices.Equal(got, want) {
				t.Errorf("components:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
			document := write(t, bom)
			valid(t, document)
			if bytes.Contains(document, []byte("(devel)")) {
				t.Error("the document has (devel) in it")
			}
			if bytes.Contains(document, []byte("./lib")) {
				t.Error("the document names a folder of who built it")
			}
			main := *bom.Metadata.Component
			for name, want := range map[string]string{
				sbom.PropertyGOOS: strings.TrimPrefix(args[0], "GOOS="), sbom.PropertyGOARCH: strings.TrimPrefix(args[1], "GOARCH="),
				sbom.PropertyToolchain: runtime.Version(), sbom.PropertyPackage: "example.com/Acme/app", sbom.PropertyCGO: "0",
			} {
				if got := property(main, name); got != want {
					t.Errorf("%s is %q, want %q", name, got, want)
				}
			}
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			wantHashes := []cdx.Hash{{Algorithm: "SHA-256", Value: provenance.SumSHA256(data).Hex()}, {Algorithm: "SHA-512", Value: fmt.Sprintf("%x", sha512.Sum512(data))}}
			if got := *main.Hashes; !slices.Equal(got, wantHashes) {
				t.Errorf("hashes are %v, want %v", got, wantHashes)
			}
			if !bytes.Equal(document, write(t, fromFile(t, sbom.Options{}, file))) {
				t.Error("the second document differs from the first")
			}
			again, err := sbom.Parse(bytes.NewReader(document))
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(document, write(t, again)) {
				t.Error("the document does not survive a round trip")
			}
		})
	}
}

func property(c cdx.Component, name string) string {
	if c.Properties != nil {
		for _, p := range *c.Properties {
			if p.Name == name {
				return p.Value
			}
		}
	}
	return ""
}

// A replacement is what was compiled, and a folder in a module's place is unknown.
func TestReplacements(t *testing.T) {
	bom := fromFile(t, sbom.Options{}, factstest.New(t).Build(t))
	want := map[string]string{
		"example.com/lib": `{"bom-ref":"example.com/lib","type":"library","name":"example.com/lib",` +
			`"pedigree":{"ancestors":[{"type":"library","name":"example.com/lib","version":"v1.0.0","purl":"pkg:golang/example.com/lib@v1.0.0"}]},` +
			`"properties":[{"name":"touchmark:go:source","value":"local"},{"name":"touchmark:go:version","value":"unknown"}]}`,
		"golang.org/x/mod": `{"bom-ref":"golang.org/x/mod@v0.42.0","type":"library","name":"golang.org/x/mod","version":"v0.42.0","purl":"pkg:golang/golang.org/x/mod@v0.42.0",` +
			`"pedigree":{"ancestors":[{"type":"library","name":"example.com/mod","version":"v1.0.0","purl":"pkg:golang/example.com/mod@v1.0.0"}]},` +
			`"externalReferences":[{"url":"https://go.googlesource.com/mod","comment":"derived from the module path","type":"vcs"}],` +
			`"properties":[{"name":"touchmark:go:h1","value":"h1:ICeL3t2L30ljSPHHxDnR4fqVcBt/zR2zJAb9juavmQg="}]}`,
	}
	for _, c := range *bom.Components {
		if want, ok := want[c.Name]; ok {
			got, err := json.Marshal(c)
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != want {
				t.Errorf("%s:\n%s\nwant:\n%s", c.Name, got, want)
			}
		}
		delete(want, c.Name)
	}
	if len(want) > 0 {
		t.Errorf("no component for %v", want)
	}
}

// aggregates are the compositions, in a word each: assemblies or dependencies,
// the ref, how complete.
func aggregates(bom *cdx.BOM) []string {
	var list []string
	for _, c := range *bom.Compositions {
		for kind, refs := range map[string]*[]cdx.BOMReference{"assemblies": c.Assemblies, "dependencies": c.Dependencies} {
			if refs != nil {
				for _, ref := range *refs {
					list = append(list, kind+" "+string(ref)+" "+string(c.Aggregate))
				}
			}
		}
	}
	slices.Sort(list)
	return list
}

// "complete" stands only where the linker's own record can know it.
func TestNothingIsCompleteThatIsNotKnown(t *testing.T) {
	const (
		path = "path\texample.com/a\n"
		main = "mod\texample.com/a\tv1.0.0\t\n"
		pure = "build\tCGO_ENABLED=0\n"
		dep  = "dep\tb.c/d\tv1.0.0\th1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n"
	)
	tests := []struct{ name, info, want string }{
		{"alone", path + main + pure,
			"assemblies example.com/a@v1.0.0 complete, dependencies example.com/a@v1.0.0 complete, dependencies stdlib@1.26.8 complete"},
		{"with a module", path + main + dep + pure,
			"assemblies example.com/a@v1.0.0 complete, dependencies b.c/d@v1.0.0 unknown, dependencies example.com/a@v1.0.0 incomplete, dependencies stdlib@1.26.8 complete"},
		{"with a C compiler", path + main + dep + "build\tCGO_ENABLED=1\n",
			"assemblies example.com/a@v1.0.0 incomplete, dependencies b.c/d@v1.0.0 unknown, dependencies example.com/a@v1.0.0 incomplete, dependencies stdlib@1.26.8 incomplete"},
		{"not saying whether with one", path + main + dep,
			"assemblies example.com/a@v1.0.0 incomplete, dependencies b.c/d@v1.0.0 unknown, dependencies example.com/a@v1.0.0 incomplete, dependencies stdlib@1.26.8 incomplete"},
		{"with a module without a sum", path + main + "dep\tb.c/d\tv1.0.0\n" + pure,
			"assemblies example.com/a@v1.0.0 incomplete, dependencies b.c/d@v1.0.0 unknown, dependencies example.com/a@v1.0.0 incomplete, dependencies stdlib@1.26.8 complete"},
		{"with a folder", path + main + "dep\tb.c/d\tv1.0.0\n=>\t../d\t(devel)\t\n" + pure,
			"assemblies example.com/a@v1.0.0 incomplete, dependencies b.c/d unknown, dependencies example.com/a@v1.0.0 incomplete, dependencies stdlib@1.26.8 complete"},
		{"outside modules", "",
			"assemblies unknown unknown, dependencies stdlib@1.26.8 incomplete, dependencies unknown incomplete"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			bom := fromInfo(t, sbom.Options{}, test.info)
			if got := strings.Join(aggregates(bom), ", "); got != test.want {
				t.Errorf("compositions:\n%s\nwant:\n%s", got, test.want)
			}
			valid(t, write(t, bom))
		})
	}
}

func TestVersions(t *testing.T) {
	const stamp = "build\tvcs=git\nbuild\tvcs.revision=d65a71f2c4e1b3a5968778695a4b3c2d1e0f9a8b\nbuild\tvcs.time=2026-11-21T05:34:23Z\n"
	tests := []struct{ name, info, version, purl, said string }{
		{"stamped", "mod\ta.b/c\tv1.2.3\t\n", "v1.2.3", "pkg:golang/a.b/c@v1.2.3", ""},
		{"dirty", "mod\ta.b/c\tv1.2.3+dirty\t\n", "v1.2.3+dirty", "pkg:golang/a.b/c@v1.2.3%2Bdirty", ""},
		{"not stamped", "mod\ta.b/c\t(devel)\t\n", "", "pkg:golang/a.b/c", "unknown"},
		{"only the commit", "mod\ta.b/c\t(devel)\t\n" + stamp, "v0.0.0-20261121053423-d65a71f2c4e1", "pkg:golang/a.b/c@v0.0.0-20261121053423-d65a71f2c4e1", "inferred"},
		{"only the commit, and dirty", "mod\ta.b/c/v2\t(devel)\t\n" + stamp + "build\tvcs.modified=true\n", "v2.0.0-20261121053423-d65a71f2c4e1+dirty",
			"pkg:golang/a.b/c/v2@v2.0.0-20261121053423-d65a71f2c4e1%2Bdirty", "inferred"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := *fromInfo(t, sbom.Options{}, "path\ta.b/c\n"+test.info).Metadata.Component
			if c.Version != test.version || c.PackageURL != test.purl || property(c, sbom.PropertyVersion) != test.said {
				t.Errorf("version %q, purl %q, said to be %q; want %q, %q, %q", c.Version, c.PackageURL, property(c, sbom.PropertyVersion), test.version, test.purl, test.said)
			}
		})
	}
}

func TestTime(t *testing.T) {
	const info = "path\ta.b/c\nmod\ta.b/c\tv1.0.0\t\n"
	at := time.Date(2026, 11, 21, 6, 0, 0, 5, time.FixedZone("", 3600))
	for _, test := range []struct {
		name, info string
		time       time.Time
		want       string
	}{
		{"given", info + "build\tvcs.time=2020-01-01T00:00:00Z\n", at, "2026-11-21T05:00:00Z"},
		{"of the commit", info + "build\tvcs.time=2020-01-01T02:00:00+02:00\n", time.Time{}, "2020-01-01T00:00:00Z"},
		{"unknown", info, time.Time{}, ""},
		{"garbled", info + "build\tvcs.time=yesterday\n", time.Time{}, ""},
	} {
		if got := fromInfo(t, sbom.Options{Time: test.time}, test.info).Metadata.Timestamp; got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}

// Linker flags, C flags and folders can hold secrets and names, and stay out.
func TestNoSecrets(t *testing.T) {
	bom := fromInfo(t, sbom.Options{}, "path\ta.b/c\nmod\ta.b/c\tv1.0.0\t\ndep\tb.c/d\tv1.0.0\n=>\t/home/SECRET/d\t(devel)\t\n"+
		"build\t-ldflags=\"-X main.token=SECRET\"\nbuild\tCGO_LDFLAGS=SECRET\nbuild\t-gcflags=SECRET\nbuild\tUNKNOWN=SECRET\nbuild\t-tags=netgo\n")
	document := write(t, bom)
	if bytes.Contains(document, []byte("SECRET")) {
		t.Errorf("the document has a secret in it: %s", document)
	}
	if got := property(*bom.Metadata.Component, sbom.PropertyTags); got != "netgo" {
		t.Errorf("tags are %q, want netgo", got)
	}
}

// Hashes that the caller has are taken, and the file is not hashed again.
func TestHashesSpareReading(t *testing.T) {
	file := factstest.New(t).Build(t)
	given := provenance.DigestSet{"sha256": strings.Repeat("ab", 32), "sha512": strings.Repeat("cd", 64), "sha1": strings.Repeat("ef", 20)}
	bom := fromFile(t, sbom.Options{Hashes: given}, file)
	want := []cdx.Hash{{Algorithm: "SHA-256", Value: given["sha256"]}, {Algorithm: "SHA-512", Value: given["sha512"]}}
	if got := *bom.Metadata.Component.Hashes; !slices.Equal(got, want) {
		t.Errorf("hashes are %v, want %v", got, want)
	}
	bom = fromFile(t, sbom.Options{Hashes: provenance.DigestSet{"sha512": given["sha512"]}}, file)
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := (*bom.Metadata.Component.Hashes)[0].Value, provenance.SumSHA256(data).Hex(); got != want {
		t.Errorf("SHA-256 is %s, want %s", got, want)
	}
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := (sbom.Options{Hashes: provenance.DigestSet{"sha256": "AB"}}).FromBinary(f); err == nil {
		t.Error("malformed hashes are taken")
	}
}

func TestNotGo(t *testing.T) {
	if _, err := sbom.FromBinary(strings.NewReader("#!/bin/sh\necho hello, world\n")); !errors.Is(err, sbom.ErrNotGo) {
		t.Errorf("FromBinary of a script: %v, want %v", err, sbom.ErrNotGo)
	}
	if _, err := sbom.FromBuildInfo(nil); err == nil {
		t.Error("no build info gives a BOM")
	}
}
