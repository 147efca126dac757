package spdx

import (
	"fmt"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/touchmark-go/touchmark/internal/spdxlicense"
)

// licenses are those of a document that are not on the SPDX License List.
type licenses struct {
	infos []ExtractedLicense
	known map[string]string // what an id stands for
}

func newLicenses() *licenses { return &licenses{known: map[string]string{}} }

// define makes the id of a licence by its name, and by its text where two have
// the same name.
func (l *licenses) define(info ExtractedLicense) string {
	key := info.Name + "\x00" + info.ExtractedText + "\x00" + strings.Join(info.SeeAlsos, "\x00")
	id := info.LicenseID
	for n := 2; ; n++ {
		if known, taken := l.known[id]; !taken || known == key {
			if !taken {
				l.known[id] = key
				if id != info.LicenseID && info.Name == "" {
					info.Name = info.LicenseID // which says how it is called
				}
				info.LicenseID = id
				l.infos = append(l.infos, info)
			}
			return id
		}
		id = fmt.Sprintf("%s-x2e%d", info.LicenseID, n)
	}
}

// of fills in the licences of a component. Those that are listed apart are held
// to apply together.
func (l *licenses) of(f *from, pointer string, c *cdx.Component, p *Package) {
	p.LicenseConcluded, p.LicenseDeclared = NoAssertion, NoAssertion
	if c.Licenses == nil {
		return
	}
	var declared, concluded []string
	for i, choice := range *c.Licenses {
		where := at(pointer+"/licenses", i)
		text, acknowledged, ok := l.choice(f, where, choice)
		if !ok {
			continue
		}
		switch acknowledged {
		case cdx.LicenseAcknowledgementConcluded:
			concluded = append(concluded, text)
		default:
			declared = append(declared, text)
		}
	}
	join := func(list []string) string {
		switch len(list) {
		case 0:
			return NoAssertion
		case 1:
			return list[0]
		}
		f.lose(pointer+"/licenses", fmt.Sprintf("a list of %d", len(list)), "SPDX has one expression: they are joined by AND")
		for i, text := range list {
			if e, err := spdxlicense.Parse(text); err == nil && e.Op == "OR" {
				list[i] = "(" + text + ")"
			}
		}
		return strings.Join(list, " AND ")
	}
	p.LicenseDeclared, p.LicenseConcluded = join(declared), join(concluded)
}

// choice is one licence as an expression.
func (l *licenses) choice(f *from, pointer string, c cdx.LicenseChoice) (text string, acknowledged cdx.LicenseAcknowledgement, ok bool) {
	if c.Acknowledgement != nil {
		acknowledged = *c.Acknowledgement
	}
	if c.License == nil {
		f.rest(pointer, c, "expression", "acknowledgement")
		e, err := spdxlicense.Parse(c.Expression)
		if err != nil {
			f.lose(pointer, c.Expression, "it is no SPDX license expression")
			return "", "", false
		}
		foreign := false
		e.Walk(func(s *spdxlicense.Expression) {
			switch {
			case strings.Contains(s.ID, ":"):
				foreign = true
			case spdxlicense.IsRef(s.ID):
				if _, known := l.known[s.ID]; !known {
					l.define(ExtractedLicense{LicenseID: s.ID, ExtractedText: NoAssertion})
				}
			}
		})
		if foreign {
			f.lose(pointer, c.Expression, "it names a license of another document")
			return "", "", false
		}
		return strings.TrimSpace(c.Expression), acknowledged, true
	}
	if c.License.Acknowledgement != "" {
		acknowledged = c.License.Acknowledgement
	}
	text, ok = l.license(f, pointer+"/license", c.License)
	return text, acknowledged, ok
}

func (l *licenses) license(f *from, pointer string, c *cdx.License) (string, bool) {
	if c.ID != "" {
		id, _, ok := spdxlicense.License(c.ID)
		if !ok {
			f.lose(pointer, c.ID, "it is no license of the SPDX License List")
			return "", false
		}
		f.rest(pointer, *c, "id", "acknowledgement")
		return id, true
	}
	info := ExtractedLicense{LicenseID: "LicenseRef-" + escape(c.Name), Name: c.Name, ExtractedText: NoAssertion}
	if spdxlicense.IsRef(c.Name) && !strings.Contains(c.Name, ":") {
		info.LicenseID, info.Name = c.Name, ""
	}
	handled := []string{"name", "acknowledgement", "text", "url"}
	if t := c.Text; t != nil {
		switch {
		case t.Encoding != "" || t.Content == "" || t.Content == NoAssertion:
			f.lose(pointer+"/text", fmt.Sprintf("a text of %d bytes, encoding %q", len(t.Content), t.Encoding), "SPDX has plain text")
		default:
			info.ExtractedText = t.Content
			if t.ContentType != "" && t.ContentType != "text/plain" {
				f.lose(pointer+"/text/contentType", t.ContentType, noPlace)
			}
		}
	}
	if c.URL != "" {
		info.SeeAlsos = []string{c.URL}
	}
	f.rest(pointer, *c, handled...)
	return l.define(info), true
}

// back are the licences of a package as CycloneDX has them. The second result
// says that only CycloneDX 1.7 can say so: it mixes licences and expressions.
func back(p *Package, infos map[string]*ExtractedLicense, used map[string]bool) (cdx.Licenses, bool) {
	var list cdx.Licenses
	expressions := 0
	for _, field := range []struct {
		text string
		as   cdx.LicenseAcknowledgement
	}{{p.LicenseDeclared, cdx.LicenseAcknowledgementDeclared}, {p.LicenseConcluded, cdx.LicenseAcknowledgementConcluded}} {
		if field.text == "" || field.text == NoAssertion || field.text == None {
			continue
		}
		e, err := spdxlicense.Parse(field.text)
		if err != nil {
			continue // no document that was checked has one
		}
		info := infos[e.ID]
		switch {
		case e.Op == "" && info != nil && e.Exception == "" && len(info.SeeAlsos) < 2 && info.Comment == "" && len(info.CrossRefs) == 0:
			used[e.ID] = true
			list = append(list, cdx.LicenseChoice{License: extracted(info, field.as)})
		case e.Op == "" && info == nil && e.Exception == "" && !e.OrLater && !spdxlicense.IsRef(e.ID):
			list = append(list, cdx.LicenseChoice{License: &cdx.License{ID: e.ID, Acknowledgement: field.as}})
		default:
			expressions++
			list = append(list, cdx.LicenseChoice{Expression: field.text, Acknowledgement: &field.as})
		}
	}
	return list, expressions > 0 && len(list) > 1
}

// extracted is a licence that a document defines.
func extracted(info *ExtractedLicense, as cdx.LicenseAcknowledgement) *cdx.License {
	l := &cdx.License{Name: info.Name, Acknowledgement: as}
	if l.Name == "" {
		l.Name = info.LicenseID
	}
	if info.ExtractedText != NoAssertion {
		l.Text = &cdx.AttachedText{Content: info.ExtractedText}
	}
	if len(info.SeeAlsos) == 1 {
		l.URL = info.SeeAlsos[0]
	}
	return l
}
