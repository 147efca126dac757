package gofacts

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math"
)

// A WebAssembly module has no blob: the linker leaves it out there, and
// debug/buildinfo reads none. What it has is the module information itself, which
// the runtime keeps for debug.ReadBuildInfo, among its data and in its frame
// (cmd/go/internal/modload, ModInfoProg), and the toolchain in the "producers"
// section (the WebAssembly tool conventions), which stripping leaves in.

const (
	wasmMagic   = "\x00asm\x01\x00\x00\x00"
	infoStart   = "\x30\x77\xaf\x0c\x92\x74\x08\x02\x41\xe1\xc1\x07\xe6\xd6\x18\xe6"
	infoEnd     = "\xf9\x32\x43\x31\x86\x18\x20\x72\x00\x82\x42\x10\x41\x16\xd8\xf2"
	wasmCustom  = 0
	wasmData    = 11
	maxSections = 1 << 10
	maxProducer = 64 << 10 // bytes of the producers section
)

// wasmInfo is [rawInfo] of a WebAssembly module.
func wasmInfo(r io.ReaderAt) (version, info string, err error) {
	found := false
	off := uint64(len(wasmMagic))
	for n := 0; ; n++ {
		head, _ := readUpTo(r, off, 1+binary.MaxVarintLen64)
		if len(head) == 0 {
			break
		}
		size, length := binary.Uvarint(head[1:])
		if n >= maxSections || length <= 0 || size > math.MaxUint32 {
			return "", "", fmt.Errorf("%w: its sections are not those of a module", ErrNotGo)
		}
		body := off + 1 + uint64(length)
		switch head[0] {
		case wasmCustom:
			if data, ok := readUpTo(r, body, min(size, maxProducer)); ok && version == "" {
				version = goProducer(data)
			}
		case wasmData:
			text, ok, err := framed(io.NewSectionReader(r, int64(body), int64(size)))
			if err != nil {
				return "", "", err
			}
			if ok && found {
				return "", "", fmt.Errorf("%w: it has two data sections with module information", ErrMalformed)
			}
			if ok {
				info, found = text, true
			}
		}
		off = body + size
	}
	if !found || version == "" {
		return "", "", ErrNotGo
	}
	return version, info, nil
}

// framed finds the module information in r. Two that differ are an error: one
// of them is data that the program carries, and nothing says which. The text
// has no run of zeros, at which the linker would have cut it.
func framed(r io.Reader) (info string, found bool, err error) {
	// A window that keeps what might be the beginning of a frame.
	window := make([]byte, 0, 2*searchChunk)
	for read := 0; read < maxSearch; {
		n, readErr := io.ReadFull(r, window[len(window):min(len(window)+searchChunk, cap(window))])
		window = window[:len(window)+n]
		read += n
		rest := window
		for {
			start := bytes.Index(rest, []byte(infoStart))
			if start < 0 {
				rest = rest[max(0, len(rest)-len(infoStart)+1):]
				break
			}
			rest = rest[start:]
			end := bytes.Index(rest, []byte(infoEnd))
			if end < 0 {
				break // its end may be still to come
			}
			text := string(rest[len(infoStart):end])
			if found && text != info {
				return "", false, fmt.Errorf("%w: it has module information twice, and they differ", ErrMalformed)
			}
			info, found = text, true
			rest = rest[end+len(infoEnd):]
		}
		if readErr != nil {
			break // the end, or trouble that the reader remembers
		}
		if len(rest) == len(window) && len(window) == cap(window) {
			if cap(window) >= 2*maxInfo {
				return "", false, fmt.Errorf("%w: its module information has more than %d bytes", ErrMalformed, maxInfo)
			}
			window = append(make([]byte, 0, 2*cap(window)), rest...)
			continue
		}
		window = window[:copy(window, rest)]
	}
	return info, found, nil
}

// goProducer is the version of the Go compiler in a custom section, if it is
// the one named "producers".
func goProducer(b []byte) string {
	next := func() string {
		size, n := binary.Uvarint(b)
		if n <= 0 || size > uint64(len(b)-n) {
			b = nil
			return ""
		}
		s := string(b[n : n+int(size)])
		b = b[n+int(size):]
		return s
	}
	count := func() uint64 {
		c, n := binary.Uvarint(b)
		if n <= 0 {
			b = nil
			return 0
		}
		b = b[n:]
		return c
	}
	if next() != "producers" {
		return ""
	}
	for fields := count(); fields > 0 && len(b) > 0; fields-- {
		field := next()
		for values := count(); values > 0 && len(b) > 0; values-- {
			if name, version := next(), next(); field == "processed-by" && name == "Go cmd/compile" && len(version) <= maxVersion {
				return version
			}
		}
	}
	return ""
}
