package sbom

import (
	"fmt"
	"strings"
	"unicode"
)

// plainText is s as a terminal may show it: on one line, and quoted if something
// in it does not print, or turns the direction of the text.
func plainText(s string) string {
	if strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) || r == unicode.ReplacementChar }) {
		return fmt.Sprintf("%+q", s)
	}
	return s
}
