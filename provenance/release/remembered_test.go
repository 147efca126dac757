package release_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/touchmark-go/touchmark/provenance/release"
)

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
