package lockfile

import (
	"cmp"
	"strings"
)

// parseYarn reads yarn.lock: that of Yarn 1, in its own language, and that of the
// versions after it, in YAML.
func parseYarn(d *doc) {
	head := d.data
	if len(head) > 1024 {
		head = head[:1024]
	}
	y := yarn{d: d, at: map[string]int{}}
	if strings.Contains(string(head), "# yarn lockfile v1") {
		d.lock.Format += " 1"
		y.classic()
	} else {
		y.berry()
	}
	d.lock.Edges = true
	y.resolve()
}

// A yarn is a yarn.lock that is being read.
type yarn struct {
	d       *doc
	entries []yarnEntry
	at      map[string]int // by each "name@range" that it answers
}

type yarnEntry struct {
	pkg   Package
	needs []yarnNeed
}

// A yarnNeed is a dependency: a name and the range that is wanted of it.
type yarnNeed struct {
	name, want string
	line       int
}

func (y *yarn) add(e yarnEntry, descriptors []string) {
	if len(y.entries) >= MaxPackages {
		y.d.failLimit(e.pkg.Line, "more than %d packages", MaxPackages)
		return
	}
	for _, s := range descriptors {
		if _, ok := y.at[s]; ok {
			y.d.fail(e.pkg.Line, "%.80q is already there", s)
			return
		}
		y.at[s] = len(y.entries)
	}
	y.entries = append(y.entries, e)
}

// resolve finds the entry that answers each dependency. One that none answers is
// optional, or a peer that others bring.
func (y *yarn) resolve() {
	for i := range y.entries {
		e := &y.entries[i]
		for _, n := range e.needs {
			if !y.d.edge(n.line) {
				return
			}
			for _, descriptor := range []string{n.name + "@" + n.want, n.name + "@npm:" + n.want} {
				if to, ok := y.at[descriptor]; ok {
					if to != i {
						e.pkg.Dependencies = append(e.pkg.Dependencies, y.entries[to].pkg.ID())
					}
					break
				}
			}
		}
		y.d.add(e.pkg)
	}
}

// splitDescriptor splits "name@range"; the name of a scoped package begins with @.
func splitDescriptor(s string) (name, want string) {
	if s == "" {
		return "", ""
	}
	i := strings.IndexByte(s[1:], '@')
	if i < 0 {
		return s, ""
	}
	return s[:i+1], s[i+2:]
}

// classic reads the language of Yarn 1: names with a colon open a table by
// indentation, names with a value behind a space do not.
func (y *yarn) classic() {
	d := y.d
	var e yarnEntry
	var descriptors []string
	var integrity, resolved string
	open, in := false, ""
	seen := map[string]bool{}
	flush := func() {
		if !open || d.err != nil {
			return
		}
		p := &e.pkg
		clean, fragment, ok := address(resolved)
		if !ok {
			d.fail(p.Line, "package %.80q: resolved is not a URL", p.Name)
			return
		}
		name, want := splitDescriptor(descriptors[0])
		p.Name = name
		if alias, ok := strings.CutPrefix(want, "npm:"); ok {
			if real, _ := splitDescriptor(alias); real != "" {
				p.Name = real
			}
		}
		if p.Version == "" {
			d.fail(p.Line, "package %.80q has no version", p.Name)
		}
		p.Local = isLocal(want) || isLocal(resolved)
		if !p.Local {
			if isHex(fragment, 40) && !isGit(resolved) {
				p.SHA1 = fragment
			}
			d.integrity(p, integrity, p.Line)
			p.Source = clean
			p.PURL = npmPURL(p.Name, p.Version, resolved, clean, fragment)
		}
		y.add(e, descriptors)
	}
	number := 0
	for raw := range strings.SplitSeq(string(d.data), "\n") {
		number++
		raw = strings.TrimSuffix(raw, "\r")
		text := strings.TrimLeft(raw, " ")
		if d.err != nil || text == "" || text[0] == '#' {
			continue
		}
		if len(raw) > MaxText {
			d.failLimit(number, "a line of more than %d bytes", MaxText)
			return
		}
		switch indent := len(raw) - len(text); indent {
		case 0:
			flush()
			open, in = true, ""
			clear(seen)
			e, integrity, resolved = yarnEntry{pkg: Package{Line: number}}, "", ""
			descriptors = d.yarnHead(number, text)
		case 2, 4:
			if table, ok := strings.CutSuffix(text, ":"); ok && indent == 2 {
				in = table
				continue
			}
			name, value, ok := yarnPair(text)
			if !ok || !open || indent == 4 && in == "" {
				d.fail(number, "found %.80q, want NAME VALUE", text)
				return
			}
			if indent == 4 {
				if in == "dependencies" || in == "optionalDependencies" {
					e.needs = append(e.needs, yarnNeed{name, value, number})
				}
				continue
			}
			in = ""
			if seen[name] {
				d.fail(number, "%.80q is already there", name)
			}
			seen[name] = true
			switch name {
			case "version":
				e.pkg.Version = value
			case "resolved":
				resolved = value
			case "integrity":
				integrity = value
			}
		default:
			d.fail(number, "it is indented by %d, want 0, 2 or 4", indent)
		}
	}
	flush()
}

