package capture

import (
	"archive/tar"
	"archive/zip"
	"bufio"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"

	"github.com/touchmark-go/touchmark/internal/safefs"
	"github.com/touchmark-go/touchmark/provenance"
)

// Limits of what is looked at in an archive. What is beyond them is not
// recorded, and a grade says so; the archive itself always is.
const (
	maxMembers     = 100_000
	maxExpanded    = 16 << 30 // bytes of all members together
	maxMemberNames = 100      // an archive of no more files than this has all of them recorded
)

var errEnough = errors.New("over a limit")

// lookArchive looks into a zip file and into a tar file, compressed by gzip or
// not. A Go program in it is recorded by its digest, and so is every file if
// they are few, as in the bundle of a configuration. What is no archive, and
// what cannot be read to its end as one, is a file and no more.
func (o *outputFile) lookArchive(ctx context.Context, subject provenance.ResourceDescriptor) error {
	f, err := safefs.OpenNoLink(o.path)
	if err != nil {
		return fmt.Errorf("capture: output %q cannot be read: %w", o.given, pathless(err))
	}
	defer f.Close() // only read from
	digest, _ := subject.Digest.Get(provenance.SHA256)
	a := &archive{ctx: ctx, id: digest.String()}
	start := make([]byte, 4)
	if n, err := f.ReadAt(start, 0); n < len(start) && err != io.EOF {
		return fmt.Errorf("capture: output %q cannot be read: %w", o.given, pathless(err))
	}
	o.contents.kind = diskKind(start)
	switch {
	case string(start) == "PK\x03\x04" || string(start) == "PK\x05\x06":
		a.kind.mediaType = mediaZip
		err = a.zip(f, o.new.info.Size())
	case start[0] == 0x1f && start[1] == 0x8b:
		var z *gzip.Reader
		if z, err = gzip.NewReader(bufio.NewReader(f)); err == nil {
			a.kind.mediaType, a.compressed = mediaGzip, true
			err = a.tar(z)
		}
	default:
		a.kind.mediaType = mediaTar
		err = a.tar(f)
	}
	if ctx.Err() != nil {
		return fmt.Errorf("capture: %w", ctx.Err())
	}
	if !a.found {
		return nil // a file that only begins like an archive, or not even that
	}
	o.contents.kind = a.kind
	o.contents.inside = a.programs.inside
	if err == nil && !a.many {
		o.contents.inside = a.all
	}
	o.contents.unread = a.programs.unread
	if err != nil {
		o.contents.unread = "the archive could not be read to its end, or holds more than is looked at"
	}
	return nil
}

// An archive is one that is being looked through.
type archive struct {
	ctx        context.Context
	id         string
	kind       outputKind
	found      bool // it has a member
	compressed bool
	many       bool
	members    int
	expanded   int64
	programs   contents
	all        []material
}

func (a *archive) tar(r io.Reader) error {
	tr := tar.NewReader(r)
	for {
		h, err := tr.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil && !(h != nil && errors.Is(err, tar.ErrInsecurePath)) {
			return err
		}
		if !a.found && !a.compressed && strings.HasSuffix(h.Name, ".ovf") {
			a.kind.mediaType = mediaOVA // which has its description first
		}
		a.found = true
		if h.Typeflag != tar.TypeReg {
			a.members++
			continue
		}
		if err := a.member(h.Name, h.Size, tr); err != nil {
			return err
		}
	}
}

func (a *archive) zip(r io.ReaderAt, size int64) error {
	z, err := zip.NewReader(r, size)
	if err != nil && !(z != nil && errors.Is(err, zip.ErrInsecurePath)) {
		return err
	}
	a.found = true
	for _, f := range z.File {
		if !f.Mode().IsRegular() || strings.HasSuffix(f.Name, "/") {
			continue
		}
		r, err := f.Open()
		if err != nil {
			return err
		}
		err = a.member(f.Name, int64(min(f.UncompressedSize64, 1<<62)), r)
		if err = errors.Join(err, r.Close()); err != nil {
			return err
		}
	}
	return nil
}

// member hashes a file of the archive, and keeps it if it is a Go program, or
// while there are few.
func (a *archive) member(name string, size int64, r io.Reader) error {
	if a.members++; a.members > maxMembers {
		return errEnough
	}
	a.many = a.many || a.members > maxMemberNames
	name = path.Clean(strings.TrimPrefix(strings.ReplaceAll(name, `\`, "/"), "/"))
	if !fs.ValidPath(name) || strings.ToValidUTF8(name, "") != name {
		name = withheld
	}
	before := len(a.programs.inside)
	h := &hashing{r: r, a: a}
	h.reset()
	if a.describes(name) {
		if err := a.describe(name, h); err != nil {
			return err
		}
	} else if err := a.programs.program(name, size, h, annotationArchive, a.id, inArchive); err != nil {
		return err
	}
	switch {
	case a.many:
		a.all = nil
		return h.rest(false)
	case len(a.programs.inside) > before:
		a.all = append(a.all, a.programs.inside[before])
		return h.rest(false)
	}
	if err := h.rest(true); err != nil {
		return err
	}
	digest, err := provenance.ParseDigest(fmt.Sprintf("%s:%x", provenance.SHA256, h.sum.Sum(nil)))
	if err != nil {
		return err
	}
	a.all = append(a.all, material{provenance.ResourceDescriptor{Name: name, Digest: provenance.Set(digest),
		Annotations: map[string]json.RawMessage{annotationArchive: jsonValue(a.id)}}, Observed, inArchive})
	return nil
}
