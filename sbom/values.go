package sbom

import (
	"fmt"
	"strings"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

// checkHead reports a serial number, a time or a $schema that CycloneDX does
// not allow (1.6, serialNumber and metadata.timestamp).
func checkHead(bom *cdx.BOM) error {
	if s := bom.SerialNumber; s != "" && !isSerial(s) {
		return fmt.Errorf("serialNumber is %q, want urn:uuid: and a lower-case UUID", s)
	}
	if m := bom.Metadata; m != nil && m.Timestamp != "" {
		if _, err := time.Parse(time.RFC3339, m.Timestamp); err != nil {
			return fmt.Errorf("metadata.timestamp is %q, want RFC 3339", m.Timestamp)
		}
	}
	if want := schemaOf(bom.SpecVersion); bom.JSONSchema != "" && !sameSchema(bom.JSONSchema, want) {
		return fmt.Errorf("$schema is %q and specVersion %s, want %q", bom.JSONSchema, bom.SpecVersion, want)
	}
	return nil
}

// isSerial reports whether s is "urn:uuid:8-4-4-4-12" in lower case.
func isSerial(s string) bool {
	s, ok := strings.CutPrefix(s, "urn:uuid:")
	if !ok || len(s) != 36 {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; i {
		case 8, 13, 18, 23:
			if c != '-' {
				return false
			}
		default:
			if !isHex(c) || 'A' <= c && c <= 'F' {
				return false
			}
		}
	}
	return true
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

// checkComponent reports a component that nobody can tell from another: one
// without a name, of a type that CycloneDX does not know, or with a hash that is none.
func checkComponent(c *cdx.Component) error {
	if c.Name == "" {
		return fmt.Errorf("component %q has no name", c.BOMRef)
	}
	switch c.Type {
	case cdx.ComponentTypeApplication, cdx.ComponentTypeContainer, cdx.ComponentTypeCryptographicAsset, cdx.ComponentTypeData,
		cdx.ComponentTypeDevice, cdx.ComponentTypeDeviceDriver, cdx.ComponentTypeFile, cdx.ComponentTypeFirmware,
		cdx.ComponentTypeFramework, cdx.ComponentTypeLibrary, cdx.ComponentTypeMachineLearningModel, cdx.ComponentTypeOS, cdx.ComponentTypePlatform:
	default:
		return fmt.Errorf("component %q has the type %q, want one of CycloneDX's", c.Name, c.Type)
	}
	if c.Hashes != nil {
		for _, h := range *c.Hashes {
			if err := checkHash(h); err != nil {
				return fmt.Errorf("component %q: %w", c.Name, err)
			}
		}
	}
	return nil
}

// checkHash reports a hash of an algorithm that CycloneDX does not know, and
// one that does not have the length of its algorithm: the schema is content
// with any length that some algorithm has.
func checkHash(h cdx.Hash) error {
	var want int
	switch h.Algorithm {
	case cdx.HashAlgoMD5:
		want = 32
	case cdx.HashAlgoSHA1:
		want = 40
	case cdx.HashAlgoSHA256, cdx.HashAlgoSHA3_256, cdx.HashAlgoBlake2b_256, cdx.HashAlgoStreebog256:
		want = 64
	case cdx.HashAlgoSHA384, cdx.HashAlgoSHA3_384, cdx.HashAlgoBlake2b_384:
		want = 96
	case cdx.HashAlgoSHA512, cdx.HashAlgoSHA3_512, cdx.HashAlgoBlake2b_512, cdx.HashAlgoStreebog512:
		want = 128
	case cdx.HashAlgoBlake3: // has any length
		want = len(h.Value)
		if want != 32 && want != 40 && want != 64 && want != 96 && want != 128 {
			want = 64
		}
	default:
		return fmt.Errorf("hash algorithm is %q, want one of CycloneDX's", h.Algorithm)
	}
	if len(h.Value) != want {
		return fmt.Errorf("%s has %d characters, want %d", h.Algorithm, len(h.Value), want)
	}
	for i := range len(h.Value) {
		if !isHex(h.Value[i]) {
			return fmt.Errorf("%s is %q, want hexadecimal", h.Algorithm, h.Value)
		}
	}
	return nil
}
