package lockfile

import (
	"strings"
)

// parsePNPM reads pnpm-lock.yaml of versions 5, 6 and 9. They differ in how a
// package is named: "/name/1.0.0_peers", "/name@1.0.0(peers)", "name@1.0.0(peers)";
// and the last one says apart what a package is and what it depends on there.
func parsePNPM(d *doc) {
	root := d.yaml()
	if d.err != nil {
		return
	}
	v := root.get("lockfileVersion")
	if v == nil || v.kind != text {
		d.fail(1, "lockfileVersion is missing")
		return
	}
	major, _, _ := strings.Cut(v.text, ".")
	if major != "5" && major != "6" && major != "9" {
		d.fail(v.line, "lockfileVersion is %.20q, want 5, 6 or 9", v.text)
		return
	}
	d.lock.Format += " " + v.text
	d.lock.Edges = true
	p := pnpm{d: d, major: major, at: map[string]int{}}
	packages := d.member(root, "packages", table)
	instances := packages
	if major == "9" {
		instances = d.member(root, "snapshots", table)
	}
	if instances != nil {
		for i, key := range instances.names {
			p.entry(key, instances.items[i], packages)
		}
	}
	for i := range p.entries {
		p.resolve(i)
	}
	if major == "9" {
		p.findDev(root)
	}
	for _, e := range p.entries {
		d.add(e.pkg)
	}
}

type pnpm struct {
	d       *doc
	major   string
	entries []pnpmEntry
	at      map[string]int
}

type pnpmEntry struct {
	node *node
	pkg  Package
	to   []int
}

// entry reads one package, as it is installed with its peers.
func (p *pnpm) entry(key string, n, packages *node) {
	d := p.d
	if n.kind == null {
		n = &node{kind: table, line: n.line}
	}
	if n.kind != table {
		d.fail(n.line, "%.80q is %s, want a table", key, n.kind)
	}
	if len(p.entries) >= MaxPackages {
		d.failLimit(n.line, "more than %d packages", MaxPackages)
	}
	if d.err != nil {
		return
	}
	about, plain := n, key
	if i := strings.IndexByte(key, '('); i >= 0 && p.major != "5" {
		plain = key[:i]
	}
	if p.major == "9" {
		if about = packages.get(plain); about == nil {
			d.fail(n.line, "%.80q is not among the packages", plain)
			return
		}
	}
	name, version := p.name(plain)
	e := pnpmEntry{node: n, pkg: Package{Line: n.line, Dev: d.flag(n, "dev"), Optional: d.flag(n, "optional")}}
	q := &e.pkg
	if own := d.text(about, "name"); own != "" {
		name = own
	}
	if own := d.text(about, "version"); own != "" {
		version = own
	}
	resolution := d.member(about, "resolution", table)
	if resolution == nil {
		d.fail(about.line, "%.80q has no resolution", key)
		return
	}
	if name == "" {
		d.fail(n.line, "%.80q names no package", key)
		return
	}
	q.Name, q.Version = name, version
	d.integrity(q, d.text(resolution, "integrity"), n.line)
	tarball, repository := d.text(resolution, "tarball"), d.text(resolution, "repo")
	clean, _, ok := address(tarball)
	place, _, okRepository := address(repository)
	switch {
	case !ok || !okRepository:
		d.fail(n.line, "package %.80q: the resolution is not a URL", name)
	case d.text(resolution, "directory") != "" || isLocal(tarball) || isLocal(version):
		q.Local, q.Digests, q.SHA1 = true, nil, ""
		if isLocal(version) {
			q.Version = ""
		}
	case repository != "":
		q.Source = place
		q.PURL = npmPURL(name, notURL(version), "git+"+place, "git+"+strings.TrimPrefix(place, "git+"), d.text(resolution, "commit"))
		q.Version = notURL(version)
	default:
		q.Source, q.Version = clean, notURL(version)
		q.PURL = npmPURL(name, q.Version, clean, clean, "")
	}
	if _, ok := p.at[key]; ok {
		d.fail(n.line, "%.80q is already there", key)
		return
	}
	p.at[key] = len(p.entries)
	p.entries = append(p.entries, e)
}

// notURL is a version, or "" of an address in its place.
func notURL(version string) string {
	if strings.ContainsAny(version, ":/") {
		return ""
	}
	return version
}

// name splits the key of a package.
func (p *pnpm) name(key string) (name, version string) {
	key = strings.TrimPrefix(key, "/")
	if p.major != "5" {
		return splitDescriptor(key)
	}
	at := strings.LastIndexByte(key, '/')
	if at <= 0 {
		return "", ""
	}
	version, _, _ = strings.Cut(key[at+1:], "_")
	return key[:at], version
}

// resolve finds what entry i depends on. What is linked or left out is not there.
func (p *pnpm) resolve(i int) {
	for _, kind := range []string{"dependencies", "optionalDependencies"} {
		m := p.d.member(p.entries[i].node, kind, table)
		if m == nil {
			continue
		}
		for j, name := range m.names {
			if !p.d.edge(m.items[j].line) {
				return
			}
			if to := p.find(name, m.items[j]); to >= 0 && to != i {
				p.entries[i].to = append(p.entries[i].to, to)
				p.entries[i].pkg.Dependencies = append(p.entries[i].pkg.Dependencies, p.entries[to].pkg.ID())
			}
		}
	}
}

// find is the entry that a dependency leads to, -1 if there is none. The version can
// be the key of a package with another name.
func (p *pnpm) find(name string, version *node) int {
	if version.kind != text {
		p.d.fail(version.line, "the version of %.80q is %s, want text", name, version.kind)
		return -1
	}
	for _, key := range []string{name + "@" + version.text, "/" + name + "@" + version.text, "/" + name + "/" + version.text, version.text, "/" + version.text} {
		if i, ok := p.at[key]; ok {
			return i
		}
	}
	if !strings.HasPrefix(version.text, "link:") {
		p.d.fail(version.line, "dependency %.80q: %.80q is not locked", name, version.text)
	}
	return -1
}

// findDev marks what only the projects' devDependencies lead to: version 9 does not
// say it of each package.
func (p *pnpm) findDev(root *node) {
	var product, tools []int
	importers := p.d.member(root, "importers", table)
	if importers == nil {
		return
	}
	for _, project := range importers.items {
		for _, kind := range []string{"dependencies", "optionalDependencies", "devDependencies"} {
			m := p.d.member(project, kind, table)
			if m == nil {
				continue
			}
			for i, name := range m.names {
				version := p.d.member(m.items[i], "version", text)
				if version == nil {
					p.d.fail(m.items[i].line, "dependency %.80q has no version", name)
					return
				}
				if to := p.find(name, version); to < 0 {
					continue
				} else if kind == "devDependencies" {
					tools = append(tools, to)
				} else {
					product = append(product, to)
				}
			}
		}
	}
	onlyDev(len(p.entries), product, tools, func(i int) []int { return p.entries[i].to }, func(i int) { p.entries[i].pkg.Dev = true })
}

// onlyDev calls mark for what can be reached from tools and not from product.
func onlyDev(count int, product, tools []int, next func(int) []int, mark func(int)) {
	reach := func(from []int) []bool {
		seen := make([]bool, count)
		for todo := from; len(todo) > 0; {
			i := todo[len(todo)-1]
			todo = todo[:len(todo)-1]
			if !seen[i] {
				seen[i] = true
				todo = append(todo, next(i)...)
			}
		}
		return seen
	}
	shipped, used := reach(product), reach(tools)
	for i := range count {
		if used[i] && !shipped[i] {
			mark(i)
		}
	}
}
