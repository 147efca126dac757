// Package license finds the licences of Go modules in the files that they ship,
// and writes them into a BOM.
//
//	finder := license.Finder{ModuleCache: os.DirFS(goModCache), Answers: cacheDir}
//	err := finder.Describe(ctx, bom)
//
// A Go module has no metadata that names its licence. Its authors declare it by
// the text that they put at the module's root, where tools and people look for
// it, or by a tag ("SPDX-License-Identifier: MIT") in that file, the README or
// go.mod. That is what is recorded as declared. Concluded is what all texts in
// the module say, those of its folders too: all that are found hold at once,
// because no text says which the user may choose.
//
// Texts are recognized by github.com/google/licensecheck. What it does not
// recognize stays unknown: a module with a text of unknown terms has no concluded
// licence, and one without any text has none at all. A licence is a statement
// of fact about texts here, and no legal advice.
package license

import (
	"errors"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/google/licensecheck"

	"github.com/touchmark-go/touchmark/internal/spdxlicense"
)

// The bounds of what is read of one module.
const (
	// MaxText is how much of a licence text is read, in bytes. A longer one is
	// unknown.
	MaxText = 256 << 10
	// MaxTexts is how many licence texts a module may have. With more, its
	// concluded licence is unknown.
	MaxTexts = 64
)

// A Text is a file that may state a licence.
type Text struct {
	// Name is its path in the module, with slashes.
	Name string
	// Content is its first MaxText bytes, and one more if there are more.
	Content []byte
}

// A Finding is what texts say about a module.
type Finding struct {
	// Declared are the licences that the module's authors declare at its root: ids
	// of the SPDX list and LicenseRefs, or one expression. Empty if they declare none.
	Declared []string
	// Concluded are the licences of all texts, which hold at once. Empty if that is unknown.
	Concluded []string
	// Files are the texts that the licences were found in.
	Files []string
	// Unknown are the texts whose terms are not recognized.
	Unknown []string
}

// How much of a text, in words, must be licences that are known. Declared is
// what pkg.go.dev asks for; a conclusion asks for more. The rest is names,
// years, and which files are under which licence.
const (
	declaredPercent  = 75
	concludedPercent = 80
)

// Find finds the licences that texts state.
func Find(texts []Text) Finding { return find(&scanner{}, texts) }

func find(s *scanner, texts []Text) Finding {
	var f Finding
	var declared, concluded []string
	tag := ""
	tooMany := len(texts) > MaxTexts
	texts = slices.SortedFunc(slices.Values(texts[:min(len(texts), MaxTexts)]), func(a, b Text) int { return strings.Compare(a.Name, b.Name) })
	for _, t := range texts {
		root := !strings.Contains(t.Name, "/") || strings.HasPrefix(t.Name, "LICENSES/")
		if root && tag == "" {
			tag = spdxTag(t.Content)
		}
		if !IsText(t.Name) {
			continue
		}
		ids, percent := s.identify(t.Content)
		if root && percent >= declaredPercent {
			declared = append(declared, ids...)
		}
		if percent < concludedPercent {
			f.Unknown = append(f.Unknown, t.Name)
			continue
		}
		concluded = append(concluded, ids...)
		f.Files = append(f.Files, t.Name)
	}
	if f.Declared = set(declared); tag != "" {
		f.Declared = []string{tag}
	}
	if len(f.Unknown) == 0 && !tooMany {
		f.Concluded = set(concluded)
	}
	return f
}

func set(list []string) []string {
	slices.Sort(list)
	return slices.Compact(list)
}

// identify is what licences a text is, as SPDX ids, and how much of it they are.
func (s *scanner) identify(text []byte) (ids []string, percent float64) {
	if len(text) > MaxText {
		return nil, 0
	}
	c := s.scan(text)
	for _, m := range c.Match {
		if m.IsURL {
			continue // naming a licence is not stating it
		}
		id, ok := spdxID(m)
		if !ok {
			return nil, 0
		}
		ids = append(ids, id)
	}
	if len(ids) == 0 {
		return nil, 0
	}
	return ids, c.Percent
}

