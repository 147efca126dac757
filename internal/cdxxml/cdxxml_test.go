package cdxxml_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/touchmark-go/touchmark/internal/cdxxml"
	"github.com/touchmark-go/touchmark/internal/strictxml"
)

// Every table loads, and every expression in it compiles.
func TestLoad(t *testing.T) {
	for _, version := range []string{"1.0", "1.1", "1.2", "1.3", "1.4", "1.5", "1.6", "1.7"} {
		s, err := cdxxml.Load(version)
		if err != nil || s.Version != version || s.Unique != (version != "1.0") {
			t.Errorf("%s: %v", version, err)
			continue
		}
		for _, simple := range s.Simple {
			if _, err := regexp.Compile(simple.Pattern); err != nil {
				t.Error(err)
			}
			if simple.Union == nil && simple.Base == "" {
				t.Errorf("%s: a type of nothing: %+v", version, simple)
			}
		}
	}
	for _, version := range []string{"", "1", "1.8", "2.0", "1.10", "../1.6"} {
		if _, err := cdxxml.Load(version); err == nil {
			t.Errorf("%q is loaded", version)
		}
	}
}

// What the built-in types of XML Schema take: each text stands in an element
// of CycloneDX that has the type.
func TestValues(t *testing.T) {
	place := map[string]string{
		"dateTime": `<metadata><timestamp>%</timestamp></metadata>`,
		"boolean":  `<components><component type="file"><name>a</name><modified>%</modified></component></components>`,
		"anyURI":   `<externalReferences><reference type="other"><url>%</url></reference></externalReferences>`,
	}
	for _, test := range []struct {
		base string
		good []string
		bad  []string
	}{
		{"dateTime", []string{"2026-11-21T05:34:23Z", "2026-11-21T05:34:23.5+14:00", " 2026-11-21T05:34:23-00:00\n", "2026-11-21T24:00:00", "-0001-01-01T00:00:00", "12026-02-28T00:00:00Z", "2000-02-29T00:00:00"},
			[]string{"", "2026-11-21", "2026-11-21 05:34:23Z", "2026-02-30T00:00:00Z", "2026-11-21T05:34Z", "2026-11-21T25:00:00Z", "2026-11-21T24:00:01Z", "2026-11-21T05:34:23.Z", "2026-11-21T05:34:23+14:01",
				"0000-01-01T00:00:00Z", "026-01-01T00:00:00Z", "02026-01-01T00:00:00Z", "2026-11-21T05:34:60Z", "2026-11-21T05:34:23+1:00", "2026-11-21t05:34:23z", "1900-02-29T00:00:00Z"}},
		{"boolean", []string{"true", "false", "1", "0", " true "}, []string{"TRUE", "yes", ""}},
		{"anyURI", []string{"https://acme.example/a b", "a", "ä", "", "urn:x:y", "#x", "https://acme.example/%20?q={x}"}, []string{"https://acme.example/#a#b", "https://[x", "a%zz"}},
	} {
		s, err := cdxxml.Load("1.6")
		if err != nil {
			t.Fatal(err)
		}
		for i, text := range append(test.good, test.bad...) {
			root, err := strictxml.Parse([]byte(`<bom xmlns="http://cyclonedx.org/schema/bom/1.6">` + strings.Replace(place[test.base], "%", text, 1) + `</bom>`))
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Validate(root); (err == nil) != (i < len(test.good)) {
				t.Errorf("%s %q: %v", test.base, text, err)
			}
		}
	}
}

// What is cleaned: white space, what is empty and has a default, and what is of others.
func TestCleans(t *testing.T) {
	root, err := strictxml.Parse([]byte(`<bom xmlns="http://cyclonedx.org/schema/bom/1.6" xmlns:x="u" x:a="1"><components><component type="file" x:b="2" other="3"><name>a
b</name><scope/><purl> p </purl><x:c><d xmlns=""/></x:c></component></components></bom>`))
	if err != nil {
		t.Fatal(err)
	}
	s, err := cdxxml.Load("1.6")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Validate(root); err != nil {
		t.Fatal(err)
	}
	c := root.Children[0].Children[0]
	if len(root.Attrs) != 0 || len(c.Attrs) != 1 || len(c.Children) != 3 || c.Children[0].Text != "a b" || c.Children[1].Text != "required" || c.Children[2].Text != "p" {
		t.Errorf("%+v", c)
	}
}
