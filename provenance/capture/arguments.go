package capture

import (
	goversion "go/version"
	"path/filepath"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/touchmark-go/touchmark/internal/goflags"
)

// A goCommand is what the arguments of a go command that builds mean.
type goCommand struct {
	chdir     string              // the value of -C, or ""
	arguments []argument          // in order
	flags     map[string][]string // every value of every build flag, in order; "true" for a bare one
}

// readGo reads argv. It reports false if it does not call go build or go install.
func readGo(argv []string) (goCommand, bool) {
	if len(argv) < 2 || !isGo(argv[0]) || argv[1] != "build" && argv[1] != "install" {
		return goCommand{}, false
	}
	c := goCommand{arguments: goArguments(argv[2:]), flags: map[string][]string{}}
	for _, a := range c.arguments {
		if a.name != "" {
			c.flags[a.name] = append(c.flags[a.name], a.value)
		}
	}
	c.chdir = c.last("C")
	return c, true
}

func (c goCommand) last(name string) string {
	if values := c.flags[name]; len(values) > 0 {
		return values[len(values)-1]
	}
	return ""
}

// isGo reports whether argv0 names the go command: go, or one of the
// golang.org/dl commands, such as go1.26.8.
func isGo(argv0 string) bool {
	name := strings.TrimSuffix(strings.ToLower(base(argv0)), ".exe")
	version, ok := strings.CutPrefix(name, "go")
	return ok && (version == "" || goversion.IsValid("go"+version))
}

// An argument is one flag of a go command with its value, or something else.
type argument struct {
	name   string // of a flag that is known, else ""
	raw    string // the argument as it was written
	value  string // of the flag; "true" for a bare boolean
	inline bool   // the value is in raw, after =
	bare   bool   // the flag takes no value, and has none
	rest   bool   // a package or a file
}

// goArguments reads the arguments of a go command as Go's flag package does:
// the first one that is no flag ends them. What follows an unknown flag may be
// its value, so it is as unknown as the flag.
func goArguments(args []string) []argument {
	var list []argument
	for i := 0; i < len(args); i++ {
		a := argument{raw: args[i]}
		if len(a.raw) < 2 || a.raw[0] != '-' || a.raw == "--" {
			for _, arg := range args[i:] {
				list = append(list, argument{raw: arg, rest: true})
			}
			return list
		}
		name, value, inline := strings.Cut(strings.TrimPrefix(a.raw[1:], "-"), "=")
		next := i+1 < len(args)
		switch kind := flagKind(name); {
		case kind == unknownFlag && !inline && next && !strings.HasPrefix(args[i+1], "-"):
			list = append(list, a)
			i++
			a = argument{raw: args[i]}
		case kind == unknownFlag:
		case inline:
			a.name, a.value, a.inline = name, value, true
		case kind == boolFlag:
			a.name, a.value, a.bare = name, "true", true
		case next:
			i++
			a.name, a.value = name, args[i]
		}
		list = append(list, a)
	}
	return list
}

type kind int

const (
	unknownFlag kind = iota
	boolFlag
	plainFlag   // a word: a mode, a number, a list of names
	pathFlag    // a file or folder
	linkerFlag  // -ldflags
	toolFlag    // -gcflags, -asmflags, -gccgoflags
	programFlag // -toolexec
)

// flagKind is the allow-list of build flags (go help build, Go 1.26).
func flagKind(name string) kind {
	switch name {
	case "a", "n", "race", "msan", "asan", "cover", "v", "work", "x", "linkshared", "modcacherw", "trimpath", "buildvcs", "json":
		return boolFlag
	case "p", "covermode", "coverpkg", "buildmode", "compiler", "installsuffix", "mod", "tags":
		return plainFlag
	case "C", "o", "modfile", "overlay", "pgo", "pkgdir":
		return pathFlag
	case "ldflags":
		return linkerFlag
	case "gcflags", "asmflags", "gccgoflags":
		return toolFlag
	case "toolexec", "exec": // -exec is of go run and go test, but may stand in GOFLAGS
		return programFlag
	}
	return unknownFlag
}

// An argumentList writes command lines down.
type argumentList struct {
	clean    cleaner
	start    cleaner  // where -C is read
	linkVars []string // variables whose -X value may be written
	allowed  []string // arguments of other commands that may be written
	outputs  []string // absolute; the last elements of their paths are no secret
	chdir    string   // what -C is written as; "" as it is
}

// command returns argv as it is recorded, never with fewer or more elements.
func (l argumentList) command(argv []string) []string {
	if _, ok := readGo(argv); ok {
		return append([]string{"go", argv[1]}, l.flags(argv[2:])...)
	}
	out := make([]string, len(argv))
	for i, arg := range argv {
		switch {
		case i == 0:
			out[i] = programName(arg)
		case slices.Contains(l.allowed, arg):
			out[i] = l.clean.text(arg)
		default:
			out[i] = withheld
		}
	}
	return out
}

