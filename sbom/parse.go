package sbom

import (
	"errors"
	"fmt"
	"io"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/touchmark-go/touchmark/internal/strictjson"
)

// maxDocument is how much a BOM may have, in bytes (DESIGN, "Limits").
const maxDocument = 256 << 20

// Parse reads a CycloneDX JSON document, 1.2 to 1.7, of 256 MiB at most. It is
// strict: one JSON value without duplicate members, exact-case names, valid
// UTF-8 and nothing behind it. It refuses a document that does not say that it
// is CycloneDX (an SPDX document is not an empty BOM), a bom-ref that is used
// twice, a dependency on something that is not there, a serial number, time or
// hash that is none, and a component without a name or of an unknown type. Of the rest of
// the schema it checks what the model can hold, which knows 1.2 to 1.7 at once.
//
// Parse trusts nobody: whether the list is true is not for it to say.
func Parse(r io.Reader) (*cdx.BOM, error) {
	data, err := strictjson.ReadAll(r, maxDocument)
	if err != nil {
		return nil, fmt.Errorf("BOM: %w", err)
	}
	var bom cdx.BOM
	if err := strictjson.Unmarshal(data, &bom); err != nil {
		return nil, fmt.Errorf("BOM: %w", err)
	}
	if bom.BOMFormat != cdx.BOMFormat {
		return nil, formatError(data)
	}
	if bom.Version == 0 {
		bom.Version = 1 // the default, which the model does not know
	}
	if err := check(&bom); err != nil {
		return nil, err
	}
	return &bom, nil
}

// formatError says what a document is that is not CycloneDX.
func formatError(data []byte) error {
	var other struct {
		BOMFormat   string `json:"bomFormat"`
		SPDXVersion string `json:"spdxVersion"`
		Context     any    `json:"@context"`
	}
	err := strictjson.Unmarshal(data, &other)
	switch {
	case err == nil && (other.SPDXVersion != "" || other.Context != nil):
		return errors.New("BOM is an SPDX document, want CycloneDX")
	case other.BOMFormat == "":
		return fmt.Errorf("BOM has no bomFormat, want %q", cdx.BOMFormat)
	}
	return fmt.Errorf("bomFormat is %q, want %q", other.BOMFormat, cdx.BOMFormat)
}

// check reports what makes bom unusable, whoever made it.
func check(bom *cdx.BOM) error {
	switch {
	case bom == nil:
		return errors.New("BOM is missing")
	case bom.BOMFormat != cdx.BOMFormat:
		return fmt.Errorf("bomFormat is %q, want %q", bom.BOMFormat, cdx.BOMFormat)
	case bom.SpecVersion < cdx.SpecVersion1_2 || bom.SpecVersion > cdx.SpecVersion1_7:
		return fmt.Errorf("specVersion is %q, want 1.2 to 1.7", bom.SpecVersion)
	case bom.Version < 1:
		return fmt.Errorf("version is %d, want 1 or more", bom.Version)
	}
	if err := checkHead(bom); err != nil {
		return err
	}
	return checkRefs(bom)
}

// schemaOf is the $schema of documents of that version, from 1.4 on.
func schemaOf(v cdx.SpecVersion) string {
	return "http://cyclonedx.org/schema/bom-" + v.String() + ".schema.json"
}

// sameSchema compares two $schema. CycloneDX wants http exactly, and many
// documents say https, which names no other schema. Those of 1.2 and 1.3 may
// name any.
func sameSchema(got, want string) bool {
	return strings.Replace(got, "https:", "http:", 1) == want ||
		strings.HasSuffix(want, "bom-1.2.schema.json") || strings.HasSuffix(want, "bom-1.3.schema.json")
}
