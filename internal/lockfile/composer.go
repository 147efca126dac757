package lockfile

import (
	"strings"
)

// parseComposer reads composer.lock. The sum of an archive in it is a SHA-1, and
// mostly empty.
func parseComposer(d *doc) {
	root := d.json()
	if d.err != nil {
		return
	}
	if d.member(root, "packages", list) == nil {
		d.fail(1, "packages is missing")
		return
	}
	d.lock.Edges = true
	var packages []Package
	var nodes []*node
	ids := map[string]string{}
	for _, kind := range []string{"packages", "packages-dev"} {
		for _, n := range d.tables(root, kind) {
			p := d.composerPackage(n, kind == "packages-dev")
			if d.err != nil {
				return
			}
			if ids[p.Name] != "" {
				d.fail(n.line, "package %q is already there", p.Name)
				return
			}
			ids[p.Name] = p.ID()
			packages, nodes = append(packages, p), append(nodes, n)
		}
	}
	for i := range packages {
		if m := d.member(nodes[i], "require", table); m != nil {
			for _, name := range m.names {
				if !d.edge(m.line) {
					return
				}
				if id := ids[strings.ToLower(name)]; id != "" && id != packages[i].ID() {
					packages[i].Dependencies = append(packages[i].Dependencies, id)
				}
			}
		}
		d.add(packages[i])
	}
}

func (d *doc) composerPackage(n *node, dev bool) Package {
	p := Package{Name: strings.ToLower(d.text(n, "name")), Version: d.text(n, "version"), Line: n.line, Dev: dev}
	namespace, name := splitLast(p.Name, "/")
	if name == "" || p.Version == "" {
		d.fail(n.line, "a package without name and version")
		return p
	}
	dist, source := d.member(n, "dist", table), d.member(n, "source", table)
	if sum := d.text(dist, "shasum"); sum != "" {
		d.digest(&p, "sha1", sum, dist.line)
	}
	raw := d.text(dist, "url")
	if raw == "" {
		raw = d.text(source, "url")
	}
	clean, _, ok := address(raw)
	if !ok {
		d.fail(n.line, "package %q: the source is not a URL", p.Name)
	}
	if d.text(dist, "type") == "path" || isLocal(raw) {
		p.Local, p.SHA1 = true, ""
		return p
	}
	p.Source, p.PURL = clean, purl("composer", namespace, name, p.Version)
	return p
}
