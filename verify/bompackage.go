package verify

import (
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/touchmark-go/touchmark/internal/versions"
	"github.com/touchmark-go/touchmark/sbom"
)

// denied reports whether a component is one of the denied packages, and why it
// cannot be told if its package URL cannot be read.
func (r compiledPackages) denied(c *cdx.Component) (denied bool, unread error) {
	kind, path := "", ""
	if c.PackageURL != "" {
		u, err := sbom.ParsePURL(c.PackageURL)
		if err != nil {
			return false, err
		}
		kind, path = u.Type, foldPath(u.Namespace+"/"+u.Name)
		for i := range r {
			if r[i].kind == kind && r[i].names(path) && r[i].covers(u.Version) {
				return true, nil
			}
		}
	}
	// By its name too: scanners go by the package URL and people by the name, and
	// one that has no package URL, or another one, is not let past.
	name := foldPath(c.Group + "/" + c.Name)
	for i := range r {
		if (kind == "" || kind == r[i].kind) && r[i].names(name) && r[i].covers(c.Version) {
			return true, nil
		}
	}
	return false, nil
}

func (d *deniedPackage) names(path string) bool {
	if d.below {
		return strings.HasPrefix(path, d.path+"/")
	}
	return path == d.path
}

// covers reports whether a version is in one of the ranges. One that has no order,
// or is not said, could be in any.
func (d *deniedPackage) covers(version string) bool {
	if len(d.ranges) == 0 {
		return true
	}
	for _, all := range d.ranges {
		inside := true
		for _, c := range all {
			if version != "" && !c.holds(d.kind, version) {
				inside = false
				break
			}
		}
		if inside {
			return true
		}
	}
	return false
}

func (c comparator) holds(kind, version string) bool {
	if c.op == "=" && version == c.version {
		return true
	}
	order, known := versions.Compare(kind, version, c.version)
	if !known {
		return c.op != "="
	}
	switch c.op {
	case "<":
		return order < 0
	case "<=":
		return order <= 0
	case ">":
		return order > 0
	case ">=":
		return order >= 0
	}
	return order == 0
}
