package cdxxml

import (
	"fmt"
	"math/big"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/touchmark-go/touchmark/internal/spdxlicense"
)

// patterns are the expressions that one document has met.
type patterns map[string]*regexp.Regexp

func (p patterns) match(pattern, text string) bool {
	e := p[pattern]
	if e == nil {
		e = regexp.MustCompile(pattern) // a test compiles them all
		p[pattern] = e
	}
	return e.MatchString(text)
}

// value is a text as its type has it, or what is wrong with it.
func (s *Schema) value(t *Simple, text string, p patterns) (string, error) {
	if t.Union != nil {
		var first error
		for _, member := range t.Union {
			value, err := s.value(s.simple(member), text, p)
			if err == nil {
				return value, nil
			}
			if first == nil {
				first = err
			}
		}
		return "", first
	}
	if t.Also != "" {
		if _, err := s.value(s.simple(t.Also), text, p); err != nil {
			return "", err
		}
	}
	text = whiteSpace(t.Base, text)
	if want := lexical(t.Base, text); want != "" {
		return "", fmt.Errorf("it is %q, want %s", clip(text), want)
	}
	switch {
	case t.License && !isLicense(text):
		return "", fmt.Errorf("it is %q, want an id of the SPDX License List", clip(text))
	case t.Enum != nil && !slices.Contains(t.Enum, text):
		return "", fmt.Errorf("it is %q, want one of %s", clip(text), clip(strings.Join(t.Enum, ", ")))
	case t.Pattern != "" && !p.match(t.Pattern, text):
		return "", fmt.Errorf("it is %q, want %s", clip(text), strings.TrimSuffix(strings.TrimPrefix(t.Pattern, "^(?:"), ")$"))
	case utf8.RuneCountInString(text) < t.MinLength:
		return "", fmt.Errorf("it is %q, want %d characters or more", clip(text), t.MinLength)
	case t.MaxLength > 0 && utf8.RuneCountInString(text) > t.MaxLength:
		return "", fmt.Errorf("it has %d characters, want %d at most", utf8.RuneCountInString(text), t.MaxLength)
	case t.Min != "" && compare(text, t.Min) < 0:
		return "", fmt.Errorf("it is %s, want %s or more", clip(text), t.Min)
	case t.Max != "" && compare(text, t.Max) > 0:
		return "", fmt.Errorf("it is %s, want %s at most", clip(text), t.Max)
	}
	return text, nil
}

// isLicense reports whether the list has s, in that letter case. CycloneDX lists
// licences and exceptions together.
func isLicense(s string) bool {
	id, _, ok := spdxlicense.License(s)
	if !ok {
		id, _, ok = spdxlicense.Exception(s)
	}
	return ok && id == s
}

// whiteSpace treats a text as its built-in type does (XML Schema 2, 4.3.6).
func whiteSpace(base, text string) string {
	switch base {
	case "string":
		return text
	case "normalizedString":
		if strings.ContainsAny(text, "\t\r\n") {
			return strings.NewReplacer("\t", " ", "\r", " ", "\n", " ").Replace(text)
		}
		return text
	}
	return strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == '\t' || r == '\r' || r == '\n' }), " ")
}

// lexical says what was wanted of a text, if it is not of its built-in type.
func lexical(base, text string) (want string) {
	ok := true
	switch base {
	case "string", "normalizedString", "token":
	case "boolean":
		ok, want = text == "true" || text == "false" || text == "1" || text == "0", "true, false, 1 or 0"
	case "integer":
		ok, want = isInteger(text), "an integer"
	case "nonNegativeInteger":
		ok, want = isInteger(text) && compare(text, "0") >= 0, "an integer of 0 or more"
	case "positiveInteger":
		ok, want = isInteger(text) && compare(text, "0") > 0, "an integer of 1 or more"
	case "decimal":
		ok, want = isDecimal(text), "a decimal number"
	case "dateTime":
		ok, want = isDateTime(text), "a time, as in 2026-11-21T05:34:23Z"
	case "date":
		ok, want = isDate(text), "a date, as in 2026-11-21"
	case "anyURI":
		ok, want = isURI(text), "a URI"
	default:
		ok, want = false, "a type that is known here"
	}
	if ok {
		return ""
	}
	return want
}

