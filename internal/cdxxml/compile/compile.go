// Package compile makes the tables of package cdxxml out of the XML schemas of
// CycloneDX. Nothing but its command and a test imports it.
package compile

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/touchmark-go/touchmark/internal/cdxxml"
	"github.com/touchmark-go/touchmark/internal/strictxml"
)

const xsd = "http://www.w3.org/2001/XMLSchema"

// Table compiles the schema of one version into the text of its table.
func Table(version string, data []byte) ([]byte, error) {
	root, err := strictxml.Parse(data)
	if err != nil {
		return nil, err
	}
	c := &compiler{out: &cdxxml.Schema{Version: version}, named: map[string]*strictxml.Element{}, done: map[string]cdxxml.Type{}}
	for _, e := range root.Children {
		if name := attr(e, "name"); name != "" {
			c.named[e.Name.Local+" "+name] = e
		}
	}
	bom := c.named["element bom"]
	if bom == nil {
		return nil, fmt.Errorf("no element bom")
	}
	c.out.Root = c.elementType(bom)
	for _, e := range bom.Children {
		if e.Name.Local == "unique" {
			c.out.Unique = true
		}
	}
	if c.err != nil {
		return nil, c.err
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(c.out); err != nil {
		return nil, err
	}
	// A type a line, so that a change of a schema can be read.
	return []byte(strings.NewReplacer(`},{"b"`, "},\n{\"b\"", `},{"u"`, "},\n{\"u\"", `"Complex"`, "\n\"Complex\"", `},{"a"`, "},\n{\"a\"", `},{"any"`, "},\n{\"any\"").Replace(b.String())), nil
}

type compiler struct {
	out   *cdxxml.Schema
	named map[string]*strictxml.Element // "complexType componentType"
	done  map[string]cdxxml.Type
	err   error
}

func (c *compiler) fail(e *strictxml.Element, format string, args ...any) {
	if c.err == nil {
		c.err = fmt.Errorf("line %d: %s: %s", e.Line, e.Name.Local, fmt.Sprintf(format, args...))
	}
}

func attr(e *strictxml.Element, name string) string {
	for _, a := range e.Attrs {
		if a.Name == (strictxml.Name{Local: name}) {
			return a.Value
		}
	}
	return ""
}

// children are the schema's own, without annotations.
func children(e *strictxml.Element) []*strictxml.Element {
	var list []*strictxml.Element
	for _, child := range e.Children {
		if child.Name.Space == xsd && child.Name.Local != "annotation" && child.Name.Local != "unique" {
			list = append(list, child)
		}
	}
	return list
}

func child(e *strictxml.Element, name string) *strictxml.Element {
	for _, child := range children(e) {
		if child.Name.Local == name {
			return child
		}
	}
	return nil
}

// elementType is the type of an element or attribute: named, or inside it.
func (c *compiler) elementType(e *strictxml.Element) cdxxml.Type {
	if name := attr(e, "type"); name != "" {
		return c.typeOf(e, name)
	}
	if t := child(e, "simpleType"); t != nil {
		return c.simple(t)
	}
	if t := child(e, "complexType"); t != nil {
		return c.add(t)
	}
	return ""
}

// typeOf is a type by its name.
func (c *compiler) typeOf(e *strictxml.Element, name string) cdxxml.Type {
	if t, ok := c.done[name]; ok {
		return t
	}
	prefix, local, _ := strings.Cut(name, ":")
	switch {
	case prefix == "xs":
		t := c.addSimple(cdxxml.Simple{Base: local})
		c.done[name] = t
		return t
	case prefix == "spdx":
		t := c.addSimple(cdxxml.Simple{Base: "string", License: true})
		c.done[name] = t
		return t
	case c.named["simpleType "+local] != nil:
		t := c.simple(c.named["simpleType "+local])
		c.done[name] = t
		return t
	case c.named["complexType "+local] != nil:
		// The place comes first: types hold themselves.
		t := cdxxml.Type("c" + strconv.Itoa(len(c.out.Complex)))
		c.done[name] = t
		c.out.Complex = append(c.out.Complex, cdxxml.Complex{})
		c.fill(t, c.named["complexType "+local])
		return t
	}
	c.fail(e, "no type %q", name)
	return ""
}

func (c *compiler) addSimple(s cdxxml.Simple) cdxxml.Type {
	c.out.Simple = append(c.out.Simple, s)
	return cdxxml.Type("s" + strconv.Itoa(len(c.out.Simple)-1))
}

func (c *compiler) add(e *strictxml.Element) cdxxml.Type {
	t := cdxxml.Type("c" + strconv.Itoa(len(c.out.Complex)))
	c.out.Complex = append(c.out.Complex, cdxxml.Complex{})
	c.fill(t, e)
	return t
}

func (c *compiler) simple(e *strictxml.Element) cdxxml.Type {
	if u := child(e, "union"); u != nil {
		var s cdxxml.Simple
		for _, name := range strings.Fields(attr(u, "memberTypes")) {
			s.Union = append(s.Union, c.typeOf(u, name))
		}
		for _, member := range children(u) {
			s.Union = append(s.Union, c.simple(member))
		}
		return c.addSimple(s)
	}
	r := child(e, "restriction")
	if r == nil {
		c.fail(e, "neither a restriction nor a union")
		return ""
	}
	var s cdxxml.Simple
	base := c.typeOf(r, attr(r, "base"))
	if name, ok := strings.CutPrefix(attr(r, "base"), "xs:"); ok {
		s.Base = name
	} else {
		s.Also = base
		if i, err := strconv.Atoi(string(base[1:])); err == nil && base[0] == 's' {
			s.Base = c.out.Simple[i].Base
		}
	}
	for _, facet := range children(r) {
		value := attr(facet, "value")
		n, _ := strconv.Atoi(value)
		switch facet.Name.Local {
		case "enumeration":
			s.Enum = append(s.Enum, value)
		case "pattern":
			s.Pattern = c.pattern(facet, value)
		case "minLength":
			s.MinLength = n
		case "maxLength":
			s.MaxLength = n
		case "minInclusive":
			s.Min = value
		case "maxInclusive":
			s.Max = value
		default:
			c.fail(facet, "unknown facet")
		}
	}
	return c.addSimple(s)
}

// pattern is an expression of XML Schema in the syntax of package regexp: they
// agree in all that the schemas use, but that '$' and '^' are letters there.
func (c *compiler) pattern(e *strictxml.Element, value string) string {
	var b strings.Builder
	class := false
	for i := 0; i < len(value); i++ {
		switch v := value[i]; {
		case v == '\\':
			b.WriteString(value[i : i+2])
			i++
		case v == '$' && !class:
			b.WriteString(`\$`)
		case v == '^' && !class:
			b.WriteString(`\^`)
		default:
			class = class && v != ']' || v == '['
			b.WriteByte(v)
		}
	}
	text := `^(?:` + b.String() + `)$`
	if _, err := regexp.Compile(text); err != nil {
		c.fail(e, "%v", err)
	}
	return text
}

func (c *compiler) fill(t cdxxml.Type, e *strictxml.Element) {
	x := cdxxml.Complex{Mixed: attr(e, "mixed") == "true"}
	if s := child(e, "simpleContent"); s != nil {
		ext := child(s, "extension")
		x.Text = c.typeOf(ext, attr(ext, "base"))
		c.attributes(&x, ext)
	} else {
		if child(e, "complexContent") != nil {
			c.fail(e, "complexContent")
		}
		for _, p := range children(e) {
			switch p.Name.Local {
			case "sequence", "choice":
				particle := c.particle(p)
				x.Of = &particle
			}
		}
		c.attributes(&x, e)
	}
	i, _ := strconv.Atoi(string(t[1:]))
	c.out.Complex[i] = x
}

func (c *compiler) attributes(x *cdxxml.Complex, e *strictxml.Element) {
	for _, a := range children(e) {
		switch a.Name.Local {
		case "attribute":
			x.Attrs = append(x.Attrs, cdxxml.Attr{Name: attr(a, "name"), Type: c.elementType(a), Required: attr(a, "use") == "required"})
		case "attributeGroup":
			_, name, _ := strings.Cut(attr(a, "ref"), ":")
			c.attributes(x, c.named["attributeGroup "+name])
		case "anyAttribute":
			x.Any = strings.TrimPrefix(attr(a, "namespace"), "##")
		case "sequence", "choice", "simpleContent":
		default:
			c.fail(a, "not known here")
		}
	}
}

func (c *compiler) particle(e *strictxml.Element) cdxxml.Particle {
	p := cdxxml.Particle{Min: 1, Max: 1}
	if v := attr(e, "minOccurs"); v != "" {
		p.Min, _ = strconv.Atoi(v)
	}
	if v := attr(e, "maxOccurs"); v == "unbounded" {
		p.Max = 0
	} else if v != "" {
		p.Max, _ = strconv.Atoi(v)
	}
	if p.Min > 1 || p.Max > 1 {
		c.fail(e, "occurs %d to %d times", p.Min, p.Max)
	}
	switch e.Name.Local {
	case "element":
		if attr(e, "ref") != "" {
			c.fail(e, "a reference")
		}
		p.Kind, p.Name, p.Default = "e", attr(e, "name"), attr(e, "default")
		p.Type = c.elementType(e)
	case "any":
		p.Kind = "a"
		if attr(e, "namespace") != "##other" || attr(e, "processContents") != "lax" {
			c.fail(e, "of another kind")
		}
	case "sequence", "choice":
		p.Kind = e.Name.Local[:1]
		for _, of := range children(e) {
			p.Of = append(p.Of, c.particle(of))
		}
	default:
		c.fail(e, "unknown")
	}
	return p
}
