package ocilayout

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/touchmark-go/touchmark/internal/strictjson"
	"github.com/touchmark-go/touchmark/provenance"
)

// Media types of the OCI image specification 1.1 and of Docker's image manifest
// version 2, schema 2.
const (
	MediaTypeIndex          = "application/vnd.oci.image.index.v1+json"
	MediaTypeManifest       = "application/vnd.oci.image.manifest.v1+json"
	MediaTypeConfig         = "application/vnd.oci.image.config.v1+json"
	MediaTypeLayer          = "application/vnd.oci.image.layer.v1.tar"
	MediaTypeDockerList     = "application/vnd.docker.distribution.manifest.list.v2+json"
	MediaTypeDockerManifest = "application/vnd.docker.distribution.manifest.v2+json"
	MediaTypeDockerConfig   = "application/vnd.docker.container.image.v1+json"
	MediaTypeDockerLayer    = "application/vnd.docker.image.rootfs.diff.tar"
)

const (
	layoutFile = "oci-layout"
	indexFile  = "index.json"

	refName       = "org.opencontainers.image.ref.name"
	referenceType = "vnd.docker.reference.type"
	referenceOf   = "vnd.docker.reference.digest"
)

// A Descriptor names content (OCI image specification, "Content Descriptors").
type Descriptor struct {
	MediaType string
	// Digest is sha256 or sha512. It is zero only of a compressed layer in a
	// docker archive of the old form, which nobody gave one.
	Digest       provenance.Digest
	Size         int64
	Platform     Platform // as an index claims it; zero if it says nothing
	ArtifactType string
	Annotations  map[string]string

	path string // in an archive of the old form
}

// A Platform is what an image runs on, in GOOS's and GOARCH's words.
type Platform struct{ OS, Architecture, Variant string }

// String is the platform as people write it: "linux/arm64/v8".
func (p Platform) String() string {
	if p == (Platform{}) {
		return ""
	}
	s := p.OS + "/" + p.Architecture
	if p.Variant != "" {
		s += "/" + p.Variant
	}
	return s
}

// unknown is how BuildKit marks what is to be run nowhere.
func (p Platform) unknown() bool { return p.OS == "unknown" && p.Architecture == "unknown" }

// A Kind is what a manifest is of.
type Kind int

const (
	// Other is a manifest whose layers are no file system, or none at all.
	Other Kind = iota
	// Image is one whose layers are a file system.
	Image
	// Attestation is BuildKit's: statements that nobody has signed. They are only
	// as good as the signature over an index that lists them.
	Attestation
	// Missing is one that an index lists and that is not in the archive.
	Missing
)

// String is the kind in a word.
func (k Kind) String() string {
	return [...]string{"artifact", "image", "attestation", "missing"}[k]
}

// A Manifest is an image for one platform, or an attestation, or an artifact.
type Manifest struct {
	// Descriptor names the manifest itself; in a docker archive of the old form,
	// which has none, the config.
	Descriptor
	Kind Kind
	// Names are what the archive calls it.
	Names []string
	// Indexes are those that lead to it from the root, the root's first.
	Indexes []Descriptor
	Config  Descriptor
	Layers  []Layer
	// Of is the manifest that an Attestation says it is about.
	Of provenance.Digest
	// Runs is the platform in the config of an Image, which is what its content
	// was made for. What the index says stands in the Descriptor.
	Runs Platform
}

// A Layer is a layer of an image, from the base up.
type Layer struct {
	Descriptor
	// DiffID is the digest of the layer without its compression, from the config.
	// It is zero in a manifest that is no image.
	DiffID provenance.Digest
}

