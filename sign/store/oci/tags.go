package oci

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"oras.land/oras-go/v2/errdef"
	"oras.land/oras-go/v2/registry/remote/errcode"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sign"
)

// MaxTags is how many tags of a repository are looked at.
const MaxTags = 100_000

// Tags is what each tag of the repository names at this moment, the tags that hold
// evidence left out; none of a repository that is not there. It is the registry's word, and may be another one the next time:
// a ledger says what a tag names for good.
func (r *Repository) Tags(ctx context.Context) (map[string]provenance.Digest, error) {
	out := map[string]provenance.Digest{}
	var names []string
	err := r.remote.Tags(ctx, "", func(tags []string) error {
		if names = append(names, tags...); len(names) > MaxTags {
			return fmt.Errorf("%s has more than %d tags: %w", r.name, MaxTags, sign.ErrLimit)
		}
		return nil
	})
	var answer *errcode.ErrorResponse
	if errors.As(err, &answer) && answer.StatusCode == http.StatusNotFound {
		return out, nil // a repository that nobody has pushed to, or that is gone
	}
	if err != nil {
		return nil, err
	}
	for _, tag := range names {
		if isEvidenceTag(tag) {
			continue
		}
		d, err := r.remote.Resolve(ctx, tag)
		if errors.Is(err, errdef.ErrNotFound) {
			continue // it went away meanwhile
		}
		if err != nil {
			return nil, err
		}
		digest, err := provenance.ParseDigest(d.Digest.String())
		if err != nil {
			return nil, fmt.Errorf("tag %q: %w", tag, err)
		}
		out[tag] = digest
	}
	return out, nil
}

// isEvidenceTag reports whether a tag is one that keeps evidence: sha256-HEX, and
// something behind it.
func isEvidenceTag(tag string) bool {
	const prefix, digits = "sha256-", 64
	if len(tag) < len(prefix)+digits || tag[:len(prefix)] != prefix {
		return false
	}
	_, err := provenance.ParseDigest("sha256:" + tag[len(prefix):len(prefix)+digits])
	return err == nil
}
