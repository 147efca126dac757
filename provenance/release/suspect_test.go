package release_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/release"
)

// When a builder, in some versions or for a while, or a key since an instant is
// revoked, what they made moves nowhere any more: not on, and not back. What was
// witnessed before that instant is not concerned.
func TestRevokedBuilder(t *testing.T) {
	key := sum("the builder's key").Hex()
	built := release.Built{Builder: "https://ci.example/v1", Versions: map[string]string{"runner": "3.2", "os": "24"}, Keys: []string{key}, Finished: date(1, 0)}
	builder := func(versions map[string]string, since, until time.Time) release.Revocation {
		return release.Revocation{Kind: release.RevokeBuilder, Builder: built.Builder, Versions: versions, Since: since, Until: until, Reason: "broken into"}
	}
	lost := func(key provenance.Digest, since time.Time) release.Revocation {
		return release.Revocation{Kind: release.RevokeKey, Digest: key, Since: since, Reason: "lost"}
	}
	for _, test := range []struct {
		name   string
		revoke release.Revocation
		built  []release.Built
		want   string
	}{
		{"in every version", builder(nil, time.Time{}, time.Time{}), nil, "builder https://ci.example/v1 was revoked: broken into"},
		{"in this version", builder(map[string]string{"runner": "3.2"}, time.Time{}, time.Time{}), nil, "builder"},
		{"in another version", builder(map[string]string{"runner": "3.1"}, time.Time{}, time.Time{}), nil, ""},
		{"in a version of what it does not have", builder(map[string]string{"kernel": "6"}, time.Time{}, time.Time{}), nil, ""},
		{"another one", release.Revocation{Kind: release.RevokeBuilder, Builder: "https://ci.example/v2", Reason: "r"}, nil, ""},
		{"from later on", builder(nil, date(1, 1), time.Time{}), nil, ""},
		{"from before", builder(nil, date(1, 0), time.Time{}), nil, "builder"},
		{"until it was over", builder(nil, time.Time{}, date(1, 0)), nil, ""},
		{"until later", builder(nil, time.Time{}, date(1, 1)), nil, "builder"},
		{"one of two builders", builder(nil, time.Time{}, time.Time{}), []release.Built{{Builder: "https://other.example"}, built}, "builder"},
		{"its key since before", lost(sum("the builder's key"), date(1, 0)), nil, "the key that signed its provenance"},
		{"its key since later", lost(sum("the builder's key"), date(1, 1)), nil, ""},
		{"one of the two keys that signed", lost(sum("the builder's key"), date(1, 0)), []release.Built{{Builder: built.Builder, Keys: sorted(key, sum("another").Hex())}}, ""},
		{"its evidence", release.Revocation{Kind: release.RevokeAttestation, Digest: sum("its provenance"), Reason: "forged"}, nil, "its evidence sha256:"},
		{"other evidence", release.Revocation{Kind: release.RevokeAttestation, Digest: sum("another's provenance"), Reason: "forged"}, nil, ""},
		{"the verdict that let it in", release.Revocation{Kind: release.RevokeAttestation, Digest: sum("prod verdict 1.0.0"), Reason: "forged"}, nil, "verdict"},
		{"the key that released it", lost(sum("ci"), date(1, 0)), nil, "the key that released it"},
		{"the key that released it, since later", lost(sum("ci"), date(1, 1)), nil, ""},
		{"the key of somebody who signed too and may not release", lost(sum("eve"), date(1, 0)), nil, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			one := build("1.0.0")
			one.Provenance = []provenance.Digest{sum("its provenance")}
			if one.Built = test.built; one.Built == nil {
				one.Built = []release.Built{built}
			}
			w.check("", w.add(one.Statement(), "ci", "eve")) // at date(1, 0)
			w.now = date(1, 2)
			w.check("", w.add(toCanary(one, none).Statement(), "ci"))
			w.now = w.now.Add(2 * time.Hour)
			w.check("", w.add(toProd(one, none, w.approve(one, "1", "ann", "bob")).Statement(), "cy"))
			next := roles(2) // ci has another key by now, which the tests write as another name
			app := next.Products["app"]
			app.Releasers, app.Stages[0].Promoters = []string{"ci", "ci2"}, []string{"ci2"}
			next.Products["app"] = app
			w.want("", release.Record{Statement: release.Trust{Version: 2, Digest: sum("2"), Envelope: []byte(`{}`)}.Statement(), Roles: next})
			two := build("1.1.0")
			two.Built = nil
			w.check("", w.add(two.Statement(), "ci2"))
			w.check("", w.add(toCanary(two, one.ID()).Statement(), "ci2"))
			w.now = w.now.Add(2 * time.Hour)
			w.check("", w.add(toProd(two, one.ID(), w.approve(two, "2", "ann", "bob")).Statement(), "cy"))
			held := w.h.Snapshot(release.Head{Size: w.h.Size()})
			w.check("", w.add(test.revoke.Statement(), "security"))
			again, wanted := toCanary(one, two.ID()), test.want
			if wanted == "verdict" {
				wanted = "" // which is of prod alone
			}
			w.check(wanted, w.add(again.Statement(), "ci2"))
			head := release.Head{Size: w.h.Size()}
			before := w.h.State("app", head)
			data, err := before.Marshal()
			if err != nil {
				t.Fatal(err)
			}
			read, err := release.ParseState(data)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range []*release.State{before, read} {
				want := "[2 1]"
				if test.want != "" {
					want = "[2]"
				}
				if got := fmt.Sprint(s.Good("prod")); got != want {
					t.Errorf("prod may go back to %s, want %s", got, want)
				}
				artifact := one.Subjects[0].Digest
				d, _ := artifact.Get(provenance.SHA256)
				if got, wanted := s.Status(d).Suspect, strings.TrimSuffix(test.want, "verdict"); !strings.Contains(got, wanted) || (got == "") != (wanted == "") {
					t.Errorf("status: suspect: %q, want %q", got, wanted)
				}
			}
			if was, err := held.State("app"); err != nil || fmt.Sprint(was.Good("prod")) != "[2 1]" {
				t.Errorf("what was said before changed after the fact: %v, %v", was.Good("prod"), err)
			}
			w.check(test.want, w.add(back(one).Statement(), "dan"))
		})
	}
	for _, bad := range []release.Built{{}, {Builder: "x", Keys: []string{"x"}}, {Builder: "x", Keys: []string{key, key}}, {Builder: "x", Versions: map[string]string{"": "1"}}} {
		r := build("1.0.0")
		if r.Built = []release.Built{bad}; r.Validate() == nil {
			t.Errorf("%+v is valid", bad)
		}
	}
}

