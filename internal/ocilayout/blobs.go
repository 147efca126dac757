package ocilayout

import (
	"archive/tar"
	"crypto/sha256"
	"crypto/sha512"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"

	"github.com/touchmark-go/touchmark/internal/safefs"
	"github.com/touchmark-go/touchmark/provenance"
)

// blobs are the files of an image: a folder, or the members of a tar file.
type blobs interface {
	// open opens a file by its path in the layout and says how long it is. One
	// that is not there is ErrMissing.
	open(name string) (io.ReadCloser, int64, error)
	has(name string) bool
	Close() error
}

// folder is a layout on the disk.
type folder struct{ root *os.Root }

func (f *folder) open(name string) (io.ReadCloser, int64, error) {
	r, err := safefs.OpenIn(f.root, name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, 0, errorf(ErrMissing, "%s is", name)
	case errors.Is(err, safefs.ErrLink), errors.Is(err, safefs.ErrNotRegular), errors.Is(err, safefs.ErrNotLocal):
		return nil, 0, errorf(ErrMalformed, "%v", err)
	case err != nil:
		return nil, 0, err
	}
	info, err := r.Stat()
	if err != nil {
		return nil, 0, errors.Join(err, r.Close())
	}
	return r, info.Size(), nil
}

func (f *folder) has(name string) bool {
	_, err := f.root.Lstat(name)
	return err == nil
}

func (f *folder) Close() error { return f.root.Close() }

// tarFile is a layout or an archive in a tar file that is not compressed.
type tarFile struct {
	r       io.ReaderAt
	members map[string]member
	file    *os.File // nil if the reader is the caller's
}

// A member is where a file is in the tar file, or what a link in it leads to.
type member struct {
	offset, size int64
	target       string // of a symbolic link
}

// indexTar finds the members of a tar file. Anything that is no tar of an image
// is ErrNotImage.
func indexTar(r io.ReaderAt, size int64) (*tarFile, error) {
	t := &tarFile{r: r, members: map[string]member{}}
	at := io.NewSectionReader(r, 0, size)
	tr := tar.NewReader(at)
	// What would be wrong with an image is nothing to a tar file that is none, and
	// what it is may stand at its end.
	var wrong error
	for n := 0; ; n++ {
		h, err := next(tr)
		if err == io.EOF {
			break
		}
		if err != nil && h == nil {
			if t.marked() {
				return nil, asMalformed(err, "member %d", n+1)
			}
			return nil, notImage(err)
		}
		if err != nil && wrong == nil {
			wrong = err
		}
		switch {
		case n == maxScanned:
			return nil, errorf(ErrLimit, "the archive has more than %d members", maxScanned)
		case n >= MaxMembers:
			wrong = errorf(ErrLimit, "the archive has more than %d members", MaxMembers)
			if !mark(memberName(h)) {
				continue
			}
		}
		if err := t.add(h, at); err != nil && wrong == nil {
			wrong = err
		}
	}
	if !t.marked() {
		return nil, errorf(ErrNotImage, "a tar file without an oci-layout and a manifest.json is")
	}
	if wrong != nil {
		return nil, wrong
	}
	return t, nil
}

// maxScanned is how many members are looked at to find out that a tar file is
// no image.
const maxScanned = 100 * MaxMembers

// notImage tells a file that is no tar from trouble while it was read.
func notImage(err error) error {
	if errors.Is(err, tar.ErrHeader) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, tar.ErrFieldTooLong) {
		return errorf(ErrNotImage, "a file that is no tar is")
	}
	return err
}

// marked reports whether what was seen makes the file an image to somebody.
func (t *tarFile) marked() bool { return t.has(layoutFile) || t.has(dockerFile) || t.has(legacyFile) }

func mark(name string) bool { return name == layoutFile || name == dockerFile || name == legacyFile }

func memberName(h *tar.Header) string {
	return strings.TrimSuffix(strings.TrimPrefix(h.Name, "./"), "/")
}

func (t *tarFile) add(h *tar.Header, at io.Seeker) error {
	name := memberName(h)
	if name == "" || name == "." {
		return nil
	}
	m := member{size: h.Size}
	switch h.Typeflag {
	case tar.TypeReg:
		offset, err := at.Seek(0, io.SeekCurrent)
		if err != nil {
			return err
		}
		m.offset = offset
	case tar.TypeSymlink: // docker save writes a layer once
		m.target = h.Linkname
	case tar.TypeDir, tar.TypeXGlobalHeader:
		return nil
	default:
		m.offset = -1
	}
	if !fs.ValidPath(name) {
		return errorf(ErrMalformed, "the archive has a member %.200q, want a local path", h.Name)
	}
	if _, twice := t.members[name]; twice {
		return errorf(ErrMalformed, "the archive has the member %.200q twice", name)
	}
	t.members[name] = m
	return nil
}

