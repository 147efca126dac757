package gomod_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	cdx "github.com/CycloneDX/cyclonedx-go"
	"golang.org/x/mod/modfile"

	"github.com/touchmark-go/touchmark/internal/gofacts/factstest"
	"github.com/touchmark-go/touchmark/internal/modcache"
	"github.com/touchmark-go/touchmark/internal/testkit"
	"github.com/touchmark-go/touchmark/sbom"
	"github.com/touchmark-go/touchmark/sbom/gomod"
)

func read(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func goCommand(t testing.TB, dir string, env []string, args ...string) string {
	t.Helper()
	cmd := exec.Command("go", args...)
	cmd.Dir, cmd.Env = dir, factstest.Env(env...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, stderr.Bytes())
	}
	return string(out)
}

func fromFiles(t testing.TB, files gomod.Files) *cdx.BOM {
	t.Helper()
	bom, err := gomod.FromFiles(files)
	if err != nil {
		t.Fatal(err)
	}
	valid(t, write(t, bom))
	return bom
}

// versions are the listed modules, "PATH VERSION", without the standard library.
func versions(bom *cdx.BOM) (list []string) {
	for _, c := range *bom.Components {
		if c.Name != "stdlib" {
			list = append(list, c.Name+" "+c.Version)
		}
	}
	slices.Sort(list)
	return list
}

