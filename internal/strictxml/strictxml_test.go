package strictxml_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/touchmark-go/touchmark/internal/strictxml"
)

// show is an element in a form without prefixes.
func show(e *strictxml.Element) string {
	var b strings.Builder
	fmt.Fprintf(&b, "{%s}%s", e.Name.Space, e.Name.Local)
	for _, a := range e.Attrs {
		fmt.Fprintf(&b, " {%s}%s=%q", a.Name.Space, a.Name.Local, a.Value)
	}
	fmt.Fprintf(&b, " %q[", e.Text)
	for _, c := range e.Children {
		b.WriteString(show(c))
	}
	return b.String() + "]"
}

func TestParse(t *testing.T) {
	for _, test := range []struct{ in, want string }{
		{`<a/>`, `{}a ""[]`},
		{"\ufeff<?xml version='1.0' encoding=\"utf-8\" standalone='no' ?>\n<!-- x --><a ></a >\n<!---->", `{}a ""[]`},
		{`<a xmlns="u" b="1" p:b="2" xmlns:p="v"><p:c xmlns=""><d/></p:c></a>`, `{u}a {}b="1" {v}b="2" ""[{v}c ""[{}d ""[]]]`},
		{"<a b='x\ty\r\nz&#10;&lt;&#x41;'>1&amp;\r\n2<![CDATA[<&]]>]]<b/>3</a>", `{}a {}b="x y z\n<A" "1&\n2<&]]3"[{}b ""[]]`},
		{`<a xml:lang="en"/>`, `{}a {http://www.w3.org/XML/1998/namespace}lang="en" ""[]`},
		{`<ä.1-2 é="ü"/>`, `{}ä.1-2 {}é="ü" ""[]`},
	} {
		e, err := strictxml.Parse([]byte(test.in))
		if err != nil || show(e) != test.want {
			t.Errorf("Parse(%q) = %v, want %s", test.in, err, test.want)
			if err == nil {
				t.Errorf("found %s", show(e))
			}
		}
	}
	for _, test := range []struct{ in, want string }{
		{"", "line 1, column 1: want an element"}, {"x", "want an element"}, {"<a>", "want </…>"}, {"<a></b>", "want </a>"}, {"<a/><b/>", "want the end"}, {"<a/>x", "want the end"},
		{"<a b='1' b='2'/>", "twice"}, {"<a xmlns:p='u' xmlns:q='u' p:b='1' q:b='2'/>", "two prefixes"}, {"<a b='1'c='2'/>", "white space"}, {"<a b=1/>", "want a quote"},
		{"<a b/>", "want '='"}, {"<a b='<'/>", "'<'"}, {"<a>]]></a>", "CDATA"}, {"<a>&x;</a>", "unknown reference"}, {"<a>&</a>", "no reference"}, {"<a>&#0;</a>", "unknown reference"},
		{"<a>&#xd800;</a>", "unknown reference"}, {"<a>&#x110000;</a>", "unknown reference"}, {"<a>&#;</a>", "unknown reference"}, {"<a>&nbsp;</a>", "unknown reference"},
		{"<a>\x00</a>", "U+0000"}, {"<a>\xff</a>", "UTF-8"}, {"<a>\ufffe</a>", "U+FFFE"}, {"<a b='\x01'/>", "U+0001"}, {"<!DOCTYPE a><a/>", "document type"},
		{"<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><a>&x;</a>", "document type"}, {"<?xml-stylesheet href='x'?><a/>", "processing instruction"}, {"<a><?x?></a>", "processing instruction"},
		{" <?xml version='1.0'?><a/>", "processing instruction"}, {"<?xml version='1.1'?><a/>", `"1.1"`}, {"<?xml version='1.0' encoding='ISO-8859-1'?><a/>", "ISO-8859-1"},
		{"<?xml encoding='UTF-8'?><a/>", "want version"}, {"<?xml version='1.0' standalone='maybe'?><a/>", "maybe"}, {"<?xml version='1.0' x='y'?><a/>", "want '?>'"},
		{"<?xml version='1.0'encoding='UTF-8'?><a/>", "want '?>'"}, {"\xff\xfe<\x00a\x00/\x00>\x00", "UTF-8"}, {"<p:a/>", `prefix "p" is declared nowhere`}, {"<a p:b='1'/>", "declared nowhere"},
		{"<a xmlns:p=''/>", "stands for no namespace"}, {"<a xmlns:xml='u'/>", "reserved"}, {"<a xmlns:xmlns='u'/>", "reserved"}, {"<a xmlns='http://www.w3.org/XML/1998/namespace'/>", "reserved"},
		{"<a xmlns:p='http://www.w3.org/2000/xmlns/'/>", "reserved"}, {"<:a/>", "want a name"}, {"<a:/>", "behind the colon"}, {"<a:b:c/>", "white space"}, {"<1/>", "want a name"}, {"< a/>", "want a name"},
		{"<a><!-- -- --></a>", "comment"}, {"<a><!-- </a>", "comment"}, {"<a><![CDATA[</a>", "CDATA"}, {"<a><!ELEMENT a ANY></a>", "want a name"}, {"<a/ >", "white space"},
		{"<a\n b='1'\n  c></a>", "line 3, column 4"},
	} {
		if e, err := strictxml.Parse([]byte(test.in)); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("Parse(%q) = %v, %v; want a word about %q", test.in, e, err, test.want)
		}
	}
}

