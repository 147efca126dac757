package cdxjson

import (
	"fmt"
	"hash/maphash"
	"io"
	"math"
	"math/bits"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/touchmark-go/touchmark/internal/cdxschema"
)

// An encoder writes one document into memory, and asks the schema about each
// value on the way. It only learns that something is wrong; what is, and where,
// is for the reader to say of the finished text.
type encoder struct {
	b       []byte
	w       io.Writer // where a full piece goes, or nil if it is thrown away
	full    bool      // a piece was full
	version cdxschema.Version
	depth   int
	bad     bool
	err     error  // what the reader could not say, or of w
	seen    uint64 // the members of the object that was written last
	seed    maphash.Seed
}

// pieceSize is how much of a document is held before it goes out.
const pieceSize = 1 << 20

// Write writes the JSON of bom, as its specVersion has it, on one line, with a
// newline behind it. Equal BOMs give equal bytes. What it writes obeys the
// schema, or nothing is written and there is an error that names the place. So a
// document of more than a piece is made twice: to be checked, and to go out.
func Write(w io.Writer, bom *cdx.BOM) error {
	v, ok := cdxschema.ParseVersion(bom.SpecVersion.String())
	if !ok {
		return fmt.Errorf("specVersion is %q, want 1.2 to 1.7", bom.SpecVersion)
	}
	e := encoder{version: v, seed: maphash.MakeSeed(), b: make([]byte, 0, about(bom))}
	e.writeBOM(bom, cdxschema.Of(v))
	if e.bad || e.err != nil {
		if err := explain(bom, v); err != nil {
			return err
		}
		e.full = true // nothing is wrong, as far as the reader can see
	}
	if e.full {
		e = encoder{version: v, w: w, b: e.b[:0]}
		e.writeBOM(bom, nil)
	}
	if e.err != nil {
		return e.err
	}
	_, err := w.Write(append(e.b, '\n'))
	return err
}

// about is a guess at how many bytes the document will have, so that a large one is
// not copied again and again while it grows; never more than a piece and some.
func about(bom *cdx.BOM) int {
	n := 4 << 10
	if bom.Components != nil {
		n += 768 * min(len(*bom.Components), pieceSize)
	}
	if bom.Dependencies != nil {
		for _, d := range *bom.Dependencies {
			if n += 128; d.Dependencies != nil {
				for _, on := range *d.Dependencies {
					n += len(on) + 3
				}
			}
			if n > pieceSize {
				break
			}
		}
	}
	return min(n, pieceSize+pieceSize/8)
}

// explain says what is wrong with bom.
func explain(bom *cdx.BOM, v cdxschema.Version) error {
	var text strings.Builder
	e := encoder{version: v, w: &text}
	e.writeBOM(bom, nil)
	if e.err != nil {
		return e.err
	}
	text.Write(e.b)
	d := decoder{s: text.String()}
	d.check(cdxschema.Of(v))
	if err := d.located(); err != nil {
		d.err.Line = 0 // of a text that nobody will see
		return err
	}
	return nil
}

// piece lets a full piece go.
func (e *encoder) piece() {
	if e.full = true; e.w != nil && e.err == nil {
		_, e.err = e.w.Write(e.b)
	}
	e.b = e.b[:0]
}

func (e *encoder) fail(format string, args ...any) {
	if e.err == nil {
		e.err = fmt.Errorf(format, args...)
	}
}

// An open is an object or an array that is being written.
type open struct {
	node   *cdxschema.Node // nil if it is not checked
	choice *cdxschema.Node // what it is to be checked against at its end
	seen   uint64
	start  int
	n      int // items
	expect int // how many there will be, if that is known
	item   int // where the last one begins
	few    [3]uint64
	many   *itemSet
	lone   bool // an item has an expression
}

// begin begins an object or an array.
func (e *encoder) begin(n *cdxschema.Node, c byte) open {
	o := open{node: n, start: len(e.b)}
	if n != nil && n.Kind == cdxschema.Choice {
		if o.node = only(n, c); o.node == nil {
			o.choice = n
		}
	}
	if o.node != nil && !mayBe(o.node, c) {
		e.bad, o.node = true, nil
	}
	e.depth++
	e.b = append(e.b, c)
	return o
}

// only is the one node of a choice that may begin with c, or nil.
func only(n *cdxschema.Node, c byte) (one *cdxschema.Node) {
	for _, alt := range n.Alts {
		if mayBe(alt, c) {
			if one != nil || alt.Kind == cdxschema.Choice {
				return nil
			}
			one = alt
		}
	}
	return one
}

// end ends it.
func (e *encoder) end(o *open, c byte) {
	if c == ']' {
		e.endItem(o)
	}
	e.b = append(e.b, c)
	e.depth--
	if o.choice != nil {
		e.check(o.start, o.choice)
	}
	n := o.node
	if n == nil || n.Kind == cdxschema.Any {
		return
	}
	if c == ']' {
		e.bad = e.bad || o.n < n.Min || o.lone && o.n > 1
		return
	}
	e.seen = o.seen
	f := n.Fields()
	e.bad = e.bad || f.Required&^o.seen != 0
	for _, r := range f.Rules {
		if r.Kind == cdxschema.NeedsNotFalse && o.seen&r.Sets[0] != 0 {
			e.check(o.start, n)
		} else {
			e.bad = e.bad || !r.Holds(o.seen, 0)
		}
	}
}

// check reads what was written.
func (e *encoder) check(start int, n *cdxschema.Node) {
	d := decoder{s: string(e.b[start:])}
	d.check(n)
	e.bad = e.bad || d.err != nil
}

