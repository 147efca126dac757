package sbom

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/touchmark-go/touchmark/internal/versions"
)

// A Change is one difference between two documents.
type Change struct {
	// Kind is what happened: "added", "removed"; "upgraded", "downgraded", or
	// "changed" where versions have no order that is known; "license", "hash" (the
	// same version, and other content), "depends" (an edge) and "completeness".
	Kind string `json:"kind"`
	// Component is the component, by its name without a version.
	Component string `json:"component"`
	// PURL is its package URL without a version, if it has one.
	PURL string `json:"purl,omitempty"`
	// Old and New are the versions, licences, hashes or what it depends on. What
	// was added has no Old, what was removed no New.
	Old string `json:"old,omitempty"`
	New string `json:"new,omitempty"`
}

// changeKinds is the order of changes: what matters most comes first.
var changeKinds = []string{"hash", "added", "removed", "upgraded", "downgraded", "changed", "license", "depends", "completeness"}

// String is the change in a person's words: "golang.org/x/mod upgraded from
// v0.41.0 to v0.42.0". Text that is not plain is quoted.
func (c Change) String() string {
	name, old, now := plainText(c.Component), plainText(cmp.Or(c.Old, "nothing")), plainText(cmp.Or(c.New, "nothing"))
	switch c.Kind {
	case "added":
		if c.New == "" {
			return name + " added"
		}
		return name + " added: " + now
	case "removed":
		if c.Old == "" {
			return name + " removed"
		}
		return name + " removed: was " + old
	case "license":
		return fmt.Sprintf("%s changed its license from %s to %s", name, old, now)
	case "hash":
		return fmt.Sprintf("%s is other content of the same version: was %s, is %s", name, old, now)
	case "depends":
		switch {
		case c.Old == "":
			return fmt.Sprintf("%s now depends on %s", name, now)
		case c.New == "":
			return fmt.Sprintf("%s no longer depends on %s", name, old)
		}
		return fmt.Sprintf("%s depends on %s, was %s", name, now, old)
	case "completeness":
		return fmt.Sprintf("%s is said to be %s, was %s", name, now, old)
	}
	return fmt.Sprintf("%s %s from %s to %s", name, c.Kind, old, now)
}

// Diff explains how b differs from a: components that were added or removed,
// other versions, and, where the version is the same, other licences, other
// content, other dependencies and another word on how complete they are. A
// component is the same in both if its package URL without the version is, and of
// Go modules its exact path; without one, its type, group and name. Times,
// serial numbers, tools and the order of things are left out.
//
// The result is nil if nothing else differs, and depends on nothing but the two
// documents. Diff(b, a) has the same changes the other way round. A nil BOM is
// an empty one.
func Diff(a, b *cdx.BOM) []Change {
	var changes []Change
	before, after := entriesOf(a), entriesOf(b)
	for _, key := range slices.Sorted(maps.Keys(merged(before, after))) {
		changes = append(changes, diffEntries(before[key], after[key])...)
	}
	sortChanges(changes)
	return changes
}

func sortChanges(changes []Change) {
	slices.SortFunc(changes, func(a, b Change) int {
		return cmp.Or(cmp.Compare(slices.Index(changeKinds, a.Kind), slices.Index(changeKinds, b.Kind)), strings.Compare(a.Component, b.Component),
			strings.Compare(a.PURL, b.PURL), strings.Compare(a.Old+"\x00"+a.New, b.Old+"\x00"+b.New))
	})
}

func merged[V any](a, b map[string]V) map[string]V {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return all
}

// An entry is what of a component is compared.
type entry struct {
	name, purl, version, kind string
	licenses, hashes          string
	// edges are the components that it depends on, sorted; known if there is an entry.
	edges        []string
	edgesKnown   bool
	completeness string // of its dependencies and its parts
}