// Of our own files, the versions are those that the go command selects, and
// the edges those of its module graph.
func TestFromFilesLikeGo(t *testing.T) {
	root := testkit.Root(t)
	cache := strings.TrimSpace(goCommand(t, root, nil, "env", "GOMODCACHE"))
	files := gomod.Files{GoMod: read(t, filepath.Join(root, "go.mod")), GoSum: read(t, filepath.Join(root, "go.sum")), ModuleCache: os.DirFS(cache)}
	bom := fromFiles(t, files)
	selected := map[string]string{}
	for _, line := range strings.Split(goCommand(t, root, nil, "list", "-m", "all"), "\n") {
		if f := strings.Fields(line); len(f) == 2 {
			selected[f[0]] = f[1]
		}
	}
	main, err := modfile.Parse("go.mod", files.GoMod, nil)
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, r := range main.Require {
		want = append(want, r.Mod.Path+" "+selected[r.Mod.Path])
	}
	slices.Sort(want)
	if got := versions(bom); !slices.Equal(got, want) {
		t.Errorf("modules:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for _, c := range *bom.Components {
		if c.Name != "stdlib" && propertyOf(c, sbom.PropertyH1) == "" && strings.Contains(string(files.GoSum), c.Name+" "+c.Version+" h1:") {
			t.Errorf("%s has no sum", c.Name)
		}
	}
	// go mod graph also prints what a file calls indirect.
	listed := map[string]bool{}
	for _, line := range want {
		listed[strings.ReplaceAll(line, " ", "@")] = true
	}
	wantEdges := map[string]bool{}
	for _, line := range strings.Split(goCommand(t, root, nil, "mod", "graph"), "\n") {
		from, to, ok := strings.Cut(line, " ")
		if !ok || !listed[from] {
			continue
		}
		path, version, _ := strings.Cut(from, "@")
		toPath, _, _ := strings.Cut(to, "@")
		data, err := modcache.Cache{FS: files.ModuleCache}.GoMod(path, version)
		if err != nil {
			t.Fatal(err)
		}
		f, err := modfile.ParseLax("go.mod", data, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range f.Require {
			if to := toPath + "@" + selected[toPath]; r.Mod.Path == toPath && !r.Indirect && listed[to] {
				wantEdges[from+" "+to] = true
			}
		}
	}
	gotEdges := map[string]bool{}
	for _, d := range *bom.Dependencies {
		if d.Ref == bom.Metadata.Component.BOMRef {
			continue
		}
		for _, on := range *d.Dependencies {
			gotEdges[d.Ref+" "+on] = true
		}
	}
	for edge := range wantEdges {
		if !gotEdges[edge] {
			t.Errorf("the edge %s is missing", edge)
		}
	}
	for edge := range gotEdges {
		if !wantEdges[edge] {
			t.Errorf("the edge %s is none", edge)
		}
	}
	if len(gotEdges) < 10 {
		t.Errorf("there are %d edges", len(gotEdges))
	}
}

// Versions are selected as the go command selects them, in graphs made by
// chance, with old modules and new ones, replacements and exclusions.
func TestSelectionLikeGo(t *testing.T) {
	rounds := 12
	if testing.Short() {
		rounds = 3
	}
	for seed := range rounds {
		r := rand.New(rand.NewPCG(uint64(seed), 1))
		cache := t.TempDir()
		const modules, each = 7, 4
		path := func(i int) string { return fmt.Sprintf("example.com/m%d", i) }
		version := func(v int) string { return fmt.Sprintf("v1.%d.0", v) }
		requires := func(self int) string {
			var b strings.Builder
			for i := range modules {
				if i != self && r.IntN(3) == 0 {
					fmt.Fprintf(&b, "require %s %s\n", path(i), version(r.IntN(each)))
				}
			}
			return b.String()
		}
		goVersion := func() string { return []string{"1.16", "1.16", "1.20", "1.21.0"}[r.IntN(4)] }
		for i := range modules {
			for v := range each {
				base := fmt.Sprintf("cache/download/%s/@v/%s", path(i), version(v))
				put(t, cache, base+".mod", fmt.Sprintf("module %s\n\ngo %s\n\n%s", path(i), goVersion(), requires(i)))
				put(t, cache, base+".info", fmt.Sprintf(`{"Version":%q,"Time":"2026-01-01T00:00:00Z"}`, version(v)))
			}
			put(t, cache, "cache/download/"+path(i)+"/@v/list", "v1.0.0\nv1.1.0\nv1.2.0\nv1.3.0\n")
		}
		goMod := fmt.Sprintf("module example.com/main\n\ngo %s\n\n%srequire %s %s\n", []string{"1.16", "1.20", "1.26.0"}[seed%3], requires(0), path(0), version(r.IntN(each)))
		if seed%2 == 0 {
			goMod += fmt.Sprintf("exclude %s %s\nreplace %s %s => %s %s\n", path(1), version(3), path(2), version(2), path(3), version(1))
		}
		dir := t.TempDir()
		put(t, dir, "go.mod", goMod)
		out := goCommand(t, dir, []string{"GOMODCACHE=" + cache, "GOFLAGS=-mod=mod", "GOPROXY=off", "GOSUMDB=off", "GONOSUMCHECK=1", "GOTOOLCHAIN=local"}, "list", "-m", "-f", "{{.Path}} {{.Version}}{{with .Replace}} {{.Path}} {{.Version}}{{end}}", "all")
		goMod = string(read(t, filepath.Join(dir, "go.mod"))) // go list may have tidied it
		main, err := modfile.Parse("go.mod", []byte(goMod), nil)
		if err != nil {
			t.Fatal(err)
		}
		bom := fromFiles(t, gomod.Files{GoMod: []byte(goMod), ModuleCache: os.DirFS(cache)})
		required := map[string]bool{}
		for _, r := range main.Require {
			required[r.Mod.Path] = true
		}
		var want []string
		for _, line := range strings.Split(out, "\n") {
			f := strings.Fields(line)
			if len(f) < 2 || modcache.Prunes(main.Go.Version) && !required[f[0]] {
				continue
			}
			want = append(want, strings.Join(f[len(f)-2:], " "))
		}
		slices.Sort(want)
		got := versions(bom)
		if !slices.Equal(slices.Compact(got), slices.Compact(want)) {
			t.Errorf("seed %d: selected\n%s\nwant\n%s\nof\n%s", seed, strings.Join(got, "\n"), strings.Join(want, "\n"), goMod)
		}
	}
}

const filesMod = "module example.com/app\n\ngo 1.26.0\n\nrequire (\n\ta.b/c v1.0.0\n\tb.c/d v1.0.0 // indirect\n\tc.d/e v1.0.0\n)\n\nreplace c.d/e => ../e\n"

// The document says how little the files say.
func TestFromFilesIsHonest(t *testing.T) {
	cache := fstest.MapFS{"cache/download/a.b/c/@v/v1.0.0.mod": {Data: []byte("module a.b/c\nrequire b.c/d v1.0.0\n")}}
	bom := fromFiles(t, gomod.Files{GoMod: []byte(filesMod), ModuleCache: cache})
	want := "example.com/app -> a.b/c c.d/e stdlib\nstdlib ->\na.b/c -> b.c/d"
	if got := edges(bom); got != want {
		t.Errorf("edges:\n%s\nwant:\n%s", got, want)
	}
	wantKnown := []string{"incomplete: dependencies a.b/c@v1.0.0 example.com/app stdlib", "unknown: dependencies b.c/d@v1.0.0 c.d/e", "unknown: assemblies example.com/app"}
	if got := compositions(bom); !slices.Equal(got, wantKnown) {
		t.Errorf("compositions:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(wantKnown, "\n"))
	}
	metadata := cdx.Component{Properties: bom.Metadata.Properties}
	if propertyOf(metadata, gomod.PropertyList) != "required" || propertyOf(metadata, sbom.PropertyEdges) != "requires" {
		t.Errorf("the list is said to be %v", metadata.Properties)
	}
	stdlib := component(t, bom, "stdlib")
	if stdlib.Version != "" || stdlib.CPE != "" || stdlib.Supplier != nil || bom.Metadata.Component.Version != "" {
		t.Errorf("a version is known that no file names: %+v", stdlib)
	}
	if local := component(t, bom, "c.d/e"); local.Version != "" || local.PackageURL != "" || propertyOf(local, sbom.PropertySource) != "local" {
		t.Errorf("a folder is %+v", local)
	}
	// Without a cache, nobody knows who requires whom, but for the module itself.
	bom = fromFiles(t, gomod.Files{GoMod: []byte(filesMod)})
	if got, want := edges(bom), "example.com/app -> a.b/c c.d/e stdlib\nstdlib ->"; got != want {
		t.Errorf("edges without a cache:\n%s\nwant:\n%s", got, want)
	}
	if !bytes.Equal(write(t, bom), write(t, fromFiles(t, gomod.Files{GoMod: []byte(filesMod)}))) {
		t.Error("the second document differs from the first")
	}
}

func TestFromFilesRefuses(t *testing.T) {
	for name, test := range map[string]struct {
		files gomod.Files
		want  string
	}{
		"no go.mod file":  {gomod.Files{}, "no module"},
		"malformed":       {gomod.Files{GoMod: []byte("module a\nrequire b\n")}, "go.mod:2"},
		"another go.mod":  {gomod.Files{GoMod: []byte(filesMod), GoSum: []byte("a.b/c v1.0.0/go.mod h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n"), ModuleCache: fstest.MapFS{"cache/download/a.b/c/@v/v1.0.0.mod": {Data: []byte("module a.b/c\n")}}}, "a.b/c@v1.0.0"},
		"a broken go.mod": {gomod.Files{GoMod: []byte(filesMod), ModuleCache: fstest.MapFS{"cache/download/a.b/c/@v/v1.0.0.mod": {Data: []byte("require (\n")}}}, "ends within the parentheses"},
		"an endless file": {gomod.Files{GoMod: bytes.Repeat([]byte("\n"), 17<<20)}, "at most"},
	} {
		_, err := gomod.FromFiles(test.files)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want a word about %q", name, err, test.want)
		}
	}
}

func FuzzFromFiles(f *testing.F) {
	f.Add([]byte(filesMod), []byte("a.b/c v1.0.0 h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n"))
	f.Add([]byte("module a\ngo 1.16\nrequire b.c/d v1.0.0\nexclude b.c/d v1.0.0\nreplace b.c/d => b.c/e v1.0.0\n"), []byte{})
	f.Fuzz(func(t *testing.T, goMod, goSum []byte) {
		bom, err := gomod.FromFiles(gomod.Files{GoMod: goMod, GoSum: goSum, ModuleCache: fstest.MapFS{}})
		if err != nil {
			return
		}
		var b bytes.Buffer
		if err := sbom.Write(&b, bom); err != nil {
			t.Errorf("%q gives a document that cannot be written: %v", goMod, err)
		}
	})
}

// large is a module with n requirements, and a cache with their go.mod files,
// each of which requires some others.
func large(t testing.TB, n int) gomod.Files {
	t.Helper()
	dir := t.TempDir()
	var main, sum strings.Builder
	main.WriteString("module example.com/app\n\ngo 1.26.0\n\nrequire (\n")
	path := func(i int) string { return fmt.Sprintf("github.com/organisation-%02d/repository-%03d/v2", i%50, i) }
	for i := range n {
		var b strings.Builder
		fmt.Fprintf(&b, "module %s\n\ngo 1.24.0\n\nrequire (\n", path(i))
		for j := i + 1; j < min(n, i+12); j++ {
			fmt.Fprintf(&b, "\t%s v2.%d.0\n", path(j), j)
		}
		b.WriteString(")\n\nrequire (\n")
		for j := i + 12; j < min(n, i+32); j++ {
			fmt.Fprintf(&b, "\t%s v2.%d.0 // indirect\n", path(j), j)
		}
		b.WriteString(")\n")
		put(t, dir, fmt.Sprintf("cache/download/%s/@v/v2.%d.0.mod", path(i), i), b.String())
		fmt.Fprintf(&main, "\t%s v2.%d.0\n", path(i), i)
		fmt.Fprintf(&sum, "%s v2.%d.0 h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n", path(i), i)
		fmt.Fprintf(&sum, "%s v2.%d.0/go.mod %s\n", path(i), i, modcache.SumGoMod([]byte(b.String())))
	}
	main.WriteString(")\n")
	return gomod.Files{GoMod: []byte(main.String()), GoSum: []byte(sum.String()), ModuleCache: os.DirFS(dir)}
}
