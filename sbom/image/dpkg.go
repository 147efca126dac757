package image

import (
	"fmt"
	"io"
	"strings"

	"github.com/touchmark-go/touchmark/internal/lockfile"
)

// A pkg is a package that the image holds, or that a lock file in it names.
type pkg struct {
	ecosystem     string // the type of its package URL
	name, version string
	arch          string
	purl          string
	source        string   // what it was built from, "name version" of Debian, the origin of Alpine
	licenses      []string // as its metadata spell them; of Alpine and npm expressions
	supplier      string
	homepage      string
	description   string
	requires      []requirement
	provides      []string
	edges         bool // requires says all of it
	places        []place
	lock          *lockfile.Package // what a lock file knows of it
	declared      bool              // nothing but a lock file knows of it
	settled       bool              // its layer is known
}

// A place is a file of the image that speaks of a package, and its layer.
type place struct {
	path  string
	layer int
}

// A requirement is met by any of the names in it.
type requirement []string

// key is what a package is recognised by from layer to layer.
func (p *pkg) key() string { return p.name + "\x00" + p.version + "\x00" + p.arch }

// parseDpkg reads dpkg's database of what is installed, or one file of the folder
// that images without dpkg keep instead (deb-control(5), dpkg-query(1)).
// Packages of which nothing but their settings is left are not installed.
func parseDpkg(file string, r io.Reader, each func(*pkg) error) error {
	return stanzas(file, r, func(s stanza) error {
		if !isInstalled(s) {
			return nil
		}
		p := &pkg{
			ecosystem: "deb", name: s.first("package"), version: s.first("version"), arch: s.first("architecture"),
			supplier: s.first("maintainer"), homepage: s.first("homepage"), description: s.first("description"),
			edges: true,
		}
		if p.name == "" || p.version == "" {
			return fmt.Errorf("%w: a package without name and version", errText)
		}
		source, version := p.name, p.version
		if text := s.first("source"); text != "" {
			name, rest, ok := strings.Cut(text, " ")
			source = name
			if ok {
				version = strings.Trim(rest, " ()")
			}
		}
		p.source = source + " " + version
		p.requires = append(relations(s["pre-depends"]), relations(s["depends"])...)
		for _, r := range relations(s["provides"]) {
			p.provides = append(p.provides, r...)
		}
		return each(p)
	})
}

// isInstalled reports whether files of a package are there: the third word of its
// status says so. Where nobody installs or removes, there is no status.
func isInstalled(s stanza) bool {
	status, ok := s["status"]
	if !ok {
		return true
	}
	words := strings.Fields(status)
	if len(words) != 3 {
		return false
	}
	switch words[2] {
	case "installed", "unpacked", "half-configured", "triggers-awaited", "triggers-pending":
		return true
	}
	return false
}

// relations reads "a (>= 1), b | c:any" (Debian policy, section 7.1), names only.
func relations(text string) []requirement {
	var list []requirement
	for part := range strings.SplitSeq(text, ",") {
		var names requirement
		for choice := range strings.SplitSeq(part, "|") {
			choice = strings.TrimSpace(choice)
			if i := strings.IndexAny(choice, " (:["); i >= 0 {
				choice = choice[:i]
			}
			if choice != "" {
				names = append(names, choice)
			}
		}
		if len(names) > 0 {
			list = append(list, names)
		}
	}
	return list
}
