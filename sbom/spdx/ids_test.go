package spdx

import "testing"

// Every bom-ref has an id of its own, which spells it, and every id a bom-ref
// of its own, whoever made it.
func TestIDs(t *testing.T) {
	for ref, want := range map[string]string{
		"app": "SPDXRef-app", "pkg:golang/a.b/c@v1": "SPDXRef-pkg-x3agolang-x2fa.b-x2fc-x40v1", "-x2f": "SPDXRef--x2dx2f", "a-b": "SPDXRef-a-b", "ü": "SPDXRef--xc3-xbc",
		"SPDXRef-app": "SPDXRef--x53PDXRef-app", "": "SPDXRef-",
	} {
		if got := idOf(ref); got != want || refOf(got) != ref {
			t.Errorf("%q is %q, want %q, and that is %q", ref, got, want, refOf(got))
		}
	}
	seen := map[string]string{}
	for _, id := range []string{
		"SPDXRef-a", "SPDXRef-a-x41", "SPDXRef-A", "SPDXRef-SPDXRef-a", "SPDXRef--x53PDXRef-a", "SPDXRef-SPDXRef-SPDXRef-a", "SPDXRef--x53PDXRef-a-x41", "SPDXRef-a-x2dx41", "SPDXRef--x53PDXRef-a-x2dx41",
		"SPDXRef--x53PDXRef-SPDXRef-a-x41", "SPDXRef-x", "SPDXRef--x", "SPDXRef--xzz", "SPDXRef-component-x2e0",
	} {
		ref := refOf(id)
		if other, taken := seen[ref]; taken {
			t.Errorf("%q and %q are both %q", id, other, ref)
		}
		seen[ref] = id
	}
}

func FuzzIDs(f *testing.F) {
	f.Add("a", "SPDXRef-a")
	f.Add("SPDXRef-SPDXRef-a-x41", "SPDXRef--x53PDXRef-a-x2dx41")
	f.Fuzz(func(t *testing.T, a, b string) {
		if a != b && refOf("SPDXRef-"+a) == refOf("SPDXRef-"+b) {
			t.Errorf("%q and %q are one", a, b)
		}
		if a != b && idOf(a) == idOf(b) {
			t.Errorf("%q and %q have one id", a, b)
		}
	})
}
