package gofacts

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
)

// The blob that the linker writes (cmd/link/internal/ld, buildinfo): a header
// of 32 bytes at an address divisible by 16, and since Go 1.18 two strings
// behind it, each with its length as a varint in front.
const (
	blobMagic  = "\xff Go buildinf:"
	blobAlign  = 16
	blobHeader = 32
	flagInline = 2
	flagBig    = 1
)

// searchChunk is how much data is searched at once. The magic cannot cross its
// end, because both are aligned.
const searchChunk = 1 << 20

// rawInfo returns the toolchain's version and the module information of one
// program, the latter without its frame, empty when the program was built
// outside module mode.
func rawInfo(r io.ReaderAt) (version, info string, err error) {
	if head, _ := readUpTo(r, 0, uint64(len(wasmMagic))); string(head) == wasmMagic {
		return wasmInfo(r)
	}
	m, err := imageOf(r)
	if err != nil {
		return "", "", err
	}
	addr, err := m.search()
	if err != nil {
		return "", "", err
	}
	header := m.read(addr, blobHeader)
	if len(header) < blobHeader {
		return "", "", fmt.Errorf("%w: it ends in its header", ErrMalformed)
	}
	var framed string
	if flags := header[15]; flags&flagInline != 0 {
		version, framed, err = m.inline(addr + blobHeader)
	} else {
		version, framed, err = m.pointed(header)
	}
	if err != nil {
		return "", "", err
	}
	if version == "" {
		return "", "", fmt.Errorf("%w: it names no toolchain", ErrMalformed)
	}
	// The frame is two random strings of 16 bytes (cmd/go/internal/modload).
	if len(framed) >= 33 && framed[len(framed)-17] == '\n' {
		return version, framed[16 : len(framed)-16], nil
	}
	return version, "", nil
}

// search returns the address of the blob.
func (m *image) search() (uint64, error) {
	start := (m.start + blobAlign - 1) &^ (blobAlign - 1)
	end := m.start + min(m.size, maxSearch)
	if start < m.start || end < m.start {
		return 0, fmt.Errorf("%w: its data wraps around", ErrNotGo)
	}
	for start < end {
		chunk := m.read(start, min(searchChunk, end-start))
		for at := 0; ; {
			i := bytes.Index(chunk[at:], []byte(blobMagic))
			if i < 0 {
				break
			}
			if at += i; at%blobAlign == 0 {
				return start + uint64(at), nil
			}
			at++
		}
		if len(chunk) < searchChunk {
			break
		}
		start += searchChunk
	}
	return 0, ErrNotGo
}

// inline reads the two strings behind the header.
func (m *image) inline(addr uint64) (version, info string, err error) {
	version, addr, err = m.varString(addr, maxVersion)
	if err != nil {
		return "", "", err
	}
	info, _, err = m.varString(addr, maxInfo)
	return version, info, err
}

func (m *image) varString(addr uint64, most uint64) (string, uint64, error) {
	length, n := binary.Uvarint(m.read(addr, binary.MaxVarintLen64))
	if n <= 0 || length > most {
		return "", 0, fmt.Errorf("%w: a string of it has no length, or one over %d bytes", ErrMalformed, most)
	}
	addr += uint64(n)
	b := m.read(addr, length)
	if uint64(len(b)) < length {
		return "", 0, fmt.Errorf("%w: it ends after %d of %d bytes", ErrMalformed, len(b), length)
	}
	return string(b), addr + length, nil
}

// pointed follows the two pointers to Go strings that the header had before Go 1.18.
func (m *image) pointed(header []byte) (version, info string, err error) {
	size := int(header[14])
	if size != 4 && size != 8 {
		return "", "", fmt.Errorf("%w: its pointers have %d bytes, want 4 or 8", ErrMalformed, size)
	}
	var order binary.ByteOrder = binary.LittleEndian
	if header[15]&flagBig != 0 {
		order = binary.BigEndian
	}
	pointer := func(b []byte) uint64 {
		if size == 4 {
			return uint64(order.Uint32(b))
		}
		return order.Uint64(b)
	}
	goString := func(at, most uint64) (string, error) {
		h := m.read(at, uint64(2*size))
		if len(h) < 2*size {
			return "", nil
		}
		length := pointer(h[size:])
		if length > most {
			return "", fmt.Errorf("%w: a string of it has %d bytes, at most %d are read", ErrMalformed, length, most)
		}
		b := m.read(pointer(h), length)
		if uint64(len(b)) < length {
			return "", fmt.Errorf("%w: it ends after %d of %d bytes", ErrMalformed, len(b), length)
		}
		return string(b), nil
	}
	if version, err = goString(pointer(header[16:]), maxVersion); err != nil {
		return "", "", err
	}
	info, err = goString(pointer(header[16+size:]), maxInfo)
	return version, info, err
}
