package image

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/touchmark-go/touchmark/internal/ocilayout"
	"github.com/touchmark-go/touchmark/internal/spdxlicense"
	"github.com/touchmark-go/touchmark/internal/uuid"
	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sbom"
)

// toolName is how documents name what made them.
const toolName = "github.com/touchmark-go/touchmark/sbom/image"

// bom makes the document of what was found.
func (s *scan) bom(at time.Time) (*cdx.BOM, error) {
	d := document{scan: s, refs: map[string]bool{}, components: []cdx.Component{}}
	main, err := d.main()
	if err != nil {
		return nil, err
	}
	d.distribution()
	d.programs()
	d.list()
	d.edges()
	d.knowledge(main.BOMRef)
	bom := &cdx.BOM{
		JSONSchema: "http://cyclonedx.org/schema/bom-1.6.schema.json", BOMFormat: cdx.BOMFormat, SpecVersion: cdx.SpecVersion1_6, Version: 1,
		SerialNumber: "urn:uuid:" + uuid.FromURL(sbom.PredicateType+"#"+s.image.Digest.String()),
		Metadata: &cdx.Metadata{
			Lifecycles: &[]cdx.Lifecycle{{Phase: cdx.LifecyclePhasePostBuild}},
			Tools:      &cdx.ToolsChoice{Components: &[]cdx.Component{{Type: cdx.ComponentTypeLibrary, Name: toolName}}},
			Component:  main,
		},
		Components: &d.components, Dependencies: &d.dependencies, Compositions: &d.compositions,
	}
	if !at.IsZero() {
		bom.Metadata.Timestamp = at.UTC().Format(time.RFC3339)
	}
	return bom, nil
}

// A document is a BOM in the making.
type document struct {
	*scan
	refs         map[string]bool
	components   []cdx.Component
	dependencies []cdx.Dependency
	compositions []cdx.Composition
	os           string          // the ref of the distribution
	refOf        map[*pkg]string // of each package
	programRefs  []string
	whole, part  []cdx.BOMReference // whose dependencies are all known, and not all
	unknown      []cdx.BOMReference
}

// ref is name, or if that is taken, name with a number.
func (d *document) ref(name string) string {
	unique := name
	for i := 2; d.refs[unique]; i++ {
		unique = name + "#" + strconv.Itoa(i)
	}
	d.refs[unique] = true
	return unique
}

// main is the image itself.
func (d *document) main() (*cdx.Component, error) {
	m := d.image
	hashes := hashesOf(m.Digest)
	if len(hashes) == 0 {
		return nil, errors.New("the image has no digest that a BOM could name it by")
	}
	c := &cdx.Component{Type: cdx.ComponentTypeContainer, Name: m.Digest.String(), Version: m.Digest.String(), Hashes: &hashes}
	names := slices.Clone(m.Names)
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		if repository := repositoryOf(name); repository != "" {
			c.Name, c.PackageURL = repository, ociPURL(repository, m)
			break
		}
	}
	c.BOMRef = d.ref("image@" + m.Digest.String())
	note := properties{}
	for _, name := range names {
		note.add(PropertyName, name)
	}
	note.add(PropertyPlatform, m.Runs.String())
	if m.Config.Digest != m.Digest {
		note.add(PropertyConfig, m.Config.Digest.String())
	}
	for _, index := range m.Indexes {
		note.add(PropertyIndex, index.Digest.String())
	}
	for _, l := range m.Layers {
		note.add(PropertyLayer, layerName(l))
	}
	note.add(PropertyFiles, strconv.Itoa(d.total))
	note.add(PropertyStrangers, strconv.Itoa(d.strangers()))
	slices.Sort(d.unread)
	for _, text := range d.unread {
		note.add(PropertyUnread, text)
	}
	if d.unreadMore > 0 {
		note.add(PropertyUnread, fmt.Sprintf("and %d more", d.unreadMore))
	}
	c.Properties = note.list()
	return c, nil
}

// repositoryOf is the name of an image without tag and digest, "" if it is none.
func repositoryOf(name string) string {
	name, _, _ = strings.Cut(name, "@")
	if i := strings.LastIndexByte(name, ':'); i > strings.LastIndexByte(name, '/') {
		name = name[:i]
	}
	if !strings.ContainsAny(name, "/") && !isRepository(name) {
		return ""
	}
	for element := range strings.SplitSeq(name, "/") {
		if element == "" {
			return ""
		}
	}
	return name
}

// isRepository reports whether an annotation that is one word is a name, and not a
// tag alone, which archives have there, too.
func isRepository(name string) bool {
	return name != "" && name != "latest" && !strings.ContainsAny(name[:1], "0123456789.") && !strings.ContainsAny(name, " .")
}

// ociPURL is the package URL of an image (purl-spec, type oci).
func ociPURL(repository string, m ocilayout.Manifest) string {
	name := repository[strings.LastIndexByte(repository, '/')+1:]
	p := sbom.PURL{Type: "oci", Name: strings.ToLower(name), Version: m.Digest.String(), Qualifiers: map[string]string{"arch": m.Runs.Architecture}}
	if strings.Contains(repository, "/") {
		p.Qualifiers["repository_url"] = strings.ToLower(repository)
	}
	p, err := p.Canonical()
	if err != nil {
		return ""
	}
	return p.String()
}

