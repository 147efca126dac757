package safefs

import (
	"errors"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

func TestLocal(t *testing.T) {
	good := []string{"a", "a/b", "a.b/c-d_e", ".hidden", "a b", "ünïcode", "..a", "a/..b", "con-fig", "console", "aux1", "com", "com10", "lpta", "nul_"}
	for _, name := range good {
		if err := Local(name); err != nil {
			t.Errorf("Local(%q) = %v, want nil", name, err)
		}
	}
	bad := []string{"", ".", "..", "../a", "a/..", "a/../b", "a/../../b", "./a", "a/.", "a//b", "a/", "/", "/a", "//a/b",
		`a\b`, `..\a`, `\a`, `\\host\share`, `C:\a`, "C:a", "a:b", "a\x00b", "a\nb", "\u202ea", "a\u200b", "a\u2028b", "a\xff",
		"CON", "con", "nul", "NUL.txt", "a/aux", "aux/a", "com1", "LPT9.log", "COM¹", "conin$", "nul .txt", "a.", "a..", "...", "a ", "a./b",
		strings.Repeat("a", MaxName+1)}
	for _, name := range bad {
		err := Local(name)
		if !errors.Is(err, ErrNotLocal) {
			t.Errorf("Local(%q) = %v, want %v", name, err, ErrNotLocal)
		} else if len(err.Error()) > 400 {
			t.Errorf("the error of a name of %d bytes has %d, want it short", len(name), len(err.Error()))
		}
	}
	if err := Local(strings.Repeat("a", MaxName)); err != nil {
		t.Errorf("the longest name: %v", err)
	}
}

// FuzzLocal: what is accepted is local for the standard library too, and stays
// below whatever it is joined to.
func FuzzLocal(f *testing.F) {
	for _, name := range []string{"a/b", "../a", "a/../b", `a\b`, "C:a", "nul", "a/./b", ""} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if Local(name) != nil {
			return
		}
		if !filepath.IsLocal(filepath.FromSlash(name)) {
			t.Errorf("%q is accepted, and not local for path/filepath", name)
		}
		if got, want := path.Join("top", name), "top/"+name; got != want {
			t.Errorf("%q joins to %q, want %q", name, got, want)
		}
	})
}
