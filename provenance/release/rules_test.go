package release_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/release"
)

// Nothing that is written about a product, stage or release that nobody knows has
// an effect; each stands beside what has one.
func TestUnknown(t *testing.T) {
	w := newWorld(t)
	one := w.running("1.0.0", none, none)
	for _, test := range []struct {
		by     string
		record func(product, stage string, id provenance.Digest) *provenance.Statement
	}{
		{"deployer", func(product, stage string, id provenance.Digest) *provenance.Statement {
			d := deployment(one, "fra1", release.Running)
			d.Product, d.Environment, d.Release = product, stage, id
			return d.Statement()
		}},
		{"dan", func(product, stage string, id provenance.Digest) *provenance.Statement {
			r := back(one)
			r.Product, r.Environment, r.Release = product, stage, id
			return r.Statement()
		}},
		{"ann", func(product, _ string, id provenance.Digest) *provenance.Statement {
			return release.Revocation{Kind: release.Retire, Product: product, Digest: id, Reason: "r"}.Statement()
		}},
	} {
		w.check(`knows no product "other"`, w.add(test.record("other", "prod", one.ID()), test.by))
		if test.by != "ann" { // a revocation is of no stage, and may come before its release
			w.check(`app has no stage "moon"`, w.add(test.record("app", "moon", one.ID()), test.by))
			w.check("is no release of app", w.add(test.record("app", "prod", sum("x")), test.by))
		}
		if e := w.add(test.record("app", "prod", one.ID()), test.by); e.Void != nil || e.Product != "app" {
			t.Errorf("the neighbour: %+v", e)
		}
	}
	if got := fmt.Sprint(w.h.Products()); got != "[app]" {
		t.Errorf("there are the products %s", got)
	}
	elsewhere := newWorld(t)
	r := build("1.0.0")
	elsewhere.check("", elsewhere.add(r.Statement(), "ci"))
	elsewhere.check("nothing was ever promoted to prod", elsewhere.add(back(r).Statement(), "dan"))
	if e := w.add(build("1.1.0").Statement(), "eve"); e.Release != 0 || w.h.State("app", release.Head{}).Releases[0].Number != 1 {
		t.Errorf("%+v", e)
	}
}

// Those who may revoke anything do; those of a product may not reach beyond it.
func TestWhoRevokes(t *testing.T) {
	for _, test := range []struct {
		r    release.Revocation
		by   []string
		want string
	}{
		{release.Revocation{Kind: release.RevokeAttestation, Digest: sum("x"), Reason: "r"}, []string{"security"}, ""},
		{release.Revocation{Kind: release.RevokeAttestation, Digest: sum("x"), Reason: "r"}, []string{"ann"}, "signed by ann, who may not revoke any attestation"},
		{release.Revocation{Kind: release.RevokeBuilder, Builder: "https://b.example", Reason: "r"}, []string{"security"}, ""},
		{release.Revocation{Kind: release.RevokeBuilder, Builder: "https://b.example", Reason: "r"}, []string{"bob"}, "who may not revoke any builder"},
		{release.Revocation{Kind: release.RevokeKey, Digest: sum("k"), Since: date(1, 0), Reason: "r"}, []string{"ci"}, "who may not revoke any key"},
		{release.Revocation{Kind: release.RevokeRelease, Product: "app", Digest: sum("x"), Reason: "r"}, []string{"security"}, ""},
		{release.Revocation{Kind: release.RevokeRelease, Product: "app", Digest: sum("x"), Reason: "r"}, []string{"ann"}, ""},
		{release.Revocation{Kind: release.RevokeRelease, Product: "app", Digest: sum("x"), Reason: "r"}, []string{"cy"}, "who may not revoke anything of app"},
		{release.Revocation{Kind: release.RevokeRelease, Product: "app", Digest: sum("x"), Reason: "r"}, nil, "nobody who is known"},
	} {
		w := newWorld(t)
		w.check(test.want, w.add(test.r.Statement(), test.by...))
		e := w.add(test.r.Statement(), test.by...)
		w.check(test.want, e)
		if e.Same != (test.want == "" && test.r.Kind != release.RevokeBuilder) {
			t.Errorf("%+v again is %+v", test.r, e)
		}
	}
}

// A key that is revoked again counts from the earlier instant on; a later one
// gives nothing back.
func TestKeyRevokedAgain(t *testing.T) {
	w := newWorld(t)
	start := w.now
	revoke := func(hours int) release.Effect {
		return w.add(release.Revocation{Kind: release.RevokeKey, Digest: sum("ci"), Since: start.Add(time.Duration(hours) * time.Hour), Reason: "lost"}.Statement(), "security")
	}
	w.check("", w.add(build("1.0.0").Statement(), "ci"))
	if e := revoke(3); e.Void != nil || e.Same {
		t.Errorf("%+v", e)
	}
	if !w.h.KeyRevoked(sum("ci").Hex()) || w.h.KeyRevoked(sum("ann").Hex()) {
		t.Error("another key is revoked than that of ci")
	}
	w.now = start.Add(2 * time.Hour)
	w.check("", w.add(build("1.1.0").Statement(), "ci"))
	for _, later := range []int{3, 4} {
		if e := revoke(later); e.Void != nil || !e.Same {
			t.Errorf("since hour %d: %+v", later, e)
		}
	}
	w.now = start.Add(3 * time.Hour)
	w.check("nobody who is known", w.add(build("1.2.0").Statement(), "ci"))
	if e := revoke(1); e.Void != nil || e.Same {
		t.Errorf("%+v", e)
	}
	w.now = start.Add(2 * time.Hour)
	w.check("nobody who is known", w.add(build("1.2.0").Statement(), "ci"))
	w.now = start.Add(time.Hour - time.Second)
	w.check("", w.add(build("1.2.0").Statement(), "ci"))
	unknown := release.Record{Statement: build("1.3.0").Statement(), Signers: []release.Signer{{Principal: "ci", KeyID: sum("ci").Hex()}}}
	w.now = time.Time{} // when the log does not say it, it is after
	w.want("nobody who is known", unknown)
	unknown.Signers[0].KeyID = "" // he signed by an identity, which is another matter
	w.want("", unknown)
	if got := w.h.Revocations(); len(got) != 2 || !got[0].Since.Equal(start.Add(3*time.Hour)) || !got[1].Since.Equal(start.Add(time.Hour)) {
		t.Errorf("%+v", got)
	}
	if got := w.h.State("app", release.Head{}).Releases; len(got) != 4 || fmt.Sprint(got[0].Keys) != fmt.Sprint([]string{sum("ci").Hex()}) || got[3].Keys != nil {
		t.Errorf("released with the keys %v and %v", got[0].Keys, got[3].Keys)
	}
}

