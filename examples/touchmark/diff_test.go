package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/touchmark-go/touchmark/provenance"
)

// Each kind of change has a color, and what a stranger wrote has none.
func TestDiffColors(t *testing.T) {
	d := difference{Provenance: []provenance.Change{
		{Field: "dependency", Name: "a", Kind: "added", New: "v1.0.0"},
		{Field: "dependency", Name: "b", Kind: "removed", Old: "v1.0.0"},
		{Field: "dependency", Name: "c", Kind: "upgraded", Old: "v1.0.0", New: "v1.1.0"},
		{Field: "flags", Name: "/x", Kind: "changed", Old: "a", New: "\x1b[31mred"},
	}}
	for _, test := range []struct {
		color bool
		want  string
	}{
		{true, "provenance\n  \x1b[32mdependency a added: v1.0.0\x1b[0m\n  \x1b[31mdependency b removed: v1.0.0\x1b[0m\n" +
			"  \x1b[33mdependency c upgraded from v1.0.0 to v1.1.0\x1b[0m\n  \x1b[33mflags /x changed from a to \"\\x1b[31mred\"\x1b[0m\n"},
		{false, "provenance\n  dependency a added: v1.0.0\n  dependency b removed: v1.0.0\n  dependency c upgraded from v1.0.0 to v1.1.0\n" +
			"  flags /x changed from a to \"\\x1b[31mred\"\n"},
	} {
		if got := string(d.text(test.color)); got != test.want {
			t.Errorf("%q, want %q", got, test.want)
		}
	}
}

// Colors are for terminals, and for those who want them.
func TestColored(t *testing.T) {
	env := func(values map[string]string) func(string) string {
		return func(name string) string { return values[name] }
	}
	file, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if colored(&bytes.Buffer{}, env(nil)) || colored(file, env(nil)) {
		t.Error("what is no terminal has colors")
	}
	terminal := openTerminal(t)
	for _, test := range []struct {
		env  map[string]string
		want bool
	}{
		{nil, true}, {map[string]string{"TERM": "xterm"}, true}, {map[string]string{"NO_COLOR": ""}, true},
		{map[string]string{"NO_COLOR": "1"}, false}, {map[string]string{"NO_COLOR": "0"}, false}, {map[string]string{"TERM": "dumb"}, false},
	} {
		if got := colored(terminal, env(test.env)); got != test.want {
			t.Errorf("%v: colored is %v, want %v", test.env, got, test.want)
		}
	}
}

// openTerminal opens a terminal of its own, where the system has such.
func openTerminal(t *testing.T) *os.File {
	t.Helper()
	f, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { f.Close() })
	if !isTerminal(f) {
		t.Skip("what /dev/ptmx opens is no terminal here")
	}
	return f
}
