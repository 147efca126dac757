package capture

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"

	"github.com/touchmark-go/touchmark/internal/gofacts"
	"github.com/touchmark-go/touchmark/internal/ocilayout"
	"github.com/touchmark-go/touchmark/provenance"
)

// contents are what an output has in it, besides being a file or a folder.
type contents struct {
	parts   []provenance.ResourceDescriptor // of an image: its index, manifests, configs and layers
	inside  []material                      // files in it that were there before it was packed
	unread  string                          // why there may be more inside
	already map[string]bool                 // digests of parts
	kind    outputKind
}

const (
	// The annotations of a file that is in an output: of an image, the digest of
	// its manifest; of an archive, that of the archive. The name is its path there.
	annotationImage   = "image"
	annotationArchive = "archive"

	inImage   = "read from the layers of the image, which is an output"
	inArchive = "read from the archive, which is an output"
)

// lookInside finds out what the output is and what is in it.
func (o *outputFile) lookInside(ctx context.Context, subject provenance.ResourceDescriptor) error {
	image, err := ocilayout.Open(o.path)
	switch {
	case errors.Is(err, ocilayout.ErrNotImage):
		if o.new.info.Mode().IsRegular() {
			return o.lookArchive(ctx, subject)
		}
		return nil
	case err != nil:
		return fmt.Errorf("capture: output %q: %w", o.given, pathless(err))
	}
	defer image.Close() // only read from
	if err := o.lookImage(ctx, image, subject.Name); err != nil {
		return fmt.Errorf("capture: output %q: %w", o.given, err)
	}
	return nil
}

// part adds a part of an image as a subject, once.
func (c *contents) part(output string, d ocilayout.Descriptor, digest provenance.Digest, mediaType string) {
	if digest.IsZero() || c.already[digest.String()] {
		return
	}
	if c.already == nil {
		c.already = map[string]bool{}
	}
	c.already[digest.String()] = true
	r := provenance.ResourceDescriptor{Name: output + "#" + digest.String(), Digest: provenance.Set(digest), MediaType: mediaType}
	if p := d.Platform.String(); p != "" {
		r.Annotations = map[string]json.RawMessage{"platform": jsonValue(p)}
	}
	c.parts = append(c.parts, r)
}

// lookImage records every part of an image whose bytes are there, each held
// against its digest, and the Go binaries in its layers.
func (o *outputFile) lookImage(ctx context.Context, image *ocilayout.Archive, output string) error {
	c := &o.contents
	root := image.Root()
	c.part(output, root, root.Digest, root.MediaType)
	for _, m := range image.Manifests() {
		for _, index := range m.Indexes {
			c.part(output, index, index.Digest, index.MediaType)
		}
		if m.Kind == ocilayout.Missing {
			continue // an index lists it, and nobody made it here
		}
		c.part(output, m.Descriptor, m.Digest, m.MediaType)
		c.part(output, m.Config, m.Config.Digest, m.Config.MediaType)
		if m.Kind == ocilayout.Image {
			if err := o.lookLayers(ctx, image, m); err != nil {
				return err
			}
		}
		for _, l := range m.Layers {
			digest := l.Digest
			if digest.IsZero() {
				digest = l.DiffID
			}
			if m.Kind != ocilayout.Image || c.unread != "" {
				if err := readBlob(image, l); err != nil {
					return err
				}
			}
			c.part(output, l.Descriptor, digest, l.MediaType)
		}
	}
	return nil
}

// readBlob holds what is stored against its digest.
func readBlob(image *ocilayout.Archive, l ocilayout.Layer) error {
	r, err := image.Blob(l.Descriptor)
	if l.Digest.IsZero() {
		r, err = image.Layer(l)
	}
	if err != nil {
		return err
	}
	defer r.Close() // only read from
	_, err = io.Copy(io.Discard, r)
	return err
}

func (o *outputFile) lookLayers(ctx context.Context, image *ocilayout.Archive, m ocilayout.Manifest) error {
	err := image.Walk(ctx, m, func(f ocilayout.File, r io.Reader) error {
		return o.contents.program(f.Path, f.Size, r, annotationImage, m.Digest.String(), inImage)
	})
	if errors.Is(err, ocilayout.ErrUnsupported) {
		o.contents.unread = "a layer is compressed or packed in a way that is not read here"
		return nil
	}
	return err
}

// program keeps a file that is a Go program. Its content has been read to the
// end then.
func (c *contents) program(name string, size int64, r io.Reader, annotation, in, why string) error {
	_, digest, err := gofacts.ReadStream(r, size)
	switch {
	case errors.Is(err, gofacts.ErrNotGo):
		return nil
	case errors.Is(err, gofacts.ErrTooLarge):
		c.unread = "a program in it is too large to be looked at"
		return nil
	case err != nil && !errors.Is(err, gofacts.ErrMalformed):
		return err
	}
	c.inside = append(c.inside, material{provenance.ResourceDescriptor{Name: name, Digest: provenance.Set(digest),
		Annotations: map[string]json.RawMessage{annotation: jsonValue(in)}}, Observed, why})
	return nil
}

// recordContents records what is in the outputs, and returns the subjects with
// the parts of images behind them.
func (b *building) recordContents(d *draft, subjects []provenance.ResourceDescriptor) []provenance.ResourceDescriptor {
	subjects = slices.Clone(subjects)
	for i, o := range b.outputs {
		o.contents.kind.mark(&subjects[i])
		for _, part := range o.contents.parts {
			d.grade(atSubject+"/"+strconv.Itoa(len(subjects)), Observed, "a part of the image, held against its digest after the command")
			subjects = append(subjects, part)
		}
		d.materials = append(d.materials, o.contents.inside...)
		if o.contents.unread != "" {
			d.incomplete(o.contents.unread)
		}
	}
	return subjects
}
