package gomod_test

import (
	"context"
	"fmt"
	"io/fs"
	"log"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	cdx "github.com/CycloneDX/cyclonedx-go"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/touchmark-go/touchmark/internal/sumproof"
	"github.com/touchmark-go/touchmark/internal/sumproof/prooftest"
	"github.com/touchmark-go/touchmark/sbom"
	"github.com/touchmark-go/touchmark/sbom/gomod"
)

// listed is a BOM of modules, and a database that has them among many others.
func listed(t testing.TB) (*cdx.BOM, *prooftest.DB) {
	t.Helper()
	db := prooftest.New("sums.example")
	modules := [][2]string{{"acme.example/Upper", "v1.2.3"}, {"acme.example/b", "v2.0.0+incompatible"}, {"acme.example/c", "v0.0.0-20260101000000-abcdefabcdef"}}
	var components []cdx.Component
	for i := range 700 {
		db.Add(fmt.Sprintf("other.example/m%d", i), "v1.0.0", prooftest.Sum(fmt.Sprint(i)))
		if i%300 == 50 {
			m := modules[i/300]
			sum := prooftest.Sum(m[0])
			db.Add(m[0], m[1], sum)
			components = append(components, cdx.Component{Type: cdx.ComponentTypeLibrary, Name: m[0], Version: m[1], Properties: &[]cdx.Property{{Name: sbom.PropertyH1, Value: sum}}})
		}
	}
	components = append(components, cdx.Component{Type: cdx.ComponentTypeLibrary, Name: "stdlib", Version: "1.26.8"},
		cdx.Component{Type: cdx.ComponentTypeLibrary, Name: "private.example/x", Version: "v1.0.0", Properties: &[]cdx.Property{{Name: sbom.PropertyH1, Value: prooftest.Sum("x")}}})
	return &cdx.BOM{Metadata: &cdx.Metadata{Component: &cdx.Component{Name: "app"}}, Components: &components}, db
}

func valueOf(list *[]cdx.Property, name string) (all []string) {
	if list != nil {
		for _, p := range *list {
			if p.Name == name {
				all = append(all, p.Value)
			}
		}
	}
	return all
}

// proven are the components with a proof, each of which is held against its head.
func proven(t testing.TB, bom *cdx.BOM, key string) (names []string) {
	t.Helper()
	verifier, err := note.NewVerifier(key)
	if err != nil {
		t.Fatal(err)
	}
	trees := map[int64]tlog.Tree{}
	for _, head := range valueOf(bom.Metadata.Properties, sbom.PropertySumDBHead) {
		tree, err := sumproof.OpenHead(head, note.VerifierList(verifier))
		if err != nil {
			t.Fatal(err)
		}
		trees[tree.N] = tree
	}
	for _, c := range *bom.Components {
		for _, text := range valueOf(c.Properties, sbom.PropertySumDB) {
			p, err := sumproof.Parse(text)
			if err == nil {
				err = p.Check(trees[p.Size], c.Name, c.Version, valueOf(c.Properties, sbom.PropertyH1)[0])
			}
			if err != nil {
				t.Errorf("the proof of %s: %v", c.Name, err)
			}
			names = append(names, c.Name)
		}
	}
	return names
}

// What the go command keeps is enough to prove each module that it asked for,
// and what it never asked for has no proof. A second time changes nothing.
func TestProve(t *testing.T) {
	bom, db := listed(t)
	source := gomod.SumDB{FS: db.FS(), Key: db.Key}
	for range 2 {
		if err := source.Prove(t.Context(), bom); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(proven(t, bom, db.Key), " "); got != "acme.example/Upper acme.example/b acme.example/c" {
			t.Errorf("proofs of %s", got)
		}
	}
	if heads := valueOf(bom.Metadata.Properties, sbom.PropertySumDBHead); len(heads) != 1 {
		t.Errorf("%d heads, want one for all", len(heads))
	}
	// Where the tiles that a later head needs are gone, an earlier one serves.
	files := db.FS()
	for name := range files {
		if name == "tile/8/0/000" || name == "tile/8/0/001" || strings.HasPrefix(name, "tile/8/0/002") || strings.HasPrefix(name, "tile/8/1/000.p/2") {
			delete(files, name)
		}
	}
	if err := (gomod.SumDB{FS: files, Key: db.Key}).Prove(t.Context(), bom); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(proven(t, bom, db.Key), " "); got != "acme.example/Upper acme.example/b" {
		t.Errorf("with tiles missing, proofs of %s", got)
	}
	if heads := valueOf(bom.Metadata.Properties, sbom.PropertySumDBHead); len(heads) != 2 {
		t.Errorf("with tiles missing, %d heads, want 2", len(heads))
	}
	if err := (gomod.SumDB{Key: db.Key}).Prove(t.Context(), bom); err != nil || len(proven(t, bom, db.Key)) != 0 || bom.Metadata.Properties != nil {
		t.Errorf("without a database, proofs of %v, %v", proven(t, bom, db.Key), err)
	}
}

