package verify

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"sync"

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
			return fail(CodePath, err)
		}
		return &subject{digests: got[0].Digest, primary: first(got[0].Digest, provenance.DirHash)}, nil
	}
	f, err := safefs.Open(a.path)
	if err != nil {
		return fail(CodePath, errors.New(pathError(err)))
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

// pathError is what went wrong without the path, which the verdict names.
func pathError(err error) string {
	var p *os.PathError
	if errors.As(err, &p) {
		return p.Err.Error()
	}
	return err.Error()
}

// chunkSize is how much of an artifact one kept sum covers: 32 bytes of memory a MiB.
const chunkSize = 1 << 20

// errChanged says that bytes read later are not those that were hashed.
var errChanged = errors.New("the artifact changed since it was verified")

// content is an artifact's bytes, and after hash those that were hashed: every
// later ReadAt checks the chunks that it touches.
type content struct {
	r    io.ReaderAt
	size int64
	file *os.File
	sums []byte // the SHA-256 of each chunk, side by side; nil if not kept

	mu   sync.Mutex
	at   int64  // which chunk is in last
	last []byte // the last chunk that was checked
}

// hash reads everything once.
func (c *content) hash(ctx context.Context, further []string, chunked bool) (provenance.DigestSet, error) {
	if c.size < 0 {
		return nil, fmt.Errorf("a size of %d bytes", c.size)
	}
	whole := sha256.New()
	hashes := map[string]hash.Hash{provenance.SHA256: whole}
	all := []io.Writer{whole}
	for _, name := range further {
		if hashes[name] != nil {
			continue
		}
		switch name {
		case provenance.SHA384:
			hashes[name] = sha512.New384()
		case provenance.SHA512:
			hashes[name] = sha512.New()
		default:
			continue
		}
		all = append(all, hashes[name])
	}
	if chunked {
		c.sums = make([]byte, 0, min(sha256.Size*(c.size/chunkSize+1), 1<<20)) // a claimed size is no reason to spend memory
	}
	buf := make([]byte, min(chunkSize, c.size))
	for at := int64(0); at < c.size; at += chunkSize {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		b := buf[:min(chunkSize, c.size-at)]
		if _, err := c.r.ReadAt(b, at); err != nil && !(errors.Is(err, io.EOF) && at+int64(len(b)) == c.size) {
			return nil, fmt.Errorf("at byte %d of %d: %w", at, c.size, err)
		}
		for _, h := range all {
			h.Write(b)
		}
		if chunked {
			sum := sha256.Sum256(b)
			c.sums = append(c.sums, sum[:]...)
		}
	}
	if n, err := c.r.ReadAt(make([]byte, 1), c.size); n != 0 || err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("more than %d bytes, or not readable to the end", c.size)
	}
	set := provenance.DigestSet{}
	for name, h := range hashes {
		set[name] = hex.EncodeToString(h.Sum(nil))
	}
	c.at, c.last = -1, nil
	return set, nil
}

// ReadAt implements [io.ReaderAt] over the bytes that were hashed, and no others.
func (c *content) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, errors.New("negative offset")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	for n < len(p) {
		if off >= c.size {
			return n, io.EOF
		}
		chunk, err := c.chunk(off / chunkSize)
		if err != nil {
			return n, err
		}
		k := copy(p[n:], chunk[off%chunkSize:])
		n, off = n+k, off+int64(k)
	}
	return n, nil
}

// chunk reads chunk i and checks it.
func (c *content) chunk(i int64) ([]byte, error) {
	if c.at == i {
		return c.last, nil
	}
	if c.last == nil {
		c.last = make([]byte, min(chunkSize, c.size))
	}
	c.at = -1
	b := c.last[:cap(c.last)][:min(chunkSize, c.size-i*chunkSize)]
	if n, err := c.r.ReadAt(b, i*chunkSize); n < len(b) {
		if err == nil || errors.Is(err, io.EOF) {
			err = errChanged // shorter than it was
		}
		return nil, err
	}
	sum := sha256.Sum256(b)
	if !bytes.Equal(sum[:], c.sums[i*sha256.Size:(i+1)*sha256.Size]) {
		return nil, errChanged
	}
	c.at, c.last = i, b
	return b, nil
}