// The keys of those who may release, sorted, each once; one who signed without a
// key makes them unknown.
func TestReleasedWith(t *testing.T) {
	for _, test := range []struct {
		signers []release.Signer
		want    string
	}{
		{[]release.Signer{{Principal: "ci", KeyID: "b"}, {Principal: "gha", KeyID: "a"}}, "[a b]"},
		{[]release.Signer{{Principal: "ci", KeyID: "a"}, {Principal: "gha", KeyID: "a"}}, "[a]"},
		{[]release.Signer{{Principal: "gha", KeyID: "a"}, {Principal: "ci", KeyID: "b"}, {Principal: "ann", KeyID: "c"}}, "[a b]"},
		{[]release.Signer{{Principal: "ci", KeyID: "a"}, {Principal: "eve", KeyID: "c"}}, "[a]"},
		{[]release.Signer{{Principal: "ci", KeyID: "a"}, {Principal: "gha"}}, "[]"},
		{[]release.Signer{{Principal: "ci", KeyID: "a"}, {Principal: "eve"}}, "[a]"},
	} {
		w := &world{t: t, now: date(1, 0)}
		in := roles(1)
		app := in.Products["app"]
		app.Releasers = []string{"ci", "gha"}
		in.Products["app"] = app
		w.want("", release.Record{Statement: release.Genesis{Origin: "releases.acme.example", Trust: []byte(`{"version":1}`)}.Statement(), Roles: in})
		w.want("", release.Record{Statement: build("1.0.0").Statement(), Signers: test.signers})
		r := w.h.State("app", release.Head{}).Releases[0]
		if got := fmt.Sprint(r.Keys); got != test.want {
			t.Errorf("%+v: %s, want %s", test.signers, got, test.want)
		}
		if !slices.IsSorted(r.By) {
			t.Errorf("%+v: by %v", test.signers, r.By)
		}
		for m, err := range w.h.Snapshot(release.Head{Size: w.h.Size()}).SignedBy("", time.Time{}, time.Time{}) {
			t.Errorf("who signed without a key has one: %+v, %v", m, err)
		}
	}
}

// The stronger revocation of a release counts, in whatever order they come.
func TestStrongerRevocation(t *testing.T) {
	for _, test := range []struct {
		kinds []release.RevocationKind
		want  string // index among kinds
	}{
		{[]release.RevocationKind{release.Retire}, "0 false"},
		{[]release.RevocationKind{release.RevokeRelease}, "0 true"},
		{[]release.RevocationKind{release.Retire, release.RevokeRelease}, "1 true"},
		{[]release.RevocationKind{release.RevokeRelease, release.Retire}, "0 true"},
		{[]release.RevocationKind{release.Retire, release.Retire}, "0 false"},
		{[]release.RevocationKind{release.RevokeRelease, release.RevokeRelease}, "0 true"},
		{[]release.RevocationKind{release.Retire, release.RevokeRelease, release.Retire}, "1 true"},
	} {
		w := newWorld(t)
		r := build("1.0.0")
		w.check("", w.add(r.Statement(), "ci"))
		first := w.h.Size()
		for _, kind := range test.kinds {
			w.check("", w.add(release.Revocation{Kind: kind, Product: "app", Digest: r.ID(), Reason: "r"}.Statement(), "ann"))
		}
		s := w.h.State("app", release.Head{Size: w.h.Size()})
		v := s.RevokedBy(r.ID())
		if got := fmt.Sprint(v.Index-first, " ", s.Status(sum("app 1.0.0")).Revoked != nil); got != test.want {
			t.Errorf("%v: %s, want %s", test.kinds, got, test.want)
		}
	}
}

