package release_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/release"
)

// roles are those of a small company: ci releases, ann, bob and cy manage
// releases, dan is on call, eve is nobody.
func roles(version int) *release.Roles {
	managers := []string{"ann", "bob", "cy"}
	rules := release.Rules{Scheme: release.SemVer, Releasers: []string{"ci"}, Revokers: []string{"ann", "bob"}, Stages: []release.Stage{
		{Name: "canary", Promoters: []string{"ci"}, Rollback: []string{"dan"}, Deployers: []string{"deployer"}},
		{Name: "prod", From: "canary", Soak: time.Hour, Promoters: managers, Rollback: []string{"dan"}, Deployers: []string{"deployer"},
			Approvals: []release.Quorum{{AtLeast: 2, Of: managers}},
			Hotfix:    &release.Hotfix{Approvals: []release.Quorum{{AtLeast: 1, Of: managers}}, Within: 24 * time.Hour}},
	}}
	return &release.Roles{Version: version, People: []string{"ann", "bob", "cy", "dan", "eve"}, Revokers: []string{"security"},
		Products: map[string]release.Rules{"app": rules, "lib": rules}}
}

// A world is a log as the tests write it, hour by hour.
type world struct {
	t       testing.TB
	h       release.History
	now     time.Time
	records []release.Record
	effects []release.Effect
}

func newWorld(t testing.TB) *world {
	w := &world{t: t, now: date(1, 0)}
	g := release.Genesis{Origin: "releases.acme.example", Trust: []byte(`{"version":1}`)}
	w.want("", release.Record{Statement: g.Statement(), Roles: roles(1)})
	return w
}

// add appends a record signed by people.
func (w *world) add(s *provenance.Statement, by ...string) release.Effect {
	r := release.Record{Statement: s}
	for _, name := range by {
		r.Signers = append(r.Signers, release.Signer{Principal: name, KeyID: sum(name).Hex()})
	}
	return w.apply(r)
}

func (w *world) apply(r release.Record) release.Effect {
	w.t.Helper()
	r.Index = w.h.Size()
	if r.Time.IsZero() {
		r.Time = w.now
	}
	if r.ID.IsZero() && r.Statement != nil {
		data, err := r.Statement.Marshal()
		if err != nil {
			w.t.Fatal(err)
		}
		r.ID = provenance.SumSHA256(data)
	}
	e, err := w.h.Apply(r)
	if err != nil {
		w.t.Fatal(err)
	}
	w.records, w.effects = append(w.records, r), append(w.effects, e)
	return e
}

// want applies r and wants it to be void in words that have want in them; "" is that it
// takes effect.
func (w *world) want(want string, r release.Record) {
	w.t.Helper()
	w.check(want, w.apply(r))
}

func (w *world) check(want string, e release.Effect) {
	w.t.Helper()
	got := ""
	if e.Void != nil {
		got = e.Void.Error()
	}
	if (want == "") != (got == "") || !strings.Contains(got, want) {
		w.t.Errorf("record %d: %q, want %q", e.Index, got, want)
	}
}

func build(version string) release.Release {
	return release.Release{Product: "app", Version: version, Config: sum("config"), Subjects: []provenance.ResourceDescriptor{
		{Name: "app", Digest: provenance.Set(sum("app " + version))}, {Name: "app.deb", Digest: provenance.Set(sum("deb " + version))}}}
}

func tagOf(r release.Release, name string) *provenance.Statement {
	return release.Tag{Product: r.Product, Tag: name, Release: r.ID(), Digest: sum("app " + r.Version)}.Statement()
}

func toCanary(r release.Release, replaces provenance.Digest) release.Promotion {
	return release.Promotion{Product: r.Product, Release: r.ID(), Subjects: r.Subjects, To: "canary", Replaces: replaces, Policy: sum("canary policy"), VSA: sum("canary verdict " + r.Version)}
}

func toProd(r release.Release, replaces provenance.Digest, approvals ...provenance.Digest) release.Promotion {
	return release.Promotion{Product: r.Product, Release: r.ID(), Subjects: r.Subjects, From: "canary", To: "prod", Replaces: replaces, Policy: sum("prod policy"), VSA: sum("prod verdict " + r.Version), Approvals: approvals}
}

// approve has people approve the move to prod, and returns the id to name.
func (w *world) approve(r release.Release, nonce string, people ...string) provenance.Digest {
	w.t.Helper()
	return w.consent(r, func(a *release.Approval) { a.Nonce = nonce }, people...)
}

