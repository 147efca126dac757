package main

import (
	"strings"
	"testing"
)

func TestShow(t *testing.T) {
	for s, want := range map[string]string{
		"":                             "",
		"dist/app v1.0.0":              "dist/app v1.0.0",
		"Käse 漢字":                      "Käse 漢字",
		"a\nDENY":                      `"a\nDENY"`,
		"\x1b[2J":                      `"\x1b[2J"`,
		"\u009b2J":                     `"\u009b2J"`,
		"app\u202ecod.exe":             `"app\u202ecod.exe"`,
		"app\u2066x":                   `"app\u2066x"`,
		"zero\u200bwidth":              `"zero\u200bwidth"`,
		"no\u00a0break":                `"no\u00a0break"`,
		"bad\xff":                      `"bad\xff"`,
		"a\tb":                         `"a\tb"`,
		strings.Repeat("x", 301):       `"` + strings.Repeat("x", 300) + `\u2026"`,
		strings.Repeat("ä", 151):       `"` + strings.Repeat(`\u00e4`, 150) + `\u2026"`,
		"a" + strings.Repeat("ä", 150): `"a` + strings.Repeat(`\u00e4`, 149) + `\u2026"`,
	} {
		if got := show(s); got != want {
			t.Errorf("show(%q) = %s, want %s", s, got, want)
		}
	}
	if got, want := oneLine("it's \"a\"\nb"), `it's \"a\"\nb`; got != want {
		t.Errorf("oneLine: %s, want %s", got, want)
	}
}
