package strictjson

import (
	"bytes"
	"strconv"
)

func quote(s string) string { return strconv.Quote(s) }

// value reads any value, and holds it against the shape of the Go type that it
// will be decoded into. A nil shape demands nothing.
func (s *Scanner) value(t *shape) error {
	if t != nil && t.probe != nil {
		return s.probed(t)
	}
	kind := s.Kind()
	if t != nil && (t.rule == ruleTime || t.rule == ruleBytes) && kind != '"' && kind != 'n' {
		return s.Fail("want %s, found %s", t.rule, s.found())
	}
	switch kind {
	case '{':
		return s.Object(func(name []byte) error {
			of, err := t.member(s, name)
			if err != nil {
				return err
			}
			return s.value(of)
		})
	case '[':
		of := t.element()
		return s.Array(func(int) error { return s.value(of) })
	case '"':
		if t != nil && (t.rule == ruleTime || t.rule == ruleBytes) {
			return s.typedString(t.rule)
		}
		_, _, err := s.str()
		return err
	case '0':
		start := s.pos
		if err := s.number(); err != nil {
			return err
		}
		if t == nil {
			return nil
		}
		if msg := t.rule.number(s.data[start:s.pos]); msg != "" {
			return s.errorAt(start, false, "%s", msg)
		}
		return nil
	}
	for _, word := range []string{"null", "true", "false"} {
		if bytes.HasPrefix(s.data[s.pos:], []byte(word)) {
			s.pos += len(word)
			return nil
		}
	}
	return s.errorAt(s.pos, false, "want a value, found %s", s.found())
}

// number reads the number at the place: its grammar only.
func (s *Scanner) number() error {
	if s.data[s.pos] == '-' {
		s.pos++
	}
	if s.pos < len(s.data) && s.data[s.pos] == '0' {
		s.pos++
	} else if s.digits() == 0 {
		return s.errorAt(s.pos, false, "want a digit, found %s", s.found())
	}
	if s.pos < len(s.data) && s.data[s.pos] == '.' {
		s.pos++
		if s.digits() == 0 {
			return s.errorAt(s.pos, false, "want a digit after '.', found %s", s.found())
		}
	}
	if s.pos < len(s.data) && s.data[s.pos]|0x20 == 'e' {
		s.pos++
		if s.pos < len(s.data) && (s.data[s.pos] == '+' || s.data[s.pos] == '-') {
			s.pos++
		}
		if s.digits() == 0 {
			return s.errorAt(s.pos, false, "want a digit in the exponent, found %s", s.found())
		}
	}
	return nil
}

func (s *Scanner) digits() int {
	start := s.pos
	for s.pos < len(s.data) && '0' <= s.data[s.pos] && s.data[s.pos] <= '9' {
		s.pos++
	}
	return s.pos - start
}

// Float is the value of a JSON number that a float64 can stand for, and else
// says why not: an integer beyond 2^53 would lose its last digits, and others
// would become infinite, or zero.
func Float(number []byte) (value float64, why string) {
	digits := number
	if digits[0] == '-' {
		digits = digits[1:]
	}
	if !bytes.ContainsAny(digits, "eE") {
		whole, fraction, _ := bytes.Cut(digits, []byte("."))
		const largest = "9007199254740992"
		if len(whole) > len(largest) || len(whole) == len(largest) && (string(whole) > largest ||
			string(whole) == largest && len(bytes.Trim(fraction, "0")) > 0) {
			return 0, "a number beyond 2^53 that would lose precision"
		}
	}
	f, err := strconv.ParseFloat(string(number), 64)
	if err != nil {
		return 0, "a number beyond the range of a float64"
	}
	if mantissa, _, _ := bytes.Cut(bytes.ToLower(digits), []byte("e")); f == 0 && len(bytes.Trim(mantissa, "0.")) > 0 {
		return 0, "a number too small for a float64"
	}
	return f, ""
}
