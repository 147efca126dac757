package verify

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"sync"

	"github.com/touchmark-go/touchmark/provenance"
)

// An artifact is read again in chunks, whole ones, to examine it, and each costs a
// state to be kept. Of a large one a chunk is 1 MiB: 32 bytes of memory a MiB. Of a
// smaller one it is as small as 32 to 64 KiB of states allow, because an examination
// looks at a few places.
const (
	leastChunk = 32 << 10
	mostChunk  = 1 << 20
	manyChunks = 1024
)

// pieceSize is how much is read at a time to be hashed. A processor's cache holds it,
// and a small artifact does not pay for memory that it has no use for.
const pieceSize = 64 << 10

// chunkOf is how large a chunk is of an artifact of that size: a power of two.
func chunkOf(size int64) int64 {
	chunk := int64(leastChunk)
	for chunk < mostChunk && size/chunk > manyChunks {
		chunk *= 2
	}
	return chunk
}

// errChanged says that bytes read later are not those that were hashed.
var errChanged = errors.New("the artifact changed since it was verified")

// content is an artifact's bytes, and after hash those that were hashed: every
// later ReadAt checks the chunks that it touches.
//
// It does not need a second hash for that. SHA-256 goes through its input block
// by block, from one 32-byte state to the next; hash keeps the state after each
// chunk. A chunk is unchanged if it leads from the state before it to the state
// after it, and the last one to the digest. Another chunk that did would be a
// collision of SHA-256 itself.
type content struct {
	r      io.ReaderAt
	size   int64
	chunk  int64 // how many bytes a kept state covers
	file   *os.File
	states []byte // the state after each chunk but the last, side by side; nil if not kept
	sum    []byte // the digest
	kept   bool

	mu     sync.Mutex
	recent []checked // the chunks that were read last, the newest first
}

// A checked is a chunk that is as it was hashed. A reader of a binary goes to
// and fro between its headers and its data.
type checked struct {
	at   int64
	data []byte // nil if there is none
}

// hash reads everything once. If keep it remembers what later reads are checked against.
func (c *content) hash(ctx context.Context, further []string, keep bool) (provenance.DigestSet, error) {
	if c.size < 0 {
		return nil, fmt.Errorf("a size of %d bytes", c.size)
	}
	whole := sha256.New()
	hashes := map[string]hash.Hash{provenance.SHA256: whole}
	var others []io.Writer
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
		others = append(others, hashes[name])
	}
	c.chunk = chunkOf(c.size)
	if keep {
		c.states = make([]byte, 0, min(sha256.Size*(c.size/c.chunk+1), 1<<20)) // a claimed size is no reason to spend memory
	}
	next := newBeside(others, c.size)
	defer next.end()
	for at := int64(0); at < c.size; at += pieceSize {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		b := next.buffer(min(pieceSize, c.size-at))
		if n, err := c.r.ReadAt(b, at); n < len(b) || err != nil && !(errors.Is(err, io.EOF) && at+int64(n) == c.size) {
			if err == nil || errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return nil, fmt.Errorf("at byte %d of %d: %w", at+int64(n), c.size, err)
		}
		if err := c.advance(whole, at, b, keep); err != nil {
			return nil, err
		}
		next.hand(b)
	}
	next.end()
	if n, err := c.r.ReadAt(make([]byte, 1), c.size); n != 0 || !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("more than %d bytes, or not readable to the end", c.size)
	}
	set := provenance.DigestSet{}
	for name, h := range hashes {
		set[name] = hex.EncodeToString(h.Sum(nil))
	}
	c.sum, c.kept, c.recent = whole.Sum(nil), keep, make([]checked, 3)
	return set, nil
}

// advance hashes b, which begins at a multiple of the smaller of chunk and piece, and
// keeps the state after each chunk that ends in it, but the last.
func (c *content) advance(whole hash.Hash, at int64, b []byte, keep bool) error {
	for len(b) > 0 {
		n := min(c.chunk-at%c.chunk, int64(len(b)))
		whole.Write(b[:n])
		b, at = b[n:], at+n
		if !keep || at%c.chunk != 0 || at >= c.size {
			continue
		}
		state, err := stateOf(whole, at)
		if err != nil {
			return err
		}
		c.states = append(c.states, state...)
	}
	return nil
}

