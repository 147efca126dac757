package cdxjson

import (
	"fmt"
	"math/bits"
	"strings"
	"unicode/utf8"

	"github.com/touchmark-go/touchmark/internal/cdxschema"
	"github.com/touchmark-go/touchmark/internal/strictjson"
)

// A decoder reads one document. Its first error stays, and ends every loop.
type decoder struct {
	s     string
	pos   int
	err   *Error
	depth int
	count int
	lost  []Lost
	slabs slabs
	hash  *hasher
	sets  []*uniqueSet // those that are not in use
	known bool         // what is read has been read before: no member is there twice

	// follow says, by the node's number, which member came after each the last
	// time, from the one before all. Objects of one kind tend to be alike.
	follow *[256]*[65]int8

	// Of the object that was read last: the members it had, and where its
	// bom-ref or ref stands, or 0.
	lastSeen uint64
	lastKey  int
}

// fail keeps the first error and moves to the end.
func (d *decoder) fail(at int, format string, args ...any) {
	if d.err == nil {
		d.err = &Error{offset: at, Msg: fmt.Sprintf(format, args...)}
	}
}

func (d *decoder) failLimit(at int, format string, args ...any) {
	if d.err == nil {
		d.fail(at, format, args...)
		d.err.limit = true
	}
}

func (d *decoder) space() {
	for d.pos < len(d.s) {
		switch d.s[d.pos] {
		case ' ', '\t', '\n', '\r':
			d.pos++
		default:
			return
		}
	}
}

// kind skips white space and says what comes next: one of { [ " 0 t n, for an
// object, array, string, number, boolean and null, or 0 for anything else.
func (d *decoder) kind() byte {
	d.space()
	if d.pos >= len(d.s) {
		return 0
	}
	return kinds[d.s[d.pos]]
}

var kinds = [256]byte{
	'{': '{', '[': '[', '"': '"', 't': 't', 'f': 't', 'n': 'n', '-': '0',
	'0': '0', '1': '0', '2': '0', '3': '0', '4': '0', '5': '0', '6': '0', '7': '0', '8': '0', '9': '0',
}

// found says what stands at the place, for an error.
func (d *decoder) found() string {
	switch d.kind() {
	case '{':
		return "an object"
	case '[':
		return "an array"
	case '"':
		probe := decoder{s: d.s, pos: d.pos}
		if text := probe.str(); probe.err == nil {
			return quote(text)
		}
		return "a broken string"
	case '0':
		return "a number"
	case 't':
		return "a boolean"
	case 'n':
		return "null"
	}
	if d.pos >= len(d.s) {
		return "the end of the document"
	}
	r, size := utf8.DecodeRuneInString(d.s[d.pos:])
	if r == utf8.RuneError && size < 2 {
		return "bytes that are not UTF-8"
	}
	if r == '\ufeff' {
		return "a byte order mark"
	}
	return quote(string(r))
}

// An object is one that is being read.
type object struct {
	node    *cdxschema.Node
	fields  *cdxschema.Fields
	seen    uint64
	isFalse uint64
	extra   map[string]bool // names that the schema does not list
	start   int
	key     int

	// The member that is being read.
	index int // in the node's members
	id    int
	value *cdxschema.Node
	name  string
	at    int
}

var (
	anything  = &cdxschema.Node{Kind: cdxschema.Any}
	anyObject = cdxschema.AnyObject()
)

// enter goes into an object or array.
func (d *decoder) enter() bool {
	if d.depth++; d.depth > MaxDepth {
		d.failLimit(d.pos, "nested deeper than %d", MaxDepth)
		return false
	}
	d.pos++
	return true
}

// open begins an object. If there is none, next will say that there are no members.
func (d *decoder) open(n *cdxschema.Node) object {
	if n.Kind == cdxschema.Choice {
		if n = d.choose(n); n == nil {
			return object{}
		}
	}
	if d.kind() != '{' {
		if n.Fields().Loose {
			d.lose(d.pos, "")
			d.skip()
			return object{node: n, id: nothing}
		}
		d.fail(d.pos, "want %s, found %s", wantObject(n), d.found())
	}
	if n.Kind != cdxschema.Object {
		d.fail(d.pos, "want %s, found an object", kindNames[n.Kind])
	}
	o := object{node: n, fields: n.Fields(), start: d.pos, id: first, index: -1}
	if d.err == nil {
		d.enter()
	}
	return o
}

var kindNames = [...]string{cdxschema.Any: "a value", cdxschema.String: "a string", cdxschema.Integer: "an integer", cdxschema.Number: "a number",
	cdxschema.Boolean: "a boolean", cdxschema.Array: "an array", cdxschema.Object: "an object", cdxschema.Choice: "another value"}

