package sbom

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/touchmark-go/touchmark/internal/cdxxml"
	"github.com/touchmark-go/touchmark/internal/strictjson"
	"github.com/touchmark-go/touchmark/internal/strictxml"
)

// WriteXML writes bom as XML of CycloneDX 1.6, or 1.7 if that is the BOM's own
// version, and returns what XML cannot say: the JSON signatures above all. Equal
// BOMs give equal bytes. What it writes is valid by the official schema: a BOM
// that cannot be written so is refused, and the error says what is wrong.
func WriteXML(w io.Writer, bom *cdx.BOM) ([]Loss, error) {
	if bom == nil {
		return nil, errors.New("BOM is missing")
	}
	version := "1.6"
	if bom.SpecVersion == cdx.SpecVersion1_7 {
		version = "1.7"
	}
	schema, err := cdxxml.Load(version)
	if err != nil {
		return nil, err
	}
	root, err := toTree(bom)
	if err != nil {
		return nil, fmt.Errorf("BOM: %w", err)
	}
	schema.Arrange(root)
	out := renderXML(root)
	// Writing is reading what was written: so it is valid, and what is not there
	// any more is lost.
	again, err := strictxml.Parse(out)
	if err != nil {
		return nil, fmt.Errorf("BOM: %w", err)
	}
	if err := schema.Validate(again); err != nil {
		return nil, fmt.Errorf("BOM cannot be written as XML: in it %w", err)
	}
	back, err := fromTree(again, version)
	if err != nil {
		return nil, fmt.Errorf("BOM: %w", err)
	}
	lost, err := missing(bom, back)
	if err != nil {
		return nil, fmt.Errorf("BOM: %w", err)
	}
	_, err = w.Write(out)
	return lost, err
}

// renderXML writes a tree, an element a line.
func renderXML(root *strictxml.Element) []byte {
	var b bytes.Buffer
	b.WriteString("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n")
	renderElement(&b, root, 0)
	return b.Bytes()
}

var (
	escapeText  = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "\r", "&#xD;")
	escapeValue = strings.NewReplacer("&", "&amp;", "<", "&lt;", "\"", "&quot;", "\r", "&#xD;", "\n", "&#xA;", "\t", "&#x9;")
)

func renderElement(b *bytes.Buffer, e *strictxml.Element, depth int) {
	indent := strings.Repeat("  ", depth)
	b.WriteString(indent + "<" + e.Name.Local)
	if depth == 0 {
		b.WriteString(` xmlns="` + e.Name.Space + `"`)
	}
	for _, a := range e.Attrs {
		b.WriteString(" " + a.Name.Local + `="` + escapeValue.Replace(a.Value) + `"`)
	}
	switch {
	case len(e.Children) > 0:
		b.WriteString(">" + escapeText.Replace(e.Text) + "\n")
		for _, child := range e.Children {
			renderElement(b, child, depth+1)
		}
		b.WriteString(indent + "</" + e.Name.Local + ">\n")
	case e.Text != "":
		b.WriteString(">" + escapeText.Replace(e.Text) + "</" + e.Name.Local + ">\n")
	default:
		b.WriteString("/>\n")
	}
}

// missing are the values of one BOM that another one does not have.
func missing(was, is *cdx.BOM) ([]Loss, error) {
	var lost []Loss
	a, err := plain(was)
	if err != nil {
		return nil, err
	}
	b, err := plain(is)
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"$schema", "specVersion"} { // which say what form it is
		delete(a, name)
	}
	compareJSON("", a, b, func(pointer string, value any) {
		lost = append(lost, Loss{Pointer: pointer, What: shorten(value), Why: "the XML form has no place for it, or cyclonedx.BOM does not write it there"})
	})
	return lost, nil
}

// plain is a BOM as its JSON says it.
func plain(bom *cdx.BOM) (map[string]any, error) {
	var b bytes.Buffer
	if err := encode(&b, bom); err != nil {
		return nil, err
	}
	var v map[string]any
	return v, json.Unmarshal(b.Bytes(), &v)
}

func shorten(value any) string {
	text, err := json.Marshal(value)
	if err != nil || len(text) > 200 {
		return fmt.Sprintf("%.200s…", text)
	}
	return string(text)
}

// compareJSON tells lose of every value of a that b does not have in its place.
func compareJSON(pointer string, a, b any, lose func(string, any)) {
	switch a := a.(type) {
	case map[string]any:
		if list, ok := b.([]any); ok && len(list) == 1 {
			b = list[0] // an old form of what is a list now
		}
		other, ok := b.(map[string]any)
		// The model's signatures show nothing of what they hold.
		if !ok && (len(a) > 0 || strings.HasSuffix(pointer, "/signature")) {
			lose(pointer, a)
			return
		}
		for _, name := range sortedKeys(a) {
			compareJSON(pointer+"/"+strictjson.EscapePointer(name), a[name], other[name], lose)
		}
	case []any:
		other, ok := b.([]any)
		if !ok && len(a) > 0 || len(other) < len(a) {
			lose(pointer, a)
			return
		}
		for i := range a {
			compareJSON(pointer+"/"+strconv.Itoa(i), a[i], other[i], lose)
		}
	default:
		if !reflect.DeepEqual(a, b) {
			lose(pointer, a)
		}
	}
}

func sortedKeys(m map[string]any) []string { return slices.Sorted(maps.Keys(m)) }
