package cdxxml

import (
	"fmt"
	"sort"
	"strings"

	"github.com/touchmark-go/touchmark/internal/strictxml"
)

const xsiSpace = "http://www.w3.org/2001/XMLSchema-instance"

// VersionOf is the version that a root element is of.
func VersionOf(root *strictxml.Element) (string, error) {
	version, ok := strings.CutPrefix(root.Name.Space, Namespace)
	if !ok || root.Name.Local != "bom" {
		return "", fmt.Errorf("line %d: the root is <%s> of the namespace %q, want <bom> of CycloneDX", root.Line, clip(root.Name.Local), clip(root.Name.Space))
	}
	if len(version) != 3 || version < "1.0" || version > "1.7" {
		return "", fmt.Errorf("line %d: the root is of CycloneDX %q, want 1.0 to 1.7", root.Line, clip(version))
	}
	return version, nil
}

// Validate reports what the schema forbids in a document. What it accepts it
// also cleans: the texts and attributes of simple types are in the white space
// that their type has, empty elements with a default hold it, and what is of
// another namespace is taken out.
func (s *Schema) Validate(root *strictxml.Element) error {
	if root.Name != (strictxml.Name{Space: Namespace + s.Version, Local: "bom"}) {
		return fmt.Errorf("line %d: the root is <%s> of the namespace %q, want <bom> of %q", root.Line, clip(root.Name.Local), clip(root.Name.Space), Namespace+s.Version)
	}
	v := validator{s: s, space: Namespace + s.Version, automata: map[Type]*automaton{}, patterns: patterns{}, refs: map[string]bool{}}
	if s.Unique {
		for _, child := range root.Children {
			if err := v.unique(child); err != nil {
				return err
			}
		}
	}
	return v.element(root, s.Root, "")
}

type validator struct {
	s        *Schema
	space    string
	automata map[Type]*automaton
	patterns patterns
	refs     map[string]bool
}

func clip(s string) string {
	if len(s) <= 200 {
		return s
	}
	return strings.ToValidUTF8(s[:200], "") + "…"
}

func failf(e *strictxml.Element, format string, args ...any) error {
	return fmt.Errorf("line %d: <%s>: %s", e.Line, clip(e.Name.Local), fmt.Sprintf(format, args...))
}

// unique notes the bom-refs of an element and of all in it, whoever's namespace
// they are of.
func (v *validator) unique(e *strictxml.Element) error {
	for _, a := range e.Attrs {
		if a.Name == (strictxml.Name{Local: "bom-ref"}) {
			if v.refs[a.Value] {
				return failf(e, "the bom-ref %q is used twice", clip(a.Value))
			}
			v.refs[a.Value] = true
		}
	}
	for _, child := range e.Children {
		if err := v.unique(child); err != nil {
			return err
		}
	}
	return nil
}

// element holds an element against its type.
func (v *validator) element(e *strictxml.Element, t Type, byDefault string) error {
	if simple := v.s.simple(t); simple != nil {
		return v.simpleElement(e, simple, byDefault)
	}
	c := v.s.complex(t)
	if c == nil {
		e.Children = nil
		return nil // any content at all
	}
	if err := v.attributes(e, c); err != nil {
		return err
	}
	if c.Text != "" {
		return v.text(e, v.s.simple(c.Text), byDefault)
	}
	if c.Of == nil && !c.Mixed && e.Text != "" {
		return failf(e, "it holds the text %q, want nothing, not even white space", clip(e.Text))
	}
	if !c.Mixed && strings.Trim(e.Text, " \t\r\n") != "" {
		return failf(e, "it holds the text %q, want elements only", clip(strings.TrimSpace(e.Text)))
	}
	a := v.automata[t]
	if a == nil {
		a = newAutomaton(c.Of)
		v.automata[t] = a
	}
	return v.children(e, a)
}

func (v *validator) simpleElement(e *strictxml.Element, t *Simple, byDefault string) error {
	if err := v.attributes(e, &Complex{}); err != nil {
		return err
	}
	return v.text(e, t, byDefault)
}

// text holds the text of an element against its type.
func (v *validator) text(e *strictxml.Element, t *Simple, byDefault string) error {
	if len(e.Children) > 0 {
		return failf(e, "it holds <%s>, want text only", clip(e.Children[0].Name.Local))
	}
	if e.Text == "" && byDefault != "" {
		e.Text = byDefault
	}
	value, err := v.s.value(t, e.Text, v.patterns)
	if err != nil {
		return failf(e, "%v", err)
	}
	e.Text = value
	return nil
}

