package strictjson

import (
	"bytes"
	"hash/maphash"
	"unicode/utf8"
)

// A Scanner reads one document value by value and checks all of it on the way.
// The slices it returns are parts of the document where they can be: they must
// not be changed. After an error a Scanner is of no more use.
type Scanner struct {
	data  []byte
	pos   int
	start int    // where the name of the member being read stands
	depth int    // of open arrays and objects
	count int    // members and elements so far
	path  []step // the way to the value being read
	names []name // the names of the open objects that are small, outermost first
	seed  maphash.Seed

	text       []byte // names that had escapes and are being read, decoded
	one, other []byte // room for decoding names to compare them

	inner *Error // while looking for the value that a type refused: the reason
}

// A step is one step of the way: a member if index is negative.
type step struct {
	index int
	name  name
}

// NewScanner returns a Scanner at the start of data.
func NewScanner(data []byte) *Scanner { return &Scanner{data: data} }

// Kind skips white space and says what comes next: one of { [ " 0 t n, for an
// object, array, string, number, boolean and null, or 0 for anything else.
func (s *Scanner) Kind() byte {
	s.space()
	if s.pos >= len(s.data) {
		return 0
	}
	switch c := s.data[s.pos]; c {
	case '{', '[', '"', 'n', 't':
		return c
	case 'f':
		return 't'
	case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		return '0'
	}
	return 0
}

// Offset is how far the document has been read.
func (s *Scanner) Offset() int { return s.pos }

// Fail makes an error about the value that comes next, or has just been read.
func (s *Scanner) Fail(format string, args ...any) error {
	return s.errorAt(s.pos, false, format, args...)
}

// FailName is Fail for the name of the member that is being read.
func (s *Scanner) FailName(format string, args ...any) error {
	return s.errorAt(s.start, false, format, args...)
}

// FailLimit is Fail for what is over a limit.
func (s *Scanner) FailLimit(format string, args ...any) error {
	return s.errorAt(s.pos, true, format, args...)
}

// End reports whether nothing but white space is left.
func (s *Scanner) End() error {
	s.space()
	if s.pos < len(s.data) {
		return s.errorAt(s.pos, false, "want the end, found %s after the value", s.found())
	}
	return nil
}

// Object reads an object and calls member for each of its members. member must
// read the value. The name is valid until it returns.
func (s *Scanner) Object(member func(name []byte) error) error {
	if s.Kind() != '{' {
		return s.errorAt(s.pos, false, "want an object, found %s", s.found())
	}
	if err := s.open(); err != nil {
		return err
	}
	seen, text := members{base: len(s.names)}, len(s.text)
	s.depth++
	top := len(s.path)
	for first := true; ; first = false {
		s.path, s.text = s.path[:top], s.text[:text]
		if done, err := s.next('}', first); done || err != nil {
			s.names = s.names[:seen.base]
			s.depth--
			return err
		}
		s.space()
		start := s.pos
		n, b, err := s.name()
		if err != nil {
			return err
		}
		if !s.add(&seen, n, b) {
			return s.errorAt(start, false, "duplicate member %q", b)
		}
		s.path = append(s.path, step{index: -1, name: n})
		s.start = start
		if s.space(); s.pos >= len(s.data) || s.data[s.pos] != ':' {
			return s.errorAt(s.pos, false, "want ':' after a member's name, found %s", s.found())
		}
		s.pos++
		if err := member(b); err != nil {
			return err
		}
	}
}

// Array reads an array and calls element for each of its elements, which must read it.
func (s *Scanner) Array(element func(i int) error) error {
	if s.Kind() != '[' {
		return s.errorAt(s.pos, false, "want an array, found %s", s.found())
	}
	if err := s.open(); err != nil {
		return err
	}
	s.depth++
	top := len(s.path)
	for i := 0; ; i++ {
		s.path = s.path[:top]
		if done, err := s.next(']', i == 0); done || err != nil {
			s.depth--
			return err
		}
		s.path = append(s.path, step{index: i})
		if err := element(i); err != nil {
			return err
		}
	}
}

