package image

import (
	"cmp"
	"path"
	"slices"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

// edges finds the packages that meet the requirements of each package.
func (d *document) edges() {
	byName := map[string][]*pkg{} // by ecosystem and name, own or provided
	byURL := map[string]*pkg{}
	for _, p := range d.packages {
		if p.purl != "" {
			byURL[p.purl] = p
		}
		if p.declared {
			continue
		}
		byName[p.ecosystem+":"+p.name] = append(byName[p.ecosystem+":"+p.name], p)
		for _, name := range p.provides {
			byName[p.ecosystem+":"+name] = append(byName[p.ecosystem+":"+name], p)
		}
	}
	folders := map[*pkg][]string{}
	for folder, p := range d.npm {
		folders[p] = append(folders[p], folder)
	}
	for _, p := range d.packages {
		to, all := map[string]bool{}, p.edges
		meet := func(q *pkg) bool {
			if q != nil && q != p {
				to[d.refOf[q]] = true
			}
			return q != nil
		}
		for _, r := range p.requires {
			met := false
			for _, name := range r {
				switch {
				case p.declared:
					met = meet(byURL[name])
				case p.ecosystem == "npm":
					for _, folder := range folders[p] {
						met = meet(d.nodeModule(folder, name)) || met
					}
				default:
					met = meet(choose(byName[p.ecosystem+":"+name], p.arch))
				}
				if met && !p.declared {
					break // of alternatives the first that is there
				}
			}
			all = all && met
		}
		refs := make([]string, 0, len(to))
		for ref := range to {
			refs = append(refs, ref)
		}
		slices.Sort(refs)
		ref := cdx.BOMReference(d.refOf[p])
		switch {
		case all:
			d.whole = append(d.whole, ref)
		case len(refs) > 0 || len(p.requires) > 0:
			d.part = append(d.part, ref)
		default:
			// Without an entry: nobody knows what it depends on.
			d.unknown = append(d.unknown, ref)
			continue
		}
		d.dependencies = append(d.dependencies, cdx.Dependency{Ref: string(ref), Dependencies: &refs})
	}
}

// choose is the package of several that meets a requirement: one for the same
// machine, before any that is for another.
func choose(list []*pkg, arch string) *pkg {
	for _, p := range list {
		if p.arch == arch || p.arch == "all" || p.arch == "noarch" || arch == "all" {
			return p
		}
	}
	if len(list) > 0 {
		return list[0]
	}
	return nil
}

// nodeModule is the package that Node.js loads by a name in a folder.
func (d *document) nodeModule(folder, name string) *pkg {
	for {
		if path.Base(folder) != "node_modules" {
			if p := d.npm[strings.TrimPrefix(folder+"/node_modules/"+name, "/")]; p != nil {
				return p
			}
		}
		if folder == "" {
			return nil
		}
		folder, _ = path.Split(folder)
		folder = strings.TrimSuffix(folder, "/")
	}
}

// knowledge adds what the image depends on, and what of all this is complete.
//
// The image depends on what nothing else in it depends on; of packages that only
// depend on each other, in a circle, on the first. Its parts are all known when
// there is no file that nobody accounts for, and none that could not be read.
func (d *document) knowledge(main string) {
	known := map[string]bool{}
	next := map[string][]string{}
	for _, dep := range d.dependencies {
		next[dep.Ref] = *dep.Dependencies
		for _, ref := range *dep.Dependencies {
			known[ref] = true
		}
	}
	reached := map[string]bool{}
	reach := func(from string) {
		for todo := []string{from}; len(todo) > 0; {
			ref := todo[len(todo)-1]
			todo = todo[:len(todo)-1]
			if !reached[ref] {
				reached[ref] = true
				todo = append(todo, next[ref]...)
			}
		}
	}
	direct := []string{}
	for _, circles := range []bool{false, true} {
		for i := range d.components {
			ref := d.components[i].BOMRef
			if !reached[ref] && (circles || !known[ref]) {
				direct = append(direct, ref)
				reach(ref)
			}
		}
	}
	slices.Sort(direct)
	d.dependencies = append(d.dependencies, cdx.Dependency{Ref: main, Dependencies: &direct})
	slices.SortFunc(d.dependencies, func(a, b cdx.Dependency) int { return cmp.Compare(a.Ref, b.Ref) })

	parts := cdx.CompositionAggregateComplete
	if d.strangers() > 0 || len(d.unread) > 0 {
		parts = cdx.CompositionAggregateIncomplete
		d.part = append(d.part, cdx.BOMReference(main))
	} else {
		d.whole = append(d.whole, cdx.BOMReference(main))
	}
	d.compositions = append(d.compositions, cdx.Composition{Aggregate: parts, Assemblies: &[]cdx.BOMReference{cdx.BOMReference(main)}})
	for _, c := range []struct {
		aggregate cdx.CompositionAggregate
		refs      []cdx.BOMReference
	}{{cdx.CompositionAggregateComplete, d.whole}, {cdx.CompositionAggregateIncomplete, d.part}, {cdx.CompositionAggregateUnknown, d.unknown}} {
		if len(c.refs) > 0 {
			slices.Sort(c.refs)
			d.compositions = append(d.compositions, cdx.Composition{Aggregate: c.aggregate, Dependencies: &c.refs})
		}
	}
}
