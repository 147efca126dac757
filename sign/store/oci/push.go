package oci

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/errdef"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/sign/store"
)

// maxTries is how often a place in the list of referrers is fought for.
const maxTries = 12

// Push implements [store.Store]. The subject, an image, an index or a blob of [Repository.PutBlob], must be in the
// repository; if it is not, the error is [store.ErrNotFound]. Pushing the same again changes nothing.
//
// Where a registry has no referrers API, who pushes keeps the list of referrers under a tag, and two who do so at once
// overwrite each other's. So there each bundle gets a tag of its own as well, which nobody else writes, and by which
// [Repository.Bundles] finds what the list has lost. For other tools the list is written until the bundle is in it.
func (r *Repository) Push(ctx context.Context, subject provenance.Digest, bundles ...*sign.Bundle) error {
	if err := usable(subject); err != nil {
		return err
	}
	about, err := r.remote.Resolve(ctx, subject.String())
	if errors.Is(err, errdef.ErrNotFound) {
		about, err = r.remote.Resolve(ctx, blobTag(subject))
	}
	if errors.Is(err, errdef.ErrNotFound) {
		return fmt.Errorf("%s has no %s: push the image, or the blob, before its evidence: %w", r.name, subject, store.ErrNotFound)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", r.name, err)
	}
	for i, b := range bundles {
		if b == nil {
			return fmt.Errorf("bundle %d is nil", i+1)
		}
		manifest, layer, line, err := manifestOf(b, about)
		if err != nil {
			return fmt.Errorf("bundle %d: %w", i+1, err)
		}
		if err := r.put(ctx, emptyConfig(), []byte("{}")); err != nil {
			return fmt.Errorf("%s: %w", r.name, err)
		}
		if err := r.put(ctx, layer, line); err != nil {
			return fmt.Errorf("%s: %w", r.name, err)
		}
		if err := r.refer(ctx, about, manifest); err != nil {
			return fmt.Errorf("%s: %w", r.name, err)
		}
	}
	return nil
}

// put pushes content unless it is there.
func (r *Repository) put(ctx context.Context, d ocispec.Descriptor, data []byte) error {
	if there, err := r.remote.Blobs().Exists(ctx, d); err != nil || there {
		return err
	}
	return r.remote.Blobs().Push(ctx, d, bytes.NewReader(data))
}

// refer pushes a manifest until it is among the referrers of its subject.
func (r *Repository) refer(ctx context.Context, subject ocispec.Descriptor, manifest []byte) error {
	d := ocispec.Descriptor{MediaType: ocispec.MediaTypeImageManifest, Digest: digest.FromBytes(manifest), Size: int64(len(manifest))}
	for try := range maxTries {
		listed, err := r.listed(ctx, subject, d.Digest)
		if err != nil || listed {
			return err
		}
		if try > 0 {
			if err := pause(ctx, try); err != nil {
				return err
			}
		}
		if r.unlisted() {
			err = r.remote.PushReference(ctx, d, bytes.NewReader(manifest), ownTag(subject.Digest, d.Digest))
		} else {
			err = r.remote.Push(ctx, d, bytes.NewReader(manifest))
		}
		if err != nil {
			return err
		}
	}
	if r.unlisted() {
		return nil // it has its own tag
	}
	listed, err := r.listed(ctx, subject, d.Digest)
	if err == nil && !listed {
		err = fmt.Errorf("%s was pushed, and is not among the referrers of %s after %d tries", d.Digest, subject.Digest, maxTries)
	}
	return err
}

// unlisted reports whether the registry has no referrers API. It is known once referrers were asked for.
func (r *Repository) unlisted() bool { return r.remote.SetReferrersCapability(false) == nil }

// tagPrefix begins the tags of what is about subject, as the specification's fallback tag does.
func tagPrefix(subject digest.Digest) string {
	return fmt.Sprintf("%s-%.64s.", subject.Algorithm(), subject.Encoded())
}

// ownTag is the tag of one artifact about subject.
func ownTag(subject, manifest digest.Digest) string {
	return tagPrefix(subject) + manifest.Encoded()[:ownTagDigits]
}

const ownTagDigits = 32

// pause waits longer from try to try, and never as long as the others do.
func pause(ctx context.Context, try int) error {
	wait := time.NewTimer(time.Duration(rand.Int64N(int64(10*time.Millisecond) << min(try, 7))))
	defer wait.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-wait.C:
		return nil
	}
}

