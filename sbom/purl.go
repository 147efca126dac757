package sbom

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	packageurl "github.com/package-url/packageurl-go"
)

// A PURL is a package URL (ECMA-427): which package, of which ecosystem, in
// which version, independent of where it is kept. The zero PURL names nothing.
//
// A PURL that [ParsePURL] or [PURL.Canonical] returned is canonical; two of
// these name the same package when their strings are equal. Do not compare Go
// modules so: their package URLs are lower case, and their paths are not.
type PURL struct {
	// Type is the ecosystem, "golang", "npm", "deb". It is required.
	Type string
	// Namespace is what stands before the name, with slashes between its
	// segments: a Maven group, a GitHub owner. Type decides whether there is one.
	Namespace string
	// Name is the package's. It is required.
	Name string
	// Version is the package's, "" for all of them.
	Version string
	// Qualifiers are more about it by key: "arch", "distro". An empty value is no
	// qualifier.
	Qualifiers map[string]string
	// Subpath is a path within the package, relative to its root.
	Subpath string
}

// maxPURL is how long a package URL may be, in bytes.
const maxPURL = 8 << 10

// ParsePURL reads a package URL of 8 KiB at most and returns its canonical
// form: type and keys in lower case, percent-encoding undone, the rules of the
// type applied. It refuses text that is not one, and what its type forbids.
//
// Beyond package packageurl-go it refuses what cannot be written again with the
// same meaning: a slash that is encoded in a segment, and text that is not UTF-8.
func ParsePURL(s string) (PURL, error) {
	if len(s) > maxPURL {
		return PURL{}, fmt.Errorf("package URL has %d bytes, at most %d are read", len(s), maxPURL)
	}
	if err := checkSegments(s); err != nil {
		return PURL{}, fmt.Errorf("package URL %q: %w", s, err)
	}
	p, err := packageurl.FromString(s)
	if err != nil {
		return PURL{}, fmt.Errorf("package URL %q: %v", s, err)
	}
	return fromPackageURL(p, s)
}

// checkSegments refuses an encoded slash in the namespace or the subpath,
// which packageurl-go would turn into a separator, and a type that is not ASCII,
// which it might fold to one that is.
func checkSegments(s string) error {
	rest, subpath, _ := strings.Cut(s, "#")
	rest, _, _ = strings.Cut(rest, "?")
	_, rest, _ = strings.Cut(rest, ":")
	typ, rest, _ := strings.Cut(strings.TrimLeft(rest, "/"), "/")
	for i := range len(typ) {
		if typ[i] >= utf8.RuneSelf {
			return fmt.Errorf("type %q is not ASCII", typ)
		}
	}
	namespace := rest[:max(strings.LastIndexByte(rest, '/'), 0)]
	for _, part := range []string{namespace, subpath} {
		if strings.Contains(strings.ToLower(part), "%2f") {
			return errors.New("a segment has a slash in it")
		}
	}
	return nil
}

// Canonical returns p as [ParsePURL] would have returned it, or what is wrong
// with it: a missing type or name, a key that is none, parts that its type forbids.
// It is how a package URL is built from parts, and does not change p.
func (p PURL) Canonical() (PURL, error) {
	for i := range len(p.Type) {
		if p.Type[i] >= utf8.RuneSelf {
			return PURL{}, fmt.Errorf("package URL has the type %q, want ASCII", p.Type)
		}
	}
	built := p.packageURL()
	if err := built.Normalize(); err != nil {
		return PURL{}, fmt.Errorf("package URL: %v", err)
	}
	return fromPackageURL(built, built.ToString())
}

// fromPackageURL is p if it is what its own text says.
func fromPackageURL(p packageurl.PackageURL, source string) (PURL, error) {
	text := p.ToString()
	again, err := packageurl.FromString(text)
	if err != nil || again.ToString() != text || !utf8.ValidString(p.Namespace+p.Name+p.Version+p.Subpath) ||
		len(text) > 3*maxPURL || again.Namespace != p.Namespace || again.Name != p.Name || again.Version != p.Version || again.Subpath != p.Subpath {
		return PURL{}, fmt.Errorf("package URL %q: it has no form that says the same again", source)
	}
	c := PURL{Type: p.Type, Namespace: p.Namespace, Name: p.Name, Version: p.Version, Subpath: p.Subpath}
	for _, q := range p.Qualifiers {
		if !utf8.ValidString(q.Value) {
			return PURL{}, fmt.Errorf("package URL %q: the qualifier %q is not UTF-8", source, q.Key)
		}
		if c.Qualifiers == nil {
			c.Qualifiers = make(map[string]string, len(p.Qualifiers))
		}
		c.Qualifiers[q.Key] = q.Value
	}
	return c, nil
}

func (p PURL) packageURL() packageurl.PackageURL {
	return packageurl.PackageURL{
		Type: p.Type, Namespace: p.Namespace, Name: p.Name, Version: p.Version,
		Qualifiers: packageurl.QualifiersFromMap(p.Qualifiers), Subpath: p.Subpath,
	}
}

// String is the canonical text of a canonical PURL, "pkg:type/namespace/name@version",
// with qualifiers in order of their keys. The zero PURL prints as "". Of a PURL that
// was put together by hand it is that text only if [PURL.Canonical] returns the same.
func (p PURL) String() string {
	if p.Type == "" && p.Name == "" {
		return ""
	}
	u := p.packageURL()
	return u.ToString()
}