// What came of a rollback is what the first deployment after it says.
func TestWhatCameOfRollback(t *testing.T) {
	for _, test := range []struct {
		name   string
		first  func(one, two release.Release) []release.Deployment
		ran    int
		failed int
	}{
		{"it runs", func(one, _ release.Release) []release.Deployment {
			return []release.Deployment{deployment(one, "a", release.Running), deployment(one, "b", release.Failed)}
		}, 1, 0},
		{"it does not start", func(one, _ release.Release) []release.Deployment {
			return []release.Deployment{deployment(one, "a", release.Failed), deployment(one, "b", release.Running)}
		}, 0, 1},
		{"it is refused", func(one, _ release.Release) []release.Deployment {
			return []release.Deployment{deployment(one, "a", release.VerifyFailed)}
		}, 0, 1},
		{"it runs with another configuration", func(one, _ release.Release) []release.Deployment {
			d := deployment(one, "a", release.Running)
			d.Config = sum("edited")
			return []release.Deployment{d}
		}, 0, 1},
		{"nobody says anything of it", func(one, two release.Release) []release.Deployment {
			return []release.Deployment{deployment(two, "a", release.Running), deployment(one, "b", release.Removed)}
		}, 0, 0},
		{"then it runs", func(one, two release.Release) []release.Deployment {
			return []release.Deployment{deployment(two, "a", release.Running), deployment(one, "b", release.Removed), deployment(one, "a", release.Running)}
		}, 1, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			one := w.running("1.0.0", none, none)
			two := w.running("1.1.0", one.ID(), one.ID())
			w.check("", w.add(deployment(one, "a", release.Failed).Statement(), "deployer")) // before: it is no answer
			w.check("", w.add(back(one).Statement(), "dan"))
			for _, d := range test.first(one, two) {
				w.check("", w.add(d.Statement(), "deployer"))
			}
			got := w.h.State("app", release.Head{}).Stages["prod"].Counts
			if got.Rollbacks != 1 || got.RollbacksRan != test.ran || got.RollbacksFailed != test.failed {
				t.Errorf("%+v, want %d that ran and %d that failed", got, test.ran, test.failed)
			}
		})
	}
}

// A drift is over when what should run does, or nothing; a deployment that failed
// leaves there what was there. Each kind of result is counted, and what was
// deployed by digest.
func TestDrift(t *testing.T) {
	w := newWorld(t)
	one := w.running("1.0.0", none, none)
	two := w.running("1.1.0", one.ID(), one.ID())
	edited := deployment(two, "c", release.Running)
	edited.Config = sum("edited")
	for _, step := range []struct {
		d     release.Deployment
		drift bool
		since int // minutes ago; of a drift
		want  release.Counts
	}{
		{deployment(one, "a", release.Running), true, 0, release.Counts{Deployments: 1, Drifted: 1}},
		{deployment(two, "b", release.Running), false, 0, release.Counts{Deployments: 2, Drifted: 1}},
		{deployment(two, "a", release.VerifyFailed), true, 2, release.Counts{Deployments: 3, Drifted: 1, VerifyFailed: 1}},
		{deployment(two, "a", release.Missing), true, 3, release.Counts{Deployments: 4, Drifted: 1, VerifyFailed: 1, Missing: 1}},
		{deployment(one, "a", release.Removed), false, 0, release.Counts{Deployments: 4, Drifted: 1, VerifyFailed: 1, Missing: 1, DriftsEnded: 1, DriftSeconds: 240}},
		{deployment(one, "b", release.Failed), false, 0, release.Counts{Deployments: 5, Drifted: 1, VerifyFailed: 1, Missing: 1, Failed: 1, DriftsEnded: 1, DriftSeconds: 240}},
		{edited, true, 0, release.Counts{Deployments: 6, Drifted: 2, VerifyFailed: 1, Missing: 1, Failed: 1, DriftsEnded: 1, DriftSeconds: 240}},
	} {
		w.now = w.now.Add(time.Minute)
		w.check("", w.add(step.d.Statement(), "deployer"))
		at := w.h.State("app", release.Head{}).Stages["prod"]
		got := at.Running[step.d.Cluster]
		since := time.Time{}
		if step.drift {
			since = w.now.Add(-time.Duration(step.since) * time.Minute)
		}
		if got.Drift != step.drift || !got.DriftSince.Equal(since) || at.Counts != step.want {
			t.Errorf("%s of %s in %s: %+v\n%+v, want\n%+v", step.d.Result, step.d.Release, step.d.Cluster, got, at.Counts, step.want)
		}
	}
	w.now = time.Time{} // a drift that ends nobody knows when has no length
	w.check("", w.add(deployment(two, "c", release.Running).Statement(), "deployer"))
	if got := w.h.State("app", release.Head{}).Stages["prod"].Counts; got.DriftsEnded != 2 || got.DriftSeconds != 240 {
		t.Errorf("%+v", got)
	}
	unknown := edited
	unknown.Cluster = "d"
	w.check("", w.add(unknown.Statement(), "deployer"))
	w.now = date(3, 0) // nor one that began nobody knows when
	w.check("", w.add(deployment(two, "d", release.Running).Statement(), "deployer"))
	if got := w.h.State("app", release.Head{}).Stages["prod"].Counts; got.DriftsEnded != 3 || got.DriftSeconds != 240 {
		t.Errorf("%+v", got)
	}
	for reference, want := range map[string]int{"": 1, "r.example/app:1": 0, "r.example/app@sha256:1": 1, "r.example/app@sha512:1": 1, "r.example/sha256:1": 0} {
		before := w.h.State("app", release.Head{}).Stages["prod"].Counts.ByDigest
		d := deployment(two, "a", release.Running)
		d.Reference = reference
		w.check("", w.add(d.Statement(), "deployer"))
		if got := w.h.State("app", release.Head{}).Stages["prod"].Counts.ByDigest - before; got != want {
			t.Errorf("%q is by digest: %d, want %d", reference, got, want)
		}
	}
}

