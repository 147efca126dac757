package gofacts

import (
	"debug/buildinfo"
	"errors"
	"fmt"
	"io"
)

// ErrNotGo says that a file is no Go binary that says how it was built.
var ErrNotGo = errors.New("not a Go binary with build info")

// Read reads the build info of an ELF, Mach-O or PE file.
func Read(r io.ReaderAt) (*Facts, error) {
	info, err := buildinfo.Read(r)
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrNotGo, err)
	}
	return FromBuildInfo(info), nil
}
