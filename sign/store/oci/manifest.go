package oci

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/touchmark-go/touchmark/internal/jcs"
	"github.com/touchmark-go/touchmark/internal/strictjson"
	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sign"
)

// The media types of evidence: of a layer, and of the artifact that is made of it.
const (
	typeSigstore = "application/vnd.dev.sigstore.bundle.v0.3+json"
	typeDSSE     = "application/vnd.dsse.envelope.v1+json"
)

// The limits of what is read about one subject. What is over one of them is refused with [sign.ErrLimit].
const (
	MaxReferrers = sign.MaxLines // referrers that are looked at
	maxPages     = 256           // of a list of referrers, or of tags
	maxManifest  = 4 << 20       // bytes of a manifest, which is what registries take
	maxLayers    = 64            // of an artifact of evidence
)

// isEvidence reports whether a media type is one of evidence that sign.Read knows.
func isEvidence(mediaType string) bool {
	return mediaType == typeDSSE || strings.HasPrefix(mediaType, "application/vnd.dev.sigstore.bundle")
}

// A document is a manifest or an index, as far as it matters here.
type document struct {
	MediaType    string               `json:"mediaType"`
	ArtifactType string               `json:"artifactType"`
	Config       *ocispec.Descriptor  `json:"config"`
	Layers       []ocispec.Descriptor `json:"layers"`
	Manifests    []ocispec.Descriptor `json:"manifests"`
	Subject      *ocispec.Descriptor  `json:"subject"`
}

// parseDocument reads what a registry sent as mediaType. What could be read in two ways is refused (advisory
// GHSA-mc8v-mgrf-8f4m): another media type within than without, an image and an index in one, a member twice.
func parseDocument(data []byte, mediaType string) (*document, error) {
	var d document
	if err := strictjson.Unmarshal(data, &d); err != nil {
		return nil, err
	}
	switch {
	case d.MediaType != "" && d.MediaType != mediaType:
		return nil, fmt.Errorf("says that it is %q, and came as %q", d.MediaType, mediaType)
	case d.Manifests != nil && (d.Layers != nil || d.Config != nil):
		return nil, fmt.Errorf("is an image and an index in one")
	case len(d.Layers) > maxLayers:
		return nil, fmt.Errorf("%d layers, want at most %d: %w", len(d.Layers), maxLayers, sign.ErrLimit)
	}
	return &d, nil
}

// manifestOf wraps a bundle, so that the same bundle makes the same bytes: there is no time in it.
func manifestOf(b *sign.Bundle, subject ocispec.Descriptor) (manifest []byte, layer ocispec.Descriptor, line []byte, err error) {
	if line, err = b.Marshal(); err != nil {
		return nil, layer, nil, err
	}
	kind, annotations := typeDSSE, map[string]string(nil)
	if b.Format == sign.Sigstore {
		kind = typeSigstore
		annotations = map[string]string{"dev.sigstore.bundle.content": "dsse-envelope"}
		if !b.MessageDigest.IsZero() {
			annotations["dev.sigstore.bundle.content"] = "message-signature"
		} else if s, err := provenance.Parse(b.UnverifiedPayload()); err == nil {
			annotations["dev.sigstore.bundle.predicateType"] = s.PredicateType
		}
	}
	layer = ocispec.Descriptor{MediaType: kind, Digest: digest.FromBytes(line), Size: int64(len(line))}
	subject = ocispec.Descriptor{MediaType: subject.MediaType, Digest: subject.Digest, Size: subject.Size}
	manifest, err = encode(kind, layer, &subject, annotations)
	return manifest, layer, line, err
}

// encode writes a manifest of one layer (OCI image specification 1.1, "Guidelines for Artifact Usage").
func encode(kind string, layer ocispec.Descriptor, subject *ocispec.Descriptor, annotations map[string]string) ([]byte, error) {
	m := ocispec.Manifest{
		MediaType: ocispec.MediaTypeImageManifest, ArtifactType: kind, Config: emptyConfig(),
		Layers: []ocispec.Descriptor{layer}, Subject: subject, Annotations: annotations,
	}
	m.SchemaVersion = 2
	data, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	return jcs.Transform(data)
}

// emptyConfig is the config of what has none: "{}".
func emptyConfig() ocispec.Descriptor {
	d := ocispec.DescriptorEmptyJSON
	d.Data = nil
	return d
}
