// Package cdxxml knows what the XML schemas of CycloneDX 1.0 to 1.7 allow. The
// tables are made from them by package compile, and a test makes them anew.
package cdxxml

import (
	"embed"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
)

//go:embed tables/*.json
var tables embed.FS

// Namespace is what the namespaces of all versions begin with.
const Namespace = "http://cyclonedx.org/schema/bom/"

// A Schema is one version's.
type Schema struct {
	Version string
	// Unique says that no two elements may have the same bom-ref.
	Unique  bool      `json:",omitempty"`
	Root    Type      // of the element bom
	Simple  []Simple  // types of text
	Complex []Complex // types of elements with attributes or children
}

// A Type is a Simple or a Complex one, by its index: "s3", "c12". "" is any
// content at all.
type Type string

// A Simple type is what a text may be.
type Simple struct {
	Base      string   `json:"b,omitempty"` // the built-in type, without "xs:"
	Also      Type     `json:"also,omitempty"`
	Enum      []string `json:"e,omitempty"`
	Pattern   string   `json:"p,omitempty"` // in the syntax of package regexp
	MinLength int      `json:"minl,omitempty"`
	MaxLength int      `json:"maxl,omitempty"`
	Min       string   `json:"min,omitempty"`
	Max       string   `json:"max,omitempty"`
	Union     []Type   `json:"u,omitempty"`
	License   bool     `json:"l,omitempty"` // an id of the SPDX License List
}

// A Complex type is what an element may hold.
type Complex struct {
	Mixed bool      `json:"m,omitempty"`
	Text  Type      `json:"t,omitempty"` // a Simple one, if it holds text and nothing else
	Attrs []Attr    `json:"a,omitempty"`
	Any   string    `json:"any,omitempty"` // "any" or "other" attributes beside these
	Of    *Particle `json:"of,omitempty"`
}

// An Attr is an attribute without a namespace.
type Attr struct {
	Name     string `json:"n"`
	Type     Type   `json:"t,omitempty"`
	Required bool   `json:"r,omitempty"`
}

// A Particle is what may stand in an element: an element (e), one after the other
// (s), one of several (c), or anything of another namespace (a).
type Particle struct {
	Kind    string     `json:"k"`
	Name    string     `json:"n,omitempty"`
	Type    Type       `json:"t,omitempty"`
	Default string     `json:"d,omitempty"` // what an empty element means
	Min     int        `json:"min,omitempty"`
	Max     int        `json:"max,omitempty"` // 0 is no bound
	Of      []Particle `json:"of,omitempty"`
}

// loaded are the schemas that somebody has asked for. Each is made once, and
// never changed.
var loaded [8]struct {
	once   sync.Once
	schema *Schema
	err    error
}

// Load returns the schema of a version, "1.6". It must not be changed.
func Load(version string) (*Schema, error) {
	if len(version) != 3 || !strings.HasPrefix(version, "1.") || version[2] < '0' || version[2] > '7' {
		return nil, fmt.Errorf("CycloneDX %q, want 1.0 to 1.7", version)
	}
	l := &loaded[version[2]-'0']
	l.once.Do(func() {
		var data []byte
		if data, l.err = tables.ReadFile("tables/" + version + ".json"); l.err == nil {
			l.schema = new(Schema)
			l.err = json.Unmarshal(data, l.schema)
		}
	})
	return l.schema, l.err
}

// simple and complex find a type.
func (s *Schema) simple(t Type) *Simple {
	if i, ok := index(t, 's', len(s.Simple)); ok {
		return &s.Simple[i]
	}
	return nil
}

func (s *Schema) complex(t Type) *Complex {
	if i, ok := index(t, 'c', len(s.Complex)); ok {
		return &s.Complex[i]
	}
	return nil
}

func index(t Type, kind byte, n int) (int, bool) {
	if len(t) < 2 || t[0] != kind {
		return 0, false
	}
	i := 0
	for _, c := range []byte(t[1:]) {
		i = i*10 + int(c-'0')
	}
	return i, i < n
}
