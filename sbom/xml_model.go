package sbom

import (
	"github.com/touchmark-go/touchmark/internal/strictxml"
)

// The model spells some elements otherwise than the schema does. These two put
// a tree into the model's spelling, and back: a flag that is an attribute, lists
// whose items stand in an element of their own, and classifications of data
// without a flow around them.

// toModel changes a tree that the schema allows into what the model reads.
func toModel(e *strictxml.Element) {
	switch e.Name.Local {
	case "component":
		for i, a := range e.Attrs {
			if a.Name == (strictxml.Name{Local: "isExternal"}) {
				e.Attrs = append(e.Attrs[:i:i], e.Attrs[i+1:]...)
				e.Children = append(e.Children, &strictxml.Element{Name: a.Name, Text: a.Value})
				break
			}
		}
	case "service":
		for _, data := range e.Children {
			if data.Name.Local == "data" {
				wrap(data, "classification", "dataflow")
			}
		}
	case "protocolProperties":
		for _, child := range e.Children {
			if child.Name.Local == "cryptoRef" {
				child.Name.Local = "cryptoRefArray"
			}
		}
		unwrap(e, "cipherSuites")
		for _, suite := range e.Children {
			if suite.Name.Local == "cipherSuites" {
				unwrap(suite, "algorithms")
				unwrap(suite, "identifiers")
			}
		}
	}
	for _, child := range e.Children {
		toModel(child)
	}
}

// fromModel changes what the model writes into what the schema allows, but for
// the order.
func fromModel(e *strictxml.Element) {
	switch e.Name.Local {
	case "component":
		for i, child := range e.Children {
			if child.Name.Local == "isExternal" {
				e.Children = append(e.Children[:i:i], e.Children[i+1:]...)
				e.Attrs = append(e.Attrs, strictxml.Attr{Name: strictxml.Name{Local: "isExternal"}, Value: child.Text})
				break
			}
		}
	case "protocolProperties":
		for _, child := range e.Children {
			switch child.Name.Local {
			case "cryptoRefArray":
				child.Name.Local = "cryptoRef"
			case "cipherSuites":
				gather(child, "algorithms", "algorithm")
				gather(child, "identifiers", "identifier")
			}
		}
		gather(e, "cipherSuites", "cipherSuite")
	}
	for _, child := range e.Children {
		fromModel(child)
	}
}

// wrap puts each child of that name into an element of its own.
func wrap(e *strictxml.Element, name, around string) {
	for i, child := range e.Children {
		if child.Name.Local == name {
			e.Children[i] = &strictxml.Element{Name: strictxml.Name{Space: child.Name.Space, Local: around}, Children: []*strictxml.Element{child}, Line: child.Line}
		}
	}
}

// unwrap puts the items of a list in its place, under its name.
func unwrap(e *strictxml.Element, list string) {
	var children []*strictxml.Element
	for _, child := range e.Children {
		if child.Name.Local != list {
			children = append(children, child)
			continue
		}
		for _, item := range child.Children {
			item.Name.Local = list
			children = append(children, item)
		}
	}
	e.Children = children
}

// gather puts children of one name into a list where the first of them stands.
func gather(e *strictxml.Element, list, item string) {
	var around *strictxml.Element
	var children []*strictxml.Element
	for _, child := range e.Children {
		if child.Name.Local != list {
			children = append(children, child)
			continue
		}
		if around == nil {
			around = &strictxml.Element{Name: child.Name, Line: child.Line}
			children = append(children, around)
		}
		child.Name.Local = item
		around.Children = append(around.Children, child)
	}
	e.Children = children
}
