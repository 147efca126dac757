package spdx

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/touchmark-go/touchmark/internal/spdxlicense"
)

// A fault is what is wrong with the value that a JSON pointer names.
type fault struct{ pointer, msg string }

func (f *fault) Error() string { return fmt.Sprintf("%s: %s", f.pointer, f.msg) }

func faultf(pointer, format string, args ...any) *fault {
	return &fault{pointer, fmt.Sprintf(format, args...)}
}

// An idSet is a set of SPDXIDs.
type idSet interface {
	has(id string) bool
	add(id string)
}

type idMap map[string]bool

func (m idMap) has(id string) bool { return m[id] }
func (m idMap) add(id string)      { m[id] = true }

// A checker holds a document against the specification.
type checker struct {
	doc       *Document
	elements  idSet           // the SPDXIDs
	documents map[string]bool // the DocumentRefs
	licenses  map[string]bool // the LicenseRefs
	err       *fault          // the first
}

func newChecker(doc *Document) *checker {
	return &checker{doc: doc, elements: idMap{DocumentID: true}, documents: map[string]bool{}, licenses: map[string]bool{}}
}

// check reports what the specification forbids, wherever doc came from.
func check(doc *Document) *fault {
	c := newChecker(doc)
	c.head()
	c.declare()
	for i := range doc.Packages {
		c.pkg(at("/packages", i), &doc.Packages[i])
	}
	for i := range doc.Files {
		c.file(at("/files", i), &doc.Files[i])
	}
	for i := range doc.Snippets {
		c.snippet(at("/snippets", i), &doc.Snippets[i])
	}
	for i := range doc.Relationships {
		c.relationship(at("/relationships", i), &doc.Relationships[i])
	}
	return c.err
}

func at(pointer string, i int) string { return pointer + "/" + strconv.Itoa(i) }

func (c *checker) fail(pointer, format string, args ...any) {
	if c.err == nil {
		c.err = faultf(pointer, format, args...)
	}
}

// want fails with what was wanted of a value, unless ok.
func (c *checker) want(ok bool, pointer, value, want string) {
	if !ok && c.err == nil {
		c.fail(pointer, "it is %q, want %s", clip(value), want)
	}
}

func (c *checker) head() {
	d := c.doc
	c.want(d.SPDXVersion == Version, "/spdxVersion", d.SPDXVersion, strconv.Quote(Version))
	c.want(d.DataLicense == "CC0-1.0", "/dataLicense", d.DataLicense, `"CC0-1.0"`)
	c.want(d.SPDXID == DocumentID, "/SPDXID", d.SPDXID, strconv.Quote(DocumentID))
	c.want(d.Name != "", "/name", d.Name, "a name")
	c.want(isNamespace(d.DocumentNamespace), "/documentNamespace", d.DocumentNamespace, "an absolute URI without '#'")
	info := &d.CreationInfo
	c.want(isTime(info.Created), "/creationInfo/created", info.Created, "a time in UTC, to the second")
	if len(info.Creators) == 0 {
		c.fail("/creationInfo/creators", "it is empty, want at least one creator")
	}
	for i, creator := range info.Creators {
		c.want(isAgent(creator, "Person", "Organization", "Tool"), at("/creationInfo/creators", i), creator, `"Person: ", "Organization: " or "Tool: " and a name`)
	}
	c.want(info.LicenseListVersion == "" || isListVersion(info.LicenseListVersion), "/creationInfo/licenseListVersion", info.LicenseListVersion, "two or three numbers with points between them")
	for i := range d.ExternalDocumentRefs {
		c.externalDocument(at("/externalDocumentRefs", i), &d.ExternalDocumentRefs[i])
	}
	for i := range d.HasExtractedLicensingInfos {
		c.extracted(at("/hasExtractedLicensingInfos", i), &d.HasExtractedLicensingInfos[i])
	}
	for i, r := range d.Revieweds {
		pointer := at("/revieweds", i)
		c.want(isTime(r.Date), pointer+"/reviewDate", r.Date, "a time in UTC, to the second")
		c.want(r.Reviewer == "" || isAgent(r.Reviewer, "Person", "Organization", "Tool"), pointer+"/reviewer", r.Reviewer, `"Person: ", "Organization: " or "Tool: " and a name`)
	}
	c.annotations("", d.Annotations)
}