// spdxID is the id of a match on the SPDX list. A GNU licence whose text does
// not say "or later" is taken as it stands: that version only. What is not on the
// list becomes a LicenseRef, and false is what is no licence by itself.
func spdxID(m licensecheck.Match) (string, bool) {
	id := m.ID
	switch {
	case id == "GPL-2.0-or-3.0":
		return "", false
	case strings.HasPrefix(id, "GPL-") || strings.HasPrefix(id, "LGPL-") || strings.HasPrefix(id, "AGPL-") || strings.HasPrefix(id, "GFDL-"):
		if !strings.HasSuffix(id, "-only") && !strings.HasSuffix(id, "-or-later") {
			id += "-only"
		}
	}
	if canonical, deprecated, ok := spdxlicense.License(id); ok && !deprecated {
		return canonical, true
	}
	ref := "LicenseRef-licensecheck-" + m.ID
	return ref, spdxlicense.IsRef(ref)
}

// tagLine is a line that tags a file, behind a comment's beginning.
var tagLine = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?m)^[ \t]*(?://|#|\*|<!--|--|;)?[ \t]*SPDX-License-Identifier:[ \t]*([A-Za-z0-9.+()\- \t]+?)[ \t]*(?:-->|\*/)?\r?$`)
})

// maxTag is how long a tag's expression may be, in bytes.
const maxTag = 200

// spdxTag is the expression that a file is tagged with, if all its tags agree
// and it is valid.
func spdxTag(text []byte) string {
	tag := ""
	for _, match := range tagLine().FindAllSubmatch(text[:min(len(text), 64<<10)], 16) {
		if len(match[1]) > maxTag {
			return ""
		}
		e, err := spdxlicense.Parse(string(match[1]))
		if err != nil || tag != "" && tag != e.String() {
			return ""
		}
		tag = e.String()
	}
	return tag
}

// IsText reports whether a file of that name, in a module, is to state a
// licence: LICENSE, COPYING and their like, with the usual extensions, not those
// for tests.
func IsText(name string) bool {
	for _, dir := range strings.Split(path.Dir(name), "/") {
		if dir == "testdata" || dir == "_testdata" {
			return false
		}
	}
	if strings.HasPrefix(name, "LICENSES/") {
		return strings.HasSuffix(name, ".txt") // reuse.software
	}
	base := strings.ToUpper(path.Base(name))
	for _, stem := range []string{"LICENSE", "LICENCE", "COPYING", "UNLICENSE", "UNLICENCE", "MIT-LICENSE", "MIT-LICENCE"} {
		rest, ok := strings.CutPrefix(base, stem)
		if !ok {
			continue
		}
		switch rest {
		case "", ".TXT", ".MD", ".MARKDOWN", ".RST", ".HTML", ".LESSER", ".LIB":
			return true
		}
		// LICENSE-MIT, LICENSE.BSD, COPYING.LGPL, LICENSE-APACHE-2.0.txt; in a
		// folder such names are lists and templates as often.
		if strings.Contains(name, "/") {
			return false
		}
		rest = strings.TrimSuffix(strings.TrimSuffix(rest, ".TXT"), ".MD")
		return rest != "" && !strings.HasPrefix(stem, "UN") && strings.Contains("-._", rest[:1]) && knownSuffix(rest[1:])
	}
	return false
}

// knownSuffix reports whether what follows LICENSE names a licence or what it
// is for, and not a format, which would be a list or a program.
func knownSuffix(s string) bool {
	switch path.Ext(s) {
	case ".GO", ".JSON", ".YAML", ".YML", ".CSV", ".TOML", ".XML", ".SH", ".PY", ".JS", ".TMPL", ".GOTMPL", ".TPL", ".SPDX", ".PNG", ".SVG":
		return false
	}
	switch s {
	case "GO", "JSON", "YAML", "YML", "CSV", "TOML", "XML", "SH", "PY", "JS", "TMPL", "TPL", "SPDX", "TEST.GO", "HEADER", "HEADER.TXT", "TEMPLATE", "BOILERPLATE":
		return false
	}
	return true
}

// mayTag reports whether a file at a module's root is one that a tag is looked for in.
func mayTag(name string) bool {
	if strings.Contains(name, "/") {
		return false
	}
	base := strings.ToUpper(name)
	return name == "go.mod" || base == "README" || base == "README.MD" || base == "README.TXT" || base == "README.RST"
}

// errNotBound says that a module cache holds something else than the list says.
var errNotBound = errors.New("is not the module that the list names")
