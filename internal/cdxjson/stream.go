package cdxjson

import (
	"errors"
	"fmt"
	"hash/maphash"
	"io"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/touchmark-go/touchmark/internal/cdxschema"
)

// MaxPart is how many bytes one part of a document may have that is read part by
// part: an item of one of its long lists, or any other member of it.
const MaxPart = 4 << 20

// A Part is one part of a document. It and all it points to are the caller's.
type Part struct {
	Member string // the member of the document, "components"
	Index  int    // of the item in the member's list, or -1 if it is all of the member
	Line   int

	Component     *cdx.Component
	Service       *cdx.Service
	Dependency    *cdx.Dependency
	Composition   *cdx.Composition
	Vulnerability *cdx.Vulnerability
	Rest          *cdx.BOM // any other member, alone but for the specVersion

	Lost []Lost // Pointer is that in the document
}

// Scan reads a document part by part, in its order, and calls yield for each
// until it returns false. What was yielded obeys the schema; that the document
// as a whole does is known when Scan returns nil.
func Scan(r io.Reader, yield func(*Part) bool) error {
	s := newStream(r, yield)
	if err := s.prepare(); err != nil {
		return err
	}
	return s.scan()
}

func newStream(r io.Reader, yield func(*Part) bool) *stream {
	return &stream{window: window{r: r, buf: make([]byte, 0, windowSize), line: 1}, hash: hasher{maphash.MakeSeed()}, yield: yield}
}

// scan reads the document, and a second time for items that may be there twice.
func (s *stream) scan() error {
	if err := s.run(); err != nil || s.stopped || len(s.items.suspects) == 0 {
		return err
	}
	if err := s.rewind(); err != nil {
		return err
	}
	s.again, s.places = true, map[uint64]int{}
	if err := s.run(); err != nil {
		return err
	}
	if len(s.items.suspects) >= maxSuspects {
		return &Error{Line: 1, Column: 1, Msg: "too many items to tell apart", limit: true}
	}
	return nil
}

// A stream is a document that goes by.
type stream struct {
	window
	seeker  io.Seeker // the reader, if it can go back
	origin  int64     // where it stood
	yield   func(*Part) bool
	stopped bool
	version cdxschema.Version
	spec    cdx.SpecVersion
	dec     decoder
	hash    hasher
	items   itemSet
	again   bool           // this is the second reading
	places  map[uint64]int // in the second reading: where suspects were found
}

// prepare finds out the size, if r can say it, and the version.
func (s *stream) prepare() error {
	size := int64(-1)
	if seeker, ok := s.r.(io.Seeker); ok {
		if at, err := seeker.Seek(0, io.SeekCurrent); err == nil {
			end, err := seeker.Seek(0, io.SeekEnd)
			if err != nil {
				return err
			}
			if _, err := seeker.Seek(at, io.SeekStart); err != nil {
				return err
			}
			s.seeker, s.origin, size = seeker, at, end-at
		}
	}
	s.items = newItemSet(size)
	for s.end < windowSize && !s.eof {
		if err := s.fill(); err != nil {
			return err
		}
	}
	v, err := s.findVersion()
	s.version = v
	s.spec = cdx.SpecVersion1_2 + cdx.SpecVersion(v-cdxschema.First)
	return err
}

// findVersion looks for specVersion in what has been read, and in the rest if
// the reader can go back.
func (s *stream) findVersion() (cdxschema.Version, error) {
	v, err := versionOf(string(s.buf[:s.end]))
	var broken *Error
	if err == nil || s.eof || errors.As(err, &broken) && broken.version {
		return v, err
	}
	if s.seeker == nil {
		return 0, fmt.Errorf("want specVersion in the first %d bytes of a document that can be read only once, found none", windowSize)
	}
	var found string
	err = s.members(func(name string) error {
		value, err := s.skim(name == "specVersion")
		if name == "specVersion" && err == nil {
			found = string(value)
		}
		return err
	})
	if err != nil {
		return 0, err
	}
	if v, err = versionOf(`{"specVersion":` + found + `}`); found == "" {
		return 0, errNoVersion
	}
	if err != nil {
		return 0, err
	}
	return v, s.rewind()
}

func (s *stream) rewind() error {
	_, err := s.seeker.Seek(s.origin, io.SeekStart)
	s.window = window{r: s.r, buf: s.buf, line: 1}
	return err
}

// members reads the document itself and calls member for each of its members,
// which must read the value.
func (s *stream) members(member func(name string) error) error {
	c, err := s.next()
	if err != nil {
		return err
	}
	if c != '{' {
		return s.fail("", "want an object, found %s", s.found())
	}
	s.pos++
	for first := true; ; first = false {
		c, err := s.next()
		switch {
		case err != nil:
			return err
		case c == '}':
			s.pos++
			if c, err = s.next(); err == nil && c != 0 {
				return s.fail("", "want the end, found %s after the value", s.found())
			}
			return err
		case first:
		case c == ',':
			s.pos++
			if c, err = s.next(); err != nil {
				return err
			}
		default:
			return s.fail("", "want ',' or '}', found %s", s.found())
		}
		if c != '"' {
			return s.fail("", "want a member's name, found %s", s.found())
		}
		raw, err := s.skim(true)
		if err != nil {
			return err
		}
		d := decoder{s: string(raw)}
		name := d.str()
		if d.err != nil {
			return s.fail("", "%s", d.err.Msg)
		}
		if c, err = s.next(); err != nil {
			return err
		} else if c != ':' {
			return s.fail("", "want ':' after a member's name, found %s", s.found())
		}
		s.pos++
		if _, err = s.next(); err != nil {
			return err
		}
		if err := member(name); err != nil || s.stopped {
			return err
		}
	}
}