func (c *checker) externalDocument(pointer string, r *ExternalDocumentRef) {
	id, ok := strings.CutPrefix(r.ExternalDocumentID, "DocumentRef-")
	c.want(ok && isDocumentRef(id), pointer+"/externalDocumentId", r.ExternalDocumentID, `"DocumentRef-" and letters, digits, ".", "-" or "+"`)
	if c.documents[r.ExternalDocumentID] {
		c.fail(pointer+"/externalDocumentId", "%q is used twice", clip(r.ExternalDocumentID))
	}
	c.documents[r.ExternalDocumentID] = true
	c.want(isNamespace(r.SPDXDocument), pointer+"/spdxDocument", r.SPDXDocument, "an absolute URI without '#'")
	c.checksums(pointer, []Checksum{r.Checksum}, func(int) string { return pointer + "/checksum" })
}

func (c *checker) extracted(pointer string, l *ExtractedLicense) {
	c.want(spdxlicense.IsRef(l.LicenseID) && !strings.Contains(l.LicenseID, ":"), pointer+"/licenseId", l.LicenseID, `"LicenseRef-" and letters, digits, "." or "-"`)
	if c.licenses[l.LicenseID] {
		c.fail(pointer+"/licenseId", "%q is used twice", clip(l.LicenseID))
	}
	c.licenses[l.LicenseID] = true
	c.want(l.ExtractedText != "", pointer+"/extractedText", "", "a text")
}

// declare notes every SPDXID, so that references can be held against them.
func (c *checker) declare() {
	for i := range c.doc.Packages {
		c.element(at("/packages", i), c.doc.Packages[i].SPDXID)
	}
	for i := range c.doc.Files {
		c.element(at("/files", i), c.doc.Files[i].SPDXID)
	}
	for i := range c.doc.Snippets {
		c.element(at("/snippets", i), c.doc.Snippets[i].SPDXID)
	}
	c.described()
}

// element notes an SPDXID.
func (c *checker) element(pointer, id string) {
	name, ok := strings.CutPrefix(id, "SPDXRef-")
	c.want(ok && spdxlicense.IsIDString(name), pointer+"/SPDXID", id, `"SPDXRef-" and letters, digits, "." or "-"`)
	if c.elements.has(id) {
		c.fail(pointer+"/SPDXID", "%q is used twice", clip(id))
		return
	}
	c.elements.add(id)
}

func (c *checker) described() {
	for i, id := range c.doc.DocumentDescribes {
		c.resolve(at("/documentDescribes", i), id)
	}
}

// resolve reports an id that names nothing, here or in a document that is declared.
func (c *checker) resolve(pointer, id string) {
	if c.elements.has(id) {
		return
	}
	document, element, ok := strings.Cut(id, ":")
	name, isElement := strings.CutPrefix(element, "SPDXRef-")
	if ok && c.documents[document] && isElement && spdxlicense.IsIDString(name) {
		return
	}
	c.fail(pointer, "%q names nothing in this document", clip(id))
}

func (c *checker) pkg(pointer string, p *Package) {
	if c.err != nil {
		return
	}
	c.want(p.Name != "", pointer+"/name", p.Name, "a name")
	c.want(isLocation(p.DownloadLocation), pointer+"/downloadLocation", p.DownloadLocation, "a URI, NONE or NOASSERTION")
	c.want(p.Homepage == "" || isLocation(p.Homepage), pointer+"/homepage", p.Homepage, "a URI, NONE or NOASSERTION")
	c.want(p.Supplier == "" || isParty(p.Supplier), pointer+"/supplier", p.Supplier, `"Person: " or "Organization: " and a name, or NOASSERTION`)
	c.want(p.Originator == "" || isParty(p.Originator), pointer+"/originator", p.Originator, `"Person: " or "Organization: " and a name, or NOASSERTION`)
	c.want(p.PrimaryPackagePurpose == "" || slices.Contains(purposes, p.PrimaryPackagePurpose), pointer+"/primaryPackagePurpose", p.PrimaryPackagePurpose, "a purpose of SPDX 2.3")
	for _, date := range []struct{ name, value string }{{"releaseDate", p.ReleaseDate}, {"builtDate", p.BuiltDate}, {"validUntilDate", p.ValidUntilDate}} {
		c.want(date.value == "" || isTime(date.value), pointer+"/"+date.name, date.value, "a time in UTC, to the second")
	}
	c.checksums(pointer, p.Checksums, nil)
	if code := p.PackageVerificationCode; code != nil {
		c.want(len(code.Value) == 40 && isHex(code.Value), pointer+"/packageVerificationCode/packageVerificationCodeValue", code.Value, "40 hexadecimal digits")
	}
	if p.FilesAnalyzed != nil && !*p.FilesAnalyzed {
		switch {
		case len(p.HasFiles) > 0:
			c.fail(pointer+"/hasFiles", "it is there, and filesAnalyzed is false")
		case p.PackageVerificationCode != nil:
			c.fail(pointer+"/packageVerificationCode", "it is there, and filesAnalyzed is false")
		case len(p.LicenseInfoFromFiles) > 0:
			c.fail(pointer+"/licenseInfoFromFiles", "it is there, and filesAnalyzed is false")
		}
	}
	c.license(pointer+"/licenseConcluded", p.LicenseConcluded)
	c.license(pointer+"/licenseDeclared", p.LicenseDeclared)
	for i, l := range p.LicenseInfoFromFiles {
		c.license(at(pointer+"/licenseInfoFromFiles", i), l)
	}
	for i, r := range p.ExternalRefs {
		c.externalRef(at(pointer+"/externalRefs", i), r)
	}
	for i, id := range p.HasFiles {
		c.resolve(at(pointer+"/hasFiles", i), id)
	}
	c.annotations(pointer, p.Annotations)
}

