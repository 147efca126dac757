package release

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Scheme says how a product counts its versions.
type Scheme string

// The schemes.
const (
	SemVer Scheme = "semver" // Semantic Versioning 2.0.0, with or without "v" before it
	CalVer Scheme = "calver" // YEAR.MONTH, YEAR.MONTH.DAY, and a count behind either
	Free   Scheme = "free"   // any text; nothing is proposed
)

const maxVersion = 128

// checkVersion wants text that stands for itself: letters, digits and . _ + - ~
// in ASCII. What looks like it in another script is refused here.
func checkVersion(at, v string) error {
	if v == "" {
		return fmt.Errorf("%s is missing", at)
	}
	ok := len(v) <= maxVersion && isAlnum(v[0])
	for i := range len(v) {
		ok = ok && (isAlnum(v[i]) || strings.IndexByte("._+-~", v[i]) >= 0)
	}
	if !ok {
		return fmt.Errorf("%s is %.80q, want at most %d ASCII letters, digits and . _ + - ~, a letter or digit first", at, v, maxVersion)
	}
	return nil
}

// checkTag wants what a registry takes for a tag.
func checkTag(at, tag string) error {
	if tag == "" {
		return fmt.Errorf("%s is missing", at)
	}
	ok := len(tag) <= maxTag && (isAlnum(tag[0]) || tag[0] == '_')
	for i := range len(tag) {
		ok = ok && (isAlnum(tag[i]) || strings.IndexByte("._-", tag[i]) >= 0)
	}
	if !ok {
		return fmt.Errorf("%s is %.80q, want at most %d ASCII letters, digits and . _ -, neither . nor - first", at, tag, maxTag)
	}
	return nil
}