// String reads a string.
func (s *Scanner) String() ([]byte, error) {
	if s.Kind() != '"' {
		return nil, s.errorAt(s.pos, false, "want a string, found %s", s.found())
	}
	start := s.pos + 1
	end, hasEscapes, err := s.str()
	if err != nil {
		return nil, err
	}
	if hasEscapes {
		return Unescape(nil, s.data[start:end]), nil
	}
	return s.data[start:end], nil
}

// LongString reads a string that is meant for a decoder which refuses
// everything outside a small alphabet, base64 above all. plain is what stands
// between the quotes, not checked at all, and is only to be used if the decoder
// takes it. It is nil if there is a backslash before the closing quote: then
// the string has been read as by String, and decoded holds it.
func (s *Scanner) LongString() (plain, decoded []byte, err error) {
	if s.Kind() != '"' {
		return nil, nil, s.errorAt(s.pos, false, "want a string, found %s", s.found())
	}
	start := s.pos + 1
	// Piece by piece, so that the second search finds its piece in the cache.
	for at := start; at < len(s.data); {
		piece := s.data[at:min(at+32<<10, len(s.data))]
		n := bytes.IndexByte(piece, '"')
		if n >= 0 {
			piece = piece[:n]
		}
		if bytes.IndexByte(piece, '\\') >= 0 {
			decoded, err = s.String()
			return nil, decoded, err
		}
		at += len(piece)
		if n >= 0 {
			s.pos = at + 1
			return s.data[start:at:at], nil, nil
		}
	}
	return nil, nil, s.errorAt(len(s.data), false, "want the end of a string, found the end of the document")
}

// Raw reads any value and returns its bytes.
func (s *Scanner) Raw() ([]byte, error) {
	s.space()
	start := s.pos
	err := s.value(nil)
	return s.data[start:s.pos:s.pos], err
}

// Skip reads any value.
func (s *Scanner) Skip() error { return s.value(nil) }

// open enters an object or an array.
func (s *Scanner) open() error {
	if s.depth >= MaxDepth {
		return s.errorAt(s.pos, true, "nested deeper than %d", MaxDepth)
	}
	if len(s.data) > MaxSize {
		return s.errorAt(0, true, "%d bytes, want at most %d", len(s.data), MaxSize)
	}
	s.pos++
	return nil
}

// next moves to the next member or element, or past the end of its holder.
func (s *Scanner) next(end byte, first bool) (done bool, err error) {
	s.space()
	if s.pos < len(s.data) && s.data[s.pos] == end {
		s.pos++
		return true, nil
	}
	if !first {
		if s.pos >= len(s.data) || s.data[s.pos] != ',' {
			return false, s.errorAt(s.pos, false, "want ',' or %q, found %s", end, s.found())
		}
		s.pos++
	}
	if s.count++; s.count > MaxMembers {
		return false, s.errorAt(s.pos, true, "more than %d members", MaxMembers)
	}
	return false, nil
}

func (s *Scanner) space() {
	for s.pos < len(s.data) {
		switch s.data[s.pos] {
		case ' ', '\t', '\n', '\r':
			s.pos++
		default:
			return
		}
	}
}

// found says what stands at the place, for an error.
func (s *Scanner) found() string {
	if s.pos >= len(s.data) {
		return "the end of the document"
	}
	switch s.Kind() {
	case '{':
		return "an object"
	case '[':
		return "an array"
	case '"':
		return "a string"
	case '0':
		return "a number"
	}
	rest := s.data[s.pos:]
	if bytes.HasPrefix(rest, []byte("null")) {
		return "null"
	}
	if bytes.HasPrefix(rest, []byte("true")) || bytes.HasPrefix(rest, []byte("false")) {
		return "a boolean"
	}
	if bytes.HasPrefix(rest, []byte("\ufeff")) {
		return "a byte order mark"
	}
	r, size := utf8.DecodeRune(rest)
	if r == utf8.RuneError && size < 2 {
		return "bytes that are not UTF-8"
	}
	return quote(string(r))
}
