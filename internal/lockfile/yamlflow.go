package lockfile

import (
	"strings"
)

// A yamlFlow reads a value on one line.
type yamlFlow struct {
	r    *yamlReader
	text string // what is left
	line int
}

func (f *yamlFlow) space() { f.text = strings.TrimLeft(f.text, " ") }

// value reads a scalar, or a flow mapping or list; inside says that it stands in one.
func (f *yamlFlow) value(depth int, inside bool) *node {
	n := f.r.d.newNode(text, f.line)
	if depth > MaxDepth {
		f.r.d.failLimit(f.line, "nested deeper than %d", MaxDepth)
	}
	if f.r.d.err != nil {
		return n
	}
	switch {
	case f.text == "":
		f.fail("found the end of the line, want a value")
	case f.text[0] == '"' || f.text[0] == '\'':
		var ok bool
		if n.text, f.text, ok = f.r.quoted(f.text); !ok {
			f.fail("a quoted text without an end, or with an escape that is not read")
		}
	case f.text[0] == '{' || f.text[0] == '[':
		f.several(n, depth)
	case !isPlain(f.text):
		f.fail("found %.80q, which is not read", f.text)
	default:
		f.plain(n, inside)
	}
	return n
}

// several reads {a: b, c: d} or [a, b].
func (f *yamlFlow) several(n *node, depth int) {
	end := byte(']')
	n.kind = list
	if f.text[0] == '{' {
		n.kind, end = table, '}'
	}
	f.text = f.text[1:]
	for f.space(); f.r.d.err == nil; f.space() {
		if f.text != "" && f.text[0] == end {
			f.text = f.text[1:]
			return
		}
		var name string
		if n.kind == table {
			k := f.value(depth+1, true)
			name = k.text
			if f.space(); f.r.d.err == nil && (k.kind != text || !strings.HasPrefix(f.text, ": ")) {
				f.fail("found %.80q, want ': ' behind a name", f.text)
			}
			if f.r.d.err != nil {
				return
			}
			f.text = f.text[2:]
			f.space()
		}
		v := f.value(depth+1, true)
		if n.kind == list {
			n.items = append(n.items, v)
		} else if f.r.d.err == nil && !n.put(name, v) {
			f.fail("%.80q is already there", name)
		}
		f.space()
		switch {
		case f.r.d.err != nil:
		case strings.HasPrefix(f.text, ","):
			f.text = f.text[1:]
		case f.text == "" || f.text[0] != end:
			f.fail("found %.80q, want ',' or %q", f.text, end)
		}
	}
}

// plain reads a scalar without quotes.
func (f *yamlFlow) plain(n *node, inside bool) {
	end := len(f.text)
	for i := range len(f.text) {
		c := f.text[i]
		if c == '#' && i > 0 && f.text[i-1] == ' ' ||
			inside && (strings.IndexByte(",[]{}", c) >= 0 || c == ':' && (i+1 == len(f.text) || f.text[i+1] == ' ')) {
			end = i
			break
		}
		if !inside && c == ':' && (i+1 == len(f.text) || f.text[i+1] == ' ') || c < ' ' {
			f.fail("found %.80q, want one value", f.text)
			return
		}
	}
	n.text, f.text = strings.TrimRight(f.text[:end], " "), f.text[end:]
	switch n.text {
	case "true", "false":
		n.kind = boolean
	case "null", "~":
		n.kind = null
	}
}
