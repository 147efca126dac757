package sbom

import (
	"fmt"
	"net/url"
	"path"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/touchmark-go/touchmark/internal/spdxlicense"
	"github.com/touchmark-go/touchmark/provenance"
)

// A Publisher is what no file says and only those know who publish a program:
// who they are, and on which terms. Everything in it goes into the document as
// it is, as their own word. The zero Publisher says nothing, and then the
// document says nothing either: no name is derived from a path.
type Publisher struct {
	// Authors are the people who answer for the document (metadata.authors).
	Authors []cdx.OrganizationalContact
	// Manufacturer is the organization that made the program and this document
	// (metadata.manufacturer and that of the main component). BSI TR-03183-2
	// wants an e-mail address in a contact of it, or a URL.
	Manufacturer *cdx.OrganizationalEntity
	// Supplier is who hands the program out (metadata.supplier and that of the
	// main component).
	Supplier *cdx.OrganizationalEntity
	// Suppliers are those of modules, as far as the publisher really knows them,
	// by module path: "acme.example/lib" is that module and all below it. The
	// longest path counts. Other modules have no supplier.
	Suppliers map[string]*cdx.OrganizationalEntity
	// CPEs are the names that the National Vulnerability Database has for the program
	// and for modules, as far as the publisher has looked them up, by exact module
	// path: CPE 2.3 with "*" for the version, which becomes the component's. Other
	// modules have none: a name that is made up finds nothing.
	CPEs map[string]string
	// GoRelease are the digests of the archive that the Go release came in, as its
	// makers publish them, if the publisher knows them: the standard library comes
	// in no file of its own. Without, it has no hash.
	GoRelease provenance.DigestSet
	// DataLicense is on which terms the document itself may be used, an SPDX
	// expression (metadata.licenses). "CC0-1.0" is usual.
	DataLicense string
	// License is the licence of the program, an SPDX expression; it is recorded
	// as declared.
	License string
	// Repository is the URL of the program's source. If empty, it is derived from
	// the path of the main module where its host has a rule for that.
	Repository string
	// Distribution is the URL that the binary is handed out at. The reference has
	// the digests of the file, which is where BSI TR-03183-2 looks for them.
	Distribution string
	// Filename is the name of the binary, without folders. With it the main
	// component has the properties that BSI TR-03183-2 wants of a file.
	Filename string
	// Lifecycle is when in the program's life the list was made. If empty, it is
	// post-build of a binary, build of one's own build info, and pre-build of source.
	Lifecycle cdx.LifecyclePhase
}

// The properties that BSI TR-03183-2 wants of a file.
const (
	propertyFilename   = "bsi:component:filename"
	propertyExecutable = "bsi:component:executable"
	propertyArchive    = "bsi:component:archive"
	propertyStructured = "bsi:component:structured"
)

// check reports what of p cannot stand in a document.
func (p Publisher) check() error {
	if err := p.GoRelease.Validate(); err != nil {
		return fmt.Errorf("publisher's Go release: %w", err)
	}
	for name, expression := range map[string]string{"data license": p.DataLicense, "license": p.License} {
		if expression == "" {
			continue
		}
		if _, err := spdxlicense.Parse(expression); err != nil {
			return fmt.Errorf("publisher's %s: %w", name, err)
		}
	}
	for name, link := range map[string]string{"repository": p.Repository, "distribution": p.Distribution} {
		if link == "" {
			continue
		}
		if u, err := url.Parse(link); err != nil || u.Scheme == "" || u.User != nil {
			return fmt.Errorf("publisher's %s: want an absolute URL without user info", name)
		}
	}
	if p.Filename != "" && (path.Base(p.Filename) != p.Filename || strings.ContainsAny(p.Filename, `\/`) || p.Filename == "." || p.Filename == "..") {
		return fmt.Errorf("publisher's filename is %q, want one without folders", p.Filename)
	}
	for module, cpe := range p.CPEs {
		if parts := strings.Split(cpe, ":"); !isCPE(cpe) || len(parts) != 13 || parts[5] != "*" {
			return fmt.Errorf("publisher's CPE of %s is %q, want one of CPE 2.3 with the version *", module, cpe)
		}
	}
	switch p.Lifecycle {
	case "", cdx.LifecyclePhaseDesign, cdx.LifecyclePhasePreBuild, cdx.LifecyclePhaseBuild, cdx.LifecyclePhasePostBuild,
		cdx.LifecyclePhaseOperations, cdx.LifecyclePhaseDiscovery, cdx.LifecyclePhaseDecommission:
	default:
		return fmt.Errorf("publisher's lifecycle is %q, want one of CycloneDX's phases", p.Lifecycle)
	}
	return nil
}

