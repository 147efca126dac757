package ocilayout

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/touchmark-go/touchmark/internal/ocilayout/imagetest"
)

// An image has many documents, and each of them can lie. Every attack changes
// one thing of an image that is read without complaint.
func TestDocuments(t *testing.T) {
	type object = map[string]any
	// image adds an image whose manifest and config edit has changed.
	image := func(l *imagetest.Layout, edit func(manifest, config object)) imagetest.Descriptor {
		layer := imagetest.Tar(entry{Name: "app", Body: "program"})
		config := imagetest.Config("linux/amd64", imagetest.Sum(layer))
		manifest := imagetest.Manifest(imagetest.Descriptor{}, l.Blob(MediaTypeLayer+"+gzip", imagetest.Gzip(layer)))
		edit(manifest, config)
		if d, ok := manifest["config"].(imagetest.Descriptor); ok && d.Digest == "" {
			manifest["config"] = l.Document(MediaTypeConfig, config)
		}
		return l.Document(MediaTypeManifest, manifest)
	}
	change := func(edit func(manifest, config object)) func(*imagetest.Layout) {
		return func(l *imagetest.Layout) { l.Add(image(l, edit)) }
	}
	none := func(_, _ object) {}
	raw := func(mediaType, document string) func(*imagetest.Layout) {
		return func(l *imagetest.Layout) { l.Add(l.Blob(mediaType, []byte(document))) }
	}
	ok := "linux/amd64\n0 app=program\n"
	malformed, mismatch := ErrMalformed.Error(), ErrMismatch.Error()
	const manifest, sum = `"schemaVersion":2,"config":{"mediaType":"a/b","digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2}`, "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
	for name, test := range map[string]struct {
		make func(l *imagetest.Layout)
		want string // the contents, or what the error has in it
	}{
		"nothing is changed": {change(none), ok},

		// One digest must not have two meanings (GHSA-qq97-vm5h-rrhg, GHSA-5j5w-g665-5m35).
		"layers and manifests":                  {change(func(m, _ object) { m["manifests"] = []any{} }), malformed},
		"an index with a config":                {raw(MediaTypeIndex, `{"manifests":[],`+manifest+`}`), malformed},
		"an index with layers":                  {raw(MediaTypeIndex, `{"schemaVersion":2,"manifests":[],"layers":[]}`), malformed},
		"an index that is a manifest":           {raw(MediaTypeIndex, `{"layers":[],`+manifest+`}`), malformed},
		"a manifest that is an index":           {raw(MediaTypeManifest, `{"schemaVersion":2,"manifests":[]}`), malformed},
		"fsLayers of schema 1":                  {change(func(m, _ object) { m["fsLayers"] = []any{} }), malformed},
		"the mediaType of another":              {change(func(m, _ object) { m["mediaType"] = MediaTypeIndex }), malformed},
		"the mediaType of docker":               {change(func(m, _ object) { m["mediaType"] = MediaTypeDockerManifest }), malformed},
		"no mediaType":                          {change(func(m, _ object) { delete(m, "mediaType") }), ok},
		"no mediaType, as docker":               {raw(MediaTypeDockerManifest, `{"layers":[],`+manifest+`}`), malformed},
		"schemaVersion 1":                       {change(func(m, _ object) { m["schemaVersion"] = 1 }), malformed},
		"layers twice":                          {raw(MediaTypeManifest, `{"layers":[],"layers":[],`+manifest+`}`), malformed},
		"layers in other letters":               {raw(MediaTypeManifest, `{"layers":[],"Layers":[],`+manifest+`}`), malformed},
		"layers in letters of Unicode":          {raw(MediaTypeManifest, `{"layers":[],"layerſ":[],`+manifest+`}`), malformed},
		"manifests in other letters":            {raw(MediaTypeManifest, `{"layers":[],"MANIFESTS":[],`+manifest+`}`), malformed},
		"two values":                            {raw(MediaTypeManifest, `{"layers":[],`+manifest+`}{}`), malformed},
		"an artifact with config and no layers": {raw(MediaTypeManifest, `{"layers":[],`+manifest+`}`), ""},

		// A digest becomes a path (CVE-2024-3727).
		"a digest that is a path": {change(func(m, _ object) {
			m["config"] = object{"mediaType": MediaTypeConfig, "digest": "sha256:../../../etc/passwd", "size": 1}
		}), malformed},
		"a digest in capitals": {change(func(m, _ object) {
			m["config"] = object{"mediaType": MediaTypeConfig, "digest": strings.ToUpper(sum), "size": 2}
		}), malformed},
		"a digest by md5": {change(func(m, _ object) {
			m["config"] = object{"mediaType": MediaTypeConfig, "digest": "md5:d41d8cd98f00b204e9800998ecf8427e", "size": 2}
		}), ErrUnsupported.Error()},
		"a digest that is short":    {change(func(m, _ object) { m["config"] = object{"mediaType": MediaTypeConfig, "digest": sum[:70], "size": 2} }), malformed},
		"a size below zero":         {change(func(m, _ object) { m["config"] = object{"mediaType": MediaTypeConfig, "digest": sum, "size": -1} }), malformed},
		"a size of half a byte":     {change(func(m, _ object) { m["config"] = object{"mediaType": MediaTypeConfig, "digest": sum, "size": 0.5} }), malformed},
		"no size":                   {change(func(m, _ object) { m["config"] = object{"mediaType": MediaTypeConfig, "digest": sum} }), malformed},
		"a descriptor that is null": {change(func(m, _ object) { m["layers"] = []any{nil} }), malformed},
		"content that is missing": {change(func(m, _ object) {
			m["config"] = object{"mediaType": MediaTypeConfig, "digest": "sha256:" + strings.Repeat("0", 64), "size": 2}
		}), ErrMissing.Error()},
		"a config that is too long": {change(func(m, _ object) {
			m["config"] = object{"mediaType": MediaTypeConfig, "digest": sum, "size": MaxDocument + 1}
		}), ErrLimit.Error()},

		"no platform":              {change(func(_, c object) { delete(c, "os") }), malformed},
		"no rootfs":                {change(func(_, c object) { delete(c, "rootfs") }), malformed},
		"a rootfs of another type": {change(func(_, c object) { c["rootfs"].(object)["type"] = "layers+base" }), malformed},
		"a diff_id too many":       {change(func(_, c object) { c["rootfs"] = object{"type": "layers", "diff_ids": []string{sum, sum}} }), malformed},
		"no diff_ids":              {change(func(_, c object) { c["rootfs"] = object{"type": "layers", "diff_ids": []string{}} }), malformed},
		"another diff_id":          {change(func(_, c object) { c["rootfs"] = object{"type": "layers", "diff_ids": []string{sum}} }), mismatch},
		"a diff_id by no name":     {change(func(_, c object) { c["rootfs"] = object{"type": "layers", "diff_ids": []string{"x"}} }), malformed},
		"an arch in other letters": {change(func(_, c object) { c["Architecture"] = "arm64" }), malformed},
		"too many layers":          {change(func(m, _ object) { m["layers"] = make([]imagetest.Descriptor, MaxLayers+1) }), ErrLimit.Error()},

		"another layout version": {func(l *imagetest.Layout) {
			change(none)(l)
			l.Files["oci-layout"] = []byte(`{"imageLayoutVersion":"2.0.0"}`)
		}, ErrUnsupported.Error()},
		"an oci-layout of nothing": {func(l *imagetest.Layout) { change(none)(l); l.Files["oci-layout"] = nil }, malformed},
		"an index.json of nothing": {func(l *imagetest.Layout) { l.Files["index.json"] = []byte("x") }, malformed},
		"one for two platforms": {func(l *imagetest.Layout) {
			a := image(l, none)
			b := a
			a.Platform, b.Platform = imagetest.ParsePlatform("linux/amd64"), imagetest.ParsePlatform("linux/arm64")
			l.Add(a, b)
		}, malformed},
		"an attestation of nothing": {func(l *imagetest.Layout) {
			d := image(l, none)
			d.Annotations = map[string]string{referenceType: "attestation-manifest"}
			l.Add(d)
		}, malformed},
		// Whoever asks for a platform gets an image and never what calls itself an attestation.
		"an image that calls itself an attestation": {func(l *imagetest.Layout) {
			d := image(l, none)
			d.Platform = imagetest.ParsePlatform("linux/amd64")
			d.Annotations = map[string]string{referenceType: "attestation-manifest", referenceOf: sum}
			l.Add(d)
		}, ok},
		"indexes in indexes": {func(l *imagetest.Layout) {
			l.Add(l.Index(l.Index(l.Index(l.Index(image(l, none))))))
		}, ok},
		"indexes too deep": {func(l *imagetest.Layout) {
			l.Add(l.Index(l.Index(l.Index(l.Index(l.Index(image(l, none)))))))
		}, ErrLimit.Error()},
		"too many manifests": {func(l *imagetest.Layout) {
			d := image(l, none)
			l.Add(l.Index(many(d, MaxManifests)...))
		}, ErrLimit.Error()},
		"a manifest.json of another image": {func(l *imagetest.Layout) {
			change(none)(l)
			l.Files["manifest.json"] = []byte(`[{"Config":"evil.json","RepoTags":[],"Layers":[]}]`)
		}, malformed},
		"a manifest.json with another layer": {func(l *imagetest.Layout) {
			change(none)(l)
			own := dockerManifest(t, l)
			l.Files["manifest.json"] = bytes.Replace(own, []byte(`"Layers":["`), []byte(`"Layers":["evil/layer.tar","`), 1)
		}, malformed},
		"a manifest.json with the same": {func(l *imagetest.Layout) {
			change(none)(l)
			l.Files["manifest.json"] = dockerManifest(t, l)
		}, ok},
	} {
		t.Run(name, func(t *testing.T) {
			l := imagetest.New()
			test.make(l)
			got := contents(openBytes(l.Tar()))
			if strings.HasPrefix(test.want, "linux") || test.want == "" {
				if got != test.want {
					t.Errorf("%s, want %s", got, test.want)
				}
			} else if !strings.Contains(got, test.want) {
				t.Errorf("%s, want %q", got, test.want)
			}
		})
	}
}

