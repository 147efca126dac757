// Package cdxjson reads and writes the JSON form of CycloneDX, 1.2 to 1.7, in
// one pass over its bytes: what a member may be is asked of package cdxschema
// while its value is decoded, so that whatever is returned obeys the schema of
// the document's own version.
//
// It reads as package strictjson does: one value and nothing behind it, no
// member twice, names letter by letter, valid UTF-8, no half of a surrogate
// pair, and limits on size, depth and count. It is written anew because a BOM
// can have a hundred megabytes: strings are parts of the one string that the
// document is, slices are cut from slabs, and reflection has no part in it.
// The code per type is generated from cyclonedx-go's structs (see folder gen).
package cdxjson

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/touchmark-go/touchmark/internal/cdxschema"
	"github.com/touchmark-go/touchmark/internal/strictjson"
)

//go:generate go run ./gen

// The limits of a document that is read as a whole. A BOM has about 20 members
// a component, so a million members, which is the limit elsewhere, would end at
// 50,000 components. What one member can cost in memory is bounded: no item of
// a list takes more than about 200 times its bytes.
const (
	// MaxSize is how many bytes a document may have.
	MaxSize = 256 << 20
	// MaxMembers is how many members and array elements it may have in all.
	MaxMembers = 1 << 23
	// MaxDepth is how deep arrays and objects may nest.
	MaxDepth = strictjson.MaxDepth
)

// An Error says where a document is refused, and why.
type Error struct {
	Line    int    // from 1, or 0 if there is no text yet
	Column  int    // in bytes, from 1
	Pointer string // RFC 6901 pointer to the value; "" is the whole document
	Msg     string // what was wanted and what was found

	offset  int
	limit   bool
	version bool // the document is of a version that is not known
}

func (e *Error) Error() string {
	text := e.Msg
	if e.Pointer != "" {
		text = e.Pointer + ": " + text
	}
	if e.Line > 0 {
		text = fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, text)
	}
	return text
}

// Is reports whether e is about a limit, if target is [strictjson.ErrLimit].
func (e *Error) Is(target error) bool { return target == strictjson.ErrLimit && e.limit }

// A Lost is a part of a valid document that the model has no place for.
type Lost struct {
	Pointer string
	Name    string // of the member, or "" of an item

	offset int
}

// errNoVersion is that of a document without specVersion.
var errNoVersion = errors.New("no specVersion")

// versionOf finds the specVersion of a document, wherever it stands.
func versionOf(s string) (cdxschema.Version, error) {
	d := decoder{s: s}
	text, found, at := "", false, 0
	o := d.open(anyObject)
	for d.next(&o) {
		if o.name == "specVersion" && d.kind() == '"' {
			at, text, found = d.pos, d.str(), true
			break // what follows is for the real reading to judge
		}
		d.skip()
	}
	switch v, ok := cdxschema.ParseVersion(text); {
	case ok:
		return v, nil
	case d.err != nil:
		return 0, d.located()
	case found:
		d.fail(at, "want a specVersion of 1.2 to 1.7, found %s", quote(text))
		d.err.version = true
		return 0, d.located()
	}
	return 0, errNoVersion
}

// quote quotes outside input, and shortens it.
func quote(s string) string {
	if len(s) > 80 {
		return strconv.Quote(s[:60]) + "…"
	}
	return strconv.Quote(s)
}

// located completes the error with its place.
func (d *decoder) located() error {
	if d.err == nil {
		return nil
	}
	before := d.s[:min(d.err.offset, len(d.s))]
	d.err.Line = 1 + strings.Count(before, "\n")
	d.err.Column = len(before) - strings.LastIndexByte(before, '\n')
	d.err.Pointer = pointers(d.s, []int{d.err.offset})[0]
	return d.err
}

// pointers spells the ways to the values at offsets, which ascend. What stands
// before the last of them is known to be JSON.
func pointers(s string, offsets []int) []string {
	type level struct {
		array bool
		index int
		name  string
	}
	var way []level
	spell := func() string {
		var b strings.Builder
		for _, l := range way {
			b.WriteByte('/')
			if l.array {
				b.WriteString(strconv.Itoa(l.index))
			} else {
				b.WriteString(strictjson.EscapePointer(l.name))
			}
		}
		return b.String()
	}
	out := make([]string, 0, len(offsets))
	d := decoder{s: s}
	key := false // the next string is a member's name
	for len(out) < len(offsets) {
		d.space()
		at := offsets[len(out)]
		if d.pos >= len(s) || d.pos > at {
			out = append(out, spell())
			continue
		}
		start := d.pos
		switch c := s[d.pos]; c {
		case '{', '[':
			if start == at {
				out = append(out, spell())
				continue
			}
			way = append(way, level{array: c == '['})
			key = c == '{'
			d.pos++
		case '}', ']':
			if start == at || len(way) == 0 {
				out = append(out, spell())
				continue
			}
			way = way[:len(way)-1]
			d.pos++
		case ',':
			if d.pos++; len(way) > 0 {
				last := &way[len(way)-1]
				last.index++
				key = !last.array
			}
		case ':':
			d.pos++
		case '"':
			name := d.str()
			if d.err != nil {
				d.pos = len(s)
				out = append(out, spell())
				continue
			}
			if key {
				way[len(way)-1].name, key = name, false
			}
			if at < d.pos {
				out = append(out, spell())
				d.pos = start
				// The name is read again for the next offset.
				key = len(way) > 0 && !way[len(way)-1].array && way[len(way)-1].name == name && nameFollows(s, start)
			}
		default:
			d.pos++
		}
	}
	return out
}

// nameFollows reports whether the string at start is a member's name.
func nameFollows(s string, start int) bool {
	d := decoder{s: s, pos: start}
	d.str()
	d.space()
	return d.err == nil && d.pos < len(s) && s[d.pos] == ':'
}

// Names returns the members of an object with their values as they stand in s,
// or nil if s is no object.
func Names(s string) map[string]string {
	d := decoder{s: s}
	names := map[string]string{}
	o := d.open(anyObject)
	for d.next(&o) {
		d.space()
		from := d.pos
		d.skip()
		names[o.name] = s[from:d.pos]
	}
	if d.err != nil {
		return nil
	}
	return names
}
