package verify_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/touchmark-go/touchmark/internal/testkit/story"
	"github.com/touchmark-go/touchmark/sbom"
	"github.com/touchmark-go/touchmark/verify"
)

// withBOM is the base case with an SBOM rule and the licences of one component.
func withBOM(t *testing.T, rule, licenses string) *story.Case {
	t.Helper()
	return story.Build(t, `set policy /attestations/0/sbom `+rule+`
set sbom /predicate/components [{"bom-ref":"a","type":"library","name":"a","version":"1.2.0","purl":"pkg:npm/a@1.2.0"}]
`+licenses)
}

// Denied licences are found in expressions: OR offers a choice, AND does not,
// aliases are one licence, and what cannot be read is unknown.
func TestDeniedLicenses(t *testing.T) {
	for _, test := range []struct {
		deny, unknown string
		license       string
		allowed       bool
	}{
		{"GPL-3.0-only", "allow", "GPL-3.0-only", false},
		{"GPL-3.0-only", "allow", "gpl-3.0-ONLY", false},
		{"gpl-3.0-only", "allow", "GPL-3.0-only", false},
		{"GPL-3.0-only", "allow", "GPL-3.0", false},
		{"GPL-3.0", "allow", "GPL-3.0-only", false},
		{"GPL-3.0-only", "allow", "GPL-2.0-only", true},
		{"GPL-3.0-only", "allow", "LGPL-3.0-only", true},
		{"GPL-3.0-only", "allow", "GPL-3.0+", false},
		{"GPL-3.0-only", "allow", "GPL-3.0-or-later", false},
		{"GPL-3.0-only", "allow", "GPL-2.0-or-later", true},
		{"GPL-2.0-only", "allow", "GPL-2.0-or-later", true},
		{"GPL-2.0-or-later", "allow", "GPL-2.0+", false},
		{"GPL-2.0-or-later", "allow", "GPL-2.0-only", true},
		{"GPL-*", "allow", "GPL-2.0-or-later", false},
		{"GPL-*", "allow", "GPL-1.0-only", false},
		{"GPL-*", "allow", "LGPL-2.1-only", true},
		{"GPL-*", "allow", "GPL-2.0-with-classpath-exception", false},
		{"GPL-2.0-only", "allow", "GPL-2.0-with-classpath-exception", false},
		{"GPL-2.0-only", "allow", "GPL-2.0-only WITH Classpath-exception-2.0", false},
		{"GPL-2.0-only WITH Classpath-exception-2.0", "allow", "GPL-2.0-only WITH Classpath-exception-2.0", false},
		{"GPL-2.0-only WITH Classpath-exception-2.0", "allow", "GPL-2.0-with-classpath-exception", false},
		{"GPL-2.0-with-classpath-exception", "allow", "GPL-2.0-only WITH Classpath-exception-2.0", false},
		{"GPL-2.0-with-classpath-exception", "allow", "GPL-2.0-with-GCC-exception", true},
		{"GPL-2.0-only WITH Classpath-exception-2.0", "allow", "GPL-2.0-only", true},
		{"GPL-2.0-only WITH Classpath-exception-2.0", "allow", "GPL-2.0-only WITH GCC-exception-2.0", true},
		{"Apache-2.0", "allow", "Apache-2.0+", false},
		{"Apache-1.1", "allow", "Apache-1.1+", false},
		{"Apache-1.0", "allow", "Apache-1.1+", true},
		{"ISC", "allow", "MIT+", true},
		{"MIT", "allow", "MIT+", false},
		{"MIT", "allow", "MIT OR ISC", true},
		{"MIT", "allow", "MIT AND ISC", false},
		{"MIT", "allow", "(MIT AND ISC) OR 0BSD", true},
		{"MIT", "allow", "(MIT OR ISC) AND MIT", false},
		{"MIT", "allow", "MIT-0", true},
		{"MIT*", "allow", "MIT-0", false},
		{"LicenseRef-acme", "allow", "LicenseRef-acme", false},
		{"LicenseRef-acme", "allow", "LicenseRef-other", true},
		{"LicenseRef-acme", "deny", "LicenseRef-other", false},
		{"MIT", "deny", "MIT OR ISC", true},
		{"MIT", "deny", "LicenseRef-other OR ISC", true},
		{"MIT", "deny", "LicenseRef-other AND ISC", false},
		{"MIT", "deny", "ISC", true},
		{"MIT", "deny", "the ISC licence", false},
		{"MIT", "allow", "the ISC licence", true},
		{"MIT", "deny", "NOASSERTION", false},
		{"MIT", "deny", "NONE", false},
		{"MIT", "deny", "mit or isc", false},
		{"MIT", "allow", "", true},
		{"MIT", "deny", "", false},
	} {
		t.Run(test.deny+", "+test.unknown+": "+test.license, func(t *testing.T) {
			rule := fmt.Sprintf(`{"licenses":{"deny":[%q],"unknown":%q}}`, test.deny, test.unknown)
			edit := ""
			if test.license != "" {
				edit = fmt.Sprintf("set sbom /predicate/components/0/licenses [{\"expression\":%q}]", test.license)
			}
			verdict, err := withBOM(t, rule, edit).Verify(t)
			if allowed := err == nil; allowed != test.allowed {
				t.Errorf("allowed is %v, want %v\n%s", allowed, test.allowed, verdict)
			}
		})
	}
}

