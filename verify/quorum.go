package verify

import (
	"fmt"
	"slices"
)

// groups are the quorum's groups side by side.
func (q Quorum) groups() []Quorum {
	return append([]Quorum{{AtLeast: q.AtLeast, Of: q.Of}}, q.And...)
}

// clone shares nothing with q.
func (q Quorum) clone() Quorum {
	q.Of, q.And = slices.Clone(q.Of), slices.Clone(q.And)
	for i := range q.And {
		q.And[i] = q.And[i].clone()
	}
	return q
}

// need is how many people it takes.
func (q Quorum) need() int {
	if q.Any {
		return 1
	}
	n := 0
	for _, g := range q.groups() {
		n += g.AtLeast
	}
	return n
}

// group is the set of principals behind names of principals and roles. Who is
// named twice, by two roles, is in it once.
func (x *trustIndex) group(l *loader, pointer string, of []string) (map[string]bool, error) {
	set := map[string]bool{}
	for i, name := range of {
		if _, known := x.principals[name]; known {
			set[name] = true
		} else if members, known := x.roles[name]; known {
			for _, m := range members {
				set[m] = true
			}
		} else {
			return nil, l.errorf(fmt.Sprintf("%s/of/%d", pointer, i), "%q is neither a principal nor a role of the trust file", name)
		}
	}
	return set, nil
}

// resolve turns a quorum's names into the set of all who may count for it, and
// refuses a quorum that can never be met.
func (x *trustIndex) resolve(l *loader, pointer string, q Quorum) (map[string]bool, error) {
	all := map[string]bool{}
	if q.Any {
		for name := range x.principals {
			all[name] = true
		}
		return all, nil
	}
	for i, g := range q.groups() {
		at := pointer
		if i > 0 {
			at = fmt.Sprintf("%s/and/%d", pointer, i-1)
		}
		set, err := x.group(l, at, g.Of)
		if err != nil {
			return nil, err
		}
		if g.AtLeast > len(set) {
			return nil, l.errorf(at+"/atLeast", "%d of the %d principals named can never be met", g.AtLeast, len(set))
		}
		for name := range set {
			all[name] = true
		}
	}
	if have := x.seated(q, sortedKeys(all)); have < q.need() {
		return nil, l.errorf(pointer+"/and", "nobody counts for two groups, so of the %d who are wanted only %d can ever be there", q.need(), have)
	}
	return all, nil
}

// seated is how many of the places of a quorum, which [trustIndex.resolve] has
// accepted, the people fill: each fills one at most, however often it is named.
func (x *trustIndex) seated(q Quorum, people []string) int {
	people = slices.Clone(people)
	slices.Sort(people)
	people = slices.Compact(people)
	if q.Any {
		return min(1, len(people))
	}
	var seats []map[string]bool
	for _, g := range q.groups() {
		set, _ := x.group(&loader{}, "", g.Of) // none of one that was not accepted: then nobody takes the places
		for range g.AtLeast {
			seats = append(seats, set)
		}
	}
	n := 0
	for _, who := range assign(seats, people) {
		if who != "" {
			n++
		}
	}
	return n
}