func isAlnum(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

// Check reports whether version follows the scheme.
func (s Scheme) Check(version string) error {
	if err := checkVersion("version", version); err != nil {
		return err
	}
	switch s {
	case SemVer:
		_, err := parseSemVer(version)
		return err
	case CalVer:
		_, err := parseCalVer(version)
		return err
	case Free:
		return nil
	}
	return fmt.Errorf("%q is no scheme of versions: want semver, calver or free", s)
}

// Skeleton is what is left of a version or tag when everything is taken away
// that a person may overlook: letter case, a "v" before it, build metadata,
// leading zeros, ".0" at the end of the numbers, _ for -, o for 0, i and l for 1.
// Two that share it are confusable.
func Skeleton(version string) string {
	s := strings.ToLower(version)
	s, _, _ = strings.Cut(s, "+")
	if len(s) > 1 && s[0] == 'v' && s[1] >= '0' && s[1] <= '9' {
		s = s[1:]
	}
	s = strings.NewReplacer("_", "-", "o", "0", "i", "1", "l", "1").Replace(s)
	core, rest := s, ""
	if i := strings.IndexFunc(s, func(r rune) bool { return r != '.' && (r < '0' || r > '9') }); i >= 0 {
		core, rest = s[:i], s[i:]
	}
	parts := strings.Split(core, ".")
	for i, p := range parts {
		if t := strings.TrimLeft(p, "0"); p != "" {
			parts[i] = cmp.Or(t, "0")
		}
	}
	for len(parts) > 1 && parts[len(parts)-1] == "0" {
		parts = parts[:len(parts)-1]
	}
	return strings.Join(parts, ".") + rest
}

// A Bump says which part of a semantic version grows.
type Bump string

// The bumps.
const (
	Major Bump = "major"
	Minor Bump = "minor"
	Patch Bump = "patch"
)

// Next proposes the version that follows the highest of versions. For SemVer it
// is the next by bump, spelled with a "v" if that one is, and without a
// pre-release; for CalVer it is that of the day of at, UTC, with a count if the
// day has one already. With no versions, it is 0.1.0, or the day itself.
// Versions that do not follow the scheme are passed over.
func (s Scheme) Next(versions []string, bump Bump, at time.Time) (string, error) {
	switch s {
	case SemVer:
		return nextSemVer(versions, bump)
	case CalVer:
		return nextCalVer(versions, at)
	}
	return "", fmt.Errorf("the scheme %q proposes no version", s)
}

// A semVer is a semantic version.
type semVer struct {
	prefix string // "v" or none
	core   [3]uint64
	pre    []string
}

func parseSemVer(v string) (semVer, error) {
	var out semVer
	rest := v
	if strings.HasPrefix(rest, "v") {
		out.prefix, rest = "v", rest[1:]
	}
	rest, meta, hasMeta := strings.Cut(rest, "+")
	rest, pre, hasPre := strings.Cut(rest, "-")
	parts := strings.Split(rest, ".")
	bad := fmt.Errorf("%q is no semantic version", v)
	if len(parts) != 3 {
		return out, bad
	}
	for i, p := range parts {
		n, err := strconv.ParseUint(p, 10, 63)
		if err != nil || len(p) > 1 && p[0] == '0' {
			return out, bad
		}
		out.core[i] = n
	}
	if hasPre {
		out.pre = strings.Split(pre, ".")
	}
	if hasMeta && slices.Contains(strings.Split(meta, "."), "") || strings.ContainsAny(pre+meta, "_~+") {
		return out, bad
	}
	for _, p := range out.pre {
		if p == "" || len(p) > 1 && p[0] == '0' && isNumber(p) {
			return out, bad
		}
	}
	return out, nil
}

func isNumber(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// compare orders by precedence (SemVer 2.0.0, 11).
func (a semVer) compare(b semVer) int {
	if c := slices.Compare(a.core[:], b.core[:]); c != 0 {
		return c
	}
	if len(a.pre) == 0 || len(b.pre) == 0 {
		return cmp.Compare(len(b.pre), len(a.pre)) // none is higher than any
	}
	text := func(s string) string { // a number is lower than any text
		if isNumber(s) {
			return ""
		}
		return s
	}
	return slices.CompareFunc(a.pre, b.pre, func(x, y string) int {
		return cmp.Or(strings.Compare(text(x), text(y)), cmp.Compare(len(x), len(y)), strings.Compare(x, y))
	})
}

func nextSemVer(versions []string, bump Bump) (string, error) {
	var highest *semVer
	for _, text := range versions {
		if v, err := parseSemVer(text); err == nil && (highest == nil || v.compare(*highest) > 0) {
			highest = &v
		}
	}
	if highest == nil {
		return "0.1.0", nil
	}
	c, early := highest.core, len(highest.pre) > 0
	switch bump { // 2.0.0-rc.1 is followed by 2.0.0, whichever part grows
	case Major:
		if !early || c[1] != 0 || c[2] != 0 {
			c = [3]uint64{c[0] + 1}
		}
	case Minor:
		if !early || c[2] != 0 {
			c = [3]uint64{c[0], c[1] + 1}
		}
	case Patch:
		if !early {
			c[2]++
		}
	default:
		return "", fmt.Errorf("%q is no part of a version: want major, minor or patch", bump)
	}
	return fmt.Sprintf("%s%d.%d.%d", highest.prefix, c[0], c[1], c[2]), nil
}

// parseCalVer reads the numbers of a version that begins with a year and a month.
func parseCalVer(v string) ([]int, error) {
	parts := strings.Split(v, ".")
	bad := fmt.Errorf("%q is no calendar version: want YEAR.MONTH, and day or count behind it", v)
	if len(parts) < 2 || len(parts) > 4 || len(parts[0]) != 4 {
		return nil, bad
	}
	numbers := make([]int, len(parts))
	for i, p := range parts {
		if !isNumber(p) || len(p) > 9 {
			return nil, bad
		}
		numbers[i], _ = strconv.Atoi(p) // which such a text always is
	}
	if numbers[0] < 1970 || numbers[1] < 1 || numbers[1] > 12 {
		return nil, bad
	}
	return numbers, nil
}

func nextCalVer(versions []string, at time.Time) (string, error) {
	if at.IsZero() {
		return "", errors.New("a calendar version needs a day")
	}
	at = at.UTC()
	day := []int{at.Year(), int(at.Month()), at.Day()}
	count, taken := 0, false
	for _, text := range versions {
		if v, _ := parseCalVer(text); len(v) >= 3 && slices.Equal(v[:3], day) {
			taken = true
			if len(v) == 4 {
				count = max(count, v[3])
			}
		}
	}
	next := fmt.Sprintf("%d.%d.%d", day[0], day[1], day[2])
	if taken {
		next += "." + strconv.Itoa(count+1)
	}
	return next, nil
}
