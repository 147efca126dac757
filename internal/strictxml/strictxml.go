// Package strictxml reads XML that strangers wrote, into a tree. It is XML 1.0
// with namespaces, and less: UTF-8 and nothing else, no document type, so no
// entities but the five that are predefined, and no processing instructions.
// What it accepts every other parser should read the same way; it bounds depth
// and count.
package strictxml

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// The limits. A document over one of them is refused as soon as it is seen to be.
const (
	// MaxDepth is how deep elements may nest.
	MaxDepth = 64
	// MaxNodes is how many elements and attributes a document may have in all.
	MaxNodes = 1_000_000
	// MaxAttributes is how many attributes one element may have.
	MaxAttributes = 256
)

// ErrLimit is what errors.Is finds in an error about a limit.
var ErrLimit = errors.New("over a limit")

// A Name is a name with its namespace, "" for none.
type Name struct{ Space, Local string }

// An Attr is an attribute. Declarations of namespaces are none.
type Attr struct {
	Name  Name
	Value string
}

// An Element is one element.
type Element struct {
	Name     Name
	Attrs    []Attr
	Children []*Element
	Text     string // all text that stands directly in it
	Line     int    // from 1
}

// An Error says where a document is refused, and why.
type Error struct {
	Line, Column int // from 1, the column in bytes
	Msg          string

	limit bool
}

func (e *Error) Error() string {
	return fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, e.Msg)
}

// Is reports whether e is about a limit, if target is [ErrLimit].
func (e *Error) Is(target error) bool { return target == ErrLimit && e.limit }

// Parse reads a document and returns its root. The error is an [*Error].
func Parse(data []byte) (root *Element, err error) {
	p := &parser{data: data, line: 1}
	defer func() {
		if failed := recover(); failed != nil {
			e, ours := failed.(*Error)
			if !ours {
				panic(failed)
			}
			root, err = nil, e
		}
	}()
	return p.document(), nil
}

// A parser is somewhere in a document. Its methods panic with an *Error, which
// Parse returns.
type parser struct {
	data    []byte
	pos     int
	line    int
	counted int // up to where lines have been counted
	nodes   int
	spaces  []binding // the prefixes in force, innermost last
}

type binding struct{ prefix, space string }

const (
	xmlSpace   = "http://www.w3.org/XML/1998/namespace"
	xmlnsSpace = "http://www.w3.org/2000/xmlns/"
)

// lineOf counts the lines before pos, from where it counted last.
func (p *parser) lineOf(pos int) int {
	p.line += bytes.Count(p.data[p.counted:pos], []byte("\n"))
	p.counted = pos
	return p.line
}

// place is the line and column of pos.
func (p *parser) place(pos int) (line, column int) {
	return 1 + bytes.Count(p.data[:pos], []byte("\n")), pos - bytes.LastIndexByte(p.data[:pos], '\n')
}

func (p *parser) failAt(pos int, format string, args ...any) {
	line, column := p.place(min(pos, len(p.data)))
	panic(&Error{Line: line, Column: column, Msg: fmt.Sprintf(format, args...)})
}

func (p *parser) fail(format string, args ...any) { p.failAt(p.pos, format, args...) }

func (p *parser) limit(format string, args ...any) {
	line, column := p.place(p.pos)
	panic(&Error{Line: line, Column: column, Msg: fmt.Sprintf(format, args...), limit: true})
}

func (p *parser) has(s string) bool { return bytes.HasPrefix(p.data[p.pos:], []byte(s)) }

func (p *parser) skip(s string) bool {
	if p.has(s) {
		p.pos += len(s)
		return true
	}
	return false
}

// found says what stands at the place.
func (p *parser) found() string {
	if p.pos >= len(p.data) {
		return "the end of the document"
	}
	r, size := utf8.DecodeRune(p.data[p.pos:])
	if r == utf8.RuneError && size < 2 {
		return "bytes that are not UTF-8"
	}
	return fmt.Sprintf("%q", string(r))
}

func (p *parser) white() (any bool) {
	for p.pos < len(p.data) {
		switch p.data[p.pos] {
		case ' ', '\t', '\r', '\n':
			p.pos++
			any = true
		default:
			return any
		}
	}
	return any
}

func (p *parser) document() *Element {
	p.skip("\ufeff")
	p.declaration()
	p.misc()
	if p.pos >= len(p.data) || p.data[p.pos] != '<' {
		p.fail("want an element, found %s", p.found())
	}
	root := p.element(0)
	p.misc()
	if p.pos < len(p.data) {
		p.fail("want the end of the document, found %s", p.found())
	}
	return root
}

