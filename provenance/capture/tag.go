package capture

import (
	"cmp"
	"slices"
	"strings"
)

// bestTag chooses among several tags of one commit: a semantic version with a
// "v" before any other name, the higher version before the lower (Semantic
// Versioning 2.0.0, section 11), and of equal ones the last in byte order.
func bestTag(refs []string) string {
	return slices.MaxFunc(refs, func(a, b string) int {
		va, okA := parseVersion(strings.TrimPrefix(a, "refs/tags/"))
		vb, okB := parseVersion(strings.TrimPrefix(b, "refs/tags/"))
		switch {
		case okA && okB:
			return cmp.Or(va.compare(vb), strings.Compare(a, b))
		case okA:
			return 1
		case okB:
			return -1
		}
		return strings.Compare(a, b)
	})
}

// A version is a semantic version.
type version struct {
	core [3]string // decimal, no leading zero
	pre  []string
}

// parseVersion reads "v1.2.3-pre.1+build".
func parseVersion(s string) (version, bool) {
	var v version
	s, ok := strings.CutPrefix(s, "v")
	s, _, _ = strings.Cut(s, "+")
	s, pre, hasPre := strings.Cut(s, "-")
	core := strings.Split(s, ".")
	if !ok || len(core) != 3 {
		return v, false
	}
	for i, n := range core {
		if !isNumber(n) || n != "0" && n[0] == '0' {
			return v, false
		}
		v.core[i] = n
	}
	if hasPre {
		v.pre = strings.Split(pre, ".")
	}
	return v, !slices.Contains(v.pre, "")
}

func isNumber(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

func (v version) compare(w version) int {
	for i := range v.core {
		if c := compareNumbers(v.core[i], w.core[i]); c != 0 {
			return c
		}
	}
	switch {
	case len(v.pre) == 0 || len(w.pre) == 0:
		return cmp.Compare(len(w.pre), len(v.pre)) // a release is above its pre-releases
	}
	return slices.CompareFunc(v.pre, w.pre, func(a, b string) int {
		switch {
		case isNumber(a) && isNumber(b):
			return compareNumbers(a, b)
		case isNumber(a):
			return -1
		case isNumber(b):
			return 1
		}
		return strings.Compare(a, b)
	})
}

func compareNumbers(a, b string) int {
	a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
	return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b))
}
