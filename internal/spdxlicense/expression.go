package spdxlicense

import (
	"fmt"
	"strings"
)

// The limits of an expression.
const (
	// MaxExpression is how long an expression may be, in bytes.
	MaxExpression = 64 << 10
	// MaxDepth is how deep its parentheses may nest.
	MaxDepth = 64
)

// An Expression is a licence expression (SPDX 2.3, Annex D): either a licence,
// or an operator over two or more expressions.
type Expression struct {
	// Op is "AND" or "OR", and "" for a licence.
	Op string
	// Of are what Op joins: at least two, and never expressions of the same Op.
	Of []*Expression

	// ID is a licence of the list in its own spelling, or a LicenseRef, with its
	// DocumentRef if it has one.
	ID string
	// OrLater says that a "+" followed the id.
	OrLater bool
	// Exception is the id behind WITH, "" without one.
	Exception string
	// Deprecated says that the list calls the licence or the exception so.
	Deprecated bool
}

// Parse reads an expression. Ids are found in any letter case and come out in
// that of the list; the operators must be upper case. What is neither on the
// list nor a LicenseRef is an error, and so are NONE and NOASSERTION: they stand
// in place of an expression and are none.
func Parse(s string) (*Expression, error) {
	if len(s) > MaxExpression {
		return nil, fmt.Errorf("license expression has %d bytes, at most %d are read", len(s), MaxExpression)
	}
	p := parser{text: s}
	p.next()
	e, err := p.or(0)
	if err == nil && p.token != "" {
		err = fmt.Errorf("want AND, OR or the end, found %q", p.token)
	}
	if err != nil {
		return nil, fmt.Errorf("license expression %q: %w", clip(s), err)
	}
	return e, nil
}

// clip shortens what an error shows.
func clip(s string) string {
	if len(s) <= 200 {
		return s
	}
	return strings.ToValidUTF8(s[:200], "") + "…"
}

type parser struct {
	text  string // what is still to be read
	token string // the current one; "" is the end
}

// next reads a token: a parenthesis, or what stands between spaces and parentheses.
func (p *parser) next() {
	rest := strings.TrimLeft(p.text, " \t\r\n")
	n := strings.IndexAny(rest, " \t\r\n()")
	switch {
	case n < 0:
		n = len(rest)
	case n == 0:
		n = 1
	}
	p.token, p.text = rest[:n], rest[n:]
}

func (p *parser) or(depth int) (*Expression, error) {
	return p.join("OR", depth, p.and)
}

func (p *parser) and(depth int) (*Expression, error) {
	return p.join("AND", depth, p.with)
}

// join reads one or more of what operand reads, with op between them.
func (p *parser) join(op string, depth int, operand func(int) (*Expression, error)) (*Expression, error) {
	first, err := operand(depth)
	if err != nil || p.token != op {
		return first, err
	}
	joined := &Expression{Op: op}
	add := func(e *Expression) {
		if e.Op == op { // (A AND B) AND C is A AND B AND C
			joined.Of = append(joined.Of, e.Of...)
			return
		}
		joined.Of = append(joined.Of, e)
	}
	add(first)
	for p.token == op {
		p.next()
		e, err := operand(depth)
		if err != nil {
			return nil, err
		}
		add(e)
	}
	return joined, nil
}

func (p *parser) with(depth int) (*Expression, error) {
	if p.token == "(" {
		if depth >= MaxDepth {
			return nil, fmt.Errorf("parentheses nest deeper than %d", MaxDepth)
		}
		p.next()
		e, err := p.or(depth + 1)
		if err != nil {
			return nil, err
		}
		if p.token != ")" {
			return nil, fmt.Errorf("want ')', found %s", p.found())
		}
		p.next()
		return e, nil
	}
	e, err := simple(p.token)
	if err != nil {
		return nil, err
	}
	p.next()
	if p.token != "WITH" {
		return e, nil
	}
	p.next()
	exception, deprecated, ok := Exception(p.token)
	if !ok {
		return nil, fmt.Errorf("want an exception of the SPDX License List behind WITH, found %s", p.found())
	}
	e.Exception, e.Deprecated = exception, e.Deprecated || deprecated
	p.next()
	return e, nil
}

func (p *parser) found() string {
	if p.token == "" {
		return "the end"
	}
	return fmt.Sprintf("%q", clip(p.token))
}

// simple reads an id, with a "+" or not, or a reference.
func simple(token string) (*Expression, error) {
	switch token {
	case "":
		return nil, fmt.Errorf("want a license, found the end")
	case ")", "AND", "OR", "WITH":
		return nil, fmt.Errorf("want a license, found %q", token)
	}
	// "GPL-2.0+" is an id of its own, so the id comes before the operator.
	if id, deprecated, ok := License(token); ok {
		return &Expression{ID: id, Deprecated: deprecated}, nil
	}
	if base, plus := strings.CutSuffix(token, "+"); plus {
		if id, deprecated, ok := License(base); ok && !strings.HasSuffix(id, "+") {
			return &Expression{ID: id, OrLater: true, Deprecated: deprecated}, nil
		}
	}
	if IsRef(token) {
		return &Expression{ID: token}, nil
	}
	return nil, fmt.Errorf("%q is neither a license of the SPDX License List nor a LicenseRef", clip(token))
}

// IsRef reports whether s is "LicenseRef-" with an id string behind it, with a
// "DocumentRef-" before it or not.
func IsRef(s string) bool {
	if document, rest, ok := strings.Cut(s, ":"); ok {
		name, isRef := strings.CutPrefix(document, "DocumentRef-")
		if !isRef || !IsIDString(name) {
			return false
		}
		s = rest
	}
	name, ok := strings.CutPrefix(s, "LicenseRef-")
	return ok && IsIDString(name)
}

// IsIDString reports whether s is made of letters, digits, "-" and ".", and not empty.
func IsIDString(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '.') {
			return false
		}
	}
	return s != ""
}

// String is the expression in its one spelling: ids as the list has them, one
// space, and parentheses only where they are needed.
func (e *Expression) String() string {
	var b strings.Builder
	e.write(&b)
	return b.String()
}

func (e *Expression) write(b *strings.Builder) {
	if e.Op == "" {
		b.WriteString(e.ID)
		if e.OrLater {
			b.WriteByte('+')
		}
		if e.Exception != "" {
			b.WriteString(" WITH " + e.Exception)
		}
		return
	}
	for i, of := range e.Of {
		if i > 0 {
			b.WriteString(" " + e.Op + " ")
		}
		if of.Op == "OR" { // binds weaker than AND, and no OR holds another
			b.WriteByte('(')
			of.write(b)
			b.WriteByte(')')
			continue
		}
		of.write(b)
	}
}

// Walk calls visit for each licence of the expression, from left to right.
func (e *Expression) Walk(visit func(*Expression)) {
	if e.Op == "" {
		visit(e)
		return
	}
	for _, of := range e.Of {
		of.Walk(visit)
	}
}