func TestLimits(t *testing.T) {
	deep := func(n int) string { return strings.Repeat("<a>", n) + strings.Repeat("</a>", n) }
	if _, err := strictxml.Parse([]byte(deep(strictxml.MaxDepth))); err != nil {
		t.Error(err)
	}
	var many strings.Builder
	for i := range strictxml.MaxAttributes + 1 {
		fmt.Fprintf(&many, " a%d=''", i)
	}
	for name, text := range map[string]string{
		"depth":      deep(strictxml.MaxDepth + 1),
		"elements":   "<a>" + strings.Repeat("<b></b>", strictxml.MaxNodes) + "</a>",
		"empty":      "<a>" + strings.Repeat("<b c=''/>", strictxml.MaxNodes) + "</a>",
		"attributes": "<a" + many.String() + "/>",
	} {
		if _, err := strictxml.Parse([]byte(text)); !errors.Is(err, strictxml.ErrLimit) {
			t.Errorf("%s: %.100v, want %v", name, err, strictxml.ErrLimit)
		}
	}
}

// What is accepted encoding/xml reads too, as the same.
func FuzzParse(f *testing.F) {
	for _, s := range []string{`<a/>`, `<?xml version="1.0"?><a xmlns="u" b="1" p:b="2" xmlns:p="v">x<p:c/>&amp;<![CDATA[]]]]></a>`, "<a>\r\n</a>", "<ä/>", "<ߤ/>"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := strictxml.Parse(data)
		if err != nil {
			return
		}
		d := xml.NewDecoder(bytes.NewReader(bytes.TrimPrefix(data, []byte("\ufeff"))))
		d.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil }
		var names []string
		for {
			token, err := d.Token()
			if err == io.EOF {
				break
			}
			if err != nil && strings.Contains(err.Error(), "invalid XML name") {
				return // it has the letters of the fourth edition, we those of the fifth
			}
			if err != nil {
				t.Fatalf("%q is accepted here, and encoding/xml says %v", data, err)
			}
			if s, ok := token.(xml.StartElement); ok {
				names = append(names, s.Name.Local)
			}
		}
		var got []string
		var walk func(*strictxml.Element)
		walk = func(e *strictxml.Element) {
			got = append(got, e.Name.Local)
			for _, c := range e.Children {
				walk(c)
			}
		}
		walk(e)
		if strings.Join(got, " ") != strings.Join(names, " ") {
			t.Errorf("%q is %v, and for encoding/xml %v", data, got, names)
		}
	})
}