// distribution adds what the image is made of.
func (d *document) distribution() {
	o := d.distro
	if o.id == "" {
		return
	}
	c := cdx.Component{Type: cdx.ComponentTypeOS, Name: clean(o.id), Version: clean(cmp.Or(o.version, o.codename)), Description: clean(o.pretty)}
	c.BOMRef = d.ref("os:" + c.Name + "@" + c.Version)
	if strings.HasPrefix(o.cpe, "cpe:/") && !strings.ContainsAny(o.cpe, " \t") {
		c.CPE = clean(o.cpe)
	}
	c.ExternalReferences = website(o.home)
	note := properties{}
	d.place(&note, o.place)
	c.Properties = note.list()
	d.os = c.BOMRef
	d.components = append(d.components, c)
	d.unknown = append(d.unknown, cdx.BOMReference(d.os))
}

// place notes where something is, and the layer that brought it.
func (d *document) place(note *properties, at place) {
	note.add(PropertyPath, clean(at.path))
	note.add(PropertyLayerIndex, strconv.Itoa(at.layer))
	note.add(PropertyLayer, layerName(d.image.Layers[at.layer]))
}

// layerName is the digest of a layer as it is stored, and if nobody gave it one
// that of its content.
func layerName(l ocilayout.Layer) string {
	if l.Digest.IsZero() {
		return l.DiffID.String()
	}
	return l.Digest.String()
}

// programs adds the Go programs, each with its modules inside of it.
func (d *document) programs() {
	slices.SortFunc(d.binaries, func(a, b *goProgram) int { return cmp.Compare(a.first(), b.first()) })
	for _, b := range d.binaries {
		slices.SortFunc(b.places, comparePlaces)
		prefix := "/" + b.places[0].path
		rename := map[string]string{}
		c := *b.bom.Metadata.Component
		rename[c.BOMRef] = d.ref(prefix)
		c.BOMRef = rename[c.BOMRef]
		note := properties{}
		if c.Properties != nil {
			note = *c.Properties
		}
		for _, at := range b.places {
			d.place(&note, at)
		}
		c.Properties = note.list()
		modules := slices.Clone(*b.bom.Components)
		for i := range modules {
			old := modules[i].BOMRef
			rename[old] = d.ref(prefix + "#" + old)
			modules[i].BOMRef = rename[old]
		}
		c.Components = &modules
		d.components = append(d.components, c)
		d.programRefs = append(d.programRefs, c.BOMRef)
		for _, dep := range *b.bom.Dependencies {
			to := make([]string, 0, len(*dep.Dependencies))
			for _, ref := range *dep.Dependencies {
				to = append(to, rename[ref])
			}
			d.dependencies = append(d.dependencies, cdx.Dependency{Ref: rename[dep.Ref], Dependencies: &to})
		}
		for _, composition := range *b.bom.Compositions {
			copied := cdx.Composition{Aggregate: composition.Aggregate}
			if refs := composition.Assemblies; refs != nil {
				copied.Assemblies = renamed(*refs, rename)
				d.compositions = append(d.compositions, copied)
				continue
			}
			refs := *renamed(*composition.Dependencies, rename)
			switch composition.Aggregate {
			case cdx.CompositionAggregateComplete:
				d.whole = append(d.whole, refs...)
			case cdx.CompositionAggregateIncomplete:
				d.part = append(d.part, refs...)
			default:
				d.unknown = append(d.unknown, refs...)
			}
		}
	}
}

func renamed(refs []cdx.BOMReference, names map[string]string) *[]cdx.BOMReference {
	out := make([]cdx.BOMReference, 0, len(refs))
	for _, ref := range refs {
		out = append(out, cdx.BOMReference(names[string(ref)]))
	}
	return &out
}

func (b *goProgram) first() string { return slices.MinFunc(b.places, comparePlaces).path }

func comparePlaces(a, b place) int { return cmp.Or(cmp.Compare(a.path, b.path), a.layer-b.layer) }

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

// properties are those of a component, in the order in which they are added.
type properties []cdx.Property

func (p *properties) add(name, value string) { *p = append(*p, cdx.Property{Name: name, Value: value}) }

func (p properties) list() *[]cdx.Property {
	if len(p) == 0 {
		return nil
	}
	list := []cdx.Property(p)
	return &list
}

// maxText is the longest text that is copied from an image.
const maxText = 4 << 10

// clean is text of strangers as a document may show it: no control characters, and
// not without end.
func clean(s string) string {
	if len(s) > maxText {
		s = strings.ToValidUTF8(s[:maxText], "")
	}
	if utf8.ValidString(s) && strings.IndexFunc(s, hidden) < 0 {
		return strings.TrimSpace(s)
	}
	s = strings.ToValidUTF8(s, "\ufffd")
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if hidden(r) {
			return '\ufffd'
		}
		return r
	}, s))
}

// hidden reports whether a character would not show, or change how others do.
func hidden(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) }
