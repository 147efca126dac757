package verify

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/touchmark-go/touchmark/internal/jcs"
	"github.com/touchmark-go/touchmark/internal/strictjson"
)

// A Matcher is what one value must be. Exactly one field is set; the zero
// Matcher is invalid. In a file a bare value is Exact.
type Matcher struct {
	Exact   any    // the value, as JSON: a string, number, bool or list
	OneOf   []any  // one of these
	Pattern string // RE2, anchored at both ends; the value must be a string
	Any     bool   // anything; everything below it may be anything too, unless it is named
	Request string // "name" or "version" of the requested name
}

// MarshalJSON writes the form that a file has. A Matcher that a file cannot say
// is an error, and not one that says less.
func (m Matcher) MarshalJSON() ([]byte, error) {
	n := 0
	for _, set := range []bool{m.Exact != nil, m.OneOf != nil, m.Pattern != "", m.Any, m.Request != ""} {
		if set {
			n++
		}
	}
	if n != 1 {
		return nil, fmt.Errorf("a matcher with %d of its fields set: want one", n)
	}
	switch {
	case m.Any:
		return anyJSON, nil
	case m.OneOf != nil:
		return json.Marshal(map[string]any{"oneOf": m.OneOf})
	case m.Pattern != "":
		return json.Marshal(map[string]any{"pattern": m.Pattern})
	case m.Request != "":
		return json.Marshal(map[string]any{"request": m.Request})
	}
	data, err := json.Marshal(m.Exact)
	if err == nil && data[0] == '{' {
		return nil, errors.New("an exact object: want a string, number, bool or list")
	}
	return data, err
}

// String is what the matcher wants, in words.
func (m Matcher) String() string {
	switch {
	case m.Any:
		return "anything"
	case m.OneOf != nil:
		var s []string
		for _, v := range m.OneOf {
			s = append(s, valueString(v))
		}
		return "one of " + strings.Join(s, ", ")
	case m.Pattern != "":
		return "a match of " + m.Pattern
	case m.Request != "":
		return "the requested " + m.Request
	}
	return valueString(m.Exact)
}

// matchers reads a map of JSON pointers to Matchers.
func (l *loader) matchers(at string, raw map[string]json.RawMessage, mayRequest bool) (map[string]Matcher, error) {
	out := make(map[string]Matcher, len(raw))
	for _, pointer := range slices.Sorted(maps.Keys(raw)) {
		at := at + "/" + strictjson.EscapePointer(pointer)
		if _, ok := splitPointer(pointer); !ok || len(pointer) > maxName {
			return nil, l.errorf(at, "%q is no JSON pointer: want one like \"/inputs/channel\"", pointer)
		}
		m, err := l.matcher(at, raw[pointer], mayRequest)
		if err != nil {
			return nil, err
		}
		out[pointer] = m
	}
	return out, nil
}

func (l *loader) matcher(at string, data json.RawMessage, mayRequest bool) (Matcher, error) {
	var m Matcher
	if len(data) == 0 || data[0] != '{' {
		if err := l.decode(at, data, &m.Exact); err != nil {
			return m, err
		}
		return m, nil
	}
	var in struct {
		OneOf   []any  `json:"oneOf"`
		Pattern string `json:"pattern"`
		Any     bool   `json:"any"`
		Request string `json:"request"`
	}
	if err := l.decode(at, data, &in); err != nil {
		return m, err
	}
	m = Matcher{OneOf: in.OneOf, Pattern: in.Pattern, Any: in.Any, Request: in.Request}
	n := 0
	for _, set := range []bool{len(m.OneOf) > 0, m.Pattern != "", m.Any, m.Request != ""} {
		if set {
			n++
		}
	}
	if n != 1 {
		return m, l.errorf(at, "want exactly one of oneOf (not empty), pattern (not empty), any (true) and request")
	}
	if slices.Contains(m.OneOf, nil) {
		return m, l.errorf(at+"/oneOf", "null matches nothing")
	}
	if m.Pattern != "" {
		if _, err := compilePattern(m.Pattern); err != nil {
			return m, l.errorf(at+"/pattern", "%v", err)
		}
	}
	if m.Request != "" {
		if m.Request != "name" && m.Request != "version" {
			return m, l.errorf(at+"/request", "%q: want name or version", m.Request)
		}
		if !mayRequest {
			return m, l.errorf(at+"/request", "the policy has no package, or this is no attestation: nothing was requested by name")
		}
	}
	return m, nil
}

