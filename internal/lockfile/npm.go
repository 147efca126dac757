package lockfile

import (
	"strings"
)

// maxLevels is how many folders deep npm may install a package below another.
const maxLevels = 64

// An npmEntry is one folder of an installation as npm's lock describes it.
type npmEntry struct {
	location string // "node_modules/a/node_modules/b", "packages/own"
	target   string // of a link: the location that it leads to
	pkg      Package
	requires []string // names of dependencies
}

// parseNPM reads package-lock.json and its kin, of lockfileVersion 1, 2 and 3
// (npm documentation, "package-lock.json"). Version 2 says everything twice, and
// only the newer half is read, as npm does.
func parseNPM(d *doc) {
	root := d.json()
	if d.err != nil {
		return
	}
	if root.kind != table {
		d.fail(root.line, "found %s, want an object", root.kind)
		return
	}
	version := d.member(root, "lockfileVersion", number)
	if version == nil {
		d.fail(root.line, "lockfileVersion is missing, want 1, 2 or 3")
		return
	}
	t := npmTree{d: d, at: map[string]int{}, dirs: map[string]*npmDir{}}
	switch version.text {
	case "1":
		t.nested("", d.member(root, "dependencies", table))
	case "2", "3":
		packages := d.member(root, "packages", table)
		if packages == nil {
			d.fail(version.line, "lockfileVersion is %s and packages is missing", version.text)
			return
		}
		t.flat(packages)
	default:
		d.fail(version.line, "lockfileVersion is %.20s, want 1, 2 or 3", version.text)
		return
	}
	d.lock.Format += " " + version.text
	d.lock.Edges = true
	t.resolve()
}

// An npmTree are the folders of an installation.
type npmTree struct {
	d       *doc
	entries []npmEntry
	at      map[string]int // location to index in entries
	dirs    map[string]*npmDir
}

// An npmDir is a folder that packages are loaded from: those in its node_modules.
type npmDir struct {
	parent  *npmDir
	modules map[string]int
}

func (t *npmTree) add(e npmEntry) {
	if len(t.entries) >= MaxPackages {
		t.d.failLimit(e.pkg.Line, "more than %d packages", MaxPackages)
		return
	}
	if strings.Count(e.location, "/") > maxLevels {
		t.d.failLimit(e.pkg.Line, "%.80q is more than %d folders deep", e.location, maxLevels)
		return
	}
	i := len(t.entries)
	t.at[e.location] = i
	if name, installed := cutLast(e.location, modules+"/"); installed {
		above := strings.TrimSuffix(e.location[:len(e.location)-len(name)], modules+"/")
		dir := t.dir(strings.TrimSuffix(above, "/"))
		if dir.modules == nil {
			dir.modules = map[string]int{}
		}
		dir.modules[name] = i
	}
	t.entries = append(t.entries, e)
}

// modules is the folder that Node.js loads packages from.
const modules = "node_modules"

// dir is the folder at a location.
func (t *npmTree) dir(location string) *npmDir {
	if d, ok := t.dirs[location]; ok {
		return d
	}
	d := &npmDir{}
	t.dirs[location] = d
	if location != "" {
		above, _ := splitLast(location, "/")
		d.parent = t.dir(above)
	}
	return d
}

// flat reads "packages" of versions 2 and 3: by location.
func (t *npmTree) flat(packages *node) {
	d := t.d
	for i, location := range packages.names {
		n := packages.items[i]
		if n.kind != table {
			d.fail(n.line, "package %.80q is %s, want an object", location, n.kind)
		}
		if d.err != nil {
			return
		}
		e := npmEntry{location: location, pkg: Package{Line: n.line, Name: d.text(n, "name"), Version: d.text(n, "version")}}
		resolved := d.text(n, "resolved")
		if d.flag(n, "link") {
			e.target = resolved
			t.add(e)
			continue
		}
		own, installed := cutLast(location, modules+"/")
		if e.pkg.Name == "" {
			e.pkg.Name = own
			if !installed {
				_, e.pkg.Name = splitLast(location, "/")
			}
		}
		e.pkg.Local = !installed
		e.pkg.Dev, e.pkg.Optional = d.flag(n, "dev"), d.flag(n, "optional") || d.flag(n, "devOptional")
		e.pkg.Bundled = d.flag(n, "inBundle")
		t.describe(&e.pkg, resolved, d.text(n, "integrity"))
		for _, kind := range []string{"dependencies", "optionalDependencies", "peerDependencies"} {
			if m := d.member(n, kind, table); m != nil {
				e.requires = append(e.requires, m.names...)
			}
		}
		if location == "" {
			continue // the project itself
		}
		t.add(e)
	}
}