// yarnHead reads `a@^1, "b c@^2":`.
func (d *doc) yarnHead(line int, text string) []string {
	text, ok := strings.CutSuffix(text, ":")
	var descriptors []string
	for text != "" && ok {
		var s string
		if text[0] == '"' {
			s, text, ok = strings.Cut(text[1:], `"`)
		} else if i := strings.Index(text, ", "); i >= 0 {
			s, text = text[:i], text[i:]
		} else {
			s, text = text, ""
		}
		name, _ := splitDescriptor(s)
		if name == "" || strings.Contains(s, `\`) {
			ok = false
		}
		descriptors = append(descriptors, s)
		if text != "" && ok {
			text, ok = strings.CutPrefix(text, ", ")
			ok = ok && text != ""
		}
	}
	if !ok || len(descriptors) == 0 {
		d.fail(line, "found %.80q, want NAME@RANGE and a colon", text)
		return []string{"?"}
	}
	return descriptors
}

// yarnPair reads `name value`, either of which may be quoted.
func yarnPair(text string) (name, value string, ok bool) {
	word := func(s string) (string, string, bool) {
		if strings.HasPrefix(s, `"`) {
			w, rest, ok := strings.Cut(s[1:], `"`)
			return w, rest, ok && !strings.Contains(w, `\`)
		}
		w, _, _ := strings.Cut(s, " ")
		return w, s[len(w):], w != ""
	}
	name, rest, ok := word(text)
	if !ok || !strings.HasPrefix(rest, " ") {
		return "", "", false
	}
	value, rest, ok = word(rest[1:])
	return name, value, ok && rest == ""
}

// berry reads the file of Yarn 2 and later. Its checksums are of archives that Yarn
// makes itself, and of no file that anybody else has.
func (y *yarn) berry() {
	d := y.d
	root := d.yaml()
	if d.err != nil {
		return
	}
	meta := d.member(root, "__metadata", table)
	if meta == nil {
		d.fail(1, "neither yarn's own heading nor __metadata is there")
		return
	}
	d.lock.Format += " berry " + cmp.Or(d.text(meta, "version"), "?")
	for i, key := range root.names {
		n := root.items[i]
		if key == "__metadata" || d.err != nil {
			continue
		}
		if n.kind != table {
			d.fail(n.line, "%.80q is %s, want a table", key, n.kind)
			return
		}
		e := yarnEntry{pkg: Package{Line: n.line, Version: d.text(n, "version")}}
		p := &e.pkg
		resolution := d.text(n, "resolution")
		name, from := splitDescriptor(resolution)
		if p.Name = name; name == "" || from == "" || p.Version == "" {
			d.fail(n.line, "%.80q has no resolution, or no version", key)
			return
		}
		from, binding, _ := strings.Cut(from, "::")
		clean, fragment, ok := address(from)
		switch {
		case !ok:
			d.fail(n.line, "package %.80q: the resolution is not a URL", name)
		case strings.HasPrefix(from, "npm:"):
			p.PURL = npmPURL(name, p.Version, "", "", "")
			if strings.Contains(binding, "__archiveUrl=") {
				p.PURL = "" // from another place, which stands there encoded
				p.Local = true
			}
		case strings.HasPrefix(from, "patch:"), isLocal(from):
			p.Local = true
		default:
			p.Source = clean
			commit := strings.TrimPrefix(fragment, "commit=")
			if strings.Contains(fragment, "commit=") {
				p.PURL = npmPURL(name, p.Version, "git+"+clean, "git+"+clean, commit)
			} else {
				p.PURL = npmPURL(name, p.Version, clean, clean, "")
			}
		}
		p.TreeSum = d.text(n, "checksum")
		p.Optional = n.get("conditions") != nil
		for _, kind := range []string{"dependencies", "optionalDependencies"} {
			if m := d.member(n, kind, table); m != nil {
				for i, name := range m.names {
					e.needs = append(e.needs, yarnNeed{name, m.items[i].text, m.items[i].line})
				}
			}
		}
		y.add(e, strings.Split(key, ", "))
	}
}
