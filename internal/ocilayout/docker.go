package ocilayout

import (
	"bytes"
	"io"
	"slices"
	"strings"

	"github.com/touchmark-go/touchmark/internal/strictjson"
	"github.com/touchmark-go/touchmark/provenance"
)

const (
	dockerFile = "manifest.json"
	legacyFile = "repositories"
)

// dockerImage is an image in the manifest.json of docker save.
type dockerImage struct {
	Config   string
	RepoTags []string
	Layers   []string
}

func (a *Archive) dockerImages() ([]dockerImage, error) {
	data, err := a.file(dockerFile)
	if err != nil {
		return nil, err
	}
	if !bytes.HasPrefix(bytes.TrimLeft(data, " \t\r\n"), []byte("[")) {
		return nil, errorf(ErrNotImage, "a tar file whose manifest.json is no list is")
	}
	var images []dockerImage
	if err := strictjson.Unmarshal(data, &images); err != nil {
		return nil, asMalformed(err, dockerFile)
	}
	if len(images) == 0 || len(images) > MaxManifests {
		return nil, errorf(ErrMalformed, "%s lists %d images, want 1 to %d", dockerFile, len(images), MaxManifests)
	}
	return images, nil
}

// loadDocker reads an archive without a layout in it. It has no manifests: an
// image is known by its config, whose diff_ids say what each layer is.
func (a *Archive) loadDocker() error {
	images, err := a.dockerImages()
	if err != nil {
		return err
	}
	for _, image := range images {
		m, err := a.dockerManifest(image)
		if err != nil {
			return asMalformed(err, "image %.200q", image.Config)
		}
		a.manifests = append(a.manifests, m)
		a.roots = append(a.roots, m.Descriptor)
	}
	return nil
}

func (a *Archive) dockerManifest(image dockerImage) (Manifest, error) {
	data, err := a.file(image.Config)
	if err != nil {
		return Manifest{}, err
	}
	config := Descriptor{MediaType: MediaTypeDockerConfig, Digest: provenance.SumSHA256(data), Size: int64(len(data)), path: image.Config}
	name := strings.TrimSuffix(image.Config[strings.LastIndexByte(image.Config, '/')+1:], ".json")
	if claimed, err := provenance.ParseDigest("sha256:" + strings.TrimPrefix(name, "sha256:")); err == nil && claimed != config.Digest {
		return Manifest{}, errorf(ErrMismatch, "%s has the sum %s", image.Config, config.Digest)
	}
	if len(image.Layers) > MaxLayers {
		return Manifest{}, errorf(ErrLimit, "it has %d layers, want at most %d", len(image.Layers), MaxLayers)
	}
	m := Manifest{Descriptor: config, Kind: Image, Names: image.RepoTags, Config: config}
	for _, name := range image.Layers {
		d, err := a.dockerLayer(name)
		if err != nil {
			return Manifest{}, err
		}
		m.Layers = append(m.Layers, Layer{Descriptor: d})
	}
	if err := m.config(data); err != nil {
		return Manifest{}, err
	}
	for i := range m.Layers {
		if l := &m.Layers[i]; l.MediaType == MediaTypeDockerLayer {
			l.Digest = l.DiffID
		}
	}
	return m, nil
}

// dockerLayer describes a layer of which only the name is known.
func (a *Archive) dockerLayer(name string) (Descriptor, error) {
	r, size, err := a.blobs.open(name)
	if err != nil {
		return Descriptor{}, err
	}
	defer r.Close()
	d := Descriptor{MediaType: MediaTypeDockerLayer, Size: size, path: name}
	var start [4]byte
	if _, err := io.ReadFull(r, start[:]); err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return Descriptor{}, err
	}
	switch {
	case start[0] == 0x1f && start[1] == 0x8b:
		d.MediaType += ".gzip"
	case start == [4]byte{0x28, 0xb5, 0x2f, 0xfd}:
		d.MediaType += ".zstd"
	}
	return d, nil
}

// agreeDocker holds the manifest.json beside a layout against it. Who loads the
// archive reads one or the other, so both must say the same.
func (a *Archive) agreeDocker() error {
	images, err := a.dockerImages()
	if err != nil {
		return asMalformed(err, dockerFile)
	}
	for _, image := range images {
		same := slices.ContainsFunc(a.manifests, func(m Manifest) bool {
			return m.Kind == Image && image.Config == blobPath(m.Config.Digest) &&
				slices.EqualFunc(image.Layers, m.Layers, func(name string, l Layer) bool { return name == blobPath(l.Digest) })
		})
		if !same {
			return errorf(ErrMalformed, "%s and %s describe different images: %.200q", dockerFile, indexFile, image.Config)
		}
	}
	return nil
}