// misc skips white space and comments, and refuses what may stand beside them.
func (p *parser) misc() {
	for {
		p.white()
		switch {
		case p.has("<!--"):
			p.comment()
		case p.has("<!"):
			p.fail("a document type is not read: entities can be anything")
		case p.has("<?"):
			p.fail("a processing instruction is not read")
		default:
			return
		}
	}
}

func (p *parser) comment() {
	start := p.pos
	p.pos += len("<!--")
	n := bytes.Index(p.data[p.pos:], []byte("--"))
	if n < 0 {
		p.failAt(start, "a comment does not end")
	}
	p.checkChars(p.data[p.pos:p.pos+n], p.pos)
	p.pos += n
	if !p.skip("-->") {
		p.fail("want '-->', found '--' in a comment")
	}
}

// declaration reads "<?xml version="1.0" encoding="UTF-8"?>", if it is there.
func (p *parser) declaration() {
	if !p.has("<?xml ") && !p.has("<?xml\t") && !p.has("<?xml\r") && !p.has("<?xml\n") {
		return
	}
	p.pos += len("<?xml")
	part := func(name string, valid func(string) bool, want string) bool {
		start := p.pos
		if !p.white() || !p.has(name) {
			p.pos = start
			return false
		}
		p.pos += len(name)
		p.white()
		if !p.skip("=") {
			p.fail("want '=', found %s", p.found())
		}
		p.white()
		at := p.pos
		if p.pos >= len(p.data) || p.data[p.pos] != '"' && p.data[p.pos] != '\'' {
			p.fail("want a quote, found %s", p.found())
		}
		end := bytes.IndexByte(p.data[p.pos+1:], p.data[p.pos])
		if end < 0 || end > 64 {
			p.failAt(at, "a value in the declaration does not end")
		}
		value := string(p.data[p.pos+1 : p.pos+1+end])
		p.pos += end + 2
		if !valid(value) {
			p.failAt(at, "%s is %q, want %s", name, value, want)
		}
		return true
	}
	if !part("version", func(s string) bool { return s == "1.0" }, `"1.0"`) {
		p.fail("want version in the declaration, found %s", p.found())
	}
	part("encoding", func(s string) bool { return strings.EqualFold(s, "UTF-8") || strings.EqualFold(s, "US-ASCII") }, `"UTF-8"`)
	part("standalone", func(s string) bool { return s == "yes" || s == "no" }, `"yes" or "no"`)
	p.white()
	if !p.skip("?>") {
		p.fail("want '?>', found %s", p.found())
	}
}

// element reads an element, from its '<'.
func (p *parser) element(depth int) *Element {
	if depth >= MaxDepth {
		p.limit("elements nest deeper than %d", MaxDepth)
	}
	start := p.pos
	e := &Element{}
	e.Line = p.lineOf(p.pos)
	p.pos++
	name := p.name()
	scope := len(p.spaces)
	attrs, empty := p.attributes()
	e.Name = p.resolve(name, true, start)
	e.Attrs = p.names(attrs)
	if !empty {
		p.content(e, depth)
		if end := p.pos; p.name() != name {
			p.failAt(end, "want </%s>, found another end", name)
		}
		p.white()
		if !p.skip(">") {
			p.fail("want '>', found %s", p.found())
		}
	}
	p.spaces = p.spaces[:scope]
	return e
}

// An attribute as it is written.
type attribute struct {
	name, value string
	at          int
}

// attributes reads up to the end of a start tag, and takes the declarations of
// namespaces out.
func (p *parser) attributes() (list []attribute, empty bool) {
	for {
		space := p.white()
		switch {
		case p.skip("/>"):
			return list, true
		case p.skip(">"):
			return list, false
		case !space:
			p.fail("want '>' or white space, found %s", p.found())
		}
		if p.nodes++; p.nodes > MaxNodes || len(list) >= MaxAttributes {
			p.limit("more than %d attributes, or %d nodes", MaxAttributes, MaxNodes)
		}
		a := attribute{at: p.pos}
		a.name = p.name()
		p.white()
		if !p.skip("=") {
			p.fail("want '=' after the name of an attribute, found %s", p.found())
		}
		p.white()
		a.value = p.value()
		for _, other := range list {
			if other.name == a.name {
				p.failAt(a.at, "the attribute %q is there twice", a.name)
			}
		}
		list = append(list, a)
		if a.name == "xmlns" || strings.HasPrefix(a.name, "xmlns:") {
			p.bind(a)
		}
	}
}

