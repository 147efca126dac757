package sbom

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/touchmark-go/touchmark/internal/cdxjson"
	"github.com/touchmark-go/touchmark/internal/strictjson"
)

// The limits of [Parse] and [Read]. [Scan] reads what is larger.
const (
	// MaxDocument is how many bytes a document may have.
	MaxDocument = cdxjson.MaxSize
	// MaxMembers is how many members and array elements its JSON may have in all.
	MaxMembers = cdxjson.MaxMembers
)

// Parse reads a CycloneDX document: JSON of 1.2 to 1.7, or XML of 1.0 to 1.7,
// which it tells apart by their first character. It is as strict as the
// official schema of the document's own version, for 1.2 and 1.3 the strict one:
// what that refuses, Parse refuses, with line, column and JSON pointer, with what
// was wanted and what was found. What that allows, Parse accepts, but for what
// has two meanings: a member that stands twice, a number that a float64 cannot
// stand for, bytes that are not UTF-8, half of a surrogate pair, and anything
// behind the document. A document over [MaxDocument], over [MaxMembers] or nested
// deeper than 64 is refused.
//
// The formats date-time, date, uri and iri-reference are asserted, as JSON
// Schema's draft 7 has them; that an e-mail address is one is not.
//
// Whether references lead anywhere is for [Check] to say. Parse trusts nobody:
// whether the list is true is not for it to say either.
//
// Few things that a valid document can say have no place in a [cdx.BOM]. Parse
// leaves them out; [Read] tells which.
func Parse(r io.Reader) (*cdx.BOM, error) {
	bom, _, err := Read(r)
	return bom, err
}

// Read is [Parse] and tells what the document says and the BOM cannot hold, so
// that it is lost when the BOM is written again. An optional string that is empty
// and an optional false are not told apart from what is not there.
func Read(r io.Reader) (*cdx.BOM, []Loss, error) {
	text, err := readText(r)
	if err != nil {
		return nil, nil, fmt.Errorf("BOM: %w", err)
	}
	if isXML(text) {
		bom, lost, err := readXML(text)
		if err != nil {
			return nil, nil, fmt.Errorf("BOM: %w", err)
		}
		return bom, lost, nil
	}
	return readJSON(text)
}

// ParsePredicate is [Parse] of the predicate of a statement, which is JSON
// whoever made it. A program that reads no other BOM links nothing that reads
// XML.
func ParsePredicate(predicate json.RawMessage) (*cdx.BOM, error) {
	if len(predicate) > MaxDocument {
		return nil, fmt.Errorf("BOM: more than %d bytes: %w", MaxDocument, strictjson.ErrLimit)
	}
	bom, _, err := readJSON(string(predicate))
	return bom, err
}

func readJSON(text string) (*cdx.BOM, []Loss, error) {
	bom, lost, err := cdxjson.Decode(text)
	if err != nil {
		if other := otherFormat(text); other != nil {
			return nil, nil, other
		}
		return nil, nil, fmt.Errorf("BOM: %w", err)
	}
	return bom, lossesOf(lost), nil
}

// lossesOf says of each loss what it is.
func lossesOf(lost []cdxjson.Lost) []Loss {
	var losses []Loss
	for _, l := range lost {
		what := "the value"
		if l.Name != "" {
			what = fmt.Sprintf("the member %.60q", l.Name)
		}
		losses = append(losses, Loss{Pointer: l.Pointer, What: what, Why: "cyclonedx.BOM has no place for it"})
	}
	return losses
}

// readText reads all of r, up to the limit, into one string.
func readText(r io.Reader) (string, error) {
	var b strings.Builder
	switch r := r.(type) {
	case *strings.Reader:
		if r.Len() <= MaxDocument { // it has the string already
			var text wholeText
			_, err := r.WriteTo(&text)
			return string(text), err
		}
	case interface{ Len() int }:
		b.Grow(min(r.Len(), MaxDocument))
	case interface{ Stat() (os.FileInfo, error) }:
		if info, err := r.Stat(); err == nil && info.Mode().IsRegular() {
			b.Grow(int(min(info.Size(), MaxDocument)))
		}
	}
	n, err := io.Copy(&b, io.LimitReader(r, MaxDocument+1))
	if err == nil && n > MaxDocument {
		err = fmt.Errorf("more than %d bytes: %w", MaxDocument, strictjson.ErrLimit)
	}
	return b.String(), err
}

// A wholeText keeps the one string that is written to it.
type wholeText string

func (t *wholeText) Write(p []byte) (int, error) { return t.WriteString(string(p)) }

func (t *wholeText) WriteString(s string) (int, error) {
	*t += wholeText(s)
	return len(s), nil
}

// otherFormat says what a document is that is not CycloneDX.
func otherFormat(text string) error {
	names := cdxjson.Names(text)
	if names == nil {
		return nil
	}
	if names["spdxVersion"] != "" || names["@context"] != "" {
		return errors.New("BOM is an SPDX document, want CycloneDX: package sbom/spdx reads SPDX 2.3")
	}
	switch format := names["bomFormat"]; format {
	case `"` + cdx.BOMFormat + `"`:
		return nil
	case "":
		return fmt.Errorf("BOM has no bomFormat, want %q", cdx.BOMFormat)
	default:
		return fmt.Errorf("bomFormat is %.80s, want %q", format, cdx.BOMFormat)
	}
}

// check reports what makes bom unusable for those who follow its references,
// whoever made it.
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
