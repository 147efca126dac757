package spdxlicense_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/touchmark-go/touchmark/internal/spdxlicense"
	"github.com/touchmark-go/touchmark/internal/testkit"
)

// The list is that of the CycloneDX schema, which enumerates licences and
// exceptions alike.
func TestListIsTheSchemas(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(testkit.Corpus(t), "cyclonedx-schema", "schema", "spdx.schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	var schema struct {
		Comment string   `json:"$comment"`
		Enum    []string `json:"enum"`
	}
	if err := json.Unmarshal(data, &schema); err != nil {
		t.Fatal(err)
	}
	slices.Sort(schema.Enum)
	if got := spdxlicense.IDs(); !slices.Equal(got, schema.Enum) {
		t.Errorf("%d ids, the schema has %d", len(got), len(schema.Enum))
	}
	if !strings.Contains(schema.Comment, spdxlicense.ListVersion) {
		t.Errorf("the schema is of %q, the list of %s", schema.Comment, spdxlicense.ListVersion)
	}
}

// Every id is found in its own letter case and in any other, as one of the two kinds.
func TestLookup(t *testing.T) {
	licenses, exceptions, deprecated := 0, 0, 0
	for _, id := range spdxlicense.IDs() {
		for i, spelling := range []string{id, strings.ToLower(id), strings.ToUpper(id)} {
			l, old, isLicense := spdxlicense.License(spelling)
			e, oldException, isException := spdxlicense.Exception(spelling)
			if isLicense == isException || isLicense && l != id || isException && e != id {
				t.Fatalf("%s: license %q %t, exception %q %t", spelling, l, isLicense, e, isException)
			}
			if i > 0 {
				continue
			}
			if isLicense {
				licenses++
			} else {
				exceptions++
			}
			if old || oldException {
				deprecated++
			}
		}
	}
	if licenses != 727 || exceptions != 84 || deprecated != 33 {
		t.Errorf("%d licenses, %d exceptions, %d deprecated", licenses, exceptions, deprecated)
	}
	for _, none := range []string{"", " ", "MIT ", "M", "0", "zzzz", "MIT license", "\n", strings.Repeat("a", 1000)} {
		if _, _, ok := spdxlicense.License(none); ok {
			t.Errorf("%q is a license", none)
		}
	}
}

func TestParse(t *testing.T) {
	for _, test := range []struct{ in, want string }{
		{"MIT", "MIT"},
		{"mit", "MIT"},
		{" MIT\t", "MIT"},
		{"(MIT)", "MIT"},
		{"((MIT))", "MIT"},
		{"MIT AND apache-2.0", "MIT AND Apache-2.0"},
		{"MIT OR Apache-2.0 AND BSD-3-Clause", "MIT OR Apache-2.0 AND BSD-3-Clause"},
		{"(MIT OR Apache-2.0) AND BSD-3-Clause", "(MIT OR Apache-2.0) AND BSD-3-Clause"},
		{"MIT AND (Apache-2.0 AND ISC)", "MIT AND Apache-2.0 AND ISC"},
		{"(MIT AND Apache-2.0) OR ISC", "MIT AND Apache-2.0 OR ISC"},
		{"MIT AND(ISC OR 0BSD)", "MIT AND (ISC OR 0BSD)"},
		{"GPL-2.0+", "GPL-2.0+"},
		{"GPL-2.0-only+", "GPL-2.0-only+"},
		{"Apache-1.0+ WITH classpath-exception-2.0", "Apache-1.0+ WITH Classpath-exception-2.0"},
		{"GPL-2.0-or-later WITH Bison-exception-2.2 OR MIT", "GPL-2.0-or-later WITH Bison-exception-2.2 OR MIT"},
		{"LicenseRef-a.b-1", "LicenseRef-a.b-1"},
		{"DocumentRef-x:LicenseRef-y WITH LLVM-exception", "DocumentRef-x:LicenseRef-y WITH LLVM-exception"},
		{strings.Repeat("(", 64) + "MIT" + strings.Repeat(")", 64), "MIT"},
	} {
		e, err := spdxlicense.Parse(test.in)
		if err != nil || e.String() != test.want {
			t.Errorf("Parse(%q) = %v, %v; want %s", test.in, e, err, test.want)
		}
	}
	for _, bad := range []string{
		"", " ", "()", "(MIT", "MIT)", "MIT MIT", "MIT and ISC", "MIT or ISC", "MIT with LLVM-exception", "MIT AND", "AND MIT", "OR", "WITH LLVM-exception",
		"MIT WITH", "MIT WITH MIT", "LLVM-exception", "MIT WITH LLVM-exception WITH LLVM-exception", "(MIT) WITH LLVM-exception", "(MIT AND ISC) WITH LLVM-exception",
		"MIT +", "GPL-2.0++", "+", "NONE", "NOASSERTION", "MIT OR NONE", "LicenseRef-", "LicenseRef-a b", "LicenseRef-ä", "licenseref-a", "DocumentRef-:LicenseRef-a", "DocumentRef-a",
		"DocumentRef-a:MIT", "LicenseRef-a+", "MIT/ISC", "MIT, ISC", "MIT\x00", "MIT\u00a0OR ISC", "The MIT License", "GPL",
		strings.Repeat("(", 65) + "MIT" + strings.Repeat(")", 65), strings.Repeat("MIT AND ", 9000) + "MIT",
	} {
		if e, err := spdxlicense.Parse(bad); err == nil {
			t.Errorf("Parse(%.50q) = %.50q, want an error", bad, e)
		} else if len(err.Error()) > 2000 {
			t.Errorf("Parse(%.50q): an error of %d bytes", bad, len(err.Error()))
		}
	}
}

func TestDeprecated(t *testing.T) {
	for in, want := range map[string]bool{"GPL-2.0": true, "GPL-2.0+": true, "GPL-2.0-only": false, "GPL-2.0-only WITH Nokia-Qt-exception-1.1": true, "MIT": false} {
		e, err := spdxlicense.Parse(in)
		if err != nil || e.Deprecated != want {
			t.Errorf("Parse(%q).Deprecated = %v, %v; want %t", in, e, err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"MIT", "(MIT OR Apache-2.0) AND GPL-2.0+ WITH LLVM-exception", "DocumentRef-a:LicenseRef-b", "((", "a AND"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		e, err := spdxlicense.Parse(s)
		if err != nil {
			return
		}
		again, err := spdxlicense.Parse(e.String())
		if err != nil || again.String() != e.String() {
			t.Errorf("%q became %q, and that %v, %v", s, e, again, err)
		}
	})
}
