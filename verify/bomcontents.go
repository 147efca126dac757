package verify

import (
	"fmt"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/touchmark-go/touchmark/sbom"
)

// A compiledLicenses and a compiledPackages are rules that are ready to be asked.
type compiledLicenses struct {
	deny         []deniedLicense
	allowUnknown bool
}

type compiledPackages []deniedPackage

func compileLicenses(r *LicenseRule) *compiledLicenses {
	out := &compiledLicenses{allowUnknown: r.Unknown == "allow"}
	for _, entry := range r.Deny {
		d, _ := parseDeniedLicense(entry) // was read before
		out.deny = append(out.deny, d)
	}
	return out
}

func compilePackages(r *PackageRule) (out compiledPackages) {
	for _, entry := range r.Deny {
		d, _ := parseDeniedPackage(entry) // was read before
		out = append(out, d)
	}
	return out
}

// checkContents holds what an SBOM says against a rule.
func (d *deciding) checkContents(t *trial, at string, r *SBOMRule) {
	at += "/sbom"
	asks := func(name string, there, any bool, check func(at string)) {
		switch {
		case any:
			t.waive(CodeCondition, at+"/"+name, "any")
		case there:
			check(at + "/" + name)
		}
	}
	asks("complete", r.Complete != "", r.Complete == "any", func(at string) { t.checkComplete(at, r.Complete) })
	asks("profiles", len(r.Profiles) > 0, len(r.Profiles) == 1 && r.Profiles[0] == "any", func(at string) {
		for i, p := range r.Profiles {
			t.checkProfile(fmt.Sprintf("%s/%d", at, i), p)
		}
	})
	asks("licenses", r.Licenses != nil, r.Licenses != nil && r.Licenses.Any, func(at string) { t.checkLicenses(at, r.Licenses) })
	asks("packages", r.Packages != nil, r.Packages != nil && r.Packages.Any, func(at string) { t.checkPackages(at, r.Packages) })
	asks("sumdb", r.SumDB != nil, r.SumDB != nil && r.SumDB.Any, func(at string) { d.checkSumDB(t, at, r.SumDB) })
	asks("modules", r.Modules != "", r.Modules == "any", func(at string) { d.checkModules(t, at) })
}

func (t *trial) checkComplete(at, want string) {
	components, dependencies := sbom.Completeness(t.bom)
	got := components
	if want == "dependencies" && got == cdx.CompositionAggregateComplete {
		got = dependencies
	}
	if got == cdx.CompositionAggregateComplete {
		t.pass(CodeCondition, at)
		return
	}
	t.fail(Finding{Code: CodeCondition, Rule: at, Message: "the SBOM does not say that it is complete", Want: "complete " + want,
		Got: fmt.Sprintf("components %s, dependencies %s", components, dependencies), Remedy: "make the SBOM from the build itself, where everything is known; do not write what nobody knows"})
}

func (t *trial) checkProfile(at string, p sbom.Profile) {
	var missed []sbom.Issue
	for _, i := range sbom.Check(t.bom, p) {
		if !i.Advice {
			missed = append(missed, i)
		}
	}
	if len(missed) == 0 {
		t.pass(CodeCondition, at)
		return
	}
	first := missed[0]
	got := fmt.Sprintf("%s: %s", first.Rule, first.Found)
	if first.Component != "" {
		got = fmt.Sprintf("%s of %s: %s", first.Rule, first.Component, first.Found)
	}
	if len(missed) > 1 {
		got += fmt.Sprintf(", and %d more", len(missed)-1)
	}
	t.fail(Finding{Code: CodeCondition, Rule: at, Message: "the SBOM does not meet " + string(p), Want: first.Want, Got: got, Remedy: first.Remedy})
}

// eachComponent visits every component of a document, the main one first, and
// those inside of others too.
func eachComponent(bom *cdx.BOM, visit func(c *cdx.Component, main bool)) {
	var list func(components *[]cdx.Component)
	list = func(components *[]cdx.Component) {
		if components == nil {
			return
		}
		for i := range *components {
			visit(&(*components)[i], false)
			list((*components)[i].Components)
		}
	}
	if m := bom.Metadata; m != nil && m.Component != nil {
		visit(m.Component, true)
		list(m.Component.Components)
	}
	list(bom.Components)
}

// callName is a component as findings call it.
func callName(c *cdx.Component) string {
	name := strings.TrimPrefix(c.Group+"/"+c.Name, "/")
	return strings.TrimSuffix(name+"@"+c.Version, "@")
}

// A tally counts what is wrong and keeps the first few.
type tally struct {
	n     int
	first []string
}

func (c *tally) add(what string) {
	if c.n++; len(c.first) < 3 {
		c.first = append(c.first, what)
	}
}

func (c *tally) String() string {
	s := strings.Join(c.first, "; ")
	if c.n > len(c.first) {
		s += fmt.Sprintf("; and %d more", c.n-len(c.first))
	}
	return s
}

func (t *trial) checkLicenses(at string, r *LicenseRule) {
	rule := compileLicenses(r)
	var wrong tally
	eachComponent(t.bom, func(c *cdx.Component, main bool) {
		if !rule.permits(c, main) {
			texts := strings.Join(licenseTexts(c), ", ")
			if texts == "" {
				texts = "nobody knows"
			}
			wrong.add(callName(c) + ": " + texts)
		}
	})
	if wrong.n == 0 {
		t.pass(CodeCondition, at)
		return
	}
	want := "none of " + strings.Join(r.Deny, ", ")
	switch {
	case len(r.Deny) == 0:
		want = "a licence that is known"
	case r.Unknown == "deny":
		want += ", and none that is unknown"
	}
	t.fail(Finding{Code: CodeCondition, Rule: at, Message: "a component has a licence that the policy denies", Want: want, Got: wrong.String(),
		Remedy: "replace the component, or find out its licence and say it in the SBOM"})
}

func (t *trial) checkPackages(at string, r *PackageRule) {
	rule := compilePackages(r)
	var wrong tally
	eachComponent(t.bom, func(c *cdx.Component, _ bool) {
		switch denied, unread := rule.denied(c); {
		case unread != nil:
			wrong.add(callName(c) + ": " + unread.Error())
		case denied:
			wrong.add(callName(c))
		}
	})
	if wrong.n == 0 {
		t.pass(CodeCondition, at)
		return
	}
	t.fail(Finding{Code: CodeCondition, Rule: at, Message: "a component that the policy denies is inside", Want: "none of the packages that are denied, under names that can be read", Got: wrong.String(),
		Remedy: "build without it, or with a version that is not denied"})
}