// compilePattern compiles an RE2 pattern anchored at both ends.
func compilePattern(pattern string) (*regexp.Regexp, error) {
	if len(pattern) > 1024 {
		return nil, fmt.Errorf("pattern of %d bytes: want at most 1024", len(pattern))
	}
	if _, err := regexp.Compile(pattern); err != nil {
		return nil, err // first alone, so that it cannot close the group around it
	}
	return regexp.Compile(`\A(?:` + pattern + `)\z`)
}

// match reports whether value is as m wants. A pattern was compiled before.
func (m Matcher) match(value any, asked name) bool {
	switch {
	case m.Any:
		return true
	case m.OneOf != nil:
		return slices.ContainsFunc(m.OneOf, func(v any) bool { return equalJSON(v, value) })
	case m.Pattern != "":
		s, ok := value.(string)
		re, err := compilePattern(m.Pattern)
		return ok && err == nil && len(s) <= maxName && re.MatchString(s)
	case m.Request == "name":
		return asked.name != "" && value == any(asked.name)
	case m.Request == "version":
		return asked.version != "" && value == any(asked.version)
	}
	return equalJSON(m.Exact, value)
}

// equalJSON compares two values by their RFC 8785 forms.
func equalJSON(a, b any) bool {
	x, err := jcs.Marshal(a)
	if err != nil {
		return false
	}
	y, err := jcs.Marshal(b)
	return err == nil && bytes.Equal(x, y)
}

// valueString is a value as JSON, or a string as it is.
func valueString(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	data, err := jcs.Marshal(v)
	if err != nil {
		return "a value that is no JSON"
	}
	return string(data)
}

// lookup finds the value that a JSON pointer names. Null is as good as absent.
func lookup(root any, pointer string) (any, bool) {
	steps, ok := splitPointer(pointer)
	if !ok {
		return nil, false
	}
	for _, s := range steps {
		switch node := root.(type) {
		case map[string]any:
			root = node[s]
		case []any:
			i, err := strconv.Atoi(s)
			if err != nil || strconv.Itoa(i) != s || i < 0 || i >= len(node) {
				return nil, false
			}
			root = node[i]
		default:
			return nil, false
		}
	}
	return root, root != nil
}

// A mismatch is one value that is not as wanted.
type mismatch struct{ pointer, want, got string }

// mismatches holds root against rules. Every rule binds; what no rule names is
// let be, unless closed: then it is a mismatch too (SLSA v1.2, verifying
// artifacts: unknown external parameters are refused).
func mismatches(rules map[string]Matcher, root any, asked name, closed bool, named ...string) []mismatch {
	var out []mismatch
	for _, pointer := range slices.Sorted(maps.Keys(rules)) {
		m := rules[pointer]
		value, there := lookup(root, pointer)
		if m.Any {
			continue
		}
		if !there {
			out = append(out, mismatch{pointer, m.String(), "nothing"})
		} else if !m.match(value, asked) {
			want := m.String()
			switch m.Request {
			case "name":
				want = asked.name
			case "version":
				want = asked.version
			}
			got := valueString(value)
			if s, isText := value.(string); isText && (got == want || ascii(s) != s) {
				got = fmt.Sprintf("%+q", s) // "4" is not 4, and some letters look like others
			}
			out = append(out, mismatch{pointer, want, got})
		}
	}
	if closed {
		var strays []string
		unnamed(rules, root, "", named, &strays)
		for _, pointer := range strays {
			value, _ := lookup(root, pointer)
			out = append(out, mismatch{pointer, "no parameter that the policy does not name", valueString(value)})
		}
	}
	return out
}

// reaches reports whether something below at is named.
func reaches(rules map[string]Matcher, named []string, at string) bool {
	below := func(pointer string) bool { return strings.HasPrefix(pointer, at+"/") }
	return slices.ContainsFunc(slices.Collect(maps.Keys(rules)), below) || slices.ContainsFunc(named, below)
}

// maxUnnamed is how many values that no rule names are reported: the first ones.
const maxUnnamed = 20

// unnamed adds to out the values below node that no rule names, in order. Below a
// pointer that is too long for a rule it does not look: it would be repeated for
// every value there.
func unnamed(rules map[string]Matcher, node any, at string, named []string, out *[]string) {
	if _, ok := rules[at]; ok || node == nil || slices.Contains(named, at) || len(*out) == maxUnnamed {
		return // an exact rule has compared the whole value, an open one waives what no deeper rule names
	}
	object, ok := node.(map[string]any)
	if !ok || len(at) > maxName || len(object) == 0 && at != "" && !reaches(rules, named, at) {
		*out = append(*out, at)
		return
	}
	for _, key := range slices.Sorted(maps.Keys(object)) {
		unnamed(rules, object[key], at+"/"+strictjson.EscapePointer(key), named, out)
	}
}
