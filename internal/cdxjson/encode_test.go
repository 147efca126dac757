//lint:file-ignore SA1019 what is deprecated is still read and written

package cdxjson

import (
	"bytes"
	"encoding/json"
	"io"
	"math"
	"reflect"
	"strings"
	"testing"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/touchmark-go/touchmark/internal/testkit"
)

// Encode is what Write writes, without the newline.
func Encode(bom *cdx.BOM) ([][]byte, error) {
	var b bytes.Buffer
	err := Write(&b, bom)
	return [][]byte{bytes.TrimSuffix(b.Bytes(), []byte("\n"))}, err
}

func encode(t testing.TB, bom *cdx.BOM) string {
	t.Helper()
	pieces, err := Encode(bom)
	if err != nil {
		t.Fatal(err)
	}
	return string(bytes.Join(pieces, nil))
}

// What is read is written, in its own version and in those to which it is
// brought: valid by the official schema, the same twice, and the same when read again.
func TestRoundTrip(t *testing.T) {
	for _, doc := range documents(t) {
		if !doc.valid {
			continue
		}
		bom, lost, err := Decode(doc.text)
		if err != nil {
			t.Errorf("%s: %v", doc.id, err)
			continue
		}
		if len(lost) > 0 {
			t.Logf("%s loses %v", doc.id, lost)
		}
		own := bom.SpecVersion
		for _, v := range []cdx.SpecVersion{own, cdx.SpecVersion1_6, cdx.SpecVersion1_7} {
			if v < own {
				continue
			}
			bom.SpecVersion = v
			if v != own {
				bom.JSONSchema = ""
				if bom.Version == 0 {
					bom.Version = 1
				}
			}
			pieces, err := Encode(bom)
			if err != nil {
				if v == own {
					t.Errorf("%s in %v: %v", doc.id, v, err)
				}
				continue
			}
			text := string(bytes.Join(pieces, nil))
			if err := judge(t, text); err != nil {
				t.Errorf("%s in %v: what was written is refused: %.500v", doc.id, v, err)
			}
			again, _, err := Decode(text)
			if err != nil {
				t.Errorf("%s in %v: %v", doc.id, v, err)
			} else if encode(t, again) != text || encode(t, bom) != text {
				t.Errorf("%s in %v does not survive a round trip", doc.id, v)
			}
		}
	}
}

// A document without loss says the same when it is written again, but for
// optional members that are empty, false or 0.
func TestNothingLost(t *testing.T) {
	for _, doc := range documents(t) {
		if !doc.valid {
			continue
		}
		bom, lost, err := Decode(doc.text)
		if err != nil || len(lost) > 0 {
			continue
		}
		var before, after any
		if err := json.Unmarshal([]byte(doc.text), &before); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(encode(t, bom)), &after); err != nil {
			t.Fatal(err)
		}
		if a, b := full(before), full(after); !reflect.DeepEqual(a, b) {
			x, _ := json.Marshal(a)
			y, _ := json.Marshal(b)
			t.Errorf("%s: read\n%s\nand wrote\n%s", doc.id, x, y)
		}
	}
}

// full is v without members that say nothing.
func full(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name, value := range v {
			if value = full(value); value == "" || value == false || value == 0.0 {
				delete(v, name)
			} else {
				v[name] = value
			}
		}
	case []any:
		for i := range v {
			v[i] = full(v[i])
		}
	case float64:
		return math.Round(v*1e5) / 1e5
	}
	return v
}

// Where cyclonedx-go's own reader holds what a document says, ours says the same.
func TestAgainstTheModel(t *testing.T) {
	same := 0
	for _, doc := range documents(t) {
		if !doc.valid {
			continue
		}
		var want cdx.BOM
		if err := cdx.NewBOMDecoder(strings.NewReader(doc.text), cdx.BOMFileFormatJSON).Decode(&want); err != nil {
			t.Logf("%s: cyclonedx-go says %v", doc.id, err)
			continue
		}
		got, _, err := Decode(doc.text)
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case reflect.DeepEqual(got, &want):
			same++
		case strings.Contains(doc.text, `"signature"`) || strings.Contains(doc.text, `"asserter"`) || strings.Contains(doc.text, `"patentAssignee"`):
			// Its model has another shape for these than its reader reads.
		default:
			a, _ := json.Marshal(got)
			b, _ := json.Marshal(want)
			t.Errorf("%s: read\n%s\nand cyclonedx-go\n%s", doc.id, a, b)
		}
	}
	if same < 150 {
		t.Errorf("%d documents are read alike, want nearly all", same)
	}
}

// A document of several pieces is the same as one of one, and a writer that fails
// is no success.
func TestPieces(t *testing.T) {
	document := strings.TrimSpace(testkit.LargeBOM(t, 4000))
	bom, _, err := Decode(document)
	if err != nil {
		t.Fatal(err)
	}
	text := encode(t, bom)
	if len(text) < 2*pieceSize {
		t.Fatalf("%d bytes, want some pieces", len(text))
	}
	again, _, err := Decode(text)
	if err != nil || !reflect.DeepEqual(bom, again) {
		t.Errorf("the pieces are not the document: %v", err)
	}
	for n := range 3 {
		if err := Write(&failing{n}, bom); err != io.ErrShortWrite {
			t.Errorf("a writer that fails after %d writes: %v", n, err)
		}
	}
	(*bom.Components)[3999].Type = ""
	var nothing bytes.Buffer
	if err := Write(&nothing, bom); err == nil || !strings.HasPrefix(err.Error(), "/components/3999/type: ") || nothing.Len() > 0 {
		t.Errorf("the last component has no type: %v, and %d bytes are written", err, nothing.Len())
	}
}

