// Package image says what is inside a container image, as CycloneDX 1.6: one
// document for each platform that the image is for.
//
//	boms, err := image.BOMs(ctx, "app.tar")
//	for _, bom := range boms {
//		err = sbom.Write(out, bom)
//	}
//
// The image is an OCI layout, as a folder or a tar file, or what docker save
// writes. Nothing is fetched, run or unpacked, and no link is followed out of it.
//
// # What a document holds
//
// The main component is the image by the digest of its manifest, so that
// [sbom.Statement] binds the document to it. Below it stand the distribution; every
// Go program with its modules inside of it, as [sbom.FromBinary] lists them; the
// packages of Debian's, Alpine's and RPM's databases (RPM's in SQLite's format, not
// the older ones); npm's and Python's installed packages; and what lock files name
// where nothing of it is installed, graded "declared". What an upper layer deleted is
// not there. A package that several places speak of stands there once.
//
// Each component has the file that speaks of it and the layer that brought it. A
// package of a database came with the layer whose database lists it first.
//
// # What is not known
//
// A document is complete only if every file in the image belongs to a package, a
// program or a database: [PropertyStrangers] counts the others, and one is enough
// to make it incomplete. So does a description that could not be read, which
// [PropertyUnread] names. Licences are those that the packages' own descriptions
// declare; of Debian's only those of machine-readable copyright files, as evidence.
//
// A BOM is a claim about the image, and its databases are claims of whoever made
// it: a file that a package owns may have been replaced since.
package image

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/touchmark-go/touchmark/internal/ocilayout"
)

// The properties that this package writes. [PropertyPath], [PropertyLayerIndex] and
// [PropertyLayer] stand together in this order, as often as there are places.
const (
	// PropertyPath is the path in the image of a program, or of the file that
	// speaks of a package.
	PropertyPath = "touchmark:image:path"
	// PropertyLayer is the digest of a layer, and of the main component each of
	// them from the base up.
	PropertyLayer = "touchmark:image:layer"
	// PropertyLayerIndex is the place of the layer, "0" is the base.
	PropertyLayerIndex = "touchmark:image:layer:index"
	// PropertyEcosystem is the kind of a package, the type of its package URL.
	PropertyEcosystem = "touchmark:image:ecosystem"
	// PropertyGrade is "observed" of a package that is there, and "declared" of one
	// that only a lock file names.
	PropertyGrade = "touchmark:image:grade"
	// PropertySource is what a distribution's package was built from: name and
	// version of Debian's source package, Alpine's origin.
	PropertySource = "touchmark:image:source"
	// PropertyLocked is a digest that a lock file has of a package's file. Of
	// several, the file may be any.
	PropertyLocked = "touchmark:image:locked"
	// PropertyName is a name that the archive gives the image.
	PropertyName = "touchmark:image:name"
	// PropertyPlatform is what the image runs on: "linux/amd64".
	PropertyPlatform = "touchmark:image:platform"
	// PropertyConfig is the digest of the image's configuration.
	PropertyConfig = "touchmark:image:config"
	// PropertyIndex is the digest of an index that leads to the image.
	PropertyIndex = "touchmark:image:index"
	// PropertyFiles is how many files there are.
	PropertyFiles = "touchmark:image:files"
	// PropertyStrangers is how many of them belong to nothing that is listed.
	PropertyStrangers = "touchmark:image:files:unaccounted"
	// PropertyUnread is a file that speaks of packages and could not be read, and why.
	PropertyUnread = "touchmark:image:unread"
)

// What an image is refused for, besides trouble of reading.
var (
	// ErrNotImage says that a file or folder is no container image.
	ErrNotImage = ocilayout.ErrNotImage
	// ErrMalformed says that it is one that cannot be believed.
	ErrMalformed = ocilayout.ErrMalformed
	// ErrLimit says that it is over one of the documented limits.
	ErrLimit = ocilayout.ErrLimit
)

// Options tune the making of BOMs. The zero Options are what [BOMs] uses.
type Options struct {
	// Time is the documents' timestamp, to the second. If zero, a document has the
	// time at which its image says that it was created, or none.
	Time time.Time
	// Platform selects the images of one platform, "linux/arm64". If empty, every
	// image in the archive has a document.
	Platform string
	// Temp is a folder for programs that do not fit into memory while they are
	// read. If empty, it is the system's own.
	Temp string
}

// Platforms are the platforms of the images at path, "linux/amd64", in the order in
// which [BOMs] returns them. No layer is read.
func Platforms(path string) (_ []string, err error) {
	a, err := ocilayout.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	var list []string
	for _, m := range a.Images() {
		list = append(list, m.Runs.String())
	}
	return list, nil
}

// BOMs makes the BOM of each image at path: see [Options.BOMs].
func BOMs(ctx context.Context, path string) ([]*cdx.BOM, error) { return Options{}.BOMs(ctx, path) }

// BOMs makes a BOM of each image in the OCI layout or docker archive at path, in the
// order of its indexes: one for each platform. Attestations and other artifacts
// beside them have none. The same image gives the same BOMs.
//
// Every layer is held against its digest. An image without layers here, a database
// of packages that cannot be read, and an archive without an image are errors.
func (o Options) BOMs(ctx context.Context, path string) (_ []*cdx.BOM, err error) {
	a, err := ocilayout.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	return o.boms(ctx, a)
}

// BOMsAt is [Options.BOMs] of an archive (a tar file) in size bytes of r, which must
// be safe for concurrent use.
func (o Options) BOMsAt(ctx context.Context, r io.ReaderAt, size int64) (_ []*cdx.BOM, err error) {
	a, err := ocilayout.OpenReaderAt(r, size)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	return o.boms(ctx, a)
}

func (o Options) boms(ctx context.Context, a *ocilayout.Archive) ([]*cdx.BOM, error) {
	var boms []*cdx.BOM
	for _, m := range a.Images() {
		if o.Platform != "" && m.Runs.String() != o.Platform {
			continue
		}
		s, err := scanImage(ctx, a, m, o.Temp)
		if err != nil {
			return nil, fmt.Errorf("image %s: %w", m.Digest, err)
		}
		at := o.Time
		if at.IsZero() {
			if at, err = created(a, m); err != nil {
				return nil, fmt.Errorf("image %s: %w", m.Digest, err)
			}
		}
		bom, err := s.bom(at)
		if err != nil {
			return nil, err
		}
		boms = append(boms, bom)
	}
	if len(boms) == 0 {
		if o.Platform != "" {
			return nil, fmt.Errorf("%w: there is none for %q in the archive", ErrNotImage, o.Platform)
		}
		return nil, fmt.Errorf("%w: there is none in the archive", ErrNotImage)
	}
	return boms, nil
}

// created is when the image says that it was made, zero if it does not.
func created(a *ocilayout.Archive, m ocilayout.Manifest) (time.Time, error) {
	data, err := a.Document(m.Config)
	if err != nil {
		return time.Time{}, err
	}
	var config struct {
		Created string `json:"created"`
	}
	if err := json.Unmarshal(data, &config); err != nil { // it was read strictly before
		return time.Time{}, fmt.Errorf("%w: its configuration: %v", ErrMalformed, err)
	}
	at, err := time.Parse(time.RFC3339, config.Created)
	if err != nil {
		return time.Time{}, nil //nolint:nilerr // a time that nobody gave
	}
	return at, nil
}
