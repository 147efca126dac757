package rollout

import (
	"context"
	"slices"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/release"
	"github.com/touchmark-go/touchmark/sbom"
)

// Learn reads the SBOMs of releases that are at hand in store and were not read
// before, so that [View.Holding] knows them. It returns how many releases there
// are of which it could not: they name no SBOM, or one that is not in the store or
// cannot be read. What an SBOM says is bound to the release by its digest.
func (r *Replay) Learn(ctx context.Context, store Store) (unknown int, err error) {
	v, err := r.View(ctx)
	if err != nil {
		return 0, err
	}
	for _, product := range v.Products() {
		numbers, err := v.unlearnt(product)
		if err != nil {
			return 0, err
		}
		for _, n := range numbers {
			rel, err := v.release(product, n)
			if err != nil {
				return 0, err
			}
			modules, known, err := modulesOf(ctx, store, rel)
			if err != nil {
				return 0, err
			}
			if !known {
				unknown++
				continue
			}
			r.mu.Lock()
			r.history.Learn(product, n, modules)
			r.mu.Unlock()
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return unknown, r.keep(ctx, r.head)
}

// modulesOf is what a release holds by all SBOMs that it names. It is not known if
// one of them is not at hand.
func modulesOf(ctx context.Context, store Store, r *release.Released) (modules []release.Held, known bool, err error) {
	missing := slices.Clone(r.SBOMs)
	for _, subject := range r.Subjects {
		bundles, err := store.Bundles(ctx, primary(subject))
		if err != nil {
			return nil, false, err
		}
		for _, b := range bundles {
			i := slices.Index(missing, b.ID())
			if i < 0 {
				continue
			}
			s, err := provenance.Parse(b.UnverifiedPayload())
			if err != nil {
				return nil, false, nil
			}
			bom, err := sbom.ParsePredicate(s.Predicate)
			if err != nil {
				return nil, false, nil
			}
			modules = components(modules, bom.Components)
			missing = slices.Delete(missing, i, i+1)
		}
	}
	return modules, len(r.SBOMs) > 0 && len(missing) == 0, nil
}

// components adds what a list of components names, and what is inside of them.
func components(modules []release.Held, list *[]cdx.Component) []release.Held {
	if list == nil {
		return modules
	}
	for _, c := range *list {
		name := c.Name
		if c.Group != "" {
			name = c.Group + "/" + name
		}
		if m := (release.Held{Module: name, Version: c.Version}); c.Scope != cdx.ScopeExcluded && !slices.Contains(modules, m) {
			modules = append(modules, m)
		}
		modules = components(modules, c.Components)
	}
	return modules
}
