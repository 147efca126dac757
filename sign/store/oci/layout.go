package oci

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/touchmark-go/touchmark/internal/ocilayout"
	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/sign/store"
)

// A Layout is the evidence in an OCI image layout, a folder or a tar file: what refers to an image there, and what
// cosign save puts beside one. It is read only. Its methods may be called at once, and it must be closed.
type Layout struct {
	archive *ocilayout.Archive
	path    string
}

// OpenLayout opens an image layout, or an archive of docker save, which may hold one.
func OpenLayout(path string) (*Layout, error) {
	archive, err := ocilayout.Open(path)
	if err != nil {
		return nil, err
	}
	return &Layout{archive, path}, nil
}

// Close closes the files behind the layout.
func (l *Layout) Close() error { return l.archive.Close() }

// cosignAttestations marks the attestations of the one image in a layout that cosign saved.
const cosignAttestations = "dev.cosignproject.cosign/atts"

// Bundles returns the evidence about an image of the layout, in the layout's order. Entries that cannot be read have
// an Err that says why. Origin is "PATH@sha256:HEX", the manifest.
func (l *Layout) Bundles(ctx context.Context, subject provenance.Digest) ([]*sign.Bundle, error) {
	var bundles []*sign.Bundle
	left := int64(store.MaxEvidence)
	for _, m := range l.archive.Manifests() {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if m.Kind != ocilayout.Other {
			continue
		}
		read := func() ([]*sign.Bundle, error) {
			data, err := l.archive.Document(m.Descriptor)
			if err != nil {
				return nil, err
			}
			d, err := parseDocument(data, m.MediaType)
			if err != nil {
				return nil, err
			}
			saved := d.Subject == nil && m.Annotations["kind"] == cosignAttestations
			if !saved && (d.Subject == nil || d.Subject.Digest.String() != subject.String()) {
				return nil, nil
			}
			return l.layers(m, &left)
		}
		found, err := read()
		if err != nil {
			found = append(found, &sign.Bundle{Err: err})
		}
		for _, b := range found {
			b.Origin = l.path + "@" + m.Digest.String()
			bundles = append(bundles, b)
			if len(bundles) > store.MaxBundles {
				return nil, fmt.Errorf("%q: more than %d bundles about %s: %w", l.path, store.MaxBundles, subject, sign.ErrLimit)
			}
		}
	}
	return bundles, nil
}

// layers reads the bundles in an artifact. What was read comes with the error.
func (l *Layout) layers(m ocilayout.Manifest, left *int64) ([]*sign.Bundle, error) {
	var all []*sign.Bundle
	if len(m.Layers) > maxLayers {
		return nil, fmt.Errorf("%d layers, want at most %d: %w", len(m.Layers), maxLayers, sign.ErrLimit)
	}
	for _, layer := range m.Layers {
		if !isEvidence(layer.MediaType) {
			continue
		}
		data, err := l.blob(layer.Descriptor, left)
		if err != nil {
			return all, err
		}
		bundles, err := readLayer(data, layer.Annotations)
		if err != nil {
			return all, err
		}
		all = append(all, bundles...)
	}
	if len(all) == 0 {
		return nil, errNoBundle
	}
	return all, nil
}

// blob reads a small blob whole, and checks it.
func (l *Layout) blob(d ocilayout.Descriptor, left *int64) ([]byte, error) {
	if limit := min(sign.MaxEnvelopeSize, *left); d.Size > limit {
		return nil, fmt.Errorf("%s has %d bytes, want at most %d: %w", d.Digest, d.Size, limit, sign.ErrLimit)
	}
	*left -= d.Size
	r, err := l.archive.Blob(d)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(r)
	return data, errors.Join(err, r.Close())
}

// A Claim is a statement that came with an image and that nobody has signed. It is worth what the signature over the
// index that lists it is worth, and nothing without one.
type Claim struct {
	// Statement is what it says; nil if Err says why it could not be read.
	Statement *provenance.Statement
	Err       error
	// Origin is the manifest that holds it: "PATH@sha256:HEX".
	Origin string
}

// Claims returns the statements that BuildKit put beside an image of the layout: attestation manifests of an index.
// They are no evidence, and so no bundles.
func (l *Layout) Claims(ctx context.Context, image provenance.Digest) ([]Claim, error) {
	var claims []Claim
	left := int64(store.MaxEvidence)
	for _, m := range l.archive.Manifests() {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if m.Kind != ocilayout.Attestation || m.Of != image {
			continue
		}
		for _, layer := range m.Layers {
			if layer.MediaType != "application/vnd.in-toto+json" {
				continue
			}
			c := Claim{Origin: l.path + "@" + m.Digest.String()}
			data, err := l.blob(layer.Descriptor, &left)
			if err == nil {
				c.Statement, err = provenance.Parse(data)
			}
			c.Err = err
			claims = append(claims, c)
		}
	}
	return claims, nil
}
