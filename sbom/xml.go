package sbom

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/touchmark-go/touchmark/internal/cdxxml"
	"github.com/touchmark-go/touchmark/internal/strictxml"
)

// readXML reads the XML form of CycloneDX, 1.0 to 1.7, and tells what the model
// cannot hold. What the official schema of the version refuses, it refuses, with
// the line, and document types, processing instructions and encodings other than
// UTF-8 besides. Elements and attributes of other namespaces are allowed where
// the schema has room for them, and left out.
func readXML(text string) (*cdx.BOM, []Loss, error) {
	root, err := strictxml.Parse([]byte(text))
	if err != nil {
		return nil, nil, err
	}
	version, err := cdxxml.VersionOf(root)
	if err != nil {
		return nil, nil, err
	}
	schema, err := cdxxml.Load(version)
	if err != nil {
		return nil, nil, err
	}
	if err := schema.Validate(root); err != nil {
		return nil, nil, err
	}
	bom, err := fromTree(root, version)
	if err != nil {
		return nil, nil, err
	}
	// What the model holds is what it writes.
	back, err := toTree(bom)
	if err != nil {
		return bom, []Loss{{Pointer: "", What: "the XML form", Why: "what is read cannot be written: " + err.Error()}}, nil
	}
	schema.Arrange(back)
	toModel(back)
	return bom, unwritten(root, back), nil
}

// isXML reports whether a document looks like XML: then it is no JSON.
func isXML(text string) bool {
	text = strings.TrimPrefix(text, "\ufeff")
	return strings.HasPrefix(strings.TrimLeft(text, " \t\r\n"), "<")
}

// fromTree is the BOM of a document that has been validated, and so holds
// nothing but what its schema knows.
func fromTree(root *strictxml.Element, version string) (*cdx.BOM, error) {
	toModel(root)
	bom := &cdx.BOM{BOMFormat: cdx.BOMFormat, SpecVersion: specVersion(version), JSONSchema: ""}
	if err := xml.NewTokenDecoder(&treeReader{stack: []*step{{e: root}}}).Decode(bom); err != nil {
		return nil, fmt.Errorf("the model cannot hold it: %v", err)
	}
	bom.XMLName, bom.XMLNS = xml.Name{}, ""
	if bom.Version == 0 {
		bom.Version = 1 // the default of the schema
	}
	return bom, nil
}

// toTree is the document of a BOM, as far as the model can write one.
func toTree(bom *cdx.BOM) (*strictxml.Element, error) {
	model := *bom
	model.XMLName, model.XMLNS = xml.Name{}, ""
	data, err := xml.Marshal(&model)
	if err != nil {
		return nil, err
	}
	root, err := strictxml.Parse(data)
	if err != nil {
		return nil, err
	}
	fromModel(root)
	return root, nil
}

// unwritten are the texts and attributes of one tree that another one does not
// have under the same names. Both are in the model's spelling.
func unwritten(was, is *strictxml.Element) []Loss {
	has := map[string]int{}
	walkTree(is, "", func(name, value string) { has[name+"="+value]++ })
	var lost []Loss
	walkTree(was, "", func(name, value string) {
		if key := name + "=" + value; value != "" {
			if has[key]--; has[key] < 0 {
				lost = append(lost, Loss{Pointer: name, What: fmt.Sprintf("%.200q", value), Why: "cyclonedx.BOM has no place for it"})
			}
		}
	})
	return lost
}

// walkTree tells visit of every text and attribute, by the names on the way to it.
func walkTree(e *strictxml.Element, way string, visit func(name, value string)) {
	way += "/" + e.Name.Local
	for _, a := range e.Attrs {
		visit(way+"/@"+a.Name.Local, a.Value)
	}
	visit(way, strings.Trim(e.Text, " \t\r\n"))
	for _, child := range e.Children {
		walkTree(child, way, visit)
	}
}

// specVersion is the version "1.6" as the model counts them.
func specVersion(version string) cdx.SpecVersion {
	return cdx.SpecVersion1_0 + cdx.SpecVersion(version[2]-'0')
}

// A treeReader gives the tokens of a tree, without namespaces.
type treeReader struct{ stack []*step }

// A step is an element that is being given.
type step struct {
	e    *strictxml.Element
	next int // -1 is its text, then its children; before that its start
	open bool
}

// Token implements [xml.TokenReader].
func (r *treeReader) Token() (xml.Token, error) {
	if len(r.stack) == 0 {
		return nil, io.EOF
	}
	s := r.stack[len(r.stack)-1]
	switch {
	case !s.open:
		s.open, s.next = true, -1
		start := xml.StartElement{Name: xml.Name{Local: s.e.Name.Local}}
		for _, a := range s.e.Attrs {
			start.Attr = append(start.Attr, xml.Attr{Name: xml.Name{Local: a.Name.Local}, Value: a.Value})
		}
		if len(s.e.Attrs) == 0 && len(s.e.Children) == 0 && s.e.Text != "" {
			// The model looks for references in this attribute, also where the
			// schema has them as text.
			start.Attr = append(start.Attr, xml.Attr{Name: xml.Name{Local: "ref"}, Value: s.e.Text})
		}
		return start, nil
	case s.next < 0:
		s.next = 0
		return xml.CharData(s.e.Text), nil
	case s.next < len(s.e.Children):
		s.next++
		r.stack = append(r.stack, &step{e: s.e.Children[s.next-1]})
		return r.Token()
	}
	r.stack = r.stack[:len(r.stack)-1]
	return xml.EndElement{Name: xml.Name{Local: s.e.Name.Local}}, nil
}
