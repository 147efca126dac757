package image

import (
	"io"
	"slices"
	"strings"

	"github.com/touchmark-go/touchmark/internal/spdxlicense"
)

// parseCopyright returns the licences that a Debian copyright file names for files
// of the package, sorted, each once: SPDX expressions where the words of the format
// mean one, else its own words. Of a file that is not machine-readable (copyright
// format 1.0) it returns none.
func parseCopyright(file string, r io.Reader) ([]string, error) {
	var names []string
	first := true
	machine := false
	err := stanzas(file, r, func(s stanza) error {
		if first {
			first = false
			machine = strings.Contains(s["format"], "/copyright-format/1.0")
		}
		_, files := s["files"]
		if name := s.first("license"); machine && name != "" && (files || s["format"] != "") {
			names = append(names, debianLicense(name))
		}
		return nil
	})
	if !machine {
		return nil, nil // text for people, in which nothing can be wrong
	}
	slices.Sort(names)
	return slices.Compact(names), err
}

// debianLicense is the SPDX expression for a licence's short name, or the name.
// "or" binds less than "and", and a comma less than both (copyright format 1.0,
// "Syntax").
func debianLicense(name string) string {
	name = strings.Join(strings.Fields(name), " ")
	var commas []string
	for part := range strings.SplitSeq(name, ",") {
		part = strings.TrimSpace(part)
		for _, word := range []string{"and ", "or "} {
			if rest, ok := strings.CutPrefix(part, word); ok && len(commas) > 0 {
				commas = append(commas, strings.ToUpper(strings.TrimSpace(word)))
				part = rest
			}
		}
		inner, ok := debianWords(part)
		if !ok {
			return name
		}
		if len(commas) > 0 && commas[len(commas)-1] != "AND" && commas[len(commas)-1] != "OR" {
			return name // a comma without a word
		}
		commas = append(commas, "("+inner+")")
	}
	e, err := spdxlicense.Parse(strings.Join(commas, " "))
	if err != nil {
		return name
	}
	return e.String()
}

// debianWords turns "GPL-2+ or Expat" into an SPDX expression.
func debianWords(text string) (string, bool) {
	words := strings.Fields(text)
	var out []string
	for i := 0; i < len(words); i++ {
		switch w := words[i]; w {
		case "and", "or":
			out = append(out, strings.ToUpper(w))
		case "with":
			return "", false // Debian's names of exceptions are not SPDX's
		default:
			id, ok := debianID(w)
			if !ok {
				return "", false
			}
			out = append(out, id)
		}
	}
	return strings.Join(out, " "), len(out) > 0
}

// debianID is the SPDX id for one short name.
func debianID(name string) (string, bool) {
	plain, later := strings.CutSuffix(name, "+")
	switch plain {
	case "Expat":
		plain = "MIT"
	case "Artistic":
		plain = "Artistic-1.0-Perl"
	case "Artistic-2":
		plain = "Artistic-2.0"
	case "ISC", "Zlib", "CC0-1.0", "OpenSSL":
	case "Apache-2":
		plain = "Apache-2.0"
	case "public-domain":
		return "", false
	}
	for _, family := range []string{"GPL", "LGPL", "AGPL", "GFDL"} {
		version, ok := strings.CutPrefix(plain, family+"-")
		if !ok {
			continue
		}
		if !strings.Contains(version, ".") {
			version += ".0"
		}
		end := "-only"
		if later {
			end = "-or-later"
		}
		id, _, ok := spdxlicense.License(family + "-" + version + end)
		return id, ok
	}
	id, _, ok := spdxlicense.License(plain)
	if ok && later {
		id += "+"
	}
	return id, ok
}