func (c *checker) externalRef(pointer string, r ExternalRef) {
	types, ok := refTypes(r.Category)
	c.want(ok, pointer+"/referenceCategory", r.Category, "a category of SPDX 2.3")
	if types != nil {
		c.want(slices.Contains(types, r.Type), pointer+"/referenceType", r.Type, "a type of the category "+r.Category)
	}
	c.want(r.Type != "" && !strings.ContainsAny(r.Type, " \t\r\n"), pointer+"/referenceType", r.Type, "a type without spaces")
	c.want(r.Locator != "" && !strings.ContainsAny(r.Locator, " \t\r\n"), pointer+"/referenceLocator", r.Locator, "a locator without spaces")
	if r.Type == "purl" {
		c.want(strings.HasPrefix(r.Locator, "pkg:"), pointer+"/referenceLocator", r.Locator, `a package URL, which begins with "pkg:"`)
	}
}

func (c *checker) file(pointer string, f *File) {
	if c.err != nil {
		return
	}
	c.want(f.FileName != "", pointer+"/fileName", f.FileName, "a name")
	if !slices.ContainsFunc(f.Checksums, func(s Checksum) bool { return s.Algorithm == "SHA1" }) {
		c.fail(pointer+"/checksums", "there is no SHA1, which every file must have")
	}
	c.checksums(pointer, f.Checksums, nil)
	for i, t := range f.FileTypes {
		c.want(slices.Contains(fileTypes, t), at(pointer+"/fileTypes", i), t, "a file type of SPDX 2.3")
	}
	c.license(pointer+"/licenseConcluded", f.LicenseConcluded)
	for i, l := range f.LicenseInfoInFiles {
		c.license(at(pointer+"/licenseInfoInFiles", i), l)
	}
	for i, id := range f.FileDependencies {
		c.resolve(at(pointer+"/fileDependencies", i), id)
	}
	c.annotations(pointer, f.Annotations)
}

func (c *checker) snippet(pointer string, s *Snippet) {
	if c.err != nil {
		return
	}
	c.resolve(pointer+"/snippetFromFile", s.SnippetFromFile)
	if len(s.Ranges) == 0 {
		c.fail(pointer+"/ranges", "it is empty, want at least one range")
	}
	for i, r := range s.Ranges {
		where := at(pointer+"/ranges", i)
		c.resolve(where+"/startPointer/reference", r.Start.Reference)
		c.resolve(where+"/endPointer/reference", r.End.Reference)
		bytes, lines := r.Start.Offset != nil && r.End.Offset != nil, r.Start.LineNumber != nil && r.End.LineNumber != nil
		switch {
		case !bytes && !lines:
			c.fail(where, "it has neither two offsets nor two line numbers")
		case bytes && (*r.Start.Offset < 0 || *r.End.Offset < *r.Start.Offset), lines && (*r.Start.LineNumber < 1 || *r.End.LineNumber < *r.Start.LineNumber):
			c.fail(where, "it ends before it begins")
		}
	}
	c.license(pointer+"/licenseConcluded", s.LicenseConcluded)
	for i, l := range s.LicenseInfoInSnippets {
		c.license(at(pointer+"/licenseInfoInSnippets", i), l)
	}
	c.annotations(pointer, s.Annotations)
}

