package release

import (
	"fmt"
	"slices"
	"time"
)

// Roles say who may write what, by one version of the trust file. Names are
// those of principals: groups have been resolved.
//
// The zero Roles allow nobody anything. Roles are plain data, and may be shared
// as long as nobody changes them.
type Roles struct {
	Version  int              // of the trust file
	People   []string         // principals that are persons: only they approve
	Revokers []string         // who may revoke anything
	Auditors []Quorum         // who together may say what a State is; nobody fills two places, and none is nobody
	Products map[string]Rules // by product
}

// Rules are the way of one product's releases. The zero Rules allow nothing.
type Rules struct {
	Scheme    Scheme   // of its versions
	Releasers []string // who may write its Release and Tag records
	Revokers  []string // who may revoke, retire and erase its releases
	Stages    []Stage  // environments and channels, each once
}

// A Stage is an environment or a channel that releases are promoted to.
type Stage struct {
	Name      string
	From      string        // the stage that a release must have come into before; empty is none
	Soak      time.Duration // how long it must have been there
	Approvals []Quorum      // how many of whom must approve; nobody fills two places
	Promoters []string      // who may write Promotion records to it
	Rollback  []string      // who may write Rollback records of it
	Deployers []string      // who may write Deployment records of it
	Hotfix    *Hotfix       // nil if there is no short way
}

// A Quorum is so many out of those named.
type Quorum struct {
	AtLeast int
	Of      []string
}

// A Hotfix is the short way into a stage: no soaking, and Approvals in place of
// the stage's own; the rest of those is owed, and due after Within.
type Hotfix struct {
	Approvals []Quorum
	Within    time.Duration
}

// Validate reports what makes r unusable: a scheme or a stage that does not
// exist, a stage twice or after itself, a quorum of nobody or that nobody can meet.
func (r Rules) Validate() error {
	if s := r.Scheme; s != SemVer && s != CalVer && s != Free {
		return fmt.Errorf("/scheme is %.80q, want semver, calver or free", s)
	}
	if len(r.Releasers) == 0 {
		return fmt.Errorf("/releasers is empty: nobody could release anything")
	}
	for i, s := range r.Stages {
		at := fmt.Sprintf("/stages/%d", i)
		if err := checkEnvironment(at+"/name", s.Name); err != nil {
			return err
		}
		if _, before := r.stages(i, s.Name); before {
			return fmt.Errorf("%s/name %q stands twice", at, s.Name)
		}
		if _, before := r.stages(i, s.From); s.From != "" && !before {
			return fmt.Errorf("%s/from is %.80q, want a stage before it", at, s.From)
		}
		if s.Soak < 0 || s.Soak > 0 && s.From == "" {
			return fmt.Errorf("%s/soak is %s, and there is no stage to soak in", at, s.Soak)
		}
		if len(s.Promoters) == 0 {
			return fmt.Errorf("%s/promoters is empty: nobody could promote anything", at)
		}
		if err := checkQuorums(at+"/approvals", s.Approvals); err != nil {
			return err
		}
		if h := s.Hotfix; h != nil {
			if err := checkQuorums(at+"/hotfix/approvals", h.Approvals); err != nil {
				return err
			}
			if h.Within <= 0 {
				return fmt.Errorf("%s/hotfix/within is %s, want the time in which the rest is due", at, h.Within)
			}
		}
	}
	return nil
}

func checkQuorums(at string, quorums []Quorum) error {
	seats := 0
	for i, q := range quorums {
		if q.AtLeast < 1 || q.AtLeast > len(q.Of) {
			return fmt.Errorf("%s/%d wants %d of %d people, want between 1 and all of them", at, i, q.AtLeast, len(q.Of))
		}
		seats += q.AtLeast
	}
	if seats > maxSeats {
		return fmt.Errorf("%s wants %d people, want at most %d", at, seats, maxSeats)
	}
	return nil
}

const maxSeats = 64

// stages finds a stage by name among the first n.
func (r Rules) stages(n int, name string) (Stage, bool) {
	for _, s := range r.Stages[:n] {
		if s.Name == name {
			return s, true
		}
	}
	return Stage{}, false
}

// Stage finds a stage by name.
func (r Rules) Stage(name string) (Stage, bool) { return r.stages(len(r.Stages), name) }

// among reports whether one of names stands in one of lists.
func among(names []string, lists ...[]string) bool {
	return slices.ContainsFunc(lists, func(list []string) bool {
		return slices.ContainsFunc(names, func(n string) bool { return slices.Contains(list, n) })
	})
}

// short is how many of the quorums' places stay empty when people take them,
// each one place at most.
func short(quorums []Quorum, people []string) int {
	var seats [][]string
	for _, q := range quorums {
		for range q.AtLeast {
			seats = append(seats, q.Of)
		}
	}
	taken := make([]string, len(seats))
	var place func(name string, tried []bool) bool
	place = func(name string, tried []bool) bool {
		for i, open := range seats {
			if tried[i] || !slices.Contains(open, name) {
				continue
			}
			tried[i] = true
			if taken[i] == "" || place(taken[i], tried) {
				taken[i] = name
				return true
			}
		}
		return false
	}
	empty := len(seats)
	for _, name := range people {
		if place(name, make([]bool, len(seats))) {
			empty--
		}
	}
	return empty
}
