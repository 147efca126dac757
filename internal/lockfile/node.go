package lockfile

import (
	"bytes"
	"errors"

	"github.com/touchmark-go/touchmark/internal/strictjson"
)

// A kind is what a node is.
type kind byte

const (
	null kind = iota
	boolean
	number
	text
	list
	table
)

func (k kind) String() string {
	return [...]string{"nothing", "a boolean", "a number", "text", "a list", "a table"}[k]
}

// A node is one value of a document, whatever language it is written in.
type node struct {
	kind  kind
	line  int
	text  string   // of text decoded, of a number or a boolean as it is written
	names []string // of a table: those of its items
	items []*node  // of a list or a table, in the file's order

	closed  bool           // a list or a table of TOML that may not be added to
	implied bool           // a table of TOML that was only named on the way to another
	index   map[string]int // of a table with many names
}

// newNode counts a value against the limit; it is never nil.
func (d *doc) newNode(k kind, line int) *node {
	d.nodes++
	if d.nodes > MaxNodes {
		d.failLimit(line, "more than %d values", MaxNodes)
	}
	return &node{kind: k, line: line}
}

// get is the member of a table, nil if there is none.
func (n *node) get(name string) *node {
	if n == nil || n.kind != table {
		return nil
	}
	if i := n.find(name); i >= 0 {
		return n.items[i]
	}
	return nil
}

// many is how many names are compared one by one before an index pays.
const many = 16

func (n *node) find(name string) int {
	if len(n.names) > many {
		if n.index == nil {
			n.index = make(map[string]int, 2*len(n.names))
			for i, name := range n.names {
				n.index[name] = i
			}
		}
		if i, ok := n.index[name]; ok {
			return i
		}
		return -1
	}
	for i := range n.names {
		if n.names[i] == name {
			return i
		}
	}
	return -1
}

// put adds a member to a table, and reports whether the name is new there.
func (n *node) put(name string, value *node) bool {
	if n.find(name) >= 0 {
		return false
	}
	if n.index != nil {
		n.index[name] = len(n.names)
	}
	n.names, n.items = append(n.names, name), append(n.items, value)
	return true
}

// member is the member of a table if it is of kind k; nothing and null are nil,
// and another kind an error.
func (d *doc) member(n *node, name string, k kind) *node {
	m := n.get(name)
	if m == nil || m.kind == null {
		return nil
	}
	if m.kind != k {
		d.fail(m.line, "%q is %s, want %s", name, m.kind, k)
		return nil
	}
	return m
}

// text is the text of a member, "" if there is none.
func (d *doc) text(n *node, name string) string {
	if m := d.member(n, name, text); m != nil {
		return m.text
	}
	return ""
}

// flag is whether a boolean member is true.
func (d *doc) flag(n *node, name string) bool {
	m := d.member(n, name, boolean)
	return m != nil && m.text == "true"
}

// tables are the items of a list of tables, none if there is no such member.
func (d *doc) tables(n *node, name string) []*node { return d.list(n, name, table) }

// texts are the items of a list of text.
func (d *doc) texts(n *node, name string) []*node { return d.list(n, name, text) }

func (d *doc) list(n *node, name string, of kind) []*node {
	m := d.member(n, name, list)
	if m == nil {
		return nil
	}
	for _, item := range m.items {
		if item.kind != of {
			d.fail(item.line, "an item of %q is %s, want %s", name, item.kind, of)
			return nil
		}
	}
	return m.items
}

// json reads the document as JSON. It is nil after an error.
func (d *doc) json() *node {
	r := jsonReader{d: d, s: strictjson.NewScanner(d.data), line: 1}
	n, err := r.value()
	if err == nil {
		err = r.s.End()
	}
	if err != nil {
		var at *strictjson.Error
		if errors.As(err, &at) {
			if d.err == nil {
				d.err = &Error{File: d.file, Line: at.Line, Msg: at.Msg, limit: errors.Is(err, strictjson.ErrLimit)}
			}
		} else {
			d.fail(r.line, "%v", err)
		}
	}
	if d.err != nil {
		return nil
	}
	return n
}

// A jsonReader makes nodes of JSON and counts lines on the way.
type jsonReader struct {
	d    *doc
	s    *strictjson.Scanner
	at   int // how far lines are counted
	line int
}

func (r *jsonReader) here() int {
	if to := r.s.Offset(); to > r.at {
		r.line += bytes.Count(r.d.data[r.at:to], []byte("\n"))
		r.at = to
	}
	return r.line
}

func (r *jsonReader) value() (*node, error) {
	k := r.s.Kind()
	n := r.d.newNode(null, r.here())
	if r.d.err != nil {
		return nil, r.d.err
	}
	switch k {
	case '{':
		n.kind = table
		return n, r.s.Object(func(name []byte) error {
			own := string(name)
			v, err := r.value()
			if err == nil {
				n.names, n.items = append(n.names, own), append(n.items, v)
			}
			return err
		})
	case '[':
		n.kind = list
		return n, r.s.Array(func(int) error {
			v, err := r.value()
			if err == nil {
				n.items = append(n.items, v)
			}
			return err
		})
	case '"':
		b, err := r.s.String()
		n.kind, n.text = text, string(b)
		return n, err
	}
	raw, err := r.s.Raw()
	if err != nil {
		return nil, err
	}
	n.text = string(raw)
	switch k {
	case 't':
		n.kind = boolean
	case '0':
		n.kind = number
	}
	return n, nil
}
