// Package ocilayout reads container images at rest: an OCI image layout as a
// folder or as a tar file (OCI image specification 1.1, "Image Layout"), and
// the archives of docker save, both the old form and the one with a layout
// inside.
//
// The way through an image is [Open], [Archive.Manifests], [Archive.Tree] and
// [Tree.Walk]. What is read of it is held against the digest and the size that
// led to it, from the root down; nothing is written anywhere, no link of the
// disk is followed, and nothing is fetched. That the content is what the root
// says is all that is promised: whether the root is the one that was wanted is
// the caller's to check, by [Archive.Root].
package ocilayout

import (
	"errors"
	"io"
	"os"
	"slices"

	"github.com/touchmark-go/touchmark/internal/safefs"
	"github.com/touchmark-go/touchmark/provenance"
)

// What is refused. Errors of the operating system and of the caller's reader
// come as they are.
var (
	// ErrNotImage says that a file or folder is none of the forms read here.
	ErrNotImage = errors.New("not a container image")
	// ErrMalformed says that it is one, and that it cannot be believed.
	ErrMalformed = errors.New("the image is malformed")
	// ErrMismatch says that content is not what its digest or its size said.
	ErrMismatch = errors.New("the content does not match its descriptor")
	// ErrMissing says that content that the image names is not in it.
	ErrMissing = errors.New("not in the archive")
	// ErrUnsupported says that it takes more than this package to read it.
	ErrUnsupported = errors.New("not supported")
	// ErrLimit says that it is over one of the limits below.
	ErrLimit = errors.New("over a limit")
)

// The limits. They bound work and memory, whatever the headers claim.
const (
	// MaxDocument is the most bytes an index, a manifest or a config may have:
	// what the distribution specification wants every registry to take.
	MaxDocument = 4 << 20
	// MaxManifests is how many descriptors the indexes of one image may list in all.
	MaxManifests = 1024
	// MaxLayers is how many layers a manifest may have; overlayfs mounts 500.
	MaxLayers = 500
	// MaxMembers is how many members the tar file around an image may have.
	MaxMembers = 100_000
	// MaxEntries is how many entries the layers of one image may have together.
	MaxEntries = 1_000_000
	// MaxNames is how many bytes the names and link targets of those may have together.
	MaxNames = 256 << 20
	// MaxDepth is how many elements a path in a layer may have.
	MaxDepth = 256
	// MaxExpanded is how many bytes the layers of one image may expand to.
	MaxExpanded = 64 << 30
	// MaxRatio is how far a compressed layer may expand beyond its first
	// gibibyte, which every layer may. No file that people ship comes near it.
	MaxRatio = 128

	freeExpansion = 1 << 30
	maxNesting    = 4 // indexes within indexes
)

// An Archive is an image, or several, in one of the forms read here. Its
// methods may be called at once. It must be closed.
type Archive struct {
	blobs     blobs
	form      string
	index     Descriptor
	roots     []Descriptor
	manifests []Manifest
	limits    limits
}

// limits are the constants, which tests make smaller.
type limits struct {
	entries, names, expanded, free, ratio int64
}

// Open opens the image at path: a folder, or a tar file. A folder without an
// oci-layout file and a file that is no tar of an image are [ErrNotImage].
// Every index, manifest and config is read at once, and layers not at all.
func Open(path string) (*Archive, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		root, err := os.OpenRoot(path)
		if err != nil {
			return nil, err
		}
		return open(&folder{root})
	}
	f, err := safefs.Open(path)
	if err != nil {
		return nil, err
	}
	if info, err = f.Stat(); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	t, err := indexTar(f, info.Size())
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	t.file = f
	return open(t)
}

// OpenReaderAt opens the tar file of an image in size bytes of r, which must be
// safe for concurrent use.
func OpenReaderAt(r io.ReaderAt, size int64) (*Archive, error) {
	t, err := indexTar(r, size)
	if err != nil {
		return nil, err
	}
	return open(t)
}

func open(b blobs) (*Archive, error) {
	a := &Archive{blobs: b, limits: limits{MaxEntries, MaxNames, MaxExpanded, freeExpansion, MaxRatio}}
	if err := a.load(); err != nil {
		return nil, errors.Join(err, b.Close())
	}
	return a, nil
}

// Close closes the file or folder behind the archive.
func (a *Archive) Close() error { return a.blobs.Close() }

// Form says which form it has: "OCI layout" or "docker archive".
func (a *Archive) Form() string { return a.form }

// Index is the index.json of a layout. A docker archive of the old form has
// none, and the zero Descriptor.
func (a *Archive) Index() Descriptor { return a.index }

// Root is what the image as a whole is known by: the manifest or index that
// index.json lists, or the config of a docker archive of the old form, which
// has no manifest and whose config names its layers by their diff ids. If
// several are listed, it is index.json itself, and zero in the old form.
func (a *Archive) Root() Descriptor {
	switch {
	case len(a.roots) == 1:
		return a.roots[0]
	case len(a.roots) > 1:
		return a.index
	}
	return Descriptor{}
}

// Roots are the descriptors that index.json lists, or of an archive of the old
// form the configs.
func (a *Archive) Roots() []Descriptor { return slices.Clone(a.roots) }

// Manifests are all that the roots lead to, in the order of the indexes, each
// once: images, attestations, and what is neither.
func (a *Archive) Manifests() []Manifest { return slices.Clone(a.manifests) }

// Images are the Manifests of images: those whose layers are a file system.
func (a *Archive) Images() []Manifest {
	var list []Manifest
	for _, m := range a.manifests {
		if m.Kind == Image {
			list = append(list, m)
		}
	}
	return list
}

// Blob opens content by its descriptor, as it is stored. Reading fails, in place
// of io.EOF, unless exactly its bytes went by: until io.EOF, trust none.
func (a *Archive) Blob(d Descriptor) (io.ReadCloser, error) {
	r, size, err := a.openBlob(d)
	if err != nil {
		return nil, err
	}
	return &verified{r: r, c: r, left: size, want: d.Digest, h: hasher(d.Digest), name: d.Digest.String()}, nil
}

// Document returns an index, manifest or config by its descriptor, checked.
func (a *Archive) Document(d Descriptor) ([]byte, error) {
	if d.Size > MaxDocument {
		return nil, errorf(ErrLimit, "%s has %d bytes, want at most %d", d.Digest, d.Size, MaxDocument)
	}
	r, err := a.Blob(d)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(r)
	if err = errors.Join(err, r.Close()); err != nil {
		return nil, err
	}
	return data, nil
}

// Has reports whether the content that d names is there. It is not read.
func (a *Archive) Has(d Descriptor) bool {
	r, _, err := a.openBlob(d)
	if err != nil {
		return false
	}
	return r.Close() == nil
}

func (a *Archive) openBlob(d Descriptor) (io.ReadCloser, int64, error) {
	name := d.path
	if name == "" {
		if d.Digest.IsZero() {
			return nil, 0, errorf(ErrMissing, "content without a digest is")
		}
		name = blobPath(d.Digest)
	}
	r, size, err := a.blobs.open(name)
	if err != nil {
		return nil, 0, err
	}
	if size != d.Size {
		r.Close()
		return nil, 0, errorf(ErrMismatch, "%s has %d bytes, want %d", name, size, d.Size)
	}
	return r, size, nil
}

func blobPath(d provenance.Digest) string { return "blobs/" + d.Algorithm() + "/" + d.Hex() }
