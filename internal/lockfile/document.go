package lockfile

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/touchmark-go/touchmark/provenance"
)

// A doc is a lock file that is being read. The first error stays.
type doc struct {
	file  string
	data  []byte
	nodes int // so far
	edges int // so far
	lock  Lock
	err   error
}

// fail notes an error, if it is the first.
func (d *doc) fail(line int, format string, args ...any) {
	if d.err == nil {
		d.err = &Error{File: d.file, Line: max(line, 1), Msg: fmt.Sprintf(format, args...)}
	}
}

func (d *doc) failLimit(line int, format string, args ...any) {
	if d.err == nil {
		d.err = &Error{File: d.file, Line: max(line, 1), Msg: fmt.Sprintf(format, args...), limit: true}
	}
}

// add puts a package on the list.
func (d *doc) add(p Package) {
	if len(d.lock.Packages) >= MaxPackages {
		d.failLimit(p.Line, "more than %d packages", MaxPackages)
		return
	}
	if p.Name == "" {
		d.fail(p.Line, "a package without a name")
	}
	for _, text := range []string{p.Name, p.Version, p.Source} {
		if why := badText(text); why != "" {
			d.fail(p.Line, "package %.80q: %.80q %s", p.Name, text, why)
		}
	}
	if p.PURL == "" && !p.Local {
		d.fail(p.Line, "%.80q is no name of a package", p.Name)
	}
	d.lock.Packages = append(d.lock.Packages, p)
}

// omit notes what the file asks for and does not lock.
func (d *doc) omit(line int, text string) {
	if len(d.lock.Omitted) >= MaxPackages {
		d.failLimit(line, "more than %d lines that lock nothing", MaxPackages)
		return
	}
	d.lock.Omitted = append(d.lock.Omitted, Omission{Line: line, Text: text})
}

// edge counts a dependency against the limit.
func (d *doc) edge(line int) bool {
	d.edges++
	if d.edges > MaxEdges {
		d.failLimit(line, "more than %d dependencies", MaxEdges)
	}
	return d.err == nil
}

// badText says why text cannot be a name, a version or an address, "" if it can.
func badText(text string) string {
	if len(text) > MaxText {
		return "is too long"
	}
	if strings.TrimSpace(text) != text {
		return "has white space around it"
	}
	for _, r := range text {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == '\ufffd' {
			return "has a character that no name has"
		}
	}
	return ""
}

// finish sorts the packages and makes one of those that a lock names at several
// places.
func (d *doc) finish() {
	list := d.lock.Packages
	slices.SortStableFunc(list, func(a, b Package) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Version, b.Version), cmp.Compare(a.PURL, b.PURL), cmp.Compare(a.Line, b.Line))
	})
	out := list[:0]
	for _, p := range list {
		slices.Sort(p.Dependencies)
		p.Dependencies = slices.Compact(p.Dependencies)
		if len(out) > 0 && out[len(out)-1].ID() == p.ID() {
			d.merge(&out[len(out)-1], p)
			continue
		}
		out = append(out, p)
	}
	clear(list[len(out):])
	d.lock.Packages = out
}

// merge adds to p what another place of the same package says.
func (d *doc) merge(p *Package, other Package) {
	for _, alg := range slices.Sorted(maps.Keys(other.Digests)) {
		sum := other.Digests[alg]
		if mine, ok := p.Digests[alg]; ok && mine != sum {
			d.fail(other.Line, "package %q has another %s here than on line %d", p.Name, alg, p.Line)
			return
		}
		if p.Digests == nil {
			p.Digests = provenance.DigestSet{}
		}
		p.Digests[alg] = sum
	}
	if p.SHA1 != "" && other.SHA1 != "" && p.SHA1 != other.SHA1 || p.TreeSum != "" && other.TreeSum != "" && p.TreeSum != other.TreeSum {
		d.fail(other.Line, "package %q has another sum here than on line %d", p.Name, p.Line)
		return
	}
	p.SHA1, p.TreeSum, p.Source = cmp.Or(p.SHA1, other.SHA1), cmp.Or(p.TreeSum, other.TreeSum), cmp.Or(p.Source, other.Source)
	p.Dev, p.Optional = p.Dev && other.Dev, p.Optional && other.Optional
	p.Bundled, p.Local = p.Bundled && other.Bundled, p.Local && other.Local
	p.OneOf = oneOf(append(p.OneOf, other.OneOf...))
	p.Dependencies = append(p.Dependencies, other.Dependencies...)
	slices.Sort(p.Dependencies)
	p.Dependencies = slices.Compact(p.Dependencies)
}
