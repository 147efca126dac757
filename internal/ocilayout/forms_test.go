package ocilayout

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/touchmark-go/touchmark/internal/deptest"
	"github.com/touchmark-go/touchmark/internal/ocilayout/imagetest"
)

type entry = imagetest.Entry

// Nothing but the standard library and the digests is needed to read an image.
func TestBudget(t *testing.T) {
	deptest.Only(t, "internal/ocilayout", deptest.Budget{
		Own: []string{"provenance"}, Forbidden: []string{"net/http", "os/exec"},
	})
}

func openBytes(data []byte) (*Archive, error) {
	return OpenReaderAt(bytes.NewReader(data), int64(len(data)))
}

// contents opens an archive and writes down what its images hold, one line a
// file, or the error.
func contents(a *Archive, err error) string {
	if err != nil {
		return "open: " + err.Error()
	}
	defer a.Close()
	var out strings.Builder
	for _, m := range a.Images() {
		fmt.Fprintf(&out, "%s\n", m.Runs)
		err := a.Walk(context.Background(), m, func(f File, r io.Reader) error {
			data, err := io.ReadAll(r)
			fmt.Fprintf(&out, "%d %s%s=%s\n", f.LayerIndex, f.Path, strings.Join(append([]string{""}, f.Links...), ","), data)
			return err
		})
		if err != nil {
			return "walk: " + err.Error()
		}
	}
	return out.String()
}

var twoLayers = [][]entry{
	{{Name: "bin/"}, {Name: "bin/sh", Body: "sh"}, {Name: "etc/os", Body: "one"}},
	{{Name: "etc/os", Body: "two"}, {Name: "app", Body: "program"}},
}

const twoLayersContents = "linux/amd64\n0 bin/sh=sh\n1 etc/os=two\n1 app=program\n"

// The same image is the same files, whatever form it is stored in.
func TestForms(t *testing.T) {
	l := imagetest.New()
	image := l.Image("linux/amd64", twoLayers...)
	l.Add(image)
	old, config := imagetest.Docker("linux/amd64", "app:1", twoLayers...)
	dotted := imagetest.Tar(dot(l)...)
	withDocker := imagetest.New()
	m := withDocker.Image("linux/amd64", twoLayers...)
	withDocker.Add(m).Files["manifest.json"] = dockerManifest(t, withDocker)

	tarPath := filepath.Join(t.TempDir(), "image.tar")
	if err := os.WriteFile(tarPath, l.Tar(), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		open func() (*Archive, error)
		form string
		root string
	}{
		"folder":            {func() (*Archive, error) { return Open(l.Write(t.TempDir())) }, "OCI layout", image.Digest},
		"tar file":          {func() (*Archive, error) { return Open(tarPath) }, "OCI layout", image.Digest},
		"tar bytes":         {func() (*Archive, error) { return openBytes(l.Tar()) }, "OCI layout", image.Digest},
		"tar of ./":         {func() (*Archive, error) { return openBytes(dotted) }, "OCI layout", image.Digest},
		"docker save":       {func() (*Archive, error) { return openBytes(old) }, "docker archive", config},
		"docker save of 25": {func() (*Archive, error) { return openBytes(withDocker.Tar()) }, "OCI layout", m.Digest},
	} {
		t.Run(name, func(t *testing.T) {
			a, err := test.open()
			if err != nil {
				t.Fatal(err)
			}
			if got := a.Root().Digest.String(); got != test.root || a.Form() != test.form {
				t.Errorf("%s %s, want %s %s", a.Form(), got, test.form, test.root)
			}
			if got := contents(a, nil); got != twoLayersContents {
				t.Errorf("contents:\n%s\nwant:\n%s", got, twoLayersContents)
			}
		})
	}
}

// dot is a layout as tar -C layout -c . packs it.
func dot(l *imagetest.Layout) []entry {
	entries := []entry{{Name: "./"}, {Name: "./index.json", Body: string(mustIndex(l))}}
	for name, data := range l.Files {
		entries = append(entries, entry{Name: "./" + name, Body: string(data)})
	}
	return entries
}

