package strictjson

import (
	"encoding"
	"encoding/json"
	"reflect"
	"strings"
	"sync"
	"time"
)

// A shape is what Unmarshal must know of a Go type before encoding/json sees
// the document, because encoding/json is laxer about it.
type shape struct {
	rule   rule
	fields map[string]*shape // of a struct, by the exact name; nil for all else
	elem   *shape            // of slices, arrays and maps
	self   *shape            // of an interface: what is inside obeys the same rule
	closed bool              // an unknown member is an error
	probe  reflect.Type      // while looking for the value that a type refused: that type
}

type rule int

const (
	ruleNone  rule = iota
	ruleAny        // interface: a number must survive as float64
	ruleInt        // an integer: 1e0 and -0 are refused
	ruleTime       // RFC 3339 in UTC, one spelling
	ruleBytes      // strict base64
)

func (r rule) String() string {
	switch r {
	case ruleTime:
		return "a time"
	case ruleBytes:
		return "a base64 string"
	}
	return "a value"
}

// number says what is wrong with a number under the rule.
func (r rule) number(b []byte) string {
	switch r {
	case ruleAny:
		_, why := Float(b)
		return why
	case ruleInt:
		if strings.ContainsAny(string(b), ".eE") {
			return "want an integer, found " + quote(string(b))
		}
		if string(b) == "-0" {
			return `want an integer, found "-0"`
		}
	}
	return ""
}

// member is the shape of the member of that name.
func (t *shape) member(s *Scanner, name []byte) (*shape, error) {
	if t == nil {
		return nil, nil
	}
	if t.fields == nil {
		return t.element(), nil
	}
	if of, ok := t.fields[string(name)]; ok {
		return of, nil
	}
	for known := range t.fields {
		if strings.EqualFold(known, string(name)) {
			return nil, s.FailName("member %q must be spelled %q", name, known)
		}
	}
	if t.closed {
		return nil, s.FailName("unknown member %q", name)
	}
	return nil, nil
}

// element is the shape of what an array or a map holds.
func (t *shape) element() *shape {
	if t == nil {
		return nil
	}
	if t.self != nil {
		return t.self
	}
	return t.elem
}

// A shaper makes shapes, each type's once: types may be recursive.
type shaper struct {
	closed bool
	probes bool
	made   map[reflect.Type]*shape
}

// shapes keeps the shapes that were made, by type and whether unknown members are
// refused. A type's shape never changes, and a program has only so many types.
var shapes sync.Map

// shapeOf is the shape of a type.
func shapeOf(t reflect.Type, closed bool) *shape {
	type key struct {
		t      reflect.Type
		closed bool
	}
	if s, ok := shapes.Load(key{t, closed}); ok {
		return s.(*shape)
	}
	s := (&shaper{closed: closed, made: map[reflect.Type]*shape{}}).of(t)
	shapes.Store(key{t, closed}, s)
	return s
}

func typeOf[T any]() reflect.Type { return reflect.TypeFor[T]() }

func (m *shaper) of(t reflect.Type) *shape {
	for t.Kind() == reflect.Pointer {
		if own(t) {
			break
		}
		t = t.Elem()
	}
	if s, ok := m.made[t]; ok {
		return s
	}
	if t == typeOf[time.Time]() {
		return &shape{rule: ruleTime}
	}
	if t == typeOf[json.RawMessage]() || t == typeOf[json.Number]() {
		return nil
	}
	if own(t) || own(reflect.PointerTo(t)) {
		if !m.probes {
			return nil
		}
		return &shape{probe: t}
	}
	s := &shape{}
	m.made[t] = s
	switch t.Kind() {
	case reflect.Interface:
		s.rule = ruleAny
		s.self = s
	case reflect.Float32, reflect.Float64:
		s.rule = ruleAny
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		s.rule = ruleInt
	case reflect.Slice, reflect.Array, reflect.Map:
		if t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8 {
			s.rule = ruleBytes
		}
		s.elem = m.of(t.Elem())
	case reflect.Struct:
		s.closed = m.closed
		s.fields = map[string]*shape{}
		m.addFields(s.fields, t)
	}
	return s
}

// addFields adds t's own fields, then those of its embedded structs that no
// shallower field hides.
func (m *shaper) addFields(fields map[string]*shape, t reflect.Type) {
	var embedded []reflect.Type
	for i := range t.NumField() {
		f := t.Field(i)
		tag := f.Tag.Get("json")
		name, _, _ := strings.Cut(tag, ",")
		if tag == "-" {
			continue
		}
		if inner := f.Type; f.Anonymous && name == "" {
			if inner.Kind() == reflect.Pointer {
				inner = inner.Elem()
			}
			if inner.Kind() == reflect.Struct {
				embedded = append(embedded, inner)
				continue
			}
		}
		if !f.IsExported() {
			continue
		}
		if name == "" {
			name = f.Name
		}
		if _, ok := fields[name]; !ok {
			fields[name] = m.of(f.Type)
		}
	}
	for _, e := range embedded {
		m.addFields(fields, e)
	}
}

// own reports whether t decodes itself.
func own(t reflect.Type) bool {
	return t.Implements(typeOf[json.Unmarshaler]()) || t.Implements(typeOf[encoding.TextUnmarshaler]())
}
