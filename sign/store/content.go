package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"

	"github.com/touchmark-go/touchmark/provenance"
)

// A DigestError reports content that is not what its digest says.
type DigestError struct{ Want, Got provenance.Digest }

func (e *DigestError) Error() string { return fmt.Sprintf("content is %s, want %s", e.Got, e.Want) }

// A verifying reader fails in place of io.EOF unless exactly the wanted content went by.
type verifying struct {
	io.ReadCloser
	hash hash.Hash
	want provenance.Digest
	err  error
}

// Verified is r, whose end is a [*DigestError] in place of io.EOF unless its content has the SHA-256 digest want. It is
// for those who implement [Store].
func Verified(r io.ReadCloser, want provenance.Digest) io.ReadCloser {
	return &verifying{ReadCloser: r, hash: sha256.New(), want: want}
}

func (v *verifying) Read(p []byte) (int, error) {
	if v.err != nil {
		return 0, v.err
	}
	n, err := v.ReadCloser.Read(p)
	v.hash.Write(p[:n])
	if err == io.EOF {
		if got := sum(v.hash); got != v.want {
			err = &DigestError{Want: v.want, Got: got}
		}
	}
	v.err = err
	return n, err
}

// sum is the digest of what went into a SHA-256.
func sum(h hash.Hash) provenance.Digest {
	d, err := provenance.ParseDigest(provenance.SHA256 + ":" + hex.EncodeToString(h.Sum(nil)))
	if err != nil {
		panic("store: a SHA-256 is no digest: " + err.Error()) // it always has its 64 digits
	}
	return d
}

// A patient reader ends with its context.
type patient struct {
	ctx context.Context
	io.Reader
}

func (p *patient) Read(b []byte) (int, error) {
	if err := p.ctx.Err(); err != nil {
		return 0, err
	}
	return p.Reader.Read(b)
}