// attributes holds the attributes of an element against those that it may have.
func (v *validator) attributes(e *strictxml.Element, c *Complex) error {
	kept := e.Attrs[:0]
	seen := 0
	for _, a := range e.Attrs {
		switch {
		case a.Name.Space == xsiSpace && (a.Name.Local == "schemaLocation" || a.Name.Local == "noNamespaceSchemaLocation"):
			continue
		case a.Name.Space == xsiSpace:
			return failf(e, "the attribute xsi:%s changes what the schema says, and is not read", clip(a.Name.Local))
		case a.Name.Space != "" && (c.Any == "any" || c.Any == "other" && a.Name.Space != v.space):
			continue
		}
		want := find(c.Attrs, a.Name)
		switch {
		case want == nil && a.Name.Space == "" && c.Any == "any":
			continue
		case want == nil:
			return failf(e, "it has the attribute %q, which its type does not know", clip(a.Name.Local))
		}
		if t := v.s.simple(want.Type); t != nil {
			value, err := v.s.value(t, a.Value, v.patterns)
			if err != nil {
				return failf(e, "the attribute %s: %v", want.Name, err)
			}
			a.Value = value
		}
		if want.Required {
			seen++
		}
		kept = append(kept, a)
	}
	e.Attrs = kept
	for _, a := range c.Attrs {
		if a.Required {
			seen--
		}
	}
	if seen < 0 {
		for _, a := range c.Attrs {
			if a.Required && !has(e, a.Name) {
				return failf(e, "the attribute %s is missing", a.Name)
			}
		}
	}
	return nil
}

func find(list []Attr, n strictxml.Name) *Attr {
	for i := range list {
		if n.Space == "" && list[i].Name == n.Local {
			return &list[i]
		}
	}
	return nil
}

func has(e *strictxml.Element, name string) bool {
	for _, a := range e.Attrs {
		if a.Name == (strictxml.Name{Local: name}) {
			return true
		}
	}
	return false
}

// children holds the children of an element against what may stand in it.
func (v *validator) children(e *strictxml.Element, a *automaton) error {
	kept := e.Children[:0]
	state := -1
	for _, child := range e.Children {
		next, ok := a.step(state, func(p *Particle) bool {
			if p.Kind == "a" {
				return child.Name.Space != v.space && child.Name.Space != ""
			}
			return child.Name == strictxml.Name{Space: v.space, Local: p.Name}
		})
		if !ok {
			if child.Name.Space != v.space {
				return failf(child, "it is of the namespace %q, want %s", clip(child.Name.Space), a.wanted(state))
			}
			return failf(child, "it may not stand here, want %s", a.wanted(state))
		}
		state = next
		if p := a.leaves[state]; p.Kind == "e" {
			if err := v.element(child, p.Type, p.Default); err != nil {
				return err
			}
			kept = append(kept, child)
		}
	}
	if !a.accepts(state) {
		return failf(e, "something is missing at its end: want %s", a.wanted(state))
	}
	e.Children = kept
	return nil
}

// Arrange puts a tree without namespaces into that of the schema, the children
// of each element into the order that the schema wants, and a reference that
// stands in an attribute into the text where the schema has it there. What the
// schema does not know stays where it is, for [Schema.Validate] to refuse.
func (s *Schema) Arrange(root *strictxml.Element) {
	s.arrange(root, s.Root)
}

func (s *Schema) arrange(e *strictxml.Element, t Type) {
	e.Name.Space = Namespace + s.Version
	if s.simple(t) != nil && e.Text == "" && len(e.Attrs) == 1 && e.Attrs[0].Name == (strictxml.Name{Local: "ref"}) {
		e.Text, e.Attrs = e.Attrs[0].Value, nil
	}
	c := s.complex(t)
	if c == nil || c.Of == nil {
		return
	}
	a := newAutomaton(c.Of)
	place := map[string]int{}
	types := map[string]Type{}
	for i, leaf := range a.leaves {
		if _, known := place[leaf.Name]; leaf.Kind == "e" && !known {
			place[leaf.Name], types[leaf.Name] = i, leaf.Type
		}
	}
	if ordered(c.Of) {
		sort.SliceStable(e.Children, func(i, j int) bool {
			return place[e.Children[i].Name.Local] < place[e.Children[j].Name.Local]
		})
	}
	for _, child := range e.Children {
		s.arrange(child, types[child.Name.Local])
	}
}

// ordered reports whether elements have one place each: nothing but single
// elements repeats.
func ordered(p *Particle) bool {
	if p.Kind != "e" && p.Kind != "a" && p.Max == 0 && len(p.Of) > 1 {
		return false
	}
	for i := range p.Of {
		if !ordered(&p.Of[i]) {
			return false
		}
	}
	return true
}
