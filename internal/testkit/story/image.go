package story

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/touchmark-go/touchmark/internal/ocilayout/imagetest"
	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sbom"
	"github.com/touchmark-go/touchmark/sbom/image"
)

// image makes a container image the artifact, or what is presented instead:
//
//	artifact image [FORM] PLATFORM LAYER…
//	swap     image [FORM] PLATFORM LAYER…
//	swap     blob I                        the same image with a byte of that blob flipped, the largest is 0
//
// FORM is tar, docker, index (an index with one image in it) or index:PLATFORM
// (which the index calls another platform); without one it is a layout in a
// folder. A LAYER is a list of entries with commas between them: NAME=TEXT,
// NAME->TARGET for a symbolic link, NAME=>TARGET for a hard link, .wh.NAME. The
// text go is the Go program, swapped the same with a byte behind its end,
// spoilt the same with build information that cannot be read. The provenance
// names the programs that the text go stands for.
func (m *maker) image(verb string, args []string) error {
	form := "folder"
	if !strings.Contains(args[0], "/") || strings.HasPrefix(args[0], "index:") {
		form, args = args[0], args[1:]
	}
	if len(args) < 1 {
		return fmt.Errorf("want a platform and layers")
	}
	if verb == "artifact" {
		m.goProgram()
	}
	platform := args[0]
	var layers [][]imagetest.Entry
	tokens := maps.Clone(m.made.tokens)
	tokens["<program>"] = provenance.SumSHA256(built.data).Hex()
	var programs []string
	for i, text := range args[1:] {
		layer, names, err := m.layer(text)
		if err != nil {
			return err
		}
		programs = append(programs, names...)
		layers = append(layers, layer)
		tokens[fmt.Sprintf("<layer-%d>", i+1)] = provenance.SumSHA256(imagetest.Tar(layer...)).Hex()[:12] + "…"
	}
	a, id := imageOf(form, platform, layers)
	a.tokens, a.isImage = tokens, true
	if a.data != nil {
		tokens["<file>"] = provenance.SumSHA256(a.data).Hex()
	}
	if verb == "swap" {
		m.presented = &a
		return nil
	}
	m.made = a
	return m.recordImage(id, programs)
}

// layer reads a list of entries, and which of them are the program.
func (m *maker) layer(text string) (entries []imagetest.Entry, programs []string, err error) {
	for _, e := range strings.Split(text, ",") {
		if name, target, ok := strings.Cut(e, "=>"); ok {
			entries = append(entries, imagetest.Entry{Name: name, Link: target, Type: tar.TypeLink})
			continue
		}
		if name, target, ok := strings.Cut(e, "->"); ok {
			entries = append(entries, imagetest.Entry{Name: name, Link: target})
			continue
		}
		name, body, _ := strings.Cut(e, "=")
		switch body {
		case "go":
			body = string(built.data)
			programs = append(programs, name)
		case "swapped":
			body = string(built.data) + "!"
		case "spoilt":
			data, err := garbled(built.data)
			if err != nil {
				return nil, nil, err
			}
			body = string(data)
		}
		entries = append(entries, imagetest.Entry{Name: name, Body: body})
	}
	return entries, programs, nil
}

// imageOf is the image in its form, and the digest of its manifest, or of what
// stands for it.
func imageOf(form, platform string, layers [][]imagetest.Entry) (a artifact, id string) {
	if form == "docker" {
		data, config := imagetest.Docker(platform, "app:1", layers...)
		a = fileOf(data)
		a.digest = strings.TrimPrefix(config, "sha256:")
		return a, config
	}
	l := imagetest.New()
	l.Stored = true
	image := l.Image(platform, layers...)
	root := image
	if strings.HasPrefix(form, "index") {
		if _, other, ok := strings.Cut(form, ":"); ok {
			image.Platform = imagetest.ParsePlatform(other)
		}
		root = l.Index(image)
	}
	l.Add(root)
	a = layoutArtifact(l, form)
	a.algorithm, a.digest = provenance.SHA256, strings.TrimPrefix(root.Digest, "sha256:")
	return a, image.Digest
}

