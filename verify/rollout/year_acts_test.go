package rollout_test

import (
	"fmt"
	"slices"
	"time"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/release"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/verify/rollout"
)

func digestOf(text string) provenance.Digest { return provenance.SumSHA256([]byte(text)) }

// made is the next release of a service, as its builder writes it.
func (y *year) made(service int, more string) release.Release {
	name := y.serviceName(service)
	y.minor[name]++
	version := fmt.Sprintf("1.%d.0%s", y.minor[name], more)
	id, err := key(y.keys[y.ci(service)]).KeyID()
	y.must(err)
	return release.Release{Product: name, Version: version, Config: digestOf("config " + version), Created: y.now,
		Subjects: []provenance.ResourceDescriptor{{Name: name, Digest: provenance.Set(digestOf(name + version))}},
		Built:    []release.Built{{Builder: builderID, Keys: []string{id}, Finished: y.now}}}
}

func (y *year) release(service int) {
	r := y.made(service, "")
	y.add(service, r.Statement(), y.key(y.ci(service)))
	if y.state(service).Find(r.ID().String()) == nil {
		return // by a key that was revoked a moment ago
	}
	tag := release.Tag{Product: r.Product, Tag: "v" + r.Version, Release: r.ID(), Digest: digestOf(r.Product + r.Version)}
	y.add(service, tag.Statement(), y.key(y.ci(service)))
}

// next is a move of a release into one of a service's stages, nil if there is none
// to make.
func (y *year) next(service, tier int) (*release.Released, *release.Promotion) {
	s, stages := y.state(service), stagesOf(service)
	var r *release.Released
	from := ""
	if tier == 0 && len(s.Releases) > 0 {
		r = s.Releases[len(s.Releases)-1]
	} else if tier > 0 {
		from = stages[tier-1]
		if good := s.Good(from); len(good) > 0 {
			r = s.Releases[good[0]-1]
		}
	}
	if r == nil || s.Stages[stages[tier]] != nil && s.Stages[stages[tier]].Release == r.Number {
		return nil, nil
	}
	p := &release.Promotion{Product: s.Product, Release: r.ID, Subjects: r.Subjects, From: from, To: stages[tier], Policy: digestOf("policy of " + stages[tier]), VSA: digestOf("verdict " + r.Version + stages[tier])}
	if at := s.Stages[stages[tier]]; at != nil && at.Release > 0 {
		p.Replaces = s.Releases[at.Release-1].ID
	}
	return r, p
}

// approve has people approve a move.
func (y *year) approve(service int, p *release.Promotion, nonce string, people ...string) provenance.Digest {
	s := release.Approval{Digest: p.Release, From: p.From, To: p.To, Policy: p.Policy, Expires: y.now.Add(24 * time.Hour), Nonce: nonce}.Statement()
	var id provenance.Digest
	for _, who := range people {
		b, err := sign.Statement(y.t.Context(), s, y.key(who))
		y.must(err)
		id = b.ID()
		y.append(service, b)
	}
	return id
}

func (y *year) promote(service int) {
	tier := 3
	r, p := y.next(service, tier)
	for ; tier > 0 && (p == nil || y.rnd.IntN(4) == 0); r, p = y.next(service, tier) {
		tier--
	}
	if p == nil {
		return
	}
	who, want := y.ci(service), true
	if tier == 3 {
		people := y.managers(service)
		y.rnd.Shuffle(3, func(i, j int) { people[i], people[j] = people[j], people[i] })
		n := 2
		if y.rnd.IntN(5) == 0 {
			n, want = 1, false // somebody is in a hurry
		}
		who = people[2]
		if slices.ContainsFunc(y.state(service).Owed, func(o *release.Owed) bool {
			return o.Missing > 0 && o.Release == r.Number && o.Stage == p.To
		}) {
			want = false // their approvals pay what a hotfix to there owes, and do not count twice
		}
		p.Approvals = []provenance.Digest{y.approve(service, p, fmt.Sprint(len(y.log.records)), people[:n]...)}
	}
	if y.rnd.IntN(10) == 0 {
		p.Replaces, want = digestOf("what was there yesterday"), false
	}
	soaking := p.From != "" && y.now.Sub(y.state(service).Since(p.From)) < time.Hour
	e := y.add(service, p.Statement(), y.key(who))
	if !want && e.Void == nil || want && e.Void != nil && r.Suspect == "" && !soaking && y.state(service).RevokedBy(r.ID) == nil {
		y.t.Fatalf("%s to %s by %s: %+v", r.Version, p.To, who, e)
	}
}

// rollBack goes back to something good: as long as there is anything, it works.
func (y *year) rollBack(service int) {
	s := y.state(service)
	for _, name := range stagesOf(service) {
		good := s.Good(name)
		good = slices.DeleteFunc(good, func(n int) bool { return n == s.Stages[name].Release })
		if len(good) == 0 || y.rnd.IntN(2) == 0 {
			continue
		}
		r := s.Releases[good[y.rnd.IntN(len(good))]-1]
		p := release.Rollback{Product: s.Product, Environment: name, Release: r.ID, Subjects: r.Subjects, Config: r.Config, Reason: "error rate"}
		if e := y.add(service, p.Statement(), y.key(y.onCall(service))); e.Void != nil || e.Same {
			y.t.Fatalf("%s could not go back to %s: %+v", name, r.Version, e)
		}
		return
	}
}

