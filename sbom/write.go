package sbom

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

// Write writes the JSON of bom on one line, with a newline behind it. Equal
// BOMs give equal bytes, and what [Parse] would refuse is not written.
func Write(w io.Writer, bom *cdx.BOM) error {
	if err := check(bom); err != nil {
		return err
	}
	var b bytes.Buffer
	if bom.Components != nil {
		b.Grow(512 * (2 + len(*bom.Components)))
	}
	if err := encode(&b, bom); err != nil {
		return err
	}
	_, err := w.Write(b.Bytes())
	return err
}

// encode is cyclonedx-go's Encode without its escapes for HTML. EncodeVersion
// would drop what is false, 0 or empty: "dependsOn": [] is how a leaf differs
// from the unknown.
func encode(w io.Writer, bom *cdx.BOM) error {
	if bom == nil {
		return errors.New("BOM is missing")
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(bom)
}
