package provenance

import (
	"go/version"
	"strings"
)

// compareVersions orders two versions, and reports false if it cannot: they
// must both be Go toolchains' ("go1.26.8") or both semantic versions (2.0.0,
// with or without a leading "v", two numbers or three). Build metadata has no
// part in the order, so v2.0.0 and v2.0.0+incompatible are equal.
func compareVersions(a, b string) (order int, ok bool) {
	if version.IsValid(a) && version.IsValid(b) {
		return version.Compare(a, b), true
	}
	x, okA := parseSemver(a)
	y, okB := parseSemver(b)
	if !okA || !okB {
		return 0, false
	}
	for i := range x.numbers {
		if c := compareNumbers(x.numbers[i], y.numbers[i]); c != 0 {
			return c, true
		}
	}
	return comparePre(x.pre, y.pre), true
}

// A semver is a semantic version without its build metadata.
type semver struct {
	numbers [3]string // decimal, of any size
	pre     []string  // the identifiers behind "-", none for a release
}

func parseSemver(s string) (semver, bool) {
	var v semver
	s = strings.TrimPrefix(s, "v")
	s, build, hasBuild := strings.Cut(s, "+")
	if hasBuild && !identifiers(strings.Split(build, "."), false) {
		return v, false
	}
	core, pre, hasPre := strings.Cut(s, "-")
	if hasPre {
		if v.pre = strings.Split(pre, "."); !identifiers(v.pre, true) {
			return v, false
		}
	}
	parts := strings.Split(core, ".")
	if len(parts) < 2 || len(parts) > 3 {
		return v, false
	}
	v.numbers[2] = "0"
	for i, part := range parts {
		if !numeric(part) || len(part) > 1 && part[0] == '0' {
			return v, false
		}
		v.numbers[i] = part
	}
	return v, true
}

// identifiers reports whether all are (semver 2.0.0, 9 and 10).
func identifiers(ids []string, pre bool) bool {
	for _, id := range ids {
		if id == "" || pre && numeric(id) && len(id) > 1 && id[0] == '0' {
			return false
		}
		for _, c := range []byte(id) {
			if (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && c != '-' {
				return false
			}
		}
	}
	return true
}

func numeric(s string) bool {
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return false
		}
	}
	return s != ""
}

// compareNumbers compares decimals without leading zeros.
func compareNumbers(a, b string) int {
	if len(a) != len(b) {
		if len(a) < len(b) {
			return -1
		}
		return 1
	}
	return strings.Compare(a, b)
}

// comparePre compares pre-releases (semver 2.0.0, 11): none is the newest, a
// number comes before a word, and a longer list after its own beginning.
func comparePre(a, b []string) int {
	switch {
	case len(a) == 0 && len(b) == 0:
		return 0
	case len(a) == 0:
		return 1
	case len(b) == 0:
		return -1
	}
	for i := range min(len(a), len(b)) {
		x, y := a[i], b[i]
		c := strings.Compare(x, y)
		switch {
		case numeric(x) && numeric(y):
			c = compareNumbers(x, y)
		case numeric(x):
			c = -1
		case numeric(y):
			c = 1
		}
		if c != 0 {
			return c
		}
	}
	switch {
	case len(a) < len(b):
		return -1
	case len(a) > len(b):
		return 1
	}
	return 0
}
