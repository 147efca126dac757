package main

import (
	"fmt"
	"regexp"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/release"
	"github.com/touchmark-go/touchmark/verify/rollout"
)

func newReleasePin() *cobra.Command {
	var o releasePin
	c := &cobra.Command{
		Use:   "pin --ledger DIR --trust FILE [--image NAME=PRODUCT]… [--check] FILE…",
		Short: "write digests in the place of tags in manifests",
		Long: `pin looks for images in manifests of Kubernetes, values of Helm charts and Compose files, and writes
behind each tag the digest that the ledger says it names for ever: registry.example/app:1.4.0 becomes
registry.example/app:1.4.0@sha256:…. The registry is not asked. Everything else in the file stays as it is.

An image belongs to the product whose releases have an artifact of its name; --image says it of others.
A tag that the ledger does not know, or a digest that is not the tag's, is an error, and nothing is written.
With --check nothing is ever written, and an image without a digest is an error too. Exit status: 0 all
images are pinned, 1 not.`,
		Example: `  touchmark release pin --ledger ledger --trust trust.json deploy/*.yaml
  touchmark release pin --ledger ledger --trust trust.json --check deploy/*.yaml`,
		Args: atLeastOne("FILE"),
		RunE: does(o.run),
	}
	o.book.flags(c, "")
	o.book.indexFlag(c)
	f := c.Flags()
	f.StringArrayVar(&o.images, "image", nil, "`NAME=PRODUCT`: the images of a repository are a product's; may be repeated")
	f.BoolVar(&o.check, "check", false, "write nothing, and want digests everywhere")
	return c
}

type releasePin struct {
	book   releaseBook
	images []string
	check  bool
}

func (o *releasePin) run(cmd *cobra.Command, args []string) error {
	o.book.product = "-" // whichever has the image
	defer o.book.done()
	v, _, err := o.book.view(cmd.Context())
	if err != nil {
		return err
	}
	p := pinner{view: v, products: map[string]string{}, check: o.check}
	for _, product := range v.Products() {
		s, err := v.ReadState(product)
		if err != nil {
			return err
		}
		for _, r := range s.Releases {
			for _, a := range r.Subjects {
				p.products[a.Name] = product
			}
		}
	}
	for _, s := range o.images {
		name, product, err := pair("image", s)
		if err != nil {
			return err
		}
		p.products[name] = product
	}
	out := make([]string, len(args))
	was := make([]string, len(args))
	for i, path := range args {
		data, err := readFile("manifest", path, maxConfig)
		if err != nil {
			return err
		}
		was[i] = string(data)
		out[i] = p.pin(path, string(data))
	}
	for _, line := range p.wrong {
		fmt.Fprintln(cmd.OutOrStdout(), line)
	}
	if len(p.wrong) > 0 {
		return &failure{status: statusDenied}
	}
	for i, path := range args {
		if !o.check && out[i] != was[i] {
			if err := writeFile(path, []byte(out[i]), 0o644); err != nil {
				return err
			}
		}
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s by digest\n", plural(p.pinned, "image", "images"))
	return nil
}

// A pinner writes digests into the text of manifests. It reads lines and not YAML,
// so that comments, order and quotes stay; what it cannot read it says.
type pinner struct {
	view     *rollout.View
	products map[string]string // by the name of the image
	check    bool
	pinned   int
	wrong    []string
}

var (
	// imageKey is a member named image, in block or flow style or JSON, and its value on the same line.
	imageKey = pattern(`((?:^|[\s{,-])["']?image["']?:[ \t]*)(["']?)([^\s"'#,}\]]*)`)
	// valueKey is a member named repository or tag, as Helm's charts have them.
	valueKey = pattern(`^(\s*(?:-\s+)?)(repository|tag|digest):[ \t]*(["']?)([^\s"'#]*)(["']?)`)
	digestIn = pattern(`^sha256:[0-9a-f]{64}$`)
)

// pattern is an expression that is compiled when it is asked for: no other command
// waits for it.
func pattern(text string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(text) })
}

// pin is the text with digests in it.
func (p *pinner) pin(path, text string) string {
	lines := strings.SplitAfter(text, "\n")
	for i, line := range lines {
		code, _, _ := strings.Cut(line, " #")
		if strings.HasPrefix(strings.TrimSpace(code), "#") {
			continue
		}
		lines[i] = replaceAll(imageKey(), line, len(code), func(m []string) string {
			if m[3] == "" {
				return m[0] // a mapping follows, whose repository and tag are looked at
			}
			return m[1] + m[2] + p.image(fmt.Sprintf("%s:%d", path, i+1), m[3])
		})
	}
	p.helm(path, lines)
	return strings.Join(lines, "")
}

