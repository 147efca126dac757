package cdxschema

import (
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"
)

// A Format is a further demand on a string.
type Format uint8

// The formats. Those of RFC 3339 and of URIs are asserted as the schemas'
// dialect (JSON Schema draft 7) allows; that an e-mail address is one is not,
// because hardly any validator of these schemas asserts it.
const (
	NoFormat Format = iota
	Line            // no line feed in it
	DateTime
	Date
	URI
	IRIReference
	Email
	SerialNumber
	MIMEType
	HashHex
	Locale
	BOMLinkDocument
	BOMLinkElement
	CRE
	PatentNumber
	Country
)

// formats are the names that the table has for them.
var formats = map[string]Format{
	"line": Line, "date-time": DateTime, "date": Date, "uri": URI, "iri-reference": IRIReference, "idn-email": Email,
	"serialNumber": SerialNumber, "mimeType": MIMEType, "hashHex": HashHex, "locale": Locale, "bomLinkDocument": BOMLinkDocument,
	"bomLinkElement": BOMLinkElement, "cre": CRE, "patentNumber": PatentNumber, "country": Country,
}

// wanted says what a string of the format is.
var wanted = [...]string{
	NoFormat: "a string", Line: "a string of one line", DateTime: "a date and time as 2006-01-02T15:04:05Z", Date: "a date as 2006-01-02",
	URI: "a URI", IRIReference: "a URI or a reference to one", Email: "an e-mail address",
	SerialNumber: "urn:uuid: and a UUID in lower case", MIMEType: "a media type", HashHex: "32, 40, 64, 96 or 128 hexadecimal digits",
	Locale: "a locale as en or en-US", BOMLinkDocument: "a BOM-Link to a document", BOMLinkElement: "a BOM-Link to an element",
	CRE: "an identifier as CRE:123-456", PatentNumber: "a patent number", Country: "two capital letters",
}

// Check reports whether s is a string that n, of Kind String or a Choice of
// such, allows, and if not what it wants.
func (n *Node) Check(s string) (want string, ok bool) {
	if n.Kind == Choice {
		count := 0
		for _, alt := range n.Alts {
			w, ok := alt.Check(s)
			if ok {
				if count++; !n.Exactly {
					return "", true
				}
			} else if want == "" {
				want = w
			}
		}
		if count > 1 {
			want = "a string of one kind only"
		}
		return want, count == 1
	}
	switch {
	case n.Kind == Any:
		return "", true
	case n.Kind != String:
		return "no string", false
	case n.enum != nil:
		if _, ok := n.Value(s); !ok {
			return n.wantEnum(), false
		}
		return "", true
	case n.Format != NoFormat:
		return wanted[n.Format], n.Format.Matches(s)
	}
	if len(s) < n.Min || n.Max > 0 && len(s) > n.Max {
		switch count := utf8.RuneCountInString(s); {
		case count < n.Min:
			return fmt.Sprintf("at least %d characters", n.Min), false
		case n.Max > 0 && count > n.Max:
			return fmt.Sprintf("at most %d characters", n.Max), false
		}
	}
	return "", true
}

// wantEnum names the values that are allowed, if they are few.
func (n *Node) wantEnum() string {
	values := n.Values()
	if len(values) == 1 {
		return fmt.Sprintf("%q", values[0])
	}
	if len(values) > 16 {
		return fmt.Sprintf("one of the %d values of %s", len(values), n.Name)
	}
	return "one of " + strings.Join(values, ", ")
}

// Matches reports whether s is of the format.
func (f Format) Matches(s string) bool {
	switch f {
	case Line:
		return strings.IndexByte(s, '\n') < 0
	case DateTime:
		return isDateTime(s)
	case Date:
		return isDate(s)
	case URI:
		u, ok := parseURL(s)
		return ok && u.IsAbs()
	case IRIReference:
		return isPlainURL(s) || isReference(s)
	case SerialNumber:
		rest, ok := strings.CutPrefix(s, "urn:uuid:")
		return ok && len(rest) == 36 && isUUID(rest)
	case MIMEType:
		kind, subtype, _ := strings.Cut(s, "/")
		return all(kind, isMIME) && all(subtype, isMIME)
	case HashHex:
		switch len(s) {
		case 32, 40, 64, 96, 128:
			return isHex(s)
		}
		return false
	case Locale:
		return len(s) == 2 && all(s, isLower) || len(s) == 5 && all(s[:2], isLower) && s[2] == '-' && all(s[3:], isUpper)
	case BOMLinkDocument, BOMLinkElement:
		return isBOMLink(s, f == BOMLinkElement)
	case CRE:
		rest, ok := strings.CutPrefix(s, "CRE:")
		first, second, _ := strings.Cut(rest, "-")
		return ok && all(first, isDigit) && all(second, isDigit)
	case PatentNumber:
		return isPatentNumber(s)
	case Country:
		return len(s) == 2 && all(s, isUpper)
	}
	return true
}