// hotfix takes the short way, and somebody pays, or not.
func (y *year) hotfix(service int) {
	_, p := y.next(service, 3)
	if p == nil {
		return
	}
	people := y.managers(service)
	p.Hotfix, p.Reason = true, "it burns"
	p.Approvals = []provenance.Digest{y.approve(service, p, "now", people[0])}
	if e := y.add(service, p.Statement(), y.key(people[1])); e.Void == nil {
		y.tally["hotfixes"]++
		if y.rnd.IntN(2) == 0 {
			y.approve(service, p, "later", people[1])
		}
	}
}

// attack is something that nobody may do. None of it has an effect.
func (y *year) attack(service int) {
	s := y.state(service)
	stranger := y.engineer(8)
	var what *provenance.Statement
	who := y.key(stranger)
	switch y.rnd.IntN(6) {
	case 0: // a tag is bound once
		if len(s.Releases) < 2 || len(s.Tags) == 0 {
			return
		}
		for tag, b := range s.Tags {
			for _, r := range s.Releases {
				if r.Number != b.Release && s.RevokedBy(r.ID) == nil {
					d, _ := r.Subjects[0].Digest.Get(provenance.SHA256)
					y.tally["tags attacked"]++
					what, who = release.Tag{Product: s.Product, Tag: tag, Release: r.ID, Digest: d}.Statement(), y.key(y.ci(service))
				}
			}
			break
		}
	case 1: // who may not release
		what = y.made(service, "-evil").Statement()
	case 2: // who may not promote to prod, with approvals by the wrong people
		if _, p := y.next(service, 3); p != nil {
			p.Approvals = []provenance.Digest{y.approve(service, p, "x", stranger, y.engineer(9))}
			what, who = p.Statement(), y.key(y.managers(service)[0])
		}
	case 3: // one person twice
		if _, p := y.next(service, 3); p != nil {
			one := y.managers(service)[0]
			p.Approvals = []provenance.Digest{y.approve(service, p, "a", one), y.approve(service, p, "b", one)}
			what, who = p.Statement(), y.key(one)
		}
	case 4: // back to what was never there
		if len(s.Releases) > 0 {
			for _, name := range stagesOf(service) {
				r := s.Releases[y.rnd.IntN(len(s.Releases))]
				if at := s.Stages[name]; at == nil || at.Release != r.Number && !slices.Contains(s.Good(name), r.Number) {
					what = release.Rollback{Product: s.Product, Environment: name, Release: r.ID, Subjects: r.Subjects, Config: r.Config, Reason: "x"}.Statement()
					who = y.key(y.onCall(service))
				}
			}
		}
	case 5: // an auditor alone
		what, who = release.Audit{Product: s.Product, State: digestOf("lie"), Size: 1, Root: digestOf("lie")}.Statement(), y.key("auditor-0")
	}
	if what == nil {
		return
	}
	if e := y.add(service, what, who); e.Void == nil && !e.Same {
		y.t.Fatalf("%s took effect: %s", what.PredicateType, what.Predicate)
	}
}

// audit has auditors write down what is good, and what is so, and a client who
// cannot reach the ledger act upon it.
func (y *year) audit(service int) {
	s := y.state(service)
	if len(s.Releases) == 0 {
		return
	}
	if y.rnd.IntN(6) == 0 { // who replays a log from its beginning takes his time
		y.writeState(s, service)
	}
	y.writeKnownGood(s, service)
}

func (y *year) writeState(s *release.State, service int) {
	auditor := rollout.Auditor{Source: y.log, Trust: y.trust}
	state, record, checkpoint, err := auditor.State(y.t.Context(), s.Product, nil)
	y.must(err)
	if e := y.add(service, record, y.key("auditor-0"), y.key("auditor-2")); e.Void != nil {
		y.t.Fatalf("a state was refused: %+v", e)
	}
	proof, err := auditor.Prove(y.t.Context(), state, checkpoint)
	y.must(err)
	v, err := rollout.StateReader{Trust: y.trust, At: y.now}.Read(state, proof)
	y.must(err)
	for tag, b := range s.Tags {
		if d, err := v.Tag(y.t.Context(), s.Product, tag); err != nil || d != b.Digest {
			y.t.Fatalf("the state says that %s is %s, %v", tag, d, err)
		}
	}
	y.tally["states"]++
}