// wire forms. A member that only folds to one of these is refused.
type (
	wireDescriptor struct {
		MediaType    string            `json:"mediaType"`
		Digest       string            `json:"digest"`
		Size         *int64            `json:"size"`
		ArtifactType string            `json:"artifactType"`
		Annotations  map[string]string `json:"annotations"`
		Platform     *struct {
			OS           string `json:"os"`
			Architecture string `json:"architecture"`
			Variant      string `json:"variant"`
		} `json:"platform"`
	}
	wireManifest struct {
		SchemaVersion int               `json:"schemaVersion"`
		MediaType     string            `json:"mediaType"`
		ArtifactType  string            `json:"artifactType"`
		Config        *wireDescriptor   `json:"config"`
		Layers        json.RawMessage   `json:"layers"`
		Manifests     json.RawMessage   `json:"manifests"`
		FSLayers      json.RawMessage   `json:"fsLayers"` // schema 1
		Subject       *wireDescriptor   `json:"subject"`
		Annotations   map[string]string `json:"annotations"`
	}
	wireConfig struct {
		OS           string `json:"os"`
		Architecture string `json:"architecture"`
		Variant      string `json:"variant"`
		RootFS       *struct {
			Type    string   `json:"type"`
			DiffIDs []string `json:"diff_ids"`
		} `json:"rootfs"`
	}
)

// load finds out what the archive is and reads its documents.
func (a *Archive) load() error {
	switch {
	case a.blobs.has(layoutFile):
		a.form = "OCI layout"
		if err := a.loadLayout(); err != nil {
			return err
		}
		if a.blobs.has(dockerFile) {
			if err := a.agreeDocker(); err != nil {
				return err
			}
		}
		return nil
	case a.blobs.has(dockerFile):
		a.form = "docker archive"
		return a.loadDocker()
	case a.blobs.has(legacyFile):
		return errorf(ErrUnsupported, "an archive of docker before 1.10 is")
	}
	return errorf(ErrNotImage, "a folder without an oci-layout is")
}

func (a *Archive) loadLayout() error {
	data, err := a.file(layoutFile)
	if err != nil {
		return err
	}
	var layout struct {
		Version string `json:"imageLayoutVersion"`
	}
	if err := strictjson.Unmarshal(data, &layout); err != nil {
		return asMalformed(err, layoutFile)
	}
	if !strings.HasPrefix(layout.Version, "1.") {
		return errorf(ErrUnsupported, "image layout version %.40q is", layout.Version)
	}
	if data, err = a.file(indexFile); err != nil {
		return err
	}
	a.index = Descriptor{MediaType: MediaTypeIndex, Digest: provenance.SumSHA256(data), Size: int64(len(data)), path: indexFile}
	l := &loading{Archive: a, seen: map[provenance.Digest]int{}}
	w, err := parseManifest(data, MediaTypeIndex)
	if err != nil {
		return asMalformed(err, indexFile)
	}
	if a.roots, err = l.list(w); err != nil {
		return asMalformed(err, indexFile)
	}
	for _, d := range a.roots {
		if err := l.follow(d, nil, 0); err != nil {
			return err
		}
	}
	return nil
}

// file reads a small file of the archive that has a fixed name.
func (a *Archive) file(name string) ([]byte, error) {
	r, size, err := a.blobs.open(name)
	if errors.Is(err, ErrMissing) {
		return nil, errorf(ErrMalformed, "it has no %s", name)
	}
	if err != nil {
		return nil, err
	}
	defer r.Close()
	if size > MaxDocument {
		return nil, errorf(ErrLimit, "%s has %d bytes, want at most %d", name, size, MaxDocument)
	}
	return strictjson.ReadAll(r, MaxDocument)
}

// loading is the way down from the root.
type loading struct {
	*Archive
	seen   map[provenance.Digest]int // the place in manifests, or -1 of an index
	listed int
}

