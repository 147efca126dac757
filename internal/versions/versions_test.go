package versions

import (
	"slices"
	"testing"
)

func TestCompare(t *testing.T) {
	for _, test := range []struct {
		ecosystem, a, b string
		order           int
		known           bool
	}{
		{"golang", "v1.9.0", "v1.10.0", -1, true},
		{"golang", "v1.0.0", "v1.0.0", 0, true},
		{"golang", "v1.0.0-rc.1", "v1.0.0", -1, true},
		{"golang", "v1.0.0-rc.2", "v1.0.0-rc.10", -1, true},
		{"golang", "v1.0.0-alpha", "v1.0.0-alpha.1", -1, true},
		{"golang", "v1.0.0-1", "v1.0.0-a", -1, true},
		{"golang", "v0.0.0-20240101000000-aaaaaaaaaaaa", "v0.0.0-20240201000000-aaaaaaaaaaaa", -1, true},
		{"golang", "v1.0.0+incompatible", "v1.0.0", 0, false},
		{"golang", "v1.0.0", "1.0.0", 0, true},
		{"npm", "1.0", "1.0.0", 0, true},
		{"npm", "99999999999999999999999", "100000000000000000000000", -1, true},
		{"deb", "1.2-3", "1.2-10", 0, false},
		{"deb", "1.2-3", "1.3-1", -1, true},
		{"deb", "1:1.2", "1.3", 0, false},
		{"pypi", "1.0rc1", "1.0", 0, false},
		{"", "", "1", 0, false},
		{"", "main", "1", 0, false},
		{"", "1.", "1", 0, false},
		{"", "1.0-", "1.0", -1, true},
	} {
		order, known := Compare(test.ecosystem, test.a, test.b)
		back, same := Compare(test.ecosystem, test.b, test.a)
		if order != test.order || known != test.known || back != -order || same != known {
			t.Errorf("%s %q, %q: %d, %v and back %d, %v; want %d, %v", test.ecosystem, test.a, test.b, order, known, back, same, test.order, test.known)
		}
	}
}

// What is ordered is ordered as the list of the specification has it (Semantic
// Versioning 2.0.0, section 11).
func TestOrder(t *testing.T) {
	want := []string{"1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1", "1.0.0", "2.0.0", "2.1.0", "2.1.1"}
	got := slices.Clone(want)
	slices.Reverse(got)
	slices.SortFunc(got, func(a, b string) int {
		order, known := Compare("npm", a, b)
		if !known {
			t.Errorf("%s and %s have no order", a, b)
		}
		return order
	})
	if !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func FuzzCompare(f *testing.F) {
	f.Add("golang", "v1.0.0-rc.1", "v1.0.0")
	f.Fuzz(func(t *testing.T, ecosystem, a, b string) {
		order, known := Compare(ecosystem, a, b)
		back, same := Compare(ecosystem, b, a)
		if back != -order || same != known || !known && order != 0 {
			t.Errorf("%q, %q: %d, %v and back %d, %v", a, b, order, known, back, same)
		}
	})
}
