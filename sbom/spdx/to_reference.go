package spdx

import (
	"net/url"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

func (t *to) location(pointer, where string, typ cdx.ExternalReferenceType, c *cdx.Component) {
	switch where {
	case "", NoAssertion:
	case None:
		t.lose(pointer, None, "CycloneDX cannot say that there is none")
	default:
		if !isReference(where) {
			t.lose(pointer, where, "it is no URI, which CycloneDX demands")
			return
		}
		t.reference(c, cdx.ExternalReference{URL: where, Type: typ})
	}
}

// isReference reports whether a place is one for CycloneDX: the ways in which
// git spells places are none.
func isReference(s string) bool {
	u, err := url.Parse(s)
	return err == nil && !strings.ContainsAny(s, " \t\r\n\"<>\\^`{|}") && (u.Scheme != "" || !strings.Contains(strings.SplitN(s, "/", 2)[0], ":")) &&
		strings.IndexFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }) < 0
}

func (t *to) reference(c *cdx.Component, r cdx.ExternalReference) {
	if c.ExternalReferences == nil {
		c.ExternalReferences = new([]cdx.ExternalReference)
	}
	*c.ExternalReferences = append(*c.ExternalReferences, r)
}

func (t *to) externalRef(pointer string, r ExternalRef, c *cdx.Component) {
	plain := func(known bool) bool {
		if !known {
			t.lose(pointer, r.Locator, "CycloneDX has one of that kind, and it has it already")
			return false
		}
		if r.Comment != "" {
			t.lose(pointer+"/comment", r.Comment, cdxNoPlace)
		}
		return true
	}
	list := func(to **[]string) {
		if *to == nil {
			*to = new([]string)
		}
		**to = append(**to, r.Locator)
		plain(true)
	}
	switch {
	case r.Type == "purl" && r.Category == "PACKAGE-MANAGER":
		if plain(c.PackageURL == "") {
			c.PackageURL = r.Locator
		}
	case r.Category == "SECURITY" && (r.Type == "cpe23Type" && strings.HasPrefix(r.Locator, "cpe:2.3:") || r.Type == "cpe22Type" && strings.HasPrefix(r.Locator, "cpe:/")):
		if plain(c.CPE == "") {
			c.CPE = r.Locator
		}
	case r.Category == "PERSISTENT-ID" && r.Type == "swh":
		list(&c.SWHID)
	case r.Category == "PERSISTENT-ID" && r.Type == "gitoid":
		list(&c.OmniborID)
	case (r.Type == "advisory" || r.Category == "OTHER") && !isReference(r.Locator):
		t.lose(pointer, r.Locator, "it is no URI, which CycloneDX demands")
	case r.Category == "SECURITY" && r.Type == "advisory":
		t.reference(c, cdx.ExternalReference{URL: r.Locator, Type: cdx.ERTypeAdvisories, Comment: r.Comment})
	case r.Category == "OTHER" && isReferenceType(r.Type):
		t.reference(c, cdx.ExternalReference{URL: r.Locator, Type: cdx.ExternalReferenceType(r.Type), Comment: r.Comment})
	default:
		t.lose(pointer, r.Category+" "+r.Type+" "+r.Locator, cdxNoPlace)
	}
}

// isReferenceType reports whether CycloneDX 1.6 knows that type of reference.
func isReferenceType(s string) bool {
	switch cdx.ExternalReferenceType(s) {
	case cdx.ERTypeAdversaryModel, cdx.ERTypeAttestation, cdx.ERTypeBOM, cdx.ERTypeBuildMeta, cdx.ERTypeBuildSystem,
		cdx.ERTypeCertificationReport, cdx.ERTypeChat, cdx.ERTypeConfiguration, cdx.ERTypeCodifiedInfrastructure, cdx.ERTypeComponentAnalysisReport,
		cdx.ERTypeDistribution, cdx.ERTypeDistributionIntake, cdx.ERTypeDocumentation, cdx.ERTypeDynamicAnalysisReport, cdx.ERTypeDigitalSignature,
		cdx.ERTypeElectronicSignature, cdx.ERTypeEvidence, cdx.ERTypeExploitabilityStatement, cdx.ERTypeFormulation, cdx.ERTypeIssueTracker,
		cdx.ERTypeLicense, cdx.ERTypeLog, cdx.ERTypeMailingList, cdx.ERTypeMaturityReport, cdx.ERTypeModelCard, cdx.ERTypeOther, cdx.ERTypePentestReport,
		cdx.ERTypePOAM, cdx.ERTypeQualityMetrics, cdx.ERTypeReleaseNotes, cdx.ERTypeRiskAssessment, cdx.ERTypeRFC9116, cdx.ERTypeRuntimeAnalysisReport,
		cdx.ERTypeSecurityContact, cdx.ERTypeSocial, cdx.ERTypeSourceDistribution, cdx.ERTypeStaticAnalysisReport, cdx.ERTypeSupport, cdx.ERTypeThreatModel,
		cdx.ERTypeVCS, cdx.ERTypeVulnerabilityAssertion, cdx.ERTypeWebsite:
		return true
	}
	return false
}
