package verify

import (
	"errors"
	"fmt"
	"strings"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sbom"
)

// A name is what an artifact was asked for by: a purl or an image name.
type name struct {
	pkg     string            // the package, without version: what a policy is for
	name    string            // as its registry calls it: "pad", "@scope/pad", "registry.example/web"
	version string            // "" if none was asked for
	digest  provenance.Digest // of an image name with one; else zero
}

// parseName reads a purl (qualifiers and subpath do not tell packages apart and
// are refused) or an image name, registry/path[:tag][@digest].
func parseName(s string) (name, error) {
	var n name
	if len(s) > maxName {
		return n, fmt.Errorf("longer than %d bytes", maxName)
	}
	for _, c := range []byte(s) {
		if c <= 0x20 || c == 0x7f {
			return n, fmt.Errorf("%q is neither a purl nor an image name", s)
		}
	}
	if strings.HasPrefix(s, "pkg:") {
		return parsePURLName(s)
	}
	rest := s
	if i := strings.IndexByte(rest, '@'); i >= 0 {
		d, err := provenance.ParseDigest(rest[i+1:])
		if err != nil {
			return n, err
		}
		n.digest, rest = d, rest[:i]
	}
	if i := strings.LastIndexByte(rest, ':'); i > strings.LastIndexByte(rest, '/') {
		n.version, rest = rest[i+1:], rest[:i]
		if n.version == "" {
			return n, errors.New("empty tag")
		}
	}
	for _, seg := range strings.Split(rest, "/") {
		if seg == "" || seg == "." || seg == ".." {
			return n, fmt.Errorf("%q is neither a purl nor an image name", s)
		}
	}
	n.pkg, n.name = rest, rest
	return n, nil
}

func parsePURLName(s string) (name, error) {
	p, err := sbom.ParsePURL(s)
	if err != nil {
		return name{}, err
	}
	n := name{name: p.Name, version: p.Version}
	if p.Namespace != "" {
		n.name = p.Namespace + "/" + p.Name
	}
	if len(p.Qualifiers) > 0 || p.Subpath != "" {
		return name{}, fmt.Errorf("%q: a package is named without qualifiers and subpath", s)
	}
	p.Version = ""
	n.pkg = p.String()
	return n, nil
}
