package cdxjson

import (
	"bytes"
	"fmt"
	"io"
)

// windowSize is how much of a document is read at a time, and how much is looked
// through for the specVersion of one that can be read only once.
const windowSize = 256 << 10

// A window is the part of a document that is in memory.
type window struct {
	r   io.Reader
	buf []byte // all of it is room, and what counts ends at end
	pos int
	end int
	eof bool

	mark   int // up to which lines are counted
	line   int // of mark
	column int // of mark, from 0
}

// fill reads more, and makes room for it where what was read stood.
func (w *window) fill() error {
	w.count()
	if w.pos > 0 {
		copy(w.buf[:cap(w.buf)], w.buf[:cap(w.buf)][w.pos:w.end])
		w.end, w.pos, w.mark = w.end-w.pos, 0, 0
	}
	if w.end == cap(w.buf) {
		grown := make([]byte, w.end, 2*w.end)
		copy(grown, w.buf[:w.end])
		w.buf = grown
	}
	w.buf = w.buf[:cap(w.buf)]
	for idle := 0; idle < 100; idle++ {
		n, err := w.r.Read(w.buf[w.end:])
		w.end += n
		if err == io.EOF {
			w.eof = true
			return nil
		}
		if err != nil || n > 0 {
			return err
		}
	}
	return io.ErrNoProgress
}

// count counts the lines up to the place.
func (w *window) count() {
	if w.pos > w.mark {
		passed := w.buf[w.mark:w.pos]
		if n := bytes.Count(passed, []byte("\n")); n > 0 {
			w.line += n
			w.column = len(passed) - bytes.LastIndexByte(passed, '\n') - 1
		} else {
			w.column += len(passed)
		}
		w.mark = w.pos
	}
}

// place is the line and the column, from 1.
func (w *window) place() (line, column int) {
	w.count()
	return w.line, w.column + 1
}

// next skips white space and returns the byte that comes, or 0 at the end.
func (w *window) next() (byte, error) {
	for {
		for w.pos < w.end {
			switch c := w.buf[w.pos]; c {
			case ' ', '\t', '\n', '\r':
				w.pos++
			case 0:
				return 0, w.fail("", "want a value, found %s", w.found())
			default:
				return c, nil
			}
		}
		if w.eof {
			return 0, nil
		}
		if err := w.fill(); err != nil {
			return 0, err
		}
	}
}

// fail makes the error for the place.
func (w *window) fail(pointer, format string, args ...any) *Error {
	line, column := w.place()
	return &Error{Line: line, Column: column, Pointer: pointer, Msg: fmt.Sprintf(format, args...)}
}

// found says what stands at the place.
func (w *window) found() string {
	d := decoder{s: string(w.buf[w.pos:min(w.end, w.pos+100)])}
	return d.found()
}

// skim finds the end of the value that comes and returns its bytes, which are
// good until the next call, if they are to be kept. It looks at brackets and
// quotes alone: what it returns need not be JSON.
func (w *window) skim(keep bool) ([]byte, error) {
	var k skimmer
	from := 0 // how far, from pos, it has been looked through
	for {
		n, done := k.feed(w.buf[w.pos+from : w.end])
		from += n
		if keep && from > MaxPart {
			err := w.fail("", "want a part of at most %d bytes, found more", MaxPart)
			err.limit = true
			return nil, err
		}
		if done || w.eof {
			if !done && (k.depth > 0 || k.inString || from == 0) {
				w.pos += from
				return nil, w.fail("", "want the end of a value, found the end of the document")
			}
			value := w.buf[w.pos : w.pos+from]
			w.pos += from
			return value, nil
		}
		if !keep {
			w.pos, from = w.pos+from, 0
			if k.depth == 0 && !k.inString {
				k.begun = true
			}
		}
		if err := w.fill(); err != nil {
			return nil, err
		}
	}
}

// A skimmer looks for the end of a value.
type skimmer struct {
	depth    int
	begun    bool // a number or word has begun
	inString bool
	escaped  bool
}

// feed looks through b and returns how much of it belongs to the value, and
// whether that is its end.
func (k *skimmer) feed(b []byte) (n int, done bool) {
	i := 0
	if k.escaped && len(b) > 0 {
		i, k.escaped = 1, false
	}
	for i < len(b) {
		if k.inString {
			end := bytes.IndexByte(b[i:], '"')
			piece := b[i:]
			if end >= 0 {
				piece = b[i : i+end]
			}
			if at := bytes.IndexByte(piece, '\\'); at >= 0 {
				if i += at + 2; i > len(b) {
					k.escaped = true
					return len(b), false
				}
				continue
			}
			if end < 0 {
				return len(b), false
			}
			i += end + 1
			k.inString = false
			if k.depth == 0 {
				return i, true
			}
			continue
		}
		switch b[i] {
		case '"':
			if k.depth == 0 && k.begun {
				return i, true
			}
			k.inString = true
		case '{', '[':
			if k.depth == 0 && k.begun {
				return i, true
			}
			k.depth++
		case '}', ']':
			if k.depth == 0 {
				return i, true
			}
			if k.depth--; k.depth == 0 {
				return i + 1, true
			}
		case ',', ':', ' ', '\t', '\n', '\r':
			if k.depth == 0 {
				return i, true
			}
		default:
			if k.depth == 0 {
				k.begun = true
			}
		}
		i++
	}
	return len(b), false
}