// bind brings a prefix into force.
func (p *parser) bind(a attribute) {
	prefix := strings.TrimPrefix(strings.TrimPrefix(a.name, "xmlns"), ":")
	switch {
	case a.value == xmlnsSpace || prefix == "xmlns" || (prefix == "xml") != (a.value == xmlSpace):
		p.failAt(a.at, "the namespace of %q is reserved", a.name)
	case prefix != "" && a.value == "":
		p.failAt(a.at, "the prefix %q stands for no namespace", prefix)
	case len(p.spaces) > 10_000:
		p.limit("more than 10,000 namespaces are in force")
	}
	p.spaces = append(p.spaces, binding{prefix, a.value})
}

// resolve finds the namespace of a name. Only elements have the default one.
func (p *parser) resolve(name string, element bool, at int) Name {
	prefix, local, ok := strings.Cut(name, ":")
	if !ok {
		if !element {
			return Name{Local: name}
		}
		prefix, local = "", name
	}
	if prefix == "xml" {
		return Name{xmlSpace, local}
	}
	for i := len(p.spaces) - 1; i >= 0; i-- {
		if p.spaces[i].prefix == prefix {
			return Name{p.spaces[i].space, local}
		}
	}
	if prefix != "" {
		p.failAt(at, "the prefix %q is declared nowhere", prefix)
	}
	return Name{Local: local}
}

// names resolves the names of attributes, of which no two may be the same then.
func (p *parser) names(list []attribute) []Attr {
	var attrs []Attr
	for _, a := range list {
		if a.name == "xmlns" || strings.HasPrefix(a.name, "xmlns:") {
			continue
		}
		n := p.resolve(a.name, false, a.at)
		for _, other := range attrs {
			if other.Name == n {
				p.failAt(a.at, "the attribute %q is there twice, under two prefixes", n.Local)
			}
		}
		attrs = append(attrs, Attr{n, a.value})
	}
	return attrs
}

// content reads what stands in an element, and the beginning of its end tag.
func (p *parser) content(e *Element, depth int) {
	if p.nodes++; p.nodes > MaxNodes {
		p.limit("more than %d elements and attributes", MaxNodes)
	}
	var text []byte
	for {
		switch {
		case p.pos >= len(p.data):
			p.fail("want </…>, found the end of the document")
		case p.data[p.pos] != '<':
			text = p.chars(text)
		case p.skip("</"):
			e.Text = string(text)
			return
		case p.has("<!--"):
			p.comment()
		case p.has("<![CDATA["):
			start := p.pos
			p.pos += len("<![CDATA[")
			n := bytes.Index(p.data[p.pos:], []byte("]]>"))
			if n < 0 {
				p.failAt(start, "a CDATA section does not end")
			}
			p.checkChars(p.data[p.pos:p.pos+n], p.pos)
			text = appendLines(text, p.data[p.pos:p.pos+n])
			p.pos += n + len("]]>")
		case p.has("<?"):
			p.fail("a processing instruction is not read")
		default:
			e.Children = append(e.Children, p.element(depth+1))
		}
	}
}

// chars reads text up to the next '<'.
func (p *parser) chars(text []byte) []byte {
	n := bytes.IndexByte(p.data[p.pos:], '<')
	if n < 0 {
		n = len(p.data) - p.pos
	}
	raw := p.data[p.pos : p.pos+n]
	if i := bytes.Index(raw, []byte("]]>")); i >= 0 {
		p.failAt(p.pos+i, "']]>' outside of a CDATA section")
	}
	p.checkChars(raw, p.pos)
	text = p.unescape(text, raw, false)
	p.pos += n
	return text
}

// value reads the value of an attribute, in its quotes.
func (p *parser) value() string {
	if p.pos >= len(p.data) || p.data[p.pos] != '"' && p.data[p.pos] != '\'' {
		p.fail("want a quote, found %s", p.found())
	}
	quote := p.data[p.pos]
	p.pos++
	n := bytes.IndexByte(p.data[p.pos:], quote)
	if n < 0 {
		p.fail("the value of an attribute does not end")
	}
	raw := p.data[p.pos : p.pos+n]
	if i := bytes.IndexByte(raw, '<'); i >= 0 {
		p.failAt(p.pos+i, "'<' in the value of an attribute")
	}
	p.checkChars(raw, p.pos)
	text := p.unescape(nil, raw, true)
	p.pos += n + 1
	return string(text)
}

// unescape appends what raw, which begins at the place, means.
func (p *parser) unescape(text, raw []byte, attribute bool) []byte {
	for at := 0; ; {
		n := bytes.IndexByte(raw[at:], '&')
		piece := raw[at:]
		if n >= 0 {
			piece = raw[at : at+n]
		}
		if attribute { // XML 1.0, 3.3.3
			piece = bytes.ReplaceAll(piece, []byte("\r\n"), []byte(" "))
			piece = bytes.Map(func(r rune) rune {
				if r == '\t' || r == '\r' || r == '\n' {
					return ' '
				}
				return r
			}, piece)
			text = append(text, piece...)
		} else {
			text = appendLines(text, piece)
		}
		if n < 0 {
			return text
		}
		at += n
		end := bytes.IndexByte(raw[at:], ';')
		if end < 0 || end > 12 {
			p.failAt(p.pos+at, "'&' begins no reference")
		}
		r, ok := reference(string(raw[at+1 : at+end]))
		if !ok {
			p.failAt(p.pos+at, "unknown reference %q", raw[at:at+end+1])
		}
		text = utf8.AppendRune(text, r)
		at += end + 1
	}
}

