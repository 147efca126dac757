package verify

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/touchmark-go/touchmark/internal/safefs"
	"github.com/touchmark-go/touchmark/provenance"
)

// An Artifact is what is asked about: see [File], [Content] and [Digest]. The
// zero Artifact is nothing, and undecided.
type Artifact struct {
	path   string
	reader io.ReaderAt
	size   int64
	digest provenance.Digest
}

// File is the regular file, or the folder, at path. A folder is known by its
// dirHash, and has no links in it.
//
// A container image at path (an OCI image layout as a folder or as a tar file, an
// archive of docker save) is known by the digest of the manifest or index that
// its index.json lists, one without a layout by that of its config. All of it
// is held against that digest. A tar file is known by its own digest if the
// evidence is about that, and none of it about the image.
func File(path string) Artifact { return Artifact{path: path} }

// Content is size bytes of r, which must be safe for concurrent use.
func Content(r io.ReaderAt, size int64) Artifact { return Artifact{reader: r, size: size} }

// Digest is an artifact of which only a digest is at hand. A policy that wants
// the artifact examined cannot be answered with it.
func Digest(d provenance.Digest) Artifact { return Artifact{digest: d} }

// String names the artifact in a verdict.
func (a Artifact) String() string {
	switch {
	case a.path != "":
		return a.path
	case a.reader != nil:
		return fmt.Sprintf("content of %d bytes", a.size)
	case !a.digest.IsZero():
		return a.digest.String()
	}
	return "nothing"
}

// A subject is an artifact as it was read: what it is known by, and its bytes,
// if there are any.
type subject struct {
	digests provenance.DigestSet
	primary provenance.Digest
	content *content // nil if there are no bytes to open: a digest, a folder
	image   *image   // nil if it is none
	again   error    // why it is not known whether it is one
}

func (s *subject) Close() error {
	if s == nil {
		return nil
	}
	var err error
	if s.image != nil {
		err = s.image.Close()
	}
	if s.content != nil && s.content.file != nil {
		err = errors.Join(err, s.content.file.Close())
	}
	return err
}

// read opens the artifact and hashes it once, by SHA-256 and by the further
// algorithms, keeping what later reads are checked against. Examined says that
// the layers of an image will be read anyway. What is read is drawn from budget.
func (a Artifact) read(ctx context.Context, further []string, examined bool, budget *Budget) (*subject, *Finding) {
	fail := func(code Code, err error) (*subject, *Finding) {
		if ctx.Err() != nil {
			code = CodeCanceled
		}
		return nil, &Finding{Code: code, Status: Failed, Message: err.Error(), Remedy: code.Remedy()}
	}
	whole := func(s *subject) (*subject, *Finding) {
		if f := s.openImage(ctx, a.path, examined); f != nil {
			s.Close() // nothing was handed out: the finding stands
			return nil, f
		}
		return s, nil
	}
	switch {
	case !a.digest.IsZero():
		return &subject{digests: provenance.Set(a.digest), primary: a.digest}, nil
	case a.reader != nil:
		if f := budget.drawBytes("", a.size, false); f != nil {
			return nil, f
		}
		c := &content{r: a.reader, size: a.size}
		set, err := c.hash(ctx, further, true)
		if err != nil {
			return fail(CodeTransport, err)
		}
		return whole(&subject{digests: set, primary: first(set, provenance.SHA256), content: c})
	case a.path == "":
		return fail(CodeRequest, errors.New("the request has no artifact"))
	}
	info, err := os.Stat(a.path)
	if err != nil {
		return fail(CodeTransport, errors.New(pathError(err)))
	}
	if info.IsDir() {
		if f := budget.drawBytes(a.path, 0, true); f != nil {
			return nil, f
		}
		if s, f := whole(&subject{}); f != nil || s.image != nil {
			return s, f
		}
		got, err := provenance.SubjectOptions{Root: a.path}.Subjects(ctx, a.path)
		if err != nil {
			return fail(pathCode(err), err)
		}
		return &subject{digests: got[0].Digest, primary: first(got[0].Digest, provenance.DirHash)}, nil
	}
	f, err := safefs.Open(a.path)
	if err != nil {
		return fail(pathCode(err), errors.New(pathError(err)))
	}
	if info, err = f.Stat(); err != nil {
		f.Close()
		return fail(CodeTransport, err)
	}
	if finding := budget.drawBytes("", info.Size(), false); finding != nil {
		f.Close()
		return nil, finding
	}
	c := &content{r: f, size: info.Size(), file: f}
	set, err := c.hash(ctx, further, true)
	if err != nil {
		f.Close()
		return fail(CodeTransport, err)
	}
	return whole(&subject{digests: set, primary: first(set, provenance.SHA256), content: c})
}

func first(set provenance.DigestSet, algorithm string) provenance.Digest {
	d, _ := set.Get(algorithm)
	return d
}

// pathCode tells a path that leads to what is no file or folder from trouble on
// the way there, which is no answer.
func pathCode(err error) Code {
	var p *fs.PathError
	switch {
	case errors.Is(err, safefs.ErrChanged):
		return CodeChanged
	case errors.Is(err, safefs.ErrTooLarge):
		return CodeLimit
	case errors.Is(err, safefs.ErrLink), errors.Is(err, safefs.ErrNotRegular), errors.Is(err, safefs.ErrNotLocal):
		return CodePath
	case errors.As(err, &p):
		return CodeTransport
	}
	return CodePath
}

// pathError is what went wrong without the path, which the verdict names.
func pathError(err error) string {
	var p *os.PathError
	if errors.As(err, &p) {
		return p.Err.Error()
	}
	return err.Error()
}
