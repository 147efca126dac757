package verify

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/touchmark-go/touchmark/internal/safetext"
	"github.com/touchmark-go/touchmark/internal/strictjson"
)

// A ConfigError says what makes a trust file or a policy unusable, and where.
// Code is [CodePolicyInvalid] or [CodeTrustInvalid].
type ConfigError struct {
	Code    Code   // which of the two files
	Name    string // the policy's name, if it has one
	Line    int    // in the file, counted from 1; 0 if it was not read from one
	Pointer string // JSON pointer to the member
	Msg     string // what was found, and what was wanted
}

// Error is the code, where it is, and what is wrong, on one line.
func (e *ConfigError) Error() string {
	var b strings.Builder
	b.WriteString(string(e.Code))
	if e.Name != "" {
		b.WriteString(": " + safetext.Show(e.Name))
	}
	if e.Line > 0 {
		fmt.Fprintf(&b, ": line %d", e.Line)
	}
	if e.Pointer != "" {
		b.WriteString(": " + safetext.Show(e.Pointer))
	}
	b.WriteString(": " + e.Msg)
	return b.String()
}

// A loader reads one configuration file and turns what is wrong into ConfigErrors.
type loader struct {
	code Code
	data []byte
	name string // of the policy, once it is known
}

// decode reads the whole document, or a part of it at pointer, closed.
func (l *loader) decode(pointer string, data []byte, v any) error {
	err := strictjson.UnmarshalClosed(data, v)
	if err == nil {
		return nil
	}
	e := &ConfigError{Code: l.code, Name: l.name, Pointer: pointer, Msg: err.Error()}
	var at *strictjson.Error
	if errors.As(err, &at) {
		e.Pointer, e.Msg = pointer+at.Pointer, at.Msg
		if pointer == "" {
			e.Line = at.Line
		}
	}
	if e.Line == 0 {
		e.Line = strictjson.Line(l.data, e.Pointer)
	}
	return e
}

// errorf makes a ConfigError about the member at pointer.
func (l *loader) errorf(pointer, format string, args ...any) error {
	return &ConfigError{Code: l.code, Name: l.name, Line: strictjson.Line(l.data, pointer), Pointer: pointer, Msg: fmt.Sprintf(format, args...)}
}

// spelledOut refuses a member that is there and says nothing, "" or null: what a
// template without a value leaves behind would read as if nothing were wanted.
// What stands below the pointers of values is not this file's to say, and may be
// empty.
func (l *loader) spelledOut(values func(pointer string) bool) error {
	var document any
	if err := l.decode("", l.data, &document); err != nil {
		return err
	}
	return l.saysSomething("", document, values)
}

func (l *loader) saysSomething(pointer string, value any, values func(pointer string) bool) error {
	switch value := value.(type) {
	case nil:
		return l.errorf(pointer, "null says nothing: leave the member out")
	case string:
		if value == "" {
			return l.errorf(pointer, "must not be empty: leave the member out")
		}
	case []any:
		for i, element := range value {
			if err := l.saysSomething(fmt.Sprintf("%s/%d", pointer, i), element, values); err != nil {
				return err
			}
		}
	case map[string]any:
		if values(pointer) {
			return nil
		}
		for _, name := range sortedKeys(value) {
			if err := l.saysSomething(pointer+"/"+strictjson.EscapePointer(name), value[name], values); err != nil {
				return err
			}
		}
	}
	return nil
}

// A Quorum is so many principals out of a group, or out of each of several. Of
// holds names of principals and of roles; the zero Quorum is invalid. In a file a
// bare name is a quorum of one, and {"any": true} is Any: whoever trust knows.
type Quorum struct {
	Any     bool     // one principal, whichever trust knows; then nothing else is set
	AtLeast int      // how many distinct principals; at least 1
	Of      []string // names of principals and roles; each once
	And     []Quorum // further groups that must be met too, without Any and And of their own; nobody counts for two of them
}

// MarshalJSON writes the form that a file has.
func (q Quorum) MarshalJSON() ([]byte, error) {
	if q.Any && (q.AtLeast != 0 || len(q.Of)+len(q.And) > 0) {
		return nil, errors.New("a quorum of any and of somebody")
	}
	if q.Any {
		return anyJSON, nil
	}
	for _, g := range q.And {
		if g.Any || len(g.And) > 0 {
			return nil, errors.New("a group of a quorum that has Any or And itself")
		}
	}
	if q.AtLeast == 1 && len(q.Of) == 1 && q.Of[0] != "any" && len(q.And) == 0 { // a word of the grammar, and no name
		return json.Marshal(q.Of[0])
	}
	return json.Marshal(struct {
		AtLeast int      `json:"atLeast"`
		Of      []string `json:"of"`
		And     []Quorum `json:"and,omitempty"`
	}{q.AtLeast, q.Of, q.And})
}

// String is the quorum in words: "2 of alice, bob, carol".
func (q Quorum) String() string {
	if q.Any {
		return "anyone known to trust"
	}
	s := fmt.Sprintf("%d of %s", q.AtLeast, strings.Join(q.Of, ", "))
	if q.AtLeast == 1 && len(q.Of) == 1 {
		s = q.Of[0]
	}
	for _, g := range q.And {
		s += " and " + g.String()
	}
	return s
}