// replaceAll replaces what re finds in the first n bytes of s.
func replaceAll(re *regexp.Regexp, s string, n int, by func([]string) string) string {
	var b strings.Builder
	last := 0
	for _, at := range re.FindAllStringSubmatchIndex(s[:n], -1) {
		m := make([]string, len(at)/2)
		for i := range m {
			m[i] = s[at[2*i]:at[2*i+1]]
		}
		b.WriteString(s[last:at[0]])
		b.WriteString(by(m))
		last = at[1]
	}
	return b.String() + s[last:]
}

// image is a reference with its digest.
func (p *pinner) image(where, ref string) string {
	name, digest, byDigest := strings.Cut(ref, "@")
	tag := ""
	if i := strings.LastIndexByte(name, ':'); i > strings.LastIndexByte(name, '/') {
		name, tag = name[:i], name[i+1:]
	}
	want, err := p.resolve(name, tag)
	switch {
	case byDigest && !digestIn().MatchString(digest):
		p.fail(where, ref, "is no digest of an image")
	case byDigest && tag == "":
		p.pinned++
	case byDigest && err == nil && want.String() != digest:
		p.fail(where, ref, "names another digest than the ledger, "+want.String())
	case byDigest:
		p.pinned++ // of a tag that nobody here binds
	case err != nil:
		p.fail(where, ref, err.Error())
	case p.check:
		p.fail(where, ref, "has no digest: the ledger says "+want.String())
	default:
		p.pinned++
		return ref + "@" + want.String()
	}
	return ref
}

func (p *pinner) fail(where, ref, why string) {
	p.wrong = append(p.wrong, fmt.Sprintf("%s: %s %s", where, show(ref), why))
}

// resolve is what the ledger says that a tag of an image names.
func (p *pinner) resolve(name, tag string) (provenance.Digest, error) {
	product := p.products[name]
	if product == "" {
		return provenance.Digest{}, fmt.Errorf("is of no product in the ledger (see --image)")
	}
	if tag == "" {
		return provenance.Digest{}, fmt.Errorf("has no tag")
	}
	s, err := p.view.ReadState(product)
	if err != nil {
		return provenance.Digest{}, err
	}
	if s != nil {
		if b, ok := s.Tags[tag]; ok {
			if v := s.RevokedBy(s.Releases[b.Release-1].ID); v != nil && v.Kind == release.RevokeRelease {
				return provenance.Digest{}, fmt.Errorf("has a tag of a release that was revoked: %s", v.Reason)
			}
			return b.Digest, nil
		}
	}
	return provenance.Digest{}, fmt.Errorf("has a tag that %s never bound", product)
}

// helm looks for repository and tag side by side, and puts the digest behind the tag.
func (p *pinner) helm(path string, lines []string) {
	for i, line := range lines {
		repository := valueKey().FindStringSubmatch(line)
		if repository == nil || repository[2] != "repository" {
			continue
		}
		where, indent := fmt.Sprintf("%s:%d", path, i+1), column(repository[1])
		tagAt, pinned := -1, false
		for _, step := range []int{-1, 1} {
			for j := i + step; j >= 0 && j < len(lines); j += step {
				m := valueKey().FindStringSubmatch(lines[j])
				in := len(lines[j]) - len(strings.TrimLeft(lines[j], " "))
				if strings.TrimSpace(lines[j]) != "" && in < indent && (m == nil || column(m[1]) != indent) {
					break
				}
				if m != nil && column(m[1]) == indent && m[2] == "tag" && tagAt < 0 {
					tagAt = j
				}
				pinned = pinned || m != nil && column(m[1]) == indent && m[2] == "digest" && digestIn().MatchString(m[4])
			}
		}
		name := repository[4]
		switch {
		case pinned:
			p.pinned++
		case tagAt < 0 && p.products[name] != "":
			p.fail(where, name, "has no tag beside it")
		case tagAt >= 0:
			m := valueKey().FindStringSubmatch(lines[tagAt])
			ref := p.image(where, name+":"+m[4])
			lines[tagAt] = strings.Replace(lines[tagAt], m[0], m[1]+"tag: "+quoteLike(m[3], strings.TrimPrefix(ref, name+":")), 1)
		}
	}
}

// column is where a member begins behind its indent, also as the first of a list's element.
func column(indent string) int { return len(indent) }

func quoteLike(quote, s string) string {
	if quote == "" {
		quote = `"` // a digest behind a number is text in any reader
	}
	return quote + s + quote
}