func sorted(a, b string) []string {
	if a > b {
		a, b = b, a
	}
	return []string{a, b}
}

// What was bound stays bound when its release is revoked, and its name is nobody
// else's; but nothing new is bound to it.
func TestTagOfRevoked(t *testing.T) {
	w := newWorld(t)
	a, b := build("1.0.0"), build("1.1.0")
	w.check("", w.add(a.Statement(), "ci"))
	w.check("", w.add(b.Statement(), "ci"))
	w.check("", w.add(tagOf(a, "stable"), "ci"))
	w.check("", w.add(release.Revocation{Kind: release.Retire, Product: "app", Digest: a.ID(), Reason: "old"}.Statement(), "ann"))
	w.check("", w.add(tagOf(a, "archived"), "ci")) // what is retired may run on, and be named
	w.check("", w.add(release.Revocation{Kind: release.RevokeRelease, Product: "app", Digest: a.ID(), Reason: "leak"}.Statement(), "ann"))
	w.check("revoked: app#1 was taken back", w.add(tagOf(a, "new"), "ci"))
	if e := w.add(tagOf(a, "stable"), "ci"); e.Void != nil || !e.Same {
		t.Errorf("what is bound is %+v", e)
	}
	w.check("immutable", w.add(tagOf(b, "stable"), "ci"))
	s := w.h.State("app", release.Head{Size: w.h.Size()})
	if got := s.Tags["stable"]; got.Digest != sum("app 1.0.0") || s.RevokedBy(s.Releases[got.Release-1].ID) == nil {
		t.Errorf("%+v", got)
	}
	if st := s.Status(sum("app 1.0.0")); st.Revoked == nil || st.Revoked.Reason != "leak" {
		t.Errorf("%+v", st)
	}
	if _, bound := s.Tags["new"]; bound {
		t.Error("a revoked release has a new tag")
	}
}

// A rollback that was done without the ledger counts when it comes, unless the
// environment was moved since.
func TestRollbackAfterwards(t *testing.T) {
	for _, test := range []struct {
		name      string
		performed time.Duration // from the last move on
		knownGood bool
		want      string
	}{
		{"after the last move", time.Minute, true, ""},
		{"at the instant of the last move", 0, true, ""},
		{"before the last move", -time.Minute, true, "came to app#2 after that"},
		{"with the ledger", -time.Minute, false, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			one := w.running("1.0.0", none, none)
			w.running("1.1.0", one.ID(), one.ID())
			r := back(one)
			if test.knownGood {
				r.KnownGood, r.Performed = sum("a known-good file"), w.now.Add(test.performed)
			}
			w.now = w.now.Add(time.Hour)
			w.check(test.want, w.add(r.Statement(), "dan"))
		})
	}
}

// Whoever promotes again what is there already, because the answer was lost, is
// told that it is so, and nothing moves.
func TestPromotionAgain(t *testing.T) {
	w := newWorld(t)
	one := w.running("1.0.0", none, none)
	if e := w.add(toProd(one, none).Statement(), "cy"); e.Void != nil || !e.Same {
		t.Errorf("%+v", e)
	}
	if s := w.h.State("app", release.Head{Size: w.h.Size()}); len(prodMoves(s)) != 1 {
		t.Errorf("%+v", prodMoves(s))
	}
}
