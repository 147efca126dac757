package gofacts

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"runtime/debug"
	"strings"

	"github.com/touchmark-go/touchmark/internal/strictjson"
	"github.com/touchmark-go/touchmark/provenance"
)

// A Module is one that was really compiled.
type Module struct {
	// Path is its exact path, in its own letter case. Modules are compared by it,
	// never by their package URL, which is lower case. A folder that a go.mod
	// file puts in a module's place has no path: it goes by that of the module.
	Path string
	// Version is "v1.2.3", with "+incompatible" and "+dirty" when it has them. It
	// is empty when it is not known: a folder, or a main module that was not stamped.
	Version string
	// Sum is as go.sum spells it, "h1:…", or empty.
	Sum string
	// Dir is the folder, as the go.mod file spells it, that was compiled in the
	// module's place. It can give away where somebody works, so print it nowhere.
	Dir string
	// Replaces is the module that this one stands in for, nil if it is itself.
	Replaces *Module
}

// moduleOf turns a module of a build info around: it names the original and
// has the replacement below.
func moduleOf(m debug.Module) Module {
	return replacing(plainModule(m.Path, m.Version, m.Sum), m.Replace != nil, func() Module {
		return plainModule(m.Replace.Path, m.Replace.Version, m.Replace.Sum)
	})
}

// plainModule is a module that nothing replaces, without the "(devel)" that
// the go command writes where it knows no version.
func plainModule(path, version, sum string) Module {
	if version == "(devel)" {
		version = ""
	}
	return Module{Path: path, Version: version, Sum: sum}
}

// replacing is m, or what was compiled in its place.
func replacing(m Module, replaced bool, by func() Module) Module {
	if !replaced {
		return m
	}
	r := by()
	if r.Version == "" {
		return Module{Path: m.Path, Dir: r.Path, Replaces: &m}
	}
	r.Replaces = &m
	return r
}

// PURL is the package URL, "pkg:golang/…": lower case, as purl-spec demands of
// golang, with the version's "+" as "%2B". No qualifiers: they only hinder matching.
func (m Module) PURL() string {
	b := make([]byte, 0, 128)
	b = escape(append(b, purlPrefix...), m.Path, true)
	if m.Version != "" {
		b = escape(append(b, '@'), m.Version, false)
	}
	return string(b)
}

const purlPrefix = "pkg:golang/"

// escape appends s percent-encoded; a path also in lower case and with its slashes.
func escape(b []byte, s string, path bool) []byte {
	const digits = "0123456789ABCDEF"
	for i := range len(s) {
		c := s[i]
		switch {
		case path && 'A' <= c && c <= 'Z':
			b = append(b, c+'a'-'A')
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9',
			c == '.', c == '-', c == '_', c == '~', c == ':', path && c == '/':
			b = append(b, c)
		default:
			b = append(b, '%', digits[c>>4], digits[c&15])
		}
	}
	return b
}

// DirHash is the Hash1 in Sum in in-toto's spelling, or false if Sum is none.
func (m Module) DirHash() (provenance.Digest, bool) {
	encoded, ok := strings.CutPrefix(m.Sum, "h1:")
	if !ok || len(encoded) != 44 {
		return provenance.Digest{}, false
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if err != nil || len(raw) != 32 {
		return provenance.Digest{}, false
	}
	d, err := provenance.ParseDigest(provenance.DirHash + ":" + hex.EncodeToString(raw))
	return d, err == nil
}

// replacesAnnotation is the member of a descriptor that names the module which
// the described one stands in for.
const replacesAnnotation = "replaces"

// replaced is the value of that member.
type replaced struct {
	Path    string `json:"path"`
	Version string `json:"version,omitempty"`
}

// Descriptor is m as a material of a build: Name is the exact path, URI the
// package URL with the version, Digest the dirHash where there is a sum. A
// replacement has the annotation "replaces" with the path and version of the
// module that it stands in for.
func (m Module) Descriptor() provenance.ResourceDescriptor {
	d := provenance.ResourceDescriptor{Name: m.Path, URI: m.PURL()}
	if sum, ok := m.DirHash(); ok {
		d.Digest = provenance.Set(sum)
	}
	if m.Replaces != nil {
		// Two strings cannot fail to encode.
		value, _ := json.Marshal(replaced{m.Replaces.Path, m.Replaces.Version})
		d.Annotations = map[string]json.RawMessage{replacesAnnotation: value}
	}
	return d
}

// ModuleOf is the module that d describes, as [Module.Descriptor] would. It is
// false when d is something else or contradicts itself: its URI is no package
// URL of golang, or one of another path than its name.
func ModuleOf(d provenance.ResourceDescriptor) (Module, bool) {
	rest, ok := strings.CutPrefix(d.URI, purlPrefix)
	if !ok || d.Name == "" {
		return Module{}, false
	}
	m := Module{Path: d.Name}
	if i := strings.IndexByte(rest, '@'); i >= 0 {
		if m.Version, ok = unescape(rest[i+1:]); !ok || m.Version == "" {
			return Module{}, false
		}
	}
	if m.PURL() != d.URI {
		return Module{}, false
	}
	if sum, ok := d.Digest.Get(provenance.DirHash); ok {
		raw, err := hex.DecodeString(sum.Hex())
		if err != nil {
			return Module{}, false
		}
		m.Sum = "h1:" + base64.StdEncoding.EncodeToString(raw)
	}
	if value, ok := d.Annotations[replacesAnnotation]; ok {
		var r replaced
		if strictjson.Unmarshal(value, &r) != nil || r.Path == "" {
			return Module{}, false
		}
		m.Replaces = &Module{Path: r.Path, Version: r.Version}
	}
	return m, true
}

// unescape decodes %XX.
func unescape(s string) (string, bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			b.WriteByte(s[i])
			continue
		}
		if i+2 >= len(s) {
			return "", false
		}
		raw, err := hex.DecodeString(s[i+1 : i+3])
		if err != nil {
			return "", false
		}
		b.WriteByte(raw[0])
		i += 2
	}
	return b.String(), true
}
