package cdxjson

import (
	"math"
	"strconv"
	"strings"

	"github.com/touchmark-go/touchmark/internal/cdxschema"
)

// check reads a value and keeps nothing of it.
func (d *decoder) check(n *cdxschema.Node) {
	switch n.Kind {
	case cdxschema.Any:
		d.skip()
	case cdxschema.String:
		d.text(n)
	case cdxschema.Integer, cdxschema.Number:
		d.number(n)
	case cdxschema.Boolean:
		d.boolean()
	case cdxschema.Array:
		a := d.openArray(n)
		for d.nextItem(&a) {
			d.check(n.Elem)
		}
	case cdxschema.Object:
		o := d.open(n)
		for d.next(&o) {
			d.check(o.value)
		}
	case cdxschema.Choice:
		if alt := d.choose(n); alt != nil {
			d.check(alt)
		}
	}
}

// text reads a string and asks the schema about it.
func (d *decoder) text(n *cdxschema.Node) string {
	if n.Plain && d.kind() == '"' {
		return d.str()
	}
	if n.Kind == cdxschema.Choice && d.kind() != '"' {
		if n = d.choose(n); n == nil {
			return ""
		}
	}
	if d.kind() != '"' {
		if n.Kind == cdxschema.Any {
			d.lose(d.pos, "")
			d.skip()
			return ""
		}
		want, _ := n.Check("\x00")
		if want == "" {
			want = "a string"
		}
		d.fail(d.pos, "want %s, found %s", want, d.found())
		return ""
	}
	at := d.pos
	s := d.str()
	if d.err != nil {
		return ""
	}
	if n.IsEnum() {
		if known, ok := n.Value(s); ok {
			return known
		}
	}
	if want, ok := n.Check(s); !ok {
		d.fail(at, "want %s, found %s", want, quote(s))
		return ""
	}
	return s
}

// kindsOf says which values a node can be, by what they begin with.
func mayBe(n *cdxschema.Node, kind byte) bool {
	switch n.Kind {
	case cdxschema.Any:
		return true
	case cdxschema.String:
		return kind == '"'
	case cdxschema.Integer, cdxschema.Number:
		return kind == '0'
	case cdxschema.Boolean:
		return kind == 't'
	case cdxschema.Array:
		return kind == '['
	case cdxschema.Object:
		return kind == '{'
	}
	for _, alt := range n.Alts {
		if mayBe(alt, kind) {
			return true
		}
	}
	return false
}

// choose finds the node of a choice that the next value is meant for, and
// leaves the value to be read. If only one can be meant it has not looked further.
func (d *decoder) choose(n *cdxschema.Node) *cdxschema.Node {
	for n.Kind == cdxschema.Choice {
		kind := d.kind()
		var only *cdxschema.Node
		several := false
		for _, alt := range n.Alts {
			if mayBe(alt, kind) {
				several = only != nil
				if several {
					break
				}
				only = alt
			}
		}
		switch {
		case several:
			only = d.try(n, kind)
		case only == nil:
			d.fail(d.pos, "want %s, found %s", alternatives(n), d.found())
		}
		if only == nil || d.err != nil {
			return nil
		}
		n = only
	}
	return n
}

// try reads the value as each of the nodes that it may be.
func (d *decoder) try(n *cdxschema.Node, kind byte) (match *cdxschema.Node) {
	if d.err != nil {
		return nil
	}
	start, depth, lost := d.pos, d.depth, len(d.lost)
	var best *Error
	for _, alt := range n.Alts {
		if !mayBe(alt, kind) {
			continue
		}
		d.check(alt)
		err := d.err
		d.pos, d.depth, d.err, d.lost = start, depth, nil, d.lost[:lost]
		switch {
		case err != nil && err.limit:
			d.err = err
			return nil
		case err != nil:
			if best == nil || err.offset > best.offset {
				best = err
			}
		case match == nil:
			match = alt
			if !n.Exactly {
				return match
			}
		default:
			d.fail(start, "want exactly one of %s, found what could be several of them", alternatives(n))
			return nil
		}
	}
	if match == nil {
		d.err = best
	}
	return match
}