func mustIndex(l *imagetest.Layout) []byte {
	d := l.Index(l.Roots...)
	return l.Files["blobs/sha256/"+strings.TrimPrefix(d.Digest, "sha256:")]
}

// dockerManifest is the manifest.json that docker save puts beside the layout.
func dockerManifest(t *testing.T, l *imagetest.Layout) []byte {
	t.Helper()
	a, err := openBytes(l.Tar())
	if err != nil {
		t.Fatal(err)
	}
	m := a.Images()[0]
	var layers []string
	for _, layer := range m.Layers {
		layers = append(layers, fmt.Sprintf("%q", blobPath(layer.Digest)))
	}
	return fmt.Appendf(nil, `[{"Config":%q,"RepoTags":["app:1"],"Layers":[%s]}]`, blobPath(m.Config.Digest), strings.Join(layers, ","))
}

// Layers that docker save writes once are links in the archive.
func TestDockerLinks(t *testing.T) {
	layer := string(imagetest.Tar(entry{Name: "a", Body: "A"}))
	sum := imagetest.Sum([]byte(layer))
	config := fmt.Sprintf(`{"os":"linux","architecture":"amd64","rootfs":{"type":"layers","diff_ids":[%q,%q]}}`, sum, sum)
	list := `[{"Config":"c.json","RepoTags":null,"Layers":["x/layer.tar","y/layer.tar"]}]`
	archive := func(link string) []byte {
		return imagetest.Tar(entry{Name: "x/layer.tar", Body: layer}, entry{Name: "y/layer.tar", Link: link}, entry{Name: "c.json", Body: config}, entry{Name: "manifest.json", Body: list})
	}
	for link, want := range map[string]string{
		"../x/layer.tar":    "linux/amd64\n1 a=A\n",
		"../../x/layer.tar": "open: ",
		"/x/layer.tar":      "open: ",
		"layer.tar":         "open: ",
		"../z/layer.tar":    "open: ",
	} {
		got := contents(openBytes(archive(link)))
		if got != want && (want != "open: " || !strings.HasPrefix(got, want)) {
			t.Errorf("a layer that is a link to %s: %s, want %s", link, got, want)
		}
	}
}

func TestIndexes(t *testing.T) {
	l := imagetest.New()
	amd, arm := l.Image("linux/amd64", []entry{{Name: "app", Body: "amd"}}), l.Image("linux/arm64/v8", []entry{{Name: "app", Body: "arm"}})
	statement := l.Blob("application/vnd.in-toto+json", []byte(`{}`))
	unsigned := l.Document(MediaTypeManifest, imagetest.Manifest(l.Document(MediaTypeConfig, imagetest.Config("unknown/unknown")), statement))
	unsigned.Platform = imagetest.ParsePlatform("unknown/unknown")
	unsigned.Annotations = map[string]string{referenceType: "attestation-manifest", referenceOf: amd.Digest}
	chart := l.Document(MediaTypeManifest, imagetest.Manifest(l.Blob("application/vnd.cncf.helm.config.v1+json", []byte(`{}`)), l.Blob("application/vnd.cncf.helm.chart.content.v1.tar+gzip", []byte("x"))))
	gone := imagetest.Descriptor{MediaType: MediaTypeManifest, Digest: imagetest.Sum([]byte("gone")), Size: 4, Platform: imagetest.ParsePlatform("windows/amd64")}
	index := l.Index(amd, arm, unsigned, chart, gone)
	index.Annotations = map[string]string{refName: "1.0"}
	l.Add(index)
	a, err := openBytes(l.Tar())
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	for _, m := range a.Manifests() {
		fmt.Fprintf(&got, "%s %s of %d indexes, %s\n", m.Kind, m.Platform, len(m.Indexes), m.Of)
	}
	want := fmt.Sprintf("image linux/amd64 of 1 indexes, \nimage linux/arm64/v8 of 1 indexes, \nattestation unknown/unknown of 1 indexes, %s\nartifact  of 1 indexes, \nmissing windows/amd64 of 1 indexes, \n", amd.Digest)
	if got.String() != want {
		t.Errorf("manifests:\n%s\nwant:\n%s", got.String(), want)
	}
	if got := a.Root().Digest.String(); got != index.Digest {
		t.Errorf("the root is %s, want %s", got, index.Digest)
	}
	if got, want := contents(a, nil), "linux/amd64\n0 app=amd\nlinux/arm64/v8\n0 app=arm\n"; got != want {
		t.Errorf("contents:\n%s\nwant:\n%s", got, want)
	}
	for _, m := range a.Manifests() {
		if m.Kind == Image {
			continue
		}
		if _, err := a.Tree(t.Context(), m); !errors.Is(err, ErrNotImage) {
			t.Errorf("a tree of the kind %s: %v, want %v", m.Kind, err, ErrNotImage)
		}
	}

	l.Add(chart)
	two, err := openBytes(l.Tar())
	if err != nil {
		t.Fatal(err)
	}
	if two.Root().Digest != two.Index().Digest || len(two.Roots()) != 2 {
		t.Errorf("of two roots the root is %s, want index.json, %s", two.Root().Digest, two.Index().Digest)
	}
}

