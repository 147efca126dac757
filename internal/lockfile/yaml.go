package lockfile

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// A yamlReader reads the YAML that lock files are written in: block mappings and
// lists by indentation, flow ones on one line, plain and quoted scalars on one line,
// and block scalars. Anchors, aliases, tags, directives, several documents and tabs
// are refused. true, false and null are themselves, everything else is text: no
// number is made of a version.
type yamlReader struct {
	d     *doc
	lines []yamlLine
	at    int
}

// A yamlLine is one that holds something.
type yamlLine struct {
	number int
	indent int
	text   string // without indentation and comment
	raw    string // as it is
}

// yaml reads the document as YAML. It is nil after an error.
func (d *doc) yaml() *node {
	if !utf8.Valid(d.data) {
		d.fail(1+bytes.Count(d.data[:validPrefix(d.data)], []byte("\n")), "text that is not UTF-8")
		return nil
	}
	r := &yamlReader{d: d}
	number := 0
	for raw := range strings.SplitSeq(string(d.data), "\n") {
		number++
		raw = strings.TrimSuffix(raw, "\r")
		if len(raw) > MaxText {
			d.failLimit(number, "a line of more than %d bytes", MaxText)
			return nil
		}
		if number == 1 && strings.TrimSpace(raw) == "---" {
			continue
		}
		text := strings.TrimLeft(raw, " ")
		r.lines = append(r.lines, yamlLine{number, len(raw) - len(text), text, raw})
		if len(r.lines) > MaxNodes {
			d.failLimit(number, "more than %d lines", MaxNodes)
			return nil
		}
	}
	r.skip()
	if r.at == len(r.lines) {
		return d.newNode(null, 1)
	}
	n := r.block(r.lines[r.at].indent, 0)
	if r.skip(); r.at < len(r.lines) {
		r.fail("found %.80q, want the end, or a line that is indented as the ones before it", r.lines[r.at].text)
	}
	if d.err != nil {
		return nil
	}
	return n
}

func (r *yamlReader) fail(format string, args ...any) {
	number := 1
	if len(r.lines) > 0 {
		number = r.lines[min(r.at, len(r.lines)-1)].number
	}
	r.d.fail(number, format, args...)
}

// skip goes to the next line that holds something.
func (r *yamlReader) skip() {
	for r.at < len(r.lines) && (r.lines[r.at].text == "" || r.lines[r.at].text[0] == '#') {
		r.at++
	}
}

// block reads the mapping or list whose lines have this indentation.
func (r *yamlReader) block(indent, depth int) *node {
	l := r.lines[r.at]
	if depth > MaxDepth {
		r.d.failLimit(l.number, "nested deeper than %d", MaxDepth)
		return r.d.newNode(null, l.number)
	}
	n := r.d.newNode(table, l.number)
	isList := isItem(l.text)
	if isList {
		n.kind = list
	}
	for r.d.err == nil {
		if r.skip(); r.at == len(r.lines) || r.lines[r.at].indent < indent {
			break
		}
		l := r.lines[r.at]
		switch {
		case l.indent > indent:
			r.fail("it is indented by %d, want %d", l.indent, indent)
		case isList != isItem(l.text):
			if isList {
				return n // a list may stand as far left as the name that holds it
			}
			r.fail("found an item of a list in a mapping")
		case isList:
			n.items = append(n.items, r.item(l, depth))
		default:
			r.pair(n, l, depth)
		}
	}
	return n
}

func isItem(text string) bool { return text == "-" || strings.HasPrefix(text, "- ") }

// item reads one item of a list.
func (r *yamlReader) item(l yamlLine, depth int) *node {
	rest := strings.TrimLeft(strings.TrimPrefix(l.text, "-"), " ")
	if rest == "" || rest[0] == '#' {
		r.at++
		return r.below(l, l.indent+1, depth)
	}
	if _, _, ok := r.key(rest); ok {
		// A mapping that begins on the line of its hyphen.
		indent := l.indent + len(l.text) - len(rest)
		r.lines[r.at] = yamlLine{l.number, indent, rest, l.raw}
		return r.block(indent, depth+1)
	}
	r.at++
	return r.scalar(rest, l, depth)
}