// all reports whether s has characters, and all of them are such.
func all(s string, is func(byte) bool) bool {
	for i := range len(s) {
		if !is(s[i]) {
			return false
		}
	}
	return s != ""
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
func isLower(c byte) bool { return 'a' <= c && c <= 'z' }
func isUpper(c byte) bool { return 'A' <= c && c <= 'Z' }
func isMIME(c byte) bool {
	return isLower(c) || isDigit(c) || c == '-' || c == '+' || c == '.'
}

// hexadecimal has a true for each digit of either letter case.
var hexadecimal = [256]bool{
	'0': true, '1': true, '2': true, '3': true, '4': true, '5': true, '6': true, '7': true, '8': true, '9': true,
	'a': true, 'b': true, 'c': true, 'd': true, 'e': true, 'f': true, 'A': true, 'B': true, 'C': true, 'D': true, 'E': true, 'F': true,
}

func isHex(s string) bool {
	ok := true
	for i := range len(s) {
		ok = ok && hexadecimal[s[i]]
	}
	return ok
}

func isUUID(s string) bool {
	for i := range len(s) {
		switch i {
		case 8, 13, 18, 23:
			if s[i] != '-' {
				return false
			}
		default:
			if !isDigit(s[i]) && (s[i] < 'a' || s[i] > 'f') {
				return false
			}
		}
	}
	return len(s) == 36
}

// isBOMLink reads urn:cdx:SERIAL/VERSION, with #ELEMENT or without.
func isBOMLink(s string, element bool) bool {
	rest, ok := strings.CutPrefix(s, "urn:cdx:")
	if !ok || len(rest) < 38 || !isUUID(rest[:36]) || rest[36] != '/' {
		return false
	}
	version, fragment, hasFragment := strings.Cut(rest[37:], "#")
	if !all(version, isDigit) || version[0] == '0' || hasFragment != element || element && (fragment == "" || strings.IndexByte(fragment, '\n') >= 0) {
		return false
	}
	return isReference(s)
}

func isPatentNumber(s string) bool {
	alnum := func(c byte) bool { return isDigit(c) || isLower(c) || isUpper(c) }
	n := len(s)
	if n < 2 || n > 30 || !alnum(s[0]) || !alnum(s[n-1]) {
		return false
	}
	for i := 1; i < n-1; i++ {
		if !alnum(s[i]) && strings.IndexByte("-/.() \t\n\f\r", s[i]) < 0 {
			return false
		}
	}
	return true
}

func isDate(s string) bool {
	if len(s) != 10 || s[4] != '-' || s[7] != '-' {
		return false
	}
	year, month, day := digits(s[:4]), digits(s[5:7]), digits(s[8:])
	if year < 0 || month < 1 || month > 12 || day < 1 {
		return false
	}
	return day <= 28 || day <= time.Date(year, time.Month(month)+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

// isDateTime reads RFC 3339: leap seconds where there may be some, and either
// letter case.
func isDateTime(s string) bool {
	if len(s) < 20 || s[10]|0x20 != 't' || !isDate(s[:10]) || s[13] != ':' || s[16] != ':' {
		return false
	}
	hour, minute, second := digits(s[11:13]), digits(s[14:16]), digits(s[17:19])
	if hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60 {
		return false
	}
	rest := s[19:]
	if rest[0] == '.' {
		i := 1
		for i < len(rest) && isDigit(rest[i]) {
			i++
		}
		if i == 1 || i == len(rest) {
			return false
		}
		rest = rest[i:]
	}
	offset := 0
	if rest != "Z" && rest != "z" {
		if len(rest) != 6 || rest[0] != '+' && rest[0] != '-' || rest[3] != ':' {
			return false
		}
		h, m := digits(rest[1:3]), digits(rest[4:])
		if h < 0 || h > 23 || m < 0 || m > 59 {
			return false
		}
		if offset = h*60 + m; rest[0] == '+' {
			offset = -offset
		}
	}
	return second < 60 || (hour*60+minute+offset+24*60)%(24*60) == 24*60-1
}

// digits is the number that s spells in digits alone, or negative.
func digits(s string) int {
	n := 0
	for i := range len(s) {
		if !isDigit(s[i]) {
			return -1
		}
		n = n*10 + int(s[i]-'0')
	}
	return n
}

// isPlainURL knows what most references are: https, a host's name, and a path
// of plain characters. What it does not know may be a reference all the same.
func isPlainURL(s string) bool {
	rest, ok := strings.CutPrefix(s, "https://")
	if !ok {
		if rest, ok = strings.CutPrefix(s, "http://"); !ok {
			return false
		}
	}
	i := 0
	for i < len(rest) && (isMIME(rest[i]) && rest[i] != '+' || isUpper(rest[i])) {
		i++
	}
	if i < len(rest) && rest[i] != '/' {
		return false
	}
	for ; i < len(rest); i++ {
		if !plain[rest[i]] {
			return false
		}
	}
	return true
}

// plain are the characters of a URL that mean themselves anywhere in a path,
// query or fragment.
var plain = func() (set [256]bool) {
	for _, c := range "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/?#:@!$&'()*+,;=" {
		set[c] = true
	}
	return set
}()

func isReference(s string) bool {
	if strings.IndexByte(s, '\\') >= 0 {
		return false
	}
	_, ok := parseURL(s)
	return ok
}

// parseURL is url.Parse, which does not look into IPv6 addresses.
func parseURL(s string) (*url.URL, bool) {
	u, err := url.Parse(s)
	if err != nil {
		return nil, false
	}
	if host := u.Hostname(); strings.Contains(host, ":") {
		a, err := netip.ParseAddr(host)
		return u, err == nil && a.Is6() && a.Zone() == "" && strings.Contains(u.Host, "[")
	}
	return u, true
}
