package spdx

import (
	"encoding/json"
	"fmt"
	"io"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/touchmark-go/touchmark/internal/strictjson"
)

// StreamToCycloneDX converts an SPDX 2.3 JSON document of any size, part by
// part: it reads r three times from where it stands, and once more each package
// and file. Of each it keeps the SPDXID and some forty bytes, and eight for each
// dependency. Each loss is told to lost, unless that is nil. It is as strict as
// [Parse], and what it writes says what [ToCycloneDX] would have said.
//
// After an error, what has been written is of no use.
func StreamToCycloneDX(w io.Writer, r io.ReadSeeker, lost func(Loss)) error {
	if lost == nil {
		lost = func(Loss) {}
	}
	s := &toStream{r: r, doc: new(Document)}
	var err error
	if s.start, err = r.Seek(0, io.SeekCurrent); err == nil {
		err = s.run(w, lost)
	}
	if err == nil {
		return nil
	}
	if _, failed := r.Seek(s.start, io.SeekStart); failed == nil {
		if line, ok := lineOf(r, err); ok {
			return fmt.Errorf("SPDX: line %d: %w", line, err)
		}
	}
	return fmt.Errorf("SPDX: %w", err)
}

// toStream is a document that becomes a BOM as it goes by.
type toStream struct {
	r        io.ReadSeeker
	start    int64
	doc      *Document // without the lists that can be long
	checker  *checker
	t        *to
	graph    *graph
	others   idMap // the document, the snippets, and the files until they are numbered
	fileIDs  []string
	sealed   bool // every element has its number
	packages []place
	files    []place
}

// A place is where an element stands.
type place struct {
	offset int64
	length int32
}

// has and add make the document a set of SPDXIDs.
func (s *toStream) has(id string) bool {
	if s.others[id] || !s.sealed {
		return s.others[id]
	}
	e, _ := s.graph.find(id)
	return e != nil
}

func (s *toStream) add(id string) { s.others[id] = true }

func (s *toStream) run(w io.Writer, lost func(Loss)) error {
	if err := s.survey(); err != nil {
		return err
	}
	s.t = newTo(s.doc, lost)
	s.graph.lose, s.t.graph = s.t.lose, s.graph
	for i, id := range s.doc.DocumentDescribes {
		s.t.graph.describes(at("/documentDescribes", i), id)
	}
	if err := s.parts(true, s.element); err != nil {
		return err
	}
	if err := s.parts(true, s.relationship); err != nil {
		return err
	}
	return s.write(w)
}

func (s *toStream) parts(checked bool, visit func(*part) error) error {
	if _, err := s.r.Seek(s.start, io.SeekStart); err != nil {
		return err
	}
	return parts(s.r, checked, visit)
}

// survey reads what the document says of itself, and who is in it.
func (s *toStream) survey() error {
	s.checker, s.graph, s.others = newChecker(s.doc), newGraph(nil), idMap{DocumentID: true}
	s.checker.elements = s
	err := s.parts(false, func(p *part) error {
		switch {
		case p.index < 0 && p.member == "spdxVersion":
			if err := checkKind(append(append([]byte(`{"spdxVersion":`), p.raw...), '}')); err != nil {
				return err
			}
			return p.decodeInto(s.doc)
		case p.index < 0:
			return p.decodeInto(s.doc)
		case p.member == "relationships":
			return nil
		}
		var of struct {
			SPDXID string `json:"SPDXID"`
		}
		if err := json.Unmarshal(p.raw, &of); err != nil {
			return &partError{p, err}
		}
		if s.checker.element(p.pointer(), of.SPDXID); s.checker.err != nil {
			return faultIn(p, s.checker.err)
		}
		delete(s.others, of.SPDXID)
		switch p.member {
		case "packages":
			s.packages = append(s.packages, place{p.offset, int32(len(p.raw))})
		case "files":
			s.files = append(s.files, place{p.offset, int32(len(p.raw))})
			s.fileIDs = append(s.fileIDs, of.SPDXID)
			s.others.add(of.SPDXID)
			return nil
		case "snippets":
			s.others.add(of.SPDXID)
			return nil
		}
		s.graph.add(of.SPDXID)
		return nil
	})
	if err != nil {
		return err
	}
	for _, id := range s.fileIDs { // behind the packages
		delete(s.others, id)
		s.graph.add(id)
	}
	s.fileIDs, s.sealed = nil, true
	if n := s.graph.seal(); n >= 0 {
		return fmt.Errorf("the SPDXID %q is used twice", clip(s.graph.id(n)))
	}
	s.checker.head()
	s.checker.described()
	if s.checker.err != nil {
		return s.checker.err
	}
	return nil
}