// entriesOf are the components of bom by what they are, without their versions,
// those of one name in the order of their versions.
func entriesOf(bom *cdx.BOM) map[string][]entry {
	out := map[string][]entry{}
	if bom == nil {
		return out
	}
	g := graphOf(bom)
	i := 0
	walk(bom, func(s subjectComponent) {
		e := newEntry(s.Component)
		key := identity(s.Component)
		if g.known(i) {
			e.edgesKnown = true
			for _, n := range g.on(i) {
				e.edges = append(e.edges, g.parts[n].unversioned)
			}
			slices.Sort(e.edges)
			e.edges = slices.Compact(e.edges)
		}
		e.completeness = claimText(g.partsSaid[i], "its parts", claimText(g.edgesSaid[i], "its dependencies", ""))
		out[key] = append(out[key], e)
		i++
	})
	for _, list := range out {
		slices.SortFunc(list, compareEntries)
	}
	return out
}

func newEntry(c *cdx.Component) entry {
	return entry{name: fullName(c), purl: unversionedPURL(c.PackageURL), version: c.Version, kind: ecosystem(c), licenses: licenseText(c), hashes: hashText(c)}
}

func compareEntries(a, b entry) int {
	return cmp.Or(strings.Compare(a.version, b.version), strings.Compare(a.hashes, b.hashes), strings.Compare(a.licenses, b.licenses), strings.Compare(a.completeness, b.completeness), slices.Compare(a.edges, b.edges))
}

func claimText(c claims, of, more string) string {
	text := ""
	switch {
	case c&claimsUnknown != 0:
		text = "unknown"
	case c&claimsPart != 0:
		text = "incomplete"
	case c&claimsComplete != 0:
		text = "complete"
	default:
		return more
	}
	return strings.TrimPrefix(more+", "+of+" "+text, ", ")
}

// identity is what a component is, whatever its version: two that have the same
// are two versions of one thing.
func identity(c *cdx.Component) string {
	p, err := ParsePURL(c.PackageURL)
	if c.PackageURL == "" || err != nil {
		return "type:" + string(c.Type) + "\x00" + c.Group + "\x00" + c.Name
	}
	name := p.Name
	if p.Namespace != "" {
		name = p.Namespace + "/" + p.Name
	}
	if full := fullName(c); p.Type == "golang" && strings.EqualFold(full, name) {
		name = full // package URLs of Go are lower case, and paths are not
	}
	return "purl:" + p.Type + "\x00" + name + "\x00" + p.Qualifiers["arch"] + "\x00" + p.Qualifiers["classifier"] + "\x00" + p.Subpath
}

func unversionedPURL(s string) string {
	p, err := ParsePURL(s)
	if err != nil {
		return ""
	}
	p.Version, p.Qualifiers = "", nil
	return p.String()
}

func ecosystem(c *cdx.Component) string {
	rest, ok := strings.CutPrefix(c.PackageURL, "pkg:")
	if !ok {
		return ""
	}
	kind, _, _ := strings.Cut(rest, "/")
	return strings.ToLower(kind)
}

// licenseText is the licences of a component, sorted, concluded ones marked as such.
func licenseText(c *cdx.Component) string {
	var all []string
	for _, how := range []cdx.LicenseAcknowledgement{cdx.LicenseAcknowledgementConcluded, cdx.LicenseAcknowledgementDeclared} {
		for _, l := range licensesOf(c, how) {
			all = append(all, l+" ("+string(how)+")")
		}
	}
	if len(all) == 0 {
		all = licensesOf(c, "")
	}
	slices.Sort(all)
	return strings.Join(slices.Compact(all), ", ")
}

// hashText is what identifies the content of a component: its hashes, and the
// sum that go.sum has of it.
func hashText(c *cdx.Component) string {
	var all []string
	for _, h := range listOf(c.Hashes) {
		all = append(all, string(h.Algorithm)+" "+strings.ToLower(h.Value))
	}
	if sum := property(c, PropertyH1); sum != "" {
		all = append(all, strings.Replace(sum, ":", " ", 1))
	}
	slices.Sort(all)
	return strings.Join(slices.Compact(all), ", ")
}