// consent is an approval in which something was changed.
func (w *world) consent(r release.Release, change func(*release.Approval), people ...string) provenance.Digest {
	w.t.Helper()
	a := release.Approval{Digest: sum("app " + r.Version), From: "canary", To: "prod", Policy: sum("prod policy"), Expires: w.now.Add(48 * time.Hour), Nonce: "n", Reason: "seems good to me"}
	change(&a)
	s := a.Statement()
	for _, name := range people {
		w.check("", w.add(s, name))
	}
	data, _ := s.Marshal()
	return provenance.SumSHA256(data)
}

func back(r release.Release) release.Rollback {
	return release.Rollback{Product: r.Product, Environment: "prod", Release: r.ID(), Subjects: r.Subjects, Config: r.Config, Reason: "error rate"}
}

func (w *world) at(stage string) string {
	s := w.h.State("app", release.Head{Size: w.h.Size()})
	if s == nil || s.Stages[stage] == nil || s.Stages[stage].Release == 0 {
		return "nothing"
	}
	return s.Releases[s.Stages[stage].Release-1].Version
}

// running brings a version all the way.
func (w *world) running(version string, replacesCanary, replacesProd provenance.Digest) release.Release {
	w.t.Helper()
	r := build(version)
	w.check("", w.add(r.Statement(), "ci"))
	w.check("", w.add(toCanary(r, replacesCanary).Statement(), "ci"))
	w.now = w.now.Add(2 * time.Hour)
	w.check("", w.add(toProd(r, replacesProd, w.approve(r, version, "ann", "bob")).Statement(), "cy"))
	return r
}

var none provenance.Digest

// Only who may release and bind does, first wins for ever, and nothing that was
// written before by somebody else is in the way.
func TestTags(t *testing.T) {
	w := newWorld(t)
	a, b := build("1.0.0"), build("1.1.0")
	w.check("signed by eve", w.add(a.Statement(), "eve"))
	w.check("signed by nobody", w.add(a.Statement()))
	w.check("no release", w.add(tagOf(a, "1.0.0"), "ci"))
	w.check("", w.add(a.Statement(), "ci"))
	w.check("", w.add(b.Statement(), "ci", "eve"))
	w.check("signature", w.add(tagOf(b, "1.0.0"), "eve")) // first, and void
	w.check("", w.add(tagOf(a, "1.0.0"), "ci"))
	w.check("immutable", w.add(tagOf(b, "1.0.0"), "ci"))
	w.check("immutable", w.add(tagOf(b, "v1.0.0"), "ci"))
	w.check("immutable", w.add(tagOf(b, "1.0"), "ci"))
	w.check("", w.add(tagOf(a, "v1.0.0"), "ci")) // another name for the same
	if e := w.add(tagOf(a, "1.0.0"), "ci"); e.Void != nil || !e.Same {
		t.Errorf("the same binding again is %+v", e)
	}
	deb := release.Tag{Product: "app", Tag: "1.0.0", Release: a.ID(), Digest: sum("deb 1.0.0")}
	e := w.add(deb.Statement(), "ci")
	w.check("immutable", e)
	for _, d := range []provenance.Digest{sum("app 1.0.0"), sum("deb 1.0.0")} {
		if e.Void == nil || !strings.Contains(e.Void.Message, d.String()) {
			t.Errorf("the loser is not told of %s: %+v", d, e)
		}
	}
	deb.Tag, deb.Digest = "x", sum("of no release")
	w.check("no artifact", w.add(deb.Statement(), "ci"))
	other := build("1.0.0")
	other.Product = "lib"
	w.check("", w.add(other.Statement(), "ci"))
	w.check("", w.add(tagOf(other, "1.0.0"), "ci")) // tags live under a product
	other.Product = "unknown"
	w.check("no product", w.add(other.Statement(), "ci"))

	again := build("v1.0.0")
	w.check("immutable", w.add(again.Statement(), "ci")) // confusable versions
	again = build("1.0.0")
	again.Config = sum("another configuration")
	w.check("immutable", w.add(again.Statement(), "ci"))
	again.Version = "1.x"
	w.check("malformed/predicate", w.add(again.Statement(), "ci"))
	if e := w.add(a.Statement(), "ci"); e.Void != nil || !e.Same {
		t.Errorf("the same release again is %+v", e)
	}
	s := w.h.State("app", release.Head{Size: w.h.Size()})
	if len(s.Releases) != 2 || s.Ref(s.Releases[1]).Name != "app#2" || s.Tags["1.0.0"].Digest != sum("app 1.0.0") {
		t.Errorf("%+v", s)
	}
	for name, want := range map[string]int{"app#2": 2, "#1": 1, "1.1.0": 2, "v1.0.0": 1, a.ID().String(): 1, sum("deb 1.1.0").String(): 2, "app#3": 0, "lib#1": 0, "app#01": 0, "1.1": 0, sum("x").String(): 0} {
		got := 0
		if r := s.Find(name); r != nil {
			got = r.Number
		}
		if got != want {
			t.Errorf("%s is number %d, want %d", name, got, want)
		}
	}
}

