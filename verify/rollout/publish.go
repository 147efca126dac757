package rollout

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/release"
	"github.com/touchmark-go/touchmark/sign"
)

// A Registry is where artifacts are published, with the evidence about them;
// *oci.Repository is one.
type Registry interface {
	Store
	// PutBlob stores content under its digest. The same again changes nothing.
	PutBlob(ctx context.Context, content io.Reader) (provenance.Digest, error)
	// Complete is nil if an artifact is there with all that it consists of.
	Complete(ctx context.Context, artifact provenance.Digest) error
	// Bind has a tag name an image, unless it names another one: then it is an error,
	// and the tag stays.
	Bind(ctx context.Context, tag string, image provenance.Digest) error
}

// ErrIncomplete says that not all of a release is where it must be before anybody
// sees it: content, or evidence. Test for it with errors.Is.
var ErrIncomplete = errors.New("it is not complete")

// A Publication brings a release before the public in the one order in which
// nobody ever sees a part of it: content, then evidence, then, once every subject
// has been found complete, the ledger, and last the tag. Killed at any point, it is
// brought to the end by publishing again.
type Publication struct {
	Registry Registry
	// Book records the release; its Store, if it has one, gets the evidence too.
	Book    *Book
	Release release.Release
	// Content opens the artifacts that are files, by name. What is not among them is
	// an image, which must be in the registry already, by its digest.
	Content map[string]func() (io.ReadCloser, error)
	// Evidence is what is known about the artifacts: provenance of each, and all that
	// the release names.
	Evidence []*sign.Bundle
	// Tag is bound in the ledger to the first artifact by name, and in the registry if
	// that is an image. Empty is none.
	Tag string
}

// Publish publishes. The error is [ErrIncomplete] if something is missing, and
// then nothing was recorded.
func (p Publication) Publish(ctx context.Context) (*release.Ref, error) {
	if err := p.Release.Validate(); err != nil {
		return nil, err
	}
	about, err := p.sorted()
	if err != nil {
		return nil, err
	}
	for _, a := range p.Release.Subjects {
		if err := p.content(ctx, a); err != nil {
			return nil, fmt.Errorf("artifact %q: %w", a.Name, err)
		}
	}
	stores := []Store{p.Registry}
	if p.Book.Store != nil {
		stores = append(stores, p.Book.Store)
	}
	for _, a := range p.Release.Subjects {
		for _, s := range stores {
			if err := s.Push(ctx, primary(a), about[a.Name]...); err != nil {
				return nil, fmt.Errorf("evidence about %q: %w", a.Name, err)
			}
		}
	}
	for _, a := range p.Release.Subjects { // what is not there now, nobody shall be told of
		if err := p.complete(ctx, a, about[a.Name], stores); err != nil {
			return nil, fmt.Errorf("artifact %q: %w", a.Name, err)
		}
	}
	ref, err := p.Book.Release(ctx, p.Release)
	if err != nil || p.Tag == "" {
		return ref, err
	}
	if err := p.Book.Tag(ctx, release.Tag{Product: p.Release.Product, Release: ref.ID, Tag: p.Tag}); err != nil {
		return nil, err
	}
	first := slices.MinFunc(p.Release.Subjects, func(a, b provenance.ResourceDescriptor) int { return strings.Compare(a.Name, b.Name) })
	if p.Content[first.Name] != nil {
		return ref, nil // a registry's tags name images
	}
	return ref, p.Registry.Bind(ctx, p.Tag, ref.Digest)
}

// sorted is the evidence about each artifact. Every one needs provenance, and all
// that the release names must be there.
func (p Publication) sorted() (map[string][]*sign.Bundle, error) {
	about := map[string][]*sign.Bundle{}
	proven := map[string]bool{}
	missing := map[provenance.Digest]bool{}
	for _, id := range slices.Concat(p.Release.Provenance, p.Release.SBOMs) {
		missing[id] = true
	}
	for _, b := range p.Evidence {
		if b == nil || b.Err != nil {
			return nil, errors.New("evidence that cannot be read")
		}
		s, err := provenance.Parse(b.UnverifiedPayload())
		if err != nil {
			return nil, fmt.Errorf("evidence %s: %w", b.ID(), err)
		}
		delete(missing, b.ID())
		for _, a := range p.Release.Subjects {
			if !slices.ContainsFunc(s.Subject, func(o provenance.ResourceDescriptor) bool { return o.Digest.Match(a.Digest) == provenance.Matched }) {
				continue
			}
			about[a.Name] = append(about[a.Name], b)
			if t := s.PredicateType; t == provenance.SLSAProvenanceV1 || t == provenance.SLSAProvenanceV02 {
				proven[a.Name] = true
			}
		}
	}
	for _, a := range p.Release.Subjects {
		if !proven[a.Name] {
			return nil, fmt.Errorf("artifact %q: there is no provenance of it: %w", a.Name, ErrIncomplete)
		}
	}
	for id := range missing {
		return nil, fmt.Errorf("evidence %s, which the release names: %w", id, ErrIncomplete)
	}
	return about, nil
}

// content puts a file into the registry, and wants it to be what is released.
func (p Publication) content(ctx context.Context, a provenance.ResourceDescriptor) error {
	open := p.Content[a.Name]
	if open == nil {
		return nil
	}
	r, err := open()
	if err != nil {
		return err
	}
	defer r.Close()
	got, err := p.Registry.PutBlob(ctx, r)
	if err != nil {
		return err
	}
	if want := primary(a); got != want {
		return fmt.Errorf("it is %s, and %s is to be released: %w", got, want, ErrContent)
	}
	return nil
}

// complete looks at what is in the registry, whatever was sent there.
func (p Publication) complete(ctx context.Context, a provenance.ResourceDescriptor, evidence []*sign.Bundle, stores []Store) error {
	if err := p.Registry.Complete(ctx, primary(a)); err != nil {
		return err
	}
	for _, s := range stores {
		there, err := s.Bundles(ctx, primary(a))
		if err != nil {
			return err
		}
		for _, want := range evidence {
			if !slices.ContainsFunc(there, func(b *sign.Bundle) bool { return b.Err == nil && b.ID() == want.ID() }) {
				return fmt.Errorf("the evidence %s about it is not where it was put: %w", want.ID(), ErrIncomplete)
			}
		}
	}
	return nil
}