func many(d imagetest.Descriptor, n int) []imagetest.Descriptor {
	list := make([]imagetest.Descriptor, n)
	for i := range list {
		list[i] = d
	}
	return list
}

// A layer is what its media type, its digest, its size and its diff_id say, or
// it is not read.
func TestLayerContent(t *testing.T) {
	content := imagetest.Tar(entry{Name: "app", Body: "program"})
	other := imagetest.Tar(entry{Name: "app", Body: "swapped"})
	behind := append(bytes.Clone(content), []byte("more")...)
	tests := map[string]struct {
		mediaType string
		layer     []byte
		stored    []byte // nil is layer
		id        []byte // what the diff_id is of
		want      error
	}{
		"stored":                     {MediaTypeLayer, content, nil, content, nil},
		"gzip":                       {MediaTypeLayer + "+gzip", imagetest.Gzip(content), nil, content, nil},
		"docker, stored":             {MediaTypeDockerLayer, content, nil, content, nil},
		"docker, gzip":               {MediaTypeDockerLayer + ".gzip", imagetest.Gzip(content), nil, content, nil},
		"nondistributable":           {"application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", imagetest.Gzip(content), nil, content, nil},
		"gzip in two members":        {MediaTypeLayer + "+gzip", append(imagetest.Gzip(content[:512]), imagetest.Gzip(content[512:])...), nil, content, nil},
		"a digest of other bytes":    {MediaTypeLayer, content, other, content, ErrMismatch},
		"swapped for a longer one":   {MediaTypeLayer, content, behind, content, ErrMismatch},
		"swapped for a shorter one":  {MediaTypeLayer, content, content[:1024], content, ErrMismatch},
		"a diff_id of other bytes":   {MediaTypeLayer + "+gzip", imagetest.Gzip(other), nil, content, ErrMismatch},
		"gzip that is called stored": {MediaTypeLayer, imagetest.Gzip(content), nil, content, ErrMalformed},
		"stored that is called gzip": {MediaTypeLayer + "+gzip", content, nil, content, ErrMalformed},
		"bytes behind the gzip":      {MediaTypeLayer + "+gzip", append(imagetest.Gzip(content), "more"...), nil, content, ErrMalformed},
		"half of the gzip":           {MediaTypeLayer + "+gzip", imagetest.Gzip(content)[:40], nil, content, ErrMalformed},
		"bytes behind the end":       {MediaTypeLayer, behind, nil, behind, ErrMalformed},
		"zeros behind the end":       {MediaTypeLayer, append(bytes.Clone(content), make([]byte, 4096)...), nil, append(bytes.Clone(content), make([]byte, 4096)...), nil},
		"no tar":                     {MediaTypeLayer, []byte(strings.Repeat("x", 1024)), nil, []byte(strings.Repeat("x", 1024)), ErrMalformed},
		"half a tar":                 {MediaTypeLayer, content[:515], nil, content[:515], ErrMalformed},
		"nothing":                    {MediaTypeLayer + "+gzip", nil, nil, nil, ErrMalformed},
		"zstd":                       {MediaTypeLayer + "+zstd", []byte("(\xb5/\xfd"), nil, content, ErrUnsupported},
		"encrypted":                  {MediaTypeLayer + "+gzip+encrypted", content, nil, content, ErrUnsupported},
		"another archive":            {"application/zip", content, nil, content, ErrUnsupported},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			l := imagetest.New()
			d := l.Blob(test.mediaType, test.layer)
			if test.stored != nil {
				l.Files["blobs/sha256/"+strings.TrimPrefix(d.Digest, "sha256:")] = test.stored
			}
			config := l.Document(MediaTypeConfig, imagetest.Config("linux/amd64", imagetest.Sum(test.id)))
			l.Add(l.Document(MediaTypeManifest, imagetest.Manifest(config, d)))
			for _, open := range []func() (*Archive, error){
				func() (*Archive, error) { return openBytes(l.Tar()) },
				func() (*Archive, error) { return Open(l.Write(t.TempDir())) },
			} {
				a, err := open()
				if err != nil {
					t.Fatal(err)
				}
				_, err = a.Tree(t.Context(), a.Images()[0])
				if !errors.Is(err, test.want) || err != nil && errors.Is(err, io.EOF) {
					t.Errorf("%v, want %v", err, test.want)
				}
				a.Close()
			}
		})
	}
}