// run reads the document.
func (s *stream) run() error {
	whole := cdxschema.Of(s.version)
	o := object{node: whole, fields: whole.Fields()}
	err := s.members(func(name string) error {
		i := o.fields.Member(name)
		switch {
		case i < 0:
			return s.fail("/"+name, "bom has no member %s", quote(name))
		case o.seen>>i&1 != 0:
			return s.fail("/"+name, "duplicate member %s", quote(name))
		}
		o.seen |= 1 << i
		switch name {
		case "components", "services", "dependencies", "compositions", "vulnerabilities":
			return s.list(name, o.fields.Members[i].Node)
		}
		return s.rest(name, whole)
	})
	if err != nil || s.stopped {
		return err
	}
	var d decoder
	if d.close(&o); d.err != nil {
		return &Error{Line: 1, Column: 1, Msg: d.err.Msg}
	}
	return nil
}

// rest reads a member that is not read item by item.
func (s *stream) rest(name string, whole *cdxschema.Node) error {
	line, column := s.place()
	raw, err := s.skim(!s.again)
	if err != nil || s.again {
		return err
	}
	alone := whole.Undemanding()
	prefix := fmt.Sprintf("{%q:", name)
	p := Part{Member: name, Index: -1, Line: line, Rest: &cdx.BOM{SpecVersion: s.spec}}
	s.begin(prefix+string(raw)+"}", 0)
	s.dec.readBOM(p.Rest, alone)
	s.dec.end()
	return s.deliver(&p, func() string { return "" }, line, column-len(prefix))
}

// list reads a member item by item.
func (s *stream) list(name string, n *cdxschema.Node) error {
	c, err := s.next()
	if err != nil {
		return err
	}
	if c != '[' {
		return s.fail("/"+name, "want an array, found %s", s.found())
	}
	s.pos++
	for i := 0; ; i++ {
		c, err := s.next()
		switch {
		case err != nil:
			return err
		case c == ']':
			s.pos++
			return nil
		case i == 0:
		case c == ',':
			s.pos++
			if _, err = s.next(); err != nil {
				return err
			}
		default:
			return s.fail("/"+name, "want ',' or ']', found %s", s.found())
		}
		line, column := s.place()
		raw, err := s.skim(true)
		if err != nil {
			return err
		}
		if err := s.item(string(raw), Part{Member: name, Index: i, Line: line}, n, column); err != nil || s.stopped {
			return err
		}
	}
}

// item reads one item of a list.
func (s *stream) item(text string, p Part, n *cdxschema.Node, column int) error {
	pointer := func() string { return fmt.Sprintf("/%s/%d", p.Member, p.Index) }
	if s.again {
		h := s.hashOf(text, p.Member)
		if !s.items.suspects[h] {
			return nil
		}
		if twin, known := s.places[h]; known {
			return &Error{Line: p.Line, Column: column, Pointer: pointer(), Msg: fmt.Sprintf("want items that differ, found item %d again", twin)}
		}
		s.places[h] = p.Index
		return nil
	}
	s.begin(text, 2)
	switch p.Member {
	case "components":
		p.Component = new(cdx.Component)
		s.dec.readComponent(p.Component, n.Elem)
	case "services":
		p.Service = new(cdx.Service)
		s.dec.readService(p.Service, n.Elem)
	case "dependencies":
		p.Dependency = new(cdx.Dependency)
		s.dec.readDependency(p.Dependency, n.Elem)
	case "compositions":
		p.Composition = new(cdx.Composition)
		s.dec.readComposition(p.Composition, n.Elem)
	case "vulnerabilities":
		p.Vulnerability = new(cdx.Vulnerability)
		s.dec.readVulnerability(p.Vulnerability, n.Elem)
	}
	s.dec.end()
	if s.dec.err == nil && !s.items.add(s.hashOf(text, p.Member)) {
		s.dec.fail(0, "want items that differ, found one again")
	}
	return s.deliver(&p, pointer, p.Line, column)
}

// hashOf is the hash of an item, which has been found to be JSON.
func (s *stream) hashOf(text, member string) uint64 {
	d := decoder{s: text, known: true}
	return mix(d.hashOf(&s.hash), maphash.String(s.hash.seed, member))
}

// begin makes the decoder ready for a part of the document.
func (s *stream) begin(text string, depth int) {
	s.dec.s, s.dec.pos, s.dec.err, s.dec.depth, s.dec.count, s.dec.lost = text, 0, nil, depth, 0, nil
}

// deliver yields what was read, or says what is wrong with it.
func (s *stream) deliver(p *Part, pointer func() string, line, column int) error {
	if s.dec.err != nil {
		s.dec.located()
		err := s.dec.err
		if err.Line == 1 {
			err.Column += column - 1
		}
		err.Line += line - 1
		err.Pointer = pointer() + err.Pointer
		return err
	}
	for _, lost := range s.dec.losses() {
		lost.Pointer = pointer() + lost.Pointer
		p.Lost = append(p.Lost, lost)
	}
	if !s.yield(p) {
		s.stopped = true
	}
	return nil
}
