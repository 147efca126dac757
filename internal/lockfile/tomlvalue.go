package lockfile

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

func (r *tomlReader) value() *node {
	n := r.d.newNode(null, r.line)
	r.depth++
	defer func() { r.depth-- }()
	if r.depth > MaxDepth {
		r.d.failLimit(r.line, "nested deeper than %d", MaxDepth)
	}
	switch c := r.peek(); c {
	case '"', '\'':
		n.kind, n.text = text, r.str()
	case '[':
		n.kind, n.closed = list, true
		r.pos++
		for r.blank(true); r.peek() != ']' && r.d.err == nil; r.blank(true) {
			n.items = append(n.items, r.value())
			if r.blank(true); r.peek() == ',' {
				r.pos++
			} else if r.peek() != ']' {
				r.fail("found %q, want ',' or ']' in a list", r.peek())
			}
		}
		r.pos++
	case '{':
		n.kind = table
		r.pos++
		r.blank(false)
		for r.peek() != '}' && r.d.err == nil {
			r.pair(n)
			if r.blank(false); r.peek() == ',' {
				r.pos++
				if r.blank(false); r.peek() == '}' {
					r.fail("found '}' behind ',', want a name")
				}
			} else if r.peek() != '}' {
				r.fail("found %q, want ',' or '}' in a table", r.peek())
			}
		}
		n.seal()
		r.pos++
	default:
		r.plain(n)
	}
	return n
}

// seal closes an inline table and those that dotted names made in it.
func (n *node) seal() {
	n.closed = true
	for _, item := range n.items {
		if item.kind == table && !item.closed {
			item.seal()
		}
	}
}

// plain reads a boolean or a whole number.
func (r *tomlReader) plain(n *node) {
	start := r.pos
	for c := r.peek(); isNameByte(c) || c == '+' || c == ':'; c = r.peek() {
		r.pos++
	}
	switch s := r.data[start:r.pos]; s {
	case "true", "false":
		n.kind, n.text = boolean, s
	default:
		if _, err := strconv.ParseInt(s, 10, 64); err != nil {
			r.fail("found %.40q, want text, a list, a table, true, false or a whole number", s+string(r.rest(1)))
		}
		n.kind, n.text = number, s
	}
}

func (r *tomlReader) rest(n int) string {
	return r.data[r.pos:min(r.pos+n, len(r.data))]
}

// str reads a string on one line.
func (r *tomlReader) str() string {
	quote := r.data[r.pos]
	if strings.HasPrefix(r.data[r.pos:], strings.Repeat(string(quote), 3)) {
		r.fail("a string of several lines, which is not read")
		return ""
	}
	r.pos++
	start := r.pos
	for r.pos < len(r.data) {
		switch c := r.data[r.pos]; {
		case c == quote:
			r.pos++
			return r.data[start : r.pos-1]
		case c == '\\' && quote == '"':
			return r.escaped(start)
		case c < ' ' && c != '\t' || c == 0x7f:
			r.fail("a control character in a string")
			return ""
		}
		r.pos++
	}
	r.fail("a string without an end")
	return ""
}

// escaped goes on reading a string with escapes in it, which began at start.
func (r *tomlReader) escaped(start int) string {
	var b strings.Builder
	b.WriteString(r.data[start:r.pos])
	for r.pos < len(r.data) {
		c := r.data[r.pos]
		r.pos++
		switch {
		case c == '"':
			return b.String()
		case c < ' ' && c != '\t' || c == 0x7f:
			r.fail("a control character in a string")
			return ""
		case c != '\\':
			b.WriteByte(c)
			continue
		}
		e := r.peek()
		if e == 0 {
			break // the end, or an escaped zero, which is none
		}
		r.pos++
		if i := strings.IndexByte(`btnfr"\`, e); i >= 0 {
			b.WriteByte("\b\t\n\f\r\"\\"[i])
			continue
		}
		size := map[byte]int{'u': 4, 'U': 8}[e]
		digits := r.rest(size)
		value, err := strconv.ParseUint(digits, 16, 32)
		if size == 0 || len(digits) != size || err != nil || strings.ContainsAny(digits, "_+-") || !utf8.ValidRune(rune(value)) {
			r.fail("an escape that TOML does not know")
			return ""
		}
		r.pos += size
		b.WriteRune(rune(value))
	}
	r.fail("a string without an end")
	return ""
}
