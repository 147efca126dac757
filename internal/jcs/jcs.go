// Package jcs writes JSON in the canonical form of RFC 8785: no white space,
// members sorted by their UTF-16 code units, numbers as ECMAScript prints
// them. Two documents with the same meaning have the same bytes, so they can be
// hashed and compared.
//
// It is narrower than the RFC in what it takes: an integer beyond 2^53 is
// refused, because the canonical form would silently round it.
package jcs

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"sort"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/touchmark-go/touchmark/internal/strictjson"
)

// Marshal returns the canonical form of v as encoding/json writes it. A string
// in v that is not UTF-8 is an error; encoding/json would replace it.
func Marshal(v any) ([]byte, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	// encoding/json writes U+FFFD as itself, and escaped only in place of bytes
	// that are not UTF-8.
	if bytes.Contains(b, []byte(`\ufffd`)) {
		return nil, errors.New("want UTF-8 strings, found one that is not")
	}
	return Transform(b)
}

// Transform returns the canonical form of a document, which is read strictly:
// errors are those of [strictjson.Check], and numbers must fit a float64.
func Transform(data []byte) ([]byte, error) {
	w := &writer{s: strictjson.NewScanner(data)}
	if err := w.value(); err != nil {
		return nil, err
	}
	if err := w.s.End(); err != nil {
		return nil, err
	}
	return w.out, nil
}

type writer struct {
	s   *strictjson.Scanner
	out []byte
}

func (w *writer) value() error {
	switch w.s.Kind() {
	case '{':
		return w.object()
	case '[':
		w.out = append(w.out, '[')
		err := w.s.Array(func(i int) error {
			if i > 0 {
				w.out = append(w.out, ',')
			}
			return w.value()
		})
		w.out = append(w.out, ']')
		return err
	case '"':
		text, err := w.s.String()
		w.out = appendString(w.out, text)
		return err
	case '0':
		raw, err := w.s.Raw()
		if err != nil {
			return err
		}
		f, why := strictjson.Float(raw)
		if why != "" {
			return w.s.Fail("%s", why)
		}
		w.out = appendNumber(w.out, f)
		return nil
	}
	raw, err := w.s.Raw()
	w.out = append(w.out, raw...)
	return err
}

// A member is a member that has been written, at its place in the input's order.
type member struct {
	name    []uint16
	written []byte
}

func (w *writer) object() error {
	outer := w.out
	var members []member
	err := w.s.Object(func(name []byte) error {
		w.out = appendString(nil, name)
		w.out = append(w.out, ':')
		units := utf16.Encode([]rune(string(name)))
		err := w.value()
		members = append(members, member{units, w.out})
		return err
	})
	w.out = append(outer, '{')
	// RFC 8785, 3.2.3: by UTF-16 code units, which is not the order of UTF-8.
	sort.Slice(members, func(i, j int) bool { return slices.Compare(members[i].name, members[j].name) < 0 })
	for i, m := range members {
		if i > 0 {
			w.out = append(w.out, ',')
		}
		w.out = append(w.out, m.written...)
	}
	w.out = append(w.out, '}')
	return err
}

// appendString writes text as RFC 8785, 3.2.2.2 says: the short escapes where
// there are, \u00xx for other control characters, everything else as it is.
func appendString(dst, text []byte) []byte {
	dst = append(dst, '"')
	for _, c := range text {
		switch {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c >= ' ' || c >= utf8.RuneSelf:
			dst = append(dst, c)
		case c == '\b':
			dst = append(dst, `\b`...)
		case c == '\f':
			dst = append(dst, `\f`...)
		case c == '\n':
			dst = append(dst, `\n`...)
		case c == '\r':
			dst = append(dst, `\r`...)
		case c == '\t':
			dst = append(dst, `\t`...)
		default:
			const digits = "0123456789abcdef"
			dst = append(dst, `\u00`...)
			dst = append(dst, digits[c>>4], digits[c&15])
		}
	}
	return append(dst, '"')
}

// appendNumber writes f as ECMAScript's Number.prototype.toString does.
func appendNumber(dst []byte, f float64) []byte {
	if f == 0 {
		return append(dst, '0') // -0 too
	}
	abs := max(f, -f)
	if abs >= 1e-6 && abs < 1e21 {
		return strconv.AppendFloat(dst, f, 'f', -1, 64)
	}
	dst = strconv.AppendFloat(dst, f, 'e', -1, 64)
	// Go pads the exponent to two digits.
	if n := len(dst); dst[n-2] == '0' && (dst[n-3] == '-' || dst[n-3] == '+') {
		dst = append(dst[:n-2], dst[n-1])
	}
	return dst
}
