package safetext_test

import (
	"strings"
	"testing"

	"github.com/touchmark-go/touchmark/internal/safetext"
)

func TestShow(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"", ""},
		{"dist/app", "dist/app"},
		{"größer 木", "größer 木"},
		{"a\nDENY", `"a\nDENY"`},
		{"\x1b[2J", `"\x1b[2J"`},
		{"\u009b2J", `"\u009b2J"`}, // a control character beyond ASCII
		{"abc\u202egpj", `"abc\u202egpj"`},
		{"zero\u200bwidth", `"zero\u200bwidth"`},
		{"no-break\u00a0space", `"no-break\u00a0space"`},
		{"\xff", `"\xff"`},
		{strings.Repeat("x", 300), strings.Repeat("x", 300)},
		{strings.Repeat("x", 1000), `"` + strings.Repeat("x", 300) + `\u2026"`},
		{strings.Repeat("x", 299) + "木木", `"` + strings.Repeat("x", 299) + `\u2026"`}, // not cut within a letter
	} {
		if got := safetext.Show(c.in); got != c.want {
			t.Errorf("%q: %s, want %s", c.in, got, c.want)
		}
	}
}
