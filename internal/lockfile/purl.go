package lockfile

import (
	"strings"
)

// purl is the canonical package URL of a type (ECMA-427). Pairs of qualifiers must
// be in order of their keys; one without a value is left out. The name must
// already be as the type wants it. It is "" of names that no package URL has: without
// a name, or with an empty segment or one of dots.
func purl(typ, namespace, name, version string, qualifiers ...string) string {
	var b strings.Builder
	b.WriteString("pkg:")
	b.WriteString(typ)
	b.WriteByte('/')
	if name == "" {
		return ""
	}
	if namespace != "" {
		for segment := range strings.SplitSeq(namespace, "/") {
			if segment == "" || segment == "." || segment == ".." {
				return ""
			}
			escape(&b, segment)
			b.WriteByte('/')
		}
	}
	escape(&b, name)
	if version != "" {
		b.WriteByte('@')
		escape(&b, version)
	}
	separator := byte('?')
	for i := 0; i+1 < len(qualifiers); i += 2 {
		if qualifiers[i+1] == "" {
			continue
		}
		b.WriteByte(separator)
		b.WriteString(qualifiers[i])
		b.WriteByte('=')
		escape(&b, qualifiers[i+1])
		separator = '&'
	}
	return b.String()
}

// escape writes s percent-encoded: all but letters, digits, ".-_~" and ":"
// (ECMA-427, character encoding).
func escape(b *strings.Builder, s string) {
	const digits = "0123456789ABCDEF"
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte(".-_~:", c) >= 0:
			b.WriteByte(c)
		default:
			b.WriteByte('%')
			b.WriteByte(digits[c>>4])
			b.WriteByte(digits[c&15])
		}
	}
}
