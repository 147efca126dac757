package release_test

import (
	"fmt"
	"iter"
	"slices"
	"testing"
	"time"

	"github.com/touchmark-go/touchmark/provenance/release"
)

// collect is what a question yields, as text.
func collect[T any](t *testing.T, answers iter.Seq2[T, error], say func(T) string) string {
	t.Helper()
	var out []string
	for a, err := range answers {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, say(a))
	}
	return fmt.Sprint(out)
}

func deployment(r release.Release, cluster string, result release.Result) release.Deployment {
	return release.Deployment{Product: r.Product, Environment: "prod", Cluster: cluster, Release: r.ID(), Subjects: r.Subjects, Config: r.Config, Result: result, Reference: "registry.example/app:1", At: date(1, 0)}
}

// A drift counts from its first deployment to the one that ends it; a deployment
// that failed ends none. A rollback is a success by the first word about it.
func TestCounts(t *testing.T) {
	w := newWorld(t)
	one := w.running("1.0.0", none, none)
	two := w.running("1.1.0", one.ID(), one.ID())
	say := func(r release.Release, result release.Result) {
		w.now = w.now.Add(time.Hour)
		w.check("", w.add(deployment(r, "fra1", result).Statement(), "deployer"))
	}
	say(two, release.Running)
	say(one, release.Running)    // drift begins
	say(one, release.Running)    // and goes on
	say(two, release.PullFailed) // and still
	say(two, release.Running)    // three hours
	w.now = w.now.Add(time.Hour)
	w.check("", w.add(back(one).Statement(), "dan"))
	say(one, release.Running)
	say(one, release.Failed) // too late to change what came of the rollback
	got := w.h.State("app", release.Head{Size: w.h.Size()}).Stages["prod"].Counts
	want := release.Counts{Deployments: 7, Drifted: 2, PullFailed: 1, Failed: 1, DriftsEnded: 1, DriftSeconds: 3 * 3600, Rollbacks: 1, RollbacksRan: 1}
	if got != want {
		t.Errorf("counted\n%+v, want\n%+v", got, want)
	}
}

// Whoever tries to move a tag is remembered with what he wanted, allowed or not; a
// tag that is bound again to the same is no attempt.
func TestAttempts(t *testing.T) {
	w := newWorld(t)
	one, two := build("1.0.0"), build("1.1.0")
	w.check("", w.add(one.Statement(), "ci"))
	w.check("", w.add(two.Statement(), "ci"))
	w.check("", w.add(tagOf(one, "1.0"), "ci"))
	w.check("", w.add(tagOf(one, "1.0"), "ci"))
	w.check("immutable", w.add(tagOf(two, "1.0"), "ci"))
	w.check("signature", w.add(tagOf(two, "v1.0"), "eve"))
	w.check("", w.add(tagOf(two, "1.1"), "ci"))
	s := w.h.Snapshot(release.Head{Size: w.h.Size()})
	h, err := s.TagHistory("app", "1.0")
	if err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprint(h.Bound.Release, len(h.Attempts))
	for _, a := range h.Attempts {
		got += fmt.Sprint(" ", a.Tag, a.By, a.Digest == sum("app 1.1.0"))
	}
	if want := "1 2 1.0[ci] true v1.0[eve] true"; got != want {
		t.Errorf("the tag's history is %s, want %s", got, want)
	}
	if n, err := s.Attempts("app"); n != 2 || err != nil {
		t.Errorf("%d attempts, %v, want 2", n, err)
	}
	if h, err := s.TagHistory("app", "1.1"); err != nil || h.Bound == nil || len(h.Attempts) != 0 {
		t.Errorf("the neighbour's history is %+v, %v", h, err)
	}
}

// What a key signed and what a builder built are found by witnessed time; who does
// not say who built him is among those of whom nobody knows.
func TestMentions(t *testing.T) {
	w := newWorld(t)
	start := w.now
	for i := range 6 {
		w.now = start.Add(time.Duration(i) * time.Hour)
		r := build(fmt.Sprintf("1.%d.0", i))
		switch {
		case i == 5:
		case i%2 == 0:
			r.Built = []release.Built{{Builder: "https://b.example/one", Keys: []string{sum("builder").Hex()}}}
		default:
			r.Built = []release.Built{{Builder: "https://b.example/two"}}
		}
		w.check("", w.add(r.Statement(), "ci"))
	}
	w.check("signature", w.add(build("2.0.0").Statement(), "eve"))
	s := w.h.Snapshot(release.Head{Size: w.h.Size()})
	hour := func(n int) time.Time { return start.Add(time.Duration(n) * time.Hour) }
	say := func(m release.Mention) string {
		return fmt.Sprintf("%s/%s#%d/%t", m.Kind, m.Product, m.Release, m.Void)
	}
	for _, test := range []struct {
		name    string
		answers iter.Seq2[release.Mention, error]
		want    string
	}{
		{"one", s.BuiltBy("https://b.example/one", time.Time{}, time.Time{}), "[release/app#1/false release/app#3/false release/app#5/false]"},
		{"one, from", s.BuiltBy("https://b.example/one", hour(2), time.Time{}), "[release/app#3/false release/app#5/false]"},
		{"one, until before", s.BuiltBy("https://b.example/one", time.Time{}, hour(2)), "[release/app#1/false]"},
		{"two, between", s.BuiltBy("https://b.example/two", hour(1), hour(2)), "[release/app#2/false]"},
		{"nobody", s.BuiltBy("https://b.example/none", time.Time{}, time.Time{}), "[]"},
		{"unknown", s.BuiltBy("", time.Time{}, time.Time{}), "[release/app#6/false]"},
		{"a builder's key", s.SignedBy(sum("builder").Hex(), hour(3), time.Time{}), "[provenance/app#5/false]"},
		{"eve's key", s.SignedBy(sum("eve").Hex(), time.Time{}, time.Time{}), "[release/app#0/true]"},
		{"ci's key", s.SignedBy(sum("ci").Hex(), hour(4), time.Time{}), "[release/app#5/false release/app#6/false]"},
	} {
		if got := collect(t, test.answers, say); got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
	}
	for m, err := range s.BuiltBy("https://b.example/one", time.Time{}, time.Time{}) {
		if err != nil || m.Release != 1 {
			t.Fatal(m, err)
		}
		break // costs nothing
	}
	w.check("", w.add(build("3.0.0").Statement(), "ci"))
	if got := collect(t, s.BuiltBy("", time.Time{}, time.Time{}), say); got != "[release/app#6/false]" {
		t.Errorf("a snapshot changed: %s", got)
	}
}