func layoutArtifact(l *imagetest.Layout, form string) artifact {
	if form == "tar" {
		return fileOf(l.Tar())
	}
	a := artifact{folder: map[string]string{}, image: l}
	for name, data := range l.All() {
		a.folder[name] = string(data)
	}
	return a
}

// recordImage lets provenance name the programs, and the SBOM list their modules.
func (m *maker) recordImage(id string, programs []string) error {
	const at = "/predicate/buildDefinition/resolvedDependencies"
	deps, err := pick(m.docs["provenance"], at)
	if err != nil {
		return err
	}
	list := deps.([]any)
	for _, name := range programs {
		list = append(list, map[string]any{"name": name, "digest": map[string]any{"sha256": "<program>"}, "annotations": map[string]any{"image": id}})
	}
	if m.docs["provenance"], err = edit(m.docs["provenance"], at, list, false); err != nil {
		return err
	}
	whole, err := pick(m.docs["sbom"], "/predicate")
	if err != nil {
		return err
	}
	own := whole
	data, err := encode(own, "")
	if err != nil {
		return err
	}
	if own, err = decode(data); err != nil { // a copy: stories change one and not the other
		return err
	}
	m.docs["own-sbom"] = map[string]any{"_type": "https://in-toto.io/Statement/v1", "predicateType": "https://cyclonedx.org/bom",
		"subject": []any{map[string]any{"digest": map[string]any{"sha256": "<program>"}}}, "predicate": own}
	components, err := pick(whole, "/components")
	if err != nil {
		return err
	}
	m.docs["sbom"], err = edit(m.docs["sbom"], "/predicate", map[string]any{"bomFormat": "CycloneDX", "specVersion": "1.6", "version": json.Number("1"), "components": components,
		"metadata": map[string]any{"timestamp": "2026-11-20T17:06:00Z", "component": map[string]any{"type": "container", "name": "app", "version": "1.4.0",
			"hashes": []any{map[string]any{"alg": "SHA-256", "content": "<artifact>"}}}}}, false)
	return err
}

// imageSBOM lets the SBOM be what package sbom/image makes of the image.
func (m *maker) imageSBOM() error {
	boms, err := image.BOMs(context.Background(), m.made.write(m.t))
	if err != nil || len(boms) != 1 {
		return fmt.Errorf("%d SBOMs of the image: %w", len(boms), err)
	}
	var text bytes.Buffer
	if err := sbom.Write(&text, boms[0]); err != nil {
		return err
	}
	doc, err := decode(text.Bytes())
	if err != nil {
		return err
	}
	m.docs["sbom"], err = edit(m.docs["sbom"], "/predicate", doc, false)
	return err
}

// flipped is the made image with one byte of a blob changed: the largest, or
// the one of that number by size.
func (m *maker) flipped(i int) (artifact, error) {
	l := m.made.image
	if l == nil {
		return artifact{}, fmt.Errorf("the artifact is no image in a folder")
	}
	names := slices.Sorted(maps.Keys(l.Files))
	names = slices.DeleteFunc(names, func(name string) bool { return !strings.HasPrefix(name, "blobs/") })
	slices.SortStableFunc(names, func(a, b string) int { return len(l.Files[b]) - len(l.Files[a]) })
	a := m.made
	a.folder = maps.Clone(a.folder)
	data := []byte(a.folder[names[i]])
	data[len(data)/2] ^= 1
	a.folder[names[i]] = string(data)
	return a, nil
}

// garbled is a Go program whose build information is spoilt.
func garbled(program []byte) ([]byte, error) {
	data := slices.Clone(program)
	i := bytes.Index(data, []byte("\xff Go buildinf:"))
	if i < 0 {
		return nil, fmt.Errorf("no build information to garble")
	}
	copy(data[i+32:], "\xff\xff\xff\x7f") // the length of the first string
	return data, nil
}

// pick is what pointer names below node.
func pick(node any, pointer string) (any, error) {
	for _, step := range strings.Split(pointer, "/")[1:] {
		object, ok := node.(map[string]any)
		if !ok {
			return nil, fmt.Errorf("nothing at %s", pointer)
		}
		node = object[step]
	}
	return node, nil
}
