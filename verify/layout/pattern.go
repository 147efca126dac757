package layout

import (
	"fmt"
	"path"
	"regexp"
	"strings"
)

// compile reads a pattern of a rule: * is any text, / included, ? any one
// character, [abc], [a-z] and [!a-z] one of a class. Letter case counts.
//
// in-toto's implementations read some patterns differently (GHSA-pmwq-pjrm-6p5r):
// what begins with [^, what holds a backslash, a class that is open, empty or
// reversed. A rule that means two things forbids nothing for certain, so such a
// pattern is an error here. A pattern is cleaned like a path.
func compile(pattern string) (*regexp.Regexp, error) {
	if pattern == "" {
		return nil, fmt.Errorf("an empty pattern")
	}
	if strings.ContainsAny(pattern, "\\\x00") {
		return nil, fmt.Errorf("pattern %q has a backslash, which some take for an escape and others do not", pattern)
	}
	rest := []rune(path.Clean(pattern))
	var out strings.Builder
	out.WriteString(`\A(?s:`)
	for len(rest) > 0 {
		c := rest[0]
		rest = rest[1:]
		switch c {
		case '*':
			out.WriteString(".*")
		case '?':
			out.WriteString(".")
		case '[':
			class, n, err := compileClass(rest)
			if err != nil {
				return nil, fmt.Errorf("pattern %q: %w", pattern, err)
			}
			out.WriteString(class)
			rest = rest[n:]
		default:
			out.WriteString(regexp.QuoteMeta(string(c)))
		}
	}
	out.WriteString(`)\z`)
	return regexp.Compile(out.String())
}

// compileClass reads what follows a bracket, and how long it is.
func compileClass(text []rune) (string, int, error) {
	var out strings.Builder
	out.WriteString("[")
	i := 0
	if len(text) > 0 && text[0] == '!' {
		out.WriteString("^")
		i++
	}
	first := i
	for ; i < len(text); i++ {
		lo := text[i]
		switch {
		case lo == ']' && i > first:
			return out.String() + "]", i + 1, nil
		case lo == ']' || lo == '-' || lo == '^' && i == first:
			return "", 0, fmt.Errorf("%q in a class stands where its readers differ", lo)
		}
		hi := lo
		if i+2 < len(text) && text[i+1] == '-' {
			hi = text[i+2]
			if hi < lo || hi == ']' {
				return "", 0, fmt.Errorf("%c-%c is no range", lo, hi)
			}
			i += 2
		}
		fmt.Fprintf(&out, `\x{%x}-\x{%x}`, lo, hi)
	}
	return "", 0, fmt.Errorf("a class that does not end")
}