func wantObject(n *cdxschema.Node) string {
	if n.Name == "" {
		return "an object"
	}
	return "an object (" + n.Name + ")"
}

// These are no names' numbers.
const (
	first    = -2
	unlisted = -1
	nothing  = -3 // there is no object, and none is needed
)

// next moves to the value of the next member, or past the end of the object.
func (d *decoder) next(o *object) bool {
	if d.err != nil || o.id == nothing {
		return false
	}
	d.space()
	if d.pos < len(d.s) {
		switch c := d.s[d.pos]; {
		case c == '}':
			d.pos++
			d.depth--
			d.close(o)
			return false
		case o.id == first:
		case c == ',':
			d.pos++
			d.space()
		default:
			d.fail(d.pos, "want ',' or '}', found %s", d.found())
			return false
		}
	}
	o.at = d.pos
	if d.pos >= len(d.s) || d.s[d.pos] != '"' {
		d.fail(d.pos, "want a member's name, found %s", d.found())
		return false
	}
	if d.count++; d.count > MaxMembers {
		d.failLimit(d.pos, "more than %d members", MaxMembers)
		return false
	}
	if f := d.followed(o.fields); f != nil {
		if i := f[o.index+1]; i >= 0 && int(i) < len(o.fields.Members) {
			if m := &o.fields.Members[i]; strings.HasPrefix(d.s[d.pos:], m.Quoted) {
				d.pos += len(m.Quoted)
				o.name = m.Name
				return d.member(o, int(i))
			}
		}
	}
	o.name = d.str()
	if d.err != nil {
		return false
	}
	d.space()
	if d.pos >= len(d.s) || d.s[d.pos] != ':' {
		d.fail(d.pos, "want ':' after a member's name, found %s", d.found())
		return false
	}
	d.pos++
	i := o.fields.Member(o.name)
	if i < 0 {
		return d.unlisted(o)
	}
	d.followed(o.fields)[o.index+1] = int8(i)
	return d.member(o, i)
}

// followed is what followed in objects of that kind, or nil if nothing is listed for them.
func (d *decoder) followed(n *cdxschema.Fields) *[65]int8 {
	if len(n.Members) == 0 {
		return nil
	}
	if d.follow == nil {
		d.follow = new([256]*[65]int8)
	}
	f := d.follow[n.Number&255]
	if f == nil {
		f = new([65]int8)
		for k := range f {
			f[k] = -1
		}
		d.follow[n.Number&255] = f
	}
	return f
}

// member takes a member that the schema lists.
func (d *decoder) member(o *object, i int) bool {
	m := &o.fields.Members[i]
	if o.seen>>i&1 != 0 {
		d.fail(o.at, "duplicate member %s", quote(o.name))
		return false
	}
	o.seen |= 1 << i
	o.index, o.id, o.value = i, m.ID, m.Node
	switch m.ID {
	case nameBomRef, nameRef:
		d.space()
		o.key = d.pos
	case nameIsExternal:
		d.space()
		if d.pos < len(d.s) && d.s[d.pos] == 'f' {
			o.isFalse |= 1 << i
		}
	}
	return true
}

// unlisted takes a member that the schema does not name.
func (d *decoder) unlisted(o *object) bool {
	if !o.fields.Open {
		d.fail(o.at, "%s has no member %s", nodeName(o.node), quote(o.name))
		return false
	}
	o.id, o.value = unlisted, anything
	if d.known {
		return true
	}
	if o.extra[o.name] {
		d.fail(o.at, "duplicate member %s", quote(o.name))
		return false
	}
	if o.extra == nil {
		o.extra = map[string]bool{}
	}
	o.extra[o.name] = true
	return true
}

func nodeName(n *cdxschema.Node) string {
	if n.Name == "" {
		return "the object"
	}
	return n.Name
}

// close checks what can only be said of a whole object.
func (d *decoder) close(o *object) {
	n := o.fields
	d.lastSeen, d.lastKey = o.seen, o.key
	if missing := n.Required &^ o.seen; missing != 0 {
		for i, m := range n.Members {
			if missing>>i&1 != 0 {
				d.fail(o.start, "want the member %q in %s, found none", m.Name, nodeName(o.node))
				return
			}
		}
	}
	for _, r := range n.Rules {
		if !r.Holds(o.seen, o.isFalse) {
			d.fail(o.start, "want %s in %s", r.Text, nodeName(o.node))
			return
		}
	}
}

// An array is one that is being read.
type array struct {
	node  *cdxschema.Node
	n     int
	start int  // of the array
	at    int  // of the element
	lone  bool // an item has an expression

	// If the items must differ: the first and its key, and from the second on
	// all of them.
	one    span
	oneKey int
	set    *uniqueSet
}