// A promotion binds its tags to the first artifact by name, and says who tried to
// move one.
func TestPromotedTags(t *testing.T) {
	w := newWorld(t)
	one := w.running("1.0.0", none, none)
	two := build("1.1.0")
	w.check("", w.add(two.Statement(), "ci"))
	p := toCanary(two, one.ID())
	p.Tags = []string{"edge", "Edge"} // which name the same
	w.check("", w.add(p.Statement(), "ci"))
	s := w.h.State("app", release.Head{Size: w.h.Size()})
	for _, tag := range p.Tags {
		if got := s.Tags[tag]; got.Digest != sum("app 1.1.0") || got.Release != 2 || got.Index != w.h.Size()-1 {
			t.Errorf("%s is %+v", tag, got)
		}
	}
	three := build("1.2.0")
	w.check("", w.add(three.Statement(), "ci"))
	p = toCanary(three, two.ID())
	p.Tags = []string{"edge-2", "EDGE"}
	w.check("immutable: tag edge is bound to "+sum("app 1.1.0").String(), w.add(p.Statement(), "ci"))
	h, err := w.h.Snapshot(release.Head{Size: w.h.Size()}).TagHistory("app", "edge")
	if err != nil || len(h.Attempts) != 1 || h.Attempts[0].Tag != "EDGE" || h.Attempts[0].Digest != sum("app 1.2.0") || fmt.Sprint(h.Attempts[0].By) != "[ci]" {
		t.Errorf("%+v, %v", h, err)
	}
	if w.at("canary") != "1.1.0" {
		t.Errorf("canary is at %s", w.at("canary"))
	}
}

// A soak is over at its last instant, a hotfix does not soak, and what is due is
// so at its instant.
func TestSoak(t *testing.T) {
	for _, test := range []struct {
		soaked time.Duration
		want   string
	}{{time.Hour - time.Nanosecond, "has soaked in canary for 59m59s, want 1h0m0s"}, {time.Hour, ""}} {
		w := newWorld(t)
		r := build("1.0.0")
		w.check("", w.add(r.Statement(), "ci"))
		w.check("", w.add(toCanary(r, none).Statement(), "ci"))
		w.now = w.now.Add(test.soaked)
		w.check(test.want, w.add(toProd(r, none, w.approve(r, "1", "ann", "bob")).Statement(), "cy"))
	}
	w := newWorld(t)
	r := build("1.0.0")
	w.check("", w.add(r.Statement(), "ci"))
	w.check("", w.add(toCanary(r, none).Statement(), "ci"))
	p := toProd(r, none, w.approve(r, "1", "ann", "bob"))
	p.Hotfix, p.Reason = true, "it burns"
	w.check("", w.add(p.Statement(), "cy"))
	got := w.h.State("app", release.Head{}).Owed
	if len(got) != 1 || got[0].Missing != 0 || !got[0].Paid.Equal(w.now) || got[0].Stage != "prod" || got[0].Release != 1 || fmt.Sprint(got[0].Approved) != "[ann bob]" {
		t.Errorf("a hotfix with all approvals owes %+v", got)
	}
	w.now = w.now.Add(time.Hour)
	w.approve(r, "much", "cy")
	if again := w.h.State("app", release.Head{}).Owed[0]; !again.Paid.Equal(got[0].Paid) || fmt.Sprint(again.Approved) != "[ann bob]" {
		t.Errorf("what was paid is paid again: %+v", again)
	}
	if m := prodMoves(w.h.State("app", release.Head{}))[0]; !m.Hotfix || m.Rollback || m.Before != 0 || fmt.Sprint(m.Approved) != "[ann bob]" {
		t.Errorf("%+v", m)
	}
}

// An approval that paid for a hotfix, or was used by a promotion, is used up; one
// that was of no use is not.
func TestApprovalOnce(t *testing.T) {
	w := newWorld(t)
	one := w.running("1.0.0", none, none)
	r := build("1.1.0")
	w.check("", w.add(r.Statement(), "ci"))
	w.check("", w.add(toCanary(r, one.ID()).Statement(), "ci"))
	other := w.consent(r, func(a *release.Approval) { a.Policy, a.Nonce = sum("looser"), "o" }, "bob")
	p := toProd(r, one.ID(), w.approve(r, "now", "ann"), other)
	p.Hotfix, p.Reason = true, "it burns"
	w.check("", w.add(p.Statement(), "cy"))
	paid := w.approve(r, "paid", "cy", "bob")
	if got := w.h.State("app", release.Head{}).Debts(w.now); len(got) != 0 {
		t.Errorf("still owed: %+v", got)
	}
	if e := w.add(w.records[len(w.records)-1].Statement, "cy"); e.Void != nil || !e.Same {
		t.Errorf("cy approves again: %+v", e)
	}
	if got := fmt.Sprint(w.h.Approved(paid), w.h.Approved(sum("x"))); got != "[bob cy] []" {
		t.Errorf("approved by %s", got)
	}
	w.now = w.now.Add(time.Hour)
	w.check("", w.add(back(one).Statement(), "dan"))
	again := toProd(r, one.ID(), paid)
	w.check("was used up by an earlier promotion, or paid what a hotfix owed", w.add(again.Statement(), "cy"))
	again.Policy, again.Approvals = sum("looser"), []provenance.Digest{other, w.consent(r, func(a *release.Approval) { a.Policy, a.Nonce = sum("looser"), "p" }, "ann")}
	w.check("", w.add(again.Statement(), "cy")) // that of another policy was not, then
}