// A database that lies, or that another key signed, is an error and not less.
func TestProveRefuses(t *testing.T) {
	const lookup = "lookup/acme.example/b@v2.0.0+incompatible"
	for name, change := range map[string]func(db *prooftest.DB, files fstest.MapFS, bom *cdx.BOM) string{
		"a key that is none": func(*prooftest.DB, fstest.MapFS, *cdx.BOM) string { return "sums.example" },
		"another's key":      func(*prooftest.DB, fstest.MapFS, *cdx.BOM) string { return prooftest.New("sums.example").Key },
		"another sum": func(db *prooftest.DB, _ fstest.MapFS, bom *cdx.BOM) string {
			(*(*bom.Components)[1].Properties)[0].Value = prooftest.Sum("?")
			return db.Key
		},
		"another record": func(db *prooftest.DB, files fstest.MapFS, _ *cdx.BOM) string {
			files[lookup] = files["lookup/other.example/m3@v1.0.0"]
			return db.Key
		},
		"a record's number": func(db *prooftest.DB, files fstest.MapFS, _ *cdx.BOM) string {
			files[lookup].Data = append([]byte("1"), files[lookup].Data[1:]...)
			return db.Key
		},
		"a tile that is less": func(db *prooftest.DB, files fstest.MapFS, _ *cdx.BOM) string {
			files["tile/8/0/000"].Data[5] ^= 1
			return db.Key
		},
		"no end": func(db *prooftest.DB, files fstest.MapFS, _ *cdx.BOM) string {
			files[lookup].Data = make([]byte, 2<<20)
			return db.Key
		},
	} {
		bom, db := listed(t)
		files := db.FS()
		key := change(db, files, bom)
		before := string(write(t, &cdx.BOM{BOMFormat: "CycloneDX", SpecVersion: cdx.SpecVersion1_6, Version: 1, Components: bom.Components}))
		if err := (gomod.SumDB{FS: files, Key: key}).Prove(t.Context(), bom); err == nil {
			t.Errorf("%s: is proven", name)
		}
		if after := string(write(t, &cdx.BOM{BOMFormat: "CycloneDX", SpecVersion: cdx.SpecVersion1_6, Version: 1, Components: bom.Components})); after != before {
			t.Errorf("%s: the BOM has changed", name)
		}
	}
	if err := (gomod.SumDB{}).Prove(t.Context(), nil); err == nil {
		t.Error("nothing is proven")
	}
}

// The database that the go command asks by itself, as the module cache has it
// after this repository was built.
func TestProveReal(t *testing.T) {
	if os.Getenv("TOUCHMARK_INTEGRATION") != "1" {
		t.Skip("wants a module cache that a checksum database was asked for: set TOUCHMARK_INTEGRATION=1")
	}
	const key = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"
	cache := strings.TrimSpace(goCommand(t, ".", nil, "env", "GOMODCACHE"))
	db := filepath.Join(cache, "cache", "download", "sumdb", "sum.golang.org")
	if _, err := os.Stat(db); err != nil {
		t.Skip("the go command has kept nothing of the database")
	}
	dir, _ := product(t, products[2].modules)
	bom, err := gomod.FromSource(t.Context(), dir, ".")
	if err != nil {
		t.Fatal(err)
	}
	if err := (gomod.SumDB{FS: os.DirFS(db), Key: key}).Prove(t.Context(), bom); err != nil {
		t.Fatal(err)
	}
	names := proven(t, bom, key)
	t.Logf("%d of %d modules, %d heads, %d bytes", len(names), len(*bom.Components)-1, len(valueOf(bom.Metadata.Properties, sbom.PropertySumDBHead)), len(write(t, bom)))
	if len(names) == 0 {
		t.Error("no module is proven")
	}
}

// database stands for what the go command keeps of a checksum database:
// os.DirFS(filepath.Join(goModCache, "cache/download/sumdb", name)).
func database() (fs.FS, string) {
	db := prooftest.New("sums.example")
	db.Add("golang.org/x/mod", "v0.42.0", "h1:ICeL3t2L30ljSPHHxDnR4fqVcBt/zR2zJAb9juavmQg=")
	return db.FS(), db.Key
}

// Carry along that the whole world was told the same sums.
func ExampleSumDB_Prove() {
	bom := &cdx.BOM{Metadata: &cdx.Metadata{}, Components: &[]cdx.Component{{
		Name: "golang.org/x/mod", Version: "v0.42.0",
		Properties: &[]cdx.Property{{Name: sbom.PropertyH1, Value: "h1:ICeL3t2L30ljSPHHxDnR4fqVcBt/zR2zJAb9juavmQg="}},
	}}}
	files, key := database()
	if err := (gomod.SumDB{FS: files, Key: key}).Prove(context.Background(), bom); err != nil {
		log.Fatal(err) // a record has another sum, or the key did not sign it
	}
	for _, p := range *(*bom.Components)[0].Properties {
		fmt.Println(p.Name)
	}
	// Output:
	// touchmark:go:h1
	// touchmark:go:sumdb
}