func (d *decoder) openArray(n *cdxschema.Node) array {
	if d.kind() != '[' {
		d.fail(d.pos, "want an array, found %s", d.found())
	}
	if n.Kind != cdxschema.Array && n.Kind != cdxschema.Any {
		d.fail(d.pos, "want %s, found an array", kindNames[n.Kind])
	}
	a := array{node: n, start: d.pos}
	if d.err == nil {
		d.enter()
	}
	return a
}

// nextItem moves to the next element, or past the end of the array.
func (d *decoder) nextItem(a *array) bool {
	if d.err != nil {
		return false
	}
	if a.n > 0 && (a.node.Unique || a.node.Lone) && !d.item(a) {
		return false
	}
	d.space()
	if d.pos < len(d.s) {
		switch c := d.s[d.pos]; {
		case c == ']':
			d.pos++
			d.depth--
			if a.set != nil {
				d.sets = append(d.sets, a.set)
			}
			if a.n < a.node.Min {
				d.fail(a.start, "want at least %d items, found %d", a.node.Min, a.n)
				return false
			}
			return false
		case a.n == 0:
		case c == ',':
			d.pos++
			d.space()
		default:
			d.fail(d.pos, "want ',' or ']', found %s", d.found())
			return false
		}
	}
	if d.count++; d.count > MaxMembers {
		d.failLimit(d.pos, "more than %d members", MaxMembers)
		return false
	}
	a.n++
	a.at = d.pos
	return true
}

// item checks the element that was just read against those before it.
func (d *decoder) item(a *array) bool {
	if a.node.Lone {
		i := a.node.Elem.Fields().Member("expression")
		a.lone = a.lone || i >= 0 && d.lastSeen>>i&1 != 0
		if a.lone && a.n > 1 {
			d.fail(a.at, "want an expression alone in its list, found %d items", a.n)
			return false
		}
	}
	if a.node.Unique {
		if a.n == 1 {
			a.one, a.oneKey = span{a.at, d.pos}, d.lastKey
			return true
		}
		if a.set == nil {
			a.set = d.takeSet()
			d.add(a.set, a.one.from, a.one.to, a.oneKey)
		}
		if twin, ok := d.add(a.set, a.at, d.pos, d.lastKey); !ok {
			way := strings.Split(pointers(d.s, []int{twin})[0], "/")
			d.fail(a.at, "want items that differ, found item %s again", way[len(way)-1])
			return false
		}
	}
	return true
}

// str reads a string.
func (d *decoder) str() string {
	if d.pos >= len(d.s) || d.s[d.pos] != '"' {
		d.fail(d.pos, "want a string, found %s", d.found())
		return ""
	}
	s, i := d.s, d.pos+1
	for i+8 <= len(s) {
		if m := special(load(s, i)); m != 0 {
			if i += bits.TrailingZeros64(m) / 8; s[i] == '"' {
				text := s[d.pos+1 : i]
				d.pos = i + 1
				return text
			}
			return d.longStr(i)
		}
		i += 8
	}
	return d.longStr(i)
}

// load reads eight bytes.
func load(s string, i int) uint64 {
	b := s[i : i+8]
	return uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24 |
		uint64(b[4])<<32 | uint64(b[5])<<40 | uint64(b[6])<<48 | uint64(b[7])<<56
}

// special marks, by their highest bits, which of eight bytes are a quote, a
// backslash, a control character or outside ASCII. The first mark is right;
// behind it there may be more than there should be.
func special(x uint64) uint64 {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	quotes := x ^ '"'*ones
	slashes := x ^ '\\'*ones
	return (x | (x-' '*ones)&^x | (quotes-ones)&^quotes | (slashes-ones)&^slashes) & tops
}

// longStr goes on with str where something stands that is not plain.
func (d *decoder) longStr(i int) string {
	s, escaped := d.s, false
	for i < len(s) {
		switch c := s[i]; {
		case c == '"':
			text := s[d.pos+1 : i]
			d.pos = i + 1
			if escaped {
				return string(strictjson.Unescape(make([]byte, 0, len(text)), text))
			}
			return text
		case c == '\\':
			n := strictjson.Escape(s[i:])
			if n == 0 {
				d.fail(i, "an escape that JSON does not know, or half of a surrogate pair")
				return ""
			}
			escaped = true
			i += n
		case c < ' ':
			d.fail(i, "a control character %q in a string", rune(c))
			return ""
		case c < utf8.RuneSelf:
			i++
		default:
			r, size := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && size < 2 {
				d.fail(i, "a string that is not UTF-8")
				return ""
			}
			i += size
		}
	}
	d.fail(len(s), "want the end of a string, found the end of the document")
	return ""
}

// end reports whether nothing but white space is left.
func (d *decoder) end() {
	if d.space(); d.err == nil && d.pos < len(d.s) {
		d.fail(d.pos, "want the end, found %s after the value", d.found())
	}
}
