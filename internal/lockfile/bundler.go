package lockfile

import (
	"strings"

	"github.com/touchmark-go/touchmark/provenance"
)

// parseBundler reads Gemfile.lock and gems.locked: sections by headings in capitals,
// in which the indentation tells a gem (4) from what it depends on (6).
func parseBundler(d *doc) {
	b := bundler{d: d, at: map[string]int{}}
	number := 0
	for raw := range strings.SplitSeq(string(d.data), "\n") {
		number++
		raw = strings.TrimRight(raw, "\r ")
		text := strings.TrimLeft(raw, " ")
		if len(raw) > MaxText {
			d.failLimit(number, "a line of more than %d bytes", MaxText)
		}
		if d.err != nil {
			return
		}
		switch indent := len(raw) - len(text); {
		case text == "":
		case indent == 0:
			b.section, b.remote, b.revision, b.specs = text, "", "", false
			switch text {
			case "GEM", "GIT", "PATH", "PLUGIN SOURCE", "PLATFORMS", "DEPENDENCIES", "RUBY VERSION", "BUNDLED WITH", "CHECKSUMS":
			default:
				d.fail(number, "the section %.80q is not known", text)
			}
		case b.section == "":
			d.fail(number, "found %.80q, want a heading", text)
		case b.section == "CHECKSUMS":
			b.checksum(number, text)
		case b.section == "GEM" || b.section == "GIT" || b.section == "PATH" || b.section == "PLUGIN SOURCE":
			b.line(number, indent, text)
		}
	}
	d.lock.Edges = true
	b.resolve()
}

type bundler struct {
	d                         *doc
	section, remote, revision string
	specs                     bool
	gems                      []gem
	at                        map[string]int // by "name (version)" as it is written
}

type gem struct {
	pkg   Package
	needs []string
}

func (b *bundler) line(number, indent int, text string) {
	switch {
	case indent == 2 && text == "specs:":
		b.specs = true
	case indent == 2:
		name, value, ok := strings.Cut(text, ": ")
		if !ok || b.specs {
			b.d.fail(number, "found %.80q, want NAME: VALUE", text)
			return
		}
		switch name {
		case "remote":
			b.remote = value
		case "revision":
			b.revision = value
		}
	case indent == 4 && b.specs:
		b.gem(number, text)
	case indent == 6 && len(b.gems) > 0 && b.specs:
		name, _, _ := strings.Cut(text, " ")
		last := &b.gems[len(b.gems)-1]
		last.needs = append(last.needs, strings.TrimSuffix(name, "!"))
	default:
		b.d.fail(number, "it is indented by %d, want 2, 4 or 6", indent)
	}
}

// gem reads "name (version)" or "name (version-platform)".
func (b *bundler) gem(number int, text string) {
	name, version, ok := strings.Cut(text, " (")
	version, end := strings.CutSuffix(version, ")")
	if !ok || !end || name == "" || version == "" || strings.ContainsAny(version, " ()") {
		b.d.fail(number, "found %.80q, want NAME (VERSION)", text)
		return
	}
	if _, ok := b.at[text]; ok {
		b.d.fail(number, "%.80q is already there", text)
		return
	}
	if len(b.gems) >= MaxPackages {
		b.d.failLimit(number, "more than %d packages", MaxPackages)
		return
	}
	clean, _, ok := address(b.remote)
	if !ok {
		b.d.fail(number, "package %.80q: the remote is not a URL", name)
		return
	}
	version, platform, _ := strings.Cut(version, "-")
	p := Package{Name: name, Version: version, Line: number, Source: clean}
	switch b.section {
	case "PATH":
		p.Local, p.Source = true, ""
	case "GIT":
		p.PURL = purl("gem", "", name, version, "vcs_url", "git+"+clean+"@"+b.revision)
	default:
		p.PURL = purl("gem", "", name, version, "platform", platform)
	}
	b.at[text] = len(b.gems)
	b.gems = append(b.gems, gem{pkg: p})
}

// checksum reads "name (version) sha256=…"; a gem that has none stands there alone.
func (b *bundler) checksum(number int, text string) {
	key, sum, ok := strings.Cut(text, ") ")
	if !ok {
		return
	}
	alg, sum, _ := strings.Cut(sum, "=")
	digest, ok := b.d.parseDigest(alg, sum, number)
	if i, known := b.at[key+")"]; ok && known {
		b.gems[i].pkg.Digests = provenance.Set(digest)
	}
}

// resolve finds the gems of each name: one for every platform.
func (b *bundler) resolve() {
	byName := map[string][]string{}
	for i := range b.gems {
		name := b.gems[i].pkg.Name
		byName[name] = append(byName[name], b.gems[i].pkg.ID())
	}
	for i := range b.gems {
		g := &b.gems[i]
		for _, name := range g.needs {
			for _, id := range byName[name] {
				if !b.d.edge(g.pkg.Line) {
					return
				}
				if id != g.pkg.ID() {
					g.pkg.Dependencies = append(g.pkg.Dependencies, id)
				}
			}
		}
		b.d.add(g.pkg)
	}
}
