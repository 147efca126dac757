package sbom

import (
	"crypto/sha256"
	"encoding/hex"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/touchmark-go/touchmark/internal/uuid"
	"github.com/touchmark-go/touchmark/provenance"
)

// SetSerial gives bom the serial number of what it is about: a UUIDv5 of the
// artifact's SHA-256, and without one of the document itself. Whoever changes a
// document that is bound to no artifact calls it again. The same artifact always
// has the same, so a later document about it that says more must have a higher
// version (CycloneDX 1.6, serialNumber).
func SetSerial(bom *cdx.BOM) error {
	bom.SerialNumber = ""
	name := ""
	for _, d := range artifactDigests(bom) {
		if d.Algorithm() == provenance.SHA256 {
			name = d.String()
		}
	}
	if name == "" {
		h := sha256.New()
		if err := encode(h, bom); err != nil {
			return err
		}
		name = provenance.SHA256 + ":" + hex.EncodeToString(h.Sum(nil))
	}
	bom.SerialNumber = "urn:uuid:" + uuid.FromURL(PredicateType+"#"+name)
	return nil
}
