package gofacts

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/touchmark-go/touchmark/provenance"
)

// MaxStream is the most bytes that [ReadStream] holds of a program.
const MaxStream = 512 << 20

// ErrTooLarge says that a program has more bytes than [MaxStream].
var ErrTooLarge = errors.New("the program is too large to be examined")

// ReadStream is [Read] for a program of size bytes that can only be read once, such as
// one in a layer or an archive; the digest is its SHA-256. Of a file that does
// not begin like a program no more than four bytes are read, and the error is
// [ErrNotGo]; a program is held in memory. The digest is zero only if the
// program was not read to its end.
func ReadStream(r io.Reader, size int64) (*Facts, provenance.Digest, error) {
	magic := make([]byte, 4)
	switch _, err := io.ReadFull(r, magic); {
	case err == io.EOF, err == io.ErrUnexpectedEOF, err == nil && !program(magic):
		return nil, provenance.Digest{}, ErrNotGo
	case err != nil:
		return nil, provenance.Digest{}, err
	case size > MaxStream:
		return nil, provenance.Digest{}, fmt.Errorf("%w: it has %d bytes, at most %d are read", ErrTooLarge, size, MaxStream)
	}
	data := bytes.NewBuffer(magic)
	data.Grow(int(min(size, 32<<20))) // a claimed size is no reason to spend memory
	if n, err := io.Copy(data, io.LimitReader(r, MaxStream)); err != nil {
		return nil, provenance.Digest{}, err
	} else if n == MaxStream {
		return nil, provenance.Digest{}, ErrTooLarge
	}
	facts, err := Read(bytes.NewReader(data.Bytes()))
	return facts, provenance.SumSHA256(data.Bytes()), err
}

// program reports whether a file that begins so may be one that [Read] knows:
// ELF, PE, Mach-O and its universal form, Wasm.
func program(magic []byte) bool {
	switch string(magic) {
	case "\x7fELF", "\x00asm", "\xfe\xed\xfa\xce", "\xfe\xed\xfa\xcf", "\xce\xfa\xed\xfe", "\xcf\xfa\xed\xfe", "\xca\xfe\xba\xbe", "\xca\xfe\xba\xbf":
		return true
	}
	return string(magic[:2]) == "MZ"
}
