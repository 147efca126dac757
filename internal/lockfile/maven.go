package lockfile

import (
	"cmp"
	"fmt"
	"strings"
)

// parseMaven reads the lockfile.json of the Maven lockfile plugin
// (io.github.chains-project:maven-lockfile), version 1. Maven itself has no lock
// file, and the name is not its own: another file is [ErrUnknown].
func parseMaven(d *doc) {
	root := d.json()
	if d.err != nil {
		return
	}
	if root.get("lockFileVersion") == nil || root.get("dependencies") == nil {
		d.err = fmt.Errorf("%s: %w: it has no lockFileVersion and dependencies, as Maven's has", d.file, ErrUnknown)
		return
	}
	version := d.member(root, "lockFileVersion", number)
	if d.err == nil && version.text != "1" {
		d.fail(version.line, "lockFileVersion is %.20s, want 1", version.text)
	}
	d.lock.Format, d.lock.Edges = "maven 1", true
	m := maven{doc: d, there: map[string]bool{}}
	m.walk(d.tables(root, "dependencies"), false)
	for _, n := range d.tables(root, "mavenPlugins") {
		p := m.artifact(n, true)
		p.Dependencies = m.walk(d.tables(n, "dependencies"), true)
		m.keep(p)
	}
	for _, p := range m.packages {
		kept := p.Dependencies[:0]
		for _, id := range p.Dependencies {
			if m.there[id] && id != p.ID() {
				kept = append(kept, id)
			}
		}
		p.Dependencies = kept
		d.add(p)
	}
}

// A maven is a tree of dependencies that is flattened.
type maven struct {
	*doc
	packages []Package
	there    map[string]bool // by ID
}

// walk keeps the packages of a list and below it, and returns what who has the
// list depends on. What the resolution left out, because another version or a
// nearer place of the same won, has included false: it is an edge to what won.
// Plugins and what they need are for developing, and so is the scope test.
func (m *maven) walk(nodes []*node, dev bool) (ids []string) {
	for _, n := range nodes {
		if !m.edge(n.line) {
			return nil
		}
		p := m.artifact(n, dev)
		p.Dependencies = m.walk(m.tables(n, "children"), dev)
		if n.get("included") != nil && !m.flag(n, "included") {
			won := m.coordinates(n, cmp.Or(m.text(n, "selectedVersion"), p.Version), dev)
			ids = append(ids, won.ID())
			continue
		}
		m.keep(p)
		ids = append(ids, p.ID())
	}
	return ids
}

func (m *maven) keep(p Package) {
	m.packages = append(m.packages, p)
	m.there[p.ID()] = true
}

// artifact is one node of the tree, or a plugin.
func (m *maven) artifact(n *node, dev bool) Package {
	p := m.coordinates(n, m.text(n, "version"), dev)
	if sum := m.text(n, "checksum"); sum != "" {
		alg := strings.ToLower(strings.ReplaceAll(m.text(n, "checksumAlgorithm"), "-", ""))
		m.digest(&p, alg, sum, n.line)
	}
	clean, _, ok := address(m.text(n, "resolved"))
	if !ok {
		m.fail(n.line, "package %q: resolved is not a URL", p.Name)
	}
	if !p.Local {
		p.Source = clean
	}
	return p
}

// coordinates are what names an artifact: with a classifier, or of another type than
// jar, it is another file.
func (m *maven) coordinates(n *node, version string, dev bool) Package {
	group, artifact := m.text(n, "groupId"), m.text(n, "artifactId")
	p := Package{Name: group + ":" + artifact, Version: version, Line: n.line, Dev: dev || m.text(n, "scope") == "test"}
	if group == "" || artifact == "" || version == "" {
		m.fail(n.line, "a dependency without groupId, artifactId or version")
	}
	if m.text(n, "scope") == "system" { // a file of this machine
		p.Local = true
		return p
	}
	typ := m.text(n, "type")
	if typ == "jar" {
		typ = ""
	}
	p.PURL = purl("maven", group, artifact, version, "classifier", m.text(n, "classifier"), "type", typ)
	return p
}
