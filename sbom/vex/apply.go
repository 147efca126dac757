package vex

import (
	"cmp"
	"maps"
	"slices"
	"strconv"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// An Assessment is what counts about one vulnerability in one component.
type Assessment struct {
	// Vulnerability is the name that the newest statement uses, and Aliases are
	// all other names that any statement gives it, sorted.
	Vulnerability string
	Aliases       []string
	// Product is the bom-ref of the component that the statement is about, and
	// Component that of the component within it, if the statement names one. If it
	// is "", the statement is about the product as a whole.
	Product, Component string
	// Statement is the newest one, and Document the ID of where it stands.
	Statement Statement
	Document  string
	// Superseded counts the older statements about the same.
	Superseded int
}

// A Result is what came of applying documents to a BOM.
type Result struct {
	// Assessments are in the order of vulnerability, product and component.
	Assessments []Assessment
	// Unmatched are the statements that are about nothing in the BOM, as
	// "document#/statements/3", in the order of the documents.
	Unmatched []string

	main  string
	names map[string]string // of vulnerabilities: the one that stands for all aliases
	about map[string][]int  // the assessments of a vulnerability, by that name
}

// Apply holds the statements of docs against the components of bom. The order
// of docs does not matter.
//
// A statement is about a component if one of these holds: its package URL names
// the component's package (type, namespace, name), its version or none, the
// component's values for every qualifier that it has, and the same subpath; its
// CPE is the component's; one of its digests (SHA-2, SHA-3 or BLAKE2) is; or its
// @id is a link to that bom-ref in this BOM, by serial number and version.
// A package URL without a version names all versions of the package, as the
// package URL specification has it. Whatever else agrees, a digest that differs
// from the component's by the same algorithm means that it is another one.
//
// A product with subcomponents stands for these alone, and only for those that
// are in that product: everything in the BOM if the product is the main
// component, else what the product contains or depends on, directly or not.
//
// Of several statements about the same, the newest counts; of equally new ones,
// the worse: affected, under investigation, fixed, not affected. Statements that
// share a name or an alias of a vulnerability are about the same one.
func Apply(bom *cdx.BOM, docs ...*Document) *Result {
	x := newIndex(bom)
	r := &Result{main: x.main, names: joinNames(docs)}
	best := map[assessed]*Assessment{}
	aliases := map[string]map[string]bool{}
	for _, doc := range inOrder(docs) {
		for i := range doc.Statements {
			s := &doc.Statements[i]
			name := r.names[s.Vulnerability.Name]
			if aliases[name] == nil {
				aliases[name] = map[string]bool{}
			}
			for _, n := range append([]string{s.Vulnerability.Name}, s.Vulnerability.Aliases...) {
				aliases[name][n] = true
			}
			found := x.places(s)
			if len(found) == 0 {
				r.Unmatched = append(r.Unmatched, doc.ID+"#/statements/"+strconv.Itoa(i))
			}
			for _, place := range found {
				key := assessed{name, place.product, place.component}
				a := best[key]
				if a == nil {
					best[key] = &Assessment{Product: place.product, Component: place.component, Statement: *s, Document: doc.ID}
					continue
				}
				a.Superseded++
				if newer(s, &a.Statement) {
					a.Statement, a.Document = *s, doc.ID
				}
			}
		}
	}
	for key, a := range best {
		a.Vulnerability = a.Statement.Vulnerability.Name
		for _, n := range sorted(aliases[key.vulnerability]) {
			if n != a.Vulnerability {
				a.Aliases = append(a.Aliases, n)
			}
		}
		r.Assessments = append(r.Assessments, *a)
	}
	slices.SortFunc(r.Assessments, func(a, b Assessment) int {
		return cmp.Or(cmp.Compare(a.Vulnerability, b.Vulnerability), cmp.Compare(a.Product, b.Product), cmp.Compare(a.Component, b.Component))
	})
	r.about = map[string][]int{}
	for i := range r.Assessments {
		name := r.names[r.Assessments[i].Vulnerability]
		r.about[name] = append(r.about[name], i)
	}
	return r
}

// assessed is what an assessment is about.
type assessed struct{ vulnerability, product, component string }

// inOrder are the documents in an order that does not depend on how they were given.
func inOrder(docs []*Document) []*Document {
	var list []*Document
	for _, d := range docs {
		if d != nil {
			list = append(list, d)
		}
	}
	slices.SortStableFunc(list, func(a, b *Document) int {
		return cmp.Or(cmp.Compare(a.ID, b.ID), cmp.Compare(a.Version, b.Version), a.Timestamp.Compare(b.Timestamp), cmp.Compare(a.Author, b.Author))
	})
	return list
}

// newer reports whether a counts and not b.
func newer(a, b *Statement) bool {
	if c := a.Timestamp.Compare(b.Timestamp); c != 0 {
		return c > 0
	}
	if c := cmp.Compare(severity(a.Status), severity(b.Status)); c != 0 {
		return c > 0
	}
	return cmp.Or(cmp.Compare(a.Justification, b.Justification), cmp.Compare(a.ImpactStatement, b.ImpactStatement),
		cmp.Compare(a.ActionStatement, b.ActionStatement), cmp.Compare(a.StatusNotes, b.StatusNotes), cmp.Compare(a.Vulnerability.Name, b.Vulnerability.Name)) < 0
}

func severity(s Status) int {
	switch s {
	case NotAffected:
		return 0
	case Fixed:
		return 1
	case UnderInvestigation:
		return 2
	}
	return 3
}

// joinNames finds for each name of a vulnerability the one that stands for all
// that are joined with it by aliases: the least.
func joinNames(docs []*Document) map[string]string {
	up := map[string]string{}
	root := func(n string) string {
		for up[n] != n {
			up[n] = up[up[n]]
			n = up[n]
		}
		return n
	}
	add := func(n string) {
		if _, known := up[n]; !known {
			up[n] = n
		}
	}
	for _, d := range docs {
		if d == nil {
			continue
		}
		for i := range d.Statements {
			v := &d.Statements[i].Vulnerability
			add(v.Name)
			for _, alias := range v.Aliases {
				add(alias)
				a, b := root(v.Name), root(alias)
				up[max(a, b)] = min(a, b)
			}
		}
	}
	for n := range up {
		up[n] = root(n)
	}
	return up
}

// Status returns what counts about a vulnerability, by any of its names, in the
// component with that bom-ref: the newest of what is said of the component as a
// product, of the component within the main component, and of the main component
// as a whole. What is said of it within some other component alone does not
// count, because the main component may reach it by another way.
func (r *Result) Status(vulnerability, ref string) (Assessment, bool) {
	name, known := r.names[vulnerability]
	if !known {
		return Assessment{}, false
	}
	var found *Assessment
	for _, i := range r.about[name] {
		a := &r.Assessments[i]
		if !r.covers(a, ref) {
			continue
		}
		if found == nil || newer(&a.Statement, &found.Statement) {
			found = a
		}
	}
	if found == nil {
		return Assessment{}, false
	}
	return *found, true
}

func (r *Result) covers(a *Assessment, ref string) bool {
	switch {
	case a.Product == ref && a.Component == "":
		return true
	case r.main == "" || a.Product != r.main:
		return false
	}
	return a.Component == ref || a.Component == ""
}