// parseManifest reads an index or a manifest that was announced as mediaType.
// One that could be taken for the other is refused: one digest must not have
// two meanings (GHSA-qq97-vm5h-rrhg, GHSA-5j5w-g665-5m35).
func parseManifest(data []byte, mediaType string) (*wireManifest, error) {
	var w wireManifest
	if err := strictjson.Unmarshal(data, &w); err != nil {
		return nil, asMalformed(err, "it is no JSON of a manifest")
	}
	index := mediaType == MediaTypeIndex || mediaType == MediaTypeDockerList
	docker := mediaType == MediaTypeDockerList || mediaType == MediaTypeDockerManifest
	switch {
	case w.SchemaVersion != 2:
		return nil, errorf(ErrMalformed, "its schemaVersion is %d, want 2", w.SchemaVersion)
	case w.MediaType != mediaType && (w.MediaType != "" || docker):
		return nil, errorf(ErrMalformed, "its mediaType is %.100q, and it was announced as %.100q", w.MediaType, mediaType)
	case w.FSLayers != nil:
		return nil, errorf(ErrMalformed, "it has fsLayers, which schema 2 has not")
	case w.Manifests != nil && (w.Layers != nil || w.Config != nil):
		return nil, errorf(ErrMalformed, "it is an index and a manifest at once: it has manifests, and layers or a config")
	case index && w.Manifests == nil:
		return nil, errorf(ErrMalformed, "it was announced as an index and has no manifests")
	case !index && (w.Config == nil || w.Layers == nil):
		return nil, errorf(ErrMalformed, "it was announced as a manifest and has no config or no layers")
	}
	return &w, nil
}

func (l *loading) list(w *wireManifest) ([]Descriptor, error) {
	list, err := descriptors(w.Manifests, MaxManifests)
	if err != nil {
		return nil, err
	}
	if l.listed += len(list); l.listed > MaxManifests {
		return nil, errorf(ErrLimit, "the indexes list more than %d manifests", MaxManifests)
	}
	return list, nil
}

func descriptors(data json.RawMessage, most int) ([]Descriptor, error) {
	if bytes.Equal(data, []byte("null")) {
		return nil, nil
	}
	var wire []wireDescriptor
	if err := strictjson.Unmarshal(data, &wire); err != nil {
		return nil, asMalformed(err, "its list of descriptors")
	}
	if len(wire) > most {
		return nil, errorf(ErrLimit, "it lists %d descriptors, want at most %d", len(wire), most)
	}
	list := make([]Descriptor, len(wire))
	for i, w := range wire {
		d, err := w.descriptor()
		if err != nil {
			return nil, err
		}
		list[i] = d
	}
	return list, nil
}

func (w *wireDescriptor) descriptor() (Descriptor, error) {
	d := Descriptor{MediaType: w.MediaType, ArtifactType: w.ArtifactType, Annotations: w.Annotations}
	var err error
	if d.Digest, err = parseDigest(w.Digest); err != nil {
		return Descriptor{}, err
	}
	if w.Size == nil || *w.Size < 0 || w.MediaType == "" {
		return Descriptor{}, errorf(ErrMalformed, "the descriptor of %s has no size or no mediaType", d.Digest)
	}
	d.Size = *w.Size
	if w.Platform != nil {
		d.Platform = Platform{w.Platform.OS, w.Platform.Architecture, w.Platform.Variant}
	}
	return d, nil
}

// parseDigest wants one of the two algorithms that the specification registers
// and that name content beyond doubt, because its text becomes a path
// (CVE-2024-3727).
func parseDigest(s string) (provenance.Digest, error) {
	d, err := provenance.ParseDigest(s)
	if err != nil {
		return provenance.Digest{}, errorf(ErrMalformed, "%v", err)
	}
	if a := d.Algorithm(); a != provenance.SHA256 && a != provenance.SHA512 {
		return provenance.Digest{}, errorf(ErrUnsupported, "a digest by %s is", a)
	}
	return d, nil
}