// What is no image is said to be none, so that it can be taken for a plain file.
func TestNotImage(t *testing.T) {
	for name, data := range map[string][]byte{
		"nothing":                {},
		"text":                   []byte(strings.Repeat("hello ", 1000)),
		"another tar":            imagetest.Tar(entry{Name: "index.json", Body: "{}"}),
		"a tar with an object":   imagetest.Tar(entry{Name: "manifest.json", Body: `{"name":"extension"}`}),
		"half a tar":             imagetest.Tar(entry{Name: "a", Body: strings.Repeat("x", 2000)})[:900],
		"a compressed image":     imagetest.Gzip(imagetest.New().Tar()),
		"a tar of zeros":         make([]byte, 10240),
		"a tar of odd names":     imagetest.Tar(entry{Name: "../x"}, entry{Name: "/y"}),
		"a tar of one name":      imagetest.Tar(entry{Name: "x", Body: "1"}, entry{Name: "x", Body: "2"}),
		"a tar with a deep name": imagetest.Tar(entry{Name: "x/oci-layout", Body: "{}"}),
	} {
		if _, err := openBytes(data); !errors.Is(err, ErrNotImage) {
			t.Errorf("%s: %v, want %v", name, err, ErrNotImage)
		}
	}
	if _, err := Open(t.TempDir()); !errors.Is(err, ErrNotImage) {
		t.Errorf("an empty folder: %v, want %v", err, ErrNotImage)
	}
	if _, err := Open(filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v, want %v", err, os.ErrNotExist)
	}
}

// The disk's own error is no answer about the image.
func TestDiskError(t *testing.T) {
	l := imagetest.New()
	l.Add(l.Image("linux/amd64", twoLayers...))
	data := l.Tar()
	broken := errors.New("the disk is broken")
	for n := range 40 {
		r := &failing{bytes.NewReader(data), n, broken}
		a, err := OpenReaderAt(r, int64(len(data)))
		if err == nil {
			for _, m := range a.Images() {
				err = a.Walk(t.Context(), m, func(_ File, r io.Reader) error { _, err := io.Copy(io.Discard, r); return err })
			}
		}
		if err == nil {
			if n < 10 {
				t.Errorf("only %d reads were needed", n)
			}
			return
		}
		if !errors.Is(err, broken) {
			t.Errorf("after %d reads: %v, want %v", n, err, broken)
		}
	}
}

type failing struct {
	io.ReaderAt
	left int
	err  error
}

func (f *failing) ReadAt(p []byte, off int64) (int, error) {
	if f.left--; f.left < 0 {
		return 0, f.err
	}
	return f.ReaderAt.ReadAt(p, off)
}
