package image

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/touchmark-go/touchmark/internal/gofacts"
	"github.com/touchmark-go/touchmark/internal/ocilayout"
	"github.com/touchmark-go/touchmark/sbom"
)

// A goProgram is a Go program in the image, at one place or several.
type goProgram struct {
	bom    *cdx.BOM
	places []place
}

// program reads the build info of a Go program. accounted is false of every other file.
func (s *scan) program(f ocilayout.File, r io.Reader) (accounted bool, err error) {
	var start [4]byte
	n, err := io.ReadFull(r, start[:])
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return false, err
	}
	if !isExecutable(start[:n]) {
		return false, nil
	}
	if f.Size > maxBinary {
		return false, s.note(fmt.Errorf("%s: %w: a program of more than %d bytes", f.Path, errText, int64(maxBinary)))
	}
	if err := s.spool.fill(io.MultiReader(bytes.NewReader(start[:n]), r), maxBinary); err != nil {
		return false, err
	}
	bom, err := sbom.FromBinary(io.NewSectionReader(s.spool, 0, s.spool.size))
	switch {
	case errors.Is(err, sbom.ErrNotGo):
		return false, nil
	case errors.Is(err, gofacts.ErrMalformed):
		return false, s.note(fmt.Errorf("%s: %w: %v", f.Path, errText, err))
	case err != nil:
		return false, fmt.Errorf("%s: %w", f.Path, err)
	}
	sum := (*bom.Metadata.Component.Hashes)[0].Value
	b := s.byDigest[sum]
	if b == nil {
		b = &goProgram{bom: bom}
		if len(s.packages)+len(s.binaries) >= maxPackages {
			return false, errTooMany
		}
		s.byDigest[sum] = b
		s.binaries = append(s.binaries, b)
	}
	for _, name := range append([]string{f.Path}, f.Links...) {
		b.places = append(b.places, place{name, f.LayerIndex})
	}
	return true, nil
}

// isExecutable reports whether a file begins as ELF, PE, Mach-O or WebAssembly does.
func isExecutable(start []byte) bool {
	for _, magic := range []string{"\x7fELF", "MZ", "\xfe\xed\xfa\xce", "\xfe\xed\xfa\xcf", "\xce\xfa\xed\xfe", "\xcf\xfa\xed\xfe", "\xca\xfe\xba\xbe", "\x00asm"} {
		if bytes.HasPrefix(start, []byte(magic)) {
			return true
		}
	}
	return false
}