func (c *checker) relationship(pointer string, r *Relationship) {
	if c.err != nil {
		return
	}
	c.want(slices.Contains(relationshipTypes, r.Type), pointer+"/relationshipType", r.Type, "a relationship of SPDX 2.3")
	c.resolve(pointer+"/spdxElementId", r.Element)
	if r.Related != None && r.Related != NoAssertion {
		c.resolve(pointer+"/relatedSpdxElement", r.Related)
	}
}

func (c *checker) annotations(pointer string, list []Annotation) {
	for i, a := range list {
		where := at(pointer+"/annotations", i)
		c.want(isTime(a.Date), where+"/annotationDate", a.Date, "a time in UTC, to the second")
		c.want(a.Type == "OTHER" || a.Type == "REVIEW", where+"/annotationType", a.Type, "OTHER or REVIEW")
		c.want(isAgent(a.Annotator, "Person", "Organization", "Tool"), where+"/annotator", a.Annotator, `"Person: ", "Organization: " or "Tool: " and a name`)
	}
}

// license reports what is no licence field: neither an expression whose
// references are defined here, nor NONE, NOASSERTION or nothing.
func (c *checker) license(pointer, text string) {
	if text == "" || text == None || text == NoAssertion {
		return
	}
	e, err := spdxlicense.Parse(text)
	if err != nil {
		c.fail(pointer, "%v", err)
		return
	}
	e.Walk(func(l *spdxlicense.Expression) {
		document, _, elsewhere := strings.Cut(l.ID, ":")
		if elsewhere && !c.documents[document] || !elsewhere && spdxlicense.IsRef(l.ID) && !c.licenses[l.ID] {
			c.fail(pointer, "%q is defined nowhere in this document", clip(l.ID))
		}
	})
}

func (c *checker) checksums(pointer string, list []Checksum, place func(int) string) {
	for i, s := range list {
		where := at(pointer+"/checksums", i)
		if place != nil {
			where = place(i)
		}
		n, ok := hashLengths(s.Algorithm)
		c.want(ok, where+"/algorithm", s.Algorithm, "an algorithm of SPDX 2.3")
		if ok && n > 0 && len(s.Value) != n {
			c.fail(where+"/checksumValue", "%s has %d characters, want %d", s.Algorithm, len(s.Value), n)
		}
		c.want(s.Value != "" && len(s.Value)%2 == 0 && isHex(s.Value), where+"/checksumValue", s.Value, "lower-case hexadecimal")
	}
}

func isHex(s string) bool { return strings.Trim(s, "0123456789abcdef") == "" }

// isTime reports whether s is "YYYY-MM-DDThh:mm:ssZ".
func isTime(s string) bool {
	t, err := time.Parse("2006-01-02T15:04:05Z", s)
	return err == nil && t.Format("2006-01-02T15:04:05Z") == s
}

// isAgent reports whether s is one of the kinds, ": " and a name.
func isAgent(s string, kinds ...string) bool {
	kind, name, ok := strings.Cut(s, ": ")
	return ok && slices.Contains(kinds, kind) && strings.TrimSpace(name) != ""
}

func isParty(s string) bool { return s == NoAssertion || isAgent(s, "Person", "Organization") }

func isDocumentRef(s string) bool {
	return spdxlicense.IsIDString(strings.ReplaceAll(s, "+", "-"))
}

func isListVersion(s string) bool {
	parts := strings.Split(s, ".")
	for _, p := range parts {
		if p == "" || strings.Trim(p, "0123456789") != "" {
			return false
		}
	}
	return len(parts) == 2 || len(parts) == 3
}

func isNamespace(s string) bool { return isURI(s) && !strings.Contains(s, "#") }

// isLocation reports whether s is a URI, perhaps with the tool of a version
// control system before it ("git+https://…"), or one of the words.
func isLocation(s string) bool { return s == None || s == NoAssertion || isURI(s) }

func isURI(s string) bool {
	if strings.ContainsAny(s, " \t\r\n\"<>\\^`{|}") {
		return false
	}
	if host, path, ok := strings.Cut(s, ":"); ok && strings.HasPrefix(host, "git@") {
		return path != "" // the way that git itself spells SSH
	}
	u, err := url.Parse(s)
	return err == nil && u.Scheme != "" && (u.Host != "" || u.Opaque != "" || u.Path != "")
}
