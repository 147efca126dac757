package gomod_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	cdx "github.com/CycloneDX/cyclonedx-go"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/touchmark-go/touchmark/internal/deptest"
	"github.com/touchmark-go/touchmark/internal/gofacts/factstest"
	"github.com/touchmark-go/touchmark/internal/testkit"
	"github.com/touchmark-go/touchmark/sbom"
	"github.com/touchmark-go/touchmark/sbom/gomod"
)

func TestBudget(t *testing.T) {
	deptest.Only(t, "sbom/gomod", deptest.Budget{Modules: 3, Own: []string{"sbom", "provenance"}, Forbidden: []string{"net/http"}})
}

// env is what the builds of factstest run in, whatever the caller has.
var env = []string{"GOFLAGS=-mod=mod", "GOWORK=off", "CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64", "GOEXPERIMENT="}

func fromBinary(t testing.TB, name string) *cdx.BOM {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	bom, err := sbom.FromBinary(f)
	if err != nil {
		t.Fatal(err)
	}
	return bom
}

func write(t testing.TB, bom *cdx.BOM) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := sbom.Write(&b, bom); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// valid holds a document against the official schema.
func valid(t testing.TB, document []byte) {
	t.Helper()
	dir := filepath.Join(testkit.Corpus(t), "cyclonedx-schema", "schema")
	c := jsonschema.NewCompiler()
	for _, name := range []string{"spdx.schema.json", "jsf-0.82.schema.json", "cryptography-defs.schema.json", "bom-1.6.schema.json"} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		if err := c.AddResource("http://cyclonedx.org/schema/"+name, doc); err != nil {
			t.Fatal(err)
		}
	}
	c.AssertFormat()
	schema, err := c.Compile("http://cyclonedx.org/schema/bom-1.6.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(document))
	if err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(v); err != nil {
		t.Errorf("the document is refused by the schema: %v\n%s", err, document)
	}
}

