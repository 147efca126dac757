package image_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	cdx "github.com/CycloneDX/cyclonedx-go"
	"github.com/rogpeppe/go-internal/txtar"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/touchmark-go/touchmark/internal/deptest"
	"github.com/touchmark-go/touchmark/internal/ocilayout/imagetest"
	"github.com/touchmark-go/touchmark/internal/testkit"
	"github.com/touchmark-go/touchmark/sbom"
	"github.com/touchmark-go/touchmark/sbom/image"
)

func TestBudget(t *testing.T) {
	deptest.Only(t, "sbom/image", deptest.Budget{Modules: 2, Own: []string{"sbom", "provenance"}, Forbidden: []string{"net/http", "os/exec"}})
}

// officialSchema is CycloneDX's own of 1.6.
func officialSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	folder := filepath.Join(testkit.Corpus(t), "cyclonedx-schema", "schema")
	c := jsonschema.NewCompiler()
	for _, name := range []string{"spdx.schema.json", "jsf-0.82.schema.json", "cryptography-defs.schema.json", "bom-1.6.schema.json"} {
		data, err := os.ReadFile(filepath.Join(folder, name))
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
	s, err := c.Compile("http://cyclonedx.org/schema/bom-1.6.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// document is a BOM as it is written, which sbom.Parse reads again and, where the
// official schema is at hand, that finds valid.
func document(t testing.TB, bom *cdx.BOM) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := sbom.Write(&b, bom); err != nil {
		t.Fatal(err)
	}
	if _, err := sbom.Parse(bytes.NewReader(b.Bytes())); err != nil {
		t.Errorf("what was written is not read again: %v", err)
	}
	if _, err := sbom.Statement(bom); err != nil {
		t.Errorf("the BOM is bound to no image: %v", err)
	}
	return b.Bytes()
}

// valid holds a document against the official schema.
func valid(t *testing.T, data []byte) {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if err := officialSchema(t).Validate(v); err != nil {
		t.Errorf("the document is refused by the schema: %v\n%s", err, data)
	}
}

// story makes the layers that an archive describes: "LAYER/PATH" is a file,
// "LAYER/PATH -> TARGET" a symbolic link, "LAYER/PATH = TARGET" a hard one. A file
// that is "GO" and nothing more is a Go program, one that is "PLAIN" another.
func story(t *testing.T, a *txtar.Archive) (layers [][]imagetest.Entry, want *txtar.File) {
	t.Helper()
	for i := range a.Files {
		f := &a.Files[i]
		if f.Name == "want" {
			want = f
			continue
		}
		number, name, ok := strings.Cut(f.Name, "/")
		n, err := strconv.Atoi(number)
		if !ok || err != nil {
			t.Fatalf("%q: want LAYER/PATH", f.Name)
		}
		for len(layers) <= n {
			layers = append(layers, nil)
		}
		e := imagetest.Entry{Name: name, Body: string(f.Data)}
		switch e.Body {
		case "GO\n":
			e.Body = string(testkit.GoBinary(t))
		case "PLAIN\n":
			e.Body = string(testkit.PlainGoBinary(t))
		}
		if from, to, ok := strings.Cut(name, " -> "); ok {
			e = imagetest.Entry{Name: from, Link: to}
		}
		if from, to, ok := strings.Cut(name, " = "); ok {
			e = imagetest.Entry{Name: from, Link: to, Type: '1'}
		}
		layers[n] = append(layers[n], e)
	}
	return layers, want
}

// show is a BOM as the stories spell it. Digests of layers are their numbers.
func show(bom *cdx.BOM) string {
	var b strings.Builder
	layers := map[string]string{}
	main := bom.Metadata.Component
	for _, p := range *main.Properties {
		if p.Name == image.PropertyLayer {
			layers[p.Value] = strconv.Itoa(len(layers))
		}
	}
	component := func(c *cdx.Component, indent string) {
		fmt.Fprintf(&b, "%s%s %s %s", indent, c.Type, strings.TrimPrefix(c.Group+"/"+c.Name, "/"), c.Version)
		if c.Scope != "" {
			fmt.Fprintf(&b, " (%s)", c.Scope)
		}
		b.WriteByte('\n')
		if c.PackageURL != "" {
			fmt.Fprintf(&b, "%s  %s\n", indent, c.PackageURL)
		}
		if c.Supplier != nil {
			fmt.Fprintf(&b, "%s  by %s\n", indent, c.Supplier.Name)
		}
		lists := []struct {
			name string
			list *cdx.Licenses
		}{{"licence", c.Licenses}}
		if c.Evidence != nil {
			lists = append(lists, struct {
				name string
				list *cdx.Licenses
			}{"licence found", c.Evidence.Licenses})
		}
		for _, l := range lists {
			if l.list == nil {
				continue
			}
			for _, choice := range *l.list {
				switch {
				case choice.Expression != "":
					fmt.Fprintf(&b, "%s  %s %s\n", indent, l.name, choice.Expression)
				case choice.License.ID != "":
					fmt.Fprintf(&b, "%s  %s %s\n", indent, l.name, choice.License.ID)
				default:
					fmt.Fprintf(&b, "%s  %s named %q\n", indent, l.name, choice.License.Name)
				}
			}
		}
		if c.ExternalReferences != nil {
			for _, r := range *c.ExternalReferences {
				fmt.Fprintf(&b, "%s  %s %s\n", indent, r.Type, r.URL)
			}
		}
		if c.Properties != nil {
			path := ""
			for _, p := range *c.Properties {
				switch {
				case p.Name == image.PropertyPath:
					path = p.Value
				case p.Name == image.PropertyLayerIndex:
					fmt.Fprintf(&b, "%s  at %s of layer %s\n", indent, path, p.Value)
				case p.Name == image.PropertyLayer && path != "" && layers[p.Value] == "":
					fmt.Fprintf(&b, "%s  of a layer that is none\n", indent)
				case p.Name == image.PropertyLayer, p.Name == image.PropertyConfig, p.Name == image.PropertyIndex, p.Name == image.PropertyEcosystem:
				case strings.HasPrefix(p.Name, "touchmark:image:"):
					fmt.Fprintf(&b, "%s  %s: %s\n", indent, strings.TrimPrefix(p.Name, "touchmark:image:"), p.Value)
				}
			}
		}
		if c.Components != nil {
			for i := range *c.Components {
				inner := &(*c.Components)[i]
				fmt.Fprintf(&b, "%s  holds %s %s\n", indent, inner.Name, inner.Version)
			}
		}
	}
	main.Name, main.Version = "image", ""
	component(main, "")
	for i := range *bom.Components {
		component(&(*bom.Components)[i], "")
	}
	short := func(ref string) string {
		if strings.HasPrefix(ref, "image@") {
			return "image"
		}
		return ref
	}
	for _, d := range *bom.Dependencies {
		for _, to := range *d.Dependencies {
			fmt.Fprintf(&b, "%s -> %s\n", short(d.Ref), short(to))
		}
	}
	for _, c := range *bom.Compositions {
		for kind, list := range map[string]*[]cdx.BOMReference{"parts of": c.Assemblies, "dependencies of": c.Dependencies} {
			if list == nil {
				continue
			}
			for _, ref := range *list {
				fmt.Fprintf(&b, "%s: %s %s\n", c.Aggregate, kind, short(string(ref)))
			}
		}
	}
	return b.String()
}

// Every file of testdata tells of one image, layer by layer, and of its BOM or why
// there is none.
func TestBOMs(t *testing.T) {
	stories, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(stories) == 0 {
		t.Fatalf("no stories: %v", err)
	}
	for _, file := range stories {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			layers, want := story(t, a)
			l := imagetest.New()
			dir := l.Add(l.Image("linux/amd64", layers...)).Write(t.TempDir())
			got := ""
			boms, err := image.BOMs(t.Context(), dir)
			if err != nil {
				_, text, _ := strings.Cut(err.Error(), ": ") // without the digest
				got = text + "\n"
			} else {
				data := document(t, boms[0])
				again, err := image.BOMs(t.Context(), dir)
				if err != nil || !bytes.Equal(data, document(t, again[0])) {
					t.Errorf("the second time there are other bytes (%v)", err)
				}
				got = show(boms[0])
				defer valid(t, data)
			}
			if got != string(want.Data) {
				if os.Getenv("UPDATE") != "" {
					want.Data = []byte(got)
					if err := os.WriteFile(file, txtar.Format(a), 0o644); err != nil {
						t.Fatal(err)
					}
				}
				t.Errorf("got:\n%s\nwant:\n%s", got, want.Data)
			}
		})
	}
}
