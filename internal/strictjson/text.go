package strictjson

import (
	"encoding/binary"
	"unicode/utf8"
)

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
			n := Escape(s.data[i:])
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

// Escape is the length of the escape that s begins with, or 0: it is none that
// JSON knows, or half of a surrogate pair (RFC 8259, section 7).
func Escape[T string | []byte](s T) int {
	if len(s) < 2 {
		return 0
	}
	switch s[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		r := hex4(s[2:])
		switch {
		case r < 0, r >= 0xDC00 && r < 0xE000:
			return 0
		case r < 0xD800 || r >= 0xE000:
			return 6
		}
		if len(s) < 12 || s[6] != '\\' || s[7] != 'u' {
			return 0
		}
		if low := hex4(s[8:]); low < 0xDC00 || low >= 0xE000 {
			return 0
		}
		return 12
	}
	return 0
}

// hex4 reads four hexadecimal digits; it is negative if there are none.
func hex4[T string | []byte](s T) rune {
	if len(s) < 4 {
		return -1
	}
	var r rune
	for i := range 4 {
		c := s[i]
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

// Unescape appends what src, the content of a string whose escapes were checked
// by [Escape], means.
func Unescape[T string | []byte](dst []byte, src T) []byte {
	for len(src) > 0 {
		n := 0
		for n < len(src) && src[n] != '\\' {
			n++
		}
		if dst, src = append(dst, src[:n]...), src[n:]; len(src) == 0 {
			break
		}
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
		src = src[Escape(src):]
	}
	return dst
}
