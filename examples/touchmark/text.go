package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"unicode"

	"golang.org/x/term"
)

// show makes what a stranger wrote safe to print: what does not print, or marks
// or reorders text, is escaped, and what is long is cut.
func show(s string) string {
	const most = 300
	if plain(s) && len(s) <= most {
		return s
	}
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return fmt.Sprintf("%+q", s)
}

// plain reports whether s can do nothing to a terminal or to a reader's eye:
// what turns the direction of text or has no width is a format character, which
// does not count as printable.
func plain(s string) bool {
	for _, r := range s {
		if !unicode.IsPrint(r) || r == unicode.ReplacementChar {
			return false
		}
	}
	return true
}

// oneLine makes an error one line that is safe to print, however long.
func oneLine(s string) string {
	if plain(s) {
		return s
	}
	quoted := fmt.Sprintf("%+q", s)
	return quoted[1 : len(quoted)-1]
}

// showAll is show of each, with commas.
func showAll(list []string) string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = show(s)
	}
	return strings.Join(out, ", ")
}

// short is the beginning of a key ID or digest, for a line that a person reads.
func short(hex string) string {
	if len(hex) > 12 {
		return show(hex[:12] + "…")
	}
	return show(hex)
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// progress writes a line to standard error if a person is looking at it.
func progress(w io.Writer, format string, args ...any) {
	if isTerminal(w) {
		fmt.Fprintf(w, format+"\n", args...)
	}
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

func table(w io.Writer) *tabwriter.Writer { return tabwriter.NewWriter(w, 0, 4, 2, ' ', 0) }

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return show(s)
}

func sortedNames[T any](m map[string]T) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
