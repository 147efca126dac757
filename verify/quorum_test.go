package verify

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// indexOf is a trust index of principals and roles, without keys.
func indexOf(roles map[string][]string, names ...string) *trustIndex {
	x := &trustIndex{principals: map[string]*principal{}, roles: roles}
	for _, n := range names {
		x.principals[n] = &principal{name: n, kind: Person}
	}
	return x
}

// TestSeatedProperties holds over random groups and people: an alias never raises
// the count (a second name for people who are in already, the same person again,
// a role that repeats what is named), one more person raises it by one at most,
// nobody counts twice, and order decides nothing.
func TestSeatedProperties(t *testing.T) {
	people := []string{"alice", "bob", "carol", "dan", "eve", "frank"}
	random := rand.New(rand.NewPCG(1, 63))
	some := func(most int) []string {
		p := slices.Clone(people)
		random.Shuffle(len(p), func(i, j int) { p[i], p[j] = p[j], p[i] })
		return p[:1+random.IntN(most)]
	}
	for range 3000 {
		roles := map[string][]string{"r1": some(4), "r2": some(4)}
		x := indexOf(roles, people...)
		group := func() Quorum {
			of := some(3)
			if random.IntN(2) == 0 {
				of = append(of, "r1")
			}
			if random.IntN(3) == 0 {
				of = append(of, "r2")
			}
			return Quorum{AtLeast: 1 + random.IntN(2), Of: of}
		}
		q := group()
		for range random.IntN(3) {
			q.And = append(q.And, group())
		}
		if _, err := x.resolve(&loader{}, "", q); err != nil {
			continue // it can never be met
		}
		signed := some(len(people))
		have := x.seated(q, signed)
		if have > len(signed) || have > q.need() {
			t.Fatalf("%v by %v: %d", q, signed, have)
		}
		if again := x.seated(q, append(slices.Clone(signed), signed...)); again != have {
			t.Fatalf("%v by %v: %d, and everybody twice %d", q, signed, have, again)
		}
		shuffled := slices.Clone(signed)
		random.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		if again := x.seated(q, shuffled); again != have {
			t.Fatalf("%v by %v: %d, in another order %d", q, signed, have, again)
		}
		for _, who := range people {
			more := x.seated(q, append(slices.Clone(signed), who))
			if more < have || more > have+1 || slices.Contains(signed, who) && more != have {
				t.Fatalf("%v by %v: %d, and with %s %d", q, signed, have, who, more)
			}
		}
		// Aliases: a role that repeats somebody who is named, and names in another order.
		x.roles["alias"] = slices.Clone(q.Of[:1])
		if _, isRole := x.roles[q.Of[0]]; !isRole {
			alias := q.clone()
			alias.Of = append([]string{"alias"}, alias.Of...)
			slices.Reverse(alias.Of)
			if again := x.seated(alias, signed); again != have {
				t.Fatalf("%v by %v: %d, and with an alias %d", q, signed, have, again)
			}
		}
	}
}

// TestQuotas are small tables of who fills what.
func TestQuotas(t *testing.T) {
	x := indexOf(map[string][]string{"rm": {"alice", "bob", "carol"}}, "ci", "alice", "bob", "carol", "dan")
	quota := Quorum{AtLeast: 1, Of: []string{"ci"}, And: []Quorum{{AtLeast: 2, Of: []string{"rm"}}}}
	shared := Quorum{AtLeast: 1, Of: []string{"ci", "carol"}, And: []Quorum{{AtLeast: 2, Of: []string{"rm"}}}}
	for _, c := range []struct {
		q      Quorum
		signed []string
		want   int
	}{
		{quota, []string{"ci", "alice", "bob"}, 3},
		{quota, []string{"alice", "bob", "carol"}, 2},
		{quota, []string{"ci", "ci", "alice", "alice"}, 2},
		{quota, []string{"ci", "dan"}, 1},
		{shared, []string{"carol", "alice"}, 2},
		{shared, []string{"carol", "alice", "bob"}, 3}, // carol moves to the other group
		{Quorum{Any: true}, []string{"dan", "ci"}, 1},
		{Quorum{Any: true}, nil, 0},
	} {
		if got := x.seated(c.q, c.signed); got != c.want {
			t.Errorf("%v by %v: %d of %d, want %d", c.q, c.signed, got, c.q.need(), c.want)
		}
	}
	if got := fmt.Sprint(quota); got != "ci and 2 of rm" {
		t.Errorf("%s", got)
	}
}