// Of artifacts that are in two releases an approval is of neither.
func TestApprovalOfArtifact(t *testing.T) {
	w := newWorld(t)
	one := build("1.0.0")
	w.check("", w.add(one.Statement(), "ci"))
	w.check("", w.add(toCanary(one, none).Statement(), "ci"))
	two := build("1.0.1")
	two.Subjects = append([]provenance.ResourceDescriptor{}, two.Subjects...)
	two.Subjects[1] = one.Subjects[1]
	w.now = w.now.Add(2 * time.Hour)
	of := func(d provenance.Digest, nonce string) provenance.Digest {
		return w.consent(one, func(a *release.Approval) { a.Digest, a.Nonce = d, nonce }, "ann", "bob")
	}
	shared, own, id := of(sum("deb 1.0.0"), "s"), of(sum("app 1.0.0"), "o"), of(one.ID(), "i")
	w.check("", w.add(two.Statement(), "ci"))
	w.check("another move", w.add(toProd(one, none, shared).Statement(), "cy"))
	w.check("", w.add(toProd(one, none, own).Statement(), "cy"))
	s := w.h.State("app", release.Head{Size: w.h.Size()})
	if s.Find(sum("deb 1.0.0").String()).Number != 2 || s.Find(sum("app 1.0.0").String()).Number != 1 {
		t.Error("an artifact of two releases is not of the newest")
	}
	w.check("", w.add(release.Revocation{Kind: release.RevokeRelease, Product: "app", Digest: two.ID(), Reason: "leak"}.Statement(), "ann"))
	if got := w.h.State("app", release.Head{}).Find(sum("deb 1.0.0").String()).Number; got != 1 {
		t.Errorf("it is of release %d, want the newest that was not revoked", got)
	}
	w.check("", w.add(release.Revocation{Kind: release.RevokeRelease, Product: "app", Digest: one.ID(), Reason: "leak"}.Statement(), "ann"))
	if got := w.h.State("app", release.Head{}).Find(sum("deb 1.0.0").String()).Number; got != 2 {
		t.Errorf("it is of release %d, want the newest", got)
	}
	w.check("leak", w.add(toProd(one, none, id).Statement(), "cy"))
}

// The newest records without effect are remembered, MaxVoid of them; of older ones
// nobody may say that they had an effect.
func TestVoidRemembered(t *testing.T) {
	shelf := newShelf()
	h, err := release.Resume(shelf)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, h: *h, now: date(1, 0)}
	w.want("", release.Record{Statement: release.Genesis{Origin: "releases.acme.example", Trust: []byte(`{"version":1}`)}.Statement(), Roles: roles(1)})
	first := w.h.Size()
	const more = 3
	for i := range release.MaxVoid + more {
		w.want("malformed/statement", release.Record{ID: sum(fmt.Sprint(i)), Signers: []release.Signer{{Principal: "eve"}}})
	}
	got, n := w.h.Void()
	if n != release.MaxVoid+more || len(got) != release.MaxVoid || got[0].Index != first+more || got[len(got)-1].Index != w.h.Size()-1 {
		t.Errorf("%d of %d, from record %d on", len(got), n, got[0].Index)
	}
	s := w.h.Snapshot(release.Head{Size: w.h.Size()})
	for index, want := range map[uint64]string{0: "not remembered", first: "not remembered", first + more - 1: "not remembered", first + more: "", w.h.Size() - 1: ""} {
		v, err := s.Fate(index)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) || err == nil && (v == nil || v.Index != index) {
			t.Errorf("record %d: %+v, %v", index, v, err)
		}
	}
	if err := w.h.Flush(); err != nil {
		t.Fatal(err)
	}
	kept := map[byte]int{}
	for key := range shelf.rows {
		kept[key[0]]++
	}
	if kept['N'] != release.MaxVoid || kept['F'] != release.MaxVoid {
		t.Errorf("%d and %d rows about records without effect are kept, want %d", kept['N'], kept['F'], release.MaxVoid)
	}
	var empty release.History
	for what, ask := range map[string]func(h *release.History) bool{
		"roles": func(h *release.History) bool { return h.Roles() == nil }, "products": func(h *release.History) bool { return h.Products() == nil },
		"revocations": func(h *release.History) bool { return h.Revocations() == nil }, "approved": func(h *release.History) bool { return h.Approved(sum("x")) == nil },
		"key": func(h *release.History) bool { return !h.KeyRevoked("x") }, "size": func(h *release.History) bool { return h.Size() == 0 },
		"state": func(h *release.History) bool { return h.State("app", release.Head{}) == nil }, "flush": func(h *release.History) bool { return h.Flush() == nil },
		"learn":    func(h *release.History) bool { learn(h); return h.Products() == nil },
		"snapshot": func(h *release.History) bool { return h.Snapshot(release.Head{}).Products() == nil },
	} {
		if !ask(new(release.History)) {
			t.Errorf("the zero History has %s", what)
		}
	}
	if got, n := empty.Void(); got != nil || n != 0 || empty.Size() != 0 || empty.Roles() != nil || empty.Products() != nil || empty.Approved(sum("x")) != nil || empty.KeyRevoked("x") || empty.State("app", release.Head{}) != nil || len(empty.Revocations()) != 0 {
		t.Errorf("the empty History says %v of %d", got, n)
	}
	if _, err := empty.Apply(release.Record{Index: 1}); err == nil || err.Error() != "record 1 after -1: want them in order" {
		t.Error(err)
	}
}

