package verify

import "testing"

func TestMatchStars(t *testing.T) {
	for _, c := range []struct {
		pattern, s string
		want       bool
	}{
		{"a", "a", true}, {"a", "ab", false}, {"*", "", true}, {"*", "a/b@c", true}, {"a*", "a", true}, {"a*", "ba", false}, {"*a", "ba", true}, {"*a", "ab", false},
		{"a*a", "a", false}, {"a*a", "aa", true}, {"ab*ba", "aba", false}, {"a*b*c", "a-b-c", true}, {"a*b*c", "a-c-b", false}, {"**", "x", true}, {"a*b*b", "ab", false}, {"a*b*b", "abb", true},
		{"pkg:golang/github.com/acme/*", "pkg:golang/github.com/acme-evil/x@1", false}, {"pkg:golang/github.com/acme/*", "pkg:golang/github.com/acme/x@1", true}, {"a.c", "abc", false}, {"", "", true},
	} {
		if got := matchStars(c.pattern, c.s); got != c.want {
			t.Errorf("%q of %q: %v, want %v", c.pattern, c.s, got, c.want)
		}
	}
}

// Levels are numbers with one spelling, and a property never is one.
func TestParseLevel(t *testing.T) {
	for _, c := range []struct {
		s, track string
		n        int
	}{
		{"SLSA_BUILD_LEVEL_3", "SLSA_BUILD_LEVEL", 3}, {"SLSA_BUILD_LEVEL_10", "SLSA_BUILD_LEVEL", 10}, {"SLSA_SOURCE_LEVEL_0", "SLSA_SOURCE_LEVEL", 0},
		{"SLSA_BUILD_LEVEL_03", "=SLSA_BUILD_LEVEL_03", 1}, {"SLSA_BUILD_LEVEL_+3", "=SLSA_BUILD_LEVEL_+3", 1}, {"SLSA_BUILD_LEVEL_-1", "=SLSA_BUILD_LEVEL_-1", 1},
		{"SLSA_BUILD_LEVEL_", "=SLSA_BUILD_LEVEL_", 1}, {"SLSA_BUILD_LEVEL", "=SLSA_BUILD_LEVEL", 1}, {"SLSA_BUILD_LEVEL_100", "=SLSA_BUILD_LEVEL_100", 1},
		{"SLSA_BUILD_LEVEL_UNEVALUATED", "=SLSA_BUILD_LEVEL_UNEVALUATED", 1}, {"ACME_BUILD_LEVEL_3", "=ACME_BUILD_LEVEL_3", 1}, {"", "=", 1},
	} {
		if track, n := parseLevel(c.s); track != c.track || n != c.n {
			t.Errorf("%q: %q %d, want %q %d", c.s, track, n, c.track, c.n)
		}
	}
}
