package sbom

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/touchmark-go/touchmark/internal/cdxjson"
)

// WriteOptions tune the writing of a BOM. The zero WriteOptions are what [Write] uses.
type WriteOptions struct {
	// Version is the version of CycloneDX to write, 1.6 or 1.7. If zero, it is the
	// BOM's own SpecVersion, from 1.2 on, and 1.6 for a BOM that has none.
	Version cdx.SpecVersion
}

// Write writes the JSON of bom on one line, with a newline behind it. Equal
// BOMs give equal bytes. What it writes is valid by the official schema of its
// version: what [Parse] would refuse is not written, and the error says where it
// stands and what was wanted.
func Write(w io.Writer, bom *cdx.BOM) error { return WriteOptions{}.Write(w, bom) }

// Write is [Write] with these options. A BOM that says what the version cannot
// say is refused: nothing is left out.
func (o WriteOptions) Write(w io.Writer, bom *cdx.BOM) error {
	if bom == nil {
		return errors.New("BOM is missing")
	}
	switch {
	case o.Version != 0 && o.Version != cdx.SpecVersion1_6 && o.Version != cdx.SpecVersion1_7:
		return fmt.Errorf("version to write is %q, want 1.6 or 1.7", o.Version)
	case o.Version == 0 && bom.SpecVersion == 0:
		o.Version = cdx.SpecVersion1_6
	}
	if o.Version != 0 && o.Version != bom.SpecVersion {
		other := *bom
		other.SpecVersion = o.Version
		if other.JSONSchema != "" {
			other.JSONSchema = schemaOf(o.Version)
		}
		bom = &other
	}
	if err := cdxjson.Write(w, bom); err != nil {
		return fmt.Errorf("BOM: %w", err)
	}
	return nil
}

// encode is cyclonedx-go's Encode without its escapes for HTML: what a BOM is
// known by, whether it is valid or not.
func encode(w io.Writer, bom *cdx.BOM) error {
	if bom == nil {
		return errors.New("BOM is missing")
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(bom)
}
