package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// An object is a JSON object whose members are asked for by their exact names.
type object map[string]any

// decode reads one JSON value: UTF-8, no member twice, nothing behind it. Package
// json alone would take the last of two members, and names in other cases.
func decode(data []byte) (any, error) {
	if !utf8.Valid(data) {
		return nil, errors.New("it is not UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	v, err := value(d, 0)
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("something follows it")
	}
	if bytes.Contains(data, []byte(`\ud`)) || bytes.Contains(data, []byte(`\uD`)) {
		return nil, errors.New("it spells characters in halves, which this program does not put together")
	}
	return v, nil
}

func value(d *json.Decoder, depth int) (any, error) {
	token, err := d.Token()
	if err != nil || depth > 64 {
		return nil, fmt.Errorf("no JSON, or too deep: %v", err)
	}
	switch token {
	case json.Delim('{'):
		o := object{}
		for d.More() {
			name, err := d.Token()
			if err != nil {
				return nil, err
			}
			if _, twice := o[name.(string)]; twice {
				return nil, fmt.Errorf("member %q stands twice", name)
			}
			if o[name.(string)], err = value(d, depth+1); err != nil {
				return nil, err
			}
		}
		_, err = d.Token()
		return o, err
	case json.Delim('['):
		list := []any{}
		for d.More() {
			v, err := value(d, depth+1)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		_, err = d.Token()
		return list, err
	}
	return token, nil
}

// decodeObject reads an object.
func decodeObject(data []byte) (object, error) {
	v, err := decode(data)
	if err != nil {
		return nil, err
	}
	o, ok := v.(object)
	if !ok {
		return nil, errors.New("it is no object")
	}
	return o, nil
}

// only reports whether o has no member but these.
func (o object) only(names ...string) bool {
	for name := range o {
		if !slices.Contains(names, name) {
			return false
		}
	}
	return true
}

func (o object) str(name string) string    { s, _ := o[name].(string); return s }
func (o object) object(name string) object { v, _ := o[name].(object); return v }
func (o object) list(name string) []any    { v, _ := o[name].([]any); return v }
func (o object) flag(name string) bool     { v, _ := o[name].(bool); return v }
func (o object) number(name string) int {
	n, _ := o[name].(json.Number)
	i, _ := strconv.Atoi(string(n))
	return i
}

func (o object) strings(name string) []string {
	var out []string
	for _, v := range o.list(name) {
		s, _ := v.(string)
		out = append(out, s)
	}
	return out
}

// canonical writes a value as RFC 8785 does, for whole numbers.
func canonical(v any) ([]byte, error) {
	switch v := v.(type) {
	case object:
		names := sortedKeys(v)
		slices.SortFunc(names, func(a, b string) int { return slices.Compare(utf16.Encode([]rune(a)), utf16.Encode([]rune(b))) })
		return joined('{', '}', len(names), func(i int) ([]byte, error) {
			member, err := canonical(v[names[i]])
			return append(append(quote(names[i]), ':'), member...), err
		})
	case []any:
		return joined('[', ']', len(v), func(i int) ([]byte, error) { return canonical(v[i]) })
	case string:
		return quote(v), nil
	case json.Number:
		n, err := strconv.ParseInt(string(v), 10, 54)
		if err != nil || strconv.FormatInt(n, 10) != string(v) {
			return nil, fmt.Errorf("%s is no whole number, as this program knows them", v)
		}
		return []byte(v), nil
	}
	return json.Marshal(v) // true, false, null
}

func joined(open, end byte, n int, element func(int) ([]byte, error)) ([]byte, error) {
	out := []byte{open}
	for i := range n {
		if i > 0 {
			out = append(out, ',')
		}
		data, err := element(i)
		if err != nil {
			return nil, err
		}
		out = append(out, data...)
	}
	return append(out, end), nil
}

func quote(s string) []byte {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		if i := strings.IndexRune("\"\\\b\t\n\f\r", r); i >= 0 {
			b.WriteString(`\` + `"\btnfr`[i:i+1])
		} else if r < ' ' {
			fmt.Fprintf(&b, `\u%04x`, r)
		} else {
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return []byte(b.String())
}