func (t *tarFile) open(name string) (io.ReadCloser, int64, error) {
	for range 8 {
		m, ok := t.members[name]
		switch {
		case !ok:
			return nil, 0, errorf(ErrMissing, "%.200q is", name)
		case m.offset < 0:
			return nil, 0, errorf(ErrMalformed, "the member %.200q is no regular file", name)
		case m.target == "":
			return io.NopCloser(io.NewSectionReader(t.r, m.offset, m.size)), m.size, nil
		}
		name = path.Join(path.Dir(name), m.target)
		if path.IsAbs(m.target) || !fs.ValidPath(name) {
			return nil, 0, errorf(ErrMalformed, "a link of the archive leads out of it to %.200q", m.target)
		}
	}
	return nil, 0, errorf(ErrMalformed, "the links of %.200q lead in a circle", name)
}

func (t *tarFile) has(name string) bool {
	_, ok := t.members[name]
	return ok
}

func (t *tarFile) Close() error {
	if t.file == nil {
		return nil
	}
	return t.file.Close()
}

// next is the next header of a tar file. What one parser reads in another way
// than the next, sparse files and global headers that rename, comes with an
// error beside it.
func next(tr *tar.Reader) (*tar.Header, error) {
	h, err := tr.Next()
	if err != nil && !(h != nil && errors.Is(err, tar.ErrInsecurePath)) {
		return nil, err
	}
	if strings.ContainsRune(h.Name, 0) || strings.ContainsRune(h.Linkname, 0) {
		return h, errorf(ErrMalformed, "the name %.200q has a zero byte in it", h.Name)
	}
	if h.Typeflag == tar.TypeGNUSparse {
		return h, errorf(ErrUnsupported, "the sparse file %.200q is", h.Name)
	}
	for key := range h.PAXRecords {
		switch {
		case h.Typeflag == tar.TypeXGlobalHeader && key != "comment":
			return h, errorf(ErrMalformed, "a global header sets %.200q for the files behind it", key)
		case strings.HasPrefix(key, "GNU.sparse."):
			return h, errorf(ErrUnsupported, "the sparse file %.200q is", h.Name)
		case strings.HasPrefix(key, "SCHILY.xattr.trusted.overlay."), strings.HasPrefix(key, "SCHILY.xattr.user.overlay."):
			return h, errorf(ErrMalformed, "%.200q has an attribute of overlayfs, which moves files about", h.Name)
		}
	}
	return h, nil
}

// errorf says what is wrong and which error of the package it is.
func errorf(kind error, format string, args ...any) error {
	if kind == ErrMalformed || kind == ErrMismatch || kind == ErrLimit {
		return fmt.Errorf("%w: "+format, append([]any{kind}, args...)...)
	}
	return fmt.Errorf(format+" %w", append(args, kind)...)
}

// asMalformed marks what a parser said, and leaves alone what is an error of
// this package or of the disk already.
func asMalformed(err error, format string, args ...any) error {
	for _, known := range []error{ErrMalformed, ErrMismatch, ErrMissing, ErrUnsupported, ErrLimit} {
		if errors.Is(err, known) {
			return fmt.Errorf(format+": %w", append(args, err)...)
		}
	}
	return fmt.Errorf("%w: "+format+": %w", append(append([]any{ErrMalformed}, args...), err)...)
}

// hasher is nil of the zero Digest.
func hasher(d provenance.Digest) hash.Hash {
	switch d.Algorithm() {
	case provenance.SHA256:
		return sha256.New()
	case provenance.SHA512:
		return sha512.New()
	}
	return nil
}

// verified reads what it was promised or fails.
type verified struct {
	r    io.Reader
	c    io.Closer
	left int64
	want provenance.Digest // zero if nobody promised one
	h    hash.Hash
	name string
	err  error
}

func (v *verified) Read(p []byte) (int, error) {
	if v.err != nil {
		return 0, v.err
	}
	n, err := v.r.Read(p)
	v.left -= int64(n)
	if v.h != nil {
		v.h.Write(p[:n])
	}
	switch {
	case v.left < 0:
		err = errorf(ErrMismatch, "%s is longer than its size says", v.name)
	case err == io.EOF && v.left > 0:
		err = errorf(ErrMismatch, "%s ends %d bytes before its size", v.name, v.left)
	case err == io.EOF && v.h != nil && fmt.Sprintf("%x", v.h.Sum(nil)) != v.want.Hex():
		err = errorf(ErrMismatch, "%s has the sum %x", v.name, v.h.Sum(nil))
	}
	v.err = err
	return n, err
}

func (v *verified) Close() error { return v.c.Close() }
