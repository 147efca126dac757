package spdx

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"

	"github.com/touchmark-go/touchmark/internal/strictjson"
)

// maxDocument is how much a document may have, in bytes.
const maxDocument = 256 << 20

// Parse reads an SPDX 2.3 document in JSON, of 256 MiB, 1,000,000 members and
// depth 64 at most. It refuses, with the line, what is not strict JSON, what the
// schema of SPDX 2.3 forbids (unknown and missing members, null, words that are
// not in their lists), and what the specification forbids beyond it: SPDXIDs
// that are malformed or used twice, references to nothing, licence expressions
// that are none, LicenseRefs that nobody defines, digests of another length than
// their algorithm's, times that are not in UTC to the second, creators that are
// neither person, organization nor tool.
//
// Parse trusts nobody: whether the document is true is not for it to say.
func Parse(r io.Reader) (*Document, error) {
	data, err := strictjson.ReadAll(r, maxDocument)
	if err != nil {
		return nil, fmt.Errorf("SPDX: %w", err)
	}
	if err := checkKind(data); err != nil {
		return nil, fmt.Errorf("SPDX: %w", err)
	}
	if err := checkShape(data); err != nil {
		return nil, fmt.Errorf("SPDX: %w", err)
	}
	var doc Document
	if err := strictjson.UnmarshalClosed(data, &doc); err != nil {
		return nil, fmt.Errorf("SPDX: %w", err)
	}
	if err := check(&doc); err != nil {
		return nil, fmt.Errorf("SPDX: line %d: %w", strictjson.Line(data, err.pointer), err)
	}
	return &doc, nil
}

// checkKind says what a document is that is not SPDX 2.3 in JSON.
func checkKind(data []byte) error {
	text := bytes.TrimLeft(data, " \t\r\n")
	switch {
	case bytes.HasPrefix(text, []byte("SPDXVersion:")):
		return errors.New("it is an SPDX tag-value document, only JSON is read")
	case bytes.HasPrefix(text, []byte("<")):
		return errors.New("it is XML, only JSON is read")
	}
	var head struct {
		SPDXVersion *string `json:"spdxVersion"`
		BOMFormat   string  `json:"bomFormat"`
		Context     any     `json:"@context"`
	}
	if err := strictjson.Unmarshal(data, &head); err != nil {
		return err
	}
	switch {
	case head.BOMFormat != "":
		return fmt.Errorf("it is a %s document: read it with package sbom", clip(head.BOMFormat))
	case head.Context != nil && head.SPDXVersion == nil:
		return fmt.Errorf("it is JSON-LD, as SPDX 3 is, want %s", Version)
	case head.SPDXVersion == nil:
		return fmt.Errorf("it has no spdxVersion, want %q", Version)
	case *head.SPDXVersion != Version:
		return fmt.Errorf("line %d: spdxVersion is %q, want %q", strictjson.Line(data, "/spdxVersion"), clip(*head.SPDXVersion), Version)
	}
	return nil
}

func clip(s string) string {
	if len(s) <= 200 {
		return s
	}
	return strings.ToValidUTF8(s[:200], "") + "…"
}

// checkShape reports null, which SPDX does not know, and members that are
// missing: decoding forgets both. What may not be missing is what the type
// writes without omitempty.
func checkShape(data []byte) error {
	s := strictjson.NewScanner(data)
	return shape(s, reflect.TypeFor[Document](), map[reflect.Type][]string{})
}

func shape(s *strictjson.Scanner, t reflect.Type, required map[reflect.Type][]string) error {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch s.Kind() {
	case 'n':
		return s.Fail("want a value, found null")
	case '[':
		of := t
		if t.Kind() == reflect.Slice {
			of = t.Elem()
		}
		return s.Array(func(int) error { return shape(s, of, required) })
	case '{':
		if t.Kind() != reflect.Struct {
			return s.Skip()
		}
		names, known := required[t]
		if !known {
			names = demanded(t)
			required[t] = names
		}
		var seen uint64
		start := *s // the place of the object, for the error
		err := s.Object(func(name []byte) error {
			for i, want := range names {
				if string(name) == want {
					seen |= 1 << i
				}
			}
			return shape(s, member(t, string(name)), required)
		})
		if err != nil {
			return err
		}
		for i, want := range names {
			if seen&(1<<i) == 0 {
				return start.Fail("%q is missing", want)
			}
		}
		return nil
	}
	return s.Skip()
}

// demanded are the members that an object of that type must have.
func demanded(t reflect.Type) []string {
	var names []string
	for i := range t.NumField() {
		if name, optional := nameOf(t.Field(i)); !optional {
			names = append(names, name)
		}
	}
	return names
}

// member is the type of a member, or that of nothing in particular.
func member(t reflect.Type, name string) reflect.Type {
	for i := range t.NumField() {
		if got, _ := nameOf(t.Field(i)); got == name {
			return t.Field(i).Type
		}
	}
	return reflect.TypeFor[string]()
}

func nameOf(f reflect.StructField) (name string, optional bool) {
	name, rest, _ := strings.Cut(f.Tag.Get("json"), ",")
	return name, rest == "omitempty"
}

// Write writes the JSON of doc on one line, with a newline behind it. Equal
// documents give equal bytes, and what [Parse] would refuse is not written.
func Write(w io.Writer, doc *Document) error {
	if doc == nil {
		return errors.New("SPDX: there is no document")
	}
	if err := check(doc); err != nil {
		return fmt.Errorf("SPDX: %w", err)
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(doc); err != nil {
		return fmt.Errorf("SPDX: %w", err)
	}
	_, err := w.Write(b.Bytes())
	return err
}
