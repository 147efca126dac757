package release_test

import (
	"testing"

	"github.com/touchmark-go/touchmark/provenance/release"
)

// Auditors, enough of them, say once what a state was, and never go back.
func TestAudits(t *testing.T) {
	w := &world{t: t, now: date(1, 0)}
	in := roles(1)
	in.Auditors = []release.Quorum{{AtLeast: 2, Of: []string{"ann", "bob", "cy"}}}
	w.want("", release.Record{Statement: release.Genesis{Origin: "releases.acme.example", Trust: []byte(`{"version":1}`)}.Statement(), Roles: in})
	w.check("", w.add(build("1.0.0").Statement(), "ci"))
	w.check("", w.add(build("1.1.0").Statement(), "ci"))
	audit := func(state string, size uint64, root string, by ...string) release.Effect {
		return w.add(release.Audit{Product: "app", State: sum(state), Size: size, Root: sum(root)}.Statement(), by...)
	}
	w.check("not enough auditors", audit("two", 2, "root of two", "ann"))
	w.check("not enough auditors", audit("two", 2, "root of two", "ann", "dan"))
	w.check("it is of a log of 6 records, and stands at 5", audit("six", 6, "root of six", "ann", "bob"))
	w.check("", audit("two", 2, "root of two", "ann", "bob"))
	if e := audit("two", 2, "root of two", "bob", "cy"); e.Void != nil || !e.Same {
		t.Errorf("the same again: %+v", e)
	}
	w.check("immutable", audit("another", 2, "root of two", "ann", "bob"))
	w.check("immutable", audit("two", 2, "another root", "ann", "bob"))
	w.check("it is of a log of 1 records", audit("one", 1, "root of one", "ann", "bob"))
	w.check("", audit("all", w.h.Size(), "root of all", "bob", "cy")) // of everything before it
	s := w.h.State("app", release.Head{Origin: "releases.acme.example", Size: w.h.Size(), Root: sum("root"), Time: w.now})
	if len(s.Audits) != 2 || s.Audits[0].State != sum("two") || s.Audits[1].Size != s.Audits[1].Index || s.Audits[0].By[1] != "bob" {
		t.Errorf("%+v", s.Audits)
	}

	nobody := newWorld(t)
	nobody.check("", nobody.add(build("1.0.0").Statement(), "ci"))
	nobody.check("not enough auditors", nobody.add(release.Audit{Product: "app", State: sum("s"), Size: 1, Root: sum("r")}.Statement(), "ann", "bob"))
}

// Where no release must soak, a log without times will do; where one must, it will not.
func TestSoakWithoutTimes(t *testing.T) {
	for _, soaks := range []bool{false, true} {
		w := &world{t: t}
		in := roles(1)
		rules := in.Products["app"]
		rules.Stages = append([]release.Stage{}, rules.Stages...)
		want := "the log does not say since when"
		for i := range rules.Stages {
			rules.Stages[i].Approvals = nil
			if !soaks {
				rules.Stages[i].Soak, want = 0, ""
			}
		}
		in.Products = map[string]release.Rules{"app": rules}
		w.want("", release.Record{Statement: release.Genesis{Origin: "releases.acme.example", Trust: []byte(`{"version":1}`)}.Statement(), Roles: in})
		r := build("1.0.0")
		w.check("", w.add(r.Statement(), "ci"))
		w.check("", w.add(toCanary(r, none).Statement(), "ci"))
		w.check(want, w.add(toProd(r, none).Statement(), "cy"))
	}
}
