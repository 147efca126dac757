package sbom

import (
	"net/url"
	"strings"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

// The parts of documents that several profiles ask for.

// metadata is the metadata of bom, empty if there is none.
func metadata(bom *cdx.BOM) *cdx.Metadata {
	if bom.Metadata == nil {
		return &cdx.Metadata{}
	}
	return bom.Metadata
}

// hasAuthor reports whether the document says who made it: a person or an
// organization, by a name or an address.
func hasAuthor(bom *cdx.BOM) (string, bool) {
	m := metadata(bom)
	for _, a := range listOf(m.Authors) {
		if said(a.Name) || said(a.Email) {
			return "", true
		}
	}
	return "", hasName(m.Manufacturer) || hasName(m.Manufacture)
}

// hasTimestamp reports whether the document says when it was made.
func hasTimestamp(bom *cdx.BOM) (string, bool) {
	at := metadata(bom).Timestamp
	_, err := time.Parse(time.RFC3339, at)
	return at, err == nil
}

// hasTool reports whether the document says which tool made it, by its name.
func hasTool(bom *cdx.BOM) (string, bool) {
	for _, t := range toolsOf(bom) {
		if said(t.name) {
			return "", true
		}
	}
	return "", false
}

type tool struct{ name, version string }

func toolsOf(bom *cdx.BOM) (tools []tool) {
	t := metadata(bom).Tools
	if t == nil {
		return nil
	}
	for _, old := range listOf(t.Tools) {
		tools = append(tools, tool{old.Name, old.Version})
	}
	for _, c := range listOf(t.Components) {
		tools = append(tools, tool{c.Name, c.Version})
	}
	for _, s := range listOf(t.Services) {
		tools = append(tools, tool{s.Name, s.Version})
	}
	return tools
}

// hasLifecycle reports whether the document says at what time of the
// software's life it was made.
func hasLifecycle(bom *cdx.BOM) (string, bool) {
	for _, l := range listOf(metadata(bom).Lifecycles) {
		if said(string(l.Phase)) || said(l.Name) {
			return "", true
		}
	}
	return "", false
}

// hasName reports whether an organization is named.
func hasName(o *cdx.OrganizationalEntity) bool { return o != nil && said(o.Name) }

// contacts are the e-mail addresses and URLs of an organization that are of use.
func contacts(o *cdx.OrganizationalEntity) (all []string) {
	if o == nil {
		return nil
	}
	for _, c := range listOf(o.Contact) {
		if isEmail(c.Email) {
			all = append(all, c.Email)
		}
	}
	for _, u := range listOf(o.URL) {
		if isURL(u) {
			all = append(all, u)
		}
	}
	return all
}

func isEmail(s string) bool {
	at := strings.LastIndexByte(s, '@')
	return at > 0 && at < len(s)-1 && !strings.ContainsAny(s, " \t\r\n<>,")
}

func isURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && u.Scheme != "" && (u.Host != "" || u.Opaque != "")
}

// hasProducer reports whether a component says who makes or supplies it.
func hasProducer(s *subjectComponent) (string, bool) {
	return "", hasName(s.Supplier) || hasName(s.Manufacturer)
}

func hasComponentName(s *subjectComponent) (string, bool) { return s.Name, said(s.Name) }

// hasVersion reports whether a component says its version. CycloneDX 1.7 lets
// what is outside of the product have a range.
func hasVersion(s *subjectComponent) (string, bool) {
	external := s.IsExternal != nil && *s.IsExternal
	return s.Version, said(s.Version) || external && said(s.VersionRange)
}

// hasIdentifier reports whether a component has a name by which others look it
// up. What does not parse as one identifies nothing.
func hasIdentifier(s *subjectComponent) (string, bool) {
	if s.PackageURL != "" {
		if _, err := ParsePURL(s.PackageURL); err == nil {
			return "", true
		}
	}
	if isCPE(s.CPE) || s.SWID != nil && said(s.SWID.TagID) {
		return "", true
	}
	for _, list := range []*[]string{s.OmniborID, s.SWHID} {
		for _, id := range listOf(list) {
			if said(id) {
				return "", true
			}
		}
	}
	return s.PackageURL + s.CPE, false
}

// isCPE reports whether s looks like a name of the Common Platform Enumeration,
// as a formatted string (2.3) or as a URI (2.2).
func isCPE(s string) bool {
	if rest, ok := strings.CutPrefix(s, "cpe:2.3:"); ok {
		return strings.Count(strings.ReplaceAll(rest, `\:`, ""), ":") == 10 && strings.IndexByte("aho*-", rest[0]) >= 0
	}
	rest, ok := strings.CutPrefix(s, "cpe:/")
	return ok && rest != "" && strings.IndexByte("aho", rest[0]) >= 0
}

// strongHashes are the algorithms that identify content.
func isStrong(a cdx.HashAlgorithm) bool {
	return a != cdx.HashAlgoMD5 && a != cdx.HashAlgoSHA1
}

func hasHash(s *subjectComponent) (string, bool) {
	found := ""
	for _, h := range listOf(s.Hashes) {
		if checkHash(h) == nil && isStrong(h.Algorithm) {
			return "", true
		}
		found = string(h.Algorithm)
	}
	return found, false
}

// licensesOf are the licences of a component, as expressions: those that are
// acknowledged as how, or all if how is "".
func licensesOf(c *cdx.Component, how cdx.LicenseAcknowledgement) (all []string) {
	for _, l := range listOf((*[]cdx.LicenseChoice)(c.Licenses)) {
		text, kind := l.Expression, cdx.LicenseAcknowledgement("")
		if l.Acknowledgement != nil {
			kind = *l.Acknowledgement
		}
		if l.License != nil {
			text, kind = l.License.ID, l.License.Acknowledgement
			if text == "" {
				text = l.License.Name
			}
		}
		if said(text) && (how == "" || kind == how) {
			all = append(all, text)
		}
	}
	return all
}

func hasLicense(s *subjectComponent) (string, bool) {
	return "", len(licensesOf(s.Component, "")) > 0
}

// references are the URLs of a component's external references of some types.
func references(c *cdx.Component, types ...cdx.ExternalReferenceType) (all []cdx.ExternalReference) {
	for _, r := range listOf(c.ExternalReferences) {
		for _, t := range types {
			if r.Type == t && said(r.URL) {
				all = append(all, r)
			}
		}
	}
	return all
}

func property(c *cdx.Component, name string) string {
	for _, p := range listOf(c.Properties) {
		if p.Name == name {
			return p.Value
		}
	}
	return ""
}

// unknownSaid reports the components whose dependencies the document neither
// lists nor says to be incomplete or unknown.
func unknownSaid(g *graph, report func(int, string)) {
	for i := range g.n {
		if !g.known(i) && g.edgesSaid[i]&(claimsPart|claimsUnknown) == 0 {
			report(i, "neither dependencies nor a word about them")
		}
	}
}

// topLevel reports a main component without dependencies that are listed.
func topLevel(g *graph, report func(int, string)) {
	if g.main < 0 {
		report(-1, "no main component")
	} else if !g.known(g.main) {
		report(g.main, "no dependencies of the main component")
	}
}