// Every document that is swapped for another of the same length is noticed.
func TestSwappedDocuments(t *testing.T) {
	l := imagetest.New()
	l.Add(l.Index(l.Image("linux/amd64", twoLayers...)))
	if got := contents(openBytes(l.Tar())); got != twoLayersContents {
		t.Fatal(got)
	}
	for name, data := range l.Files {
		if !strings.HasPrefix(name, "blobs/") {
			continue
		}
		swapped := bytes.Clone(data)
		swapped[len(swapped)/2] ^= 1
		l.Files[name] = swapped
		if got := contents(openBytes(l.Tar())); !strings.Contains(got, ErrMismatch.Error()) && !strings.Contains(got, ErrMalformed.Error()) {
			t.Errorf("%s: %s", name, got)
		}
		l.Files[name] = data
	}
}

// The tar file around a layout has names, too (CVE-2024-24579: an image whose
// members lead out of the folder it is unpacked in).
func TestMembers(t *testing.T) {
	l := imagetest.New()
	l.Add(l.Image("linux/amd64", twoLayers...))
	with := func(extra ...entry) []byte {
		entries := []entry{{Name: "index.json", Body: string(mustIndex(l))}}
		for _, name := range slices.Sorted(maps.Keys(l.Files)) {
			entries = append(entries, entry{Name: name, Body: string(l.Files[name])})
		}
		return imagetest.Tar(append(entries, extra...)...)
	}
	for name, test := range map[string]struct {
		extra []entry
		want  string
	}{
		"nothing":                        {nil, ""},
		"another file":                   {[]entry{{Name: "README"}}, ""},
		"a link":                         {[]entry{{Name: "link", Link: "/etc/passwd"}}, ""},
		"out of the folder":              {[]entry{{Name: "../evil"}}, ErrMalformed.Error()},
		"an absolute name":               {[]entry{{Name: "/evil"}}, ErrMalformed.Error()},
		"a member twice":                 {[]entry{{Name: "index.json", Body: "{}"}}, ErrMalformed.Error()},
		"another file twice":             {[]entry{{Name: "README"}, {Name: "README"}}, "twice"},
		"a member spelled twice":         {[]entry{{Name: "./index.json", Body: "{}"}}, ErrMalformed.Error()},
		"an oci-layout that is a device": {[]entry{{Name: "blobs/x", Type: tar.TypeChar}}, ""},
		"a global header":                {[]entry{{Type: tar.TypeXGlobalHeader, PAX: map[string]string{"path": "x"}}}, ErrMalformed.Error()},
	} {
		got := contents(openBytes(with(test.extra...)))
		if test.want == "" && got != twoLayersContents || !strings.Contains(got, test.want) {
			t.Errorf("%s: %s, want %q", name, got, test.want)
		}
	}
	// The last blob is gone, whichever it is.
	if got := contents(openBytes(with()[:6_000])); got == twoLayersContents {
		t.Errorf("half an archive: %s", got)
	}
	first := entry{Name: "x", PAX: map[string]string{"SCHILY.xattr.user.overlay.redirect": "y"}}
	hidden := imagetest.Tar(append([]entry{first}, dot(l)...)...)
	if _, err := openBytes(hidden); !errors.Is(err, ErrMalformed) {
		t.Errorf("an image behind what is not read: %v, want %v", err, ErrMalformed)
	}
	legacy := imagetest.Tar(entry{Name: "repositories", Body: "{}"})
	if _, err := openBytes(legacy); !errors.Is(err, ErrUnsupported) {
		t.Errorf("docker before 1.10: %v, want %v", err, ErrUnsupported)
	}
}

