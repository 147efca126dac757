package ocilayout

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"hash"
	"io"
	"strings"
)

// Layer opens a layer as a tar stream without its compression. Reading fails, in
// place of io.EOF, unless both its stored bytes and its content are what their
// digests say, and when it expands further than any honest layer would.
//
// Layers that are stored or compressed by gzip are read, others (zstd,
// encrypted ones) are [ErrUnsupported], and a layer whose bytes are not
// compressed as its media type says is [ErrMalformed].
func (a *Archive) Layer(l Layer) (io.ReadCloser, error) {
	zipped, err := compression(l.MediaType)
	if err != nil {
		return nil, err
	}
	r, size, err := a.openBlob(l.Descriptor)
	if err != nil {
		return nil, err
	}
	name := "layer " + l.Digest.String()
	if l.Digest.IsZero() {
		name = "layer " + l.path
	}
	lr := &layerReader{stored: &verified{r: r, c: r, left: size, want: l.Digest, h: hasher(l.Digest), name: name}, layer: l, name: name, h: hasher(l.DiffID)}
	lr.left = a.limits.free + min(size, a.limits.expanded/a.limits.ratio)*a.limits.ratio
	buffered := bufio.NewReaderSize(lr.stored, 64<<10)
	lr.r = buffered
	if zipped {
		if lr.r, err = gzip.NewReader(buffered); err != nil {
			return nil, errors.Join(lr.why(err), r.Close())
		}
	} else if start, err := buffered.Peek(2); err == nil && start[0] == 0x1f && start[1] == 0x8b {
		return nil, errors.Join(errorf(ErrMalformed, "%s is compressed, and its mediaType is %s", name, l.MediaType), r.Close())
	}
	return lr, nil
}

// compression reports whether a layer of that media type is compressed by gzip.
func compression(mediaType string) (zipped bool, err error) {
	switch kind := strings.NewReplacer("nondistributable.", "", "foreign.", "").Replace(mediaType); kind {
	case MediaTypeLayer, MediaTypeDockerLayer:
		return false, nil
	case MediaTypeLayer + "+gzip", MediaTypeDockerLayer + ".gzip":
		return true, nil
	}
	return false, errorf(ErrUnsupported, "a layer of the media type %.100q is", mediaType)
}

// layerReader is the content of a layer, counted and hashed.
type layerReader struct {
	stored *verified
	r      io.Reader
	layer  Layer
	name   string
	h      hash.Hash // nil if nobody said what comes out
	left   int64     // bytes that it may still expand to
	err    error
}

func (l *layerReader) Read(p []byte) (int, error) {
	if l.err != nil {
		return 0, l.err
	}
	n, err := l.r.Read(p)
	if l.h != nil {
		l.h.Write(p[:n])
	}
	l.left -= int64(n)
	switch {
	case l.left < 0:
		err = errorf(ErrLimit, "%s of %d bytes expands to more than %d times its size", l.name, l.layer.Size, MaxRatio)
	case err == io.EOF && l.h != nil && fmt.Sprintf("%x", l.h.Sum(nil)) != l.layer.DiffID.Hex():
		err = errorf(ErrMismatch, "%s has the content %x, want the diff_id %s", l.name, l.h.Sum(nil), l.layer.DiffID)
	case err != nil && err != io.EOF:
		err = l.why(err)
	}
	l.err = err
	return n, err
}

// why is what went wrong: what was stored, if that is the reason, else the
// compression.
func (l *layerReader) why(err error) error {
	if l.stored.err != nil && l.stored.err != io.EOF {
		return l.stored.err
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return asMalformed(err, "%s", l.name)
}

func (l *layerReader) Close() error { return l.stored.Close() }