// failing is a writer that fails after n writes.
type failing struct{ n int }

func (f *failing) Write(p []byte) (int, error) {
	if f.n--; f.n < 0 {
		return 0, io.ErrShortWrite
	}
	return len(p), nil
}

// What the schema refuses is not written, and the error names the place.
func TestEncodeRefuses(t *testing.T) {
	yes := true
	for name, c := range map[string]struct {
		change func(*cdx.BOM)
		want   string
	}{
		"nothing":            {func(*cdx.BOM) {}, ""},
		"no type":            {func(b *cdx.BOM) { (*b.Components)[0].Type = "" }, "/components/0/type"},
		"no version":         {func(b *cdx.BOM) { b.Version = 0 }, "/version: want 1 or more, found 0"},
		"another version":    {func(b *cdx.BOM) { b.SpecVersion = 99 }, "specVersion"},
		"a later member":     {func(b *cdx.BOM) { (*b.Components)[0].IsExternal = &yes }, `component has no member "isExternal"`},
		"a hash":             {func(b *cdx.BOM) { (*b.Components)[0].Hashes = &[]cdx.Hash{{Algorithm: "SHA-256", Value: "x"}} }, "/components/0/hashes/0/content"},
		"items that are one": {func(b *cdx.BOM) { *b.Components = append(*b.Components, (*b.Components)[0]) }, "/components/1: want items that differ, found item 0 again"},
		"refs that are one": {func(b *cdx.BOM) {
			b.Dependencies = &[]cdx.Dependency{{Ref: "a", Dependencies: &[]string{"x", "y", "z", "v", "w", "x"}}}
		},
			"/dependencies/0/dependsOn/5: want items that differ, found item 0 again"},
		"two in an expression": {func(b *cdx.BOM) {
			(*b.Components)[0].Licenses = &cdx.Licenses{{Expression: "MIT"}, {Expression: "ISC"}}
		}, "/components/0/licenses"},
		"no number": {func(b *cdx.BOM) {
			b.Vulnerabilities = &[]cdx.Vulnerability{{Ratings: &[]cdx.VulnerabilityRating{{Score: new(float64)}}}}
			*(*(*b.Vulnerabilities)[0].Ratings)[0].Score = math.Inf(1)
		}, "number"},
		"tools of both kinds": {func(b *cdx.BOM) {
			b.Metadata = &cdx.Metadata{Tools: &cdx.ToolsChoice{Tools: &[]cdx.Tool{}, Components: &[]cdx.Component{}}}
		}, "either"},
		"no subjects": {func(b *cdx.BOM) {
			b.Annotations = &[]cdx.Annotation{{Text: "x", Timestamp: "2026-11-21T05:34:23Z", Annotator: &cdx.Annotator{Individual: &cdx.OrganizationalContact{}}}}
		}, `/annotations/0: want the member "subjects" in annotation, found none`},
		"a signature of none": {func(b *cdx.BOM) { b.Signature = &cdx.JSFSignature{} }, "signature"},
		"confidence over one": {func(b *cdx.BOM) {
			two := float32(2)
			(*b.Components)[0].Evidence = &cdx.Evidence{Identity: &cdx.EvidenceIdentityChoice{Identity: &cdx.EvidenceIdentity{Field: "name", Confidence: &two}}}
		}, "/components/0/evidence/identity/confidence: want 0 to 1, found 2"},
	} {
		bom := &cdx.BOM{BOMFormat: "CycloneDX", SpecVersion: cdx.SpecVersion1_6, Version: 1, Components: &[]cdx.Component{{Type: "library", Name: "a"}}}
		c.change(bom)
		pieces, err := Encode(bom)
		if c.want == "" {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
		} else if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %s, %v, want a word about %q", name, pieces, err, c.want)
		}
	}
}

// Strings are written as encoding/json writes them, but for its escapes for HTML.
func TestText(t *testing.T) {
	for _, s := range []string{"", "plain", "seven77", "eight888", "nine99999", `"`, `\`, "a\"b\\c", "\x00\x1f\x7f\b\f\n\r\t", "é", "\u2028\u2029", "日本語", "😀<>&", "12345678\n", "1234567é"} {
		var want bytes.Buffer
		e := json.NewEncoder(&want)
		e.SetEscapeHTML(false)
		if err := e.Encode(s); err != nil {
			t.Fatal(err)
		}
		var got encoder
		got.text(s, nil)
		if string(got.b) != strings.TrimSpace(want.String()) {
			t.Errorf("%q is written %s, want %s", s, got.b, want.String())
		}
		d := decoder{s: string(got.b)}
		if back := d.str(); back != s || d.err != nil {
			t.Errorf("%s is read as %q, %v", got.b, back, d.err)
		}
	}
}
