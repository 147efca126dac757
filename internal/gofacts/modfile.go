package gofacts

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/touchmark-go/touchmark/internal/strictjson"
)

// A ModFile is what a go.mod or go.work file says, as far as it decides which
// code is compiled and by which toolchain.
type ModFile struct {
	Module        string // "" in go.work
	Go, Toolchain string // "1.26.0", "go1.26.8"; "" if there is no such line
	Require       []Require
	Replace       []Replacement
	Use           []string // folders, as go.work spells them
}

// A Require is one require directive.
type Require struct {
	Path, Version string
	// Indirect says that no package of the module imports one of it (golang.org/ref/mod,
	// "go.mod files", indirect).
	Indirect bool
}

// A Replacement is one replace directive. Old has no Version if it is for every
// one; New has none if it is a folder.
type Replacement struct{ Old, New Version }

// ParseMod reads the go.mod file of a main module, or a go.work file. Directives
// that it has no place for (exclude, retract, tool, ignore, godebug) are left out,
// unknown ones too, because later releases of Go may have more. An error names
// the line, as name:line.
//
// It is not package modfile, which keeps comments and positions to write the
// file again and takes ten times as long: a list of 300 modules reads as many files.
func ParseMod(name string, r io.Reader) (*ModFile, error) {
	p := modParser{m: &ModFile{}}
	line := 0
	err := eachLine(name, r, func(text string) error { line++; return p.line(text) })
	if err == nil && p.block != "" {
		err = fmt.Errorf("%s:%d: the file ends within the parentheses of %q", name, line, p.block)
	}
	if err != nil {
		return nil, err
	}
	return p.m, nil
}

// ParseDependency reads the go.mod file of a dependency: the module, its go line
// and what it requires. The rest counts only in main modules, and may be malformed
// (golang.org/ref/mod, "go.mod files"). An error names the line, as go.mod:line.
func ParseDependency(data []byte) (*ModFile, error) {
	lines := bytes.Count(data, []byte("\n"))
	switch {
	case len(data) > maxModuleFile:
		return nil, fmt.Errorf("go.mod has more than %d bytes: %w", maxModuleFile, strictjson.ErrLimit)
	case lines > maxModuleLines:
		return nil, fmt.Errorf("go.mod has more than %d lines: %w", maxModuleLines, strictjson.ErrLimit)
	}
	p := modParser{m: &ModFile{Require: make([]Require, 0, lines)}, dependency: true}
	for n, text := 1, string(data); text != ""; n++ {
		line, rest, _ := strings.Cut(text, "\n")
		text = rest
		if err := p.line(line); err != nil {
			return nil, fmt.Errorf("go.mod:%d: %w", n, err)
		}
	}
	if p.block != "" {
		return nil, fmt.Errorf("go.mod:%d: the file ends within the parentheses of %q", lines, p.block)
	}
	return p.m, nil
}

type modParser struct {
	m          *ModFile
	dependency bool      // only what counts in one is read
	block      string    // the directive whose parentheses we are in
	words      [8]string // of the line at hand; more are of no directive that is read here
}

func (p *modParser) line(s string) error {
	n, comment, err := modWords(s, &p.words)
	if err != nil || n == 0 {
		return err
	}
	words := p.words[:n]
	switch {
	case p.block != "" && n == 1 && words[0] == ")":
		p.block = ""
		return nil
	case p.block != "":
		return p.directive(p.block, words, comment)
	case n == 2 && words[1] == "(":
		p.block = words[0]
		return nil
	case n == 3 && words[1] == "(" && words[2] == ")":
		return nil // an empty block
	}
	return p.directive(words[0], words[1:], comment)
}

func (p *modParser) directive(verb string, args []string, comment string) error {
	m := p.m
	if slices.Contains(args, "(") || slices.Contains(args, ")") {
		return fmt.Errorf("%s: a parenthesis is out of place", verb)
	}
	switch verb {
	case "module":
		return setOnce(verb, &m.Module, args)
	case "go":
		return setOnce(verb, &m.Go, args)
	case "require":
		if len(args) != 2 || !p.dependency && !isVersion(args[1]) {
			return fmt.Errorf("require: want a module and its version, found %q", args)
		}
		m.Require = append(m.Require, Require{args[0], args[1], indirect(comment)})
		return nil
	}
	if p.dependency {
		return nil
	}
	switch verb {
	case "toolchain":
		return setOnce(verb, &m.Toolchain, args)
	case "use":
		if len(args) != 1 {
			return fmt.Errorf("use: want one folder, found %q", args)
		}
		m.Use = append(m.Use, args[0])
	case "replace":
		i := slices.Index(args, "=>")
		if i < 0 {
			return fmt.Errorf("replace: want =>, found %q", args)
		}
		old, ok := version(args[:i])
		by, otherOK := version(args[i+1:])
		if !ok || !otherOK {
			return fmt.Errorf("replace: want a module => another or a folder, found %q", args)
		}
		m.Replace = append(m.Replace, Replacement{old, by})
	}
	return nil
}

func setOnce(verb string, value *string, args []string) error {
	if len(args) != 1 || args[0] == "" {
		return fmt.Errorf("%s: want one word, found %q", verb, args)
	}
	if *value != "" {
		return fmt.Errorf("%s stands there twice", verb)
	}
	*value = args[0]
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

// modWords cuts a line into words: at white space, with punctuation by itself,
// and with "…" and `…` as one word. The comment is what is behind "//".
func modWords(s string, words *[8]string) (n int, comment string, err error) {
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
		switch s[0] {
		case '(', ')', '[', ']', '{', '}', ',':
			add(s[:1])
			s = s[1:]
		case '"', '`':
			quoted, err := strconv.QuotedPrefix(s)
			if err != nil {
				return 0, "", fmt.Errorf("a quote is not closed, or is no string, in %q", s)
			}
			word, err := strconv.Unquote(quoted)
			if err != nil {
				return 0, "", fmt.Errorf("%s is no string", quoted)
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
