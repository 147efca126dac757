package cel

import (
	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/touchmark-go/touchmark/internal/shape"
	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/predicate"
	"github.com/touchmark-go/touchmark/sbom"
	"github.com/touchmark-go/touchmark/sbom/spdx"
)

// The predicate types that are known, beside those that other packages name.
const (
	vulnsV01    = "https://in-toto.io/attestation/vulns/v0.1"
	scaiV03     = "https://in-toto.io/attestation/scai/v0.3"
	vsaV1       = "https://slsa.dev/verification_summary/v1"
	releaseV01  = "https://in-toto.io/attestation/release/v0.1"
	releaseV02  = "https://in-toto.io/attestation/release/v0.2"
	spdxV2      = "https://spdx.dev/Document"
	spdxV23     = "https://spdx.dev/Document/v2.3"
	openVEX     = "https://openvex.dev/ns"
	openVEXV020 = "https://openvex.dev/ns/v0.2.0"
)

// Types are the predicate types of which it is known what they may hold.
func Types() []string {
	return []string{predicate.VulnsType, vulnsV01, scaiV03, vsaV1, predicate.TestResultType, releaseV02, releaseV01, provenance.SLSAProvenanceV1,
		sbom.PredicateType, spdxV2, spdxV23, openVEX, openVEXV020}
}

// known is the shape of a predicate of a known type; nil if it is not known.
func known(predicateType string) *shape.Shape {
	switch predicateType {
	case predicate.VulnsType:
		return shape.Of(predicate.Vulns{})
	case predicate.TestResultType:
		return shape.Of(predicate.TestResult{})
	case provenance.SLSAProvenanceV1:
		return shape.Of(provenance.Build{})
	case sbom.PredicateType:
		return shape.Of(cdx.BOM{})
	case spdxV2, spdxV23:
		return shape.Of(spdx.Document{})
	case vulnsV01: // its text and its example say two things: either is read
		return must(`{
			"invocation": {"parameters": ["any"], "uri": "string", "event_id": "string", "builder.id": "string"},
			"scanner": {"uri": "string", "version": "string", "db": {"uri": "string", "version": "string", "lastUpdate": "time"},
				"result": [{"id": "string", "severity": [{"method": "string", "score": "string"}], "annotations": ["any"],
					"vulnerability": {"id": "string", "severity": [{"method": "string", "score": "string"}], "annotations": ["any"]}}]},
			"metadata": {"scanStartedOn": "time", "scanFinishedOn": "time"}}`)
	case scaiV03:
		return must(`{"attributes": [{"attribute": "string", "target": ` + descriptor + `, "conditions": {"*": "any"}, "evidence": ` + descriptor + `}], "producer": ` + descriptor + `}`)
	case vsaV1: // SLSA v1.2
		return must(`{
			"verifier": {"id": "string", "version": {"*": "string"}}, "timeVerified": "time", "resourceUri": "string", "policy": ` + descriptor + `,
			"inputAttestations": [` + descriptor + `], "verificationResult": "string", "verifiedLevels": ["string"], "dependencyLevels": {"*": "int"}, "slsaVersion": "string"}`)
	case releaseV01:
		return must(`{"purl": "string", "releaseId": "string"}`)
	case releaseV02:
		return must(`{"purl": "string", "packageId": "string"}`)
	case openVEX, openVEXV020:
		return must(`{
			"@context": "string", "@id": "string", "author": "string", "role": "string", "timestamp": "time", "last_updated": "time", "version": "int", "tooling": "string",
			"statements": [{
				"@id": "string", "version": "int", "timestamp": "time", "last_updated": "time", "supplier": "string",
				"vulnerability": {"@id": "string", "name": "string", "description": "string", "aliases": ["string"]},
				"products": [{"@id": "string", "identifiers": {"*": "string"}, "hashes": {"*": "string"},
					"subcomponents": [{"@id": "string", "identifiers": {"*": "string"}, "hashes": {"*": "string"}}]}],
				"status": "string", "status_notes": "string", "justification": "string", "impact_statement": "string", "action_statement": "string", "action_statement_timestamp": "time"}]}`)
	}
	return nil
}

// descriptor is in-toto's ResourceDescriptor.
const descriptor = `{"name": "string", "uri": "string", "digest": {"*": "string"}, "content": "string", "downloadLocation": "string", "mediaType": "string", "annotations": {"*": "any"}}`

// must reads one of the shapes above.
func must(text string) *shape.Shape {
	s, err := shape.Parse([]byte(text))
	if err != nil {
		panic(err) // a mistake in this file, which a test finds
	}
	return s
}
