// Package safetext makes what strangers wrote safe to read.
package safetext

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Show makes a string safe to print on a terminal, in a log and in a document:
// what does not print, mark or reorder text is escaped, and what is long is cut.
func Show(s string) string {
	const most = 300
	clean := true
	for i, r := range s {
		if i > most || !unicode.IsPrint(r) || unicode.Is(unicode.Bidi_Control, r) || r == unicode.ReplacementChar {
			clean = false
			break
		}
	}
	if clean {
		return s
	}
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return fmt.Sprintf("%+q", s)
}

// EscapeJSON escapes in JSON what [Show] escapes in text: terminals also obey
// control characters beyond ASCII, and text can be turned around. It gives data
// itself if there is nothing to escape.
func EscapeJSON(data []byte) []byte {
	var out []byte
	for i, r := range string(data) {
		switch {
		case r != 0x7f && (r < 0x80 || unicode.IsPrint(r)):
			if out != nil {
				out = utf8.AppendRune(out, r)
			}
			continue
		case out == nil:
			out = slices.Clone(data[:i])
		}
		for _, unit := range utf16.AppendRune(nil, r) {
			out = fmt.Appendf(out, "\\u%04x", unit)
		}
	}
	if out == nil {
		return data
	}
	return out
}