func TestPromotion(t *testing.T) {
	for _, test := range []struct {
		name string
		do   func(w *world, r release.Release, p *release.Promotion) (by string)
		want string
	}{
		{"all is well", func(w *world, r release.Release, p *release.Promotion) string { return "cy" }, ""},
		{"signed by somebody else", func(w *world, r release.Release, p *release.Promotion) string { return "ci" }, "who may not promote"},
		{"to a stage that does not exist", func(w *world, r release.Release, p *release.Promotion) string { p.To = "moon"; return "cy" }, "no stage"},
		{"from elsewhere", func(w *world, r release.Release, p *release.Promotion) string { p.From = ""; return "cy" }, "entered from"},
		{"too early", func(w *world, r release.Release, p *release.Promotion) string {
			w.now = w.now.Add(-time.Hour - time.Second)
			return "cy"
		}, "soaked"},
		{"another artifact", func(w *world, r release.Release, p *release.Promotion) string {
			p.Subjects = build("6.6.6").Subjects
			return "cy"
		}, "subject"},
		{"an artifact less", func(w *world, r release.Release, p *release.Promotion) string {
			p.Subjects = p.Subjects[:1]
			return "cy"
		}, "subject"},
		{"no release", func(w *world, r release.Release, p *release.Promotion) string {
			p.Release = sum("x")
			return "cy"
		}, "no release"},
		{"a release of another product", func(w *world, r release.Release, p *release.Promotion) string {
			p.Product = "lib"
			return "cy"
		}, "no release"},
		{"overtaken", func(w *world, r release.Release, p *release.Promotion) string {
			p.Replaces = sum("x")
			return "cy"
		}, "prod is at nothing, which is not what it was to replace: look again"},
		{"no approval", func(w *world, r release.Release, p *release.Promotion) string { p.Approvals = nil; return "cy" }, "2 more people"},
		{"one twice", func(w *world, r release.Release, p *release.Promotion) string {
			p.Approvals = []provenance.Digest{w.approve(r, "x", "ann"), w.approve(r, "y", "ann")}
			return "cy"
		}, "1 more people"},
		{"somebody who may not", func(w *world, r release.Release, p *release.Promotion) string {
			p.Approvals = []provenance.Digest{w.approve(r, "x", "ann", "dan", "eve")}
			return "cy"
		}, "1 more people"},
		{"two who approve apart", func(w *world, r release.Release, p *release.Promotion) string {
			p.Approvals = []provenance.Digest{w.approve(r, "x", "ann"), w.approve(r, "y", "cy")}
			return "cy"
		}, ""},
		{"expired approvals", func(w *world, r release.Release, p *release.Promotion) string {
			w.now = w.now.Add(48 * time.Hour)
			return "cy"
		}, "expired"},
		{"another policy", func(w *world, r release.Release, p *release.Promotion) string {
			p.Policy = sum("looser")
			return "cy"
		}, "another policy"},
		{"approvals of another way there", func(w *world, r release.Release, p *release.Promotion) string {
			p.Approvals = []provenance.Digest{w.consent(r, func(a *release.Approval) { a.From = "" }, "ann", "bob")}
			return "cy"
		}, "another"},
		{"approvals of a move elsewhere", func(w *world, r release.Release, p *release.Promotion) string {
			p.Approvals = []provenance.Digest{w.consent(r, func(a *release.Approval) { a.To = "moon" }, "ann", "bob")}
			return "cy"
		}, "another"},
		{"approvals of another release", func(w *world, r release.Release, p *release.Promotion) string {
			p.Approvals = []provenance.Digest{w.consent(r, func(a *release.Approval) { a.Digest = sum("app 9.9.9") }, "ann", "bob")}
			return "cy"
		}, "another"},
		{"an approval that nobody logged", func(w *world, r release.Release, p *release.Promotion) string {
			p.Approvals = []provenance.Digest{sum("x")}
			return "cy"
		}, "got " + sum("x").String()[:15] + " is not in the log"},
		{"enough approvals, and one that nobody logged", func(w *world, r release.Release, p *release.Promotion) string {
			p.Approvals = append(p.Approvals, sum("x"))
			return "cy"
		}, ""},
		{"approvals of the release by its id", func(w *world, r release.Release, p *release.Promotion) string {
			p.Approvals = []provenance.Digest{w.consent(r, func(a *release.Approval) { a.Digest = r.ID() }, "ann", "bob")}
			return "cy"
		}, ""},
		{"approvals of an artifact that another release has", func(w *world, r release.Release, p *release.Promotion) string {
			w.check("", w.add(build("9.9.9").Statement(), "ci"))
			p.Approvals = []provenance.Digest{w.consent(r, func(a *release.Approval) { a.Digest = sum("app 9.9.9") }, "ann", "bob")}
			return "cy"
		}, "another"},
		{"a canary of which nobody knows when it began", func(w *world, r release.Release, p *release.Promotion) string {
			next, now := build("1.0.1"), w.now
			w.check("", w.add(next.Statement(), "ci"))
			w.now = time.Time{}
			w.check("", w.add(toCanary(next, r.ID()).Statement(), "ci"))
			w.now = now
			*p = toProd(next, none, w.approve(next, "next", "ann", "bob"))
			return "cy"
		}, "does not say since when"},
		{"a tag that is bound to it already", func(w *world, r release.Release, p *release.Promotion) string {
			w.check("", w.add(tagOf(r, "1.0.0-prod"), "ci"))
			return "cy"
		}, ""},
		{"a revoked approval", func(w *world, r release.Release, p *release.Promotion) string {
			w.check("", w.add(release.Revocation{Kind: release.RevokeAttestation, Digest: p.Approvals[0], Reason: "r"}.Statement(), "security"))
			return "cy"
		}, "was revoked"},
		{"a revoked verdict", func(w *world, r release.Release, p *release.Promotion) string {
			w.check("", w.add(release.Revocation{Kind: release.RevokeAttestation, Digest: p.VSA, Reason: "r"}.Statement(), "security"))
			return "cy"
		}, "verdict"},
		{"a revoked release", func(w *world, r release.Release, p *release.Promotion) string {
			w.check("", w.add(release.Revocation{Kind: release.RevokeRelease, Product: "app", Digest: r.ID(), Reason: "leak"}.Statement(), "ann"))
			return "cy"
		}, "leak"},
		{"a retired release", func(w *world, r release.Release, p *release.Promotion) string {
			w.check("", w.add(release.Revocation{Kind: release.Retire, Product: "app", Digest: r.ID(), Reason: "old"}.Statement(), "security"))
			return "cy"
		}, "old"},
		{"revoked by somebody who may not", func(w *world, r release.Release, p *release.Promotion) string {
			w.check("who may not", w.add(release.Revocation{Kind: release.RevokeRelease, Product: "app", Digest: r.ID(), Reason: "spite"}.Statement(), "eve"))
			return "cy"
		}, ""},
		{"a tag that is taken", func(w *world, r release.Release, p *release.Promotion) string {
			o := build("0.9.0")
			w.check("", w.add(o.Statement(), "ci"))
			w.check("", w.add(tagOf(o, "stable-1"), "ci"))
			p.Tags = []string{"new", "stable-1"}
			return "cy"
		}, "immutable"},
		{"another release with the same artifacts and another configuration", func(w *world, r release.Release, p *release.Promotion) string {
			o := build("1.0.1")
			o.Subjects, o.Config = r.Subjects, sum("debug = true")
			w.check("", w.add(o.Statement(), "ci"))
			c := toCanary(o, r.ID())
			w.check("", w.add(c.Statement(), "ci"))
			w.now = w.now.Add(2 * time.Hour)
			p.Release = o.ID()
			return "cy"
		}, "another move"},
		{"a log without times", func(w *world, r release.Release, p *release.Promotion) string {
			w.now = time.Time{}
			return "cy"
		}, "does not say"},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			r := build("1.0.0")
			w.check("", w.add(r.Statement(), "ci"))
			w.check("", w.add(toCanary(r, none).Statement(), "ci"))
			w.now = w.now.Add(2 * time.Hour)
			p := toProd(r, none, w.approve(r, "round", "ann", "bob"))
			p.Tags = []string{"1.0.0-prod"}
			by := test.do(w, r, &p)
			w.check(test.want, w.add(p.Statement(), by))
			want := "nothing"
			if test.want == "" {
				want = "1.0.0"
			}
			if got := w.at("prod"); got != want {
				t.Errorf("prod is at %s, want %s", got, want)
			}
			s := w.h.State("app", release.Head{Size: w.h.Size()})
			if got, bound := s.Tags["1.0.0-prod"]; bound != (test.want == "") || bound && got.Digest != sum("app 1.0.0") {
				t.Errorf("the stage's tag: %v", s.Tags)
			}
			if _, bound := s.Tags["new"]; bound {
				t.Error("one of two tags was bound")
			}
		})
	}
}

