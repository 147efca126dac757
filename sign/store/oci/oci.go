// Package oci keeps evidence beside the images that it is about, in a container registry, and reads what others keep
// there.
//
//	evidence, err := oci.Bundles(ctx, "registry.example/app@sha256:…")   // for verify.Request
//
// Evidence is found by the referrers API of the OCI distribution specification 1.1, or by its fallback tag where a
// registry has none; and under the tag that cosign before version 3 gave it. [Repository] is a [store.Store], so that
// [store.Copy] carries evidence between registries and folders.
//
// A registry is not believed. Whatever it sends is held against the digest that was asked for, its lists are a hint at
// most, and credentials go to nobody but the registry and who it names for handing out tokens. What a registry leaves
// out nobody can see from here: a policy has to ask for the evidence that it needs.
package oci

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"oras.land/oras-go/v2/registry"
	"oras.land/oras-go/v2/registry/remote"
	"oras.land/oras-go/v2/registry/remote/auth"
	"oras.land/oras-go/v2/registry/remote/credentials"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/sign/store"
)

// Options say how to reach a registry. The zero Options reach public ones, by HTTPS and without credentials.
type Options struct {
	// Credential returns what to log in with at a registry, named "host" or "host:port". If nil, nothing.
	Credential auth.CredentialFunc
	// InsecureHTTP speaks HTTP without TLS to the registry: for one on the same machine.
	InsecureHTTP bool
}

// DockerCredentials are the credentials in a docker configuration file, ~/.docker/config.json by custom: those in it,
// and those of the helpers that it names. A helper is a program, docker-credential-NAME, and it is run.
func DockerCredentials(config string) (auth.CredentialFunc, error) {
	s, err := credentials.NewStore(config, credentials.StoreOptions{})
	if err != nil {
		return nil, fmt.Errorf("docker configuration: %w", err)
	}
	return credentials.Credential(s), nil
}

// A Repository is the evidence in one repository of a registry. It is safe for concurrent use.
type Repository struct {
	remote *remote.Repository
	name   string // host[:port]/path
}

var _ store.Store = (*Repository)(nil)

// Open returns the repository with a name like "registry.example/team/app". Nothing is sent yet.
func Open(name string) (*Repository, error) { return Options{}.Open(name) }

// Open returns the repository with a name like "registry.example/team/app". Nothing is sent yet.
func (o Options) Open(name string) (*Repository, error) {
	ref, err := registry.ParseReference(name)
	if err != nil {
		return nil, fmt.Errorf("repository %q: %w", name, err)
	}
	if ref.Reference != "" {
		return nil, fmt.Errorf("repository %q has a tag or a digest, want HOST/PATH", name)
	}
	return &Repository{
		name: name,
		remote: &remote.Repository{
			Reference:            ref,
			PlainHTTP:            o.InsecureHTTP,
			Client:               o.client(ref.Host()),
			ReferrerListMaxPages: maxPages,
			TagListMaxPages:      maxPages,
			SkipReferrersGC:      true, // nothing is deleted
		},
	}, nil
}

// Bundles returns the evidence about an image, "HOST/PATH@sha256:HEX", see [Repository.Bundles]. A tag is refused: it
// is another image tomorrow.
func Bundles(ctx context.Context, image string) ([]*sign.Bundle, error) {
	return Options{}.Bundles(ctx, image)
}

// Bundles returns the evidence about an image, "HOST/PATH@sha256:HEX".
func (o Options) Bundles(ctx context.Context, image string) ([]*sign.Bundle, error) {
	repository, digest, err := o.image(image)
	if err != nil {
		return nil, err
	}
	return repository.Bundles(ctx, digest)
}

// image takes the name of an image apart.
func (o Options) image(image string) (*Repository, provenance.Digest, error) {
	name, hex, ok := strings.Cut(image, "@")
	if !ok {
		return nil, provenance.Digest{}, fmt.Errorf("image %q has no digest, want HOST/PATH@sha256:HEX: a tag may be another image tomorrow", image)
	}
	digest, err := provenance.ParseDigest(hex)
	if err != nil {
		return nil, provenance.Digest{}, fmt.Errorf("image %q: %w", image, err)
	}
	if i := strings.LastIndexByte(name, ':'); i > strings.LastIndexByte(name, '/') {
		name = name[:i] // HOST/PATH:TAG@sha256:HEX: the digest counts
	}
	repository, err := o.Open(name)
	return repository, digest, err
}

// Name is how the repository was named.
func (r *Repository) Name() string { return r.name }

// usable refuses digests by which registries find nothing.
func usable(d provenance.Digest) error {
	if a := d.Algorithm(); a != provenance.SHA256 && a != provenance.SHA512 {
		return fmt.Errorf("digest %q, want sha256 or sha512: registries know no other", d)
	}
	return nil
}

var errNoBundle = errors.New("holds no bundle")
