// Package spdx reads and writes SPDX 2.3 JSON, converts between it and
// CycloneDX, and writes SPDX 3.0.1.
//
// [Parse] and [Write] are the way in and out; both refuse what the
// specification forbids. [FromCycloneDX] and [ToCycloneDX] convert, and name
// each thing that the other language cannot say:
//
//	doc, lost, err := spdx.FromCycloneDX(bom)
//	err = spdx.Write(out, doc)
//
// What both languages can say survives there and back: names, versions, package
// URLs, CPEs, hashes, licences declared and concluded, suppliers, copyright,
// references, properties, what contains and what depends on what, and who wrote
// the document and when.
//
// A [Document] is the file as it stands, in the specification's words, and no
// more: nothing is filled in while reading. NOASSERTION means that nobody says,
// NONE that there is nothing; neither is ever a licence in CycloneDX.
//
// [Write3] writes a BOM as SPDX 3.0.1 JSON-LD for those who ask for it. Other
// versions than 2.3 are not read, nor are tag-value, YAML, RDF and XML files.
package spdx

// Version is the SPDX version that is read and written. That of [Write3] is [Version3].
const Version = "SPDX-2.3"

// The words that stand in place of a value.
const (
	// NoAssertion says that nobody states the value, for whatever reason.
	NoAssertion = "NOASSERTION"
	// None says that there is no value.
	None = "NONE"
	// DocumentID is the SPDXID of every document.
	DocumentID = "SPDXRef-DOCUMENT"
)

// A Document is an SPDX 2.3 document, as its JSON has it (SPDX 2.3, clause 6
// and the JSON schema). The zero Document is not valid.
type Document struct {
	SPDXVersion                string                `json:"spdxVersion"`
	DataLicense                string                `json:"dataLicense"`
	SPDXID                     string                `json:"SPDXID"`
	Name                       string                `json:"name"`
	DocumentNamespace          string                `json:"documentNamespace"`
	CreationInfo               CreationInfo          `json:"creationInfo"`
	Comment                    string                `json:"comment,omitempty"`
	ExternalDocumentRefs       []ExternalDocumentRef `json:"externalDocumentRefs,omitempty"`
	DocumentDescribes          []string              `json:"documentDescribes,omitempty"`
	HasExtractedLicensingInfos []ExtractedLicense    `json:"hasExtractedLicensingInfos,omitempty"`
	Annotations                []Annotation          `json:"annotations,omitempty"`
	Revieweds                  []Review              `json:"revieweds,omitempty"`
	Packages                   []Package             `json:"packages,omitempty"`
	Files                      []File                `json:"files,omitempty"`
	Snippets                   []Snippet             `json:"snippets,omitempty"`
	Relationships              []Relationship        `json:"relationships,omitempty"`
}

// CreationInfo says who made a document, and when (clause 6.8 to 6.10).
type CreationInfo struct {
	// Created is in UTC, to the second: "2026-11-21T05:34:23Z".
	Created string `json:"created"`
	// Creators begin with "Person: ", "Organization: " or "Tool: ". There is one at least.
	Creators           []string `json:"creators"`
	Comment            string   `json:"comment,omitempty"`
	LicenseListVersion string   `json:"licenseListVersion,omitempty"`
}

// An ExternalDocumentRef names another SPDX document (clause 6.6).
type ExternalDocumentRef struct {
	ExternalDocumentID string   `json:"externalDocumentId"`
	SPDXDocument       string   `json:"spdxDocument"`
	Checksum           Checksum `json:"checksum"`
}

// A Package is a unit of software (clause 7). In licence fields, "" is the same
// as NOASSERTION.
type Package struct {
	SPDXID                  string            `json:"SPDXID"`
	Name                    string            `json:"name"`
	VersionInfo             string            `json:"versionInfo,omitempty"`
	PackageFileName         string            `json:"packageFileName,omitempty"`
	Supplier                string            `json:"supplier,omitempty"`
	Originator              string            `json:"originator,omitempty"`
	DownloadLocation        string            `json:"downloadLocation"`
	FilesAnalyzed           *bool             `json:"filesAnalyzed,omitempty"`
	PackageVerificationCode *VerificationCode `json:"packageVerificationCode,omitempty"`
	Checksums               []Checksum        `json:"checksums,omitempty"`
	Homepage                string            `json:"homepage,omitempty"`
	SourceInfo              string            `json:"sourceInfo,omitempty"`
	LicenseConcluded        string            `json:"licenseConcluded,omitempty"`
	LicenseInfoFromFiles    []string          `json:"licenseInfoFromFiles,omitempty"`
	LicenseDeclared         string            `json:"licenseDeclared,omitempty"`
	LicenseComments         string            `json:"licenseComments,omitempty"`
	CopyrightText           string            `json:"copyrightText,omitempty"`
	Summary                 string            `json:"summary,omitempty"`
	Description             string            `json:"description,omitempty"`
	Comment                 string            `json:"comment,omitempty"`
	ExternalRefs            []ExternalRef     `json:"externalRefs,omitempty"`
	AttributionTexts        []string          `json:"attributionTexts,omitempty"`
	PrimaryPackagePurpose   string            `json:"primaryPackagePurpose,omitempty"`
	ReleaseDate             string            `json:"releaseDate,omitempty"`
	BuiltDate               string            `json:"builtDate,omitempty"`
	ValidUntilDate          string            `json:"validUntilDate,omitempty"`
	HasFiles                []string          `json:"hasFiles,omitempty"`
	Annotations             []Annotation      `json:"annotations,omitempty"`
}