// alternatives names what may be chosen.
func alternatives(n *cdxschema.Node) string {
	var names []string
	for _, alt := range n.Alts {
		switch {
		case alt.Name != "":
			names = append(names, alt.Name)
		case alt.Kind == cdxschema.Array:
			names = append(names, "an array")
		default:
			names = append(names, "a string")
		}
	}
	return strings.Join(names, " or ")
}

// skip reads any value.
func (d *decoder) skip() {
	switch d.kind() {
	case '{':
		o := d.open(anyObject)
		for d.next(&o) {
			d.skip()
		}
	case '[':
		a := d.openArray(anything)
		for d.nextItem(&a) {
			d.skip()
		}
	case '"':
		d.str()
	case '0':
		d.digits()
	case 't':
		d.boolean()
	case 'n':
		if !strings.HasPrefix(d.s[d.pos:], "null") {
			d.fail(d.pos, "want a value, found %s", d.found())
			return
		}
		d.pos += 4
	default:
		d.fail(d.pos, "want a value, found %s", d.found())
	}
}

func (d *decoder) boolean() bool {
	if d.kind() == 't' {
		if strings.HasPrefix(d.s[d.pos:], "true") {
			d.pos += 4
			return true
		}
		if strings.HasPrefix(d.s[d.pos:], "false") {
			d.pos += 5
			return false
		}
	}
	d.fail(d.pos, "want a boolean, found %s", d.found())
	return false
}

// digits reads a number and returns its text.
func (d *decoder) digits() string {
	start := d.pos
	if d.pos < len(d.s) && d.s[d.pos] == '-' {
		d.pos++
	}
	run := func(what string) {
		from := d.pos
		for d.pos < len(d.s) && '0' <= d.s[d.pos] && d.s[d.pos] <= '9' {
			d.pos++
		}
		if d.pos == from {
			d.fail(d.pos, "want a digit%s, found %s", what, d.found())
		}
	}
	if d.pos < len(d.s) && d.s[d.pos] == '0' {
		d.pos++
	} else {
		run("")
	}
	if d.pos < len(d.s) && d.s[d.pos] == '.' {
		d.pos++
		run(" after '.'")
	}
	if d.pos < len(d.s) && d.s[d.pos]|0x20 == 'e' {
		d.pos++
		if d.pos < len(d.s) && (d.s[d.pos] == '+' || d.s[d.pos] == '-') {
			d.pos++
		}
		run(" in the exponent")
	}
	return d.s[start:d.pos]
}

// number reads a number that n allows.
func (d *decoder) number(n *cdxschema.Node) float64 {
	if d.kind() != '0' {
		what := "a number"
		if n.Kind == cdxschema.Integer {
			what = "an integer"
		}
		d.fail(d.pos, "want %s, found %s", what, d.found())
		return 0
	}
	at := d.pos
	text := d.digits()
	if d.err != nil {
		return 0
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || math.Abs(f) > 1<<53 || f == 0 && strings.Trim(strings.ToLower(text)[:mantissa(text)], "-0.") != "" {
		d.failLimit(at, "want a number that a float64 can stand for, found %s", clip(text))
		return 0
	}
	if n.Kind == cdxschema.Integer && f != math.Trunc(f) {
		d.fail(at, "want an integer, found %s", clip(text))
	}
	if n.Bounded && (f < n.Low || f > n.High) {
		if n.High == 1<<53 {
			d.fail(at, "want %v or more, found %s", n.Low, clip(text))
		} else {
			d.fail(at, "want %v to %v, found %s", n.Low, n.High, clip(text))
		}
	}
	return f
}

func mantissa(text string) int {
	if i := strings.IndexAny(text, "eE"); i >= 0 {
		return i
	}
	return len(text)
}

func clip(s string) string {
	if len(s) > 40 {
		return s[:40] + "…"
	}
	return s
}

// lose notes what the model has no place for.
func (d *decoder) lose(at int, name string) {
	d.lost = append(d.lost, Lost{Name: name, offset: at})
}

// extra reads a member that the model has no place for.
func (d *decoder) extra(o *object) {
	d.lose(o.at, o.name)
	d.check(o.value)
}