// follow reads what d names, and everything below it.
func (l *loading) follow(d Descriptor, via []Descriptor, depth int) error {
	if at, seen := l.seen[d.Digest]; seen {
		if at >= 0 {
			l.manifests[at].name(d)
			if p := l.manifests[at].Platform; p != d.Platform && p != (Platform{}) && d.Platform != (Platform{}) {
				return errorf(ErrMalformed, "%s is listed for %s and for %s", d.Digest, p, d.Platform)
			}
		}
		return nil
	}
	l.seen[d.Digest] = -1
	switch d.MediaType {
	case MediaTypeIndex, MediaTypeDockerList:
		if depth == maxNesting {
			return errorf(ErrLimit, "indexes are nested more than %d deep", maxNesting)
		}
		data, err := l.Document(d)
		if err != nil {
			return l.missing(d, via, err)
		}
		w, err := parseManifest(data, d.MediaType)
		if err != nil {
			return asMalformed(err, "index %s", d.Digest)
		}
		list, err := l.list(w)
		if err != nil {
			return asMalformed(err, "index %s", d.Digest)
		}
		via = append(via[:len(via):len(via)], d)
		for _, child := range list {
			if err := l.follow(child, via, depth+1); err != nil {
				return err
			}
		}
		return nil
	case MediaTypeManifest, MediaTypeDockerManifest:
		data, err := l.Document(d)
		if err != nil {
			return l.missing(d, via, err)
		}
		m := Manifest{Descriptor: d, Indexes: via}
		if err := l.manifest(&m, data); err != nil {
			return asMalformed(err, "manifest %s", d.Digest)
		}
		l.keep(m)
		return nil
	}
	l.keep(Manifest{Descriptor: d, Indexes: via})
	return nil
}

func (l *loading) keep(m Manifest) {
	m.name(m.Descriptor)
	l.seen[m.Digest] = len(l.manifests)
	l.manifests = append(l.manifests, m)
}

// missing keeps the place of what an index lists and nobody stored: whoever
// pulls one platform has the index and no other manifest.
func (l *loading) missing(d Descriptor, via []Descriptor, err error) error {
	if !errors.Is(err, ErrMissing) {
		return err
	}
	l.keep(Manifest{Descriptor: d, Indexes: via, Kind: Missing})
	return nil
}

// name adds what d calls the manifest.
func (m *Manifest) name(d Descriptor) {
	if name := d.Annotations[refName]; name != "" {
		m.Names = append(m.Names, name)
	}
}

func (l *loading) manifest(m *Manifest, data []byte) error {
	w, err := parseManifest(data, m.MediaType)
	if err != nil {
		return err
	}
	if m.ArtifactType == "" {
		m.ArtifactType = w.ArtifactType
	}
	if m.Config, err = w.Config.descriptor(); err != nil {
		return err
	}
	layers, err := descriptors(w.Layers, MaxLayers)
	if err != nil {
		return err
	}
	for _, d := range layers {
		m.Layers = append(m.Layers, Layer{Descriptor: d})
	}
	if m.Annotations[referenceType] == "attestation-manifest" && (m.Platform.unknown() || m.Platform == (Platform{})) {
		m.Kind = Attestation
		if m.Of, err = parseDigest(m.Annotations[referenceOf]); err != nil {
			return err
		}
		return nil
	}
	if m.Config.MediaType != MediaTypeConfig && m.Config.MediaType != MediaTypeDockerConfig || w.ArtifactType != "" && w.ArtifactType != m.Config.MediaType {
		return nil
	}
	if len(layers) > 0 && !slices.ContainsFunc(layers, func(d Descriptor) bool { return !strings.HasSuffix(d.MediaType, "+json") }) {
		return nil // cosign keeps attestations under the config of an image that runs nowhere
	}
	m.Kind = Image
	if data, err = l.Document(m.Config); err != nil {
		return err
	}
	return m.config(data)
}

// config reads what the config of an image says of its platform and layers.
func (m *Manifest) config(data []byte) error {
	var w wireConfig
	if err := strictjson.Unmarshal(data, &w); err != nil {
		return asMalformed(err, "its config")
	}
	m.Runs = Platform{w.OS, w.Architecture, w.Variant}
	if w.OS == "" || w.Architecture == "" {
		return errorf(ErrMalformed, "its config names no platform")
	}
	if w.RootFS == nil || w.RootFS.Type != "layers" {
		return errorf(ErrMalformed, "its config has no rootfs of layers")
	}
	if len(w.RootFS.DiffIDs) != len(m.Layers) {
		return errorf(ErrMalformed, "its config has %d diff_ids, and it has %d layers", len(w.RootFS.DiffIDs), len(m.Layers))
	}
	for i, id := range w.RootFS.DiffIDs {
		var err error
		if m.Layers[i].DiffID, err = parseDigest(id); err != nil {
			return err
		}
	}
	return nil
}
