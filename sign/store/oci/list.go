package oci

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/errdef"
	"oras.land/oras-go/v2/registry"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/sign/store"
)

// Bundles implements [store.Store]: what refers to the image or the blob, and what cosign before version 3 kept under
// the tag sha256-HEX.att. The list of a registry says which artifacts to look at; what one is and what it is about, only its
// manifest does, which is fetched by its digest. Origin is the manifest: "HOST/PATH@sha256:HEX".
//
// Trouble with the registry is an error, and never less evidence. That an artifact is listed and not there is the
// registry's word against itself, and an entry with that as its Err.
func (r *Repository) Bundles(ctx context.Context, subject provenance.Digest) ([]*sign.Bundle, error) {
	if err := usable(subject); err != nil {
		return nil, err
	}
	c := collector{Repository: r, ctx: ctx, left: store.MaxEvidence}
	if err := c.referrers(subject); err != nil {
		return nil, fmt.Errorf("%s: %w", r.name, err)
	}
	if err := c.ofBlob(subject); err != nil {
		return nil, fmt.Errorf("%s: %w", r.name, err)
	}
	if err := c.attachments(subject); err != nil {
		return nil, fmt.Errorf("%s: %w", r.name, err)
	}
	return c.bundles, nil
}

// A collector reads the evidence about one subject.
type collector struct {
	*Repository
	ctx     context.Context
	bundles []*sign.Bundle
	left    int64 // bytes that may still be read
}

// bad is an entry for what is no evidence.
func (c *collector) bad(d ocispec.Descriptor, format string, args ...any) {
	c.bundles = append(c.bundles, &sign.Bundle{Origin: c.origin(d), Err: fmt.Errorf(format, args...)})
}

func (c *collector) origin(d ocispec.Descriptor) string { return c.name + "@" + d.Digest.String() }

// referrers reads what the registry lists.
func (c *collector) referrers(subject provenance.Digest) error {
	about := ocispec.Descriptor{MediaType: ocispec.MediaTypeImageManifest, Digest: digestOf(subject)}
	var listed []ocispec.Descriptor
	seen := map[string]bool{}
	add := func(page []ocispec.Descriptor) error {
		for _, d := range page {
			// The type in a list is a hint: some registries have none, or name the config's.
			if (d.ArtifactType == "" || d.ArtifactType == ocispec.MediaTypeEmptyJSON || isEvidence(d.ArtifactType)) && !seen[d.Digest.String()] {
				seen[d.Digest.String()] = true
				listed = append(listed, d)
			}
		}
		if len(listed) > MaxReferrers {
			return errTooMany
		}
		return nil
	}
	err := c.remote.Referrers(c.ctx, about, "", add)
	if errors.Is(err, errdef.ErrInvalidReference) && c.unlisted() && len(about.Digest) > maxTag {
		err = nil // the fallback tag of a SHA-512 is longer than a tag may be, so there is none
	}
	if err == nil && c.unlisted() {
		err = c.tagged(about.Digest, add)
	}
	if errors.Is(err, errTooMany) {
		c.bad(about, "more than %d referrers: %w", MaxReferrers, sign.ErrLimit)
		listed = listed[:MaxReferrers]
	} else if err != nil {
		return err
	}
	for _, d := range listed {
		if err := c.referrer(d, subject); err != nil {
			return err
		}
	}
	return nil
}