func (y *year) writeKnownGood(s *release.State, service int) {
	view, err := y.replay.View(y.t.Context())
	y.must(err)
	for _, name := range stagesOf(service) {
		k, err := view.KnownGood(s.Product, name, y.now, 24*time.Hour)
		if err != nil {
			continue
		}
		data, err := k.Marshal()
		y.must(err)
		b, err := sign.Payload(y.t.Context(), rollout.KnownGoodType, data, y.key("auditor-1"), y.key("auditor-2"))
		y.must(err)
		trusted, err := rollout.KnownGoodReader{Trust: y.trust, At: y.now}.Read(s.Product, name, b)
		y.must(err)
		r := &trusted.Releases[len(trusted.Releases)-1]
		back, err := trusted.Rollback(r, "the ledger is down", y.now)
		y.must(err)
		y.tally["known-good files"]++
		y.now = y.now.Add(time.Minute) // and then it is there again
		if e := y.add(service, back.Statement(), y.key(y.onCall(service))); e.Void != nil {
			y.t.Fatalf("%s could not go back to %s by its file: %+v", name, r.Version, e)
		}
	}
}

func (y *year) deploy(service int) {
	s := y.state(service)
	for _, name := range stagesOf(service) {
		if at := s.Stages[name]; at != nil && at.Release > 0 {
			r := s.Releases[at.Release-1]
			d := release.Deployment{Product: s.Product, Environment: name, Release: r.ID, Subjects: r.Subjects, Config: r.Config, Result: release.Running, At: y.now}
			y.add(service, d.Statement(), y.key(y.ci(service)))
		}
	}
}

func (y *year) retire(service int) {
	s := y.state(service)
	if len(s.Releases) < 4 {
		return
	}
	kind := release.Retire
	if y.rnd.IntN(3) == 0 {
		kind = release.RevokeRelease
	}
	r := s.Releases[y.rnd.IntN(len(s.Releases))]
	e := y.add(service, release.Revocation{Kind: kind, Product: s.Product, Digest: r.ID, Reason: "old"}.Statement(), y.key(y.managers(service)[1]))
	if e.Void != nil {
		y.t.Fatalf("%+v", e)
	}
}

// rotate gives a principal another key, by the next version of the trust file.
func (y *year) rotate(name string) {
	seed := fmt.Sprintf("%s/%d", name, y.trust.Version)
	next, err := y.trust.Rotate(name, key(seed).private().Public(), y.now)
	y.must(err)
	record, err := rollout.TrustRecord(y.t.Context(), y.trust, next, y.key(y.engineer(0)), y.key(y.engineer(1)))
	y.must(err)
	old := y.trust
	if e := y.append(0, record); e.Void != nil {
		y.t.Fatalf("%+v", e)
	}
	y.trust, y.keys[name] = next, seed
	if y.rnd.IntN(2) == 0 { // an older one, once more
		again, err := rollout.TrustRecord(y.t.Context(), old, next, y.key(y.engineer(0)), y.key(y.engineer(1)))
		y.must(err)
		if e := y.append(0, again); e.Void == nil {
			y.t.Fatal("a trust file went back")
		}
	}
}

// thief uses a stolen key: until it is revoked he can release, and never come to
// prod, where people must approve.
func (y *year) thief() {
	if y.rnd.IntN(3) > 0 {
		return
	}
	service := 1 // whose builder's key it is
	y.tally["thefts"]++
	r := y.made(service, "-stolen")
	y.evil[r.ID()] = true
	e := y.add(service, r.Statement(), key(y.stolen))
	if y.noticed && e.Void == nil {
		y.t.Fatal("a revoked key releases")
	}
	if e.Void != nil {
		return
	}
	stages := stagesOf(service)
	p := release.Promotion{Product: r.Product, Release: r.ID(), Subjects: r.Subjects, To: stages[0], Policy: digestOf("any"), VSA: digestOf("any")}
	if at := y.state(service).Stages[stages[0]]; at != nil && at.Release > 0 {
		p.Replaces = y.state(service).Releases[at.Release-1].ID
	}
	y.add(service, p.Statement(), key(y.stolen))
	p.From, p.To, p.Replaces = stages[2], stages[3], provenance.Digest{}
	if e := y.add(service, p.Statement(), key(y.stolen)); e.Void == nil {
		y.t.Fatal("a thief promotes to prod")
	}
}

// notice has the stolen key revoked since it was stolen, and replaced.
func (y *year) notice() {
	id, err := key(y.stolen).KeyID()
	y.must(err)
	digest, err := provenance.ParseDigest("sha256:" + id)
	y.must(err)
	r := release.Revocation{Kind: release.RevokeKey, Digest: digest, Since: y.since, Reason: "stolen"}
	if e := y.add(1, r.Statement(), y.key(y.engineer(0))); e.Void != nil {
		y.t.Fatalf("%+v", e)
	}
	y.noticed = true
	y.tally["compromises noticed"]++
	for id := range y.evil { // what he released since moves nowhere any more
		if found := y.state(1).Find(id.String()); found != nil && found.ID == id && !found.Time.Before(y.since) && found.Suspect == "" {
			y.t.Fatalf("%s is not suspect", found.Version)
		}
	}
	for name := range y.known { // what is said of others may be another thing from now on
		delete(y.known, name)
	}
	y.rotate("ci-1")
}
