package oci

import (
	"context"
	"errors"
	"fmt"
	"io"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/errdef"

	"github.com/touchmark-go/touchmark/internal/strictjson"
	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/sign/store"
)

// ErrTagged says that a tag names something else already. Test for it with
// errors.Is.
var ErrTagged = errors.New("the tag names something else")

// Bind has a tag name an image or index of the repository, by its digest. A tag
// that names it already is left alone, and one that names another is [ErrTagged],
// and stays. Registries have no way to write a tag only if it is free: who binds
// one asks before, and looks afterwards; that nobody else writes it meanwhile is
// for the registry's permissions to see to, and what it names for good for the
// ledger to say.
func (r *Repository) Bind(ctx context.Context, tag string, image provenance.Digest) error {
	if err := usable(image); err != nil {
		return err
	}
	about, err := r.remote.Resolve(ctx, image.String())
	if errors.Is(err, errdef.ErrNotFound) {
		return fmt.Errorf("%s has no image %s: %w", r.name, image, store.ErrNotFound)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", r.name, err)
	}
	names := func() (bool, error) {
		named, err := r.remote.Resolve(ctx, tag)
		switch {
		case errors.Is(err, errdef.ErrNotFound):
			return false, nil
		case err != nil:
			return false, fmt.Errorf("%s: %w", r.name, err)
		case named.Digest != about.Digest:
			return false, fmt.Errorf("%s: %s is %s, and was to name %s: %w", r.name, tag, named.Digest, image, ErrTagged)
		}
		return true, nil
	}
	if there, err := names(); err != nil || there {
		return err
	}
	if err := r.remote.Tag(ctx, about, tag); err != nil {
		return fmt.Errorf("%s: %w", r.name, err)
	}
	there, err := names()
	if err == nil && !there {
		err = fmt.Errorf("%s: the tag %s was written, and is not there", r.name, tag)
	}
	return err
}

// maxParts is how many manifests an index may lead to.
const maxParts = 1024

// Complete is nil if an artifact is in the repository with all that it consists
// of: a blob of [Repository.PutBlob], which is read and hashed; or an image or
// index, whose manifests are read and hashed, and whose layers the registry must
// say it has. What is missing is [store.ErrNotFound].
func (r *Repository) Complete(ctx context.Context, artifact provenance.Digest) error {
	if err := usable(artifact); err != nil {
		return err
	}
	about, err := r.remote.Resolve(ctx, artifact.String())
	if errors.Is(err, errdef.ErrNotFound) {
		return r.hasBlob(ctx, artifact)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", r.name, err)
	}
	left := maxParts
	if err := r.hasManifest(ctx, about, &left); err != nil {
		return fmt.Errorf("%s: %w", r.name, err)
	}
	return nil
}

func (r *Repository) hasBlob(ctx context.Context, d provenance.Digest) error {
	blob, err := r.Blob(ctx, d)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, blob)
	return errors.Join(err, blob.Close())
}

func (r *Repository) hasManifest(ctx context.Context, d ocispec.Descriptor, left *int) error {
	if *left--; *left < 0 {
		return fmt.Errorf("an index of more than %d manifests: %w", maxParts, sign.ErrLimit)
	}
	if d.Size > maxManifest {
		return fmt.Errorf("a manifest of %d bytes: %w", d.Size, sign.ErrLimit)
	}
	data, err := content.FetchAll(ctx, r.remote.Manifests(), d) // holds it against the digest
	if errors.Is(err, errdef.ErrNotFound) {
		return fmt.Errorf("manifest %s is %w", d.Digest, store.ErrNotFound)
	}
	if err != nil {
		return err
	}
	var m document
	if err := strictjson.Unmarshal(data, &m); err != nil {
		return fmt.Errorf("manifest %s: %w", d.Digest, err)
	}
	for _, part := range m.Manifests {
		if err := r.hasManifest(ctx, part, left); err != nil {
			return err
		}
	}
	if m.Config != nil {
		m.Layers = append(m.Layers, *m.Config)
	}
	for _, layer := range m.Layers {
		there, err := r.remote.Blobs().Exists(ctx, layer)
		if err != nil {
			return err
		}
		if !there {
			return fmt.Errorf("layer %s is %w", layer.Digest, store.ErrNotFound)
		}
	}
	return nil
}