// member writes a name with the comma before it, unless it is the first, and
// returns what its value may be.
func (e *encoder) member(o *open, id int, name string) *cdxschema.Node {
	if e.b[len(e.b)-1] == '{' {
		name = name[1:]
	}
	e.b = append(e.b, name...)
	if o.node == nil {
		return nil
	}
	f := o.node.Fields()
	i := f.MemberByID(id)
	if i < 0 {
		e.bad = true
		return nil
	}
	o.seen |= 1 << i
	return f.Members[i].Node
}

// next begins an item, with the comma before it, and returns what it may be.
func (e *encoder) next(o *open) *cdxschema.Node {
	if o.n > 0 {
		e.endItem(o)
		if e.depth == 2 && len(e.b) > pieceSize {
			e.piece()
		}
		e.b = append(e.b, ',')
	}
	o.n++
	o.item = len(e.b)
	if o.node == nil || o.node.Kind == cdxschema.Any {
		return nil
	}
	return o.node.Elem
}

// endItem compares the last item with those before it, by a hash of its bytes:
// items that are equal are written as equal bytes.
func (e *encoder) endItem(o *open) {
	if o.n == 0 || o.node == nil {
		return
	}
	if o.node.Lone {
		i := o.node.Elem.Fields().Member("expression")
		o.lone = o.lone || i >= 0 && e.seen>>i&1 != 0
	}
	if !o.node.Unique {
		return
	}
	h := maphash.Bytes(e.seed, e.b[o.item:]) | 1
	if o.n <= len(o.few) {
		e.bad = e.bad || slices.Contains(o.few[:], h)
		o.few[o.n-1] = h
		return
	}
	if o.n == len(o.few)+1 {
		o.many = &itemSet{slots: make([]uint64, 1<<max(6, bits.Len(uint(o.expect*3/2))))}
		for _, h := range o.few {
			o.many.add(h)
		}
	}
	e.bad = e.bad || !o.many.add(h)
}

func (e *encoder) boolean(v bool, n *cdxschema.Node) {
	e.bad = e.bad || n != nil && !mayBe(n, 't')
	e.b = strconv.AppendBool(e.b, v)
}

func (e *encoder) integer(v int, n *cdxschema.Node) {
	e.bound(float64(v), n)
	e.b = strconv.AppendInt(e.b, int64(v), 10)
}

func (e *encoder) bound(v float64, n *cdxschema.Node) {
	if n != nil && (!mayBe(n, '0') || math.Abs(v) > 1<<53 || n.Bounded && (v < n.Low || v > n.High)) {
		e.bad = true
	}
}

func (e *encoder) number(v float64, bits int, n *cdxschema.Node) {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		e.fail("want a number, found %v", v)
		return
	}
	e.bound(v, n)
	form := byte('f')
	if a := math.Abs(v); a != 0 && (a < 1e-6 || a >= 1e21) {
		form = 'e'
	}
	e.b = strconv.AppendFloat(e.b, v, form, -1, bits)
}

func (e *encoder) integers(list []int, n *cdxschema.Node) {
	o := e.begin(n, '[')
	for _, v := range list {
		e.integer(v, e.next(&o))
	}
	e.end(&o, ']')
}

func texts[T ~string](e *encoder, list []T, n *cdxschema.Node) {
	o := e.begin(n, '[')
	for _, s := range list {
		e.text(string(s), e.next(&o))
	}
	e.end(&o, ']')
}

func items[T any](e *encoder, list []T, n *cdxschema.Node, write func(*encoder, *T, *cdxschema.Node)) {
	o := e.begin(n, '[')
	o.expect = len(list)
	for i := range list {
		write(e, &list[i], e.next(&o))
	}
	e.end(&o, ']')
}

// text writes a string: what JSON must escape is escaped, and nothing else but
// U+2028 and U+2029. What is not UTF-8 cannot be said in JSON.
func (e *encoder) text(s string, n *cdxschema.Node) {
	if n != nil && !n.Plain {
		if _, ok := n.Check(s); !ok {
			e.bad = true
		}
	}
	e.b = append(e.b, '"')
	i := 0
	for i+8 <= len(s) {
		if m := special(load(s, i)); m != 0 {
			i += bits.TrailingZeros64(m) / 8
			break
		}
		i += 8
	}
	for i < len(s) && s[i] >= ' ' && s[i] < utf8.RuneSelf && s[i] != '"' && s[i] != '\\' {
		i++
	}
	e.b = append(e.b, s[:i]...)
	if i < len(s) {
		e.rest(s[i:])
	}
	e.b = append(e.b, '"')
}

func (e *encoder) rest(s string) {
	from := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= ' ' && c < utf8.RuneSelf && c != '"' && c != '\\' {
			i++
			continue
		}
		size := 1
		if c >= utf8.RuneSelf {
			var r rune
			if r, size = utf8.DecodeRuneInString(s[i:]); r == utf8.RuneError && size == 1 {
				e.fail("want UTF-8, found %s", quote(s))
				return
			} else if r != '\u2028' && r != '\u2029' {
				i += size
				continue
			}
		}
		e.b = append(e.b, s[from:i]...)
		switch c {
		case '"', '\\':
			e.b = append(e.b, '\\', c)
		case '\b':
			e.b = append(e.b, `\b`...)
		case '\f':
			e.b = append(e.b, `\f`...)
		case '\n':
			e.b = append(e.b, `\n`...)
		case '\r':
			e.b = append(e.b, `\r`...)
		case '\t':
			e.b = append(e.b, `\t`...)
		default:
			const hex = "0123456789abcdef"
			if size == 1 {
				e.b = append(e.b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
			} else {
				e.b = append(e.b, `\u202`...)
				e.b = append(e.b, hex[s[i+2]&15])
			}
		}
		i += size
		from = i
	}
	e.b = append(e.b, s[from:]...)
}
