package strictjson

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"reflect"
	"strings"
	"time"
)

// Unmarshal checks data and decodes it into v, which must be a pointer to a
// zero value. On top of [Check] it refuses, with the line:
//
//   - null for the whole document
//   - a member whose name only folds to the name of a field
//   - times that are not RFC 3339 with Z (a leap second, a comma, year 0)
//   - byte strings that are not strict standard base64, padded
//   - where an integer is wanted: fractions, exponents and -0
//   - where v has an interface or a float: integers beyond 2^53, and numbers
//     that a float64 turns into infinity or zero
//
// Unknown members are ignored. A type that decodes itself sees its bytes after
// they passed [Check], and must be strict about the rest by itself; an [*Error]
// that it returns about its own bytes is moved to the place in data.
func Unmarshal(data []byte, v any) error { return unmarshal(data, v, false) }

// UnmarshalClosed is Unmarshal, and refuses members that v has no field for.
func UnmarshalClosed(data []byte, v any) error { return unmarshal(data, v, true) }

func unmarshal(data []byte, v any, closed bool) error {
	t := reflect.TypeOf(v)
	if t == nil || t.Kind() != reflect.Pointer || reflect.ValueOf(v).IsNil() {
		return fmt.Errorf("strictjson: want a pointer to decode into, got %T", v)
	}
	s := NewScanner(data)
	if s.Kind() == 'n' {
		return s.Fail("want a value, found null")
	}
	err := s.value(shapeOf(t.Elem(), closed))
	if err == nil {
		err = s.End()
	}
	var refused *Error
	if errors.As(err, &refused) {
		refused.size, refused.sum = len(data), sum(data)
		return refused
	}
	if err = json.Unmarshal(data, v); err == nil {
		return nil
	}
	e := locate(data, err, (&shaper{probes: true, made: map[reflect.Type]*shape{}}).of(t.Elem()))
	e.size, e.sum = len(data), sum(data)
	return e
}

// locate says where in data, which was checked and is well formed, the value
// stands that could not be decoded.
func locate(data []byte, err error, t *shape) *Error {
	s := NewScanner(data)
	errors.As(err, &s.inner)
	var at *Error
	if errors.As(s.value(t), &at) {
		return at
	}
	s = NewScanner(data)
	at = s.errorAt(0, false, "%v", err)
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		at = s.last(int(wrong.Offset))
		at.Msg = fmt.Sprintf("want %s, found %s", kindOf(wrong.Type), wrong.Value)
	}
	at.cause = err
	return at
}

// probed finds out whether this is the value that its type refused. If that was
// by an [*Error] about the value's own bytes, the value is known by them: the
// type is not asked again, since types that hold themselves would be asked
// twice as often for each level.
func (s *Scanner) probed(t *shape) error {
	s.space()
	start := s.pos
	raw, err := s.Raw()
	if err != nil {
		return err
	}
	if s.inner != nil {
		if len(raw) != s.inner.size || sum(raw) != s.inner.sum {
			return nil
		}
		e := s.errorAt(start+s.inner.Offset, s.inner.limit, "%s", s.inner.Msg)
		e.Pointer, e.cause = e.Pointer+s.inner.Pointer, s.inner.cause
		return e
	}
	if raw[0] == '{' || raw[0] == '[' {
		return nil
	}
	if err := json.Unmarshal(raw, reflect.New(t.probe).Interface()); err != nil {
		e := s.errorAt(start, false, "%v", err)
		e.cause = err
		return e
	}
	return nil
}

// sum tells pieces of one document apart.
func sum(data []byte) uint64 {
	h := fnv.New64a()
	h.Write(data)
	return h.Sum64()
}

// last makes the error for the value that begins last before offset.
func (s *Scanner) last(offset int) *Error {
	stop, best := -1, 0
	var at *Error
	var walk func() error
	walk = func() error {
		kind := s.Kind()
		if s.pos >= offset {
			return errors.New("found")
		}
		if best = s.pos; best == stop {
			at = s.errorAt(best, false, "")
			return at
		}
		switch kind {
		case '{':
			return s.Object(func([]byte) error { return walk() })
		case '[':
			return s.Array(func(int) error { return walk() })
		}
		return s.Skip()
	}
	_ = walk() // the document has been checked: the walk ends where it is to
	*s, stop = Scanner{data: s.data}, best
	if _ = walk(); at == nil {
		at = s.errorAt(0, false, "")
	}
	return at
}

// kindOf names what JSON a Go type wants.
func kindOf(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "a boolean"
	case reflect.Slice, reflect.Array:
		if t.Elem().Kind() == reflect.Uint8 {
			return "a base64 string"
		}
		return "an array"
	case reflect.Map, reflect.Struct:
		return "an object"
	case reflect.Float32, reflect.Float64:
		return "a number"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return fmt.Sprintf("an integer of %d bits", t.Bits())
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return fmt.Sprintf("an unsigned integer of %d bits", t.Bits())
	}
	return t.String()
}

// typedString reads a string that must be a time or base64.
func (s *Scanner) typedString(r rule) error {
	s.space()
	start := s.pos
	text, err := s.String()
	if err != nil {
		return err
	}
	switch r {
	case ruleTime:
		if _, err := ParseTime(string(text)); err != nil {
			return s.errorAt(start, false, "%v", err)
		}
	case ruleBytes:
		if _, err := AppendBase64(nil, text); err != nil {
			return s.errorAt(start, false, "%v", err)
		}
	}
	return nil
}

// ParseTime reads RFC 3339 with Z: capital letters, no offset, at most nine
// decimals after a point, no leap second and no year 0.
func ParseTime(text string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil || !rfc3339Z(text) || t.Year() == 0 {
		return time.Time{}, fmt.Errorf("want a time like 2026-11-21T03:07:00Z, found %q", text)
	}
	return t, nil
}

// rfc3339Z reports whether text is 2026-11-21T03:07:00Z with other digits, and
// perhaps a fraction before the Z: package time takes more than that.
func rfc3339Z(text string) bool {
	const form = "0000-00-00T00:00:00"
	rest, ok := strings.CutSuffix(text, "Z")
	if !ok || len(rest) < len(form) || len(rest) == len(form)+1 || len(rest) > len(form)+1+9 {
		return false
	}
	for i := range len(rest) {
		want := byte('0')
		if i < len(form) {
			want = form[i]
		} else if i == len(form) {
			want = '.'
		}
		if c := rest[i]; c != want && (want != '0' || c < '0' || c > '9') {
			return false
		}
	}
	return true
}
