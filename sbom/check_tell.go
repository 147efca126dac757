package sbom

import (
	"slices"
	"strings"
)

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
