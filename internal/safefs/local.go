package safefs

import (
	"fmt"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxName is the longest path from outside that [Local] accepts, in bytes.
const MaxName = 4096

// Local refuses a slash-separated path from outside unless it names, in one
// spelling and on every system alike, something below the folder it is used in
// (docs/threats.md, row 43). So a backslash, a colon, a control or format character,
// a name that Windows reserves or trims, an element that is empty, "." or "..",
// and an absolute path are all [ErrNotLocal].
//
// It looks at the path only. What is on the disk there may be a link: open it
// with [OpenIn].
func Local(name string) error {
	refuse := func(why string) error {
		return fmt.Errorf("%q is %w: %s", shorten(name), ErrNotLocal, why)
	}
	switch {
	case len(name) > MaxName:
		return refuse("it is too long")
	case !utf8.ValidString(name):
		return refuse("it is not UTF-8")
	case strings.HasPrefix(name, "/"):
		return refuse("it is absolute")
	case strings.ContainsAny(name, `\:`):
		return refuse("it has a backslash or a colon")
	case strings.ContainsFunc(name, unprintable):
		return refuse("it has a control or format character")
	case name != path.Clean(name) || name == "." || name == ".." || strings.HasPrefix(name, "../"):
		return refuse("an element is empty, . or ..")
	}
	for element := range strings.SplitSeq(name, "/") {
		if reserved(element) {
			return refuse("an element is a name that Windows reserves")
		}
	}
	return nil
}

// unprintable also catches the characters that turn the direction of text.
func unprintable(r rune) bool { return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) }

// reserved knows the device names of Windows, which it finds in every folder
// and under every extension, and the names that it silently shortens.
func reserved(element string) bool {
	if strings.HasSuffix(element, ".") || strings.HasSuffix(element, " ") {
		return true
	}
	base, _, _ := strings.Cut(element, ".")
	base = strings.ToUpper(strings.TrimRight(base, " "))
	switch base {
	case "CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$":
		return true
	}
	stem, ok := strings.CutPrefix(base, "COM")
	if !ok {
		stem, ok = strings.CutPrefix(base, "LPT")
	}
	return ok && utf8.RuneCountInString(stem) == 1 && strings.Contains("0123456789¹²³", stem)
}

// shorten keeps an error message readable.
func shorten(name string) string {
	if len(name) > 100 {
		return name[:100] + "…"
	}
	return name
}
