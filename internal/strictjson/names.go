package strictjson

import (
	"bytes"
	"hash/maphash"
)

// A name is where the content of a member's name begins in the document. The
// top bit says that there are escapes in it. It has four bytes and no more,
// because there may be a million of them.
type name uint32

const escaped name = 1 << 31

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
		s.text = Unescape(s.text, s.data[start:end])
		return name(start) | escaped, s.text[from:], nil
	}
	return name(start), s.data[start:end], nil
}

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
	*room = Unescape((*room)[:0], raw[:end])
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
