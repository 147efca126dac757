package verifytest

import (
	"maps"
	"slices"
	"testing"
)

// Run asks g.Verifier every variant of g, each a subtest of its name, and fails
// those that are answered otherwise than they must be: with the variant that a
// policy let through, and what to do. A key of g.Open that lets nothing through
// fails as well: what is closed by now should not stay written down as open.
func Run(t *testing.T, g Good) {
	t.Helper()
	used, skipped := map[string]bool{}, false
	for v := range Variants(t.Context(), g) {
		ran := false
		t.Run(v.Name, func(t *testing.T) {
			ran = true
			if v.Err != nil {
				t.Fatal(v.Wrong(nil))
			}
			verdict, _ := g.Verifier.Verify(t.Context(), v.Request) // the verdict says what the error does
			wrong := v.Wrong(verdict)
			if wrong == "" {
				return
			}
			if key, ok := g.open(&v); ok && v.Want == Refused {
				used[key] = true
				t.Skipf("open on purpose: %s", g.Open[key])
			}
			t.Error(wrong)
		})
		skipped = skipped || !ran // by -run
	}
	if skipped || t.Failed() {
		return
	}
	for _, key := range slices.Sorted(maps.Keys(g.Open)) {
		if !used[key] {
			t.Errorf("Good.Open names %q (%s), and no variant of that name is let through: take it out", key, g.Open[key])
		}
	}
}
