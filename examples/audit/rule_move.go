package main

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

func (s *step) promote() error {
	to, from := s.p.str("to"), s.p.str("from")
	way, known := s.rules.stages[to]
	if !known || !s.p.only("product", "release", "from", "to", "replaces", "policy", "vsa", "approvals", "tags", "hotfix", "reason") || s.p.str("policy") == "" || s.p.str("vsa") == "" {
		return refuse("it is no promotion, or to no stage of the product")
	}
	if err := s.may(way.promoters); err != nil {
		return err
	}
	r, err := s.usable()
	if err != nil {
		return err
	}
	if s.h.taken[s.p.str("vsa")] {
		return refuse("its verdict was revoked")
	}
	if from != way.from {
		return refuse("it comes from %q, and %s is entered from %q", from, to, way.from)
	}
	at := s.product.stages[to]
	if at == nil {
		at = &stage{good: map[*released]move{}}
	}
	before := ""
	if at.now != nil {
		before = at.now.id
	}
	switch {
	case at.now == r:
		s.f.same = true
		return nil
	case s.p.str("replaces") != before:
		return refuse("%s is not at what it was to replace", to)
	case s.p.flag("hotfix") && !way.hotfix:
		return refuse("%s allows no hotfix", to)
	case s.p.flag("hotfix") && strings.TrimSpace(s.p.str("reason")) == "":
		return refuse("a hotfix has a reason")
	}
	quorum, soak := way.approvals, way.soak
	if s.p.flag("hotfix") {
		quorum, soak = way.hotfixApprovals, 0
	}
	if way.from != "" {
		good, ok := move{}, s.product.stages[way.from] != nil
		if ok {
			good, ok = s.product.stages[way.from].good[r]
		}
		if !ok {
			return refuse("it is not good in %s", way.from)
		}
		if soak > 0 && (s.r.time.IsZero() || good.time.IsZero() || s.r.time.Sub(good.time) < soak) {
			return refuse("it has not soaked in %s for %s", way.from, soak)
		}
	}
	people := s.consent(r, from, to)
	if quorum.missing(people) > 0 {
		return refuse("%d more people must approve it", quorum.missing(people))
	}
	if s.p.flag("hotfix") && s.r.time.IsZero() {
		return refuse("a hotfix owes something, and nobody knows since when")
	}
	if tags := s.p.strings("tags"); len(tags) > 0 {
		if err := s.bind(r.first, tags...); err != nil {
			return err
		}
	}
	s.product.stages[to] = at
	at.now, at.since, at.good[r] = r, s.r.time, move{s.r.time, s.p.str("vsa")}
	s.h.name(s.p.str("vsa"), fmt.Sprintf("the verdict that let %s#%d into %s", printable(s.f.about), r.number, printable(to)))
	s.f.by = append(slices.Clone(s.f.by), suffixed(people, " (approved)")...)
	for _, id := range s.p.strings("approvals") {
		if c := s.h.approvals[id]; c != nil && s.fits(c, r, from, to) {
			c.spent = true
		}
	}
	if s.p.flag("hotfix") && way.approvals.missing(people) > 0 {
		s.h.debts = append(s.h.debts, &debt{s.f.about, r, from, to, s.p.str("policy"), way.approvals, people})
	}
	return nil
}

func suffixed(names []string, suffix string) (out []string) {
	for _, name := range names {
		out = append(out, name+suffix)
	}
	return out
}

// concerns reports whether an approval is of the release: of its id, or of an
// artifact that is in no other.
func (p *product) concerns(c *approval, r *released) bool {
	in := 0
	for _, other := range p.releases {
		if other.has(c.digest) {
			in++
		}
	}
	return c.digest == r.id || in == 1 && r.has(c.digest)
}

func (s *step) fits(c *approval, r *released, from, to string) bool {
	return s.product.concerns(c, r) && c.from == from && c.to == to && c.policy == s.p.str("policy")
}

// consent are the people whose approval counts.
func (s *step) consent(r *released, from, to string) []string {
	var people []string
	for _, id := range s.p.strings("approvals") {
		c := s.h.approvals[id]
		if c == nil || s.h.taken[id] || !s.fits(c, r, from, to) || c.spent || s.r.time.IsZero() || !s.r.time.Before(c.expires) {
			continue
		}
		for _, name := range c.people {
			if !slices.Contains(r.by, name) { // who released it does not approve it
				people = append(people, name)
			}
		}
	}
	slices.Sort(people)
	return slices.Compact(people)
}

func (s *step) rollBack() error {
	environment := s.p.str("environment")
	way, known := s.rules.stages[environment]
	if !known || !s.p.only("product", "environment", "release", "config", "reason", "knownGood", "performed") || strings.TrimSpace(s.p.str("reason")) == "" {
		return refuse("it is no rollback, or of no stage of the product")
	}
	if err := s.may(way.rollback); err != nil {
		return err
	}
	r, err := s.usable()
	if err != nil {
		return err
	}
	at := s.product.stages[environment]
	if s.p.str("config") != r.config || at == nil {
		return refuse("nothing was promoted there, or its configuration is not the one that was released")
	}
	if at.now == r {
		s.f.same = true
		return nil
	}
	good, ok := at.good[r]
	if !ok || s.h.taken[good.vsa] {
		return refuse("it is not good there")
	}
	delete(at.good, at.now)
	at.now, at.since = r, s.r.time
	return nil
}

func (s *step) deploy() error {
	way, known := s.rules.stages[s.p.str("environment")]
	if !known || !s.p.only("product", "environment", "cluster", "release", "config", "result", "reference", "run", "at") {
		return refuse("it is no deployment, or to no stage of the product")
	}
	if err := s.may(way.deployers); err != nil {
		return err
	}
	r := s.product.find(s.p.str("release"))
	if r == nil {
		return refuse("it is of no release")
	}
	for name, digests := range s.subjects {
		if !reflect.DeepEqual(digests, r.artifacts[name]) {
			return refuse("%q is no artifact of the release", name)
		}
	}
	if s.product.stages[s.p.str("environment")] == nil {
		s.product.stages[s.p.str("environment")] = &stage{good: map[*released]move{}}
	}
	return nil
}
