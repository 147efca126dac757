package sbom

import (
	"math"
	"slices"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/touchmark-go/touchmark/internal/cdxjson"
	"github.com/touchmark-go/touchmark/internal/spdxlicense"
)

// A Rating is what sbomqs 2.0 would make of a document. It rates what is said,
// not whether it is true: a gap that is admitted costs as much as one that is not.
type Rating struct {
	// Total is from 0 to 10: the mean of the categories by their weights.
	Total float64 `json:"total"`
	// Features are what it is made of, category by category.
	Features []Feature `json:"features"`
}

// A Feature is one row of a [Rating].
type Feature struct {
	Category string  `json:"category"`
	Rule     string  `json:"rule"`   // that of the issues of [ProfileSBOMQS]
	Weight   float64 `json:"weight"` // within the category
	Score    float64 `json:"score"`  // 0 to 10
	Ignored  bool    `json:"ignored,omitempty"`
}

// Grade is the letter that sbomqs gives for the total: A from 9, B from 8, C from 7,
// D from 5, else F.
func (r Rating) Grade() string {
	switch {
	case r.Total >= 9:
		return "A"
	case r.Total >= 8:
		return "B"
	case r.Total >= 7:
		return "C"
	case r.Total >= 5:
		return "D"
	}
	return "F"
}

// Score rates bom by the categories and weights of sbomqs 2.0.
func Score(bom *cdx.BOM) Rating {
	if bom == nil {
		bom = &cdx.BOM{}
	}
	s := scoring{bom: bom, graph: graphOf(bom)}
	walk(bom, func(c subjectComponent) {
		c.spec = bom.SpecVersion
		s.components = append(s.components, c)
	})
	var r Rating
	var sum, weights float64
	for _, category := range sbomqsCategories() {
		var score, weight float64
		first := len(r.Features)
		for _, f := range category.features {
			out := Feature{Category: category.name, Rule: string(ProfileSBOMQS) + "/" + f.name, Weight: f.weight}
			out.Score, out.Ignored = f.rate(&s)
			r.Features = append(r.Features, out)
		}
		of := r.Features[first:]
		if category.best { // either will do: the better one counts
			for i := range of {
				of[i].Ignored = of[i].Ignored || of[i].Score < slices.MaxFunc(of, func(a, b Feature) int { return cmpFloat(a.Score, b.Score) }).Score
			}
		}
		for _, f := range of {
			if !f.Ignored {
				score += f.Score * f.Weight
				weight += f.Weight
			}
		}
		if weight > 0 {
			sum += score / weight * category.weight
		}
		weights += category.weight
	}
	r.Total = math.Round(sum/weights*1e6) / 1e6
	return r
}

