package sbom

import (
	"fmt"
	"strings"
	"testing"
)

// Of more components than the limit the components are compared and what they depend
// on is not, whichever document has so many; too many differences are an error, and
// equal components are counted.
func TestDiffStreamMany(t *testing.T) {
	const limit = 100
	document := func(n int, version, on, more string) string {
		var b strings.Builder
		b.WriteString(`{"bomFormat":"CycloneDX","specVersion":"1.6","components":[{"type":"file","bom-ref":"x","name":"x","version":"` + version + `"}`)
		for i := range n - 1 {
			fmt.Fprintf(&b, `,{"type":"file","name":"%d"}`, i)
		}
		b.WriteString(more + `],"dependencies":[{"ref":"x","dependsOn":[` + on + `]}]}`)
		return b.String()
	}
	const same = `,{"type":"file","name":"y","cpe":"1"},{"type":"file","name":"y","cpe":"2"},{"type":"file","name":"y"}`
	small, large := document(limit, "1", ``, ``), document(limit+1, "1", ``, ``)
	for _, test := range []struct{ name, a, b, want string }{
		{"edges of few", small, document(limit, "1", `"x"`, ``), "[x now depends on x]"},
		{"edges of many", large, document(limit+1, "1", `"x"`, ``), "[]"},
		{"a version of many", large, document(limit+1, "2", `"x"`, ``), "[x upgraded from 1 to 2]"},
		{"few and many", small, document(limit+1, "2", `"x"`, ``), "[99 added x upgraded from 1 to 2]"},
		{"many and few", document(limit+1, "2", `"x"`, ``), small, "[99 removed x downgraded from 2 to 1]"},
		{"three times", document(9, "1", ``, same), document(9, "1", ``, same), "[]"},
		{"once less", document(9, "1", ``, same), document(9, "1", ``, strings.TrimSuffix(same, `,{"type":"file","name":"y"}`)), "[y removed]"},
		{"once more", document(9, "1", ``, ``), document(9, "1", ``, `,{"type":"file","name":"1","cpe":"x"}`), "[1 added]"},
		{"as many as may be", small, document(110, "1", ``, ``), "[100 added 101 added 102 added 103 added 104 added 105 added 106 added 107 added 108 added 99 added]"},
	} {
		got, err := diffStream(strings.NewReader(test.a), strings.NewReader(test.b), limit, 10)
		if err != nil || fmt.Sprint(got) != test.want {
			t.Errorf("%s: %v, %v, want %s", test.name, got, err, test.want)
		}
	}
	for name, documents := range map[string][2]string{"added": {small, document(111, "1", ``, ``)}, "removed": {document(111, "1", ``, ``), small}} {
		if got, err := diffStream(strings.NewReader(documents[0]), strings.NewReader(documents[1]), limit, 10); err == nil || !strings.Contains(err.Error(), "more than 10 components") {
			t.Errorf("eleven %s: %v, %v", name, got, err)
		}
	}
}
