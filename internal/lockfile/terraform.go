package lockfile

import (
	"strings"

	"github.com/touchmark-go/touchmark/provenance"
)

// parseTerraform reads .terraform.lock.hcl (Terraform documentation, "Dependency
// Lock File"): blocks "provider" with text and lists of text, as terraform init
// writes them. A "zh:" hash is the SHA-256 of the archive for one platform; "h1:" is
// a sum over the files in one, and of no file.
func parseTerraform(d *doc) {
	r := hclReader{d: d}
	number := 0
	for raw := range strings.SplitSeq(string(d.data), "\n") {
		number++
		if len(raw) > MaxText {
			d.failLimit(number, "a line of more than %d bytes", MaxText)
		}
		if d.err != nil {
			return
		}
		text := strings.TrimSpace(raw)
		if text == "" || text[0] == '#' || strings.HasPrefix(text, "//") {
			continue
		}
		r.line(number, text)
	}
	if d.err == nil && r.provider != nil {
		d.fail(r.provider.Line, "provider %q has no end", r.provider.Name)
	}
}

// An hclReader reads one line after another.
type hclReader struct {
	d        *doc
	provider *Package
	seen     map[string]bool
	inHashes bool
	digests  []provenance.Digest
	sums     []string
}

func (r *hclReader) line(number int, text string) {
	switch {
	case r.provider == nil:
		rest, ok := strings.CutPrefix(text, "provider ")
		rest, brace := strings.CutSuffix(rest, "{")
		name, whole := hclText(strings.TrimSpace(rest))
		parts := strings.Split(name, "/")
		if !ok || !brace || !whole || len(parts) != 3 {
			r.d.fail(number, "found %.80q, want provider \"HOST/NAMESPACE/TYPE\" {", text)
			return
		}
		r.provider = &Package{Name: name, Line: number}
		r.seen, r.digests, r.sums = map[string]bool{}, nil, nil
	case r.inHashes:
		if strings.TrimSpace(text) == "]" {
			r.inHashes = false
			return
		}
		r.hash(number, strings.TrimSuffix(text, ","))
	case text == "}":
		r.end()
	default:
		r.attribute(number, text)
	}
}

func (r *hclReader) attribute(number int, text string) {
	name, value, ok := strings.Cut(text, "=")
	name, value = strings.TrimSpace(name), strings.TrimSpace(value)
	if !ok || r.seen[name] {
		r.d.fail(number, "found %.80q, want NAME = VALUE, and each name once", text)
		return
	}
	r.seen[name] = true
	switch name {
	case "version", "constraints":
		text, ok := hclText(value)
		if !ok {
			r.d.fail(number, "%s is %.80q, want text in quotes", name, value)
		}
		if name == "version" {
			r.provider.Version = text
		}
	case "hashes":
		if value == "[" {
			r.inHashes = true
			return
		}
		inner, ok := strings.CutPrefix(value, "[")
		inner, end := strings.CutSuffix(inner, "]")
		if !ok || !end {
			r.d.fail(number, "hashes is %.80q, want a list", value)
			return
		}
		for item := range strings.SplitSeq(inner, ",") {
			if item = strings.TrimSpace(item); item != "" {
				r.hash(number, item)
			}
		}
	default:
		r.d.fail(number, "%.80q is not known, want version, constraints or hashes", name)
	}
}

func (r *hclReader) hash(number int, item string) {
	text, ok := hclText(item)
	scheme, sum, _ := strings.Cut(text, ":")
	switch {
	case !ok:
		r.d.fail(number, "found %.80q, want text in quotes", item)
	case scheme == "zh":
		if digest, ok := r.d.parseDigest(provenance.SHA256, sum, number); ok {
			r.digests = append(r.digests, digest)
		}
	case scheme == "h1":
		r.sums = append(r.sums, text)
	default:
		r.d.fail(number, "the hash %.80q is of the scheme %.20q, want h1 or zh", text, scheme)
	}
}

func (r *hclReader) end() {
	p := r.provider
	r.provider = nil
	if p.Version == "" {
		r.d.fail(p.Line, "provider %q has no version", p.Name)
		return
	}
	namespace, name := splitLast(p.Name, "/")
	p.PURL = purl("terraform", namespace, name, p.Version)
	p.files(r.digests)
	p.TreeSum = strings.Join(r.sums, " ")
	r.d.add(*p)
}

// hclText is text in quotes without escapes and templates.
func hclText(s string) (string, bool) {
	s, ok := strings.CutPrefix(s, `"`)
	s, end := strings.CutSuffix(s, `"`)
	return s, ok && end && !strings.ContainsAny(s, "\"\\${}")
}
