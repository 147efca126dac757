package image

import (
	"fmt"
	"io"
	"strings"

	"github.com/touchmark-go/touchmark/sbom"
)

// A distro is what an image is made of, from its os-release file. The zero distro
// is unknown.
type distro struct {
	id, version, codename   string
	name, cpe, home, pretty string
	place                   place
}

// parseRelease reads an os-release file (os-release(5)): assignments as a shell
// has them, of which only the plain ones are understood.
func parseRelease(file string, r io.Reader) (distro, error) {
	var d distro
	err := lines(file, r, func(text string) error {
		text = strings.TrimSpace(text)
		if text == "" || text[0] == '#' {
			return nil
		}
		name, value, ok := strings.Cut(text, "=")
		if !ok {
			return fmt.Errorf("%w: found %.80q, want NAME=VALUE", errText, text)
		}
		value, ok = unquote(value)
		to := map[string]*string{
			"ID": &d.id, "VERSION_ID": &d.version, "VERSION_CODENAME": &d.codename, "NAME": &d.name,
			"CPE_NAME": &d.cpe, "HOME_URL": &d.home, "PRETTY_NAME": &d.pretty,
		}[name]
		if to == nil {
			return nil
		}
		if !ok {
			return fmt.Errorf("%w: the value of %s is %.80q, want one word or one quoted text", errText, name, value)
		}
		*to = value
		return nil
	})
	return d, err
}

// unquote is a value as a shell reads it, if it is plain, in single or in double quotes.
func unquote(s string) (string, bool) {
	if s == "" {
		return s, true
	}
	switch quote := s[0]; {
	case quote == '\'':
		inner, ok := strings.CutSuffix(s[1:], "'")
		return inner, ok && !strings.Contains(inner, "'")
	case quote == '"':
		inner, ok := strings.CutSuffix(s[1:], `"`)
		var b strings.Builder
		for i := 0; i < len(inner) && ok; i++ {
			switch c := inner[i]; c {
			case '"', '$', '`':
				ok = false
			case '\\':
				i++
				if i == len(inner) || !strings.ContainsRune("\"$`\\", rune(inner[i])) {
					return s, false
				}
				b.WriteByte(inner[i])
			default:
				b.WriteByte(c)
			}
		}
		return b.String(), ok
	}
	return s, !strings.ContainsAny(s, "\"'$`\\ \t;&|<>()")
}

// qualifier is the distro as package URLs name it: "debian-12", "alpine-3.20.3".
func (d distro) qualifier() string {
	switch {
	case d.id == "":
		return ""
	case d.version != "":
		return d.id + "-" + d.version
	case d.codename != "":
		return d.id + "-" + d.codename
	}
	return d.id
}

// purl is the package URL of a package of the distro, "" if there is none that says
// the same again.
func (d distro) purl(typ, name, version, arch string) string {
	epoch := ""
	if before, after, ok := strings.Cut(version, ":"); ok && typ == "rpm" {
		epoch, version = before, after // which has a place of its own there
	}
	p, err := sbom.PURL{
		Type: typ, Namespace: d.id, Name: name, Version: version,
		Qualifiers: map[string]string{"arch": arch, "distro": d.qualifier(), "epoch": epoch},
	}.Canonical()
	if err != nil {
		return ""
	}
	return p.String()
}
