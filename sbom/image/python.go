package image

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/touchmark-go/touchmark/sbom"
)

// pythonMetadata reports whether path is the description of an installed Python
// distribution (PyPA, "Recording installed projects"), or the older form of it.
func pythonMetadata(name string) bool {
	folder, base := path.Split(name)
	switch base {
	case "METADATA":
		return strings.HasSuffix(folder, ".dist-info/")
	case "PKG-INFO":
		return strings.HasSuffix(folder, ".egg-info/")
	}
	return strings.HasSuffix(base, ".egg-info")
}

// parsePython reads the metadata of a Python distribution (PyPA, "Core metadata
// specifications"): fields as in mail, up to the first empty line.
func parsePython(file string, r io.Reader) (*pkg, error) {
	p := &pkg{ecosystem: "pypi"}
	field := map[string]string{}
	var classifiers []string
	last := ""
	err := lines(file, r, func(text string) error {
		if text == "" {
			return io.EOF // the description follows
		}
		if text[0] == ' ' || text[0] == '\t' {
			if last == "" {
				return fmt.Errorf("%w: a line that goes on without a field before it", errText)
			}
			return nil
		}
		name, value, ok := strings.Cut(text, ":")
		if !ok || name == "" {
			return fmt.Errorf("%w: found %.80q, want NAME: VALUE", errText, text)
		}
		name, value = strings.ToLower(name), strings.TrimSpace(value)
		last = name
		switch name {
		case "requires-dist":
			if len(p.requires) >= maxFields {
				return fmt.Errorf("%w: more than %d dependencies", errText, maxFields)
			}
			if _, marker, _ := strings.Cut(value, ";"); !strings.Contains(marker, "extra") {
				p.requires = append(p.requires, requirement{pypiName(value)})
			}
		case "classifier":
			if len(classifiers) < maxFields {
				classifiers = append(classifiers, value)
			}
		case "name", "version", "summary", "home-page", "license", "license-expression", "author":
			if field[name] == "" {
				field[name] = value
			}
		}
		return nil
	})
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if field["name"] == "" || field["version"] == "" {
		return nil, fmt.Errorf("%s: the distribution %w", file, errNameless)
	}
	p.name, p.version = pypiName(field["name"]), field["version"]
	p.description, p.homepage, p.supplier = field["summary"], field["home-page"], field["author"]
	if u, err := (sbom.PURL{Type: "pypi", Name: p.name, Version: p.version}).Canonical(); err == nil {
		p.purl = u.String()
	}
	switch {
	case field["license-expression"] != "":
		p.licenses = []string{field["license-expression"]}
	case field["license"] != "" && !strings.EqualFold(field["license"], "unknown"):
		p.licenses = []string{field["license"]}
	default:
		p.licenses = classified(classifiers)
	}
	return p, nil
}

// classified are the licences among trove classifiers, by the words that stand last.
func classified(classifiers []string) []string {
	var names []string
	for _, c := range classifiers {
		if rest, ok := strings.CutPrefix(c, "License :: "); ok {
			name := rest[strings.LastIndex(rest, " :: ")+1:]
			name = strings.TrimPrefix(strings.TrimPrefix(name, ":: "), " ")
			if name != "OSI Approved" {
				names = append(names, name)
			}
		}
	}
	return names
}

// pypiName is the normalised name (PEP 503) that a requirement begins with.
func pypiName(s string) string {
	s = strings.TrimSpace(s)
	var b strings.Builder
	for i := range len(s) {
		switch c := s[i]; {
		case c == '-' || c == '_' || c == '.':
			if i == 0 || !strings.ContainsRune("-_.", rune(s[i-1])) {
				b.WriteByte('-')
			}
		case 'A' <= c && c <= 'Z':
			b.WriteByte(c + 'a' - 'A')
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9':
			b.WriteByte(c)
		default:
			return strings.TrimRight(b.String(), "-")
		}
	}
	return b.String()
}

// parseRecord calls owns for every file that a RECORD lists, as paths of the image;
// folder is the one that holds the .dist-info folder.
func parseRecord(file, folder string, r io.Reader, owns func(path string) error) error {
	return lines(file, r, func(text string) error {
		if text == "" {
			return nil
		}
		// The first of three values with commas between them, quoted where it must be.
		name, _, _ := strings.Cut(text, ",")
		if text[0] == '"' {
			record, err := csv.NewReader(strings.NewReader(text)).Read()
			if err != nil {
				return fmt.Errorf("%w: found %.80q, want PATH,SUM,SIZE", errText, text)
			}
			name = record[0]
		}
		if !strings.HasPrefix(name, "/") {
			name = path.Join("/", folder, name)
		}
		return owns(name)
	})
}
