package main

import (
	"fmt"
	"reflect"
	"slices"
	"time"
)

// A product is what the records say about one.
type product struct {
	releases []*released
	tags     map[string]string // tag to digest
	stages   map[string]*stage
	revoked  map[string]string // release id: "retirement", or "release", which is stronger
	done     map[string]bool   // revocations, by kind and digest
	audited  *audited
}

// audited is the newest state of a product that auditors signed.
type audited struct {
	size        int
	state, root string
}

type released struct {
	number              int
	id, version, config string
	by                  []string
	artifacts           map[string]object
	first               string   // digest of the first artifact by name
	evidence            []string // bundles that it rests on
}

// A stage is where an environment is, and which releases are good there.
type stage struct {
	now   *released
	since time.Time
	good  map[*released]move // promoted there, and not left by rollback
}

type move struct {
	time time.Time
	vsa  string
}

// An approval is consent to one move, until it expires or is used up.
type approval struct {
	digest, from, to, policy string
	expires                  time.Time
	people                   []string
	spent                    bool
}

// A debt is what a hotfix still needs.
type debt struct {
	product  string
	release  *released
	from, to string
	policy   string
	quorum   quorum
	approved []string
}

func (h *outcome) product(name string) *product {
	if h.products[name] == nil {
		h.products[name] = &product{tags: map[string]string{}, stages: map[string]*stage{}, revoked: map[string]string{}, done: map[string]bool{}}
	}
	return h.products[name]
}

// A step is a record about a product on its way.
type step struct {
	h        *outcome
	r        *record
	f        *fate
	p        object // the predicate
	rules    rules
	product  *product
	subjects map[string]object
}

func (s *step) may(lists ...[]string) error {
	if !among(s.f.by, lists...) {
		return refuse("signed by %q, who may not", s.f.by)
	}
	return nil
}

// find is a release by id.
func (p *product) find(id string) *released {
	for _, r := range p.releases {
		if r.id == id {
			return r
		}
	}
	return nil
}

func (s *step) release() error {
	if err := s.may(s.rules.releasers); err != nil {
		return err
	}
	version := s.p.str("version")
	if !s.p.only("product", "version", "config", "provenance", "sboms", "built", "repository", "commit", "run", "notes", "changeLog", "policy", "vsa", "created") || !validVersion(s.rules.versions, version) || s.p.str("config") == "" {
		return refuse("it is no release, or %q no version of the product", version)
	}
	id, err := releaseID(s.r.statement)
	if err != nil {
		return err
	}
	if s.product.find(id) != nil {
		s.f.same = true
		return nil
	}
	for _, other := range s.product.releases {
		if skeleton(other.version) == skeleton(version) {
			return refuse("version %s looks like %s, which is released", version, other.version)
		}
	}
	evidence := append(s.p.strings("provenance"), s.p.strings("sboms")...)
	if vsa := s.p.str("vsa"); vsa != "" {
		evidence = append(evidence, vsa)
	}
	names := sortedKeys(s.subjects)
	s.product.releases = append(s.product.releases, &released{number: len(s.product.releases) + 1, id: id, version: version, config: s.p.str("config"), by: s.f.by,
		artifacts: s.subjects, first: primary(s.subjects[names[0]]), evidence: evidence})
	of := fmt.Sprintf(" of %s#%d", printable(s.f.about), len(s.product.releases))
	for _, d := range evidence {
		s.h.name(d, "evidence"+of)
	}
	s.h.name(s.p.str("config"), "the configuration"+of)
	s.h.name(s.p.str("notes"), "the notes"+of)
	s.h.name(s.p.str("changeLog"), "the change log"+of)
	return nil
}

// name keeps what content is, fit for a terminal, by the record that named it first.
func (h *outcome) name(digest, what string) {
	if _, named := h.named[digest]; !named && digest != "" {
		h.named[digest] = what
	}
}

func (s *step) tag() error {
	if err := s.may(s.rules.releasers); err != nil {
		return err
	}
	r, d := s.product.find(s.p.str("release")), onlyDigest(s.r.statement)
	if !s.p.only("product", "tag", "release") || s.p.str("tag") == "" || r == nil || !r.has(d) {
		return refuse("it is of no release, or of no artifact of it")
	}
	if _, bound := s.product.tags[s.p.str("tag")]; !bound && s.product.revoked[r.id] == "release" {
		return refuse("the release was taken back")
	}
	return s.bind(d, s.p.str("tag"))
}

// bind binds tags for ever: all of them, or none.
func (s *step) bind(digest string, tags ...string) error {
	for _, tag := range tags {
		for other, bound := range s.product.tags {
			if skeleton(other) == skeleton(tag) && bound != digest {
				return refuse("tag %s is bound to %s: it cannot name %s, nor can one that looks like it", other, bound, digest)
			}
		}
	}
	s.f.same = s.f.kind == "tag" && s.product.tags[tags[0]] == digest
	for _, tag := range tags {
		s.product.tags[tag] = digest
	}
	return nil
}

// usable is the release to move to, if nothing forbids it.
func (s *step) usable() (*released, error) {
	r := s.product.find(s.p.str("release"))
	switch {
	case r == nil:
		return nil, refuse("it is of no release")
	case !reflect.DeepEqual(s.subjects, r.artifacts):
		return nil, refuse("its subjects are not the artifacts of the release")
	case s.product.revoked[r.id] != "":
		return nil, refuse("the release was taken back (%s)", s.product.revoked[r.id])
	case slices.ContainsFunc(r.evidence, func(id string) bool { return s.h.taken[id] }):
		return nil, refuse("evidence of the release was revoked")
	}
	return r, nil
}
