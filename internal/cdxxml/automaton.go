package cdxxml

import (
	"fmt"
	"slices"
	"strings"
)

// An automaton reads the children of an element. Its states are the particles
// that children match (Glushkov's construction). In these schemas no child
// matches two of what may follow, as XML Schema demands ("Unique Particle
// Attribution"), so one state is enough.
type automaton struct {
	leaves   []*Particle
	first    []int
	follow   [][]int
	last     []bool
	nullable bool
}

func newAutomaton(p *Particle) *automaton {
	a := new(automaton)
	if p == nil {
		a.nullable = true
		return a
	}
	first, last, nullable := a.add(p)
	a.first, a.nullable = first, nullable
	a.last = make([]bool, len(a.leaves))
	for _, i := range last {
		a.last[i] = true
	}
	return a
}

func (a *automaton) add(p *Particle) (first, last []int, nullable bool) {
	switch p.Kind {
	case "s":
		nullable = true
		for i := range p.Of {
			f, l, n := a.add(&p.Of[i])
			a.join(last, f)
			if nullable {
				first = append(first, f...)
			}
			if n {
				last = append(last, l...)
			} else {
				last = l
			}
			nullable = nullable && n
		}
	case "c":
		for i := range p.Of {
			f, l, n := a.add(&p.Of[i])
			first, last, nullable = append(first, f...), append(last, l...), nullable || n
		}
	default:
		i := len(a.leaves)
		a.leaves = append(a.leaves, p)
		a.follow = append(a.follow, nil)
		first, last = []int{i}, []int{i}
	}
	if p.Max == 0 {
		a.join(last, first)
	}
	return first, slices.Clone(last), nullable || p.Min == 0
}

// join lets each of next follow each of last.
func (a *automaton) join(last, next []int) {
	for _, l := range last {
		for _, n := range next {
			if !slices.Contains(a.follow[l], n) {
				a.follow[l] = append(a.follow[l], n)
			}
		}
	}
}

// A state is after a leaf, or at the start if it is negative.
func (a *automaton) next(state int) []int {
	if state < 0 {
		return a.first
	}
	return a.follow[state]
}

func (a *automaton) accepts(state int) bool {
	if state < 0 {
		return a.nullable
	}
	return a.last[state]
}

// step finds the leaf that a child matches.
func (a *automaton) step(state int, matches func(*Particle) bool) (int, bool) {
	for _, i := range a.next(state) {
		if matches(a.leaves[i]) {
			return i, true
		}
	}
	return 0, false
}

// wanted says what may come after a state.
func (a *automaton) wanted(state int) string {
	var names []string
	for _, i := range a.next(state) {
		name := "<" + a.leaves[i].Name + ">"
		if a.leaves[i].Kind == "a" {
			name = "an element of another namespace"
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if a.accepts(state) {
		names = append(names, "the end")
	}
	if n := len(names); n > 8 {
		names = append(names[:8], fmt.Sprintf("one of %d others", n-8))
	}
	return strings.Join(names, ", ")
}
