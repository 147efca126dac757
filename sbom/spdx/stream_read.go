package spdx

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"

	"github.com/touchmark-go/touchmark/internal/strictjson"
)

// maxPart is how many bytes one package, file, snippet or relationship may have,
// or another member as a whole, while a document is read part by part.
const maxPart = 16 << 20

// A part is an item of one of the lists that can be long, or another member.
type part struct {
	member string
	index  int // -1 for a whole member
	raw    []byte
	offset int64 // of raw, from where the reading began
	shapes map[reflect.Type][]string
}

func (p *part) pointer() string {
	if p.index < 0 {
		return "/" + p.member
	}
	return at("/"+p.member, p.index)
}

// isList reports whether a member is read item by item.
func isList(member string) bool {
	switch member {
	case "packages", "files", "snippets", "relationships":
		return true
	}
	return false
}

// parts reads a document and calls visit for each part of it. What is not
// strict JSON is refused, in what it reads itself as in the parts, unless they
// have been checked before.
func parts(r io.Reader, checked bool, visit func(*part) error) error {
	limited := &stretch{r: bufio.NewReaderSize(r, 64<<10)}
	d := json.NewDecoder(limited)
	d.UseNumber()
	if err := want(d, json.Delim('{')); err != nil {
		return err
	}
	seen := map[string]bool{}
	reader := &partReader{d: d, limited: limited, checked: checked, shapes: map[reflect.Type][]string{}, visit: visit}
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return err
		}
		name, ok := token.(string)
		if !ok || seen[name] {
			return fmt.Errorf("%q stands twice, or is no name", clip(fmt.Sprint(token)))
		}
		if len(seen) > 100 {
			return errors.New("the document has more than 100 members")
		}
		seen[name] = true
		if !isList(name) {
			if err := reader.one(name, -1); err != nil {
				return err
			}
			continue
		}
		if err := want(d, json.Delim('[')); err != nil {
			return fmt.Errorf("/%s: %w", name, err)
		}
		for i := 0; d.More(); i++ {
			if err := reader.one(name, i); err != nil {
				return err
			}
		}
		if err := want(d, json.Delim(']')); err != nil {
			return err
		}
	}
	if err := want(d, json.Delim('}')); err != nil {
		return err
	}
	if token, err := d.Token(); err != io.EOF {
		return fmt.Errorf("want the end of the document, found %v, %v", token, err)
	}
	for _, name := range demanded(reflect.TypeFor[Document]()) {
		if !seen[name] {
			return fmt.Errorf("%q is missing", name)
		}
	}
	return nil
}

func want(d *json.Decoder, delim json.Delim) error {
	token, err := d.Token()
	if err != nil {
		return err
	}
	if token != delim {
		return fmt.Errorf("want %s, found %v", delim, clip(fmt.Sprint(token)))
	}
	return nil
}

// A partReader reads parts.
type partReader struct {
	d       *json.Decoder
	limited *stretch
	checked bool
	shapes  map[reflect.Type][]string
	visit   func(*part) error
}

// one reads the next value.
func (r *partReader) one(member string, index int) error {
	p := &part{member: member, index: index, shapes: r.shapes}
	r.limited.left = maxPart
	var raw json.RawMessage
	if err := r.d.Decode(&raw); err != nil {
		return fmt.Errorf("%s: %w", p.pointer(), err)
	}
	p.raw, p.offset = raw, r.d.InputOffset()-int64(len(raw))
	if !r.checked {
		if err := strictjson.Check(raw); err != nil {
			return &partError{p, err}
		}
	}
	return r.visit(p)
}

// decode reads a part into v, as Parse would have.
func (p *part) decode(v any) error {
	if err := shape(strictjson.NewScanner(p.raw), reflect.TypeOf(v), p.shapes); err != nil {
		return &partError{p, err}
	}
	if err := strictjson.UnmarshalClosed(p.raw, v); err != nil {
		return &partError{p, err}
	}
	return nil
}

// decodeInto reads a whole member into its place in doc.
func (p *part) decodeInto(doc *Document) error {
	t := reflect.TypeFor[Document]()
	for i := range t.NumField() {
		if name, _ := nameOf(t.Field(i)); name == p.member {
			if t.Field(i).Type.Kind() == reflect.String {
				if !bytes.HasPrefix(p.raw, []byte(`"`)) {
					return &partError{p, errors.New("want a string")}
				}
				return strictjson.Unmarshal(p.raw, reflect.ValueOf(doc).Elem().Field(i).Addr().Interface())
			}
			return p.decode(reflect.ValueOf(doc).Elem().Field(i).Addr().Interface())
		}
	}
	return fmt.Errorf("%s: SPDX does not know %q", p.pointer(), clip(p.member))
}

// A partError is what is wrong within a part.
type partError struct {
	part *part
	err  error
}

func (e *partError) Error() string {
	var at *strictjson.Error
	if errors.As(e.err, &at) {
		return e.part.pointer() + at.Pointer + ": " + at.Msg
	}
	return e.part.pointer() + ": " + e.err.Error()
}

func (e *partError) Unwrap() error { return e.err }

// faultIn is a fault that the checker found in a part.
func faultIn(p *part, f *fault) error {
	rest := strings.TrimPrefix(f.pointer, p.pointer())
	line := strictjson.Line(p.raw, rest)
	return &partError{p, &strictjson.Error{Line: line, Pointer: rest, Msg: f.msg}}
}

// lineOf finds the line of an error, by reading what stands before it once more.
func lineOf(r io.Reader, err error) (int, bool) {
	var p *partError
	var within *strictjson.Error
	if !errors.As(err, &p) {
		return 0, false
	}
	line := 1
	if errors.As(p.err, &within) {
		line = within.Line
	}
	before := bufio.NewReader(io.LimitReader(r, p.part.offset))
	for {
		_, err := before.ReadSlice('\n')
		switch err {
		case nil:
			line++
		case bufio.ErrBufferFull:
		case io.EOF:
			return line, true
		default:
			return 0, false
		}
	}
}

// A stretch ends with an error when a part is longer than it may be.
type stretch struct {
	r    io.Reader
	left int
}

func (s *stretch) Read(b []byte) (int, error) {
	if s.left < -len(b) {
		return 0, fmt.Errorf("a part has more than %d bytes: %w", maxPart, strictjson.ErrLimit)
	}
	n, err := s.r.Read(b)
	s.left -= n
	return n, err
}
