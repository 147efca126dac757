package sbom

import (
	"errors"
	"hash/maphash"
	"io"
	"iter"
	"reflect"
	"slices"
	"strconv"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

// The limits of [CheckStream]: more faults of the dependencies than maxFaults are
// counted and not told, and with more edges than maxEdges cycles are not looked for.
const (
	maxFaults = 10_000
	maxEdges  = 1 << 19
)

// CheckStream is [Check] of a document that is too large to be held: it reads r
// up to five times, from where it stands, and keeps eight bytes of each bom-ref
// and a few more of each dependency. The issues are those of Check in another
// order: what is wrong with how a component hangs together comes at the
// component, after all else. In a document with more than 524,288 dependencies
// it looks neither for cycles nor for what nobody depends on, and the rule cycle
// says so.
//
// An error ends the sequence: r could not be read, or what it holds is not what
// [Scan] accepts. Breaking out of the loop is fine, and leaves r anywhere.
func CheckStream(r io.ReadSeeker, profile Profile) iter.Seq2[Issue, error] {
	return func(yield func(Issue, error) bool) {
		s := streamCheck{r: r, most: maxEdges}
		s.checker = newChecker(profile, func(i Issue) { s.stopped = s.stopped || !yield(i, nil) })
		if s.checker == nil {
			for _, i := range Check(nil, profile) {
				yield(i, nil)
			}
			return
		}
		if err := s.run(); err != nil && !s.stopped {
			yield(Issue{}, err)
		}
	}
}

// A streamCheck is a document that is checked as it goes by.
type streamCheck struct {
	*checker
	r       io.ReadSeeker
	start   int64
	stopped bool // nobody listens any more

	head  cdx.BOM // without the long lists, of which only whether they are empty is kept
	graph *graph
	edges int
	most  int // edges that are kept
}

var errStopped = errors.New("nobody listens")

func (s *streamCheck) run() error {
	var err error
	if s.start, err = s.r.Seek(0, io.SeekCurrent); err != nil {
		return err
	}
	if err := s.survey(); err != nil {
		return err
	}
	s.document(&s.head)
	// The second time round: the components, and how they hang together.
	hangs := slices.ContainsFunc(s.rules, func(r rule) bool { return r.graph != nil })
	err = s.each(func(c subjectComponent, number int) {
		s.component(c)
	}, func(p *Part) {
		switch {
		case !hangs:
		case p.Dependency != nil:
			s.graph.addEntry(p.Dependency.Ref, listOf(p.Dependency.Dependencies))
		case p.Composition != nil:
			s.graph.addComposition(p.Composition)
		}
	})
	if err != nil || !hangs {
		return err
	}
	return s.tell()
}

// scan calls visit for each part of the document.
func (s *streamCheck) scan(visit func(p *Part)) error {
	if _, err := s.r.Seek(s.start, io.SeekStart); err != nil {
		return err
	}
	for p, err := range Scan(s.r) {
		if err != nil {
			return err
		}
		if visit(&p); s.stopped {
			return errStopped
		}
	}
	return nil
}

// survey reads what the document says of itself, and numbers its components.
func (s *streamCheck) survey() error {
	s.graph = newGraph()
	s.graph.most = maxFaults
	index := &refIndex[struct{}]{seed: maphash.MakeSeed()}
	bare := 0 // components without a bom-ref
	entries := 0
	count := func(c subjectComponent) {
		if c.BOMRef == "" {
			bare++
		} else {
			index.add(c.BOMRef, struct{}{})
		}
	}
	var services func(list []cdx.Service)
	services = func(list []cdx.Service) {
		for _, v := range list {
			s.graph.others[v.BOMRef] = true
			services(listOf(v.Services))
		}
	}
	err := s.scan(func(p *Part) {
		switch {
		case p.Component != nil:
			one := []cdx.Component{*p.Component}
			walkList(&one, "", count)
		case p.Service != nil:
			services([]cdx.Service{*p.Service})
		case p.Dependency != nil:
			entries++
			s.edges += len(listOf(p.Dependency.Dependencies))
		case p.Composition != nil:
			s.head.Compositions = &[]cdx.Composition{{Aggregate: p.Composition.Aggregate}}
		case p.Vulnerability != nil:
			s.head.Vulnerabilities = &[]cdx.Vulnerability{{}}
		case p.Rest != nil:
			take(&s.head, p.Rest)
		}
	})
	if err != nil {
		return err
	}
	if s.head.Version == 0 {
		s.head.Version = 1 // the default
	}
	walk(&s.head, count)
	s.graph.index = index
	twice := 0
	numbered := index.close(func(struct{}) { twice++ })
	s.graph.bare = s.edges > s.most
	room := s.edges + entries
	if s.graph.bare {
		room = entries
	}
	s.graph.size(numbered+bare+twice, room)
	// The main component is the first that is visited.
	if m := metadata(&s.head).Component; m != nil {
		s.graph.main = numbered
		if m.BOMRef != "" {
			s.graph.main = index.find(m.BOMRef)
		}
	}
	return nil
}

// take copies what one part says into the whole.
func take(head, part *cdx.BOM) {
	to, from := reflect.ValueOf(head).Elem(), reflect.ValueOf(part).Elem()
	for i := range from.NumField() {
		if field := from.Field(i); !field.IsZero() && to.Field(i).CanSet() {
			to.Field(i).Set(field)
		}
	}
}

// each visits every component with its number, the main one first, and every
// other part.
func (s *streamCheck) each(component func(subjectComponent, int), part func(*Part)) error {
	index := s.graph.index
	next := index.size // for those that have no bom-ref, or one that is taken
	taken := map[uint64]bool{}
	numbers := map[string]int32{} // of the component that goes by, and those inside of it
	visit := func(c subjectComponent) {
		n := next
		hash := index.text(c.BOMRef)
		if c.BOMRef != "" && !taken[hash] {
			n = index.find(c.BOMRef)
			if index.twice[hash] {
				taken[hash] = true
			}
		} else {
			next++
			if c.BOMRef != "" && part != nil {
				s.graph.twice = append(s.graph.twice, n)
			}
		}
		if at := strings.LastIndex(c.pointer, "/components/"); at > 0 && part != nil {
			if up, ok := numbers[c.pointer[:at]]; ok {
				s.graph.inside[up] = append(s.graph.inside[up], int32(n))
			}
		}
		if c.Components != nil {
			numbers[c.pointer] = int32(n)
		}
		component(c, n)
	}
	walk(&cdx.BOM{Metadata: s.head.Metadata}, visit)
	return s.scan(func(p *Part) {
		if p.Component != nil {
			clear(numbers)
			pointer := "/components/" + strconv.Itoa(p.Index)
			visit(subjectComponent{Component: p.Component, pointer: pointer})
			walkList(p.Component.Components, pointer+"/components", visit)
		} else if part != nil {
			part(p)
		}
	})
}
