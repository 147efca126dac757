package vex

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/touchmark-go/touchmark/sbom"
)

func unescapeRef(s string) string {
	if plain, err := url.PathUnescape(s); err == nil {
		return plain
	}
	return s
}

// FromCycloneDX are the analyses of a CycloneDX document as statements, and what
// of them no statement can say. A vulnerability without an analysis says
// nothing. What it affects is named by a link into another document as it
// stands, and otherwise as the component with that bom-ref: by a link, its
// package URL, CPE and hashes. Versions are taken where they are listed; a range
// of versions is lost.
//
// A statement is as old as the analysis, or else the vulnerability or the
// document that it stands in; without any time it is an error.
func FromCycloneDX(bom *cdx.BOM) (*Document, []sbom.Loss, error) {
	if bom == nil {
		return nil, nil, errors.New("VEX: there is no BOM")
	}
	c := &fromCDX{x: newIndex(bom), doc: &Document{Author: "unknown", Version: max(bom.Version, 1)}}
	c.doc.ID = c.x.link
	if m := bom.Metadata; m != nil {
		c.doc.Timestamp, _ = time.Parse(time.RFC3339, m.Timestamp)
		c.doc.Author = author(m)
	}
	if bom.Vulnerabilities != nil {
		for i := range *bom.Vulnerabilities {
			if err := c.vulnerability("/vulnerabilities/"+strconv.Itoa(i), &(*bom.Vulnerabilities)[i]); err != nil {
				return nil, nil, fmt.Errorf("VEX: %w", err)
			}
		}
	}
	return c.doc, c.lost, nil
}

type fromCDX struct {
	x    *index
	doc  *Document
	lost []sbom.Loss
}

func (c *fromCDX) lose(pointer, what, why string) {
	c.lost = append(c.lost, sbom.Loss{Pointer: pointer, What: clip(what), Why: why})
}

// author is who wrote a BOM.
func author(m *cdx.Metadata) string {
	switch {
	case m.Manufacturer != nil && m.Manufacturer.Name != "":
		return m.Manufacturer.Name
	case m.Authors != nil && len(*m.Authors) > 0 && (*m.Authors)[0].Name != "":
		return (*m.Authors)[0].Name
	case m.Supplier != nil && m.Supplier.Name != "":
		return m.Supplier.Name
	}
	return "unknown"
}

func (c *fromCDX) vulnerability(pointer string, v *cdx.Vulnerability) error {
	if v.Analysis == nil || v.Analysis.State == "" || v.Affects == nil {
		return nil
	}
	s := Statement{Vulnerability: Vulnerability{Name: v.ID, Description: v.Description}, StatusNotes: v.Analysis.Detail}
	if v.ID == "" {
		c.lose(pointer, "an analysis", "its vulnerability has no id")
		return nil
	}
	if v.References != nil {
		for _, r := range *v.References {
			if r.ID != "" && r.ID != v.ID && !slices.Contains(s.Vulnerability.Aliases, r.ID) {
				s.Vulnerability.Aliases = append(s.Vulnerability.Aliases, r.ID)
			}
		}
	}
	for _, text := range []string{v.Analysis.LastUpdated, v.Analysis.FirstIssued, v.Updated, v.Published, v.Created} {
		if t, err := time.Parse(time.RFC3339, text); err == nil {
			s.Timestamp = t
			break
		}
	}
	if s.Timestamp.IsZero() {
		s.Timestamp = c.doc.Timestamp
	}
	if s.Timestamp.IsZero() {
		return fmt.Errorf("%s: the analysis of %q has no time, and neither has the document", pointer, clip(v.ID))
	}
	c.analysis(pointer, v, &s)
	for i, a := range *v.Affects {
		c.affects(pointer+"/affects/"+strconv.Itoa(i), &a, s)
	}
	return nil
}