// listed reports whether a manifest is among the referrers of subject.
func (r *Repository) listed(ctx context.Context, subject ocispec.Descriptor, want digest.Digest) (bool, error) {
	found := false
	err := r.remote.Referrers(ctx, subject, "", func(page []ocispec.Descriptor) error {
		for _, d := range page {
			found = found || d.Digest == want
		}
		return nil
	})
	return found, err
}

// typeBlob is the artifact type of what keeps a blob from being swept away: registries delete what no tag leads to.
const typeBlob = "application/vnd.touchmark.blob.v1"

// PutBlob implements [store.Store]. The blob hangs on a tag "sha256-HEX.blob", for registries sweep away what none
// leads to. Unless r can seek, what it holds rests in a temporary file until its digest is known.
func (r *Repository) PutBlob(ctx context.Context, content io.Reader) (provenance.Digest, error) {
	seeker, done, err := seekable(content)
	if err != nil {
		return provenance.Digest{}, err
	}
	defer done()
	start, err := seeker.Seek(0, io.SeekCurrent)
	if err != nil {
		return provenance.Digest{}, err
	}
	hash := digest.SHA256.Digester()
	size, err := io.Copy(hash.Hash(), io.LimitReader(seeker, store.MaxBlobSize+1))
	if err != nil {
		return provenance.Digest{}, err
	}
	if size > store.MaxBlobSize {
		return provenance.Digest{}, fmt.Errorf("a blob of more than %d bytes: %w", int64(store.MaxBlobSize), sign.ErrLimit)
	}
	if _, err := seeker.Seek(start, io.SeekStart); err != nil {
		return provenance.Digest{}, err
	}
	d := ocispec.Descriptor{MediaType: "application/octet-stream", Digest: hash.Digest(), Size: size}
	if err := r.putBlob(ctx, d, seeker); err != nil {
		return provenance.Digest{}, fmt.Errorf("%s: %w", r.name, err)
	}
	return provenance.ParseDigest(d.Digest.String())
}

func (r *Repository) putBlob(ctx context.Context, d ocispec.Descriptor, content io.Reader) error {
	there, err := r.remote.Blobs().Exists(ctx, d)
	if err != nil {
		return err
	}
	if !there {
		if err := r.remote.Blobs().Push(ctx, d, io.LimitReader(content, d.Size)); err != nil {
			return err
		}
	}
	if err := r.put(ctx, emptyConfig(), []byte("{}")); err != nil {
		return err
	}
	manifest, err := encode(typeBlob, d, nil, nil)
	if err != nil {
		return err
	}
	m := ocispec.Descriptor{MediaType: ocispec.MediaTypeImageManifest, Digest: digest.FromBytes(manifest), Size: int64(len(manifest))}
	return r.remote.PushReference(ctx, m, bytes.NewReader(manifest), fmt.Sprintf("sha256-%s.blob", d.Digest.Encoded()))
}

// blobTag is the tag on which a blob hangs, and by which evidence about it is found: evidence refers to manifests.
func blobTag(d provenance.Digest) string {
	return fmt.Sprintf("%s-%.64s.blob", d.Algorithm(), d.Hex())
}

// seekable is content, or a copy of it that can be read again. The caller calls done.
func seekable(content io.Reader) (seeker io.ReadSeeker, done func(), err error) {
	if s, ok := content.(io.ReadSeeker); ok {
		return s, func() {}, nil
	}
	f, err := os.CreateTemp("", "touchmark-blob-")
	if err != nil {
		return nil, nil, err
	}
	done = func() {
		// It is of no use to anybody: if it cannot be removed, the system sweeps it away.
		f.Close()
		os.Remove(f.Name())
	}
	if _, err = io.Copy(f, io.LimitReader(content, store.MaxBlobSize+1)); err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		done()
		return nil, nil, err
	}
	return f, done, nil
}

// Blob implements [store.Store].
func (r *Repository) Blob(ctx context.Context, want provenance.Digest) (io.ReadCloser, error) {
	if want.Algorithm() != provenance.SHA256 {
		return nil, fmt.Errorf("blobs are found by sha256, want not %q", want)
	}
	d, content, err := r.remote.Blobs().FetchReference(ctx, want.String())
	if errors.Is(err, errdef.ErrNotFound) {
		return nil, fmt.Errorf("blob %s is %w: %s", want, store.ErrNotFound, r.name)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r.name, err)
	}
	if d.Size > store.MaxBlobSize {
		content.Close()
		return nil, fmt.Errorf("a blob of %d bytes, want at most %d: %w", d.Size, int64(store.MaxBlobSize), sign.ErrLimit)
	}
	return store.Verified(content, want), nil
}