// Who released it does not approve it.
func TestAuthor(t *testing.T) {
	w := newWorld(t)
	r := build("1.0.0")
	w.check("", w.add(r.Statement(), "bob", "ci"))
	w.check("", w.add(toCanary(r, none).Statement(), "ci"))
	w.now = w.now.Add(2 * time.Hour)
	w.check("bob released it", w.add(toProd(r, none, w.approve(r, "1", "ann", "bob")).Statement(), "cy"))
	w.check("", w.add(toProd(r, none, w.approve(r, "2", "ann", "cy")).Statement(), "cy"))
}

func TestRollback(t *testing.T) {
	w := newWorld(t)
	one := w.running("1.0.0", none, none)
	two := w.running("1.1.0", one.ID(), one.ID())
	never := build("2.0.0")
	w.check("", w.add(never.Statement(), "ci"))
	w.check("", w.add(toCanary(never, two.ID()).Statement(), "ci"))

	w.check("who may not", w.add(back(one).Statement(), "cy"))
	w.check("not good in prod", w.add(back(never).Statement(), "dan"))
	wrong := back(one)
	wrong.Config = sum("another")
	w.check("configuration", w.add(wrong.Statement(), "dan"))
	wrong = back(one)
	wrong.Environment = "canary"
	w.check("", w.add(wrong.Statement(), "dan")) // it was good there
	w.check("", w.add(back(one).Statement(), "dan"))
	if e := w.add(back(one).Statement(), "dan"); e.Void != nil || !e.Same {
		t.Errorf("the same rollback again is %+v", e)
	}
	if got := w.at("prod"); got != "1.0.0" {
		t.Errorf("prod is at %s", got)
	}
	// What was taken back comes back by promotion alone, and not with used approvals.
	w.check("not good in prod", w.add(back(two).Statement(), "dan"))
	used := toProd(two, one.ID(), w.records[len(w.records)-1].ID)
	used.Approvals = nil
	for _, r := range w.records {
		if r.Statement.PredicateType == release.ApprovalType {
			used.Approvals = append(used.Approvals, r.ID)
		}
	}
	used.Approvals = []provenance.Digest{used.Approvals[0], used.Approvals[2]}
	w.check("used up", w.add(used.Statement(), "cy"))
	// A promotion that was signed before the rollback is overtaken by it.
	w.check("look again", w.add(toProd(two, two.Subjects[0].Digest.Digests()[0], w.approve(two, "again", "ann", "bob")).Statement(), "cy"))

	s := w.h.State("app", release.Head{Size: w.h.Size()})
	if got := fmt.Sprint(s.Good("prod")); got != "[1]" {
		t.Errorf("good in prod: %s", got)
	}
	three := w.running("1.2.0", one.ID(), one.ID())
	w.check("", w.add(release.Revocation{Kind: release.RevokeRelease, Product: "app", Digest: one.ID(), Reason: "leak"}.Statement(), "ann"))
	w.check("leak", w.add(back(one).Statement(), "dan"))
	s = w.h.State("app", release.Head{Size: w.h.Size()})
	if got := s.LastGood("prod"); got == nil || got.ID != three.ID() {
		t.Errorf("last good: %+v", got)
	}
	w.check("", w.add(release.Revocation{Kind: release.RevokeRelease, Product: "app", Digest: three.ID(), Reason: "leak"}.Statement(), "ann"))
	s = w.h.State("app", release.Head{Size: w.h.Size()})
	if got := s.LastGood("prod"); got != nil {
		t.Errorf("last good: %+v", got)
	}
	st := s.Status(sum("app 1.2.0"))
	if st == nil || st.Revoked == nil || st.Revoked.By != "ann" || len(st.Promotions) != 2 || st.Release.Name != "app#4" {
		t.Errorf("%+v", st)
	}
}