// edges are the dependencies, without versions, one a line.
func edges(bom *cdx.BOM) string {
	var lines []string
	bare := func(ref string) string { path, _, _ := strings.Cut(ref, "@"); return path }
	for _, d := range *bom.Dependencies {
		line := bare(d.Ref) + " ->"
		for _, on := range *d.Dependencies {
			line += " " + bare(on)
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

const (
	wantEdges = `example.com/Acme/app -> example.com/lib github.com/package-url/packageurl-go golang.org/x/mod stdlib
example.com/lib ->
github.com/package-url/packageurl-go -> stdlib
golang.org/x/mod -> stdlib
stdlib ->`
	wantEdgesExtra = `example.com/Acme/app -> example.com/lib github.com/CycloneDX/cyclonedx-go github.com/package-url/packageurl-go golang.org/x/mod stdlib
example.com/lib ->
github.com/CycloneDX/cyclonedx-go -> stdlib
github.com/package-url/packageurl-go -> stdlib
golang.org/x/mod -> stdlib
stdlib ->`
)

// The list from the source is the list from the binary, but for what only a
// build knows; and what only tests or other tags need is in neither.
func TestFromSourceLikeBinary(t *testing.T) {
	p := factstest.New(t)
	for _, test := range []struct {
		name  string
		o     gomod.Options
		build []string
		want  string
	}{
		{"plain", gomod.Options{Env: env}, []string{"GOOS=linux", "GOARCH=amd64"}, wantEdges},
		{"with a tag", gomod.Options{Env: env, Tags: []string{"extra"}}, []string{"GOOS=linux", "GOARCH=amd64", "-tags=extra"}, wantEdgesExtra},
		{"with a tag in GOFLAGS", gomod.Options{Env: append(slices.Clip(env), "GOFLAGS=-mod=mod -tags=extra")}, []string{"GOOS=linux", "GOARCH=amd64", "-tags=extra"}, wantEdgesExtra},
		// The toolchain has the second of them on anyway, and the linker writes down what differs.
		{"with experiments", gomod.Options{Env: append(slices.Clip(env), "GOEXPERIMENT=jsonv2,regabiargs")}, []string{"GOOS=linux", "GOARCH=amd64", "GOEXPERIMENT=jsonv2,regabiargs"}, wantEdges},
		{"with FIPS 140-3", gomod.Options{Env: append(slices.Clip(env), "GOFIPS140=certified")}, []string{"GOOS=linux", "GOARCH=amd64", "GOFIPS140=certified"}, wantEdges},
		{"elsewhere", gomod.Options{Env: append(slices.Clip(env), "GOOS=windows", "GOARCH=arm64")}, []string{"GOOS=windows", "GOARCH=arm64"}, wantEdges},
	} {
		t.Run(test.name, func(t *testing.T) {
			source, err := test.o.FromSource(t.Context(), p.Dir, ".")
			if err != nil {
				t.Fatal(err)
			}
			document := write(t, source)
			valid(t, document)
			if got := edges(source); got != test.want {
				t.Errorf("edges:\n%s\nwant:\n%s", got, test.want)
			}
			if test.name == "elsewhere" {
				return // the build of it would compile the standard library once more
			}
			binary := fromBinary(t, p.Build(t, test.build...))
			for _, name := range []string{sbom.PropertyToolchain, sbom.PropertyTags, "touchmark:go:goexperiment", "touchmark:go:gofips140"} {
				if got, want := propertyOf(*source.Metadata.Component, name), propertyOf(*binary.Metadata.Component, name); got != want {
					t.Errorf("%s is %q from source, %q from the binary", name, got, want)
				}
			}
			list := func(bom *cdx.BOM) string {
				only := *bom
				only.SerialNumber, only.Metadata, only.Dependencies, only.Compositions = "", nil, nil, nil
				// The folder's own hash is what only source tells.
				return regexp.MustCompile(`,\{"name":"touchmark:go:dirhash","value":"h1:[^"]{44}"\}`).ReplaceAllString(string(write(t, &only)), "")
			}
			if got, want := list(source), list(binary); got != want {
				t.Errorf("components from source:\n%s\nfrom the binary:\n%s", got, want)
			}
			again, err := test.o.FromSource(t.Context(), p.Dir, ".")
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(document, write(t, again)) {
				t.Error("the second document differs from the first")
			}
			if _, err := sbom.Statement(source); err == nil {
				t.Error("a BOM of no artifact makes a statement")
			}
		})
	}
}

// The source adds the edges to what the linker recorded, and nothing else,
// whatever the binary was built with.
func TestAddEdges(t *testing.T) {
	p := factstest.New(t)
	for _, setting := range []string{"GOOS=linux", "GOEXPERIMENT=jsonv2,regabiargs", "GOFIPS140=v1.0.0"} {
		t.Run(setting, func(t *testing.T) { addEdges(t, p, setting) })
	}
}

func addEdges(t *testing.T, p factstest.Program, setting string) {
	bom := fromBinary(t, p.Build(t, "GOOS=linux", "GOARCH=amd64", setting))
	before := *bom
	if err := (gomod.Options{Env: env}).AddEdges(t.Context(), p.Dir, bom); err != nil {
		t.Fatal(err)
	}
	document := write(t, bom)
	valid(t, document)
	if got := edges(bom); got != wantEdges {
		t.Errorf("edges:\n%s\nwant:\n%s", got, wantEdges)
	}
	if bom.SerialNumber != before.SerialNumber || bom.Version != 2 {
		t.Errorf("serial number and version are %s %d, want %s 2", bom.SerialNumber, bom.Version, before.SerialNumber)
	}
	const main = "example.com/Acme/app"
	want := []string{
		"complete: dependencies " + main + " example.com/lib github.com/package-url/packageurl-go@v0.1.7 golang.org/x/mod@v0.42.0 stdlib",
		"incomplete: assemblies " + main, // ./lib has no sum
	}
	if got := compositions(bom); !slices.Equal(got, want) {
		t.Errorf("compositions:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if _, err := sbom.Statement(bom); err != nil {
		t.Errorf("the BOM lost its artifact: %v", err)
	}
}

func compositions(bom *cdx.BOM) []string {
	var list []string
	for _, c := range *bom.Compositions {
		kind, refs := "assemblies", c.Assemblies
		if refs == nil {
			kind, refs = "dependencies", c.Dependencies
		}
		line := string(c.Aggregate) + ": " + kind
		for _, ref := range *refs {
			path, version, _ := strings.Cut(string(ref), "@")
			if path == "stdlib" { // of whatever toolchain runs the test
				version = ""
			}
			line += " " + strings.TrimSuffix(path+"@"+version, "@")
		}
		list = append(list, line)
	}
	return list
}

// Source that would link something else says nothing about the binary.
func TestAddEdgesRefuses(t *testing.T) {
	p := factstest.New(t)
	file := p.Build(t, "GOOS=linux", "GOARCH=amd64")
	set := func(name, value string) func(*cdx.BOM) {
		return func(bom *cdx.BOM) {
			for i, property := range *bom.Metadata.Component.Properties {
				if property.Name == name {
					(*bom.Metadata.Component.Properties)[i].Value = value
				}
			}
		}
	}
	component := func(bom *cdx.BOM, path string) *cdx.Component {
		for i := range *bom.Components {
			if c := &(*bom.Components)[i]; c.Name == path {
				return c
			}
		}
		t.Fatalf("no component %s", path)
		return nil
	}
	for _, test := range []struct {
		name   string
		change func(*cdx.BOM)
		want   string
	}{
		{"other tags", func(bom *cdx.BOM) {
			*bom.Metadata.Component.Properties = append(*bom.Metadata.Component.Properties, cdx.Property{Name: sbom.PropertyTags, Value: "extra"})
		}, "cyclonedx-go"},
		{"another toolchain", set(sbom.PropertyToolchain, "go1.2"), "go1.2"},
		{"no platform", set(sbom.PropertyGOOS, ""), sbom.PropertyGOOS},
		{"a flag for a package", set(sbom.PropertyPackage, "-toolexec=/bin/false"), "toolexec"},
		{"no package", set(sbom.PropertyPackage, ""), "main package"},
		{"a library", set(sbom.PropertyPackage, "example.com/lib"), "main package"},
		{"another module", func(bom *cdx.BOM) { bom.Metadata.Component.Name = "example.com/acme/app" }, "example.com/Acme/app"},
		{"another version", func(bom *cdx.BOM) { component(bom, "golang.org/x/mod").Version = "v0.41.0" }, "golang.org/x/mod"},
		{"another sum", func(bom *cdx.BOM) { (*component(bom, "golang.org/x/mod").Properties)[0].Value = "h1:x" }, "h1:x"},
		{"one more module", func(bom *cdx.BOM) {
			*bom.Components = append(*bom.Components, cdx.Component{Type: "library", Name: "evil.example/x", Version: "v1.0.0"})
		}, "evil.example/x"},
		{"one module less", func(bom *cdx.BOM) {
			*bom.Components = slices.DeleteFunc(*bom.Components, func(c cdx.Component) bool { return c.Name == "example.com/lib" })
		}, "example.com/lib"},
		{"no components", func(bom *cdx.BOM) { bom.Components = nil }, "no components"},
	} {
		t.Run(test.name, func(t *testing.T) {
			bom := fromBinary(t, file)
			test.change(bom)
			dependencies, version := bom.Dependencies, bom.Version
			err := gomod.Options{Env: env}.AddEdges(t.Context(), p.Dir, bom)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("AddEdges: %v, want a word about %q", err, test.want)
			}
			if bom.Dependencies != dependencies || bom.Version != version {
				t.Error("the BOM was changed")
			}
		})
	}
}

func TestFromSourceRefuses(t *testing.T) {
	p := factstest.New(t)
	if err := os.Mkdir(filepath.Join(p.Dir, "other"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(p.Dir, "other", "main.go"), []byte("package main\n\nfunc main() {}\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct{ dir, main, want string }{
		"a library":      {p.Dir, "example.com/lib", "main package"},
		"nothing":        {p.Dir, "./nothing", "nothing"},
		"a flag":         {p.Dir, "-toolexec=/bin/false", "toolexec"},
		"two packages":   {p.Dir, "./...", "one main package"},
		"no module":      {t.TempDir(), ".", "go.mod"},
		"no such folder": {filepath.Join(p.Dir, "nowhere"), ".", "nowhere"},
		"broken source":  {broken(t), ".", "broken"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := gomod.Options{Env: env}.FromSource(t.Context(), test.dir, test.main)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("FromSource: %v, want a word about %q", err, test.want)
			}
		})
	}
}

func broken(t *testing.T) string {
	dir := t.TempDir()
	for name, text := range map[string]string{"go.mod": "module example.com/broken\n\ngo 1.26.0\n", "main.go": "package main\n\nimport \"example.com/broken/missing\"\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// With cgo, something is linked that is in no list, and the BOM says so.
func TestForeign(t *testing.T) {
	p := factstest.New(t)
	if err := os.WriteFile(filepath.Join(p.Dir, "c.go"), []byte("package main\n\n// int one(void) { return 1; }\nimport \"C\"\n\nfunc one() int { return int(C.one()) }\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	bom, err := gomod.Options{Env: append(slices.Clip(env), "CGO_ENABLED=1")}.FromSource(t.Context(), p.Dir, ".")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range compositions(bom) {
		for _, ref := range []string{"example.com/Acme/app", "stdlib"} {
			if strings.HasPrefix(line, "complete") && slices.Contains(strings.Fields(line), ref) {
				t.Errorf("%s is said to be complete: %s", ref, line)
			}
		}
	}
}

// Our own main packages are listed as go list sees them: by their import edges
// every module can be reached from the program.
func TestReachable(t *testing.T) {
	p := factstest.New(t)
	bom, err := gomod.Options{Env: env, Tags: []string{"extra"}}.FromSource(t.Context(), p.Dir, ".")
	if err != nil {
		t.Fatal(err)
	}
	on := map[string][]string{}
	for _, d := range *bom.Dependencies {
		on[d.Ref] = *d.Dependencies
	}
	seen := map[string]bool{}
	var walk func(string)
	walk = func(ref string) {
		if seen[ref] {
			return
		}
		seen[ref] = true
		for _, next := range on[ref] {
			walk(next)
		}
	}
	walk(bom.Metadata.Component.BOMRef)
	for _, c := range *bom.Components {
		if !seen[c.BOMRef] {
			t.Errorf("%s cannot be reached from the program", c.BOMRef)
		}
		if _, ok := on[c.BOMRef]; !ok {
			t.Errorf("%s has no entry", c.BOMRef)
		}
	}
}

func TestMain(m *testing.M) {
	if _, err := exec.LookPath("go"); err != nil {
		os.Stderr.WriteString("these tests need the go command: " + err.Error() + "\n")
		os.Exit(1)
	}
	os.Exit(m.Run())
}
