package release_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/release"
)

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