// nested reads "dependencies" of version 1, which nest as the folders do.
func (t *npmTree) nested(parent string, dependencies *node) {
	d := t.d
	if dependencies == nil {
		return
	}
	for i, name := range dependencies.names {
		n := dependencies.items[i]
		if n.kind != table {
			d.fail(n.line, "dependency %.80q is %s, want an object", name, n.kind)
		}
		if d.err != nil {
			return
		}
		e := npmEntry{location: parent + modules + "/" + name, pkg: Package{Line: n.line, Name: name}}
		version, resolved := d.text(n, "version"), d.text(n, "resolved")
		switch alias, ok := strings.CutPrefix(version, "npm:"); {
		case ok:
			at := strings.LastIndexByte(alias, '@')
			if at <= 0 {
				d.fail(n.line, "version is %.80q, want npm:NAME@VERSION", version)
				return
			}
			e.pkg.Name, e.pkg.Version = alias[:at], alias[at+1:]
		case isLocal(version):
			resolved = version
		case strings.Contains(version, ":"):
			// A repository or an archive somewhere: no version is known.
			resolved = version
		default:
			e.pkg.Version = version
		}
		e.pkg.Dev, e.pkg.Optional, e.pkg.Bundled = d.flag(n, "dev"), d.flag(n, "optional"), d.flag(n, "bundled")
		t.describe(&e.pkg, resolved, d.text(n, "integrity"))
		if m := n.get("requires"); m != nil && m.kind == table {
			e.requires = m.names
		} else if m != nil && m.kind != boolean {
			d.fail(m.line, "requires is %s, want an object", m.kind)
		}
		t.add(e)
		t.nested(e.location+"/", d.member(n, "dependencies", table))
	}
}

// describe fills in where p comes from, its digests and its package URL.
func (t *npmTree) describe(p *Package, resolved, integrity string) {
	d := t.d
	d.integrity(p, integrity, p.Line)
	p.Local = p.Local || isLocal(resolved)
	clean, fragment, ok := address(resolved)
	if !ok {
		d.fail(p.Line, "package %.80q: resolved is not a URL", p.Name)
		return
	}
	if p.Local {
		// The path could tell where somebody works.
		p.Digests, p.SHA1 = nil, ""
		return
	}
	p.Source = clean
	p.PURL = npmPURL(p.Name, p.Version, resolved, clean, fragment)
}

// npmPURL is the package URL of an npm package. A registry's archives have a path
// that tells them; others are named by where they are, so that nobody takes them
// for the registry's package of that name.
func npmPURL(name, version, resolved, clean, fragment string) string {
	scope, base := splitLast(name, "/")
	switch {
	case clean == "" || strings.Contains(clean, "/"+name+"/-/") || strings.Contains(strings.ToLower(clean), "/"+strings.ToLower(strings.ReplaceAll(name, "/", "%2f"))+"/-/"):
		return purl("npm", scope, base, version)
	case isGit(resolved) || !strings.Contains(clean, "://"):
		at := ""
		if fragment != "" {
			at = "@" + fragment
		}
		return purl("npm", scope, base, version, "vcs_url", clean+at)
	}
	return purl("npm", scope, base, version, "download_url", clean)
}

// resolve finds the folder that each dependency is loaded from, as Node.js does:
// in node_modules of the package, then of each folder above it.
func (t *npmTree) resolve() {
	for i := range t.entries {
		e := &t.entries[i]
		if e.target != "" {
			continue
		}
		for _, name := range e.requires {
			if !t.d.edge(e.pkg.Line) {
				return
			}
			if to := t.find(e.location, name); to >= 0 && to != i {
				e.pkg.Dependencies = append(e.pkg.Dependencies, t.entries[to].pkg.ID())
			}
		}
		t.d.add(e.pkg)
	}
	for i := range t.entries {
		e := &t.entries[i]
		if _, ok := t.at[e.target]; e.target != "" && !ok {
			t.d.omit(e.pkg.Line, "link "+e.location)
		}
	}
}

// find is the package that a dependency of the folder from is, -1 if it is not
// installed.
func (t *npmTree) find(from, name string) int {
	for dir := t.dir(from); dir != nil; dir = dir.parent {
		i, ok := dir.modules[name]
		if !ok {
			continue
		}
		if target := t.entries[i].target; target != "" {
			if i, ok = t.at[target]; !ok {
				return -1
			}
		}
		return i
	}
	return -1
}

// cutLast is what stands behind the last sep in s, and whether there is one; else s.
func cutLast(s, sep string) (string, bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[i+len(sep):], true
	}
	return s, false
}

// splitLast are the parts of s before and behind the last sep; without one all
// of it is behind.
func splitLast(s, sep string) (string, string) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):]
	}
	return "", s
}