func cmpFloat(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// A scoring is a document that is rated.
type scoring struct {
	bom        *cdx.BOM
	graph      *graph
	components []subjectComponent
}

// share is a score for so many out of all; what is not all is never 10.
func share(have, of int) float64 {
	if of == 0 {
		return 0
	}
	score := 10 * float64(have) / float64(of)
	if have < of {
		score = min(score, 9.9)
	}
	return score
}

type sbomqsCategory struct {
	name     string
	weight   float64
	best     bool
	features []sbomqsFeature
}

type sbomqsFeature struct {
	rule
	weight float64
	// own rates what a share of the components, or yes and no, does not.
	own func(*scoring) (score float64, ignored bool)
}

func (f *sbomqsFeature) rate(s *scoring) (score float64, ignored bool) {
	switch {
	case f.own != nil:
		return f.own(s)
	case f.document != nil:
		if _, ok := f.document(s.bom); ok {
			return 10, false
		}
		return 0, false
	}
	have := 0
	for i := range s.components {
		if _, ok := f.component(&s.components[i]); ok {
			have++
		}
	}
	return share(have, len(s.components)), len(s.components) == 0
}

func sbomqsRules() (rules []rule) {
	for _, c := range sbomqsCategories() {
		for _, f := range c.features {
			rules = append(rules, f.rule)
		}
	}
	return rules
}

func sbomqsCategories() []sbomqsCategory {
	document := func(name, want, remedy string, weight float64, is func(*cdx.BOM) (string, bool)) sbomqsFeature {
		return sbomqsFeature{rule: rule{name: name, want: want, remedy: remedy, document: is}, weight: weight}
	}
	component := func(name, want, remedy string, weight float64, is func(*subjectComponent) (string, bool)) sbomqsFeature {
		return sbomqsFeature{rule: rule{name: name, want: want, remedy: remedy, component: is}, weight: weight}
	}
	rated := func(f sbomqsFeature, own func(*scoring) (float64, bool)) sbomqsFeature {
		f.own = own
		return f
	}
	hung := func(name, want, remedy string, weight float64, is func(*graph, func(int, string)), own func(*scoring) (float64, bool)) sbomqsFeature {
		return sbomqsFeature{rule: rule{name: name, want: want, remedy: remedy, graph: is}, weight: weight, own: own}
	}
	or := func(f sbomqsFeature) sbomqsFeature {
		f.advice = true
		return f
	}
	categories := []sbomqsCategory{
		{name: "identification", weight: 10, features: []sbomqsFeature{
			component("name", "a name", "name it", .40, hasComponentName),
			component("version", "a version", "build from a tag or a commit, so that there is one", .35, hasVersion),
			component("local-id", "a bom-ref", "give it one of its own", .25, func(s *subjectComponent) (string, bool) { return "", s.BOMRef != "" }),
		}},
		{name: "provenance", weight: 12, features: []sbomqsFeature{
			document("timestamp", "when the document was made", "say metadata.timestamp", .20, hasTimestamp),
			document("authors", "who made the document", "say metadata.authors", .20, func(bom *cdx.BOM) (string, bool) {
				return "", slices.ContainsFunc(listOf(metadata(bom).Authors), func(a cdx.OrganizationalContact) bool { return said(a.Name) || said(a.Email) })
			}),
			rated(document("tool", "the tool that made the document, and its version", "say metadata.tools", .20, hasToolVersion), func(s *scoring) (float64, bool) {
				if _, ok := hasToolVersion(s.bom); ok {
					return 10, false
				}
				if _, ok := hasTool(s.bom); ok {
					return 5, false
				}
				return 0, false
			}),
			document("supplier", "who supplies the product", "say metadata.supplier", .15, func(bom *cdx.BOM) (string, bool) {
				o := metadata(bom).Supplier
				return "", hasName(o) || len(contacts(o)) > 0
			}),
			document("namespace", "a serial number", "say serialNumber", .15, func(bom *cdx.BOM) (string, bool) {
				return bom.SerialNumber, strings.HasPrefix(bom.SerialNumber, "urn:uuid:")
			}),
			document("lifecycle", "at what time of the software's life it was made", "say metadata.lifecycles", .10, hasLifecycle),
		}},
		{name: "integrity", weight: 15, features: []sbomqsFeature{
			component("strong-checksum", "a SHA-256 or stronger", "hash the file that was taken", .50, hasHash),
			rated(component("weak-checksum", "no checksum that is weak alone", "add a SHA-256", .40, func(s *subjectComponent) (string, bool) {
				found, ok := hasHash(s)
				return found, ok || found == ""
			}), func(s *scoring) (float64, bool) {
				have, of := 0, 0
				for i := range s.components {
					if found, ok := hasHash(&s.components[i]); ok {
						have, of = have+1, of+1
					} else if found != "" {
						of++
					}
				}
				return share(have, of), false
			}),
			rated(or(document("signature", "a signature in the document", "sign it apart, with its statement: a signature in the document is not looked at here", .10, func(bom *cdx.BOM) (string, bool) {
				return "", signatureScore(bom) == 10
			})), func(s *scoring) (float64, bool) { return signatureScore(s.bom), false }),
		}},
		{name: "completeness", weight: 12, features: []sbomqsFeature{
			hung("dependencies", "that the dependencies of the main component, and of those that it depends on, are complete", "resolve them from the build itself; if they are not known, let the gap stand", .25, incompleteNear, func(s *scoring) (float64, bool) {
				near := s.graph.near()
				have := 0
				for _, n := range near {
					if s.graph.edgesSaid[n]&claimsComplete != 0 {
						have++
					}
				}
				return share(have, len(near)), false
			}),
			hung("declared-completeness", "that it is complete", "resolve it from the build itself; if it is not known, let the gap stand", .15, func(g *graph, report func(int, string)) {
				for i := range g.n {
					if !g.declaredComplete(i) {
						report(i, "")
					}
				}
			}, func(s *scoring) (float64, bool) {
				have := 0
				for i := range s.graph.n {
					if s.graph.declaredComplete(i) {
						have++
					}
				}
				return share(have, s.graph.n), false
			}),
			document("primary", "a main component", "say metadata.component", .20, func(bom *cdx.BOM) (string, bool) { return "", metadata(bom).Component != nil }),
			component("source-code", "where its source is", "add an external reference of type vcs", .15, func(s *subjectComponent) (string, bool) {
				return "", len(references(s.Component, cdx.ERTypeVCS)) > 0
			}),
			component("component-supplier", "who supplies it", addSupplier, .15, func(s *subjectComponent) (string, bool) {
				return "", hasName(s.Supplier) || len(contacts(s.Supplier)) > 0
			}),
			component("purpose", "a type", "say its type", .10, func(s *subjectComponent) (string, bool) { return "", s.Type != "" }),
		}},
		{name: "licensing", weight: 15, features: []sbomqsFeature{
			component("license", "a licence that was concluded", "conclude it from the licence's text", .20, func(s *subjectComponent) (string, bool) {
				return "", len(concluded(s)) > 0
			}),
			component("valid-license", "an SPDX expression", "use ids of the SPDX list, or a LicenseRef", .20, func(s *subjectComponent) (string, bool) {
				all := concluded(s)
				return strings.Join(all, ", "), len(all) > 0 && !slices.ContainsFunc(all, func(l string) bool { _, err := spdxlicense.Parse(l); return err != nil })
			}),
			rated(component("deprecated-license", "no licence id that the SPDX list calls deprecated", "use the id that took its place", .15, func(s *subjectComponent) (string, bool) {
				return ofLicenses(s, func(e *spdxlicense.Expression) bool { return e.Deprecated })
			}), nil),
			rated(or(component("restrictive-license", "no copyleft licence", "know what it asks of you; it is no mistake", .20, func(s *subjectComponent) (string, bool) {
				return ofLicenses(s, isRestrictive)
			})), nil),
			component("declared-license", "the licence that its makers declare", "add it, acknowledged as declared", .15, func(s *subjectComponent) (string, bool) {
				return "", len(declared(s)) > 0
			}),
			document("data-license", "the licence of the document itself", "say metadata.licenses", .10, func(bom *cdx.BOM) (string, bool) {
				all := licensesOf(&cdx.Component{Licenses: metadata(bom).Licenses}, "")
				return strings.Join(all, ", "), len(all) > 0 && !slices.ContainsFunc(all, func(l string) bool { _, err := spdxlicense.Parse(l); return err != nil })
			}),
		}},
		{name: "vulnerability", weight: 10, best: true, features: []sbomqsFeature{
			component("purl", "a package URL", "add the one that databases know it by", .50, func(s *subjectComponent) (string, bool) {
				_, err := ParsePURL(s.PackageURL)
				return s.PackageURL, err == nil
			}),
			or(component("cpe", "a CPE", "a package URL does as well; do not guess", .50, func(s *subjectComponent) (string, bool) { return s.CPE, isCPE(s.CPE) })),
		}},
		{name: "structural", weight: 8, features: []sbomqsFeature{
			document("spec", "a format that is known", "say bomFormat", .30, func(bom *cdx.BOM) (string, bool) { return bom.BOMFormat, bom.BOMFormat == cdx.BOMFormat }),
			document("spec-version", "a version of the format", "say specVersion", .30, func(bom *cdx.BOM) (string, bool) {
				return "", bom.SpecVersion >= cdx.SpecVersion1_0 && bom.SpecVersion <= cdx.SpecVersion1_7
			}),
			document("file-format", "JSON or XML", "write it so", .20, func(bom *cdx.BOM) (string, bool) { return "", bom.BOMFormat == cdx.BOMFormat }),
			document("schema", "what the schema allows", "mend what is wrong", .20, func(bom *cdx.BOM) (string, bool) {
				// By way of the model's own encoder: whoever only checks need not link ours.
				// It leaves out who signed, of which the schema wants nothing that the model
				// does not say.
				unsigned := *bom
				unsigned.Signature = nil
				var text strings.Builder
				err := encode(&text, &unsigned)
				if err == nil {
					err = cdxjson.Validate(text.String())
				}
				if err != nil {
					return err.Error(), false
				}
				return "", true
			}),
		}},
	}
	for i := range categories {
		for j := range categories[i].features {
			f := &categories[i].features[j]
			f.reference = "sbomqs 2.0, " + categories[i].name
			if f.name == "deprecated-license" || f.name == "restrictive-license" {
				is := f.component
				f.own = func(s *scoring) (float64, bool) { return withoutLicenses(s, is) }
			}
		}
	}
	return categories
}

// withoutLicenses rates how many components are free of a kind of licence:
// nothing, if nobody concluded any.
func withoutLicenses(s *scoring, is func(*subjectComponent) (string, bool)) (float64, bool) {
	have, known := 0, false
	for i := range s.components {
		if _, ok := is(&s.components[i]); ok {
			have++
		}
		known = known || len(concluded(&s.components[i])) > 0
	}
	if !known {
		return 0, len(s.components) == 0
	}
	return share(have, len(s.components)), false
}

// concluded and declared are the licences of a component. Where nothing says
// which of the two they are, they are declared from 1.6 on, and concluded before.
func concluded(s *subjectComponent) []string { return acknowledged(s, true) }
func declared(s *subjectComponent) []string  { return acknowledged(s, false) }

func acknowledged(s *subjectComponent, asConcluded bool) []string {
	c := licensesOf(s.Component, cdx.LicenseAcknowledgementConcluded)
	d := licensesOf(s.Component, cdx.LicenseAcknowledgementDeclared)
	if len(c)+len(d) == 0 {
		if all := licensesOf(s.Component, ""); s.spec >= cdx.SpecVersion1_6 {
			d = all
		} else {
			c = all
		}
	}
	if asConcluded {
		return c
	}
	return d
}

// ofLicenses reports whether no concluded licence is of a kind.
func ofLicenses(s *subjectComponent, is func(*spdxlicense.Expression) bool) (string, bool) {
	for _, l := range concluded(s) {
		e, err := spdxlicense.Parse(l)
		if err != nil {
			continue
		}
		hit := false
		e.Walk(func(leaf *spdxlicense.Expression) { hit = hit || is(leaf) })
		if hit {
			return l, false
		}
	}
	return "", true
}

// copyleft are the beginnings of the ids of licences that ask something of
// whoever passes the software on. It is never written to.
var copyleft = []string{
	"AGPL-", "APL-1.0", "APSL-", "ASWF-", "Aladdin", "Arphic-", "Artistic-", "BitTorrent-", "CAL-1.0", "CATOSL-", "CC-BY-NC", "CC-BY-ND", "CC-BY-SA", "CDDL-", "CDLA-Sharing-",
	"CECILL-1", "CECILL-2", "CECILL-C", "CERN-OHL-S", "CERN-OHL-W", "CPAL-", "CPL-", "CPOL-", "CUA-", "ClArtistic", "D-FSL-", "EPL-", "EUPL-", "ErlPL-", "Frameworx-", "FreeImage",
	"GFDL-", "GPL-", "Hippocratic-", "IPA", "IPL-", "Interbase-", "LAL-", "LGPL-", "LGPLLR", "LPL-", "LPPL-", "LiLiQ-", "MPL-", "MS-RL", "Motosoto", "NASA-", "NBPL-", "NCGL-", "NGPL",
	"NOSL", "NPL-", "NPOSL-", "Nokia", "OCCT-PL", "OCLC-", "ODbL-", "OGTSL", "OPL-1.0", "OSET-PL-", "OSL-", "Parity-", "QPL-1.0", "RHeCos-", "RPL-", "RPSL-", "RSCPL", "SISSL", "SMPPL",
	"SPL-1.0", "SSPL-", "SUL-", "SimPL-", "Sleepycat", "SugarCRM-", "TAPR-", "TGPPL-", "TMate", "TOSL", "TPL-1.0", "UCL-", "VOSTROM", "Vim", "YPL-", "Zimbra-", "copyleft-next-", "eCos-", "gSOAP-",
}

func isRestrictive(e *spdxlicense.Expression) bool {
	return slices.ContainsFunc(copyleft, func(prefix string) bool { return strings.HasPrefix(e.ID, prefix) })
}

// signatureScore is 10 for a signature with its key, 5 for one without, 0 for
// none. Nobody checks it.
func signatureScore(bom *cdx.BOM) float64 {
	s := bom.Signature
	if s == nil {
		return 0
	}
	signer := s.JSFSigner
	for _, list := range []*[]cdx.JSFSigner{s.Signers, s.Chain} {
		if all := listOf(list); signer == nil && len(all) > 0 {
			signer = &all[0]
		}
	}
	switch {
	case signer == nil || signer.Algorithm == "" || signer.Value == "":
		return 0
	case signer.PublicKey.KTY == "" && len(listOf(signer.CertificatePath)) == 0:
		return 5
	}
	return 10
}

// near are the main component and what it depends on, those of them that have
// dependencies that are listed.
func (g *graph) near() (all []int) {
	if g.main < 0 {
		return nil
	}
	add := func(n int) {
		if len(g.on(n)) > 0 {
			all = append(all, n)
		}
	}
	add(g.main)
	for _, n := range g.on(g.main) {
		if int(n) != g.main {
			add(int(n))
		}
	}
	return all
}

func incompleteNear(g *graph, report func(int, string)) {
	near := g.near()
	if len(near) == 0 {
		report(g.main, "no dependencies of the main component")
	}
	for _, n := range near {
		if g.edgesSaid[n]&claimsComplete == 0 {
			report(n, "")
		}
	}
}

// declaredComplete reports whether a composition calls component i complete, or
// the whole document.
func (g *graph) declaredComplete(i int) bool {
	return g.allSaid || (g.edgesSaid[i]|g.partsSaid[i])&claimsComplete != 0
}