func programName(argv0 string) string {
	if isGo(argv0) {
		return "go"
	}
	return goflags.Program("'" + base(argv0) + "'")
}

// flags returns the arguments of a go command as they are recorded.
func (l argumentList) flags(args []string) []string {
	var out []string
	for _, a := range goArguments(args) {
		switch {
		case a.rest:
			out = append(out, l.pattern(a.raw))
		case a.name == "":
			out = append(out, withheld)
		case a.bare:
			out = append(out, "-"+a.name)
		case a.inline:
			out = append(out, "-"+a.name+"="+l.value(a.name, a.value))
		default:
			out = append(out, "-"+a.name, l.value(a.name, a.value))
		}
	}
	return out
}

// value is a flag's value as it is recorded.
func (l argumentList) value(name, value string) string {
	switch flagKind(name) {
	case linkerFlag:
		return perPattern(value, l.linker)
	case toolFlag:
		return perPattern(value, l.tool)
	case programFlag:
		return goflags.Program(value)
	case pathFlag:
		if name == "pgo" && (value == "auto" || value == "off") {
			return value
		}
		switch {
		case name == "C" && l.chdir != "":
			return l.chdir
		case name == "C":
			return l.start.path(value)
		}
		path := l.clean.path(value)
		if name == "o" && path == withheld && slices.Contains(l.outputs, l.real(value)) {
			path += "/" + base(value) // as the subject is called
		}
		return path
	}
	if value = l.clean.text(value); !isWord(value) {
		return withheld
	}
	return value
}

// real is the path of an output as [outputFile] has it.
func (l argumentList) real(path string) string {
	if !filepath.IsAbs(path) {
		path = filepath.Join(l.clean.dir, path)
	}
	o := outputFile{path: filepath.Clean(path)}
	o.resolve()
	return o.path
}

// perPattern cleans the flags in "pattern=flags", as -ldflags and -gcflags
// allow it, or in plain flags.
func perPattern(value string, clean func(string) string) string {
	trimmed := strings.TrimSpace(value)
	if strings.HasPrefix(trimmed, "-") || trimmed == "" || trimmed[0] == '\'' || trimmed[0] == '"' {
		return clean(value)
	}
	pattern, flags, ok := strings.Cut(trimmed, "=")
	if !ok || !isWord(pattern) {
		return withheld
	}
	return pattern + "=" + clean(flags)
}

// linker writes a list of linker flags.
func (l argumentList) linker(s string) string {
	keep := func(variable string) bool { return slices.Contains(l.linkVars, variable) }
	return goflags.Linker(s, keep, l.clean.text)
}

// tool writes a list of compiler or assembler flags: those that are known and
// whose value is no free text.
func (l argumentList) tool(s string) string {
	fields, err := goflags.Split(s)
	if err != nil {
		return withheld
	}
	for i, field := range fields {
		if !isCompilerFlag(field) {
			fields[i] = withheld
		}
	}
	return goflags.Join(fields)
}

// pattern writes a package pattern or file name.
func (l argumentList) pattern(arg string) string {
	if rooted(arg) {
		rel := l.clean.path(arg)
		if rel != withheld && rel != "." && !strings.HasPrefix(rel, "../") && !strings.HasSuffix(rel, ".go") {
			rel = "./" + rel // "cmd/app" would name a package of the standard library
		}
		return rel
	}
	arg = strings.ReplaceAll(arg, `\`, "/")
	if !isPattern(arg) {
		return withheld
	}
	if strings.HasPrefix(arg, ".") {
		return l.clean.path(arg)
	}
	return arg
}

// tags are the build tags of a -tags value, sorted, each once.
func tags(value string) []string {
	list := strings.FieldsFunc(value, func(r rune) bool { return r == ',' || r == ' ' || r == '\t' })
	slices.Sort(list)
	list = slices.Compact(list)
	for i, tag := range list {
		if !isWord(tag) {
			list[i] = withheld
		}
	}
	return list
}

// isWord reports whether s holds only what names, numbers and lists of them are made of.
func isWord(s string) bool { return onlyOf(s, "_.,:=/+*()-") }

// isPattern reports whether s may be a package pattern or the name of a Go file.
func isPattern(s string) bool { return s != "" && onlyOf(s, "_.~/+@-") }

func onlyOf(s, marks string) bool {
	for _, r := range s {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune(marks, r) {
			return false
		}
	}
	return utf8.ValidString(s)
}

// isCompilerFlag reports whether field is a flag of cmd/compile or cmd/asm
// that may be written down: one without free text.
func isCompilerFlag(field string) bool {
	name, value, _ := strings.Cut(strings.TrimPrefix(field, "-"), "=")
	switch name {
	case "N", "l", "m", "S", "B", "C", "E", "K", "L", "e", "h", "j", "r", "t", "v", "w", "live", "race", "msan", "asan", "shared", "dynlink", "dwarf",
		"spectre", "lang", "c", "d", "smallframes", "std", "wb", "complete":
		return strings.HasPrefix(field, "-") && isWord(value) && len(value) <= 64
	}
	return false
}
