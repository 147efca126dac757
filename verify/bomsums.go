package verify

import (
	"fmt"
	"slices"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/touchmark-go/touchmark/internal/gofacts"
	"github.com/touchmark-go/touchmark/internal/sumproof"
	"github.com/touchmark-go/touchmark/sbom"
)

// maxSumDBs is how many keys of checksum databases a trust file may name, and
// maxHeads how many tree heads of an SBOM are looked at.
const (
	maxSumDBs = 16
	maxHeads  = 64
)

// compileSumDBs reads the keys of the checksum databases.
func (t *Trust) compileSumDBs(l *loader) ([]note.Verifier, error) {
	if len(t.SumDBs) > maxSumDBs {
		return nil, l.errorf("/sumdbs", "%d keys of checksum databases are more than %d", len(t.SumDBs), maxSumDBs)
	}
	var out []note.Verifier
	for i, key := range t.SumDBs {
		v, err := note.NewVerifier(key)
		if err != nil {
			return nil, l.errorf(fmt.Sprintf("/sumdbs/%d", i), "no key of a checksum database: want NAME+HASH+KEY, as in GOSUMDB")
		}
		if slices.ContainsFunc(out, func(o note.Verifier) bool { return o.Name() == v.Name() && o.KeyHash() == v.KeyHash() }) {
			return nil, l.errorf(fmt.Sprintf("/sumdbs/%d", i), "the same key of %s stands here twice", v.Name())
		}
		out = append(out, v)
	}
	return out, nil
}

// sumDB are the keys that trust has of a checksum database; nil if none.
func (x *trustIndex) sumDB(name string) note.Verifiers {
	var keys []note.Verifier
	for _, v := range x.sumDBs {
		if v.Name() == name {
			keys = append(keys, v)
		}
	}
	if keys == nil {
		return nil
	}
	return note.VerifierList(keys...)
}

// covers reports whether a module is one of those, or below one of those, that
// need no proof.
func (r *SumDBRule) covers(module string) bool {
	return slices.ContainsFunc(r.Except, func(path string) bool { return module == path || strings.HasPrefix(module, path+"/") })
}

// checkSumDB wants of each Go module in the document the proof that the
// checksum database has its sum. The program itself, which is the main
// component, is in no such list, nor is the standard library.
func (d *deciding) checkSumDB(t *trial, at string, r *SumDBRule) {
	trees, err := openHeads(t.bom, d.trust.sumDB(r.Database))
	if err != nil {
		t.fail(Finding{Code: CodeSignature, Rule: at, Message: "a tree head in the SBOM is none of the checksum database", Want: "a head that a key of " + r.Database + " in the trust file signed", Got: err.Error(),
			Remedy: "if the database has a new key, take the new trust file; else find out who made the SBOM"})
		return
	}
	var wrong tally
	eachComponent(t.bom, func(c *cdx.Component, main bool) {
		if main || !isModule(c) {
			return
		}
		named := c.PackageURL == "" || names(c.PackageURL, c.Name, c.Version)
		switch {
		case !named:
			wrong.add(callName(c) + ": its package URL names something else")
		case c.Name == gofacts.Stdlib && c.PackageURL != "", r.covers(c.Name):
		default:
			if why := proveModule(c, trees); why != "" {
				wrong.add(callName(c) + ": " + why)
			}
		}
	})
	if wrong.n == 0 {
		t.pass(CodeDependency, at)
		return
	}
	t.fail(Finding{Code: CodeDependency, Rule: at, Message: "a module without a proof that the checksum database has it", Want: "a proof of each module's sum by " + r.Database, Got: wrong.String(),
		Remedy: "do not run it before you know where the module came from; add the proofs when the SBOM is made, and name modules that no database knows under except"})
}

// isModule reports whether a component is, or claims to be, a Go module.
func isModule(c *cdx.Component) bool {
	return strings.HasPrefix(c.PackageURL, "pkg:golang/") || propertyOf(c, sbom.PropertyH1) != "" || propertyOf(c, sbom.PropertySource) != "" || propertyOf(c, sbom.PropertySumDB) != ""
}

// openHeads are the trees whose heads are in the document, by size.
func openHeads(bom *cdx.BOM, keys note.Verifiers) (map[int64]tlog.Tree, error) {
	trees := map[int64]tlog.Tree{}
	if bom.Metadata == nil || bom.Metadata.Properties == nil {
		return trees, nil
	}
	n := 0
	for _, p := range *bom.Metadata.Properties {
		if p.Name != sbom.PropertySumDBHead {
			continue
		}
		if n++; n > maxHeads {
			return nil, fmt.Errorf("more than %d heads", maxHeads)
		}
		tree, err := sumproof.OpenHead(p.Value, keys)
		if err != nil {
			return nil, err
		}
		if other, ok := trees[tree.N]; ok && other != tree {
			return nil, fmt.Errorf("two different trees of %d records", tree.N)
		}
		trees[tree.N] = tree
	}
	return trees, nil
}

// proveModule says what is wrong with the proof of a component, "" if nothing is.
func proveModule(c *cdx.Component, trees map[int64]tlog.Tree) string {
	text, sum := propertyOf(c, sbom.PropertySumDB), propertyOf(c, sbom.PropertyH1)
	switch {
	case sum == "":
		return "no sum"
	case text == "":
		return "no proof"
	}
	p, err := sumproof.Parse(text)
	if err != nil {
		return "no proof that can be read: " + err.Error()
	}
	tree, ok := trees[p.Size]
	if !ok {
		return fmt.Sprintf("a proof in a tree of %d records, whose head is not here", p.Size)
	}
	if err := p.Check(tree, c.Name, c.Version, sum); err != nil {
		return "the proof is of another record"
	}
	return ""
}