// metadata writes what p says of the document.
func (p Publisher) metadata(m *cdx.Metadata) {
	if len(p.Authors) > 0 {
		m.Authors = &p.Authors
	}
	m.Manufacturer, m.Supplier = p.Manufacturer, p.Supplier
	if p.DataLicense != "" {
		m.Licenses = &cdx.Licenses{licenseChoice(p.DataLicense, "")}
	}
	if p.Lifecycle != "" {
		m.Lifecycles = &[]cdx.Lifecycle{{Phase: p.Lifecycle}}
	}
}

// licenseChoice is a valid SPDX expression as CycloneDX writes it: a single
// licence of the list by its id, anything else as an expression.
func licenseChoice(expression string, acknowledgement cdx.LicenseAcknowledgement) cdx.LicenseChoice {
	if id, _, ok := spdxlicense.License(expression); ok {
		return cdx.LicenseChoice{License: &cdx.License{ID: id, Acknowledgement: acknowledgement}}
	}
	if parsed, err := spdxlicense.Parse(expression); err == nil {
		expression = parsed.String()
	}
	choice := cdx.LicenseChoice{Expression: expression}
	if acknowledgement != "" {
		choice.Acknowledgement = &acknowledgement
	}
	return choice
}

// component writes what p says of the program into its component, which has
// its hashes. buildMode is how the linker was asked to link.
func (p Publisher) component(c *cdx.Component, buildMode string) {
	c.Manufacturer, c.Supplier, c.CPE = p.Manufacturer, p.Supplier, p.cpeOf(c.Name, c.Version)
	if p.License != "" {
		c.Licenses = &cdx.Licenses{licenseChoice(p.License, cdx.LicenseAcknowledgementDeclared)}
	}
	var references []cdx.ExternalReference
	if p.Repository != "" {
		references = append(references, cdx.ExternalReference{Type: cdx.ERTypeVCS, URL: p.Repository})
	} else if r, ok := derivedRepository(c.Name); ok {
		references = append(references, r)
	}
	if p.Distribution != "" {
		references = append(references, cdx.ExternalReference{Type: cdx.ERTypeDistribution, URL: p.Distribution, Hashes: c.Hashes})
	}
	if len(references) > 0 {
		c.ExternalReferences = &references
	}
	if p.Filename == "" {
		return
	}
	notes := []cdx.Property{{Name: propertyFilename, Value: p.Filename}}
	switch buildMode {
	case "exe", "pie", "default":
		// Structured: what says which parts it has is still in it.
		notes = append([]cdx.Property{{Name: propertyArchive, Value: "no archive"}, {Name: propertyExecutable, Value: "executable"}}, notes...)
		notes = append(notes, cdx.Property{Name: propertyStructured, Value: "structured"})
	}
	if c.Properties != nil {
		notes = append(notes, *c.Properties...)
	}
	c.Properties = &notes
}

// supplierOf is what the publisher said of a module's supplier, nil if nothing.
func (p Publisher) supplierOf(module string) *cdx.OrganizationalEntity {
	if len(p.Suppliers) == 0 {
		return nil
	}
	for at := module; ; {
		if s, ok := p.Suppliers[at]; ok {
			return s
		}
		i := strings.LastIndexByte(at, '/')
		if i < 0 {
			return nil
		}
		at = at[:i]
	}
}

// cpeOf is the name of a module's version in CPE 2.3, "" if the publisher gave none.
func (p Publisher) cpeOf(module, version string) string {
	parts := strings.Split(p.CPEs[module], ":")
	if version == "" || len(parts) < 6 {
		return ""
	}
	// NISTIR 7695, 6.2: what is no letter, digit, "_", "-" or "." has a backslash before it.
	var b strings.Builder
	for _, r := range strings.TrimPrefix(version, "v") {
		if !strings.ContainsRune("._-", r) && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	parts[5] = b.String()
	return strings.Join(parts, ":")
}
