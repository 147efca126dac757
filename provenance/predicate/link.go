package predicate

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"unicode/utf8"

	"github.com/touchmark-go/touchmark/internal/strictjson"
	"github.com/touchmark-go/touchmark/provenance"
)

// LinkType is the predicate type of a [Link].
const LinkType = "https://in-toto.io/attestation/link/v0.3"

// A Link says that one step of a supply chain was carried out: what it took and
// what it did; what it made are the subjects (predicate type link, v0.3). The zero Link is invalid.
type Link struct {
	// Name is the step's, as a layout names it. Required.
	Name string `json:"name"`
	// Command is what was run, and may be empty.
	Command []string `json:"command"`
	// Materials are what the step took, each with a name of its own and a digest.
	Materials []provenance.ResourceDescriptor `json:"materials,omitempty"`
	// Byproducts and Environment are more facts, each a JSON value.
	Byproducts  map[string]json.RawMessage `json:"byproducts,omitempty"`
	Environment map[string]json.RawMessage `json:"environment,omitempty"`
}

// ParseLink reads the Link in s. What it returns is valid, and so are the
// subjects: each has a name, and no two have the same.
func ParseLink(s *provenance.Statement) (*Link, error) {
	l, err := parse[Link](s, LinkType)
	if err != nil {
		return nil, err
	}
	if err := named("/subject", s.Subject); err != nil {
		return nil, err
	}
	return l, nil
}

// Validate names the field that makes l unusable, by JSON pointer: no name, a
// material without a name or a digest, or with the name of another.
func (l *Link) Validate() error {
	if l.Name == "" || !utf8.ValidString(l.Name) {
		return fmt.Errorf("/name is %s, want the name of a step", quote(l.Name))
	}
	for i, arg := range l.Command {
		if !utf8.ValidString(arg) {
			return fmt.Errorf("/command/%d is %s, want valid UTF-8", i, quote(arg))
		}
	}
	for _, object := range []struct {
		name    string
		members map[string]json.RawMessage
	}{{"byproducts", l.Byproducts}, {"environment", l.Environment}} {
		for _, name := range slices.Sorted(maps.Keys(object.members)) {
			if err := strictjson.Check(object.members[name]); err != nil {
				return fmt.Errorf("/%s, %s: %w", object.name, quote(name), err)
			}
		}
	}
	return named("/materials", l.Materials)
}

// named wants every descriptor to have a digest and a name of its own.
func named(at string, list []provenance.ResourceDescriptor) error {
	seen := make(map[string]bool, len(list))
	for i, d := range list {
		at := fmt.Sprintf("%s/%d", at, i)
		if d.Name == "" {
			return fmt.Errorf("%s/name is missing", at)
		}
		if seen[d.Name] {
			return fmt.Errorf("%s/name is %s, which another one has", at, quote(d.Name))
		}
		seen[d.Name] = true
		if len(d.Digest) == 0 {
			return fmt.Errorf("%s/digest is missing", at)
		}
		if err := checkDescriptor(at, d); err != nil {
			return err
		}
	}
	return nil
}

// Statement makes a statement of l about what the step made: its products, each
// with a name of its own.
func (l *Link) Statement(products ...provenance.ResourceDescriptor) (*provenance.Statement, error) {
	if err := named("/subject", products); err != nil {
		return nil, err
	}
	c := *l
	if c.Command == nil {
		c.Command = []string{}
	}
	return statement(l, LinkType, &c, products)
}

// A metadata is a link as in-toto layouts know it (in-toto specification 1.0,
// section 4.4).
type metadata struct {
	Type        string                          `json:"_type"`
	Name        string                          `json:"name"`
	Command     []string                        `json:"command"`
	Materials   map[string]provenance.DigestSet `json:"materials"`
	Products    map[string]provenance.DigestSet `json:"products"`
	Byproducts  map[string]json.RawMessage      `json:"byproducts"`
	Environment map[string]json.RawMessage      `json:"environment"`
}

// Metadata is l with its products in the form that in-toto layouts are verified
// with, by in-toto's own tools: a link, which is no statement. It is signed with
// payload type [provenance.PayloadType], as such tools do, and stored as
// "NAME.KEYID.link" with the first eight digits of the key's ID in the layout. A digest
// says there what it says here; layouts compare those by sha256.
func (l *Link) Metadata(products ...provenance.ResourceDescriptor) ([]byte, error) {
	if err := l.Validate(); err != nil {
		return nil, err
	}
	if err := named("/products", products); err != nil {
		return nil, err
	}
	m := metadata{Type: "link", Name: l.Name, Command: l.Command, Materials: digests(l.Materials), Products: digests(products),
		Byproducts: l.Byproducts, Environment: l.Environment}
	if m.Command == nil {
		m.Command = []string{}
	}
	if m.Byproducts == nil {
		m.Byproducts = map[string]json.RawMessage{}
	}
	if m.Environment == nil {
		m.Environment = map[string]json.RawMessage{}
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(m); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

func digests(list []provenance.ResourceDescriptor) map[string]provenance.DigestSet {
	m := make(map[string]provenance.DigestSet, len(list))
	for _, d := range list {
		m[d.Name] = d.Digest
	}
	return m
}
