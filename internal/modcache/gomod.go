package modcache

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

// A Require is a requirement of a go.mod file.
type Require struct {
	Path, Version string
	// Indirect says that no package of the module imports one of it (golang.org/ref/mod,
	// "go.mod files", indirect).
	Indirect bool
}

// A Module is what a go.mod file says, as far as others may rely on it: replace
// and exclude directives count only in main modules.
type Module struct {
	Path    string
	Go      string // "1.21.0", empty if it does not say
	Require []Require
}

// maxLines is how many lines of a go.mod file are read.
const maxLines = 1 << 16

// ParseGoMod reads the go.mod file of a dependency. As the go command does with
// these, it skips directives that it does not know (golang.org/ref/mod, "go.mod
// files"), and refuses what is not in the form of one.
//
// It is not package modfile, which keeps comments and positions to write the
// file again and takes ten times as long: a list of 300 modules reads as many files.
func ParseGoMod(data []byte) (*Module, error) {
	if len(data) > maxGoMod {
		return nil, fmt.Errorf("go.mod has %d bytes, at most %d are read", len(data), maxGoMod)
	}
	if lines := bytes.Count(data, []byte("\n")); lines > maxLines {
		return nil, fmt.Errorf("go.mod has %d lines, at most %d are read", lines, maxLines)
	}
	p := parser{m: &Module{Require: make([]Require, 0, bytes.Count(data, []byte("\n")))}}
	for n, text := 1, string(data); text != ""; n++ {
		line, rest, _ := strings.Cut(text, "\n")
		text = rest
		if err := p.line(line); err != nil {
			return nil, fmt.Errorf("go.mod:%d: %w", n, err)
		}
	}
	if p.block != "" {
		return nil, fmt.Errorf("go.mod: the block of %q does not end", p.block)
	}
	return p.m, nil
}

type parser struct {
	m     *Module
	block string    // the directive whose block we are in
	words [8]string // of the line at hand; more are of no directive that is read here
}

func (p *parser) line(s string) error {
	n, comment, err := split(s, &p.words)
	if err != nil {
		return err
	}
	words := p.words[:n]
	switch {
	case n == 0:
		return nil
	case p.block != "":
		if words[0] == ")" {
			p.block = ""
			if n > 1 {
				return fmt.Errorf("found %q behind the end of a block", words[1])
			}
			return nil
		}
		return p.directive(p.block, words, comment)
	case n == 2 && words[1] == "(":
		p.block = words[0]
		return nil
	case n == 3 && words[1] == "(" && words[2] == ")":
		return nil // an empty block
	}
	for _, word := range words {
		if strings.ContainsAny(word, punctuation) {
			words = words[:1] // only of directives that are not read here
		}
	}
	return p.directive(words[0], words[1:], comment)
}

// directive reads one. What is not read here is skipped.
func (p *parser) directive(verb string, args []string, comment string) error {
	switch verb {
	case "module":
		if len(args) != 1 || p.m.Path != "" {
			return fmt.Errorf("want one module directive with one path, found %q", args)
		}
		p.m.Path = args[0]
	case "go":
		if len(args) != 1 || p.m.Go != "" {
			return fmt.Errorf("want one go directive with one version, found %q", args)
		}
		p.m.Go = args[0]
	case "require":
		if len(args) != 2 {
			return fmt.Errorf("want a path and a version behind require, found %q", args)
		}
		p.m.Require = append(p.m.Require, Require{args[0], args[1], indirect(comment)})
	}
	return nil
}

// indirect reports whether a comment marks a requirement: "indirect", alone or
// with "; more" behind it.
func indirect(comment string) bool {
	comment = strings.TrimSpace(comment)
	return comment == "indirect" || strings.HasPrefix(comment, "indirect;")
}

// punctuation are the characters that are words by themselves.
const punctuation = "()[]{},"

// split cuts a line into words: at white space, with parentheses by themselves,
// and with "…" and `…` as one word. The comment is what is behind "//".
func split(s string, words *[8]string) (n int, comment string, err error) {
	add := func(word string) {
		if n < len(words) {
			words[n] = word
			n++
		}
	}
	for {
		s = strings.TrimLeft(s, " \t\r")
		if comment, ok := strings.CutPrefix(s, "//"); ok || s == "" {
			return n, comment, nil
		}
		switch c := s[0]; c {
		case '(', ')', '[', ']', '{', '}', ',':
			add(s[:1])
			s = s[1:]
		case '"', '`':
			quoted, err := strconv.QuotedPrefix(s)
			if err != nil {
				return 0, "", fmt.Errorf("a word begins with %q and is no quoted string", c)
			}
			word, err := strconv.Unquote(quoted)
			if err != nil {
				return 0, "", fmt.Errorf("%s is no quoted string", quoted)
			}
			add(word)
			s = s[len(quoted):]
		default:
			end := strings.IndexAny(s, " \t\r"+punctuation)
			if end < 0 {
				end = len(s)
			}
			if at := strings.Index(s[:end], "//"); at >= 0 {
				end = at
			}
			add(s[:end])
			s = s[end:]
		}
	}
}

// Prunes reports whether a module whose go.mod file says goVersion names all
// that its packages need, so that nobody has to look into the files of what it
// requires (golang.org/ref/mod, "Module graph pruning": from go 1.17 on).
func Prunes(goVersion string) bool {
	major, rest, _ := strings.Cut(goVersion, ".")
	minor, _, _ := strings.Cut(rest, ".")
	end := 0
	for end < len(minor) && '0' <= minor[end] && minor[end] <= '9' {
		end++ // "1.21rc2"
	}
	x, err := strconv.Atoi(major)
	y, err2 := strconv.Atoi(minor[:end])
	return err == nil && err2 == nil && (x > 1 || x == 1 && y >= 17)
}
