package sbom

import (
	"errors"
	"fmt"
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
	index := &refIndex{seed: maphash.MakeSeed()}
	bare := 0 // components without a bom-ref
	entries := 0
	count := func(c subjectComponent) {
		if c.BOMRef == "" {
			bare++
		} else {
			index.add(c.BOMRef)
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
	numbered, twice := index.close()
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
		hash := index.hash(c.BOMRef)
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

// A told is one issue of many components.
type told struct {
	rule  int
	found string
}

// tell reports how the components hang together: what is about none at once, and
// the rest as the components go by once more.
func (s *streamCheck) tell() error {
	about := map[told][]int32{}
	for i := range s.rules {
		r := &s.rules[i]
		if r.graph == nil {
			continue
		}
		if r.name == ruleCycle && !s.graph.bare {
			if cycles := s.graph.cycles(); len(cycles) > 0 {
				if err := s.tellCycles(r, cycles); err != nil {
					return err
				}
			}
			continue
		}
		r.graph(s.graph, func(at int, found string) {
			if at < 0 {
				s.issue(r, "", "", found)
				return
			}
			key := told{i, found}
			about[key] = append(about[key], int32(at))
		})
	}
	if s.stopped || len(about) == 0 {
		return nil
	}
	// What many have in common is looked up in its list, the rest by component.
	type common struct {
		told
		at []int32
	}
	var many []common
	few := map[int32][]told{}
	wanted := map[int32]bool{} // components that the text of others names
	for key, list := range about {
		if len(list) > 16 {
			slices.Sort(list)
			many = append(many, common{key, list})
			continue
		}
		for _, at := range list {
			few[at] = append(few[at], key)
		}
		for _, n := range tokens(key.found) {
			wanted[n] = true
		}
	}
	slices.SortFunc(many, func(a, b common) int { return a.rule - b.rule })
	names, refs := map[int32]string{}, map[int32]string{}
	if len(wanted) > 0 {
		err := s.each(func(c subjectComponent, n int) {
			if wanted[int32(n)] {
				names[int32(n)], refs[int32(n)] = nameVersion(c.Component), c.BOMRef
			}
		}, nil)
		if err != nil {
			return err
		}
	}
	return s.each(func(c subjectComponent, n int) {
		var all []told
		for i := range many {
			if _, there := slices.BinarySearch(many[i].at, int32(n)); there {
				all = append(all, many[i].told)
			}
		}
		all = append(all, few[int32(n)]...)
		slices.SortFunc(all, func(a, b told) int {
			if a.rule != b.rule {
				return a.rule - b.rule
			}
			return strings.Compare(a.found, b.found)
		})
		for _, t := range all {
			s.issue(&s.rules[t.rule], c.pointer, nameVersion(c.Component), replaceTokens(t.found, names, refs))
		}
	}, nil)
}

// tellCycles reports cycles as [Check] does: in the order of the document, each
// from its first component on.
func (s *streamCheck) tellCycles(r *rule, cycles [][]int32) error {
	type shown struct {
		pointer string
		names   []string
	}
	of := map[int32]int{}
	for i, cycle := range cycles {
		for _, n := range cycle {
			of[n] = i
		}
	}
	first := make([]shown, len(cycles))
	var order []int
	err := s.each(func(c subjectComponent, n int) {
		i, there := of[int32(n)]
		if !there {
			return
		}
		f := &first[i]
		if len(f.names) == 0 {
			f.pointer = c.pointer
			order = append(order, i)
		}
		if len(f.names) < maxShown {
			f.names = append(f.names, nameVersion(c.Component))
		}
	}, nil)
	if err != nil {
		return err
	}
	for _, i := range order {
		s.issue(r, first[i].pointer, first[i].names[0], cycleText(first[i].names, len(cycles[i])))
	}
	return nil
}

// A token stands for the name or the bom-ref of a component that is not at hand.
func nameToken(n int) string { return fmt.Sprintf("\x00n%d\x00", n) }
func refToken(n int) string  { return fmt.Sprintf("\x00r%d\x00", n) }

func tokens(s string) (all []int32) {
	for i, part := range strings.Split(s, "\x00") {
		if n, err := strconv.ParseInt(strings.TrimLeft(part, "nr"), 10, 32); i%2 == 1 && err == nil {
			all = append(all, int32(n))
		}
	}
	return all
}

func replaceTokens(s string, names, refs map[int32]string) string {
	if !strings.Contains(s, "\x00") {
		return s
	}
	parts := strings.Split(s, "\x00")
	for i := 1; i < len(parts); i += 2 {
		n, err := strconv.ParseInt(strings.TrimLeft(parts[i], "nr"), 10, 32)
		switch {
		case err != nil:
		case parts[i][0] == 'n':
			parts[i] = names[int32(n)]
		default:
			parts[i] = refs[int32(n)]
		}
	}
	return strings.Join(parts, "")
}

// A refIndex numbers bom-refs by keyed hashes of 64 bits: of a million refs two
// have the same one once in 37 million documents, and nobody can make it happen.
type refIndex struct {
	seed    maphash.Seed
	buckets [256][]uint64 // by the first byte; sorted once it is closed
	first   [256]int      // the number of the first of each
	size    int           // how many numbers there are
	twice   map[uint64]bool
}

func (x *refIndex) hash(ref string) uint64 { return maphash.String(x.seed, ref) }

func (x *refIndex) add(ref string) {
	h := x.hash(ref)
	x.buckets[h>>56] = append(x.buckets[h>>56], h)
}

// close puts the hashes in order. Extra is how many were there before.
func (x *refIndex) close() (size, extra int) {
	x.twice = map[uint64]bool{}
	for i, b := range x.buckets {
		slices.Sort(b)
		for j := 1; j < len(b); j++ {
			if b[j] == b[j-1] {
				x.twice[b[j]] = true
				extra++
			}
		}
		b = append(make([]uint64, 0, len(b)), slices.Compact(b)...) // what it grew to is more
		x.buckets[i], x.first[i] = b, x.size
		x.size += len(b)
	}
	return x.size, extra
}

// find is the number of a bom-ref, -1 if nothing has it.
func (x *refIndex) find(ref string) int {
	h := x.hash(ref)
	at, there := slices.BinarySearch(x.buckets[h>>56], h)
	if !there {
		return -1
	}
	return x.first[h>>56] + at
}