// Attempts at tags are remembered as long, each of them counted.
func TestAttemptsRemembered(t *testing.T) {
	shelf := newShelf()
	resumed, err := release.Resume(shelf)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, h: *resumed, now: date(1, 0)}
	w.want("", release.Record{Statement: release.Genesis{Origin: "releases.acme.example", Trust: []byte(`{"version":1}`)}.Statement(), Roles: roles(1)})
	one, two := build("1.0.0"), build("1.1.0")
	w.check("", w.add(one.Statement(), "ci"))
	w.check("", w.add(two.Statement(), "ci"))
	w.check("", w.add(tagOf(one, "1.0"), "ci"))
	for range release.MaxVoid + 1 {
		w.check("immutable", w.add(tagOf(two, "1.0"), "ci"))
	}
	s := w.h.Snapshot(release.Head{Size: w.h.Size()})
	h, err := s.TagHistory("app", "1.0")
	if n, _ := s.Attempts("app"); err != nil || n != release.MaxVoid+1 || len(h.Attempts) != release.MaxVoid || h.Attempts[0].Index != w.h.Size()-release.MaxVoid {
		t.Errorf("%d, %v", len(h.Attempts), err)
	}
	if err := w.h.Flush(); err != nil {
		t.Fatal(err)
	}
	kept := 0
	for key := range shelf.rows {
		if strings.HasPrefix(key, "Eapp") {
			kept++
		}
	}
	if kept != release.MaxVoid {
		t.Errorf("%d attempts are kept", kept)
	}
	early, err := w.h.Snapshot(release.Head{Size: w.h.Size() - 1}).TagHistory("app", "1.0")
	if err != nil || len(early.Attempts) != release.MaxVoid-1 {
		t.Errorf("as of the record before: %d, %v", len(early.Attempts), err)
	}
}

// What a snapshot says does not change, and asking again costs no second reading.
func TestSnapshotStays(t *testing.T) {
	w := newWorld(t)
	empty := w.h.Snapshot(release.Head{Size: w.h.Size()})
	one := w.running("1.0.0", none, none)
	head := release.Head{Size: w.h.Size(), Root: sum("root")}
	s := w.h.Snapshot(head)
	before, err := s.State("app")
	if err != nil || s.Head() != head {
		t.Fatal(err)
	}
	if again, _ := s.State("app"); &again.Releases[0] != &before.Releases[0] {
		t.Error("the state was made twice")
	}
	w.want("", release.Record{Statement: release.Trust{Version: 2, Digest: sum("2"), Envelope: []byte(`{}`)}.Statement(), Roles: roles(2)})
	w.running("1.1.0", one.ID(), one.ID())
	w.check("", w.add(release.Revocation{Kind: release.RevokeRelease, Product: "app", Digest: one.ID(), Reason: "leak"}.Statement(), "ann"))
	after, err := s.State("app")
	if err != nil {
		t.Fatal(err)
	}
	was, _ := before.Marshal()
	if is, _ := after.Marshal(); string(is) != string(was) || after.Trust != 1 || after.Head != head {
		t.Errorf("it was\n%s\nand is\n%s", was, is)
	}
	if r, _, _ := s.Find("app", "1.1.0"); r != nil {
		t.Errorf("it knows what came later: %+v", r)
	}
	if after.Good("moon") != nil || after.LastGood("moon") != nil || !after.Since("moon").IsZero() || after.Good("prod") == nil || !after.Since("prod").Equal(date(1, 2)) {
		t.Errorf("a stage that nobody knows: %v; prod since %s", after.Good("moon"), after.Since("prod"))
	}
	for n := range empty.Unlearnt("app") {
		t.Errorf("release %d is not learnt, before there was any", n)
	}
	if yes, why, err := empty.MayGoBack("app", "prod", after.Releases[0]); yes || why != "nothing of app was ever released" || err != nil {
		t.Errorf("%t, %s, %v", yes, why, err)
	}
	if n, err := empty.Releases("app"); n != 0 || err != nil {
		t.Errorf("%d releases before there was any, %v", n, err)
	}
	if st, err := empty.State("app"); st != nil || err != nil {
		t.Errorf("%+v before there was anything, %v", st, err)
	}
	if st, err := (&release.History{}).Snapshot(release.Head{}).State("app"); st != nil || err != nil {
		t.Errorf("%+v of nothing, %v", st, err)
	}
}

// Nobody pays for what he released, nothing is paid at no known time, and who
// approved stands there in order.
func TestDebtPaid(t *testing.T) {
	w := newWorld(t)
	r := build("1.0.0")
	w.check("", w.add(r.Statement(), "bob", "ci"))
	w.check("", w.add(toCanary(r, none).Statement(), "ci"))
	p := toProd(r, none, w.approve(r, "now", "cy"))
	p.Hotfix, p.Reason = true, "it burns"
	w.check("", w.add(p.Statement(), "cy"))
	owed := func() string {
		o := w.h.State("app", release.Head{}).Owed[0]
		return fmt.Sprint(o.Missing, o.Approved, o.Paid.IsZero())
	}
	w.approve(r, "bob", "bob")
	if got := owed(); got != "1 [cy] true" {
		t.Errorf("bob, who released it, approves: %s", got)
	}
	now := w.now
	s := release.Approval{Digest: sum("app 1.0.0"), From: "canary", To: "prod", Policy: sum("prod policy"), Expires: now.Add(48 * time.Hour), Nonce: "timeless"}.Statement()
	w.now = time.Time{}
	w.check("", w.add(s, "ann"))
	if got := owed(); got != "1 [cy] true" {
		t.Errorf("ann approves at no known time: %s", got)
	}
	w.now = now
	w.approve(r, "ann", "ann")
	if got := owed(); got != "0 [ann cy] false" {
		t.Errorf("ann approves: %s", got)
	}
	w.check("no person signed it", w.add(s, "ci"))
	w.check("malformed/predicate", w.add(&provenance.Statement{Type: s.Type, Subject: s.Subject, PredicateType: s.PredicateType, Predicate: []byte("{}")}, "ann"))
}

