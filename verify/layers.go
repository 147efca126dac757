package verify

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/touchmark-go/touchmark/internal/gofacts"
	"github.com/touchmark-go/touchmark/internal/ocilayout"
	"github.com/touchmark-go/touchmark/provenance"
)

// An image is an artifact that is a container image: a layout as a folder, or a
// tar file of a layout or by docker save.
type image struct {
	*ocilayout.Archive
	file   provenance.DigestSet // of the tar file; nil of a folder
	looked bool
	found  []inside // the Go binaries, once looked
	fault  *Finding // or why they are not known
}

// An inside is a Go binary in a layer.
type inside struct {
	image  ocilayout.Manifest
	file   ocilayout.File
	digest provenance.Digest
	facts  *gofacts.Facts // nil if err
	err    error
}

// maxInside is how many Go binaries an image may hold to be examined.
const maxInside = 1024

// openImage finds out whether the artifact is an image, and if it is, makes it
// known by the digest of its manifest or index. Every document of it has been
// held against its digest then; the layers are too, here if nothing will examine
// them.
func (s *subject) openImage(ctx context.Context, path string, examined bool) *Finding {
	var archive *ocilayout.Archive
	var err error
	if s.content != nil {
		archive, err = ocilayout.OpenReaderAt(s.content, s.content.size)
	} else {
		archive, err = ocilayout.Open(path)
	}
	switch f := imageFault(ctx, err); {
	case errors.Is(err, ocilayout.ErrNotImage):
		return nil
	case err != nil && s.content != nil && (f.Code == CodeChanged || f.Code == CodeTransport && !errors.Is(err, ocilayout.ErrMissing)):
		s.again = err // what was hashed is known; that it cannot be read again, the examination says
		return nil
	case err != nil:
		return f
	}
	s.image = &image{Archive: archive, file: s.digests}
	root := archive.Root()
	if root.Digest.IsZero() {
		return &Finding{Code: CodePath, Status: Failed, Message: fmt.Sprintf("the archive holds %d images", len(archive.Roots())), Want: "one image", Remedy: "save one image alone"}
	}
	s.digests, s.primary = provenance.Set(root.Digest), root.Digest
	for _, m := range archive.Manifests() {
		if examined && m.Kind == ocilayout.Image {
			continue
		}
		for _, l := range m.Layers {
			if err := hashLayer(ctx, archive, l); err != nil {
				return imageFault(ctx, err)
			}
		}
	}
	return nil
}

// hashLayer reads what is stored and holds it against its digest.
func hashLayer(ctx context.Context, a *ocilayout.Archive, l ocilayout.Layer) error {
	r, err := a.Blob(l.Descriptor)
	if l.Digest.IsZero() { // known by its content alone
		r, err = a.Layer(l)
	}
	if err != nil {
		return err
	}
	defer r.Close() // only read from
	_, err = io.Copy(io.Discard, ctxReader{ctx, r})
	return err
}

type ctxReader struct {
	ctx context.Context
	io.Reader
}

func (r ctxReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.Reader.Read(p)
}

// imageFault is what is wrong with an image that cannot be read.
func imageFault(ctx context.Context, err error) *Finding {
	if err == nil {
		return nil
	}
	f := &Finding{Code: CodeTransport, Status: Failed, Message: "the image cannot be read", Got: err.Error()}
	switch {
	case ctx.Err() != nil:
		f.Code, f.Message, f.Got = CodeCanceled, ctx.Err().Error(), ""
	case errors.Is(err, errChanged):
		f.Code = CodeChanged
	case errors.Is(err, ocilayout.ErrLimit):
		f.Code, f.Remedy = CodeLimit, "do not unpack it anywhere: no image that people ship is like that"
	case errors.Is(err, ocilayout.ErrUnsupported):
		f.Code, f.Remedy = CodeUnsupported, "save the image again with layers that are compressed by gzip, or not at all"
	case errors.Is(err, ocilayout.ErrMissing):
		f.Remedy = "save the whole image, with all its layers"
	case errors.Is(err, ocilayout.ErrMismatch):
		f.Code, f.Message, f.Want = CodeMalformedDigest, "content of the image is not what its digest says", "content that matches its digest"
		f.Remedy = "do not run it; fetch the image again, and if it stays so find out who changed it"
	case errors.Is(err, ocilayout.ErrMalformed):
		f.Code, f.Message, f.Want = CodeMalformedImage, "an image that cannot be believed", "a well-formed image"
	}
	if f.Remedy == "" {
		f.Remedy = f.Code.Remedy()
	}
	return f
}

// knownBy settles what an image in a tar file is known by: the digest of the
// file, if evidence is about that and none is about the image; else the image's.
func (s *subject) knownBy(units []*unit) {
	if s.image == nil || s.image.file == nil {
		return
	}
	about := func(digests provenance.DigestSet) bool {
		return slices.ContainsFunc(units, func(u *unit) bool { u.match(digests); return u.matched == provenance.Matched })
	}
	if !about(s.digests) && about(s.image.file) {
		s.digests, s.primary = s.image.file, first(s.image.file, provenance.SHA256)
	}
}

// look finds the Go binaries in all images of the archive, once.
func (i *image) look(ctx context.Context) {
	if i.looked {
		return
	}
	i.looked = true
	for _, m := range i.Images() {
		tree, err := i.Tree(ctx, m)
		if err != nil {
			i.fault = imageFault(ctx, err)
			return
		}
		err = tree.Walk(ctx, func(f ocilayout.File, r io.Reader) error { return i.open(m, f, r) })
		if errors.Is(err, ocilayout.ErrMismatch) {
			err = errChanged // a moment ago all of it matched
		}
		if err != nil {
			i.fault = imageFault(ctx, err)
			return
		}
	}
}

// open keeps a file if it is a Go binary.
func (i *image) open(m ocilayout.Manifest, f ocilayout.File, r io.Reader) error {
	facts, digest, err := gofacts.ReadStream(r, f.Size)
	switch {
	case errors.Is(err, gofacts.ErrNotGo):
		return nil
	case errors.Is(err, gofacts.ErrTooLarge):
		return fmt.Errorf("%w: /%s: %w", ocilayout.ErrLimit, ascii(f.Path), err)
	case err != nil && !errors.Is(err, gofacts.ErrMalformed):
		return err
	case len(i.found) == maxInside:
		return fmt.Errorf("%w: it holds more than %d Go binaries", ocilayout.ErrLimit, maxInside)
	}
	i.found = append(i.found, inside{m, f, digest, facts, err})
	return nil
}

// where says where the binary is, for a person who looks for it.
func (b *inside) where() string {
	layer := b.file.Layer.DiffID
	return fmt.Sprintf("/%s in layer %d (%s) of %s", ascii(b.file.Path), b.file.LayerIndex+1, short(layer), ascii(b.image.Runs.String()))
}