// What releases hold is learnt once, out of order too; what was not is unknown.
func TestHolding(t *testing.T) {
	w := newWorld(t)
	for i := range 4 {
		w.check("", w.add(build(fmt.Sprintf("1.%d.0", i)).Statement(), "ci"))
	}
	w.h.Learn("app", 3, []release.Held{{Module: "m", Version: "v1.0.0"}, {Module: "n", Version: "v1.0.0"}})
	w.h.Learn("app", 1, []release.Held{{Module: "m", Version: "v2.0.0"}})
	w.h.Learn("app", 1, []release.Held{{Module: "m", Version: "v9.0.0"}}) // it is known
	w.h.Learn("app", 0, []release.Held{{Module: "m", Version: "v9.0.0"}}) // there is none
	w.h.Learn("app", 9, []release.Held{{Module: "m", Version: "v9.0.0"}}) // there is none
	w.h.Learn("lib", 1, []release.Held{{Module: "m", Version: "v9.0.0"}})
	s := w.h.Snapshot(release.Head{Size: w.h.Size()})
	say := func(h release.Held) string { return fmt.Sprintf("%s#%d %s", h.Product, h.Release, h.Version) }
	if got, want := collect(t, s.Holding("m"), say), "[app#3 v1.0.0 app#1 v2.0.0]"; got != want {
		t.Errorf("m is in %s, want %s", got, want)
	}
	for held, err := range s.Holding("m") {
		if err != nil || held.Release != 3 {
			t.Fatal(held, err)
		}
		break // costs nothing
	}
	for n, err := range s.Unlearnt("app") {
		if err != nil || n != 2 {
			t.Fatal(n, err)
		}
		break
	}
	var unknown []int
	for n, err := range s.Unlearnt("app") {
		if err != nil {
			t.Fatal(err)
		}
		unknown = append(unknown, n)
	}
	if !slices.Equal(unknown, []int{2, 4}) {
		t.Errorf("unknown are %v, want 2 and 4", unknown)
	}
	w.h.Learn("app", 4, nil)
	w.h.Learn("app", 2, nil)
	for n := range w.h.Snapshot(release.Head{Size: w.h.Size()}).Unlearnt("app") {
		t.Errorf("%d is unknown after all were learnt", n)
	}
}

// May it go back there, and why not: by the same rules as a rollback that somebody
// signs.
func TestMayGoBack(t *testing.T) {
	w := newWorld(t)
	one := w.running("1.0.0", none, none)
	two := w.running("1.1.0", one.ID(), one.ID())
	never := build("1.2.0")
	w.check("", w.add(never.Statement(), "ci"))
	ask := func(r release.Release) string {
		t.Helper()
		s := w.h.Snapshot(release.Head{Size: w.h.Size()})
		found, _, err := s.Find("app", r.ID().String())
		if err != nil {
			t.Fatal(err)
		}
		yes, why, err := s.MayGoBack("app", "prod", found)
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(yes, " ", why)
	}
	for _, test := range []struct {
		r    release.Release
		want string
	}{
		{one, "true good in prod, and may be rolled back to"},
		{two, "true prod is at it"},
		{never, "false it was never promoted to prod"},
	} {
		if got := ask(test.r); got != test.want {
			t.Errorf("%s: %s, want %s", test.r.Version, got, test.want)
		}
	}
	w.check("", w.add(back(one).Statement(), "dan"))
	if got, want := ask(two), "false it was taken back in prod: it comes back by promotion alone"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	w.check("", w.add(release.Revocation{Kind: release.RevokeAttestation, Digest: sum("prod verdict 1.0.0"), Reason: "wrong policy"}.Statement(), "security"))
	if got, want := ask(one), "true prod is at it"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	w.check("", w.add(release.Revocation{Kind: release.RevokeRelease, Product: "app", Digest: one.ID(), Reason: "leaks"}.Statement(), "ann"))
	if got, want := ask(one), "false app#1 was taken back by ann in record"; len(got) < len(want) || got[:len(want)] != want {
		t.Errorf("%s, want %s", got, want)
	}
}
