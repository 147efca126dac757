package gofacts

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// A ModFile is what a go.mod or go.work file says, as far as it decides which
// code is compiled and by which toolchain.
type ModFile struct {
	Module        string // "" in go.work
	Go, Toolchain string // "1.26.0", "go1.26.8"; "" if there is no such line
	Require       []Version
	Replace       []Replacement
	Use           []string // folders, as go.work spells them
}

// A Replacement is one replace directive. Old has no Version if it is for every
// one; New has none if it is a folder.
type Replacement struct{ Old, New Version }

// ParseMod reads a go.mod or go.work file. Directives that it has no place for
// (exclude, retract, tool, ignore, godebug) are left out, unknown ones too,
// because later releases of Go may have more. An error names the line, as
// name:line.
func ParseMod(name string, r io.Reader) (*ModFile, error) {
	m := &ModFile{}
	block, line := "", 0
	err := eachLine(name, r, func(text string) error {
		line++
		tokens, err := modTokens(text)
		if err != nil || len(tokens) == 0 {
			return err
		}
		switch {
		case block != "" && len(tokens) == 1 && tokens[0] == ")":
			block = ""
			return nil
		case block != "":
			return m.directive(block, tokens)
		case len(tokens) == 2 && tokens[1] == "(":
			block = tokens[0]
			return nil
		case len(tokens) == 3 && tokens[1] == "(" && tokens[2] == ")":
			return nil
		}
		return m.directive(tokens[0], tokens[1:])
	})
	if err == nil && block != "" {
		err = fmt.Errorf("%s:%d: the file ends within the parentheses of %q", name, line, block)
	}
	if err != nil {
		return nil, err
	}
	return m, nil
}

func (m *ModFile) directive(verb string, args []string) error {
	if slices.Contains(args, "(") || slices.Contains(args, ")") {
		return fmt.Errorf("%s: a parenthesis is out of place", verb)
	}
	switch verb {
	case "module":
		return setOnce(verb, &m.Module, args)
	case "go":
		return setOnce(verb, &m.Go, args)
	case "toolchain":
		return setOnce(verb, &m.Toolchain, args)
	case "use":
		if len(args) != 1 {
			return fmt.Errorf("use: want one folder, found %q", args)
		}
		m.Use = append(m.Use, args[0])
	case "require":
		v, ok := version(args)
		if !ok || v.Version == "" {
			return fmt.Errorf("require: want a module and its version, found %q", args)
		}
		m.Require = append(m.Require, v)
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

// modTokens are the words of one line: comments are dropped, quotes of both
// kinds resolved, and parentheses, commas and brackets stand alone.
func modTokens(s string) ([]string, error) {
	var tokens []string
	for {
		s = strings.TrimLeft(s, " \t")
		if s == "" || strings.HasPrefix(s, "//") {
			return tokens, nil
		}
		switch s[0] {
		case '(', ')', '[', ']', ',':
			tokens, s = append(tokens, s[:1]), s[1:]
		case '"', '`':
			end := quotedEnd(s)
			if end < 0 {
				return nil, errors.New("a quote is not closed")
			}
			word, err := strconv.Unquote(s[:end])
			if err != nil {
				return nil, fmt.Errorf("%q is no string", s[:end])
			}
			tokens, s = append(tokens, word), s[end:]
		default:
			end := 0
			for end < len(s) && !strings.ContainsRune(" \t()[],", rune(s[end])) && !strings.HasPrefix(s[end:], "//") {
				end++
			}
			tokens, s = append(tokens, s[:end]), s[end:]
		}
	}
}

// quotedEnd is where the string that s begins with ends, or -1.
func quotedEnd(s string) int {
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == s[0]:
			return i + 1
		case s[i] == '\\' && s[0] == '"':
			i++
		}
	}
	return -1
}