var anyJSON = []byte(`{"any":true}`)

// quorum reads a Quorum; mayAny allows {"any": true} and "any".
func (l *loader) quorum(pointer string, data json.RawMessage, mayAny bool) (Quorum, error) {
	if isString(data) {
		var name string
		if err := l.decode(pointer, data, &name); err != nil {
			return Quorum{}, err
		}
		if name == "any" && mayAny {
			return Quorum{Any: true}, nil
		}
		if !validName(name) {
			return Quorum{}, l.errorf(pointer, "%q is no name of a principal or role", name)
		}
		return Quorum{AtLeast: 1, Of: []string{name}}, nil
	}
	var in struct {
		Any     *bool             `json:"any"`
		AtLeast *int              `json:"atLeast"`
		Of      []string          `json:"of"`
		And     []json.RawMessage `json:"and"`
	}
	if err := l.decode(pointer, data, &in); err != nil {
		return Quorum{}, err
	}
	if in.Any != nil {
		if !mayAny || !*in.Any || in.AtLeast != nil || in.Of != nil || in.And != nil {
			return Quorum{}, l.errorf(pointer+"/any", "want {\"atLeast\": N, \"of\": [names]}")
		}
		return Quorum{Any: true}, nil
	}
	if in.AtLeast == nil || *in.AtLeast < 1 {
		return Quorum{}, l.errorf(pointer, "atLeast must be there and at least 1: a quorum of nobody is no check")
	}
	if len(in.Of) == 0 {
		return Quorum{}, l.errorf(pointer, "of must name somebody: nobody can meet an empty quorum")
	}
	seen := map[string]bool{}
	for i, name := range in.Of {
		if !validName(name) {
			return Quorum{}, l.errorf(fmt.Sprintf("%s/of/%d", pointer, i), "%q is no name of a principal or role", name)
		}
		if seen[name] {
			return Quorum{}, l.errorf(fmt.Sprintf("%s/of/%d", pointer, i), "%q stands here twice", name)
		}
		seen[name] = true
	}
	q := Quorum{AtLeast: *in.AtLeast, Of: in.Of}
	for i, data := range in.And {
		at := fmt.Sprintf("%s/and/%d", pointer, i)
		g, err := l.quorum(at, data, false)
		if err != nil {
			return Quorum{}, err
		}
		if g.And != nil {
			return Quorum{}, l.errorf(at+"/and", "groups stand side by side, not one in another")
		}
		q.And = append(q.And, g)
	}
	if in.And != nil && q.And == nil {
		return Quorum{}, l.errorf(pointer+"/and", "names no group: leave it out")
	}
	return q, nil
}

// group reads a Quorum of one group, where several are a list of quorums.
func (l *loader) group(pointer string, data json.RawMessage) (Quorum, error) {
	q, err := l.quorum(pointer, data, false)
	if err == nil && q.And != nil {
		return q, l.errorf(pointer+"/and", "groups are entries of their own here")
	}
	return q, err
}

// validName reports whether s can name a principal, a role or an authority.
// "any" is a word of the grammar.
func validName(s string) bool {
	return s != "any" && len(s) <= 128 && nameForm(s)
}

// nameForm reports whether s begins with an ASCII letter or digit, and has none but
// those and the characters ._@+- in it.
func nameForm(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case i > 0 && strings.IndexByte("._@+-", c) >= 0:
		default:
			return false
		}
	}
	return s != ""
}

// isString reports whether a JSON value is a string.
func isString(data json.RawMessage) bool { return len(data) > 0 && data[0] == '"' }

// duration reads "30d", "1h", "10m" or "45s": a positive whole number and one unit.
func (l *loader) duration(pointer, s string) (time.Duration, error) {
	if end := len(s) - 1; end > 0 && end <= 10 && '1' <= s[0] && s[0] <= '9' {
		n, err := strconv.ParseUint(s[:end], 10, 63) // digits and nothing else
		unit := map[byte]time.Duration{'s': time.Second, 'm': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour}[s[end]]
		if err == nil && unit > 0 && n <= uint64(100*365*24*time.Hour/unit) {
			return time.Duration(n) * unit, nil
		}
	}
	return 0, l.errorf(pointer, "%q is no duration: want a positive whole number and s, m, h or d, like \"30d\", of at most 100 years", s)
}

// formatDuration is the inverse of duration: the largest unit that fits. What
// has no such form comes out as one that duration refuses.
func formatDuration(d time.Duration) string {
	if d%time.Second != 0 {
		return d.String()
	}
	for _, u := range []struct {
		unit time.Duration
		name string
	}{{24 * time.Hour, "d"}, {time.Hour, "h"}, {time.Minute, "m"}} {
		if d%u.unit == 0 {
			return strconv.FormatInt(int64(d/u.unit), 10) + u.name
		}
	}
	return strconv.FormatInt(int64(d/time.Second), 10) + "s"
}
