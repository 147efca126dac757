package image

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
)

// parseApk reads Alpine's database of what is installed: paragraphs of lines that
// begin with one letter and a colon (apk-tools, "apk-v2" and the "installed"
// database). owns is called for each file of each package.
func parseApk(file string, r io.Reader, each func(*pkg) error, owns func(path string)) error {
	var p *pkg
	folder := ""
	begin := func() *pkg {
		folder = ""
		return &pkg{ecosystem: "apk", edges: true}
	}
	p = begin()
	end := func() error {
		done := p
		p = begin()
		if done.name == "" && done.version == "" {
			return nil
		}
		if done.name == "" || done.version == "" {
			return fmt.Errorf("%w: a package without name and version", errText)
		}
		return each(done)
	}
	seen, number := map[byte]bool{}, 0
	err := lines(file, r, func(text string) error {
		number++
		if text == "" {
			clear(seen)
			return end()
		}
		if len(text) < 2 || text[1] != ':' {
			return fmt.Errorf("%w: found %.80q, want a letter and a colon", errText, text)
		}
		field, value := text[0], text[2:]
		switch field {
		case 'F', 'M', 'R', 'a', 'Z': // of folders and files, as many as there are
		default:
			if seen[field] {
				return fmt.Errorf("%w: the field %q is there twice in one package", errText, field)
			}
			seen[field] = true
		}
		switch field {
		case 'P':
			p.name = value
		case 'V':
			p.version = value
		case 'A':
			p.arch = value
		case 'L':
			if value != "" {
				p.licenses = []string{value}
			}
		case 'U':
			p.homepage = value
		case 'T':
			p.description = value
		case 'm':
			p.supplier = value
		case 'o':
			p.source = value
		case 'D':
			p.requires = apkNeeds(value)
		case 'p':
			for name := range strings.FieldsSeq(value) {
				p.provides = append(p.provides, apkName(name))
			}
		case 'C':
			if !isApkSum(value) {
				return fmt.Errorf("%w: found the sum %.80q, want Q1 and a SHA-1 in base64, or Q2", errText, value)
			}
		case 'F':
			folder = value
		case 'R':
			if folder != "" {
				owns(folder + "/" + value)
			} else {
				owns(value)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := end(); err != nil {
		return fmt.Errorf("%s:%d: %w", file, number, err)
	}
	return nil
}

// apkNeeds reads dependencies: "so:libc.musl-x86_64.so.1 busybox>=1.3 !uclibc"; a
// conflict is none.
func apkNeeds(text string) []requirement {
	var list []requirement
	for name := range strings.FieldsSeq(text) {
		if name[0] != '!' {
			list = append(list, requirement{apkName(name)})
		}
	}
	return list
}

// apkName is a dependency or a provision without its version.
func apkName(s string) string {
	if i := strings.IndexAny(s, "<>=~@"); i > 0 {
		s = s[:i]
	}
	return s
}

// isApkSum reports whether s is a checksum of the database: "Q1" and base64 of a
// SHA-1 or "Q2" and base64 of a SHA-256 of a part of the package's file, and in old
// databases hexadecimal.
func isApkSum(s string) bool {
	if encoded, ok := strings.CutPrefix(s, "Q1"); ok {
		raw, err := base64.StdEncoding.DecodeString(encoded)
		return err == nil && len(raw) == 20
	}
	if encoded, ok := strings.CutPrefix(s, "Q2"); ok {
		raw, err := base64.StdEncoding.DecodeString(encoded)
		return err == nil && len(raw) == 32
	}
	_, err := hex.DecodeString(s)
	return err == nil
}
