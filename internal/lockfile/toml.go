package lockfile

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// A tomlReader reads TOML 1.0 as lock files use it: tables, lists of tables, lists,
// inline tables, strings on one line, booleans, whole numbers. Strings of several
// lines, dates and broken numbers are refused, and so is everything that TOML
// itself refuses: a key twice, a table that is opened twice.
type tomlReader struct {
	d     *doc
	data  string
	pos   int
	line  int
	depth int
}

// toml reads the document as TOML. It is nil after an error.
func (d *doc) toml() *node {
	if !utf8.Valid(d.data) {
		line := 1 + bytes.Count(d.data[:validPrefix(d.data)], []byte("\n"))
		d.fail(line, "text that is not UTF-8")
		return nil
	}
	r := &tomlReader{d: d, data: string(d.data), line: 1}
	root := d.newNode(table, 1)
	at := root
	for d.err == nil {
		r.blank(true)
		if r.pos == len(r.data) {
			return root
		}
		if r.data[r.pos] == '[' {
			at = r.header(root)
		} else {
			r.pair(at)
		}
		r.endOfLine()
	}
	return nil
}

// validPrefix is how many bytes of data are UTF-8.
func validPrefix(data []byte) int {
	n := 0
	for n < len(data) {
		r, size := utf8.DecodeRune(data[n:])
		if r == utf8.RuneError && size < 2 {
			break
		}
		n += size
	}
	return n
}

func (r *tomlReader) fail(format string, args ...any) { r.d.fail(r.line, format, args...) }

// peek is the next byte, 0 at the end and after an error.
func (r *tomlReader) peek() byte {
	if r.pos < len(r.data) && r.d.err == nil {
		return r.data[r.pos]
	}
	return 0
}

// blank skips white space and, where lines may end, newlines and comments.
func (r *tomlReader) blank(lines bool) {
	for r.pos < len(r.data) && r.d.err == nil {
		switch c := r.data[r.pos]; {
		case c == ' ' || c == '\t':
			r.pos++
		case c == '#' && lines:
			r.comment()
		case c == '\n' && lines:
			r.pos++
			r.line++
		case c == '\r' && lines && strings.HasPrefix(r.data[r.pos:], "\r\n"):
			r.pos++
		default:
			return
		}
	}
}

// comment skips to the end of the line.
func (r *tomlReader) comment() {
	for r.pos < len(r.data) && r.data[r.pos] != '\n' {
		if c := r.data[r.pos]; (c < ' ' && c != '\t' && c != '\r') || c == 0x7f {
			r.fail("a control character in a comment")
			return
		}
		r.pos++
	}
}

func (r *tomlReader) endOfLine() {
	r.blank(false)
	switch c := r.peek(); {
	case c == '#':
		r.comment()
	case c == '\r' && strings.HasPrefix(r.data[r.pos:], "\r\n"), c == '\n', r.pos == len(r.data):
	default:
		r.fail("found %q, want the end of the line", c)
	}
}

// header reads [a.b] or [[a.b]] and returns the table that follows.
func (r *tomlReader) header(root *node) *node {
	r.pos++
	several := r.peek() == '['
	if several {
		r.pos++
	}
	keys := r.keys()
	for _, want := range "]]"[:1+btoi(several)] {
		if r.peek() != byte(want) {
			r.fail("found no %q behind the name of a table", want)
			return root
		}
		r.pos++
	}
	at := root
	for _, key := range keys[:max(len(keys)-1, 0)] {
		at = r.into(at, key)
	}
	if r.d.err != nil {
		return root
	}
	key := keys[len(keys)-1]
	n := at.get(key)
	if several {
		if n == nil {
			n = r.d.newNode(list, r.line)
			at.put(key, n)
		}
		if n.kind != list || n.closed {
			r.fail("%q is already there, and is no list of tables", key)
			return root
		}
		item := r.d.newNode(table, r.line)
		n.items = append(n.items, item)
		return item
	}
	if n == nil {
		n = r.d.newNode(table, r.line)
		at.put(key, n)
	} else if n.kind != table || n.closed || !n.implied {
		r.fail("%q is already there", key)
		return root
	}
	n.implied = false
	return n
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// into is the table under key, made if there is none; of a list of tables the last.
func (r *tomlReader) into(at *node, key string) *node {
	if r.d.err != nil {
		return at
	}
	n := at.get(key)
	switch {
	case n == nil:
		n = r.d.newNode(table, r.line)
		n.implied = true
		at.put(key, n)
	case n.kind == list && !n.closed && len(n.items) > 0:
		n = n.items[len(n.items)-1]
	case n.kind != table || n.closed:
		r.fail("%q is already there, and is no table", key)
	}
	return n
}

// keys reads a.b."c".
func (r *tomlReader) keys() []string {
	var keys []string
	for r.d.err == nil {
		r.blank(false)
		switch c := r.peek(); {
		case c == '"' || c == '\'':
			keys = append(keys, r.str())
		default:
			start := r.pos
			for isNameByte(r.peek()) && r.peek() != '.' {
				r.pos++
			}
			if start == r.pos {
				r.fail("found %q, want a name", c)
				return keys
			}
			keys = append(keys, r.data[start:r.pos])
		}
		if len(keys) > MaxDepth {
			r.d.failLimit(r.line, "nested deeper than %d", MaxDepth)
		}
		r.blank(false)
		if r.peek() != '.' {
			return keys
		}
		r.pos++
	}
	return keys
}

// pair reads key = value into at.
func (r *tomlReader) pair(at *node) {
	line := r.line
	keys := r.keys()
	if r.peek() != '=' {
		r.fail("found %q, want '=' behind a name", r.peek())
		return
	}
	r.pos++
	for _, key := range keys[:len(keys)-1] {
		if n := at.get(key); n != nil && (n.kind != table || !n.implied) {
			r.fail("%q is already there", key)
			return
		}
		at = r.into(at, key)
	}
	r.blank(false)
	value := r.value()
	if r.d.err != nil {
		return
	}
	value.line = line
	if key := keys[len(keys)-1]; !at.put(key, value) {
		r.d.fail(line, "%q is already there", key)
	}
}
