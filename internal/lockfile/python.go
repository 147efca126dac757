package lockfile

import (
	"strings"

	"github.com/touchmark-go/touchmark/provenance"
)

// A pyPackage is a package of a lock of Python's tools.
type pyPackage struct {
	pkg   Package
	needs []pyNeed
	dev   []pyNeed // of a project: for developing
	to    []int
}

// A pyNeed is a dependency by normalised name; of several versions behind markers
// it can be each, unless version says which.
type pyNeed struct {
	name, version string
	line          int
}

// python finds who depends on whom and adds all.
func (d *doc) python(list []pyPackage) {
	byName := map[string][]int{}
	for i := range list {
		byName[list[i].pkg.Name] = append(byName[list[i].pkg.Name], i)
	}
	var product, tools []int
	for i := range list {
		p := &list[i]
		for k, needs := range [][]pyNeed{p.needs, p.dev} {
			for _, n := range needs {
				for _, to := range byName[n.name] {
					if !d.edge(n.line) {
						return
					}
					if n.version != "" && n.version != list[to].pkg.Version {
						continue
					}
					if to != i && k == 0 {
						p.to = append(p.to, to)
						p.pkg.Dependencies = append(p.pkg.Dependencies, list[to].pkg.ID())
					} else if to != i {
						tools = append(tools, to)
					}
				}
			}
		}
		if p.pkg.Local {
			product = append(product, i)
		}
	}
	if len(tools) > 0 {
		onlyDev(len(list), product, tools, func(i int) []int { return list[i].to }, func(i int) { list[i].pkg.Dev = true })
	}
	for _, p := range list {
		d.add(p.pkg)
	}
}

// pyFiles reads a list of {hash = "sha256:…"} into digests.
func (d *doc) pyFiles(files []*node) (digests []provenance.Digest) {
	for _, f := range files {
		hash := d.text(f, "hash")
		if hash == "" {
			continue // of what is fetched from a repository
		}
		alg, sum, _ := strings.Cut(hash, ":")
		if digest, ok := d.parseDigest(alg, sum, f.line); ok {
			digests = append(digests, digest)
		}
	}
	return digests
}

// parsePoetry reads poetry.lock of versions 1 and 2.
func parsePoetry(d *doc) {
	root := d.toml()
	if d.err != nil {
		return
	}
	metadata := d.member(root, "metadata", table)
	version := d.text(metadata, "lock-version")
	if major, _, _ := strings.Cut(version, "."); major != "1" && major != "2" {
		line := 1
		if metadata != nil {
			line = metadata.line
		}
		d.fail(line, "lock-version is %.20q, want 1 or 2", version)
		return
	}
	d.lock.Format += " " + version
	d.lock.Edges = true
	files := d.member(metadata, "files", table)
	var list []pyPackage
	for _, n := range d.tables(root, "package") {
		name := d.text(n, "name")
		p := Package{Name: pypiName(name), Version: d.text(n, "version"), Line: n.line, Optional: d.flag(n, "optional")}
		if p.Name == "" || p.Version == "" {
			d.fail(n.line, "a package without name and version")
			return
		}
		p.Dev = d.text(n, "category") == "dev"
		if groups := d.texts(n, "groups"); len(groups) > 0 {
			p.Dev = true
			for _, g := range groups {
				p.Dev = p.Dev && g.text != "main"
			}
		}
		digests := d.pyFiles(d.tables(n, "files"))
		if files != nil {
			digests = append(digests, d.pyFiles(d.tables(files, name))...)
		}
		source := d.member(n, "source", table)
		d.poetrySource(&p, source)
		if !p.Local {
			p.files(digests)
		}
		q := pyPackage{pkg: p}
		if m := d.member(n, "dependencies", table); m != nil {
			for i, name := range m.names {
				q.needs = append(q.needs, pyNeed{name: pypiName(name), line: m.items[i].line})
			}
		}
		list = append(list, q)
	}
	if d.err == nil {
		d.python(list)
	}
}

// poetrySource fills in where a package comes from: the registry if nothing says so.
func (d *doc) poetrySource(p *Package, source *node) {
	kind, raw := d.text(source, "type"), d.text(source, "url")
	clean, _, ok := address(raw)
	if !ok {
		d.fail(source.line, "package %q: the source is not a URL", p.Name)
		return
	}
	switch kind {
	case "", "legacy":
		p.Source, p.PURL = clean, purl("pypi", "", p.Name, p.Version)
	case "git":
		p.Source = clean
		p.PURL = purl("pypi", "", p.Name, p.Version, "vcs_url", "git+"+strings.TrimPrefix(clean, "git+")+"@"+d.text(source, "resolved_reference"))
	case "url":
		p.Source, p.PURL = clean, purl("pypi", "", p.Name, p.Version, "download_url", clean)
	case "directory", "file":
		p.Local = true
	default:
		d.fail(source.line, "package %q: the source is of the type %.20q, want git, url, legacy, directory or file", p.Name, kind)
	}
}

// parseUV reads uv.lock of version 1. A package of the workspace is local.
func parseUV(d *doc) {
	root := d.toml()
	if d.err != nil {
		return
	}
	version := d.member(root, "version", number)
	if version == nil || version.text != "1" {
		d.fail(1, "version is not 1")
		return
	}
	d.lock.Format += " 1"
	d.lock.Edges = true
	var list []pyPackage
	for _, n := range d.tables(root, "package") {
		p := Package{Name: pypiName(d.text(n, "name")), Version: d.text(n, "version"), Line: n.line}
		if p.Name == "" {
			d.fail(n.line, "a package without a name")
			return
		}
		d.uvSource(&p, d.member(n, "source", table), n.line)
		files := d.tables(n, "wheels")
		if sdist := d.member(n, "sdist", table); sdist != nil {
			files = append([]*node{sdist}, files...)
		}
		if digests := d.pyFiles(files); !p.Local {
			p.files(digests)
		}
		q := pyPackage{pkg: p, needs: d.uvNeeds(n, "dependencies")}
		if m := d.member(n, "optional-dependencies", table); m != nil {
			for _, name := range m.names {
				q.needs = append(q.needs, d.uvNeeds(m, name)...)
			}
		}
		for _, kind := range []string{"dev-dependencies", "dependency-groups"} {
			if m := d.member(n, kind, table); m != nil {
				for _, name := range m.names {
					q.dev = append(q.dev, d.uvNeeds(m, name)...)
				}
			}
		}
		list = append(list, q)
	}
	if d.err == nil {
		d.python(list)
	}
}

func (d *doc) uvNeeds(n *node, name string) (needs []pyNeed) {
	for _, item := range d.tables(n, name) {
		needs = append(needs, pyNeed{pypiName(d.text(item, "name")), d.text(item, "version"), item.line})
	}
	return needs
}

func (d *doc) uvSource(p *Package, source *node, line int) {
	if source == nil || len(source.names) == 0 {
		d.fail(line, "package %q has no source", p.Name)
		return
	}
	kind := source.names[0]
	raw := d.text(source, kind)
	clean, fragment, ok := address(raw)
	if !ok {
		d.fail(source.line, "package %q: the source is not a URL", p.Name)
		return
	}
	switch kind {
	case "registry":
		p.Source, p.PURL = clean, purl("pypi", "", p.Name, p.Version)
	case "git":
		p.Source, p.PURL = clean, purl("pypi", "", p.Name, p.Version, "vcs_url", "git+"+clean+"@"+fragment)
	case "url":
		p.Source, p.PURL = clean, purl("pypi", "", p.Name, p.Version, "download_url", clean)
	case "virtual", "editable", "directory", "path":
		p.Local = true
	default:
		d.fail(source.line, "package %q: the source is %.20q, want registry, git, url, virtual, editable, directory or path", p.Name, kind)
	}
}

// parsePipfile reads Pipfile.lock. It does not tell who depends on whom.
func parsePipfile(d *doc) {
	root := d.json()
	if d.err != nil {
		return
	}
	meta := d.member(root, "_meta", table)
	if meta == nil {
		d.fail(1, "_meta is missing")
		return
	}
	if spec := d.member(meta, "pipfile-spec", number); spec != nil {
		d.lock.Format += " " + spec.text
	}
	for i, group := range root.names {
		n := root.items[i]
		if group == "_meta" {
			continue
		}
		if n.kind != table {
			d.fail(n.line, "%.80q is %s, want a table", group, n.kind)
			return
		}
		for j, name := range n.names {
			d.pipfilePackage(name, n.items[j], group == "develop")
		}
	}
}

func (d *doc) pipfilePackage(name string, n *node, dev bool) {
	p := Package{Name: pypiName(name), Line: n.line, Dev: dev}
	version := d.text(n, "version")
	p.Version = strings.TrimPrefix(strings.TrimPrefix(version, "=="), "=")
	var digests []provenance.Digest
	for _, hash := range d.texts(n, "hashes") {
		alg, sum, _ := strings.Cut(hash.text, ":")
		if digest, ok := d.parseDigest(alg, sum, hash.line); ok {
			digests = append(digests, digest)
		}
	}
	git, file := d.text(n, "git"), d.text(n, "file")
	clean, _, ok := address(git + file)
	switch {
	case !ok:
		d.fail(n.line, "package %q: the source is not a URL", p.Name)
	case git != "":
		p.Source, p.PURL = clean, purl("pypi", "", p.Name, p.Version, "vcs_url", "git+"+strings.TrimPrefix(clean, "git+")+"@"+d.text(n, "ref"))
	case d.text(n, "path") != "" || isLocal(file):
		p.Local = true
	case file != "":
		p.Source, p.PURL = clean, purl("pypi", "", p.Name, p.Version, "download_url", clean)
	case !strings.HasPrefix(version, "==") || !isPipVersion(p.Version):
		d.fail(n.line, "package %q is not locked: found %.80q, want ==VERSION", p.Name, version)
	default:
		p.PURL = purl("pypi", "", p.Name, p.Version)
	}
	if !p.Local {
		p.files(digests)
	}
	d.add(p)
}
