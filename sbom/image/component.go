package image

import (
	"cmp"
	"net/url"
	"slices"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/touchmark-go/touchmark/internal/spdxlicense"
	"github.com/touchmark-go/touchmark/provenance"
)

// list adds the packages.
func (d *document) list() {
	slices.SortFunc(d.packages, func(a, b *pkg) int {
		return cmp.Or(cmp.Compare(a.ecosystem, b.ecosystem), cmp.Compare(a.name, b.name), cmp.Compare(a.version, b.version), cmp.Compare(a.arch, b.arch), cmp.Compare(a.purl, b.purl))
	})
	d.refOf = make(map[*pkg]string, len(d.packages))
	for _, p := range d.packages {
		slices.SortFunc(p.places, comparePlaces)
		p.places = slices.Compact(p.places)
		c := d.component(p)
		d.refOf[p] = c.BOMRef
		d.components = append(d.components, c)
	}
}

// component is a package as a component.
func (d *document) component(p *pkg) cdx.Component {
	c := cdx.Component{Type: cdx.ComponentTypeLibrary, Name: clean(p.name), Version: clean(p.version), Description: clean(p.description), PackageURL: p.purl}
	c.BOMRef = d.ref(cmp.Or(p.purl, p.ecosystem+":"+c.Name+"@"+c.Version))
	if p.ecosystem == "npm" {
		if scope, base, ok := strings.Cut(c.Name, "/"); ok {
			c.Group, c.Name = scope, base
		}
	}
	note := properties{}
	note.add(PropertyEcosystem, p.ecosystem)
	grade := "observed"
	if p.declared {
		grade = "declared"
	}
	note.add(PropertyGrade, grade)
	if p.source != "" {
		note.add(PropertySource, clean(p.source))
	}
	for _, at := range p.places {
		d.place(&note, at)
	}
	d.supplier(&c, p)
	c.ExternalReferences = website(p.homepage)
	if p.ecosystem == "deb" {
		if found := licensesOf(d.copyright(p.name)); found != nil {
			c.Evidence = &cdx.Evidence{Licenses: found}
		}
	} else {
		c.Licenses = licensesOf(p.licenses)
	}
	if p.lock != nil {
		if p.declared && p.lock.Dev {
			c.Scope = cdx.ScopeExcluded
		} else if p.declared && p.lock.Optional {
			c.Scope = cdx.ScopeOptional
		}
		d.locked(&c, &note, p)
	}
	c.Properties = note.list()
	return c
}

// locked adds what a lock file knows: the digests of the file that the package was
// fetched as, which are not those of anything in the image.
func (d *document) locked(c *cdx.Component, note *properties, p *pkg) {
	digests := slices.Concat(p.lock.Digests.Digests(), p.lock.OneOf)
	var hashes []cdx.Hash
	for _, digest := range p.lock.Digests.Digests() {
		hashes = append(hashes, hashesOf(digest)...)
	}
	if u, err := url.Parse(p.lock.Source); err == nil && (u.Scheme == "https" || u.Scheme == "http") && len(hashes) > 0 {
		refs := []cdx.ExternalReference{{Type: cdx.ERTypeDistribution, URL: p.lock.Source, Hashes: &hashes}}
		if c.ExternalReferences != nil {
			refs = append(*c.ExternalReferences, refs...)
		}
		c.ExternalReferences = &refs
		return
	}
	for _, digest := range digests {
		note.add(PropertyLocked, digest.String())
	}
}

// supplier adds who maintains a distribution's package, and who wrote another one.
func (d *document) supplier(c *cdx.Component, p *pkg) {
	text := clean(p.supplier)
	if text == "" {
		return
	}
	name, rest, _ := strings.Cut(text, "<")
	mail, _, _ := strings.Cut(rest, ">")
	name, mail = strings.TrimSpace(name), strings.TrimSpace(mail)
	if strings.Count(mail, "@") != 1 || strings.ContainsAny(mail, " \t,;") {
		mail = ""
	}
	if name == "" {
		return
	}
	contact := cdx.OrganizationalContact{Name: name, Email: mail}
	if p.ecosystem != "deb" && p.ecosystem != "apk" && p.ecosystem != "rpm" {
		c.Authors = &[]cdx.OrganizationalContact{contact}
		return
	}
	c.Supplier = &cdx.OrganizationalEntity{Name: name}
	if mail != "" {
		c.Supplier.Contact = &[]cdx.OrganizationalContact{contact}
	}
}

// website is a reference to a page, nil of what is no address of one.
func website(text string) *[]cdx.ExternalReference {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || clean(text) != text || len(text) > 2000 || strings.ContainsAny(text, " <>\"{}|\\^`") {
		return nil
	}
	return &[]cdx.ExternalReference{{Type: cdx.ERTypeWebsite, URL: text}}
}

// maxLicense is the longest name of a licence: what is longer is a text.
const maxLicense = 200

// licensesOf are declared licences: ids, and names of what has none. One that is an
// expression is one; how several go together nobody said.
func licensesOf(names []string) *cdx.Licenses {
	declared := cdx.LicenseAcknowledgementDeclared
	var list cdx.Licenses
	for _, name := range names {
		name = clean(name)
		if name == "" || len(name) > maxLicense {
			continue
		}
		l := cdx.License{Name: name, Acknowledgement: declared}
		if e, err := spdxlicense.Parse(name); err == nil {
			switch l.Name = e.String(); {
			case e.Op == "" && !e.OrLater && e.Exception == "" && !spdxlicense.IsRef(e.ID):
				l.ID, l.Name = e.ID, ""
			case len(names) == 1:
				return &cdx.Licenses{{Expression: e.String(), Acknowledgement: &declared}}
			}
		}
		list = append(list, cdx.LicenseChoice{License: &l})
	}
	if len(list) == 0 {
		return nil
	}
	return &list
}

// hashesOf is a digest in CycloneDX's spelling.
func hashesOf(digest provenance.Digest) []cdx.Hash {
	switch digest.Algorithm() {
	case provenance.SHA256:
		return []cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: digest.Hex()}}
	case provenance.SHA384:
		return []cdx.Hash{{Algorithm: cdx.HashAlgoSHA384, Value: digest.Hex()}}
	case provenance.SHA512:
		return []cdx.Hash{{Algorithm: cdx.HashAlgoSHA512, Value: digest.Hex()}}
	}
	return nil
}

func (p properties) list() *[]cdx.Property {
	if len(p) == 0 {
		return nil
	}
	list := []cdx.Property(p)
	return &list
}