func isInteger(s string) bool {
	digits := strings.TrimPrefix(strings.TrimPrefix(s, "+"), "-")
	return digits != "" && len(s)-len(digits) < 2 && strings.Trim(digits, "0123456789") == "" && len(s) <= 40
}

func isDecimal(s string) bool {
	digits := strings.TrimPrefix(strings.TrimPrefix(s, "+"), "-")
	whole, fraction, _ := strings.Cut(digits, ".")
	return whole+fraction != "" && len(s)-len(digits) < 2 && strings.Trim(whole+fraction, "0123456789") == "" && len(s) <= 40
}

// compare compares two decimals.
func compare(a, b string) int {
	x, okX := new(big.Rat).SetString(strings.TrimPrefix(a, "+"))
	y, okY := new(big.Rat).SetString(b)
	if !okX || !okY {
		return 0
	}
	return x.Cmp(y)
}

// isDateTime reads XML Schema's dateTime (2, 3.2.7): the zone may be missing,
// and the end of a day may be written as hour 24.
func isDateTime(s string) bool {
	date, clock, ok := strings.Cut(s, "T")
	if !ok || !isDay(date) {
		return false
	}
	clock, ok = cutZone(clock)
	whole, fraction, fractional := strings.Cut(clock, ".")
	if !ok || fractional && (fraction == "" || strings.Trim(fraction, "0123456789") != "") || len(whole) != len("15:04:05") {
		return false
	}
	if whole == "24:00:00" {
		return strings.Trim(fraction, "0") == ""
	}
	_, err := time.Parse("15:04:05", whole)
	return err == nil
}

func isDate(s string) bool {
	if len(s) < len("2006-01-02") {
		return false
	}
	at := strings.LastIndexByte(s[1:], '-') + 1 // before the day, or in the zone
	if zone := strings.LastIndexByte(s, ':'); zone >= 0 && at == zone-3 {
		at = strings.LastIndexByte(s[:at], '-')
	}
	if at < 0 || at+3 > len(s) {
		return false
	}
	rest, ok := cutZone(s[at+3:])
	return ok && rest == "" && isDay(s[:at+3])
}

// isDay reads a date without a zone: a year of four digits or more, not 0000.
func isDay(s string) bool {
	digits := strings.TrimPrefix(s, "-")
	n := strings.IndexByte(digits, '-')
	if n < 4 || n > 9 || n > 4 && digits[0] == '0' || strings.Trim(digits[:n], "0123456789") != "" {
		return false
	}
	year, err := strconv.Atoi(digits[:n])
	if err != nil || year == 0 {
		return false
	}
	// Any year that leaps as this one does stands for it.
	_, err = time.Parse("2006-01-02", fmt.Sprintf("%04d", 2000+year%400)+digits[n:])
	return err == nil
}

// cutZone takes a zone off the end, which need not be there.
func cutZone(s string) (string, bool) {
	if rest, ok := strings.CutSuffix(s, "Z"); ok {
		return rest, true
	}
	at := strings.LastIndexAny(s, "+-")
	if at < 0 {
		return s, true
	}
	zone := s[at+1:]
	if len(zone) != 5 || zone[2] != ':' {
		return "", false
	}
	h, errH := strconv.Atoi(zone[:2])
	m, errM := strconv.Atoi(zone[3:])
	return s[:at], errH == nil && errM == nil && zone[0] != '-' && zone[0] != '+' && zone[3] != '-' && zone[3] != '+' && m < 60 && h*60+m <= 14*60
}

// isURI reports whether s is a URI reference once its spaces and other letters
// are escaped, as XML Schema has it (2, 3.2.17).
func isURI(s string) bool {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7f || strings.IndexByte("<>\"{}|\\^`", c) >= 0 {
			fmt.Fprintf(&b, "%%%02X", c)
			continue
		}
		b.WriteByte(s[i])
	}
	escaped := b.String()
	if strings.Count(escaped, "#") > 1 {
		return false
	}
	_, err := url.Parse(escaped)
	return err == nil
}
