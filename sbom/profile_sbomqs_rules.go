package sbom

import (
	"slices"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/touchmark-go/touchmark/internal/spdxlicense"
)

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

func declared(s *subjectComponent) []string { return acknowledged(s, false) }

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