// Denied packages are found under their package URL and under their name, in the
// versions that are denied.
func TestDeniedPackages(t *testing.T) {
	for _, test := range []struct {
		deny, component string
		allowed         bool
	}{
		{`"pkg:npm/a"`, `"name":"a","version":"1.2.0","purl":"pkg:npm/a@1.2.0"`, false},
		{`"pkg:npm/a"`, `"name":"b","version":"1.2.0","purl":"pkg:npm/a@1.2.0"`, false},
		{`"pkg:npm/a"`, `"name":"a","version":"1.2.0","purl":"pkg:pypi/a@1.2.0"`, true},
		{`"pkg:npm/a"`, `"name":"a","version":"1.2.0","purl":"pkg:npm/b@1.2.0"`, false},
		{`"pkg:npm/a"`, `"name":"ab","purl":"pkg:npm/ab"`, true},
		{`"pkg:npm/%40acme/a"`, `"group":"@acme","name":"a"`, false},
		{`"pkg:npm/%40acme/a"`, `"name":"a","purl":"pkg:npm/a"`, true},
		{`"pkg:npm/%40acme/*"`, `"name":"a","purl":"pkg:npm/%40acme/a"`, false},
		{`"pkg:npm/%40acme/*"`, `"name":"a","purl":"pkg:npm/%40acme2/a"`, true},
		{`"pkg:golang/ex.org/A"`, `"name":"ex.org/a","purl":"pkg:golang/ex.org/a"`, false},
		{`"pkg:golang/ex.org/a"`, `"name":"ex.org/A"`, false},
		{`"pkg:npm/a"`, `"name":"A","version":"1.0.0"`, false},
		{`"pkg:golang/ex.org/a"`, `"name":"ex.org/A/b","purl":"pkg:golang/ex.org/a/b"`, true},
		{`{"purl":"pkg:npm/a","versions":["<1.2.0"]}`, `"name":"a","version":"1.2.0","purl":"pkg:npm/a@1.2.0"`, true},
		{`{"purl":"pkg:npm/a","versions":["<1.2.0"]}`, `"name":"a","version":"1.2.0-rc.1","purl":"pkg:npm/a@1.2.0-rc.1"`, false},
		{`{"purl":"pkg:npm/a","versions":["<1.2.0"]}`, `"name":"a","version":"1.3.0","purl":"pkg:npm/a@1.1.0"`, false},
		{`{"purl":"pkg:npm/a","versions":["<1.2.0"]}`, `"name":"a","version":"1.1.0","purl":"pkg:npm/a@1.3.0"`, false},
		{`{"purl":"pkg:npm/a","versions":[">=1.0.0 <1.2.0","=3.0.0"]}`, `"name":"a","version":"3.0.0","purl":"pkg:npm/a@3.0.0"`, false},
		{`{"purl":"pkg:npm/a","versions":[">=1.0.0 <1.2.0","=3.0.0"]}`, `"name":"a","version":"2.0.0","purl":"pkg:npm/a@2.0.0"`, true},
		{`{"purl":"pkg:npm/a","versions":[">1.0.0","<=0.9.0"]}`, `"name":"a","version":"1.0.0","purl":"pkg:npm/a@1.0.0"`, true},
		{`{"purl":"pkg:npm/a","versions":[">1.0.0","<=0.9.0"]}`, `"name":"a","version":"0.9.0","purl":"pkg:npm/a@0.9.0"`, false},
		{`{"purl":"pkg:npm/a","versions":["=3.0.0"]}`, `"name":"a","purl":"pkg:npm/a"`, false},
		{`{"purl":"pkg:deb/debian/a","versions":["=1.2-3"]}`, `"name":"debian/a","version":"1.2-4","purl":"pkg:deb/debian/a@1.2-4"`, true},
		{`{"purl":"pkg:deb/debian/a","versions":["<1.2"]}`, `"name":"a","version":"1:1.1","purl":"pkg:deb/debian/a@1:1.1"`, false},
	} {
		t.Run(test.deny+" "+test.component, func(t *testing.T) {
			c := withBOM(t, `{"packages":{"deny":[`+test.deny+`]}}`, `set sbom /predicate/components [{"bom-ref":"a","type":"library",`+test.component+`}]`)
			verdict, err := c.Verify(t)
			if allowed := err == nil; allowed != test.allowed {
				t.Errorf("allowed is %v, want %v\n%s", allowed, test.allowed, verdict)
			}
		})
	}
}

