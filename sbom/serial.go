package sbom

import (
	"bytes"
	"crypto/sha1"
	"fmt"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/touchmark-go/touchmark/provenance"
)

// setSerial gives bom the serial number of what it is about: that of the
// artifact's digest, and without one that of the document itself. The same
// artifact always has the same, so a later document about it that says more
// must have a higher version (CycloneDX 1.6, serialNumber).
func setSerial(bom *cdx.BOM) error {
	bom.SerialNumber = ""
	name := ""
	for _, d := range artifactDigests(bom) {
		if d.Algorithm() == provenance.SHA256 {
			name = d.String()
		}
	}
	if name == "" {
		var b bytes.Buffer
		if err := encode(&b, bom); err != nil {
			return err
		}
		name = provenance.SumSHA256(b.Bytes()).String()
	}
	bom.SerialNumber = "urn:uuid:" + uuid5(PredicateType+"#"+name)
	return nil
}

// namespaceURL is RFC 9562's name space of URLs. It is never written to.
var namespaceURL = [16]byte{0x6b, 0xa7, 0xb8, 0x11, 0x9d, 0xad, 0x11, 0xd1, 0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8}

// uuid5 is the UUIDv5 (RFC 9562, 5.5) of a URL. SHA-1 is no weakness here: the
// number only tells documents apart, and nothing is believed because of it.
func uuid5(url string) string {
	sum := sha1.Sum(append(namespaceURL[:], url...))
	u := sum[:16]
	u[6] = u[6]&0x0f | 0x50
	u[8] = u[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:])
}
