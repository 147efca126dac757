package lockfile

import (
	"strings"

	"github.com/touchmark-go/touchmark/provenance"
)

// parsePip reads a requirements file (pip documentation, "Requirements File
// Format") that locks: every requirement has "==" and one version, or an address.
// The digests behind --hash are of the files that pip may take. Markers and extras
// are read over: a package behind a marker is one that may be installed.
//
// Options that name other files or folders are not followed and are listed as
// omitted; those that name registries are nobody's package.
func parsePip(d *doc) {
	for line, text := range pipLines(d) {
		if d.err != nil {
			return
		}
		if strings.HasPrefix(text, "-") {
			d.pipOption(line, text)
			continue
		}
		d.pipRequirement(line, text)
	}
}

// pipLines are the logical lines of a requirements file with the number of the
// first: continued ones joined, comments and white space taken off, none empty.
func pipLines(d *doc) func(yield func(int, string) bool) {
	return func(yield func(int, string) bool) {
		var joined strings.Builder
		first, number := 0, 0
		for raw := range strings.SplitSeq(strings.TrimPrefix(string(d.data), "\ufeff"), "\n") {
			number++
			raw = strings.TrimSuffix(raw, "\r")
			if joined.Len()+len(raw) > MaxText {
				d.failLimit(number, "a line of more than %d bytes", MaxText)
				return
			}
			if first == 0 {
				first = number
			}
			// A comment ends a line that goes on, as pip has it.
			comment := strings.HasPrefix(strings.TrimLeft(raw, " \t"), "#")
			if part, ok := strings.CutSuffix(raw, `\`); ok && !comment {
				joined.WriteString(part)
				joined.WriteByte(' ')
				continue
			}
			if !comment || joined.Len() == 0 {
				joined.WriteString(raw)
			}
			text := withoutComment(joined.String())
			joined.Reset()
			at := first
			first = 0
			if text != "" && !yield(at, text) {
				return
			}
		}
		if joined.Len() > 0 {
			d.fail(number, "the last line ends with a backslash, want the rest of it")
		}
	}
}

// withoutComment is a line without white space around it and without the comment,
// which begins with a number sign at the start or behind white space.
func withoutComment(s string) string {
	for i := range len(s) {
		if s[i] == '#' && (i == 0 || s[i-1] == ' ' || s[i-1] == '\t') {
			s = s[:i]
			break
		}
	}
	return strings.TrimSpace(s)
}

// pipOption reads a line that begins with a hyphen.
func (d *doc) pipOption(line int, text string) {
	name, value := text, ""
	if i := strings.IndexAny(text, " \t="); i >= 0 {
		name, value = text[:i], strings.TrimSpace(text[i+1:])
	}
	for _, short := range []string{"-r", "-c", "-e", "-i", "-f"} {
		if rest, ok := strings.CutPrefix(name, short); ok && rest != "" && !strings.HasPrefix(name, "--") {
			name, value = short, rest
		}
	}
	switch name {
	case "-r", "--requirement", "-c", "--constraint", "-e", "--editable":
		clean, _, ok := address(value)
		if !ok || value == "" {
			d.fail(line, "%s names no file", name)
			return
		}
		d.omit(line, name+" "+clean)
	case "-i", "--index-url", "--extra-index-url", "--no-index", "-f", "--find-links", "--no-binary", "--only-binary",
		"--prefer-binary", "--require-hashes", "--pre", "--trusted-host", "--use-feature", "--use-pep517", "--no-use-pep517":
	default:
		d.fail(line, "option %.80q is not one of a requirements file", name)
	}
}

// pipRequirement reads "name[extras]==version ; marker --hash=sha256:… …".
func (d *doc) pipRequirement(line int, text string) {
	spec, options, _ := strings.Cut(text, " --")
	p := Package{Line: line}
	var digests []provenance.Digest
	if options != "" {
		for option := range strings.SplitSeq(options, " --") {
			name, value, _ := strings.Cut(strings.TrimSpace(option), "=")
			name = strings.TrimSpace(name)
			if name == "" {
				d.fail(line, "an option without a name")
				return
			}
			if rest, ok := strings.CutPrefix(name, "hash "); ok {
				name, value = "hash", rest // --hash sha256:…
			}
			switch name {
			case "hash":
				alg, sum, _ := strings.Cut(strings.TrimSpace(value), ":")
				if digest, ok := d.parseDigest(alg, sum, line); ok {
					digests = append(digests, digest)
				}
			case "config-settings", "config-setting", "global-option", "install-option":
			default:
				d.fail(line, "option %.80q is not one of a requirement", "--"+name)
			}
		}
	}
	spec, _, _ = strings.Cut(spec, ";")
	spec = strings.TrimSpace(spec)
	if isLocal(spec) {
		d.omit(line, spec)
		return
	}
	name, rest := pipName(spec)
	rest = strings.TrimSpace(rest)
	switch {
	case name == "":
		d.fail(line, "found %.80q, want NAME==VERSION", spec)
	case strings.HasPrefix(rest, "@"):
		d.pipAddress(&p, name, strings.TrimSpace(rest[1:]), &digests)
	default:
		version, ok := strings.CutPrefix(rest, "==")
		version = strings.TrimSpace(strings.TrimPrefix(version, "="))
		if !ok || !isPipVersion(version) {
			d.fail(line, "package %.80q is not locked: found %.80q, want ==VERSION", name, rest)
			return
		}
		p.Name, p.Version = pypiName(name), version
		p.PURL = purl("pypi", "", p.Name, version)
	}
	if d.err != nil {
		return
	}
	p.files(digests)
	d.add(p)
}

// pipAddress reads the URL of a direct reference (PEP 508); its fragment may hold a digest.
func (d *doc) pipAddress(p *Package, name, raw string, digests *[]provenance.Digest) {
	p.Name = pypiName(name)
	if isLocal(raw) {
		p.Local = true
		return
	}
	clean, fragment, ok := address(raw)
	if !ok || !strings.Contains(clean, "://") {
		d.fail(p.Line, "package %.80q: found no URL behind @", name)
		return
	}
	for pair := range strings.SplitSeq(fragment, "&") {
		alg, sum, _ := strings.Cut(pair, "=")
		if alg == provenance.SHA256 || alg == provenance.SHA384 || alg == provenance.SHA512 {
			if digest, ok := d.parseDigest(alg, sum, p.Line); ok {
				*digests = append(*digests, digest)
			}
		}
	}
	p.Source = clean
	if isGit(raw) {
		p.PURL = purl("pypi", "", p.Name, "", "vcs_url", clean)
		return
	}
	p.PURL = purl("pypi", "", p.Name, "", "download_url", clean)
}

// pipName splits a requirement behind its name and extras.
func pipName(s string) (name, rest string) {
	i := 0
	for i < len(s) && isNameByte(s[i]) {
		i++
	}
	name, rest = s[:i], strings.TrimSpace(s[i:])
	if strings.HasPrefix(rest, "[") {
		_, after, ok := strings.Cut(rest, "]")
		if !ok {
			return "", s
		}
		rest = after
	}
	if strings.Trim(name, "-_.") != name {
		return "", s
	}
	return name, rest
}

func isNameByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_' || c == '.'
}

// isPipVersion reports whether s is one version (PEP 440), and not several or a wildcard.
func isPipVersion(s string) bool {
	for i := range len(s) {
		if !isNameByte(s[i]) && s[i] != '+' && s[i] != '!' {
			return false
		}
	}
	return s != ""
}

// pypiName is the normalised form of a name (PEP 503): lower case, and a hyphen for
// every run of hyphens, underscores and full stops.
func pypiName(name string) string {
	var b strings.Builder
	for i := range len(name) {
		switch c := name[i]; {
		case c == '-' || c == '_' || c == '.':
			if i == 0 || !strings.ContainsRune("-_.", rune(name[i-1])) {
				b.WriteByte('-')
			}
		case 'A' <= c && c <= 'Z':
			b.WriteByte(c + 'a' - 'A')
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}
