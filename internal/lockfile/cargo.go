package lockfile

import (
	"strings"

	"github.com/touchmark-go/touchmark/provenance"
)

// parseCargo reads Cargo.lock of versions 1 to 4 (The Cargo Book; the versions
// differ in where the checksums stand and in how much of a dependency is named).
// A crate without a source is of the workspace, and local.
func parseCargo(d *doc) {
	root := d.toml()
	if d.err != nil {
		return
	}
	version := "1"
	if v := d.member(root, "version", number); v != nil {
		version = v.text
		if version != "3" && version != "4" && version != "1" && version != "2" {
			d.fail(v.line, "version is %.20s, want 1 to 4", version)
		}
	}
	crates := d.tables(root, "package")
	if old := d.member(root, "root", table); old != nil {
		crates = append([]*node{old}, crates...)
	}
	d.lock.Format += " " + version
	d.lock.Edges = true

	c := cargo{d: d, at: map[string]int{}, checksums: map[string]*node{}}
	if metadata := d.member(root, "metadata", table); metadata != nil {
		for i, name := range metadata.names {
			if id, ok := strings.CutPrefix(name, "checksum "); ok {
				c.checksums[id] = metadata.items[i]
			}
		}
	}
	for _, n := range crates {
		c.crate(n)
	}
	for i := range c.crates {
		c.resolve(i)
		d.add(c.crates[i].pkg)
	}
}

// A crate is an entry of Cargo.lock.
type crate struct {
	node *node
	pkg  Package
}

// several stands for more than one crate.
const several = -1

type cargo struct {
	d         *doc
	crates    []crate
	at        map[string]int   // by each of the ways to name a crate; several if it is no name of one
	checksums map[string]*node // of version 1: by "name version (source)"
}

func (c *cargo) crate(n *node) {
	d := c.d
	name, version, source := d.text(n, "name"), d.text(n, "version"), d.text(n, "source")
	p := Package{Name: name, Version: version, Line: n.line}
	if name == "" || version == "" {
		d.fail(n.line, "a package without name and version")
		return
	}
	if len(c.crates) >= MaxPackages {
		d.failLimit(n.line, "more than %d packages", MaxPackages)
		return
	}
	sum := d.member(n, "checksum", text)
	if sum == nil {
		sum = c.checksums[name+" "+version+" ("+source+")"]
	}
	if sum != nil && sum.kind == text && sum.text != "<none>" {
		if digest, ok := d.parseDigest(provenance.SHA256, sum.text, sum.line); ok {
			p.Digests = provenance.Set(digest)
		}
	}
	clean, commit, ok := address(source)
	switch kind, rest, _ := strings.Cut(clean, "+"); {
	case !ok:
		d.fail(n.line, "package %q: the source is not a URL", name)
	case source == "":
		p.Local = true
	case kind == "registry" || kind == "sparse":
		p.Source, p.PURL = clean, purl("cargo", "", name, version)
	case kind == "git":
		p.Source, p.PURL = clean, purl("cargo", "", name, version, "vcs_url", "git+"+rest+"@"+commit)
	default:
		d.fail(n.line, "package %q: the source begins with %.20q, want registry+, sparse+ or git+", name, kind)
	}
	place, _, _ := strings.Cut(source, "#")
	names := []string{name, name + " " + version, name + " " + version + " (" + place + ")"}
	if place != source {
		names = append(names, name+" "+version+" ("+source+")")
	}
	for _, key := range names {
		if _, ok := c.at[key]; ok {
			c.at[key] = several
		} else {
			c.at[key] = len(c.crates)
		}
	}
	c.crates = append(c.crates, crate{n, p})
}

// resolve finds the crates that the dependencies of crate i are: "name", "name
// version" or "name version (source)", as much as it takes to be one.
func (c *cargo) resolve(i int) {
	d := c.d
	for _, dep := range d.texts(c.crates[i].node, "dependencies") {
		if !d.edge(dep.line) {
			return
		}
		found, ok := c.at[dep.text]
		if !ok {
			d.fail(dep.line, "dependency %.80q is not locked", dep.text)
			return
		}
		if found == several {
			d.fail(dep.line, "dependency %.80q could be one of several packages", dep.text)
			return
		}
		if found != i {
			c.crates[i].pkg.Dependencies = append(c.crates[i].pkg.Dependencies, c.crates[found].pkg.ID())
		}
	}
}
