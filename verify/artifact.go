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
}

func (s *subject) Close() error {
	if s == nil || s.content == nil || s.content.file == nil {
		return nil
	}
	return s.content.file.Close()
}

// read opens the artifact and hashes it once, by SHA-256 and by the further
// algorithms. If chunked it keeps what later reads are checked against.
func (a Artifact) read(ctx context.Context, further []string, chunked bool) (*subject, *Finding) {
	fail := func(code Code, err error) (*subject, *Finding) {
		if ctx.Err() != nil {
			code = CodeCanceled
		}
		return nil, &Finding{Code: code, Status: Failed, Message: err.Error(), Remedy: code.remedy()}
	}
	switch {
	case !a.digest.IsZero():
		return &subject{digests: provenance.Set(a.digest), primary: a.digest}, nil
	case a.reader != nil:
		c := &content{r: a.reader, size: a.size}
		set, err := c.hash(ctx, further, chunked)
		if err != nil {
			return fail(CodeTransport, err)
		}
		return &subject{digests: set, primary: first(set, provenance.SHA256), content: c}, nil
	case a.path == "":
		return fail(CodeRequest, errors.New("the request has no artifact"))
	}
	info, err := os.Stat(a.path)
	if err != nil {
		return fail(CodeTransport, errors.New(pathError(err)))
	}
	if info.IsDir() {
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
	c := &content{r: f, size: info.Size(), file: f}
	set, err := c.hash(ctx, further, chunked)
	if err != nil {
		f.Close()
		return fail(CodeTransport, err)
	}
	return &subject{digests: set, primary: first(set, provenance.SHA256), content: c}, nil
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