// pair reads one "name: value" into n.
func (r *yamlReader) pair(n *node, l yamlLine, depth int) {
	text := l.text
	long, complexKey := strings.CutPrefix(text, "? ")
	var name, rest string
	var ok bool
	if complexKey {
		// A name that is too long for the line of its value.
		name, rest, ok = r.key(strings.TrimSpace(long) + ":")
		ok = ok && rest == ""
		if r.at+1 < len(r.lines) && ok {
			next := r.lines[r.at+1]
			ok = next.indent == l.indent && strings.HasPrefix(next.text, ":")
			rest = strings.TrimLeft(strings.TrimPrefix(next.text, ":"), " ")
			r.at++
		}
	} else {
		name, rest, ok = r.key(text)
	}
	if !ok {
		r.fail("found %.80q, want NAME: VALUE", text)
		return
	}
	var value *node
	if rest == "" || rest[0] == '#' {
		r.at++
		value = r.below(l, l.indent, depth)
	} else {
		r.at++
		value = r.scalar(rest, l, depth)
	}
	if r.d.err == nil && !n.put(name, value) {
		r.d.fail(l.number, "%.80q is already there", name)
	}
	value.line = l.number
}

// below reads what stands on the lines under a name or a hyphen; a list may be
// indented as the name is.
func (r *yamlReader) below(l yamlLine, indent, depth int) *node {
	r.skip()
	if r.at < len(r.lines) {
		next := r.lines[r.at]
		if next.indent > l.indent || next.indent == indent && isItem(next.text) && !isItem(l.text) {
			return r.block(next.indent, depth+1)
		}
	}
	return r.d.newNode(null, l.number)
}

// key splits "name: value" into its parts. ok is false if there is no name.
func (r *yamlReader) key(text string) (name, rest string, ok bool) {
	switch text[0] {
	case '"', '\'':
		name, rest, ok = r.quoted(text)
		if !ok || !strings.HasPrefix(rest, ":") {
			return "", "", false
		}
		rest = rest[1:]
	default:
		if !isPlain(text) {
			return "", "", false
		}
		i := strings.Index(text, ": ")
		if i < 0 {
			if !strings.HasSuffix(text, ":") {
				return "", "", false
			}
			i = len(text) - 1
		}
		name, rest = strings.TrimRight(text[:i], " "), text[i+1:]
		if strings.Contains(name, " #") {
			return "", "", false
		}
	}
	if rest != "" && rest[0] != ' ' {
		return "", "", false
	}
	return name, strings.TrimLeft(rest, " "), name != ""
}

// isPlain reports whether text begins as a plain scalar may.
func isPlain(text string) bool {
	if text == "" || strings.IndexByte("\t,[]{}#&*!|>'\"%@`", text[0]) >= 0 {
		return false
	}
	return strings.IndexByte("-?:", text[0]) < 0 || len(text) > 1 && text[1] != ' '
}

// quoted reads a quoted scalar at the start of text.
func (r *yamlReader) quoted(text string) (value, rest string, ok bool) {
	var b strings.Builder
	quote := text[0]
	for i := 1; i < len(text); i++ {
		c := text[i]
		switch {
		case c == quote && quote == '\'' && strings.HasPrefix(text[i+1:], "'"):
			b.WriteByte('\'')
			i++
		case c == quote:
			return b.String(), text[i+1:], true
		case c == '\\' && quote == '"':
			i++
			if i == len(text) {
				return "", "", false
			}
			at := strings.IndexByte(`0abtnvfre "/\`, text[i])
			if at < 0 {
				return "", "", false // by number: no lock file has such characters
			}
			b.WriteByte("\x00\a\b\t\n\v\f\r\x1b \"/\\"[at])
		default:
			b.WriteByte(c)
		}
	}
	return "", "", false
}

// scalar reads a value that begins on the line of its name or hyphen.
func (r *yamlReader) scalar(rest string, l yamlLine, depth int) *node {
	if rest[0] == '|' || rest[0] == '>' {
		return r.folded(rest, l)
	}
	f := yamlFlow{r: r, text: rest, line: l.number}
	n := f.value(depth+1, false)
	f.space()
	if r.d.err == nil && f.text != "" && (f.text[0] != '#' || len(f.text) == len(rest) || rest[len(rest)-len(f.text)-1] != ' ') {
		r.d.fail(l.number, "found %.80q behind a value", f.text)
	}
	return n
}

// folded reads a block scalar. Its lines are kept as they are.
func (r *yamlReader) folded(rest string, l yamlLine) *node {
	n := r.d.newNode(text, l.number)
	if strings.Trim(rest[1:], "+-") != "" || len(rest) > 2 {
		r.d.fail(l.number, "found %.80q, want | or >, and - or + behind it", rest)
		return n
	}
	var lines []string
	for ; r.at < len(r.lines); r.at++ {
		next := r.lines[r.at]
		if next.text != "" && next.indent <= l.indent {
			break
		}
		lines = append(lines, next.text)
	}
	n.text = strings.TrimSpace(strings.Join(lines, "\n"))
	return n
}

func (f *yamlFlow) fail(format string, args ...any) { f.r.d.fail(f.line, format, args...) }