// A release whose verdict was revoked is not good any more.
func TestRollbackToRevokedVerdict(t *testing.T) {
	w := newWorld(t)
	one := w.running("1.0.0", none, none)
	w.running("1.1.0", one.ID(), one.ID())
	w.check("", w.add(release.Revocation{Kind: release.RevokeAttestation, Digest: sum("prod verdict 1.0.0"), Reason: "r"}.Statement(), "security"))
	w.check("revoked", w.add(back(one).Statement(), "dan"))
}

// A hotfix goes with one approval and without soaking, and owes the other.
func TestHotfix(t *testing.T) {
	w := newWorld(t)
	r := build("1.0.0")
	w.check("", w.add(r.Statement(), "ci"))
	p := toProd(r, none)
	p.Hotfix, p.Reason = true, "it burns"
	w.check("never promoted", w.add(p.Statement(), "cy"))
	w.check("", w.add(toCanary(r, none).Statement(), "ci"))
	w.check("1 more people", w.add(p.Statement(), "cy"))
	p.Approvals = []provenance.Digest{w.approve(r, "now", "ann")}
	w.check("", w.add(p.Statement(), "cy"))
	state := func() *release.State { return w.h.State("app", release.Head{Size: w.h.Size()}) }
	before := state()
	if got := before.Debts(w.now); len(got) != 1 || got[0].Missing != 1 || !got[0].Paid.IsZero() || !got[0].Due.Equal(w.now.Add(24*time.Hour)) {
		t.Errorf("owed: %+v", got)
	}
	w.now = w.now.Add(time.Hour)
	w.approve(r, "again", "ann")
	if got := state().Debts(w.now); len(got) != 1 {
		t.Errorf("one person paid for two: %+v", got)
	}
	for what, change := range map[string]func(*release.Approval){
		"another way there": func(a *release.Approval) { a.From = "" },
		"another stage":     func(a *release.Approval) { a.To = "moon" },
		"another policy":    func(a *release.Approval) { a.Policy = sum("looser") },
		"another release":   func(a *release.Approval) { a.Digest = sum("app 9.9.9") },
		"what has expired":  func(a *release.Approval) { a.Expires = w.now },
	} {
		w.consent(r, change, "bob")
		if got := state().Debts(w.now); len(got) != 1 {
			t.Errorf("it was paid by consent to %s: %+v", what, got)
		}
	}
	w.approve(r, "later", "bob")
	if got := state().Debts(w.now); len(got) != 0 {
		t.Errorf("still owed: %+v", got)
	}
	if got := before.Debts(w.now); len(got) != 1 {
		t.Errorf("a state changed after the fact: %+v", got)
	}
	if got := state().Owed[0]; !got.Paid.Equal(w.now) || fmt.Sprint(got.Approved) != "[ann bob]" {
		t.Errorf("paid: %+v", got)
	}
	c := build("1.0.1")
	w.check("", w.add(c.Statement(), "ci"))
	q := toCanary(c, r.ID())
	q.Hotfix, q.Reason = true, "it burns"
	w.check("allows no hotfix", w.add(q.Statement(), "ci"))
}

