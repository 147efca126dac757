package main

import (
	"cmp"
	"regexp"
	"strings"
)

// The versions of docs/predicates/release/v1.md, by scheme.
var versions = map[string]*regexp.Regexp{
	"semver": regexp.MustCompile(`^v?(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-((0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*)(\.(0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*))*))?(\+[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?$`),
	"calver": regexp.MustCompile(`^\d{4}\.(0?[1-9]|1[0-2])(\.\d{1,2})?(\.\d+)?$`),
	"free":   regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z._+~-]*$`),
}

func validVersion(scheme, version string) bool {
	form := versions[scheme]
	return form != nil && len(version) <= 128 && form.MatchString(version)
}

// skeleton is what two versions or tags share that a person may take for one
// another: letter case, a v before it, what is behind +, leading zeros, .0 at the
// end, _ and -, o and 0, i and l and 1 are one.
func skeleton(version string) string {
	s, _, _ := strings.Cut(strings.ToLower(version), "+")
	if len(s) > 1 && s[0] == 'v' && s[1] >= '0' && s[1] <= '9' {
		s = s[1:]
	}
	s = strings.NewReplacer("_", "-", "o", "0", "i", "1", "l", "1").Replace(s)
	numbers := s
	if i := strings.IndexFunc(s, func(r rune) bool { return r != '.' && (r < '0' || r > '9') }); i >= 0 {
		numbers = s[:i]
	}
	rest := s[len(numbers):]
	parts := strings.Split(numbers, ".")
	for i, p := range parts {
		if p != "" {
			parts[i] = cmp.Or(strings.TrimLeft(p, "0"), "0")
		}
	}
	for len(parts) > 1 && parts[len(parts)-1] == "0" {
		parts = parts[:len(parts)-1]
	}
	return strings.Join(parts, ".") + rest
}
