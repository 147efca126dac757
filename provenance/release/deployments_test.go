package release_test

import (
	"testing"
	"time"

	"github.com/touchmark-go/touchmark/provenance/release"
)

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
