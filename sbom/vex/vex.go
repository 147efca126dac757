// Package vex reads what somebody says of the vulnerabilities in a product, and
// applies it to the BOM of that product.
//
// [Parse] reads OpenVEX; [FromCycloneDX] takes the analyses out of a CycloneDX
// document. [Apply] holds statements against the components of a BOM: the newest
// one about a vulnerability in a component is what counts.
//
//	doc, err := vex.Parse(file)
//	result := vex.Apply(bom, doc)
//	a, ok := result.Status("CVE-2026-0001", "pkg:golang/example.com/lib@v1.2.3")
//
// A statement hides an alarm, so none reaches further than it says: see [Apply]
// for what it matches. It is a claim like any other. Nothing is signed or checked
// here, and who may make such claims is for the caller to decide.
package vex

import "time"

// A Status says what a vulnerability is to a product (OpenVEX v0.2.0, "Status Labels").
type Status string

// The statuses of OpenVEX.
const (
	NotAffected        Status = "not_affected"
	Affected           Status = "affected"
	Fixed              Status = "fixed"
	UnderInvestigation Status = "under_investigation"
)

// A Justification says why a product is not affected (OpenVEX v0.2.0, "Status
// Justifications").
type Justification string

// The justifications of OpenVEX.
const (
	ComponentNotPresent         Justification = "component_not_present"
	VulnerableCodeNotPresent    Justification = "vulnerable_code_not_present"
	VulnerableCodeNotExecuted   Justification = "vulnerable_code_not_in_execute_path"
	VulnerableCodeNotControlled Justification = "vulnerable_code_cannot_be_controlled_by_adversary"
	InlineMitigationsExist      Justification = "inline_mitigations_already_exist"
)

// A Document is a list of statements by one author. The zero Document says nothing.
type Document struct {
	// ID is the IRI of the document, and Author who stands behind it.
	ID, Author, Role string
	// Timestamp and LastUpdated are zero where the document has none.
	Timestamp, LastUpdated time.Time
	// Version counts the changes of the document. It is 0 where there is none.
	Version    int
	Tooling    string
	Statements []Statement
}

// A Statement says what the status of a vulnerability is in some products.
type Statement struct {
	ID            string
	Version       int
	Vulnerability Vulnerability
	// Timestamp is the statement's own, or that of its document. It is never zero
	// in a document that [Parse] returned.
	Timestamp, LastUpdated time.Time
	Products               []Product
	Status                 Status
	Supplier, StatusNotes  string
	// Justification or ImpactStatement is there when Status is NotAffected.
	Justification   Justification
	ImpactStatement string
	// ActionStatement is there when Status is Affected.
	ActionStatement string
	// ActionStatementTimestamp is zero where there is none.
	ActionStatementTimestamp time.Time
}

// A Vulnerability is known by its name, and by its aliases.
type Vulnerability struct {
	ID, Name, Description string
	Aliases               []string
}

// A Product is a piece of software that a statement is about, or, where it has
// subcomponents, about these within it.
type Product struct {
	Component
	Subcomponents []Component
}

// A Component names a piece of software in one or more ways.
type Component struct {
	// ID is an IRI: a package URL, a link into a CycloneDX document
	// ("urn:cdx:…"), or anything else, which then matches nothing.
	ID string
	// PURL, CPE22 and CPE23 are identifiers, "" where there are none.
	PURL, CPE22, CPE23 string
	// Hashes are digests in lower-case hexadecimal, by their name in OpenVEX: "sha-256".
	Hashes map[string]string
}