// diffEntries compares the components of one identity, sorted on both sides.
func diffEntries(before, after []entry) (changes []Change) {
	var gone, came []entry
	i, j := 0, 0
	for i < len(before) || j < len(after) {
		switch {
		case j == len(after) || i < len(before) && before[i].version < after[j].version:
			gone = append(gone, before[i])
			i++
		case i == len(before) || before[i].version > after[j].version:
			came = append(came, after[j])
			j++
		default:
			changes = append(changes, diffEntry(before[i], after[j])...)
			i, j = i+1, j+1
		}
	}
	if len(gone) == 1 && len(came) == 1 {
		old, now := gone[0], came[0]
		kind := "changed"
		if order, known := versions.Compare(old.kind, old.version, now.version); known && order != 0 {
			kind = map[bool]string{true: "upgraded", false: "downgraded"}[order < 0]
		}
		changes = append(changes, change(kind, old, now, old.version, now.version))
		if old.licenses != now.licenses {
			changes = append(changes, change("license", old, now, old.licenses, now.licenses))
		}
		return append(changes, diffEdges(old, now)...)
	}
	for _, e := range gone {
		changes = append(changes, change("removed", e, e, e.version, ""))
	}
	for _, e := range came {
		changes = append(changes, change("added", e, e, "", e.version))
	}
	return changes
}

// change names the component as both do, or as the one does that sorts first.
func change(kind string, a, b entry, old, now string) Change {
	return Change{Kind: kind, Component: min(a.name, b.name), PURL: cmp.Or(min(a.purl, b.purl), a.purl, b.purl), Old: old, New: now}
}

// diffEntry compares two components of one version.
func diffEntry(a, b entry) (changes []Change) {
	if otherContent(a.hashes, b.hashes) {
		changes = append(changes, change("hash", a, b, a.hashes, b.hashes))
	}
	if a.licenses != b.licenses {
		changes = append(changes, change("license", a, b, a.licenses, b.licenses))
	}
	if a.completeness != b.completeness {
		changes = append(changes, change("completeness", a, b, a.completeness, b.completeness))
	}
	return append(changes, diffEdges(a, b)...)
}

// otherContent reports whether two lists of hashes contradict each other: one
// algorithm with two sums. That one document knows more of them is no difference.
func otherContent(a, b string) bool {
	sums := map[string]string{}
	for _, h := range strings.Split(a, ", ") {
		algorithm, sum, _ := strings.Cut(h, " ")
		sums[algorithm] = sum
	}
	for _, h := range strings.Split(b, ", ") {
		algorithm, sum, _ := strings.Cut(h, " ")
		if other, both := sums[algorithm]; both && other != sum {
			return true
		}
	}
	return false
}

func diffEdges(a, b entry) (changes []Change) {
	switch {
	case a.edgesKnown && !b.edgesKnown:
		return []Change{change("depends", a, b, edgeText(a.edges), "nobody knows what")}
	case !a.edgesKnown && b.edgesKnown:
		return []Change{change("depends", a, b, "nobody knows what", edgeText(b.edges))}
	}
	for _, to := range a.edges {
		if _, there := slices.BinarySearch(b.edges, to); !there {
			changes = append(changes, change("depends", a, b, to, ""))
		}
	}
	for _, to := range b.edges {
		if _, there := slices.BinarySearch(a.edges, to); !there {
			changes = append(changes, change("depends", a, b, "", to))
		}
	}
	return changes
}

// edgeText is a list of edges for people.
func edgeText(edges []string) string {
	switch {
	case len(edges) == 0:
		return "nothing"
	case len(edges) > maxShown:
		return fmt.Sprintf("%s and %d more", strings.Join(edges[:maxShown], ", "), len(edges)-maxShown)
	}
	return strings.Join(edges, ", ")
}
