package image

import (
	"strings"
	"unicode"
	"unicode/utf8"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

// properties are those of a component, in the order in which they are added.
type properties []cdx.Property

func (p *properties) add(name, value string) { *p = append(*p, cdx.Property{Name: name, Value: value}) }

// maxText is the longest text that is copied from an image.
const maxText = 4 << 10

// clean is text of strangers as a document may show it: no control characters, and
// not without end.
func clean(s string) string {
	if len(s) > maxText {
		s = strings.ToValidUTF8(s[:maxText], "")
	}
	if utf8.ValidString(s) && strings.IndexFunc(s, hidden) < 0 {
		return strings.TrimSpace(s)
	}
	s = strings.ToValidUTF8(s, "\ufffd")
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if hidden(r) {
			return '\ufffd'
		}
		return r
	}, s))
}

// hidden reports whether a character would not show, or change how others do.
func hidden(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) }
