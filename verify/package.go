package verify

import (
	"fmt"
	"strings"
)

// A pattern is the packages that a policy is for: one, all that stand directly
// below a path, or any.
type pattern struct {
	any   bool
	pkg   string // in the one spelling of [parseName]; with a slash at its end if below
	below bool
}

// parsePackage reads the package of a policy.
func parsePackage(s string) (pattern, error) {
	if s == "any" {
		return pattern{any: true}, nil
	}
	text, below := strings.CutSuffix(s, "/*")
	if below {
		text += "/x" // a name, so that it can be read
	}
	n, err := parseName(text)
	switch {
	case strings.Contains(text, "*"):
		return pattern{}, fmt.Errorf("%q: * stands only as the last segment, for all packages directly below", s)
	case err != nil:
		return pattern{}, err
	case n.version != "":
		return pattern{}, fmt.Errorf("a policy is for a package, not for version %q of it", n.version)
	case !n.digest.IsZero():
		return pattern{}, fmt.Errorf("a policy is for a package, not for one digest of it")
	case below && strings.HasPrefix(n.pkg, "pkg:") && strings.Count(n.pkg, "/") < 2:
		return pattern{}, fmt.Errorf("%q: every package of a kind: name a path before /*, or write \"any\"", s)
	case below:
		return pattern{pkg: strings.TrimSuffix(n.pkg, "x"), below: true}, nil
	}
	return pattern{pkg: n.pkg}, nil
}

// some reports whether there is one: the zero pattern is for what has no name.
func (p pattern) some() bool { return p.any || p.pkg != "" }

// String is the pattern as a policy has it.
func (p pattern) String() string {
	switch {
	case p.any:
		return "any package"
	case p.below:
		return p.pkg + "*"
	}
	return p.pkg
}

// matches reports whether pkg, as [parseName] spells it, is one of them. No
// beginning and no end of a name matches: only whole segments do.
func (p pattern) matches(pkg string) bool {
	rest, begins := strings.CutPrefix(pkg, p.pkg)
	switch {
	case pkg == "" || !p.some():
		return false
	case p.any:
		return true
	case p.below:
		return begins && rest != "" && !strings.Contains(rest, "/")
	}
	return pkg == p.pkg
}

// narrower is the pattern of what both are for, if that is one of them.
func (p pattern) narrower(q pattern) (pattern, bool) {
	switch {
	case !p.some() || p.any || p == q:
		return q, true
	case q.any || q.below && q.matches(p.pkg): // what is directly below is no path itself
		return p, true
	case p.below && p.matches(q.pkg):
		return q, true
	}
	return pattern{}, false
}

// rank orders patterns by how exact they are: a name before a path, a longer path
// before a shorter one, and any last.
func (p pattern) rank() int {
	switch {
	case p.any:
		return 0
	case p.below:
		return len(p.pkg)
	}
	return maxName + 1
}
