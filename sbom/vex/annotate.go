package vex

import (
	"errors"
	"slices"
	"strings"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

// Annotate writes the assessments into the vulnerabilities of bom, which must be
// the BOM that they are about, of CycloneDX 1.4 or later. A vulnerability that is
// there and affects several components is split where their statuses differ; one
// that is not there is added. An analysis that is there is replaced by a newer
// one alone. What is said of a component within another one than the main
// component is left out, as in [Result.Status].
func (r *Result) Annotate(bom *cdx.BOM) error {
	if bom == nil || bom.SpecVersion < cdx.SpecVersion1_4 {
		return errors.New("VEX: want a BOM of CycloneDX 1.4 or later, which has vulnerabilities")
	}
	var list []cdx.Vulnerability
	written := map[assessed]bool{}
	if bom.Vulnerabilities != nil {
		for _, v := range *bom.Vulnerabilities {
			list = append(list, r.split(bom, v, written)...)
		}
	}
	for i := range r.Assessments {
		a := &r.Assessments[i]
		ref := a.Component
		if ref == "" {
			ref = a.Product
		}
		counts, ok := r.Status(a.Vulnerability, ref)
		key := assessed{vulnerability: r.names[a.Vulnerability], component: ref}
		if !ok || written[key] || !r.covers(a, ref) {
			continue
		}
		written[key] = true
		v := cdx.Vulnerability{ID: counts.Vulnerability, Affects: &[]cdx.Affects{{Ref: ref}}}
		analyze(bom, &v, &counts.Statement)
		list = append(list, v)
	}
	if list != nil {
		bom.Vulnerabilities = &list
	}
	return nil
}

// split gives each component that v affects the analysis that counts for it.
func (r *Result) split(bom *cdx.BOM, v cdx.Vulnerability, written map[assessed]bool) []cdx.Vulnerability {
	name, known := r.names[v.ID]
	if !known || v.Affects == nil {
		return []cdx.Vulnerability{v}
	}
	kept := v
	kept.Affects = new([]cdx.Affects)
	var parts []cdx.Vulnerability
	var by []Assessment
affects:
	for _, a := range *v.Affects {
		written[assessed{vulnerability: name, component: a.Ref}] = true
		counts, ok := r.Status(v.ID, a.Ref)
		if !ok || older(&counts.Statement, v.Analysis) {
			*kept.Affects = append(*kept.Affects, a)
			continue
		}
		for i := range parts {
			if by[i].Product == counts.Product && by[i].Component == counts.Component && by[i].Document == counts.Document && by[i].Vulnerability == counts.Vulnerability {
				*parts[i].Affects = append(*parts[i].Affects, a)
				continue affects
			}
		}
		part := v
		part.BOMRef = ""
		part.Affects = &[]cdx.Affects{a}
		analyze(bom, &part, &counts.Statement)
		parts, by = append(parts, part), append(by, counts)
	}
	switch {
	case len(*kept.Affects) > 0:
		return append([]cdx.Vulnerability{kept}, parts...)
	case len(parts) > 0:
		parts[0].BOMRef = v.BOMRef // one of them keeps the name
		return parts
	}
	return []cdx.Vulnerability{v}
}

// older reports whether an analysis that is there is newer than a statement, or
// says that it is: one without a time is as old as can be.
func older(s *Statement, a *cdx.VulnerabilityAnalysis) bool {
	if a == nil || a.State == "" {
		return false
	}
	for _, text := range []string{a.LastUpdated, a.FirstIssued} {
		if t, err := time.Parse(time.RFC3339, text); err == nil {
			return s.Timestamp.Before(t)
		}
	}
	return false
}

// analyze writes a statement as an analysis. Labels that CycloneDX lacks stand
// in the detail.
func analyze(bom *cdx.BOM, v *cdx.Vulnerability, s *Statement) {
	a := &cdx.VulnerabilityAnalysis{}
	var detail []string
	switch s.Status {
	case NotAffected:
		a.State = cdx.IASNotAffected
	case Fixed:
		a.State = cdx.IASResolved
	case UnderInvestigation:
		a.State = cdx.IASInTriage
	default:
		a.State = cdx.IASExploitable
	}
	switch s.Justification {
	case "":
	case ComponentNotPresent, VulnerableCodeNotPresent:
		a.Justification = cdx.IAJCodeNotPresent
	case VulnerableCodeNotExecuted:
		a.Justification = cdx.IAJCodeNotReachable
	case InlineMitigationsExist:
		a.Justification = cdx.IAJProtectedByMitigatingControl
	}
	for _, text := range []string{string(s.Justification), s.ImpactStatement, s.StatusNotes} {
		if text != "" && !slices.Contains(detail, text) {
			detail = append(detail, text)
		}
	}
	a.Detail = strings.Join(detail, "\n")
	if bom.SpecVersion >= cdx.SpecVersion1_5 {
		a.LastUpdated = s.Timestamp.UTC().Format(time.RFC3339Nano)
	}
	v.Analysis = a
	if s.ActionStatement != "" && v.Recommendation == "" {
		v.Recommendation = s.ActionStatement
	}
}
