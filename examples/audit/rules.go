package main

import (
	"maps"
	"reflect"
	"slices"
	"strings"
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
	for _, d := range append(evidence, s.p.str("config"), s.p.str("notes"), s.p.str("changeLog")) {
		if strings.HasPrefix(d, "sha256:") {
			s.h.named[d] = true
		}
	}
	return nil
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
	s.h.named[s.p.str("vsa")] = true
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

// audit keeps what auditors say a product's state is at a head.
func (s *step) audit() error {
	a := audited{s.p.number("size"), onlyDigest(s.r.statement), s.p.str("root")}
	if !s.p.only("product", "size", "root") || a.size < 1 || !strings.HasPrefix(a.state, "sha256:") || !strings.HasPrefix(a.root, "sha256:") {
		return refuse("it is no audit")
	}
	if quorum := s.h.trust.auditors; len(quorum) == 0 || quorum.missing(s.f.by) > 0 {
		return refuse("signed by %q, who are not enough auditors", s.f.by)
	}
	last := s.product.audited
	switch {
	case a.size > s.f.index:
		return refuse("it is of records that are not there yet")
	case last != nil && a == *last:
		s.f.same = true
		return nil
	case last != nil && a.size <= last.size:
		return refuse("the state at %d records is here already, and is another", last.size)
	}
	s.product.audited = &a
	return nil
}

// has reports whether a digest identifies an artifact of the release.
func (r *released) has(digest string) bool {
	algorithm, hex, _ := strings.Cut(digest, ":")
	return hex != "" && slices.Contains(identifying, algorithm) && slices.ContainsFunc(slices.Collect(maps.Values(r.artifacts)), func(set object) bool { return set.str(algorithm) == hex })
}

// approve keeps an approval, and pays with it what hotfixes owe.
func (h *outcome) approve(r *record, f *fate, p object) error {
	expires, err := instant(p["expires"])
	d := onlyDigest(r.statement)
	if algorithm, _, _ := strings.Cut(d, ":"); err != nil || expires.IsZero() || !slices.Contains(identifying, algorithm) || !p.only("from", "to", "policy", "expires", "nonce", "reason") || p.str("to") == "" || p.str("to") == p.str("from") || p.str("nonce") == "" {
		return refuse("it is no approval")
	}
	people := slices.DeleteFunc(slices.Clone(f.by), func(name string) bool { return !h.trust.people[name] })
	if len(people) == 0 {
		return refuse("no person signed it")
	}
	c := h.approvals[r.id]
	if c == nil {
		c = &approval{digest: d, from: p.str("from"), to: p.str("to"), policy: p.str("policy"), expires: expires}
		h.approvals[r.id] = c
	}
	before := len(c.people)
	c.people = append(c.people, people...)
	slices.Sort(c.people)
	c.people = slices.Compact(c.people)
	f.same = len(c.people) == before
	h.debts = slices.DeleteFunc(h.debts, func(o *debt) bool {
		if r.time.IsZero() || !r.time.Before(c.expires) || !h.products[o.product].concerns(c, o.release) || c.from != o.from || c.to != o.to || c.policy != o.policy {
			return false
		}
		for _, name := range c.people {
			if !slices.Contains(o.release.by, name) && !slices.Contains(o.approved, name) {
				o.approved = append(slices.Clone(o.approved), name)
			}
		}
		slices.Sort(o.approved)
		c.spent = true
		return o.quorum.missing(o.approved) == 0
	})
	return nil
}

func (h *outcome) revoke(r *record, f *fate, p object) error {
	kind, name, d := p.str("kind"), p.str("product"), onlyDigest(r.statement)
	ofProduct := kind == "release" || kind == "retirement" || kind == "erasure"
	since, err := instant(p["since"])
	if err != nil || d == "" || ofProduct != (name != "") || strings.TrimSpace(p.str("reason")) == "" || !p.only("kind", "product", "builder", "versions", "since", "until", "reason") ||
		!ofProduct && kind != "attestation" && kind != "key" && kind != "builder" || kind == "key" && since.IsZero() {
		return refuse("it is no revocation")
	}
	ways, known := h.trust.products[name]
	if ofProduct && !known {
		return refuse("the trust in force knows no product %q", name)
	}
	f.about = name
	if !among(f.by, h.trust.revokers, ways.revokers) {
		return refuse("signed by %q, who may not", f.by)
	}
	switch kind {
	case "attestation":
		f.same = h.taken[d]
		h.taken[d] = true
	case "key":
		id := strings.TrimPrefix(d, "sha256:")
		old, known := h.keys[id]
		if f.same = known && !since.Before(old); !f.same {
			h.keys[id] = since
		}
	case "builder":
	default:
		people := 0
		for _, who := range f.by {
			if h.trust.people[who] && among([]string{who}, h.trust.revokers, ways.revokers) {
				people++
			}
		}
		if kind == "erasure" && people < 2 {
			return refuse("%d of 2 people who may erase signed it", people)
		}
		product := h.product(name)
		if f.same = product.done[kind+d]; f.same {
			return nil
		}
		product.done[kind+d] = true
		if kind == "erasure" {
			h.erased = append(h.erased, erasure{d, f.index, p.str("reason")})
		} else if product.revoked[d] != "release" {
			product.revoked[d] = kind
		}
	}
	return nil
}

// releaseID is the SHA-256 of a release's canonical form, in which lists are sorted
// and what is empty is left out.
func releaseID(s object) (string, error) {
	p := s.object("predicate")
	ours := maps.Clone(p.object(predicates + "release/v1"))
	for _, name := range []string{"provenance", "sboms"} {
		list := ours.strings(name)
		slices.Sort(list)
		sorted := []any{}
		for _, id := range list {
			sorted = append(sorted, id)
		}
		ours[name] = sorted
	}
	if at, err := instant(ours["created"]); err != nil {
		return "", err
	} else if !at.IsZero() {
		ours["created"] = at.UTC().Format(time.RFC3339Nano)
	}
	maps.DeleteFunc(ours, func(_ string, v any) bool {
		list, isList := v.([]any)
		return v == "" || isList && len(list) == 0
	})
	subjects := slices.Clone(s.list("subject"))
	slices.SortFunc(subjects, func(a, b any) int { return strings.Compare(a.(object).str("name"), b.(object).str("name")) })
	form, err := canonical(object{"_type": s["_type"], "predicateType": s["predicateType"], "subject": subjects, "predicate": object{"purl": p["purl"], predicates + "release/v1": ours}})
	if err != nil {
		return "", err
	}
	return digestOf(form), nil
}