// In a log without times no approval counts, and no hotfix is done, which owes
// something from an instant on; where neither is wanted releases move on.
func TestWithoutTimes(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(s *release.Stage)
		hotfix bool
		want   string
	}{
		{"nothing is wanted", func(s *release.Stage) { s.Approvals = nil }, false, ""},
		{"an approval", func(s *release.Stage) { s.Approvals[0].AtLeast = 1 }, false, "expires, and the log does not say when it is"},
		{"a hotfix", func(s *release.Stage) { s.Hotfix = &release.Hotfix{Within: time.Hour} }, true, "a hotfix owes something from now on"},
	} {
		w := &world{t: t}
		in := roles(1)
		rules := in.Products["app"]
		rules.Stages[1].Soak, rules.Stages[1].Hotfix = 0, nil
		test.change(&rules.Stages[1])
		w.want("", release.Record{Statement: release.Genesis{Origin: "releases.acme.example", Trust: []byte(`{"version":1}`)}.Statement(), Roles: in})
		r := build("1.0.0")
		w.check("", w.add(r.Statement(), "ci"))
		w.check("", w.add(toCanary(r, none).Statement(), "ci"))
		p := toProd(r, none, w.consent(r, func(a *release.Approval) { a.Expires = date(2, 0) }, "ann"))
		if p.Hotfix = test.hotfix; p.Hotfix {
			p.Reason = "it burns"
		}
		w.check(test.want, w.add(p.Statement(), "cy"))
	}
}

// Who approves stands in the move in order, however they were named.
func TestApprovedInOrder(t *testing.T) {
	w := newWorld(t)
	r := build("1.0.0")
	w.check("", w.add(r.Statement(), "ci"))
	w.check("", w.add(toCanary(r, none).Statement(), "ci"))
	w.now = w.now.Add(2 * time.Hour)
	w.check("", w.add(toProd(r, none, w.approve(r, "1", "cy"), w.approve(r, "2", "ann", "cy")).Statement(), "cy"))
	if got := fmt.Sprint(prodMoves(w.h.State("app", release.Head{}))[0].Approved); got != "[ann cy]" {
		t.Errorf("approved by %s", got)
	}
}

// What nobody can read has no effect, whoever signed it, whatever its type.
func TestMalformed(t *testing.T) {
	everybody := []string{"ann", "bob", "ci", "cy", "dan", "deployer", "security"}
	for _, k := range append(kinds(), kind{"approval", documented(t), nil}) {
		if k.name == "exception" {
			continue // which is no record
		}
		s := *k.example.Statement()
		s.Predicate = []byte("{}")
		w := newWorld(t)
		if k.name == "genesis" {
			w = &world{t: t, now: date(1, 0)}
		}
		w.check("malformed/predicate", w.add(&s, everybody...))
		e := w.effects[len(w.effects)-1]
		if e.Kind != k.name {
			t.Errorf("%s is called %q", k.name, e.Kind)
		}
	}
	w := newWorld(t)
	w.want("malformed/statement: it is no statement", release.Record{ID: sum("x"), Signers: []release.Signer{{Principal: "ann"}}})
	w.want("signature: nobody who is known signed it", release.Record{ID: sum("x")})
}

// A release whose time is unknown is concerned by every revocation.
func TestSuspectAtNoTime(t *testing.T) {
	built := release.Built{Builder: "https://b.example", Keys: []string{sum("builder").Hex()}}
	for _, revoke := range []release.Revocation{
		{Kind: release.RevokeKey, Digest: sum("builder"), Since: date(9, 0), Reason: "r"},
		{Kind: release.RevokeKey, Digest: sum("ci"), Since: date(9, 0), Reason: "r"},
		{Kind: release.RevokeBuilder, Builder: built.Builder, Since: date(9, 0), Reason: "r"},
	} {
		for _, timeless := range []bool{false, true} {
			w := newWorld(t)
			r := build("1.0.0")
			r.Built = []release.Built{built}
			if timeless {
				w.now = time.Time{}
			}
			w.check("", w.add(r.Statement(), "ci"))
			w.now = date(1, 1)
			w.check("", w.add(revoke.Statement(), "security"))
			if got := w.h.State("app", release.Head{}).Releases[0].Suspect; (got != "") != timeless {
				t.Errorf("%s, at no known time: %t: %q", revoke.Kind, timeless, got)
			}
		}
	}
	// Who signed without a key released it by no key that could be lost.
	w := newWorld(t)
	w.want("", release.Record{Statement: build("1.0.0").Statement(), Signers: []release.Signer{{Principal: "ci"}}})
	w.check("", w.add(release.Revocation{Kind: release.RevokeKey, Digest: sum("ci"), Since: date(1, 0), Reason: "r"}.Statement(), "security"))
	if got := w.h.State("app", release.Head{}).Releases[0].Suspect; got != "" {
		t.Error(got)
	}
}

// What a state says changes with a revocation of an attestation, a key or a
// builder, which is about no product.
func TestStateAfterRevocation(t *testing.T) {
	w := newWorld(t)
	one := w.running("1.0.0", none, none)
	w.running("1.1.0", one.ID(), one.ID())
	was := w.h.State("app", release.Head{})
	w.check("", w.add(release.Revocation{Kind: release.RevokeAttestation, Digest: sum("prod verdict 1.1.0"), Reason: "r"}.Statement(), "security"))
	is := w.h.State("app", release.Head{Size: w.h.Size()})
	if !prodMoves(is)[1].Doubted || prodMoves(is)[0].Doubted || prodMoves(was)[1].Doubted {
		t.Errorf("%+v", prodMoves(is))
	}
	data, err := is.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	read, err := release.ParseState(data)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []*release.State{is, read} {
		if got := s.LastGood("prod"); got == nil || got.Version != "1.0.0" || fmt.Sprint(s.Good("prod")) != "[1]" {
			t.Errorf("last good is %+v of %v", got, s.Good("prod"))
		}
	}
	w.check("", w.add(back(one).Statement(), "dan"))
	if m := prodMoves(w.h.State("app", release.Head{})); m[2].Doubted {
		t.Errorf("a rollback, which has no verdict, is doubted: %+v", m[2])
	}
}

