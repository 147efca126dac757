package report

import (
	"cmp"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html"
	"slices"
	"strings"

	"github.com/touchmark-go/touchmark/verify"
)

// style is the whole style of the page. The page's own policy lets a browser
// apply these very bytes, by their hash, and nothing else.
//
//go:embed page.css
var style string

// HTML is the verdict as a page for people: one file that loads nothing and runs
// nothing, and whose own Content-Security-Policy forbids both.
func HTML(v *verify.Verdict) []byte {
	p := &page{}
	class := strings.ToLower(v.Decision.String())
	title := v.Decision.String() + " " + show(v.Artifact)
	hash := sha256.Sum256([]byte(style))
	p.raw("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n")
	p.raw("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(hash[:]) +
		"'; base-uri 'none'; form-action 'none'\">\n<meta name=\"referrer\" content=\"no-referrer\">\n")
	p.raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n")
	p.element("title", "", title)
	p.raw("\n<style>" + style + "</style>\n</head>\n<body class=\"" + class + "\">\n<header>\n")
	p.element("h1", "", v.Decision.String())
	p.element("p", "what", what(v))
	p.element("p", "", summary(v))
	p.raw("\n</header>\n<main>\n")
	p.checks("Why", "checks", v, denied, undecided)
	p.checks("Exceptions", "checks noted", v, excepted)
	p.checks("Set aside", "checks noted", v, setAside)
	p.list("Waived: nothing was wanted", waived, v)
	p.list("Passed", passed, v)
	p.raw("<section>\n<h2>Judged</h2>\n<dl>\n")
	for _, d := range properties(v) {
		p.detail(d)
	}
	p.raw("</dl>\n</section>\n</main>\n</body>\n</html>\n")
	return []byte(p.String())
}

// what was asked about.
func what(v *verify.Verdict) string {
	if v.Environment != "" {
		return show(v.Artifact) + " for " + show(v.Environment)
	}
	return show(v.Artifact)
}

// summary is what to do with the answer.
func summary(v *verify.Verdict) string {
	switch v.Decision {
	case verify.Allow:
		return "Every check of every policy passed, or was waived by those who may."
	case verify.Deny:
		return "Do not run it."
	}
	return "The question could not be answered. This is not permission."
}

// A page is HTML in the making. Only raw writes what is not escaped, and only
// what stands in this file.
type page struct{ strings.Builder }

func (p *page) raw(s string) { p.WriteString(s) }

// element writes one with text in it, and a class if there is one.
func (p *page) element(name, class, text string) {
	p.raw("<" + name)
	if class != "" {
		p.raw(" class=\"" + class + "\"")
	}
	p.raw(">" + html.EscapeString(text) + "</" + name + ">")
}

func (p *page) detail(d detail) {
	p.element("dt", "", d.word)
	p.element("dd", "is-"+d.word, d.text)
	p.raw("\n")
}

// checks writes the findings that ended in one of these ways, whole.
func (p *page) checks(heading, class string, v *verify.Verdict, how ...outcome) {
	n := 0
	for _, f := range findings(v) {
		if !slices.Contains(how, outcomeOf(f)) {
			continue
		}
		if n++; n == 1 {
			p.raw("<section class=\"" + class + "\">\n")
			p.element("h2", "", heading)
			p.raw("\n<ol>\n")
		}
		p.raw("<li>")
		p.element("code", "", show(string(f.Code)))
		p.raw(" ")
		p.element("strong", "", show(f.Message))
		p.raw("\n<dl>\n")
		for _, d := range details(f) {
			p.detail(d)
		}
		p.raw("</dl></li>\n")
	}
	if n > 0 {
		p.raw("</ol>\n</section>\n")
	}
}

// list writes the findings that ended so, each by its code and rule.
func (p *page) list(heading string, how outcome, v *verify.Verdict) {
	n := 0
	for _, f := range findings(v) {
		if outcomeOf(f) != how {
			continue
		}
		if n++; n == 1 {
			p.raw("<section class=\"list\">\n")
			p.element("h2", "", heading)
			p.raw("\n<ul>\n")
		}
		p.raw("<li>")
		p.element("code", "", show(string(f.Code)))
		p.raw(" ")
		said := show(f.Rule)
		if more := cmp.Or(f.Got, f.Message); more != "" {
			said += " (" + show(more) + ")"
		}
		p.element("span", "", said)
		p.raw("</li>\n")
	}
	if n > 0 {
		p.raw("</ul>\n</section>\n")
	}
}
