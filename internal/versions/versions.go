// Package versions orders the versions of packages, as far as their ecosystems
// say how.
package versions

import (
	"cmp"
	"strings"
)

// Compare orders two versions of one ecosystem, by its package URL type: numbers
// with dots between them, and where the ecosystem has semantic versions what
// stands behind a hyphen as well (Semantic Versioning 2.0.0, section 11). known is
// false of anything else, and of two that differ only in what has no order.
func Compare(ecosystem, a, b string) (order int, known bool) {
	x, restX, okX := numbers(a)
	y, restY, okY := numbers(b)
	if !okX || !okY {
		return 0, false
	}
	for i := range max(len(x), len(y)) {
		var m, n string
		if i < len(x) {
			m = x[i]
		}
		if i < len(y) {
			n = y[i]
		}
		if c := compareNumbers(m, n); c != 0 {
			return c, true
		}
	}
	switch ecosystem {
	case "golang", "npm", "cargo", "nuget", "generic", "":
	default: // a hyphen means something else there
		return 0, restX == restY
	}
	preX, _, _ := strings.Cut(restX, "+")
	preY, _, _ := strings.Cut(restY, "+")
	if preX == preY {
		return 0, restX == restY
	}
	return comparePre(preX, preY), true
}

// numbers splits the leading "1.2.3" off a version, with a "v" before it or not.
func numbers(s string) (parts []string, rest string, ok bool) {
	s = strings.TrimPrefix(s, "v")
	for {
		n := 0
		for n < len(s) && '0' <= s[n] && s[n] <= '9' {
			n++
		}
		if n == 0 {
			return nil, "", false
		}
		parts, s = append(parts, s[:n]), s[n:]
		switch {
		case s == "", s[0] == '-', s[0] == '+':
			return parts, s, true
		case s[0] != '.':
			return nil, "", false
		}
		s = s[1:]
	}
}

func compareNumbers(a, b string) int {
	a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
	return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b))
}

// comparePre orders two pre-releases with their hyphens; none comes last.
func comparePre(a, b string) int {
	switch {
	case a == "":
		return 1
	case b == "":
		return -1
	}
	x, y := strings.Split(a[1:], "."), strings.Split(b[1:], ".")
	for i := range min(len(x), len(y)) {
		m, n := isNumber(x[i]), isNumber(y[i])
		c := 0
		switch {
		case m && n:
			c = compareNumbers(x[i], y[i])
		case m:
			c = -1
		case n:
			c = 1
		default:
			c = strings.Compare(x[i], y[i])
		}
		if c != 0 {
			return c
		}
	}
	return cmp.Compare(len(x), len(y))
}

func isNumber(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }
