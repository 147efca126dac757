package lockfile

import (
	"net/url"
	"strings"

	"github.com/touchmark-go/touchmark/provenance"
)

// parseBazel reads MODULE.bazel.lock (Bazel documentation, "Bazel Lockfile"). The
// modules that were selected are those whose source.json a registry was asked for;
// files of the versions that lost are in the lock as well. Before there were hashes
// of registry files, the file held the graph of the selected modules.
//
// The hash of a registry's file is of no file of the module, and is carried as TreeSum.
func parseBazel(d *doc) {
	root := d.json()
	if d.err != nil {
		return
	}
	version := d.member(root, "lockFileVersion", number)
	if version == nil {
		d.fail(1, "lockFileVersion is missing")
		return
	}
	d.lock.Format += " " + version.text
	files := d.member(root, "registryFileHashes", table)
	graph := d.member(root, "moduleDepGraph", table)
	switch {
	case files != nil:
		d.bazelFiles(files)
	case graph != nil:
		d.bazelGraph(graph)
	default:
		d.fail(version.line, "there is neither registryFileHashes nor moduleDepGraph")
	}
}

func (d *doc) bazelFiles(files *node) {
	for i, address := range files.names {
		n := files.items[i]
		if n.kind == null || !strings.HasSuffix(address, "/source.json") {
			continue // what was looked for and not found; what did not win
		}
		u, err := url.Parse(address)
		if err != nil || n.kind != text {
			d.fail(n.line, "found %.80q, want the address of a file and its hash", address)
			return
		}
		parts := strings.Split(strings.TrimSuffix(u.Path, "/source.json"), "/")
		if len(parts) < 3 || parts[len(parts)-3] != "modules" {
			d.fail(n.line, "found %.80q, want …/modules/NAME/VERSION/source.json", address)
			return
		}
		digest, ok := d.parseDigest(provenance.SHA256, n.text, n.line)
		if !ok {
			return
		}
		name, version := parts[len(parts)-2], parts[len(parts)-1]
		u.User, u.RawQuery = nil, ""
		d.add(Package{Name: name, Version: version, Line: n.line, PURL: purl("bazel", "", name, version),
			Source: u.String(), TreeSum: "source.json " + digest.String()})
	}
}

func (d *doc) bazelGraph(graph *node) {
	d.lock.Edges = true
	ids := map[string]string{}
	var list []Package
	for i, key := range graph.names {
		n := graph.items[i]
		name, version := d.text(n, "name"), d.text(n, "version")
		p := Package{Name: name, Version: version, Line: n.line, Local: key == "<root>" || version == ""}
		if p.Local && name == "" {
			p.Name = key
		}
		if !p.Local {
			p.PURL = purl("bazel", "", name, version)
			if attributes := d.member(d.member(n, "repoSpec", table), "attributes", table); attributes != nil {
				d.integrity(&p, d.text(attributes, "integrity"), attributes.line)
				if urls := d.texts(attributes, "urls"); len(urls) > 0 {
					p.Source, _, _ = address(urls[0].text)
				}
			}
		}
		ids[key] = p.ID()
		list = append(list, p)
	}
	for i, key := range graph.names {
		if deps := d.member(graph.items[i], "deps", table); deps != nil {
			for _, to := range deps.items {
				if !d.edge(to.line) {
					return
				}
				if id, ok := ids[to.text]; ok && to.text != key {
					list[i].Dependencies = append(list[i].Dependencies, id)
				}
			}
		}
		d.add(list[i])
	}
}
