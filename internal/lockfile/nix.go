package lockfile

import (
	"strings"
)

// parseFlake reads flake.lock (Nix Reference Manual, "Lock files"). narHash is of a
// listing of files and is carried as TreeSum.
func parseFlake(d *doc) {
	root := d.json()
	if d.err != nil {
		return
	}
	version := d.member(root, "version", number)
	if version == nil || version.text != "5" && version.text != "6" && version.text != "7" {
		d.fail(1, "version is not 5, 6 or 7")
		return
	}
	d.lock.Format += " " + version.text
	d.lock.Edges = true
	f := flake{d: d, nodes: d.member(root, "nodes", table), root: d.text(root, "root"), ids: map[string]string{}}
	if f.nodes.get(f.root) == nil {
		d.fail(root.line, "the root %.80q is not among the nodes", f.root)
		return
	}
	packages := make([]Package, len(f.nodes.names))
	for i, key := range f.nodes.names {
		if key != f.root {
			packages[i] = f.locked(key, f.nodes.items[i])
			f.ids[key] = packages[i].ID()
		}
	}
	for i, key := range f.nodes.names {
		if d.err != nil || key == f.root {
			continue
		}
		if inputs := d.member(f.nodes.items[i], "inputs", table); inputs != nil {
			for j, name := range inputs.names {
				if to := f.input(name, inputs.items[j]); to != "" && f.ids[to] != "" && to != key {
					packages[i].Dependencies = append(packages[i].Dependencies, f.ids[to])
				}
			}
		}
		d.add(packages[i])
	}
}

type flake struct {
	d     *doc
	nodes *node
	root  string
	ids   map[string]string
}

// locked is the package that a node is locked to.
func (f *flake) locked(key string, n *node) Package {
	d := f.d
	l := d.member(n, "locked", table)
	if l == nil {
		d.fail(n.line, "%.80q is not locked", key)
		return Package{}
	}
	kind, revision := d.text(l, "type"), d.text(l, "rev")
	clean, _, ok := address(d.text(l, "url"))
	if !ok {
		d.fail(l.line, "%.80q: the source is not a URL", key)
	}
	p := Package{Name: key, Version: revision, Line: n.line, TreeSum: d.text(l, "narHash")}
	owner, repository := d.text(l, "owner"), d.text(l, "repo")
	switch kind {
	case "github", "gitlab":
		if owner == "" || repository == "" || revision == "" {
			d.fail(l.line, "%.80q has no owner, repo or rev", key)
		}
		p.Name = owner + "/" + repository
		if kind == "github" {
			p.PURL = purl("github", strings.ToLower(owner), strings.ToLower(repository), revision)
		} else {
			p.PURL = purl("gitlab", strings.ToLower(owner), strings.ToLower(repository), revision)
		}
	case "git", "hg", "sourcehut":
		if clean == "" {
			clean = owner + "/" + repository
		}
		p.Source = clean
		if isLocal(clean) {
			p.Local = true
			break
		}
		p.PURL = purl("generic", "", key, revision, "vcs_url", kind+"+"+clean+"@"+revision)
	case "tarball", "file":
		p.Source = clean
		if isLocal(clean) {
			p.Local = true
			break
		}
		p.PURL = purl("generic", "", key, revision, "download_url", clean)
	case "path":
		p.Local = true
	default:
		d.fail(l.line, "%.80q is of the type %.20q, which locks nothing", key, kind)
	}
	if p.Local {
		p.Source = ""
	}
	return p
}

// input is the node that an input leads to: its name, or from the root the names of
// inputs on the way to it.
func (f *flake) input(name string, n *node) string {
	d := f.d
	if !d.edge(n.line) {
		return ""
	}
	if n.kind == text {
		if f.nodes.get(n.text) == nil {
			d.fail(n.line, "the input %.80q is %.80q, which is no node", name, n.text)
		}
		return n.text
	}
	if n.kind != list {
		d.fail(n.line, "the input %.80q is %s, want text or a list", name, n.kind)
		return ""
	}
	return f.follow(n, 0)
}

// follow goes a way of inputs from the root. Ways may lead over other ways, not in
// circles.
func (f *flake) follow(way *node, depth int) string {
	at := f.root
	if depth > MaxDepth || len(way.items) > MaxDepth {
		f.d.failLimit(way.line, "the way to an input is longer than %d", MaxDepth)
		return ""
	}
	for _, step := range way.items {
		if !f.d.edge(step.line) {
			return ""
		}
		next := f.nodes.get(at).get("inputs").get(step.text)
		switch {
		case step.kind != text || next == nil:
			f.d.fail(step.line, "there is no input %.80q in %.80q", step.text, at)
			return ""
		case next.kind == list:
			if at = f.follow(next, depth+1); at == "" {
				return ""
			}
		default:
			at = next.text
		}
	}
	return at
}