// analysis is the status, with its reasons.
func (c *fromCDX) analysis(pointer string, v *cdx.Vulnerability, s *Statement) {
	switch v.Analysis.State {
	case cdx.IASResolved, cdx.IASResolvedWithPedigree:
		s.Status = Fixed
	case cdx.IASExploitable:
		s.Status, s.ActionStatement = Affected, action(v)
	case cdx.IASInTriage:
		s.Status = UnderInvestigation
	case cdx.IASFalsePositive, cdx.IASNotAffected:
		s.Status, s.ImpactStatement = NotAffected, reason(v)
	}
	switch v.Analysis.Justification {
	case "":
	case cdx.IAJCodeNotPresent:
		s.Justification = VulnerableCodeNotPresent
	case cdx.IAJCodeNotReachable:
		s.Justification = VulnerableCodeNotExecuted
	case cdx.IAJProtectedByMitigatingControl:
		s.Justification = InlineMitigationsExist
	default:
		c.lose(pointer+"/analysis/justification", string(v.Analysis.Justification), "OpenVEX has no such justification: it stands in the impact statement")
	}
	if s.Status != NotAffected {
		s.Justification = ""
	}
}

// action says what to do, in the words of the document where it has some.
func action(v *cdx.Vulnerability) string {
	var words []string
	if v.Recommendation != "" {
		words = append(words, v.Recommendation)
	}
	if v.Workaround != "" {
		words = append(words, v.Workaround)
	}
	if v.Analysis.Response != nil {
		for _, r := range *v.Analysis.Response {
			words = append(words, string(r))
		}
	}
	if words == nil {
		return "none is given"
	}
	return strings.Join(words, "; ")
}

func reason(v *cdx.Vulnerability) string {
	words := []string{string(v.Analysis.State)}
	if v.Analysis.Justification != "" {
		words = append(words, string(v.Analysis.Justification))
	}
	if v.Analysis.Detail != "" {
		words = append(words, v.Analysis.Detail)
	}
	return strings.Join(words, ": ")
}

func (c *fromCDX) affects(pointer string, a *cdx.Affects, s Statement) {
	var product Component
	if strings.HasPrefix(a.Ref, "urn:cdx:") {
		product.ID = a.Ref
	} else if n, ok := c.x.byRef[a.Ref]; ok {
		of := c.x.components[n]
		if c.x.link != "" {
			product.ID = c.x.link + "#" + url.PathEscape(a.Ref)
		}
		product.PURL, product.Hashes = of.PackageURL, hashesOf(of)
		if strings.HasPrefix(of.CPE, "cpe:2.3:") {
			product.CPE23 = of.CPE
		} else {
			product.CPE22 = of.CPE
		}
	} else {
		c.lose(pointer, a.Ref, "it is no component of this document, and no link into another")
		return
	}
	if a.Range == nil || len(*a.Range) == 0 {
		s.Products = []Product{{Component: product}}
		c.doc.Statements = append(c.doc.Statements, s)
		return
	}
	for i, r := range *a.Range {
		c.version(pointer+"/versions/"+strconv.Itoa(i), r, product, s)
	}
}

// version is a statement about one version of what is affected.
func (c *fromCDX) version(pointer string, r cdx.AffectedVersions, product Component, s Statement) {
	p, err := sbom.ParsePURL(product.PURL)
	if r.Version == "" || err != nil || product.PURL == "" {
		c.lose(pointer, r.Version+r.Range, "a statement names a version by a package URL, and no range")
		return
	}
	p.Version = r.Version
	named, err := p.Canonical()
	if err != nil {
		c.lose(pointer, r.Version, "it is no version of a package URL")
		return
	}
	switch r.Status {
	case cdx.VulnerabilityStatusNotAffected:
		s.Status, s.ImpactStatement, s.Justification, s.ActionStatement = NotAffected, "this version is listed as unaffected", "", ""
	case cdx.VulnerabilityStatusUnknown:
		s.Status, s.ImpactStatement, s.Justification, s.ActionStatement = UnderInvestigation, "", "", ""
	}
	s.Products = []Product{{Component: Component{PURL: named.String()}}}
	c.doc.Statements = append(c.doc.Statements, s)
}
