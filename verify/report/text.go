package report

import (
	"strings"
	"unicode/utf8"

	"github.com/touchmark-go/touchmark/verify"
)

// Options tune [Options.Text] for where it is shown. The zero Options give the
// text as [verify.Verdict.String] has it, for a file or a pipe. Whether there is
// a terminal, how wide it is and whether its user wants no colour is the
// caller's to find out.
type Options struct {
	// Width is how many characters a line may have; longer lines are broken at
	// spaces, and what has none (a digest, a URL) is left whole. 0 breaks none, and
	// less than 40 counts as 40. Every character counts as one column.
	Width int
	// Color marks what matters with the eight colours that every terminal has.
	Color bool
}

// minWidth is the narrowest text that can be read.
const minWidth = 40

// The colours, as a terminal is told to begin with them.
const (
	plain   = ""
	bold    = "\x1b[1m"
	dim     = "\x1b[2m"
	red     = "\x1b[31m"
	green   = "\x1b[32m"
	yellow  = "\x1b[33m"
	boldRed = "\x1b[1;31m"
	boldYes = "\x1b[1;32m"
	boldNot = "\x1b[1;33m"
	reset   = "\x1b[0m"
)

// Text is the verdict as a person reads it: [verify.Verdict.String], broken to a
// width and in colour.
func (o Options) Text(v *verify.Verdict) string {
	text := v.String()
	if o.Width <= 0 && !o.Color {
		return text
	}
	var b strings.Builder
	failure := red
	if v.Decision == verify.Undecided {
		failure = yellow
	}
	for i, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		lines := []string{line}
		if o.Width > 0 {
			lines = wrap(line, max(o.Width, minWidth))
		}
		color, marked := plain, 0
		if o.Color {
			color, marked = colorOf(line, i == 0, failure)
		}
		for _, l := range lines {
			n := min(marked, len(l))
			marked -= n
			b.WriteString(paint(color, l[:n]))
			b.WriteString(l[n:])
			b.WriteByte('\n')
		}
	}
	return b.String()
}

// paint is s in a colour.
func paint(color, s string) string {
	if color == plain || s == "" {
		return s
	}
	return color + s + reset
}

// whole is more bytes than a line has.
const whole = 1 << 30

// colorOf chooses the colour of a line by how it begins, and how many bytes of it
// have that colour. A line is all that it can be: what strangers wrote holds no
// line break, and never begins one.
func colorOf(line string, first bool, failure string) (color string, marked int) {
	word, _, _ := strings.Cut(line, " ")
	switch {
	case first && word == "ALLOW":
		return boldYes, whole
	case first && word == "DENY":
		return boldRed, whole
	case first:
		return boldNot, whole
	case strings.HasPrefix(line, "    do   "):
		return bold, whole
	case strings.HasPrefix(line, "    "):
		return dim, len("    want")
	case strings.HasPrefix(line, "EXCEPTION "):
		return yellow, whole
	case strings.HasPrefix(line, "set aside ") || strings.HasPrefix(line, "noted "):
		return yellow, len(word)
	case strings.HasPrefix(line, "by "):
		return dim, whole
	case strings.HasPrefix(line, "last good in "):
		return bold, len("last good")
	}
	number, rest, _ := strings.Cut(line, " ")
	what, _, _ := strings.Cut(rest, " ")
	switch {
	case number == "" || strings.Trim(number, "0123456789") != "":
		return plain, 0
	case what == "passed:":
		return green, len(number) + len(" passed:")
	case what == "waived:":
		return yellow, len(number) + len(" waived:")
	}
	return failure, len(number) + 1 + len(what)
}

// wrap breaks a line at spaces, so that no part is wider than width if that can
// be; further parts stand under the text of the first.
func wrap(line string, width int) []string {
	if utf8.RuneCountInString(line) <= width {
		return []string{line}
	}
	indent := "    "
	if strings.HasPrefix(line, "    ") {
		indent = strings.Repeat(" ", len("    want "))
	}
	const got = "   got "
	if want, found, both := strings.Cut(line, got); both && strings.HasPrefix(line, "    want ") {
		return append(wrap(want, width), wrap("    got  "+found, width)...)
	}
	var lines []string
	for rest := line; ; {
		at := breakAt(rest, width)
		if at < 0 {
			return append(lines, rest)
		}
		lines = append(lines, strings.TrimRight(rest[:at], " "))
		rest = indent + strings.TrimLeft(rest[at:], " ")
	}
}

// breakAt finds the space at which a line is broken, the last one within width or
// else the first one after it, but none of its indentation; -1 is none.
func breakAt(line string, width int) int {
	at, column, text := -1, 0, false
	for i, r := range line {
		switch {
		case r != ' ':
			text = true
		case text && column <= width:
			at = i
		case text && at < 0:
			return i
		}
		if column >= width && at >= 0 {
			return at
		}
		column++
	}
	if column <= width {
		return -1
	}
	return at
}