func TestDeployments(t *testing.T) {
	w := newWorld(t)
	one := w.running("1.0.0", none, none)
	d := release.Deployment{Product: "app", Environment: "prod", Cluster: "a", Release: one.ID(), Subjects: one.Subjects[:1], Config: one.Config, Result: release.Running, At: date(1, 1)}
	w.check("who may not", w.add(d.Statement(), "ci"))
	w.check("", w.add(d.Statement(), "deployer"))
	d.Cluster, d.Config, d.Reference = "b", sum("edited"), "registry.example/app:1.0.0"
	w.check("", w.add(d.Statement(), "deployer"))
	d.Cluster, d.Result = "c", release.Missing
	w.check("", w.add(d.Statement(), "deployer"))
	d.Subjects = build("6.6.6").Subjects
	w.check("subject", w.add(d.Statement(), "deployer"))
	at := w.h.State("app", release.Head{Size: w.h.Size()}).Stages["prod"]
	if at.Running["a"].Drift || !at.Running["b"].Drift || at.Running["c"].Result != release.Missing {
		t.Errorf("%+v", at.Running)
	}
	if want := (release.Counts{Deployments: 3, ByDigest: 1, Drifted: 1, Missing: 1}); at.Counts != want {
		t.Errorf("%+v, want %+v", at.Counts, want)
	}
}