// What a policy does not want of an SBOM it says, and every verdict shows it;
// policy check warns.
func TestSBOMWaived(t *testing.T) {
	c := withBOM(t, `{"complete":"any","profiles":{"any":true},"licenses":{"any":true},"packages":"any","modules":"any"}`, "")
	verdict, err := c.Verify(t)
	if err != nil {
		t.Fatal(verdict)
	}
	waived := map[string]bool{}
	for _, f := range verdict.Findings {
		if f.Status == verify.Waived {
			waived[f.Rule] = true
		}
	}
	warnings := strings.Join(c.Policies[0].Warnings(), "\n")
	for _, member := range []string{"complete", "profiles", "licenses", "packages", "modules"} {
		if rule := "/attestations/0/sbom/" + member; !waived[rule] || !strings.Contains(warnings, rule+": any") {
			t.Errorf("%s: waived %v; warnings are\n%s", rule, waived[rule], warnings)
		}
	}
}

// A policy made in Go is the one that is read back; and one that says two things
// is refused.
func TestSBOMRuleMarshal(t *testing.T) {
	c := story.Build(t)
	whole := verify.SBOMRule{
		Complete: "dependencies", Profiles: []sbom.Profile{sbom.ProfileStructure}, Modules: "exact",
		Licenses: &verify.LicenseRule{Deny: []string{"GPL-*"}, Unknown: "deny"},
		Packages: &verify.PackageRule{Deny: []verify.DeniedPackage{{PURL: "pkg:npm/a"}, {PURL: "pkg:npm/b", Versions: []string{"<1.0.0"}}}},
	}
	for name, test := range map[string]struct {
		rule *verify.SBOMRule
		ok   bool
	}{
		"none":           {nil, true},
		"whole":          {&whole, true},
		"any":            {&verify.SBOMRule{Complete: "any", Profiles: []sbom.Profile{"any"}, Modules: "any", Licenses: &verify.LicenseRule{Any: true}, Packages: &verify.PackageRule{Any: true}}, true},
		"nothing":        {&verify.SBOMRule{}, false},
		"two licences":   {&verify.SBOMRule{Licenses: &verify.LicenseRule{Any: true, Deny: []string{"MIT"}}}, false},
		"two packages":   {&verify.SBOMRule{Packages: &verify.PackageRule{Any: true, Deny: []verify.DeniedPackage{{PURL: "pkg:npm/a"}}}}, false},
		"no licences":    {&verify.SBOMRule{Licenses: &verify.LicenseRule{}}, false},
		"no packages":    {&verify.SBOMRule{Packages: &verify.PackageRule{}}, false},
		"any and others": {&verify.SBOMRule{Profiles: []sbom.Profile{"any", sbom.ProfileNTIA}}, false},
	} {
		p := *c.Policies[0]
		p.Attestations = append([]verify.AttestationRule{}, p.Attestations...)
		p.Attestations[0].SBOM = test.rule
		again, err := verify.ParsePolicy(p.Marshal())
		if (err == nil) != test.ok {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if err == nil && (!bytes.Equal(again.Marshal(), p.Marshal()) || again.Digest() != p.Digest()) {
			t.Errorf("%s: %s\nwant %s", name, again.Marshal(), p.Marshal())
		}
		if _, err := verify.New(c.Trust, &p); (err == nil) != test.ok {
			t.Errorf("%s: New says %v", name, err)
		}
	}
}

func FuzzSBOMRule(f *testing.F) {
	f.Add(`{"complete":"components"}`)
	f.Add(`{"licenses":{"deny":["GPL-*","MIT"],"unknown":"deny"},"packages":{"deny":["pkg:npm/a",{"purl":"pkg:npm/b","versions":["<1"]}]}}`)
	f.Add(`{"profiles":["structure"],"modules":"exact"}`)
	const policy = `{"schema":"https://github.com/touchmark-go/touchmark/policy/v1","version":1,"name":"p","examine":"if-applicable",
		"provenance":{"signedBy":"any","level":"any","buildType":"any","source":"any","parameters":"any"},
		"attestations":[{"type":"https://cyclonedx.org/bom","signedBy":"any","sbom":%s}]}`
	f.Fuzz(func(t *testing.T, rule string) {
		if !json.Valid([]byte(rule)) {
			t.Skip()
		}
		p, err := verify.ParsePolicy([]byte(fmt.Sprintf(policy, rule)))
		if err != nil {
			t.Skip()
		}
		if p.Attestations[0].SBOM == nil {
			t.Skip()
		}
		again, err := verify.ParsePolicy(p.Marshal())
		if err != nil || !bytes.Equal(again.Marshal(), p.Marshal()) {
			t.Errorf("%s does not survive a round trip: %v", rule, err)
		}
	})
}