// element checks a package, a file or a snippet, and tells what of it is lost.
func (s *toStream) element(p *part) error {
	if p.index < 0 {
		return nil
	}
	switch p.member {
	case "packages":
		var of Package
		if err := p.decode(&of); err != nil {
			return err
		}
		if s.checker.pkg(p.pointer(), &of); s.checker.err == nil {
			s.t.pkg(p.pointer(), &of)
			for i, id := range of.HasFiles {
				s.t.graph.contains(at(p.pointer()+"/hasFiles", i), of.SPDXID, id)
			}
		}
	case "files":
		var of File
		if err := p.decode(&of); err != nil {
			return err
		}
		if s.checker.file(p.pointer(), &of); s.checker.err == nil {
			s.t.file(p.pointer(), &of)
		}
	case "snippets":
		var of Snippet
		if err := p.decode(&of); err != nil {
			return err
		}
		s.checker.snippet(p.pointer(), &of)
		s.t.lose(p.pointer(), of.SPDXID, cdxNoPlace)
	}
	if s.checker.err != nil {
		return faultIn(p, s.checker.err)
	}
	return nil
}

func (s *toStream) relationship(p *part) error {
	if p.index < 0 || p.member != "relationships" {
		return nil
	}
	var r Relationship
	if err := p.decode(&r); err != nil {
		return err
	}
	if s.checker.relationship(p.pointer(), &r); s.checker.err != nil {
		return faultIn(p, s.checker.err)
	}
	s.t.graph.relationship(p.pointer(), &r)
	return nil
}

// load reads an element once more.
func (s *toStream) load(n int32) (cdx.Component, error) {
	list, i := s.packages, int(n)
	if i >= len(list) {
		list, i = s.files, i-len(list)
	}
	if _, err := s.r.Seek(s.start+list[i].offset, io.SeekStart); err != nil {
		return cdx.Component{}, err
	}
	raw := make([]byte, list[i].length)
	if _, err := io.ReadFull(s.r, raw); err != nil {
		return cdx.Component{}, err
	}
	// It has been checked twice, but it may have changed since.
	if int(n) < len(s.packages) {
		var of Package
		err := strictjson.UnmarshalClosed(raw, &of)
		return s.t.pkg("", &of), err
	}
	var of File
	err := strictjson.UnmarshalClosed(raw, &of)
	return s.t.file("", &of), err
}

func (s *toStream) write(w io.Writer) error {
	main := s.t.graph.finish()
	lost := s.t.lost
	quiet := func(n int32) (cdx.Component, error) {
		s.t.lost = func(Loss) {} // it has been told
		defer func() { s.t.lost = lost }()
		return s.load(n)
	}
	bom, err := s.t.head(main, quiet)
	if err != nil {
		return err
	}
	out := newListWriter(w)
	if err := out.head(bom); err != nil {
		return err
	}
	if err := s.t.graph.components(main, func(n int32) error {
		c, err := s.t.graph.component(n, quiet)
		if err != nil {
			return err
		}
		return out.item("components", &c)
	}); err != nil {
		return err
	}
	if err := s.t.graph.dependencies(func(d cdx.Dependency) error { return out.item("dependencies", &d) }); err != nil {
		return err
	}
	return out.end()
}
