package image

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/touchmark-go/touchmark/internal/ocilayout"
	"github.com/touchmark-go/touchmark/sbom"
)

// main is the image itself.
func (d *document) main() (*cdx.Component, error) {
	m := d.image
	hashes := hashesOf(m.Digest)
	if len(hashes) == 0 {
		return nil, errors.New("the image has no digest that a BOM could name it by")
	}
	c := &cdx.Component{Type: cdx.ComponentTypeContainer, Name: m.Digest.String(), Version: m.Digest.String(), Hashes: &hashes}
	names := slices.Clone(m.Names)
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		if repository := repositoryOf(name); repository != "" {
			c.Name, c.PackageURL = repository, ociPURL(repository, m)
			break
		}
	}
	c.BOMRef = d.ref("image@" + m.Digest.String())
	note := properties{}
	for _, name := range names {
		note.add(PropertyName, name)
	}
	note.add(PropertyPlatform, m.Runs.String())
	if m.Config.Digest != m.Digest {
		note.add(PropertyConfig, m.Config.Digest.String())
	}
	for _, index := range m.Indexes {
		note.add(PropertyIndex, index.Digest.String())
	}
	for _, l := range m.Layers {
		note.add(PropertyLayer, layerName(l))
	}
	note.add(PropertyFiles, strconv.Itoa(d.total))
	note.add(PropertyStrangers, strconv.Itoa(d.strangers()))
	slices.Sort(d.unread)
	for _, text := range d.unread {
		note.add(PropertyUnread, text)
	}
	if d.unreadMore > 0 {
		note.add(PropertyUnread, fmt.Sprintf("and %d more", d.unreadMore))
	}
	c.Properties = note.list()
	return c, nil
}

// repositoryOf is the name of an image without tag and digest, "" if it is none.
func repositoryOf(name string) string {
	name, _, _ = strings.Cut(name, "@")
	if i := strings.LastIndexByte(name, ':'); i > strings.LastIndexByte(name, '/') {
		name = name[:i]
	}
	if !strings.ContainsAny(name, "/") && !isRepository(name) {
		return ""
	}
	for element := range strings.SplitSeq(name, "/") {
		if element == "" {
			return ""
		}
	}
	return name
}

// isRepository reports whether an annotation that is one word is a name, and not a
// tag alone, which archives have there, too.
func isRepository(name string) bool {
	return name != "" && name != "latest" && !strings.ContainsAny(name[:1], "0123456789.") && !strings.ContainsAny(name, " .")
}

// ociPURL is the package URL of an image (purl-spec, type oci).
func ociPURL(repository string, m ocilayout.Manifest) string {
	name := repository[strings.LastIndexByte(repository, '/')+1:]
	p := sbom.PURL{Type: "oci", Name: strings.ToLower(name), Version: m.Digest.String(), Qualifiers: map[string]string{"arch": m.Runs.Architecture}}
	if strings.Contains(repository, "/") {
		p.Qualifiers["repository_url"] = strings.ToLower(repository)
	}
	p, err := p.Canonical()
	if err != nil {
		return ""
	}
	return p.String()
}

// distribution adds what the image is made of.
func (d *document) distribution() {
	o := d.distro
	if o.id == "" {
		return
	}
	c := cdx.Component{Type: cdx.ComponentTypeOS, Name: clean(o.id), Version: clean(cmp.Or(o.version, o.codename)), Description: clean(o.pretty)}
	c.BOMRef = d.ref("os:" + c.Name + "@" + c.Version)
	if strings.HasPrefix(o.cpe, "cpe:/") && !strings.ContainsAny(o.cpe, " \t") {
		c.CPE = clean(o.cpe)
	}
	c.ExternalReferences = website(o.home)
	note := properties{}
	d.place(&note, o.place)
	c.Properties = note.list()
	d.os = c.BOMRef
	d.components = append(d.components, c)
	d.unknown = append(d.unknown, cdx.BOMReference(d.os))
}

// place notes where something is, and the layer that brought it.
func (d *document) place(note *properties, at place) {
	note.add(PropertyPath, clean(at.path))
	note.add(PropertyLayerIndex, strconv.Itoa(at.layer))
	note.add(PropertyLayer, layerName(d.image.Layers[at.layer]))
}

// layerName is the digest of a layer as it is stored, and if nobody gave it one
// that of its content.
func layerName(l ocilayout.Layer) string {
	if l.Digest.IsZero() {
		return l.DiffID.String()
	}
	return l.Digest.String()
}
