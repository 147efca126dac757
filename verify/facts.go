package verify

import (
	"maps"
	"slices"
	"strings"

	"github.com/touchmark-go/touchmark/internal/gofacts"
	"github.com/touchmark-go/touchmark/internal/goflags"
)

const unsaidRemedy = "let the build record it, or want an SBOM of it among the policy's attestations"

// absentRemedy is what makes the go command write a fact into the binary.
func absentRemedy(name string) string {
	switch name {
	case "vcs.revision", "vcs.modified":
		return "build in the git checkout with -buildvcs=true"
	case "ldflags":
		return "build without -trimpath, which drops ldflags from the binary, or do not demand them"
	}
	return ""
}

// sameFact compares a fact of the binary with what evidence says of it.
func sameFact(name, own, said string) bool {
	switch name {
	case "path": // evidence of several outputs lists several
		return slices.Contains(strings.Split(said, "\n"), own)
	case "ldflags":
		return sameFlags(own, said)
	case "tags":
		return sameSet(own, said)
	}
	return own == said
}

// sameRelease compares Go versions without the experiments, which the name of
// the standard library's component has no place for.
func sameRelease(own, said string) bool {
	own, _, _ = strings.Cut(own, " ")
	said, _, _ = strings.Cut(said, " ")
	return own == said
}

// sameSet compares comma-separated lists without regard to order.
func sameSet(a, b string) bool {
	x, y := strings.FieldsFunc(a, isComma), strings.FieldsFunc(b, isComma)
	slices.Sort(x)
	slices.Sort(y)
	return slices.Equal(slices.Compact(x), slices.Compact(y))
}

func isComma(r rune) bool { return r == ',' || r == ' ' }

// sameFlags compares linker flags, one by one. What was withheld agrees with
// everything that stands in the same flag, but never with a further flag or the
// setting of another variable.
func sameFlags(own, said string) bool {
	mine, err := goflags.Split(own)
	theirs, errSaid := goflags.Split(said)
	switch {
	case err != nil || errSaid != nil:
		return own == said
	case said == goflags.Withheld: // the list as a whole
		return len(variables(mine)) == 0
	}
	return slices.EqualFunc(mine, theirs, sameFlag) && slices.Equal(variables(mine), variables(theirs))
}

// sameFlag compares one flag, parts of which may have been withheld.
func sameFlag(own, said string) bool { return between(strings.Split(said, goflags.Withheld), own) }

// variables are the names that -X sets, in order.
func variables(fields []string) []string {
	var out []string
	for i, f := range fields {
		value, joined := strings.CutPrefix(strings.TrimPrefix(f, "-"), "-X=")
		if !joined {
			value, joined = strings.CutPrefix(f, "-X=")
		}
		if !joined && (f == "-X" || f == "--X") && i+1 < len(fields) {
			value, joined = fields[i+1], true
		}
		if name, _, ok := strings.Cut(value, "="); joined && ok {
			out = append(out, name)
		}
	}
	return out
}

// binaryFacts is what the binary says of itself. What is not in it is absent.
func binaryFacts(f *gofacts.Facts) map[string]string {
	facts := map[string]string{
		"path":         f.Path,
		"toolchain":    f.GoVersion,
		"goos":         f.Settings["GOOS"],
		"goarch":       f.Settings["GOARCH"],
		"tags":         f.Settings["-tags"],
		"ldflags":      f.Settings["-ldflags"],
		"cgo":          f.Settings["CGO_ENABLED"],
		"trimpath":     f.Settings["-trimpath"],
		"vcs.revision": f.Settings["vcs.revision"],
		"vcs.modified": f.Settings["vcs.modified"],
	}
	maps.DeleteFunc(facts, func(_, value string) bool { return value == "" })
	if facts["goos"] != "" {
		// The go command stamped its settings, and these two whenever they were
		// set: to be silent about them is to say that they were not.
		facts["tags"] = f.Settings["-tags"]
		if facts["trimpath"] == "" {
			facts["trimpath"] = "false"
		}
	}
	return facts
}
