// Package imagetest builds container images for tests: well-formed ones in a
// line, and every kind of broken one by changing the pieces.
package imagetest

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// An Entry is one of a layer. The zero Type is a regular file, a folder if Name
// ends in a slash, a symbolic link if Link is set.
type Entry struct {
	Name, Body, Link string
	Type             byte
	Mode             int64
	PAX              map[string]string
}

// Tar is a tar file of entries, without times and owners.
func Tar(entries ...Entry) []byte {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range entries {
		h := &tar.Header{Name: e.Name, Linkname: e.Link, Typeflag: e.Type, Mode: e.Mode, Size: int64(len(e.Body)), PAXRecords: e.PAX}
		switch {
		case e.Type != 0:
		case strings.HasSuffix(e.Name, "/"):
			h.Typeflag = tar.TypeDir
		case e.Link != "":
			h.Typeflag = tar.TypeSymlink
		default:
			h.Typeflag = tar.TypeReg
		}
		if h.Mode == 0 {
			h.Mode = 0o755
		}
		if h.Typeflag == tar.TypeXGlobalHeader {
			h = &tar.Header{Typeflag: h.Typeflag, PAXRecords: e.PAX}
		}
		must(w.WriteHeader(h))
		_, err := w.Write([]byte(e.Body))
		must(err)
	}
	must(w.Close())
	return b.Bytes()
}

// Gzip compresses data, the same way each time.
func Gzip(data []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write(data)
	must(err)
	must(w.Close())
	return b.Bytes()
}

// Sum is the SHA-256 of data as a digest.
func Sum(data []byte) string { return fmt.Sprintf("sha256:%x", sha256.Sum256(data)) }

// A Descriptor is as it stands in an index or a manifest.
type Descriptor struct {
	MediaType    string            `json:"mediaType"`
	Digest       string            `json:"digest"`
	Size         int64             `json:"size"`
	ArtifactType string            `json:"artifactType,omitempty"`
	Annotations  map[string]string `json:"annotations,omitempty"`
	Platform     *Platform         `json:"platform,omitempty"`
}

// A Platform is as it stands in a descriptor and in a config.
type Platform struct {
	Architecture string `json:"architecture"`
	OS           string `json:"os"`
	Variant      string `json:"variant,omitempty"`
}

// ParsePlatform reads "linux/arm64/v8".
func ParsePlatform(s string) *Platform {
	f := append(strings.Split(s, "/"), "", "")
	return &Platform{f[1], f[0], f[2]}
}

// A Layout is an image layout that is being made. Files may be changed before
// it is written.
type Layout struct {
	Files  map[string][]byte
	Roots  []Descriptor
	Stored bool // layers are not compressed
}

// New is a layout without images.
func New() *Layout {
	return &Layout{Files: map[string][]byte{"oci-layout": []byte(`{"imageLayoutVersion":"1.0.0"}`)}}
}

// Blob adds content.
func (l *Layout) Blob(mediaType string, data []byte) Descriptor {
	d := Descriptor{MediaType: mediaType, Digest: Sum(data), Size: int64(len(data))}
	l.Files["blobs/sha256/"+strings.TrimPrefix(d.Digest, "sha256:")] = data
	return d
}

// Document adds a JSON document.
func (l *Layout) Document(mediaType string, v any) Descriptor {
	data, err := json.Marshal(v)
	must(err)
	return l.Blob(mediaType, data)
}

// Config is the config of an image.
func Config(platform string, diffIDs ...string) map[string]any {
	p := ParsePlatform(platform)
	c := map[string]any{"architecture": p.Architecture, "os": p.OS, "config": map[string]any{}, "rootfs": map[string]any{"type": "layers", "diff_ids": append([]string{}, diffIDs...)}}
	if p.Variant != "" {
		c["variant"] = p.Variant
	}
	return c
}

// Manifest is a manifest of an image.
func Manifest(config Descriptor, layers ...Descriptor) map[string]any {
	return map[string]any{"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "config": config, "layers": append([]Descriptor{}, layers...)}
}

// Image adds an image of layers, compressed by gzip, and returns the
// descriptor of its manifest, with the platform.
func (l *Layout) Image(platform string, layers ...[]Entry) Descriptor {
	var ids []string
	var list []Descriptor
	for _, entries := range layers {
		data := Tar(entries...)
		ids = append(ids, Sum(data))
		if l.Stored {
			list = append(list, l.Blob("application/vnd.oci.image.layer.v1.tar", data))
		} else {
			list = append(list, l.Blob("application/vnd.oci.image.layer.v1.tar+gzip", Gzip(data)))
		}
	}
	config := l.Document("application/vnd.oci.image.config.v1+json", Config(platform, ids...))
	d := l.Document("application/vnd.oci.image.manifest.v1+json", Manifest(config, list...))
	d.Platform = ParsePlatform(platform)
	return d
}

// Index adds an index of manifests.
func (l *Layout) Index(manifests ...Descriptor) Descriptor {
	return l.Document("application/vnd.oci.image.index.v1+json", index(manifests))
}

func index(manifests []Descriptor) map[string]any {
	return map[string]any{"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": append([]Descriptor{}, manifests...)}
}

// Add lists roots in index.json.
func (l *Layout) Add(roots ...Descriptor) *Layout {
	l.Roots = append(l.Roots, roots...)
	return l
}

// All are the files with index.json.
func (l *Layout) All() map[string][]byte {
	files := maps.Clone(l.Files)
	if files["index.json"] == nil {
		data, err := json.Marshal(index(l.Roots))
		must(err)
		files["index.json"] = data
	}
	return files
}

// Write writes the layout into a folder and returns it.
func (l *Layout) Write(dir string) string {
	for name, data := range l.All() {
		path := filepath.Join(dir, filepath.FromSlash(name))
		must(os.MkdirAll(filepath.Dir(path), 0o755))
		must(os.WriteFile(path, data, 0o644))
	}
	return dir
}

// Tar is the layout as a tar file.
func (l *Layout) Tar() []byte {
	files := l.All()
	var entries []Entry
	for _, name := range slices.Sorted(maps.Keys(files)) {
		entries = append(entries, Entry{Name: name, Body: string(files[name]), Mode: 0o644})
	}
	return Tar(entries...)
}

// Docker is an archive as docker save wrote it before version 25: no layout, and
// layers that are not compressed. The digest is that of the config.
func Docker(platform, tag string, layers ...[]Entry) (archive []byte, config string) {
	var entries []Entry
	var ids, names []string
	for i, l := range layers {
		data := Tar(l...)
		ids, names = append(ids, Sum(data)), append(names, fmt.Sprintf("%064x/layer.tar", i))
		entries = append(entries, Entry{Name: names[i], Body: string(data)})
	}
	data, err := json.Marshal(Config(platform, ids...))
	must(err)
	name := strings.TrimPrefix(Sum(data), "sha256:") + ".json"
	list, err := json.Marshal([]map[string]any{{"Config": name, "RepoTags": []string{tag}, "Layers": names}})
	must(err)
	entries = append(entries, Entry{Name: name, Body: string(data)}, Entry{Name: "manifest.json", Body: string(list)})
	return Tar(entries...), Sum(data)
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
