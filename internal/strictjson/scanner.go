package strictjson

import (
	"bytes"
	"encoding/binary"
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
}

// A step is one step of the way: a member if index is negative.
type step struct {
	index int
	name  name
}

// A name is where the content of a member's name begins in the document. The
// top bit says that there are escapes in it. It has four bytes and no more,
// because there may be a million of them.
type name uint32

const escaped name = 1 << 31

// NewScanner returns a Scanner at the start of data.
func NewScanner(data []byte) *Scanner { return &Scanner{data: data} }

// bytesOf is the name, decoded into room if it has escapes.
func (s *Scanner) bytesOf(n name, room *[]byte) []byte {
	raw := s.data[n&^escaped:]
	end := bytes.IndexByte(raw, '"')
	if n&escaped == 0 {
		return raw[:end]
	}
	for end = 0; raw[end] != '"'; end++ {
		if raw[end] == '\\' {
			end++
		}
	}
	*room = unescape((*room)[:0], raw[:end])
	return *room
}

// is reports whether n is the name b.
func (s *Scanner) is(n name, b []byte) bool {
	if n&escaped != 0 {
		return bytes.Equal(s.bytesOf(n, &s.other), b)
	}
	if bytes.IndexByte(b, '"') >= 0 {
		return false // n has no escapes, so it has no quote
	}
	raw := s.data[n:]
	return bytes.HasPrefix(raw, b) && raw[len(b)] == '"'
}

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
		return unescape(nil, s.data[start:end]), nil
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

// name reads the name of a member.
func (s *Scanner) name() (name, []byte, error) {
	if s.Kind() != '"' {
		return 0, nil, s.errorAt(s.pos, false, "want a member's name, found %s", s.found())
	}
	start := s.pos + 1
	end, hasEscapes, err := s.str()
	if err != nil {
		return 0, nil, err
	}
	if hasEscapes {
		from := len(s.text)
		s.text = unescape(s.text, s.data[start:end])
		return name(start) | escaped, s.text[from:], nil
	}
	return name(start), s.data[start:end], nil
}

// members are the names of one object so far.
type members struct {
	base  int    // where they begin in the Scanner's names, while they are few
	count int    // how many are in table
	table []name // once they are many: by their hash, 0 where there is none
}

// small is how many names are compared one by one before a table pays.
const small = 8

// add notes a name, and reports whether it is new in its object. The time is
// linear in the size of the document, for any document: the hash is seeded at
// random.
func (s *Scanner) add(m *members, n name, b []byte) bool {
	own := s.names[m.base:]
	if m.table == nil && len(own) < small {
		for _, o := range own {
			if s.is(o, b) {
				return false
			}
		}
		s.names = append(s.names, n)
		return true
	}
	if m.table == nil {
		if s.seed == (maphash.Seed{}) {
			s.seed = maphash.MakeSeed()
		}
		m.table = make([]name, 4*small)
		for _, o := range own {
			s.place(m, o, s.bytesOf(o, &s.one))
		}
		s.names = s.names[:m.base]
	}
	if 4*m.count >= 3*len(m.table) {
		old := m.table
		m.table, m.count = make([]name, 2*len(old)), 0
		for _, o := range old {
			if o != 0 {
				s.place(m, o, s.bytesOf(o, &s.one))
			}
		}
	}
	return s.place(m, n, b)
}

// place puts a name into the table, whose length is a power of two, and
// reports whether it was not there.
func (s *Scanner) place(m *members, n name, b []byte) bool {
	mask := uint64(len(m.table) - 1)
	for at := maphash.Bytes(s.seed, b) & mask; ; at = (at + 1) & mask {
		if m.table[at] == 0 {
			m.table[at] = n
			m.count++
			return true
		}
		if s.is(m.table[at], b) {
			return false
		}
	}
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

// str reads the string at the place and returns where its content ends.
func (s *Scanner) str() (end int, escaped bool, err error) {
	i := s.pos + 1
	for {
		for i+8 <= len(s.data) && !special(binary.LittleEndian.Uint64(s.data[i:])) {
			i += 8
		}
		if i >= len(s.data) {
			return 0, false, s.errorAt(len(s.data), false, "want the end of a string, found the end of the document")
		}
		switch c := s.data[i]; {
		case c == '"':
			s.pos = i + 1
			return i, escaped, nil
		case c == '\\':
			escaped = true
			n := escape(s.data[i:])
			if n == 0 {
				return 0, false, s.errorAt(i, false, "an escape that JSON does not know, or half of a surrogate pair")
			}
			i += n
		case c < ' ':
			return 0, false, s.errorAt(i, false, "a control character %q in a string", rune(c))
		case c < utf8.RuneSelf:
			i++
		default:
			r, size := utf8.DecodeRune(s.data[i:])
			if r == utf8.RuneError && size < 2 {
				return 0, false, s.errorAt(i, false, "a string that is not UTF-8")
			}
			i += size
		}
	}
}

// special reports whether any of eight bytes is a quote, a backslash, a control
// character or outside ASCII; it may say so of a byte after one that is.
func special(x uint64) bool {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	quotes := x ^ '"'*ones
	slashes := x ^ '\\'*ones
	return (x|(x-' '*ones)&^x|(quotes-ones)&^quotes|(slashes-ones)&^slashes)&tops != 0
}

// escape returns the length of the escape that b begins with, or 0.
func escape(b []byte) int {
	if len(b) < 2 {
		return 0
	}
	switch b[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		r := hex4(b[2:])
		switch {
		case r < 0, r >= 0xDC00 && r < 0xE000:
			return 0
		case r < 0xD800 || r >= 0xE000:
			return 6
		}
		if len(b) < 12 || b[6] != '\\' || b[7] != 'u' {
			return 0
		}
		if low := hex4(b[8:]); low < 0xDC00 || low >= 0xE000 {
			return 0
		}
		return 12
	}
	return 0
}

// hex4 reads four hexadecimal digits; it is negative if there are none.
func hex4(b []byte) rune {
	if len(b) < 4 {
		return -1
	}
	var r rune
	for _, c := range b[:4] {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return -1
		}
		r = r<<4 | rune(c)
	}
	return r
}

// unescape appends what src, the checked content of a string, means.
func unescape(dst, src []byte) []byte {
	for len(src) > 0 {
		n := bytes.IndexByte(src, '\\')
		if n < 0 {
			return append(dst, src...)
		}
		dst = append(dst, src[:n]...)
		src = src[n:]
		switch src[1] {
		case 'b':
			dst = append(dst, '\b')
		case 'f':
			dst = append(dst, '\f')
		case 'n':
			dst = append(dst, '\n')
		case 'r':
			dst = append(dst, '\r')
		case 't':
			dst = append(dst, '\t')
		case 'u':
			r := hex4(src[2:])
			if r >= 0xD800 && r < 0xE000 {
				r = 0x10000 + (r-0xD800)<<10 + (hex4(src[8:]) - 0xDC00)
			}
			dst = utf8.AppendRune(dst, r)
		default:
			dst = append(dst, src[1])
		}
		src = src[escape(src):]
	}
	return dst
}
