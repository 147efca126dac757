package verify

import (
	"slices"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/touchmark-go/touchmark/internal/spdxlicense"
)

// licenseTexts are the licences of a component, as expressions or as names.
// Declared and concluded ones count alike: whoever wants to hide one could write
// it as the other.
func licenseTexts(c *cdx.Component) (all []string) {
	if c.Licenses == nil {
		return nil
	}
	for _, l := range *c.Licenses {
		text := l.Expression
		if l.License != nil {
			if text = l.License.ID; text == "" {
				text = l.License.Name
			}
		}
		all = append(all, text)
	}
	return all
}

// permits reports whether a component may have its licences: every one of them
// must leave a choice in which none is denied. What cannot be read as an SPDX
// expression, and a LicenseRef that no entry names, is unknown.
func (r *compiledLicenses) permits(c *cdx.Component, main bool) bool {
	texts := licenseTexts(c)
	if len(texts) == 0 {
		return r.allowUnknown || main // the product's own licence is its maker's to know
	}
	for _, text := range texts {
		e, err := spdxlicense.Parse(text)
		if err != nil {
			if !r.allowUnknown {
				return false
			}
			continue
		}
		if !r.satisfied(e) {
			return false
		}
	}
	return true
}

// satisfied evaluates an expression: OR offers a choice, AND does not.
func (r *compiledLicenses) satisfied(e *spdxlicense.Expression) bool {
	switch e.Op {
	case "OR":
		return slices.ContainsFunc(e.Of, r.satisfied)
	case "AND":
		return !slices.ContainsFunc(e.Of, func(e *spdxlicense.Expression) bool { return !r.satisfied(e) })
	}
	id, exception := plainLicense(e)
	if r.denies(id, exception) {
		return false
	}
	if spdxlicense.IsRef(e.ID) {
		return r.allowUnknown
	}
	// "Or later" offers every version from this one on; it is denied if all that
	// there are are.
	if e.OrLater || strings.HasSuffix(id, orLater) {
		later := laterVersions(id)
		return len(later) == 0 || slices.ContainsFunc(later, func(id string) bool { return !r.denies(id, exception) })
	}
	return true
}

func (r *compiledLicenses) denies(id, exception string) bool {
	return slices.ContainsFunc(r.deny, func(d deniedLicense) bool {
		return (d.id == id || d.prefix && strings.HasPrefix(id, d.id)) && (d.exception == "" || d.exception == exception)
	})
}

const (
	orLater = "-or-later"
	only    = "-only"
)

// plainLicense is a licence in lower case and in the form that the SPDX list has
// now: what used to be GPL-2.0 is gpl-2.0-only, GPL-2.0+ is gpl-2.0-or-later, and
// the ids with an exception in them are taken apart.
func plainLicense(e *spdxlicense.Expression) (id, exception string) {
	id, exception = strings.ToLower(e.ID), strings.ToLower(e.Exception)
	switch id { // two that do not show in their names what they are
	case "ecos-2.0":
		return "gpl-2.0-or-later", "ecos-exception-2.0"
	case "wxwindows":
		return "lgpl-2.0-or-later", "wxwindows-exception-3.1"
	}
	if base, _, ok := strings.Cut(id, "-with-"); ok && e.Deprecated {
		if exception == "" {
			exception = exceptionIn(id)
		}
		id = base
	}
	base, plus := strings.CutSuffix(id, "+")
	plus = plus || e.OrLater && strings.HasSuffix(base, only)
	base = strings.TrimSuffix(base, only)
	_, _, versioned := spdxlicense.License(base + only)
	switch {
	case versioned && plus:
		id = base + orLater
	case versioned && !strings.HasSuffix(id, only):
		id = base + only
	}
	return id, exception
}

// exceptionIn is the exception that a deprecated id, in lower case, holds, by the
// name that it has now: it ends in the licence's version but for two. The list of
// SPDX says so in prose only.
func exceptionIn(id string) string {
	license, exception, _ := strings.Cut(id, "-with-")
	version := strings.TrimPrefix(license, "gpl-")
	switch {
	case exception == "bison-exception":
		version = "2.2"
	case exception == "gcc-exception" && version == "3.0":
		version = "3.1"
	}
	return exception + "-" + version
}

// laterVersions are the licences that "or later" offers: those of the family from
// this version on.
func laterVersions(id string) (all []string) {
	family, from, suffix, ok := splitVersion(strings.TrimSuffix(id, orLater))
	if !ok {
		return nil
	}
	for _, other := range spdxlicense.IDs() {
		canonical := strings.ToLower(other)
		_, deprecated, isLicense := spdxlicense.License(other)
		if !isLicense || deprecated || strings.HasSuffix(canonical, orLater) {
			continue
		}
		f, v, s, ok := splitVersion(strings.TrimSuffix(canonical, only))
		if ok && f == family && s == suffix && compareDotted(v, from) >= 0 {
			all = append(all, canonical)
		}
	}
	return all
}

// splitVersion splits "gpl-2.0" into family and version; what stands behind the
// version must be the same for two to be of one family.
func splitVersion(id string) (family, version, suffix string, ok bool) {
	at := strings.IndexAny(id, "0123456789")
	if at < 2 || id[at-1] != '-' {
		return "", "", "", false
	}
	end := at
	for end < len(id) && (id[end] == '.' || '0' <= id[end] && id[end] <= '9') {
		end++
	}
	return id[:at-1], id[at:end], id[end:], true
}

func compareDotted(a, b string) int {
	x, y := strings.Split(a, "."), strings.Split(b, ".")
	for i := range max(len(x), len(y)) {
		var m, n string
		if i < len(x) {
			m = strings.TrimLeft(x[i], "0")
		}
		if i < len(y) {
			n = strings.TrimLeft(y[i], "0")
		}
		if len(m) != len(n) {
			return len(m) - len(n)
		}
		if c := strings.Compare(m, n); c != 0 {
			return c
		}
	}
	return 0
}
