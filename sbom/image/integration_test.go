package image_test

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/touchmark-go/touchmark/internal/ocilayout/imagetest"
	"github.com/touchmark-go/touchmark/sbom/image"
)

// integration skips a test that needs other programs, and what they fetch.
func integration(t *testing.T, programs ...string) {
	t.Helper()
	if os.Getenv("TOUCHMARK_INTEGRATION") != "1" {
		t.Skip("TOUCHMARK_INTEGRATION is not 1: this runs " + strings.Join(programs, ", "))
	}
	for _, program := range programs {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("there is no %s here", program)
		}
	}
}

// run runs a program and returns what it prints.
func run(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	var problems strings.Builder
	cmd.Stderr = &problems
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, problems.String())
	}
	return string(out)
}

// files are the entries of a layer for everything below root, by name.
func files(t *testing.T, root string) map[string]imagetest.Entry {
	t.Helper()
	entries := map[string]imagetest.Entry{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == root {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		name = filepath.ToSlash(name)
		switch {
		case d.IsDir():
			name += "/"
			entries[name] = imagetest.Entry{Name: name}
		case d.Type()&fs.ModeSymlink != 0:
			target, err := os.Readlink(path)
			if err != nil {
				return err
			}
			entries[name] = imagetest.Entry{Name: name, Link: target}
		case d.Type().IsRegular():
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			entries[name] = imagetest.Entry{Name: name, Body: string(data)}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

// layer is the difference of two states of a root.
func layer(before, after map[string]imagetest.Entry) []imagetest.Entry {
	var entries []imagetest.Entry
	for _, name := range slices.Sorted(maps.Keys(after)) {
		if was, ok := before[name]; !ok || was.Body != after[name].Body || was.Link != after[name].Link {
			entries = append(entries, after[name])
		}
	}
	for _, name := range slices.Sorted(maps.Keys(before)) {
		if _, ok := after[name]; !ok {
			folder, base := filepath.Split(strings.TrimSuffix(name, "/"))
			if _, ok := after[folder]; ok || folder == "" {
				entries = append(entries, imagetest.Entry{Name: folder + ".wh." + base})
			}
		}
	}
	return entries
}

// imageOf is the BOM of an image of layers, which is valid.
func imageOf(t *testing.T, layers ...[]imagetest.Entry) *cdx.BOM {
	t.Helper()
	l := imagetest.New()
	boms, err := image.BOMs(t.Context(), l.Add(l.Image("linux/amd64", layers...)).Write(t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	valid(t, document(t, boms[0]))
	return boms[0]
}

// property is the first value of a component's property.
func property(c *cdx.Component, name string) string {
	if c.Properties != nil {
		for _, p := range *c.Properties {
			if p.Name == name {
				return p.Value
			}
		}
	}
	return ""
}

// named are the components of an ecosystem as describe describes them, sorted.
func named(bom *cdx.BOM, ecosystem string, describe func(*cdx.Component) string) []string {
	var list []string
	for i := range *bom.Components {
		if c := &(*bom.Components)[i]; property(c, image.PropertyEcosystem) == ecosystem {
			list = append(list, describe(c))
		}
	}
	slices.Sort(list)
	return list
}

// same fails t with what is missing and what is too much.
func same(t *testing.T, got, want []string) {
	t.Helper()
	if len(want) == 0 {
		t.Fatal("the oracle knows nothing")
	}
	for _, g := range got {
		if !slices.Contains(want, g) {
			t.Errorf("%s is listed and is not there", g)
		}
	}
	for _, w := range want {
		if !slices.Contains(got, w) {
			t.Errorf("%s is there and is not listed", w)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d listed, want %d", len(got), len(want))
	}
	t.Logf("%d listed, %d are there", len(got), len(want))
}

func debianWords(c *cdx.Component) string {
	_, arch, _ := strings.Cut(c.PackageURL, "?arch=")
	arch, _, _ = strings.Cut(arch, "&")
	return c.Name + " " + c.Version + " " + arch
}

// Real packages, put into a root by dpkg itself, in three layers: dpkg's own list
// of what is there at the end is ours, and each package came with the layer in
// which dpkg put it there.
func TestDebianRoot(t *testing.T) {
	integration(t, "dpkg", "apt-get")
	if os.Getuid() != 0 {
		t.Skip("dpkg unpacks for nobody but root")
	}
	debs, root := t.TempDir(), t.TempDir()
	if err := os.Chmod(debs, 0o755); err != nil {
		t.Fatal(err)
	}
	names := []string{"base-files", "mawk", "zlib1g", "hello"}
	if _, err := exec.CommandContext(t.Context(), "apt-cache", append([]string{"show"}, names...)...).Output(); err != nil {
		run(t, debs, "apt-get", "update", "-q")
	}
	run(t, debs, "apt-get", append([]string{"download", "-q"}, names...)...)
	for _, name := range []string{"var/lib/dpkg/info", "var/lib/dpkg/updates"} {
		if err := os.MkdirAll(filepath.Join(root, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"status", "available"} {
		if err := os.WriteFile(filepath.Join(root, "var/lib/dpkg", name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	install := func(names ...string) map[string]imagetest.Entry {
		for _, name := range names {
			found, err := filepath.Glob(filepath.Join(debs, name+"_*.deb"))
			if err != nil || len(found) != 1 {
				t.Fatalf("%s: %v, %v", name, found, err)
			}
			run(t, root, "dpkg", "--root="+root, "--force-all", "--unpack", found[0])
		}
		return files(t, root)
	}
	first := install("base-files", "mawk")
	second := install("zlib1g", "hello")
	run(t, root, "dpkg", "--root="+root, "--force-all", "--remove", "hello")
	third := files(t, root)

	bom := imageOf(t, layer(nil, first), layer(first, second), layer(second, third))
	want := strings.Split(strings.TrimSpace(run(t, root, "dpkg-query", "--admindir="+root+"/var/lib/dpkg", "-W", "-f", `${Package} ${Version} ${Architecture}\n`)), "\n")
	same(t, named(bom, "deb", debianWords), want)
	layers := named(bom, "deb", func(c *cdx.Component) string { return c.Name + " " + property(c, image.PropertyLayerIndex) })
	if got := strings.Join(layers, ", "); got != "base-files 0, mawk 0, zlib1g 1" {
		t.Errorf("the layers are %s", got)
	}
}

// The database of the machine that the test runs on, hundreds of packages in every
// state: what dpkg-query calls there is what is listed, every package with its own
// architecture, and every licence found is one.
func TestDebianHost(t *testing.T) {
	integration(t, "dpkg-query")
	var entries []imagetest.Entry
	for _, pattern := range []string{"/var/lib/dpkg/status", "/etc/os-release", "/usr/lib/os-release", "/usr/share/doc/*/copyright", "/var/lib/dpkg/info/*.list"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range found {
			info, err := os.Lstat(name)
			if err != nil || !info.Mode().IsRegular() {
				continue
			}
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			entries = append(entries, imagetest.Entry{Name: name, Body: string(data)})
		}
	}
	bom := imageOf(t, entries)
	var want []string
	for _, line := range strings.Split(strings.TrimSpace(run(t, "", "dpkg-query", "-W", "-f", `${db:Status-Status} ${Package} ${Version} ${Architecture}\n`)), "\n") {
		if status, rest, _ := strings.Cut(line, " "); status != "config-files" && status != "not-installed" {
			want = append(want, rest)
		}
	}
	same(t, named(bom, "deb", debianWords), want)
	licensed := 0
	for _, c := range *bom.Components {
		if c.Evidence != nil {
			licensed++
		}
	}
	t.Logf("%d of %d with licences; %s of %s files unaccounted for; unread: %q", licensed, len(want),
		property(bom.Metadata.Component, image.PropertyStrangers), property(bom.Metadata.Component, image.PropertyFiles), property(bom.Metadata.Component, image.PropertyUnread))
	if licensed == 0 {
		t.Error("no licence was found at all")
	}
}

// What npm really installs: packages and edges are those that npm ls prints.
func TestNPMInstall(t *testing.T) {
	integration(t, "npm")
	root := t.TempDir()
	app := filepath.Join(root, "srv", "app")
	if err := os.MkdirAll(app, 0o755); err != nil {
		t.Fatal(err)
	}
	manifest := `{"name": "app", "version": "1.0.0", "dependencies": {"express": "4.19.2", "chalk": "4.1.2", "@types/ms": "0.7.34"}, "devDependencies": {"left-pad": "1.3.0"}}`
	if err := os.WriteFile(filepath.Join(app, "package.json"), []byte(manifest), 0o644); err != nil {
		t.Fatal(err)
	}
	run(t, app, "npm", "install", "--omit=dev", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error")

	type tree struct {
		Name         string          `json:"name"`
		Version      string          `json:"version"`
		Dependencies map[string]tree `json:"dependencies"`
	}
	var top tree
	if err := json.Unmarshal([]byte(run(t, app, "npm", "ls", "--all", "--omit=dev", "--json")), &top); err != nil {
		t.Fatal(err)
	}
	packages, edges := map[string]bool{}, map[string]bool{}
	var visit func(from string, deps map[string]tree)
	visit = func(from string, deps map[string]tree) {
		for name, d := range deps {
			if d.Version == "" {
				continue // an optional one that is not there
			}
			id := name + "@" + d.Version
			packages[id] = true
			if from != "" {
				edges[from+" -> "+id] = true
			}
			visit(id, d.Dependencies)
		}
	}
	visit("", top.Dependencies)

	bom := imageOf(t, layer(nil, files(t, root)))
	id := func(c *cdx.Component) string {
		return strings.TrimPrefix(c.Group+"/"+c.Name, "/") + "@" + c.Version
	}
	same(t, named(bom, "npm", id), slices.Collect(maps.Keys(packages)))
	ids := map[string]string{}
	for i := range *bom.Components {
		ids[(*bom.Components)[i].BOMRef] = id(&(*bom.Components)[i])
	}
	var found []string
	for _, d := range *bom.Dependencies {
		for _, to := range *d.Dependencies {
			if from := ids[d.Ref]; from != "" {
				found = append(found, from+" -> "+ids[to])
			}
		}
	}
	same(t, found, slices.Collect(maps.Keys(edges)))
	for i := range *bom.Components {
		c := &(*bom.Components)[i]
		// Where npm leaves the address out, the digest stands alone.
		if !strings.HasPrefix(property(c, image.PropertyLocked), "sha512:") && (c.ExternalReferences == nil ||
			!slices.ContainsFunc(*c.ExternalReferences, func(r cdx.ExternalReference) bool {
				return r.Type == cdx.ERTypeDistribution && r.Hashes != nil && (*r.Hashes)[0].Algorithm == cdx.HashAlgoSHA512
			})) {
			t.Errorf("%s has no digest of its archive", id(c))
		}
	}
}

// What pip has in an environment of its own is what pip list prints.
func TestPythonEnvironment(t *testing.T) {
	integration(t, "python3")
	root := t.TempDir()
	run(t, root, "python3", "-m", "venv", "venv")
	var want []struct{ Name, Version string }
	if err := json.Unmarshal([]byte(run(t, root, filepath.Join(root, "venv", "bin", "python"), "-m", "pip", "list", "--format=json", "--disable-pip-version-check")), &want); err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, w := range want {
		list = append(list, fmt.Sprintf("%s@%s", strings.ToLower(w.Name), w.Version))
	}
	bom := imageOf(t, layer(nil, files(t, root)))
	same(t, named(bom, "pypi", func(c *cdx.Component) string { return c.Name + "@" + c.Version }), list)
}

// RPM's own programs build packages and put them into its database, hundreds, so that
// the tree in it has levels; what rpm -qa prints is what is listed.
func TestRPMDatabase(t *testing.T) {
	integration(t, "dpkg", "apt-get")
	tools, root := t.TempDir(), t.TempDir()
	if err := os.Chmod(tools, 0o755); err != nil {
		t.Fatal(err)
	}
	packages := []string{"rpm", "rpm-common", "librpm9", "librpmio9", "librpmbuild9", "librpmsign9", "liblua5.3-0", "libpopt0", "libarchive13"}
	if out, err := exec.CommandContext(t.Context(), "apt-cache", append([]string{"show"}, packages...)...).CombinedOutput(); err != nil {
		t.Skipf("this Debian has other packages of rpm: %s", out)
	}
	run(t, tools, "apt-get", append([]string{"download", "-q"}, packages...)...)
	found, err := filepath.Glob(filepath.Join(tools, "*.deb"))
	if err != nil {
		t.Fatal(err)
	}
	for _, deb := range found {
		run(t, tools, "dpkg", "-x", deb, tools)
	}
	libraries, err := filepath.Glob(filepath.Join(tools, "usr", "lib", "*-linux-*"))
	if err != nil || len(libraries) != 1 {
		t.Fatalf("%v, %v", libraries, err)
	}
	t.Setenv("LD_LIBRARY_PATH", libraries[0])
	t.Setenv("RPM_CONFIGDIR", filepath.Join(tools, "usr", "lib", "rpm"))
	t.Setenv("HOME", root)
	spec := "Name: many\nVersion: 1\nRelease: 1\nSummary: s\nLicense: MIT\nBuildArch: noarch\n%description\nx\n"
	for i := range 300 {
		epoch := ""
		if i%3 == 1 {
			epoch = "Epoch: 2\n"
		}
		spec += fmt.Sprintf("%%package -n p%d\nSummary: package %d\nVersion: 1.%d~rc1\n%sLicense: GPL-2.0-or-later OR MIT\nURL: https://p.example/\nRequires: p%d, /usr/bin/p0\nVendor: Somebody\n%%description -n p%d\n%s\n%%files -n p%d\n/usr/bin/p%d\n",
			i, i, i, epoch, (i+1)%300, i, strings.Repeat("word ", i%7*400), i, i)
	}
	spec += "%install\nmkdir -p %{buildroot}/usr/bin\nfor i in $(seq 0 299); do echo $i > %{buildroot}/usr/bin/p$i; done\n"
	if err := os.WriteFile(filepath.Join(root, "many.spec"), []byte(spec), 0o644); err != nil {
		t.Fatal(err)
	}
	usr := filepath.Join(tools, "usr", "bin")
	run(t, root, filepath.Join(usr, "rpmbuild"), "--quiet", "-bb", "--define", "_topdir "+root+"/build", "--define", "_build_id_links none", "many.spec")
	built, err := filepath.Glob(filepath.Join(root, "build", "RPMS", "noarch", "p*.rpm"))
	if err != nil || len(built) != 300 {
		t.Fatalf("%d packages were built, %v", len(built), err)
	}
	rpm := filepath.Join(usr, "rpm")
	for backend, name := range map[string]string{"sqlite": "rpmdb.sqlite", "ndb": "Packages.db"} {
		t.Run(backend, func(t *testing.T) {
			database := filepath.Join(root, backend)
			common := []string{"--define", "_db_backend " + backend, "--dbpath", database}
			out, err := exec.CommandContext(t.Context(), filepath.Join(usr, "rpmdb"), append(common, "--initdb")...).CombinedOutput()
			if strings.Contains(string(out), "invalid %_db_backend") {
				if backend == "sqlite" {
					t.Fatalf("%s", out)
				}
				t.Skip("this rpm was built without " + backend + ", as Debian's is")
			}
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			run(t, root, rpm, append(append(common, "-i", "--justdb", "--nodeps", "--nosignature"), built...)...)
			run(t, root, rpm, append(common, "-e", "--justdb", "--nodeps", "p7", "p299")...) // which leaves holes
			list := run(t, root, rpm, append(common, "-qa", "--qf", `%{NAME} %{EPOCHNUM}:%{VERSION}-%{RELEASE} %{ARCH}\n`)...)
			data, err := os.ReadFile(filepath.Join(database, name))
			if err != nil {
				t.Fatal(err)
			}
			likeRPM(t, "usr/lib/sysimage/rpm/"+name, string(data), list)
		})
	}
}

// likeRPM holds what is read of a database against what rpm -qa prints of it.
func likeRPM(t *testing.T, name, data, list string) {
	t.Helper()
	bom := imageOf(t, []imagetest.Entry{{Name: "etc/os-release", Body: "ID=fedora\nVERSION_ID=43\n"}, {Name: name, Body: data}})
	var want []string
	for line := range strings.Lines(list) {
		want = append(want, strings.Replace(strings.TrimSpace(line), " 0:", " ", 1))
	}
	if len(want) != 298 {
		t.Fatalf("rpm lists %d packages, want 298", len(want))
	}
	same(t, named(bom, "rpm", debianWords), want)
	for i := range *bom.Components {
		c := &(*bom.Components)[i]
		if c.Name == "p1" && (c.PackageURL != "pkg:rpm/fedora/p1@1.1~rc1-1?arch=noarch&distro=fedora-43&epoch=2" || (*c.Licenses)[0].Expression != "GPL-2.0-or-later OR MIT") {
			t.Errorf("%s %+v", c.PackageURL, *c.Licenses)
		}
	}
	edges := 0
	for _, d := range *bom.Dependencies {
		if strings.HasPrefix(d.Ref, "pkg:rpm/") {
			edges += len(*d.Dependencies)
		}
	}
	// Each requires the next and p0, and nobody the two that are gone or itself.
	if edges != 295*2+3 {
		t.Errorf("%d edges", edges)
	}
}

// Berkeley DB itself writes a database, from RPM's headers by their numbers, some
// short and some of many pages.
func TestRPMBerkeley(t *testing.T) {
	integration(t, "dpkg", "apt-get")
	tools := t.TempDir()
	if err := os.Chmod(tools, 0o755); err != nil {
		t.Fatal(err)
	}
	packages := []string{"db5.3-util", "libdb5.3t64"}
	if exec.CommandContext(t.Context(), "apt-cache", "show", packages[1]).Run() != nil {
		packages[1] = "libdb5.3"
	}
	run(t, tools, "apt-get", append([]string{"download", "-q"}, packages...)...)
	found, err := filepath.Glob(filepath.Join(tools, "*.deb"))
	if err != nil {
		t.Fatal(err)
	}
	for _, deb := range found {
		run(t, tools, "dpkg", "-x", deb, tools)
	}
	libraries, err := filepath.Glob(filepath.Join(tools, "usr", "lib", "*-linux-*"))
	if err != nil || len(libraries) != 1 {
		t.Fatalf("%v, %v", libraries, err)
	}
	t.Setenv("LD_LIBRARY_PATH", libraries[0])
	var headers [][]byte
	for i := range 200 {
		headers = append(headers, rpm(map[uint32]any{1000: fmt.Sprintf("p%d", i), 1001: "1", 1002: fmt.Sprint(i), 1004: strings.Repeat("word ", i%9*300)}, 1000, 1001, 1002, 1004))
	}
	dump := "VERSION=3\nformat=bytevalue\ntype=hash\ndb_pagesize=4096\nHEADER=END\n"
	record := func(key uint32, value []byte) {
		dump += fmt.Sprintf(" %x\n %x\n", binary.NativeEndian.AppendUint32(nil, key), value)
	}
	record(0, binary.NativeEndian.AppendUint32(nil, 200))
	for i, h := range headers {
		record(uint32(i+1), h)
	}
	if err := os.WriteFile(filepath.Join(tools, "dump"), []byte(dump+"DATA=END\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	run(t, tools, filepath.Join(tools, "usr", "bin", "db5.3_load"), "-f", "dump", "Packages")
	data, err := os.ReadFile(filepath.Join(tools, "Packages"))
	if err != nil {
		t.Fatal(err)
	}
	list := func(name string, data []byte) []string {
		return named(imageOf(t, []imagetest.Entry{{Name: "etc/os-release", Body: "ID=fedora\n"}, {Name: name, Body: string(data)}}), "rpm", debianWords)
	}
	want := list("var/lib/rpm/Packages.db", ndb(headers...))
	if len(want) != 200 {
		t.Fatalf("%d packages", len(want))
	}
	same(t, list("var/lib/rpm/Packages", data), want)
}
