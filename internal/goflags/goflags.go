// Package goflags reads lists of flags as the go command does, and withholds
// from a list of linker flags the values that nobody said may be written down.
//
// What is not withheld keeps its spelling, so that a withheld list can be held
// against the whole one that a binary carries.
package goflags

import (
	"fmt"
	"strings"
)

// Withheld stands where something was not written down.
const Withheld = "(withheld)"

// Split splits s as the go command splits GOFLAGS, -ldflags and their like
// (cmd/internal/quoted): at white space, where a field that begins with a
// single or double quote runs to the next such quote. Nothing escapes a quote.
func Split(s string) ([]string, error) {
	var fields []string
	for {
		s = strings.TrimLeft(s, " \t\n\r")
		if s == "" {
			return fields, nil
		}
		if quote := s[0]; quote == '\'' || quote == '"' {
			end := strings.IndexByte(s[1:], quote)
			if end < 0 {
				return nil, fmt.Errorf("unterminated %c string", quote)
			}
			fields = append(fields, s[1:1+end])
			s = s[end+2:]
			continue
		}
		end := strings.IndexAny(s, " \t\n\r")
		if end < 0 {
			end = len(s)
		}
		fields = append(fields, s[:end])
		s = s[end:]
	}
}

// Join is the inverse of [Split]: it quotes the fields that need it. A field
// that holds both kinds of quote cannot be written, and is withheld.
func Join(fields []string) string {
	quoted := make([]string, len(fields))
	for i, field := range fields {
		quoted[i] = quote(field)
	}
	return strings.Join(quoted, " ")
}

func quote(field string) string {
	switch {
	case field != "" && !strings.ContainsAny(field, " \t\n\r") && field[0] != '\'' && field[0] != '"':
		return field
	case !strings.Contains(field, "'"):
		return "'" + field + "'"
	case !strings.Contains(field, `"`):
		return `"` + field + `"`
	}
	return Withheld
}

// Linker writes the list of linker flags s down: flags that say how to link
// stand as they are, a value set by -X is withheld unless keep allows the
// variable's name, a linker is recorded by the name of its program, and
// everything else is withheld. Path, which may be nil, rewrites text that may
// hold paths of the machine. Fields keep their order and number, and are joined
// by [Join].
func Linker(s string, keep func(variable string) bool, path func(string) string) string {
	fields, err := Split(s)
	if err != nil {
		return Withheld
	}
	var out []string
	for i := 0; i < len(fields); i++ {
		flag, value, inline := strings.Cut(fields[i], "=")
		name := flagName(flag)
		switch {
		case linkerBool(name) && !inline:
			out = append(out, flag)
		case linkerBool(name) && plain(value):
			out = append(out, flag+"="+value)
		case linkerBool(name):
			out = append(out, flag+"="+Withheld)
		case !linkerTakesValue(name):
			out = append(out, Withheld)
		case inline:
			out = append(out, flag+"="+linkerValue(name, value, keep, path))
		case i+1 < len(fields):
			i++
			out = append(out, flag, linkerValue(name, fields[i], keep, path))
		default:
			out = append(out, flag)
		}
	}
	return Join(out)
}

// flagName is the name in "-name" or "--name", or "".
func flagName(flag string) string {
	name, ok := strings.CutPrefix(flag, "-")
	if !ok {
		return ""
	}
	return strings.TrimPrefix(name, "-")
}

// definition withholds the value in "importpath.name=value".
func definition(s string, keep func(string) bool) string {
	name, value, ok := strings.Cut(s, "=")
	if !ok || !plain(name) {
		return Withheld
	}
	if value == Withheld || keep != nil && keep(name) {
		return name + "=" + value
	}
	return name + "=" + Withheld
}

// linkerValue is a flag's value as it is written.
func linkerValue(name, value string, keep func(string) bool, path func(string) string) string {
	switch name {
	case "X":
		return definition(value, keep)
	case "extld":
		return Program(value)
	case "extldflags", "extar", "r", "L", "I", "tmpdir", "libgcc", "cpuprofile", "memprofile", "o", "buildid", "benchmarkprofile", "k", "importcfg":
		return Withheld
	}
	if path != nil {
		value = path(value)
	}
	if !plain(value) {
		return Withheld
	}
	return value
}

// Program is the name of the program in a command line, without its folder;
// arguments are withheld.
func Program(line string) string {
	fields, err := Split(line)
	if err != nil || len(fields) == 0 {
		return Withheld
	}
	name := fields[0][strings.LastIndexAny(fields[0], `/\`)+1:]
	if !plain(name) || name == "" {
		return Withheld
	}
	if len(fields) > 1 {
		return name + " " + Withheld
	}
	return name
}

// linkerBool reports whether cmd/link's flag name takes no value.
func linkerBool(name string) bool {
	switch name {
	case "8", "a", "aslr", "bindnow", "c", "compressdwarf", "checklinkname", "d", "debugnosplit", "debugtramp", "dumpdep", "f", "g", "h", "linkshared",
		"msan", "asan", "n", "race", "s", "strictdups", "v", "w", "weakruntime", "pruneweakmap", "capturehostobjs":
		return true
	}
	return false
}

// linkerTakesValue reports whether cmd/link's flag name is followed by one.
func linkerTakesValue(name string) bool {
	switch name {
	case "B", "E", "H", "I", "L", "R", "T", "X", "buildid", "buildmode", "cpuprofile", "debugtextsize", "extar", "extld", "extldflags", "fipso", "funcalign",
		"importcfg", "installsuffix", "k", "libgcc", "linkmode", "memprofile", "memprofilerate", "o", "pluginpath", "r", "randlayout", "tmpdir",
		"benchmark", "benchmarkprofile":
		return true
	}
	return false
}

// plain reports whether s holds only what names and small values are made of.
func plain(s string) bool {
	for _, r := range s {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', r > 0x7f, strings.ContainsRune("_.,:/+-~@", r):
		default:
			return false
		}
	}
	return true
}