// ofBlob reads what refers to the manifest that a blob hangs on. Where its tag leads is the registry's word, and what
// is found there is about the blob only if the statement says so.
func (c *collector) ofBlob(subject provenance.Digest) error {
	d, err := c.remote.Resolve(c.ctx, blobTag(subject))
	if errors.Is(err, errdef.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	manifest, err := provenance.ParseDigest(d.Digest.String())
	if err == nil {
		err = usable(manifest)
	}
	if err != nil {
		c.bad(d, "the tag %s: %w", blobTag(subject), err)
		return nil
	}
	return c.referrers(manifest)
}

// tagged finds what is about subject by its own tags, see [Repository.Push].
func (c *collector) tagged(subject digest.Digest, add func([]ocispec.Descriptor) error) error {
	prefix := tagPrefix(subject)
	err := c.remote.Tags(c.ctx, "", func(page []string) error {
		for _, tag := range page {
			if !strings.HasPrefix(tag, prefix) || len(tag) != len(prefix)+ownTagDigits {
				continue
			}
			d, err := c.remote.Resolve(c.ctx, tag)
			if errors.Is(err, errdef.ErrNotFound) {
				continue // it has been moved or deleted since the list was made
			}
			if err != nil {
				return err
			}
			if err := add([]ocispec.Descriptor{d}); err != nil {
				return err
			}
		}
		return nil
	})
	if errors.Is(err, errdef.ErrNotFound) {
		return nil // a repository that nobody has pushed to
	}
	return err
}

// maxTag is how long a tag may be.
const maxTag = 128

var errTooMany = errors.New("too many referrers")

// referrer reads one artifact. An error is trouble with the registry.
func (c *collector) referrer(d ocispec.Descriptor, subject provenance.Digest) error {
	if d.MediaType != ocispec.MediaTypeImageManifest {
		c.bad(d, "is listed as %q, want %q", d.MediaType, ocispec.MediaTypeImageManifest)
		return nil
	}
	manifest, err := c.manifest(d)
	if manifest == nil || err != nil {
		return err
	}
	kind := manifest.ArtifactType
	if kind == "" && manifest.Config != nil {
		kind = manifest.Config.MediaType
	}
	switch {
	case manifest.Subject == nil || manifest.Subject.Digest.String() != subject.String():
		c.bad(d, "is listed as evidence about %s, and is about something else", subject)
	case isEvidence(kind):
		return c.layers(d, manifest)
	}
	return nil
}

// attachments reads what lies under cosign's tag.
func (c *collector) attachments(subject provenance.Digest) error {
	tag := fmt.Sprintf("%s-%s.att", subject.Algorithm(), subject.Hex())
	if len(tag) > maxTag {
		return nil
	}
	d, err := c.remote.Resolve(c.ctx, tag)
	if errors.Is(err, errdef.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if d.MediaType != ocispec.MediaTypeImageManifest {
		c.bad(d, "the tag %s leads to %q, want %q", tag, d.MediaType, ocispec.MediaTypeImageManifest)
		return nil
	}
	manifest, err := c.manifest(d)
	if manifest == nil || err != nil {
		return err
	}
	return c.layers(d, manifest)
}

// manifest fetches a manifest; nil if it is none, which is an entry then.
func (c *collector) manifest(d ocispec.Descriptor) (*document, error) {
	data, err := c.fetch(d, maxManifest, true)
	if data == nil || err != nil {
		return nil, err
	}
	manifest, err := parseDocument(data, d.MediaType)
	if err != nil {
		c.bad(d, "%w", err)
		return nil, nil
	}
	return manifest, nil
}

// layers reads the bundles in an artifact.
func (c *collector) layers(d ocispec.Descriptor, manifest *document) error {
	found := false
	for _, layer := range manifest.Layers {
		if !isEvidence(layer.MediaType) {
			continue
		}
		found = true
		data, err := c.fetch(layer, sign.MaxEnvelopeSize, false)
		if err != nil {
			return err
		}
		if data == nil {
			continue
		}
		bundles, err := readLayer(data, layer.Annotations)
		if err != nil {
			return err
		}
		if len(bundles) == 0 {
			c.bad(d, "%w", errNoBundle)
		}
		for _, b := range bundles {
			b.Origin = c.origin(d)
			c.bundles = append(c.bundles, b)
		}
	}
	if !found {
		c.bad(d, "%w", errNoBundle)
	}
	return nil
}

// fetch reads content by its digest. If it is bad it is nil, and an entry. The size in a descriptor is held against it
// last: whoever may push can list a wrong one, and must not keep the rest from being read by that.
func (c *collector) fetch(d ocispec.Descriptor, limit int64, isManifest bool) ([]byte, error) {
	want, err := provenance.ParseDigest(d.Digest.String())
	if err == nil {
		err = usable(want)
	}
	if err != nil {
		c.bad(d, "its descriptor: %w", err)
		return nil, nil
	}
	from := registry.ReferenceFetcher(c.remote.Blobs())
	if isManifest {
		from = c.remote.Manifests()
	}
	_, r, err := from.FetchReference(c.ctx, want.String())
	if errors.Is(err, errdef.ErrNotFound) {
		c.bad(d, "is listed, and not there: %w", err)
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer r.Close()
	limit = min(limit, c.left)
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, err
	}
	c.left -= min(int64(len(data)), c.left)
	switch {
	case int64(len(data)) > limit:
		c.bad(d, "more than %d bytes: %w", limit, sign.ErrLimit)
	case d.Digest.Algorithm().FromBytes(data) != d.Digest:
		c.bad(d, "its content is %s, want %s", d.Digest.Algorithm().FromBytes(data), want)
	case int64(len(data)) != d.Size:
		c.bad(d, "its content has %d bytes, want %d", len(data), d.Size)
	default:
		return data, nil
	}
	return nil, nil
}

func digestOf(d provenance.Digest) digest.Digest { return digest.Digest(d.String()) }
