package sign

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
)

// lines cuts a stream into lines and holds no more of it than one line, or one
// document, may have.
type lines struct {
	r      io.Reader
	buf    []byte // what was read and is still of interest
	at     int    // where the next line begins in buf
	number int    // of the line that was returned last, from 1
	total  int64  // bytes read
	eof    bool
	over   bool // there is more than MaxFileSize; nothing more will be read
}

func newLines(r io.Reader) *lines {
	return &lines{r: r, buf: make([]byte, 0, min(sizeOf(r), MaxEnvelopeSize)+1)}
}

// sizeOf says how much r is likely to hold, to spare it the growing.
func sizeOf(r io.Reader) int64 {
	const unknown = 32 << 10
	switch r := r.(type) {
	case interface{ Len() int }:
		return int64(max(r.Len(), 0))
	case interface{ Stat() (fs.FileInfo, error) }:
		if info, err := r.Stat(); err == nil && info.Mode().IsRegular() {
			return max(info.Size(), 0)
		}
	}
	return unknown
}

var errLine = fmt.Errorf("a line of more than %d bytes: %w", MaxEnvelopeSize, ErrLimit)

// next returns the next line that is not blank, without its end, valid until
// the next call. A line over the limit is skipped, and is an error that is
// [ErrLimit]; other errors are the reader's.
func (l *lines) next() ([]byte, error) {
	for searched := 0; ; {
		rest := l.buf[l.at:]
		if i := bytes.IndexByte(rest[searched:], '\n'); i >= 0 {
			line := rest[:searched+i]
			l.at += len(line) + 1
			l.number++
			searched = 0
			switch {
			case len(line) > MaxEnvelopeSize:
				return nil, errLine
			case !blank(line):
				return line, nil
			}
			continue
		}
		searched = len(rest)
		if l.eof {
			l.at = len(l.buf)
			if blank(rest) {
				return nil, io.EOF
			}
			l.number++
			if len(rest) > MaxEnvelopeSize {
				return nil, errLine
			}
			return rest, nil
		}
		if searched > MaxEnvelopeSize {
			l.number++
			if err := l.skip(); err != nil {
				return nil, err
			}
			return nil, errLine
		}
		if err := l.fill(); err != nil {
			if l.over {
				l.number++
			}
			return nil, err
		}
	}
}

func blank(line []byte) bool { return len(bytes.TrimSpace(line)) == 0 }

// skip drops the rest of a line that is too long.
func (l *lines) skip() error {
	for {
		l.at = len(l.buf)
		if err := l.fill(); err != nil {
			return err
		}
		if i := bytes.IndexByte(l.buf, '\n'); i >= 0 {
			l.at = i + 1
			return nil
		}
		if l.eof {
			l.at = len(l.buf)
			return nil
		}
	}
}

// document returns everything from the beginning of the line that was returned
// last, which must be the first one in the buffer, to the end of the file. The
// lines can still be read one by one.
func (l *lines) document() ([]byte, error) {
	start := 0
	after := l.at
	for {
		if len(l.buf) > MaxEnvelopeSize {
			return nil, fmt.Errorf("a document of more than %d bytes: %w", MaxEnvelopeSize, ErrLimit)
		}
		if l.eof {
			return l.buf[start:], nil
		}
		l.at = start // keeps fill from dropping the line
		err := l.fill()
		l.at = after
		if err != nil {
			return nil, err
		}
	}
}

// fill reads more behind what is left of the buffer.
func (l *lines) fill() error {
	if l.at > 0 {
		l.buf = l.buf[:copy(l.buf, l.buf[l.at:])]
		l.at = 0
	}
	if len(l.buf) == cap(l.buf) {
		grown := make([]byte, len(l.buf), min(4*cap(l.buf)+1, MaxEnvelopeSize+1))
		copy(grown, l.buf)
		l.buf = grown
	}
	room := l.buf[len(l.buf):cap(l.buf)]
	room = room[:min(int64(len(room)), MaxFileSize+1-l.total)]
	for range 100 {
		n, err := l.r.Read(room)
		l.buf = l.buf[:len(l.buf)+n]
		l.total += int64(n)
		switch {
		case l.total > MaxFileSize:
			l.over = true
			return fmt.Errorf("a file of more than %d bytes: %w", MaxFileSize, ErrLimit)
		case err == io.EOF:
			l.eof = true
			return nil
		case err != nil:
			return err
		case n > 0:
			return nil
		}
	}
	return io.ErrNoProgress
}