// A VerificationCode is a sum over the files of a package (clause 7.9).
type VerificationCode struct {
	Value         string   `json:"packageVerificationCodeValue"`
	ExcludedFiles []string `json:"packageVerificationCodeExcludedFiles,omitempty"`
}

// A Checksum is a digest in lower-case hexadecimal; Algorithm is in SPDX's
// spelling, "SHA256".
type Checksum struct {
	Algorithm string `json:"algorithm"`
	Value     string `json:"checksumValue"`
}

// An ExternalRef names a package in somebody else's terms: its package URL, a
// CPE (clause 7.21).
type ExternalRef struct {
	Category string `json:"referenceCategory"`
	Type     string `json:"referenceType"`
	Locator  string `json:"referenceLocator"`
	Comment  string `json:"comment,omitempty"`
}

// A File is one file (clause 8).
type File struct {
	SPDXID             string           `json:"SPDXID"`
	FileName           string           `json:"fileName"`
	FileTypes          []string         `json:"fileTypes,omitempty"`
	Checksums          []Checksum       `json:"checksums"`
	LicenseConcluded   string           `json:"licenseConcluded,omitempty"`
	LicenseInfoInFiles []string         `json:"licenseInfoInFiles,omitempty"`
	LicenseComments    string           `json:"licenseComments,omitempty"`
	CopyrightText      string           `json:"copyrightText,omitempty"`
	Comment            string           `json:"comment,omitempty"`
	NoticeText         string           `json:"noticeText,omitempty"`
	FileContributors   []string         `json:"fileContributors,omitempty"`
	FileDependencies   []string         `json:"fileDependencies,omitempty"`
	AttributionTexts   []string         `json:"attributionTexts,omitempty"`
	ArtifactOfs        []map[string]any `json:"artifactOfs,omitempty"`
	Annotations        []Annotation     `json:"annotations,omitempty"`
}

// A Snippet is a part of a file (clause 9).
type Snippet struct {
	SPDXID                string       `json:"SPDXID"`
	Name                  string       `json:"name,omitempty"`
	SnippetFromFile       string       `json:"snippetFromFile"`
	Ranges                []Range      `json:"ranges"`
	LicenseConcluded      string       `json:"licenseConcluded,omitempty"`
	LicenseInfoInSnippets []string     `json:"licenseInfoInSnippets,omitempty"`
	LicenseComments       string       `json:"licenseComments,omitempty"`
	CopyrightText         string       `json:"copyrightText,omitempty"`
	Comment               string       `json:"comment,omitempty"`
	AttributionTexts      []string     `json:"attributionTexts,omitempty"`
	Annotations           []Annotation `json:"annotations,omitempty"`
}

// A Range is where a snippet stands: from a byte to a byte, or from a line to a
// line, both included.
type Range struct {
	Start Pointer `json:"startPointer"`
	End   Pointer `json:"endPointer"`
}

// A Pointer is one end of a [Range].
type Pointer struct {
	Reference  string `json:"reference"`
	Offset     *int64 `json:"offset,omitempty"`
	LineNumber *int64 `json:"lineNumber,omitempty"`
}

// An ExtractedLicense is a licence that is not on the SPDX License List (clause 10).
type ExtractedLicense struct {
	LicenseID     string     `json:"licenseId"`
	ExtractedText string     `json:"extractedText"`
	Name          string     `json:"name,omitempty"`
	SeeAlsos      []string   `json:"seeAlsos,omitempty"`
	Comment       string     `json:"comment,omitempty"`
	CrossRefs     []CrossRef `json:"crossRefs,omitempty"`
}

// A CrossRef is what is known about an address of a licence.
type CrossRef struct {
	URL           string `json:"url"`
	IsValid       *bool  `json:"isValid,omitempty"`
	IsLive        *bool  `json:"isLive,omitempty"`
	IsWayBackLink *bool  `json:"isWayBackLink,omitempty"`
	Match         string `json:"match,omitempty"`
	Order         *int64 `json:"order,omitempty"`
	Timestamp     string `json:"timestamp,omitempty"`
}

// A Relationship says what one element is to another (clause 11).
type Relationship struct {
	Element string `json:"spdxElementId"`
	Type    string `json:"relationshipType"`
	Related string `json:"relatedSpdxElement"`
	Comment string `json:"comment,omitempty"`
}

// An Annotation is a remark about an element (clause 12).
type Annotation struct {
	Date      string `json:"annotationDate"`
	Type      string `json:"annotationType"`
	Annotator string `json:"annotator"`
	Comment   string `json:"comment"`
}

// A Review says that somebody read the document (clause 13, deprecated).
type Review struct {
	Date     string `json:"reviewDate"`
	Reviewer string `json:"reviewer,omitempty"`
	Comment  string `json:"comment,omitempty"`
}
