package capsule

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
)

// A capsule is a tar archive (POSIX ustar) of which exactly one form is
// accepted: the header of a member follows from its name and size, padding is
// zero, and behind two blocks of zeros nothing follows.

const (
	block   = 512
	maxName = 100 // of a ustar header without a prefix
)

// header is the header of a member: readable by all, of nobody, of no time.
func header(name string, size int64) []byte {
	h := make([]byte, block)
	copy(h, name)
	copy(h[100:], "0000644\x00"+"0000000\x00"+"0000000\x00") // mode, owner, group
	copy(h[124:], fmt.Sprintf("%011o\x00%011o\x00", size, 0))
	copy(h[148:], "        0") // the sum counts as spaces; a regular file
	copy(h[257:], "ustar\x0000")
	copy(h[329:], "0000000\x00"+"0000000\x00")
	sum := 0
	for _, b := range h {
		sum += int(b)
	}
	copy(h[148:], fmt.Sprintf("%06o\x00 ", sum))
	return h
}

// padded is a size with what fills up its last block.
func padded(size int64) int64 { return (size + block - 1) / block * block }

// A frame reads members one behind the other.
type frame struct {
	r        io.ReaderAt
	size, at int64
}

// need reads the next n bytes.
func (f *frame) need(n int64) ([]byte, error) {
	if f.size-f.at < n {
		return nil, fmt.Errorf("it ends at byte %d, want %d more", f.size, n-(f.size-f.at))
	}
	data := make([]byte, n)
	if _, err := f.r.ReadAt(data, f.at); err != nil && err != io.EOF {
		return nil, &readError{err}
	}
	f.at += n
	return data, nil
}

// sized reads the header of a member of which only the name is known.
func (f *frame) sized(name string, max int64) (int64, error) {
	h, err := f.need(block)
	if err != nil {
		return 0, err
	}
	size, err := strconv.ParseInt(string(h[124:135]), 8, 64)
	if err != nil || size < 0 || !bytes.Equal(h, header(name, size)) {
		return 0, fmt.Errorf("it does not begin with a member %s", name)
	}
	if size > max {
		return 0, fmt.Errorf("%s has %d bytes, want at most %d: %w", name, size, max, ErrLimit)
	}
	return size, nil
}

// member wants a header, and says where the content begins.
func (f *frame) member(name string, size int64) (at int64, err error) {
	h, err := f.need(block)
	if err != nil {
		return 0, err
	}
	if !bytes.Equal(h, header(name, size)) {
		return 0, fmt.Errorf("at byte %d: want the header of %s with %d bytes", f.at-block, name, size)
	}
	return f.at, nil
}

// zeros wants n zeros.
func (f *frame) zeros(n int64) error {
	data, err := f.need(n)
	if err != nil {
		return err
	}
	if i := bytes.IndexFunc(data, func(r rune) bool { return r != 0 }); i >= 0 {
		return fmt.Errorf("at byte %d: want zeros that fill up a block", f.at-n+int64(i))
	}
	return nil
}

// content reads a small member whole, with what fills it up.
func (f *frame) content(size int64) ([]byte, error) {
	data, err := f.need(size)
	if err != nil {
		return nil, err
	}
	return data, f.zeros(padded(size) - size)
}

// end wants the two blocks behind the last member, and then nothing.
func (f *frame) end() error {
	if err := f.zeros(2 * block); err != nil {
		return err
	}
	if f.at != f.size {
		return fmt.Errorf("%d bytes follow its end", f.size-f.at)
	}
	return nil
}

// A readError is trouble with the file, as against a file that is no capsule.
type readError struct{ error }

func (e *readError) Unwrap() error { return e.error }