// Erasing wants two people, and changes nothing but what is known about content.
func TestErasure(t *testing.T) {
	w := newWorld(t)
	one := w.running("1.0.0", none, none)
	s := release.Revocation{Kind: release.Erase, Product: "app", Digest: sum("notes"), Reason: "a name in it"}.Statement()
	w.check("1 of 2 people", w.add(s, "ann"))
	w.check("1 of 2 people", w.add(s, "ann", "cy"))
	w.check("1 of 2 people", w.add(s, "ann", "security")) // which is no person
	w.check("", w.add(s, "ann", "bob"))
	// Content that has the id of a release by its digest is no release that was taken back.
	w.check("", w.add(release.Revocation{Kind: release.Erase, Product: "app", Digest: one.ID(), Reason: "a name in it"}.Statement(), "ann", "bob"))
	state := w.h.State("app", release.Head{Size: w.h.Size()})
	if st := state.Status(sum("app 1.0.0")); st.Revoked != nil || st.Release.ID != one.ID() || state.RevokedBy(one.ID()) != nil {
		t.Errorf("%+v, %+v", st, state.RevokedBy(one.ID()))
	}
}

// The roles in force are those of the newest trust record that counts; what a key
// signs after its revocation does not.
func TestTrustInForce(t *testing.T) {
	w := newWorld(t)
	file := func(version int) *provenance.Statement {
		return release.Trust{Version: version, Digest: sum(fmt.Sprint(version)), Envelope: []byte(fmt.Sprintf(`{"version":%d}`, version))}.Statement()
	}
	next := roles(2)
	app := next.Products["app"]
	app.Releasers = []string{"gha"}
	next.Products["app"] = app
	a, b := build("1.0.0"), build("1.1.0")
	w.check("", w.add(a.Statement(), "ci"))
	w.want("roots", release.Record{Statement: file(2)})
	w.want("version 3", release.Record{Statement: file(3), Roles: roles(3)})
	w.want("says 2", release.Record{Statement: file(2), Roles: roles(3)})
	w.check("gha", w.add(b.Statement(), "gha"))
	w.want("", release.Record{Statement: file(2), Roles: next})
	w.want("version 2", release.Record{Statement: file(2), Roles: next})
	w.check("who may not", w.add(b.Statement(), "ci"))
	w.check("", w.add(tagOf(a, "1.0.0"), "gha")) // what ci released stays released
	w.check("", w.add(b.Statement(), "gha"))

	key := release.Revocation{Kind: release.RevokeKey, Digest: digest(t, "sha256:"+sum("gha").Hex()), Since: w.now.Add(time.Hour), Reason: "lost"}
	w.check("who may not", w.add(key.Statement(), "ann"))
	w.check("", w.add(key.Statement(), "security"))
	w.check("", w.add(build("1.2.0").Statement(), "gha"))
	w.now = w.now.Add(time.Hour)
	w.check("nobody who is known", w.add(build("1.3.0").Statement(), "gha"))
	w.want("malformed/statement", release.Record{})
	w.want("begins once", release.Record{Statement: release.Genesis{Origin: "x", Trust: []byte(`{}`)}.Statement(), Roles: roles(1)})
	foreign, err := provenance.New("https://in-toto.io/attestation/vulns/v0.2", nil, provenance.ResourceDescriptor{Digest: provenance.Set(sum("x"))})
	if err != nil {
		t.Fatal(err)
	}
	w.check("none of the records", w.add(foreign, "ann"))
}

// Without a genesis nobody may write, and one that its own root did not sign is none.
func TestNoGenesis(t *testing.T) {
	w := &world{t: t, now: date(1, 0)}
	w.want("root of its own", release.Record{Statement: release.Genesis{Origin: "x", Trust: []byte(`{}`)}.Statement()})
	w.check("no genesis", w.add(build("1.0.0").Statement(), "ci"))
	w.want("begins once", release.Record{Statement: release.Genesis{Origin: "x", Trust: []byte(`{}`)}.Statement(), Roles: roles(1)})
}

