package spdx

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"reflect"
	"slices"
	"strconv"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/touchmark-go/touchmark/sbom"
)

// maxLicenses is how many bytes the licences may have that a document defines
// itself, while documents are converted part by part.
const maxLicenses = 8 << 20

// StreamFromCycloneDX converts a CycloneDX JSON document of any size, part by
// part, in memory that grows by eight bytes a component: it reads r four times
// from where it stands. Each loss is told to lost, unless that is nil, in the
// order in which they are found. What it writes is what [FromCycloneDX] and
// [Write] would have written, but that a document without a serial number gets a
// UUIDv5 of its bytes.
//
// After an error, what has been written is of no use.
func StreamFromCycloneDX(w io.Writer, r io.ReadSeeker, lost func(Loss)) error {
	return Options{}.StreamFromCycloneDX(w, r, lost)
}

// StreamFromCycloneDX is like the function [StreamFromCycloneDX].
func (o Options) StreamFromCycloneDX(w io.Writer, r io.ReadSeeker, lost func(Loss)) error {
	if lost == nil {
		lost = func(Loss) {}
	}
	s := &fromStream{r: r, out: newListWriter(w), lost: lost, index: &refIndex{seed: maphash.MakeSeed()}}
	if err := s.run(o); err != nil {
		return fmt.Errorf("SPDX: %w", err)
	}
	return nil
}

// fromStream is a document that becomes another one as it goes by.
type fromStream struct {
	r     io.ReadSeeker
	start int64
	out   *listWriter
	lost  func(Loss)
	index *refIndex

	from
	head       cdx.BOM // without the lists that can be long
	components int
	err        error
}

func (s *fromStream) run(o Options) error {
	var err error
	if s.start, err = s.r.Seek(0, io.SeekCurrent); err != nil {
		return err
	}
	s.from = from{licenses: newLicenses(), refs: s.index, lost: func(Loss) {}, pkg: func(Package) {}, relate: func(Relationship) {}}
	doc, err := s.survey(o)
	if err != nil {
		return err
	}
	if err := s.out.head(doc); err != nil {
		return err
	}
	// The packages, and what of them is lost.
	checked := newChecker(doc)
	for _, info := range s.licenses.infos {
		checked.licenses[info.LicenseID] = true
	}
	s.from.lost = s.lost
	s.from.pkg = func(p Package) {
		if checked.pkg("/"+p.SPDXID, &p); checked.err != nil && s.err == nil {
			s.err = fmt.Errorf("the BOM cannot be said in SPDX: %w", checked.err)
		}
		s.write("packages", &p)
	}
	if err := s.all(); err != nil {
		return err
	}
	s.from.pkg, s.from.lost = func(Package) {}, func(Loss) {}
	s.from.relate = func(r Relationship) { s.write("relationships", &r) }
	if err := s.all(); err != nil {
		return err
	}
	s.from.lost = s.lost
	if err := s.scan(func(p sbom.Part) {
		if p.Dependency != nil {
			s.dependency(p.Pointer(), p.Dependency)
		}
	}); err != nil {
		return err
	}
	return s.out.end()
}

func (s *fromStream) write(list string, v any) {
	if s.err == nil {
		s.err = s.out.item(list, v)
	}
}

// scan reads the document once.
func (s *fromStream) scan(visit func(sbom.Part)) error {
	if _, err := s.r.Seek(s.start, io.SeekStart); err != nil {
		return err
	}
	for p, err := range sbom.Scan(s.r) {
		if err != nil {
			return err
		}
		if visit(p); s.err != nil {
			return s.err
		}
	}
	return nil
}

// all converts all components, the main one first.
func (s *fromStream) all() error {
	s.mainComponent(&s.head)
	describe := s.describesAll(&s.head, s.components)
	return s.scan(func(p sbom.Part) {
		if p.Component != nil {
			s.component(p.Pointer(), strconv.Itoa(p.Index), p.Component, describe)
		}
	})
}

