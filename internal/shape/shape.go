// Package shape says what JSON values look like, in so few words that a policy
// can hold them: the shape of a scan is
//
//	{"scanner": {"uri": "string", "result": [{"id": "string", "score": "number"}]}, "labels": {"*": "string"}}
//
// A string names a type: string, int, number, bool, time (RFC 3339), or any, of
// which nothing is known. A list of one shape is a list of such values. An object
// names the members that there may be; one whose only name is "*" has members of
// any name.
package shape

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/touchmark-go/touchmark/internal/strictjson"
)

// A Kind is what sort of value it is. The zero Kind is [Any].
type Kind int

// The kinds.
const (
	Any Kind = iota
	String
	Int
	Number
	Bool
	Time
	List
	Map
	Object
)

// words are the kinds that a string names.
var words = [...]string{Any: "any", String: "string", Int: "int", Number: "number", Bool: "bool", Time: "time"}

// A Shape is what a value looks like. The zero Shape is any value. One made of
// a Go type may lead to itself.
type Shape struct {
	Kind   Kind
	Elem   *Shape            // of a List or Map
	Fields map[string]*Shape // of an Object
}

// maxDepth bounds how deep a shape nests, and maxMembers how many members it has.
const (
	maxDepth   = 16
	maxMembers = 1000
)

// Parse reads a shape.
func Parse(data []byte) (*Shape, error) {
	var v any
	if err := strictjson.Unmarshal(data, &v); err != nil {
		return nil, err
	}
	left := maxMembers
	return parse("", v, maxDepth, &left)
}

func parse(at string, v any, depth int, left *int) (*Shape, error) {
	if *left--; depth == 0 || *left < 0 {
		return nil, fmt.Errorf("%s: deeper than %d or more than %d members", at, maxDepth, maxMembers)
	}
	switch v := v.(type) {
	case string:
		if i := slices.Index(words[:], v); i >= 0 {
			return &Shape{Kind: Kind(i)}, nil
		}
		return nil, fmt.Errorf("%s: %q is no type: want one of %s", at, v, strings.Join(words[:], ", "))
	case []any:
		if len(v) != 1 {
			return nil, fmt.Errorf("%s: a list of %d shapes: want the one of its elements", at, len(v))
		}
		elem, err := parse(at+"/0", v[0], depth-1, left)
		return &Shape{Kind: List, Elem: elem}, err
	case map[string]any:
		if elem, ok := v["*"]; ok && len(v) == 1 {
			elem, err := parse(at+"/*", elem, depth-1, left)
			return &Shape{Kind: Map, Elem: elem}, err
		}
		s := &Shape{Kind: Object, Fields: map[string]*Shape{}}
		for _, name := range slices.Sorted(maps.Keys(v)) {
			if name == "" || name == "*" {
				return nil, fmt.Errorf("%s: %q is no name of a member beside others", at, name)
			}
			field, err := parse(at+"/"+name, v[name], depth-1, left)
			if err != nil {
				return nil, err
			}
			s.Fields[name] = field
		}
		if len(s.Fields) == 0 {
			return nil, fmt.Errorf("%s: an object without members", at)
		}
		return s, nil
	}
	return nil, fmt.Errorf("%s: want a type, a list of one shape, or an object", at)
}

// Of is the shape of the JSON that encoding/json reads into v's type. What has a
// reader of its own is [Any]. Members that JSON does not name are not there.
func Of(v any) *Shape { return of(reflect.TypeOf(v), map[reflect.Type]*Shape{}) }

func of(t reflect.Type, made map[reflect.Type]*Shape) *Shape {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if s := made[t]; s != nil {
		return s
	}
	s := &Shape{}
	made[t] = s
	switch {
	case t == reflect.TypeFor[time.Time]():
		s.Kind = Time
		return s
	case t.Kind() == reflect.String || reflect.PointerTo(t).Implements(reflect.TypeFor[interface{ UnmarshalText([]byte) error }]()):
		s.Kind = String
		return s
	case reflect.PointerTo(t).Implements(reflect.TypeFor[json.Unmarshaler]()):
		return s
	}
	switch t.Kind() {
	case reflect.Bool:
		s.Kind = Bool
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		s.Kind = Int
	case reflect.Float32, reflect.Float64:
		s.Kind = Number
	case reflect.Slice, reflect.Array:
		s.Kind, s.Elem = List, of(t.Elem(), made)
	case reflect.Map:
		s.Kind, s.Elem = Map, of(t.Elem(), made)
	case reflect.Struct:
		s.Kind, s.Fields = Object, map[string]*Shape{}
		for _, f := range reflect.VisibleFields(t) {
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			if f.IsExported() && name != "" && name != "-" {
				s.Fields[name] = of(f.Type, made)
			}
		}
	}
	return s
}

// Convert is value, as encoding/json decodes it, with whole numbers as int64 and
// times as [time.Time] where s says so, and without the members that s does not
// name. The error is a value that is not of the shape, by its JSON pointer. Null
// is as good as absent.
func (s *Shape) Convert(value any) (any, error) { return s.convert("", value) }

func (s *Shape) convert(at string, value any) (any, error) {
	wrong := func() (any, error) {
		return nil, fmt.Errorf("%s is no %s", orRoot(at), s)
	}
	switch s.Kind {
	case String:
		if text, ok := value.(string); ok {
			return text, nil
		}
		return wrong()
	case Bool:
		if b, ok := value.(bool); ok {
			return b, nil
		}
		return wrong()
	case Number, Int:
		n, ok := value.(float64)
		if !ok || s.Kind == Int && (n != math.Trunc(n) || math.Abs(n) > 1<<53) {
			return wrong()
		}
		if s.Kind == Int {
			return int64(n), nil
		}
		return n, nil
	case Time:
		text, _ := value.(string)
		t, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			return wrong()
		}
		return t.UTC(), nil
	case List:
		list, ok := value.([]any)
		if !ok {
			return wrong()
		}
		out := make([]any, len(list))
		for i, v := range list {
			var err error
			if out[i], err = s.Elem.convert(fmt.Sprintf("%s/%d", at, i), v); err != nil {
				return nil, err
			}
		}
		return out, nil
	case Map, Object:
		object, ok := value.(map[string]any)
		if !ok {
			return wrong()
		}
		out := make(map[string]any, len(object))
		for _, name := range slices.Sorted(maps.Keys(object)) {
			field := s.Elem
			if s.Kind == Object {
				field = s.Fields[name]
			}
			if field == nil || object[name] == nil {
				continue
			}
			var err error
			if out[name], err = field.convert(at+"/"+name, object[name]); err != nil {
				return nil, err
			}
		}
		return out, nil
	}
	return value, nil
}

// String is the kind, for people.
func (s *Shape) String() string {
	switch s.Kind {
	case List:
		return "list"
	case Map, Object:
		return "object"
	}
	return words[s.Kind]
}

func orRoot(at string) string {
	if at == "" {
		return "it"
	}
	return at
}