// A record of tomorrow's kind stops whoever would misread the rest, but a
// stranger's stops nobody.
func TestNewer(t *testing.T) {
	newer, err := provenance.New("https://github.com/touchmark-go/touchmark/predicates/promotion/v2", nil, provenance.ResourceDescriptor{Digest: provenance.Set(sum("x"))})
	if err != nil {
		t.Fatal(err)
	}
	before := &world{t: t, now: date(1, 0)} // a genesis
	before.check("no genesis", before.add(newer, "ann"))
	for _, who := range []string{"revoker", "releaser", "product revoker", "promoter", "dan", "deployer", "eve"} {
		w := &world{t: t, now: date(1, 0)}
		g := release.Genesis{Origin: "releases.acme.example", Trust: []byte(`{"version":1}`)}
		w.want("", release.Record{Statement: g.Statement(), Roles: &release.Roles{Version: 1, Revokers: []string{"revoker"}, Products: map[string]release.Rules{"app": {
			Releasers: []string{"releaser"}, Revokers: []string{"product revoker"}, Stages: []release.Stage{{Promoters: []string{"promoter"}, Rollback: []string{"dan"}, Deployers: []string{"deployer"}}}}}}})
		if _, err := w.h.Apply(release.Record{Index: 1, Statement: newer, Signers: []release.Signer{{Principal: who}}}); errors.Is(err, release.ErrNewer) != (who != "eve") {
			t.Errorf("by %s: %v", who, err)
		}
	}
	w := newWorld(t)
	w.check("none of the records", w.add(newer))
	w.check("none of the records", w.add(newer, "eve"))
	_, err = w.h.Apply(release.Record{Index: w.h.Size(), Statement: newer, Signers: []release.Signer{{Principal: "deployer"}}})
	if !errors.Is(err, release.ErrNewer) {
		t.Errorf("%v, want ErrNewer", err)
	}
	if _, err := w.h.Apply(release.Record{Index: w.h.Size() + 1}); err == nil {
		t.Error("a record was left out")
	}
}

// A State is the same bytes for the same records, survives being written down, and
// answers as before.
func TestState(t *testing.T) {
	w := newWorld(t)
	one := w.running("1.0.0", none, none)
	w.running("1.1.0", one.ID(), one.ID())
	w.check("", w.add(tagOf(one, "v1"), "ci"))
	w.check("immutable", w.add(tagOf(build("1.1.0"), "v1"), "ci"))
	w.check("", w.add(back(one).Statement(), "dan"))
	head := release.Head{Origin: "releases.acme.example", Size: w.h.Size(), Root: sum("root"), Time: w.now}
	want, err := w.h.State("app", head).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	var again release.History
	for _, r := range w.records {
		if _, err := again.Apply(r); err != nil {
			t.Fatal(err)
		}
		again.State("app", head) // held by somebody all the time
	}
	if got, _ := again.State("app", head).Marshal(); !bytes.Equal(got, want) {
		t.Errorf("replayed:\n%s\nwant\n%s", got, want)
	}
	s, err := release.ParseState(want)
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := s.Marshal(); !bytes.Equal(got, want) {
		t.Errorf("read again:\n%s\nwant\n%s", got, want)
	}
	if got := s.LastGood("prod"); got == nil || got.Version != "1.0.0" || fmt.Sprint(s.Good("prod")) != "[1]" || s.Find("v1") == nil || s.Status(sum("app 1.1.0")) == nil {
		t.Errorf("a state that was read answers otherwise: %+v", got)
	}
	for _, change := range [][2]string{
		{`"number":1`, `"number":2`}, {`"release":1`, `"release":9`}, {`"before":1`, `"before":2`}, {`"schema":"`, `"schema":"x`}, {`"product":"app"`, `"product":"App"`},
		{`"trust":1`, `"trust":1,"more":1`}, {`"size":`, `"size":0,"was":`}, {`{"digest":"sha256:`, `{"digest":"sha384:`},
	} {
		bad := bytes.Replace(want, []byte(change[0]), []byte(change[1]), 1)
		if bytes.Equal(bad, want) {
			t.Fatalf("%s: nothing changed", change[0])
		}
		if s, err := release.ParseState(bad); err == nil {
			t.Errorf("%s reads as %+v", change[1], s)
		}
	}
	if w.h.State("never", head) != nil {
		t.Error("a product that nobody knows has a state")
	}
}