// appendLines appends text with its line ends as XML 1.0, 2.11, wants them.
func appendLines(dst, src []byte) []byte {
	if bytes.IndexByte(src, '\r') < 0 {
		return append(dst, src...)
	}
	src = bytes.ReplaceAll(src, []byte("\r\n"), []byte("\n"))
	return append(dst, bytes.ReplaceAll(src, []byte("\r"), []byte("\n"))...)
}

// reference is what stands between '&' and ';'.
func reference(s string) (rune, bool) {
	switch s {
	case "lt":
		return '<', true
	case "gt":
		return '>', true
	case "amp":
		return '&', true
	case "quot":
		return '"', true
	case "apos":
		return '\'', true
	}
	digits, base := strings.TrimPrefix(s, "#"), rune(10)
	if digits == s {
		return 0, false
	}
	if hex := strings.TrimPrefix(digits, "x"); hex != digits {
		digits, base = hex, 16
	}
	var r rune
	for _, c := range []byte(digits) {
		d := rune(99)
		switch {
		case '0' <= c && c <= '9':
			d = rune(c - '0')
		case 'a' <= c && c <= 'f':
			d = rune(c-'a') + 10
		case 'A' <= c && c <= 'F':
			d = rune(c-'A') + 10
		}
		if d >= base {
			return 0, false
		}
		if r = r*base + d; r > utf8.MaxRune {
			return 0, false
		}
	}
	return r, digits != "" && isChar(r)
}

// isChar reports whether XML 1.0 allows r at all.
func isChar(r rune) bool {
	return r == '\t' || r == '\n' || r == '\r' || r >= 0x20 && r <= 0xd7ff || r >= 0xe000 && r <= 0xfffd || r >= 0x10000 && r <= utf8.MaxRune
}

func (p *parser) checkChars(text []byte, at int) {
	for i := 0; i < len(text); {
		if c := text[i]; c >= 0x20 && c < utf8.RuneSelf || c == '\n' || c == '\t' || c == '\r' {
			i++
			continue
		}
		r, size := utf8.DecodeRune(text[i:])
		switch {
		case r == utf8.RuneError && size < 2:
			p.failAt(at+i, "bytes that are not UTF-8")
		case !isChar(r):
			p.failAt(at+i, "the character %U is not allowed in XML", r)
		}
		i += size
	}
}

// name reads a name with one colon at most, which has something on both sides.
func (p *parser) name() string {
	start := p.pos
	fresh, colons := true, 0
	for p.pos < len(p.data) {
		r, size := utf8.DecodeRune(p.data[p.pos:])
		if r == utf8.RuneError && size < 2 {
			break
		}
		if r == ':' && !fresh && colons == 0 {
			fresh, colons = true, 1
		} else if isNameStart(r) || !fresh && isNameChar(r) {
			fresh = false
		} else {
			break
		}
		p.pos += size
	}
	if p.pos == start {
		p.fail("want a name, found %s", p.found())
	}
	if fresh {
		p.fail("want a name behind the colon, found %s", p.found())
	}
	if p.pos-start > 1024 {
		p.failAt(start, "a name of more than 1024 bytes")
	}
	return string(p.data[start:p.pos])
}

// isNameStart and isNameChar are XML 1.0's NameStartChar and NameChar, without
// the colon.
func isNameStart(r rune) bool {
	switch {
	case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', r == '_':
		return true
	case r < 0xc0:
		return false
	}
	return r <= 0x2ff && r != 0xd7 && r != 0xf7 || r >= 0x370 && r <= 0x1fff && r != 0x37e || r == 0x200c || r == 0x200d || r >= 0x2070 && r <= 0x218f ||
		r >= 0x2c00 && r <= 0x2fef || r >= 0x3001 && r <= 0xd7ff || r >= 0xf900 && r <= 0xfdcf || r >= 0xfdf0 && r <= 0xfffd || r >= 0x10000 && r <= 0xeffff
}

func isNameChar(r rune) bool {
	return isNameStart(r) || '0' <= r && r <= '9' || r == '-' || r == '.' || r == 0xb7 || r >= 0x300 && r <= 0x36f || r == 0x203f || r == 0x2040
}