// survey reads what the document says of itself, who is in it, and under which
// licences of its own.
func (s *fromStream) survey(o Options) (*Document, error) {
	err := s.scan(func(p sbom.Part) {
		switch {
		case p.Component != nil:
			s.components++
		case p.Rest != nil:
			merge(&s.head, p.Rest)
		case p.Dependency == nil:
			s.lost(Loss{Pointer: p.Pointer(), What: "an item of " + p.Member, Why: noPlace})
		}
		for _, l := range p.Losses {
			s.lost(l)
		}
	})
	if err != nil {
		return nil, err
	}
	doc := new(Document)
	s.from.lost = s.lost
	if err := s.from.head(doc, &s.head, o, s.contentID); err != nil {
		return nil, err
	}
	s.from.lost = func(Loss) {}
	if err := s.all(); err != nil {
		return nil, err
	}
	if twice := s.index.sort(); twice {
		return nil, errors.New("the BOM uses a bom-ref twice")
	}
	size := 0
	for _, info := range s.licenses.infos {
		size += len(info.ExtractedText) + len(info.Name) + len(info.LicenseID)
	}
	if size > maxLicenses {
		return nil, fmt.Errorf("the BOM has %d bytes of licenses that are not on the SPDX License List, at most %d are read", size, maxLicenses)
	}
	doc.HasExtractedLicensingInfos = s.licenses.infos
	if err := check(doc); err != nil {
		return nil, fmt.Errorf("the BOM cannot be said in SPDX: %w", err)
	}
	return doc, nil
}

// merge takes over the member that a part holds.
func merge(head, rest *cdx.BOM) {
	to, of := reflect.ValueOf(head).Elem(), reflect.ValueOf(rest).Elem()
	for i := range of.NumField() {
		if !of.Field(i).IsZero() {
			to.Field(i).Set(of.Field(i))
		}
	}
}

// contentID is a UUIDv5 of the bytes of the document.
func (s *fromStream) contentID() (string, error) {
	if _, err := s.r.Seek(s.start, io.SeekStart); err != nil {
		return "", err
	}
	h := sha256.New()
	if _, err := io.Copy(h, s.r); err != nil {
		return "", err
	}
	return contentUUID(h.Sum(nil)), nil
}

// A refIndex knows bom-refs by eight bytes each. Its seed is random, so nobody
// can make two refs that look the same.
type refIndex struct {
	seed   maphash.Seed
	hashes []uint64
	sorted bool
}

func (x *refIndex) add(ref string) {
	if !x.sorted {
		x.hashes = append(x.hashes, maphash.String(x.seed, ref))
	}
}

func (x *refIndex) has(ref string) bool {
	_, ok := slices.BinarySearch(x.hashes, maphash.String(x.seed, ref))
	return ok
}

// sort ends the adding, and reports whether something was added twice.
func (x *refIndex) sort() (twice bool) {
	slices.Sort(x.hashes)
	x.sorted = true
	for i := 1; i < len(x.hashes); i++ {
		twice = twice || x.hashes[i] == x.hashes[i-1]
	}
	return twice
}

// A listWriter writes a JSON object whose last members are long lists.
type listWriter struct {
	w    io.Writer
	b    bytes.Buffer
	json *json.Encoder
	list string // that is being written
}

func newListWriter(w io.Writer) *listWriter {
	l := &listWriter{w: w}
	l.json = json.NewEncoder(&l.b)
	l.json.SetEscapeHTML(false)
	return l
}

// head writes v without its end.
func (l *listWriter) head(v any) error {
	if err := l.json.Encode(v); err != nil {
		return err
	}
	l.b.Truncate(l.b.Len() - len("}\n"))
	return nil
}

// item writes an item of a list, which begins with its first.
func (l *listWriter) item(list string, v any) error {
	if list != l.list {
		if l.list != "" {
			l.b.WriteByte(']')
		}
		if text := l.b.Bytes(); len(text) > 0 && text[len(text)-1] != '{' || l.list != "" {
			l.b.WriteByte(',')
		}
		l.b.WriteString(strconv.Quote(list) + ":[")
		l.list = list
	} else {
		l.b.WriteByte(',')
	}
	if err := l.json.Encode(v); err != nil {
		return err
	}
	l.b.Truncate(l.b.Len() - len("\n"))
	if l.b.Len() > 64<<10 {
		return l.flush()
	}
	return nil
}

func (l *listWriter) flush() error {
	_, err := l.w.Write(l.b.Bytes())
	l.b.Reset()
	return err
}

func (l *listWriter) end() error {
	if l.list != "" {
		l.b.WriteByte(']')
	}
	l.b.WriteString("}\n")
	return l.flush()
}