// Nothing that a layout on the disk links to is read.
func TestFolderLinks(t *testing.T) {
	l := imagetest.New()
	l.Add(l.Image("linux/amd64", twoLayers...))
	for _, name := range []string{"index.json", "oci-layout", "blobs", "blobs/sha256"} {
		dir := l.Write(t.TempDir())
		elsewhere := filepath.Join(t.TempDir(), "x")
		if err := os.Rename(filepath.Join(dir, name), elsewhere); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(elsewhere, filepath.Join(dir, name)); err != nil {
			t.Skip(err)
		}
		if got := contents(Open(dir)); !strings.Contains(got, ErrMalformed.Error()) && !strings.Contains(got, "escapes") {
			t.Errorf("%s is a link: %s", name, got)
		}
	}
}

// What an old archive says of itself is held against its bytes, too.
func TestDockerContent(t *testing.T) {
	archive, config := imagetest.Docker("linux/amd64", "app:1", twoLayers...)
	if got := contents(openBytes(archive)); got != twoLayersContents {
		t.Fatal(got)
	}
	name := strings.TrimPrefix(config, "sha256:")
	for what, edit := range map[string]func([]byte) []byte{
		"a layer":  func(b []byte) []byte { return bytes.Replace(b, []byte("program"), []byte("swapped"), 1) },
		"a config": func(b []byte) []byte { return bytes.Replace(b, []byte(`"amd64"`), []byte(`"arm64"`), 1) },
		"a name":   func(b []byte) []byte { return bytes.ReplaceAll(b, []byte(name[:60]), []byte(strings.Repeat("0", 60))) },
	} {
		// The checksum of a changed header no longer fits; that of content does.
		got := contents(openBytes(edit(bytes.Clone(archive))))
		if !strings.Contains(got, ErrMismatch.Error()) && !strings.Contains(got, ErrNotImage.Error()) {
			t.Errorf("%s is swapped: %s", what, got)
		}
	}
	gz := imagetest.Gzip(imagetest.Tar(twoLayers[0]...))
	list, err := json.Marshal([]dockerImage{{Config: "c", Layers: []string{"l"}}})
	if err != nil {
		t.Fatal(err)
	}
	document := fmt.Sprintf(`{"os":"linux","architecture":"amd64","rootfs":{"type":"layers","diff_ids":[%q]}}`, imagetest.Sum(imagetest.Tar(twoLayers[0]...)))
	compressed := imagetest.Tar(entry{Name: "l", Body: string(gz)}, entry{Name: "c", Body: document}, entry{Name: "manifest.json", Body: string(list)})
	if got, want := contents(openBytes(compressed)), "linux/amd64\n0 bin/sh=sh\n0 etc/os=one\n"; got != want {
		t.Errorf("a compressed layer: %s, want %s", got, want)
	}
}
