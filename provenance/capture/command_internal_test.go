package capture

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/touchmark-go/touchmark/internal/lockfile"
	"github.com/touchmark-go/touchmark/internal/ocilayout/imagetest"
	"github.com/touchmark-go/touchmark/internal/testkit"
	"github.com/touchmark-go/touchmark/provenance"
)

// documentedCommand is a build as the document's example shows it, looked at by nobody.
func documentedCommand(t *testing.T) (*building, []provenance.ResourceDescriptor) {
	t.Helper()
	sum := func(of string) provenance.Digest { return provenance.SumSHA256([]byte(of)) }
	const text = `{"name":"web","lockfileVersion":3,"packages":{"":{"name":"web"},"node_modules/left":{"version":"1.2.3","integrity":"sha512-z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DGNKHfuwvY7kxvUdBeoGlODJ6+SfaPg=="}}}`
	parsed, err := lockfile.Parse("package-lock.json", strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	image := sum("manifest")
	out := outputFile{given: "dist/web", path: "/src/web/dist/web", grade: Observed, why: "made"}
	for _, part := range []struct{ what, mediaType string }{{"manifest", "application/vnd.oci.image.manifest.v1+json"}, {"config", "application/vnd.oci.image.config.v1+json"}, {"layer", "application/vnd.oci.image.layer.v1.tar+gzip"}} {
		out.contents.parts = append(out.contents.parts, provenance.ResourceDescriptor{Name: "dist/web#" + sum(part.what).String(), Digest: provenance.Set(sum(part.what)), MediaType: part.mediaType})
	}
	out.contents.inside = []material{{provenance.ResourceDescriptor{Name: "app/web", Digest: provenance.Set(sum("program")), Annotations: map[string]json.RawMessage{annotationImage: jsonValue(image)}}, Observed, inImage}}
	b := &building{
		options: Options{Env: []string{"TARGET"}, Arguments: []string{"image", "-j4"}},
		argv:    []string{"/usr/bin/make", "-j4", "TOKEN=secret", "image"},
		env:     []string{"TARGET=web", "GITHUB_TOKEN=secret"}, start: "/src/web", dir: "/src/web", root: "/src/web", rootName: "/src/web",
		source: source{top: "/src/web", commit: "5f1e2c9d8a3b4c5d6e7f8091a2b3c4d5e6f70819", tree: "9b2f6c1e0d4a5b3c7e8f1a2b3c4d5e6f70819a2b", ref: "refs/tags/v1.4.0",
			refWhy: "the tag of the commit", repository: "https://github.com/acme/web", remoteWhy: "the remote origin", dirtyKnown: true},
		locks:      []*lock{{name: "package-lock.json", before: sum(text), after: sum(text), parsed: parsed}},
		program:    provenance.Set(sum("make")),
		outputs:    []outputFile{out},
		invocation: "0f8fad5b-d9cb-469f-a165-70867728950e",
		started:    time.Date(2026, 11, 21, 3, 6, 40, 0, time.UTC),
		finished:   time.Date(2026, 11, 21, 3, 7, 0, 0, time.UTC),
	}
	return b, []provenance.ResourceDescriptor{{Name: "dist/web", Digest: provenance.DigestSet{provenance.DirHash: sum("folder").Hex()}}}
}

// TestDocumentedCommand wants the document's example to be what this package
// writes, byte for byte.
func TestDocumentedCommand(t *testing.T) {
	const dir = "../../docs/build-types/command/"
	b, subjects := documentedCommand(t)
	r, err := b.write(subjects)
	if err != nil {
		t.Fatal(err)
	}
	got, err := r.Statement().Marshal()
	if err != nil {
		t.Fatal(err)
	}
	var indented bytes.Buffer
	if err := json.Indent(&indented, got, "", "  "); err != nil {
		t.Fatal(err)
	}
	document, err := os.ReadFile(dir + "v1.md")
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(document), "```json\n")
	shown, after, closed := strings.Cut(rest, "```")
	if !ok || !closed {
		t.Fatal("the document has no example")
	}
	if *update {
		whole := before + "```json\n" + indented.String() + "\n```" + after
		for name, data := range map[string]string{"v1.md": whole, "v1.example.json": string(got)} {
			if err := os.WriteFile(dir+name, []byte(data), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		return
	}
	want, err := os.ReadFile(dir + "v1.example.json")
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("the example is\n%s, want\n%s", want, got)
	}
	if strings.TrimSuffix(shown, "\n") != indented.String() {
		t.Errorf("the document shows\n%s, want\n%s", shown, indented.String())
	}
}

// TestKinds says what an output is, where its content says so itself.
func TestKinds(t *testing.T) {
	npm := func(name, version string) []byte {
		return imagetest.Gzip(imagetest.Tar(imagetest.Entry{Name: "package/package.json", Body: fmt.Sprintf(`{"name":%q,"version":%q}`, name, version)}, imagetest.Entry{Name: "package/index.js", Body: "1"}))
	}
	for name, test := range map[string]struct {
		data []byte
		want string
	}{
		"a zip file":                 {[]byte("PK\x05\x06" + strings.Repeat("\x00", 18)), "application/zip "},
		"a tar file":                 {imagetest.Tar(imagetest.Entry{Name: "a"}), "application/x-tar "},
		"a compressed tar file":      {imagetest.Gzip(imagetest.Tar(imagetest.Entry{Name: "a"})), "application/gzip "},
		"an npm package":             {npm("left", "1.2.3"), "application/gzip pkg:npm/left@1.2.3"},
		"an npm package in a scope":  {npm("@acme/left", "1.2.3-rc.1+5"), "application/gzip pkg:npm/%40acme/left@1.2.3-rc.1%2B5"},
		"an npm package of no name":  {npm("a/../b", "1"), "application/gzip "},
		"an npm package, upper case": {npm("Left", "1.2.3"), "application/gzip "},
		"a package.json elsewhere":   {imagetest.Gzip(imagetest.Tar(imagetest.Entry{Name: "x/package.json", Body: `{"name":"left","version":"1"}`})), "application/gzip "},
		"a Helm chart":               {imagetest.Gzip(imagetest.Tar(imagetest.Entry{Name: "web/Chart.yaml", Body: "name: web\nversion: 1.0.0\n"})), "application/vnd.cncf.helm.chart.content.v1.tar+gzip "},
		"a machine as OVA":           {imagetest.Tar(imagetest.Entry{Name: "vm.ovf"}, imagetest.Entry{Name: "disk.vmdk"}), "application/ovf "},
		"a disk as qcow2":            {[]byte("QFI\xfb\x00\x00\x00\x03"), "application/x-qemu-disk "},
		"a raw disk":                 {make([]byte, 4096), " "},
		"text":                       {[]byte("hello"), " "},
	} {
		source := filepath.Join(t.TempDir(), "source")
		if err := os.WriteFile(source, test.data, 0o600); err != nil {
			t.Fatal(err)
		}
		s := provenance.ResourceDescriptor{Name: "dist/app"}
		lookedAt(t, source, test.data).kind.mark(&s)
		if got := s.MediaType + " " + s.URI; got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

// lookedAt is what is seen of an output.
func lookedAt(t *testing.T, path string, data []byte) contents {
	t.Helper()
	now, err := stateOf(path)
	if err != nil {
		t.Fatal(err)
	}
	o := outputFile{given: "dist/app", path: path, new: now}
	if err := o.lookInside(t.Context(), provenance.ResourceDescriptor{Name: "dist/app", Digest: provenance.Set(provenance.SumSHA256(data))}); err != nil {
		t.Fatal(err)
	}
	return o.contents
}

// TestArchives looks into the archives that people ship.
func TestArchives(t *testing.T) {
	binary := string(testkit.GoBinary(t))
	zipped := func(files ...imagetest.Entry) []byte {
		var b bytes.Buffer
		z := zip.NewWriter(&b)
		for _, f := range files {
			m, err := z.Create(f.Name)
			if err == nil {
				_, err = m.Write([]byte(f.Body))
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	var many []imagetest.Entry
	for i := range 101 {
		many = append(many, imagetest.Entry{Name: fmt.Sprint("f", i), Body: "x"})
	}
	function := []imagetest.Entry{{Name: "bootstrap", Body: binary}, {Name: "config/app.json", Body: "{}"}}
	for name, test := range map[string]struct {
		data   []byte
		inside string
		absent bool
	}{
		"a serverless function":       {zipped(function...), "bootstrap config/app.json", false},
		"a tar file":                  {imagetest.Tar(function...), "bootstrap config/app.json", false},
		"a compressed tar file":       {imagetest.Gzip(imagetest.Tar(function...)), "bootstrap config/app.json", false},
		"many files":                  {zipped(append(many, imagetest.Entry{Name: "app", Body: binary})...), "app", false},
		"names that lead out":         {imagetest.Tar(imagetest.Entry{Name: "../x", Body: "x"}), "(withheld)", false},
		"half a tar file":             {imagetest.Gzip(imagetest.Tar(function...))[:100_000], "", true},
		"data":                        {[]byte("hello"), "", false},
		"data that begins like a zip": {[]byte("PK\x03\x04 but no more"), "", false},
		"data that is compressed":     {imagetest.Gzip([]byte("hello")), "", false},
		"nothing":                     {nil, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			source := filepath.Join(t.TempDir(), "source")
			if err := os.WriteFile(source, test.data, 0o600); err != nil {
				t.Fatal(err)
			}
			c := lookedAt(t, source, test.data)
			var names []string
			for _, d := range c.inside {
				if a := d.Annotations["archive"]; a != nil {
					names = append(names, d.Name)
					if want := fmt.Sprintf("%q", provenance.SumSHA256(test.data)); string(a) != want {
						t.Errorf("%s is in %s, want %s", d.Name, a, want)
					}
				}
			}
			if got := strings.Join(names, " "); got != test.inside {
				t.Errorf("inside are %q, want %q", got, test.inside)
			}
			if got := c.unread != ""; got != test.absent {
				t.Errorf("what is inside is said to be incomplete: %v, want %v", got, test.absent)
			}
		})
	}
}
