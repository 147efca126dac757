package sbom

import cdx "github.com/CycloneDX/cyclonedx-go"

// Completeness is how complete a document says that it is: the list of what the
// main component is put together from, and the dependencies of every
// component. Each is "complete" only if compositions say so of every component
// that it takes, and the document does not refute it ([ProfileStructure], the
// rules complete, contradiction and unresolved-ref); else it is "incomplete" if
// all of them say that or more, and "unknown" otherwise.
func Completeness(bom *cdx.BOM) (components, dependencies cdx.CompositionAggregate) {
	components, dependencies = cdx.CompositionAggregateUnknown, cdx.CompositionAggregateUnknown
	if bom == nil {
		return components, dependencies
	}
	g := graphOf(bom)
	if g.main < 0 {
		return components, dependencies
	}
	refuted := len(g.twice) > 0
	for _, f := range g.faults {
		refuted = refuted || f.kind == faultFrom || f.kind == faultTo || f.kind == faultTwice
	}
	level := func(c claims) cdx.CompositionAggregate {
		switch {
		case c == claimsComplete && !refuted:
			return cdx.CompositionAggregateComplete
		case c&claimsUnknown == 0 && c != 0:
			return cdx.CompositionAggregateIncomplete
		}
		return cdx.CompositionAggregateUnknown
	}
	components = level(g.partsSaid[g.main])
	dependencies = cdx.CompositionAggregateComplete
	for i, said := range g.edgesSaid {
		one := level(said)
		if !g.known(i) && one == cdx.CompositionAggregateComplete {
			one = cdx.CompositionAggregateUnknown // and no entry
		}
		dependencies = lesser(dependencies, one)
	}
	return components, dependencies
}