// An artifact is known by what identifies it alone, and may stand in a release
// under several names.
func TestArtifacts(t *testing.T) {
	weak, dir := digest(t, "sha1:"+strings.Repeat("1", 40)), digest(t, "dirHash:"+strings.Repeat("2", 64))
	w := newWorld(t)
	r := build("1.0.0")
	r.Subjects[0].Digest = provenance.Set(weak, dir, sum("a"))
	r.Subjects[1].Digest = provenance.Set(sum("a"))
	w.check("", w.add(r.Statement(), "ci"))
	s := w.h.State("app", release.Head{})
	for d, want := range map[provenance.Digest]bool{weak: false, dir: true, sum("a"): true, sum("b"): false} {
		if got := s.Find(d.String()) != nil; got != want {
			t.Errorf("%s is found: %t", d, got)
		}
	}
	if got := s.Ref(s.Releases[0]).Digest; got != sum("a") {
		t.Errorf("it is known by %s", got)
	}
	for _, name := range []string{"#0", "#-1", "#1x", "#", "app#", "#+1", "#2", "lib#1", "#99999999999999999999", "#9223372036854775807"} {
		if got := s.Find(name); got != nil {
			t.Errorf("%s is release %d", name, got.Number)
		}
	}
	tag := release.Tag{Product: "app", Tag: "x", Release: r.ID(), Digest: dir}
	w.check("", w.add(tag.Statement(), "ci"))
	tag.Tag, tag.Digest = "y", digest(t, "dirHash:"+strings.Repeat("3", 64))
	w.check("is no artifact", w.add(tag.Statement(), "ci"))
	tag.Digest = digest(t, "sha512:"+strings.Repeat("3", 128))
	w.check("is no artifact", w.add(tag.Statement(), "ci"))
	p := toCanary(r, none)
	p.Subjects = slices.Clone(p.Subjects)
	p.Subjects[1].Name = "zzz"
	w.check("subject", w.add(p.Statement(), "ci"))
	p.Subjects[1] = r.Subjects[1]
	p.Subjects[1].Digest = provenance.Set(sum("b"))
	w.check("subject", w.add(p.Statement(), "ci"))
}

// A key that signed the provenance of two builds is mentioned once for each release.
func TestMentionedOnce(t *testing.T) {
	w := newWorld(t)
	r := build("1.0.0")
	key := func(name string) []string { return []string{sum(name).Hex()} }
	r.Built = []release.Built{{Builder: "a", Keys: key("z")}, {Builder: "b", Keys: key("y")}, {Builder: "c", Keys: key("z")}, {Builder: "a", Keys: key("y")}}
	w.check("", w.add(r.Statement(), "ci"))
	s := w.h.Snapshot(release.Head{Size: w.h.Size()})
	say := func(m release.Mention) string { return m.Kind }
	for _, name := range []string{"z", "y"} {
		if got := collect(t, s.SignedBy(sum(name).Hex(), time.Time{}, time.Time{}), say); got != "[provenance]" {
			t.Errorf("%s: %s", name, got)
		}
	}
	if got := collect(t, s.BuiltBy("a", time.Time{}, time.Time{}), say); got != "[release]" {
		t.Errorf("a: %s", got)
	}
}

// Nobody fills two places, and whoever can make room does.
func TestQuorumPlaces(t *testing.T) {
	for _, test := range []struct {
		quorums []release.Quorum
		people  []string
		want    string
	}{
		{[]release.Quorum{{AtLeast: 1, Of: []string{"ann", "bob"}}, {AtLeast: 1, Of: []string{"ann"}}}, []string{"ann", "bob"}, ""},
		{[]release.Quorum{{AtLeast: 1, Of: []string{"ann", "bob"}}, {AtLeast: 1, Of: []string{"ann"}}}, []string{"bob", "cy"}, "1 more people"},
		{[]release.Quorum{{AtLeast: 1, Of: []string{"ann", "bob", "cy"}}, {AtLeast: 1, Of: []string{"ann", "bob"}}, {AtLeast: 1, Of: []string{"ann"}}}, []string{"ann", "bob", "cy"}, ""},
		{[]release.Quorum{{AtLeast: 1, Of: []string{"ann", "bob", "cy"}}, {AtLeast: 1, Of: []string{"ann"}}, {AtLeast: 1, Of: []string{"ann"}}}, []string{"ann", "bob", "cy"}, "1 more people"},
		{[]release.Quorum{{AtLeast: 2, Of: []string{"ann", "bob"}}, {AtLeast: 1, Of: []string{"ann", "cy"}}}, []string{"ann", "bob", "cy"}, ""},
		{[]release.Quorum{{AtLeast: 2, Of: []string{"ann", "bob"}}, {AtLeast: 1, Of: []string{"ann", "bob"}}}, []string{"ann", "bob", "cy"}, "1 more people"},
	} {
		w := &world{t: t, now: date(1, 0)}
		in := roles(1)
		in.Products["app"].Stages[1].Approvals = test.quorums
		w.want("", release.Record{Statement: release.Genesis{Origin: "releases.acme.example", Trust: []byte(`{"version":1}`)}.Statement(), Roles: in})
		r := build("1.0.0")
		w.check("", w.add(r.Statement(), "ci"))
		w.check("", w.add(toCanary(r, none).Statement(), "ci"))
		w.now = w.now.Add(2 * time.Hour)
		w.check(test.want, w.add(toProd(r, none, w.approve(r, "1", test.people...)).Statement(), "cy"))
	}
}