// The form in which crypto/sha256 writes its state down after whole blocks:
// magic, state, an empty block, how much was hashed.
const (
	stateMagic = "sha\x03"
	stateSize  = len(stateMagic) + sha256.Size + sha256.BlockSize + 8
)

// marshaledState is what crypto/sha256 reads to go on from a state at offset.
func marshaledState(state []byte, offset int64) []byte {
	b := append(make([]byte, 0, stateSize), stateMagic...)
	b = append(b, state...)
	b = append(b, make([]byte, sha256.BlockSize)...)
	return binary.BigEndian.AppendUint64(b, uint64(offset))
}

// stateOf is the state of h after offset bytes, a multiple of the block. A Go
// release that writes it down otherwise is noticed here, and nothing is verified.
func stateOf(h hash.Hash, offset int64) ([]byte, error) {
	b, err := h.(encoding.BinaryMarshaler).MarshalBinary()
	if err != nil {
		return nil, err
	}
	if len(b) == stateSize {
		state := b[len(stateMagic) : len(stateMagic)+sha256.Size]
		if bytes.Equal(b, marshaledState(state, offset)) {
			return state, nil
		}
	}
	return nil, errors.New("crypto/sha256 writes its state in a form that is not known here")
}

// ReadAt implements [io.ReaderAt] over the bytes that were hashed, and no others.
func (c *content) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, errors.New("negative offset")
	}
	if !c.kept {
		return 0, errors.New("the artifact was not hashed to be read again")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	for n < len(p) {
		if off >= c.size {
			return n, io.EOF
		}
		chunk, err := c.read(off / c.chunk)
		if err != nil {
			return n, err
		}
		k := copy(p[n:], chunk[off%c.chunk:])
		n, off = n+k, off+int64(k)
	}
	return n, nil
}

// forget makes the next read go to the artifact again, and from here on every
// read but of the chunk that was read last.
func (c *content) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.recent = make([]checked, 1)
}

// read reads chunk i and checks it.
func (c *content) read(i int64) ([]byte, error) {
	for n, have := range c.recent {
		if have.data != nil && have.at == i {
			copy(c.recent[1:n+1], c.recent[:n])
			c.recent[0] = have
			return have.data, nil
		}
	}
	oldest := &c.recent[len(c.recent)-1]
	b := oldest.data
	oldest.data = nil
	if n := min(c.chunk, c.size-i*c.chunk); int64(cap(b)) >= n {
		b = b[:n]
	} else {
		b = make([]byte, n)
	}
	if n, err := c.r.ReadAt(b, i*c.chunk); n < len(b) {
		if err == nil || errors.Is(err, io.EOF) {
			err = errChanged // shorter than it was
		}
		return nil, err
	}
	same, err := c.same(i, b)
	if err != nil {
		return nil, err
	}
	if !same {
		return nil, errChanged
	}
	copy(c.recent[1:], c.recent[:])
	c.recent[0] = checked{i, b}
	return b, nil
}

// same reports whether b is chunk i as it was hashed.
func (c *content) same(i int64, b []byte) (bool, error) {
	h := sha256.New()
	if i > 0 {
		before := c.states[(i-1)*sha256.Size : i*sha256.Size]
		if err := h.(encoding.BinaryUnmarshaler).UnmarshalBinary(marshaledState(before, i*c.chunk)); err != nil {
			return false, err
		}
	}
	h.Write(b)
	end := (i + 1) * c.chunk
	if end >= c.size {
		return bytes.Equal(h.Sum(nil), c.sum), nil
	}
	after, err := stateOf(h, end)
	return bytes.Equal(after, c.states[i*sha256.Size:(i+1)*sha256.Size]), err
}
