package release_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/release"
)

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

// What a stage was last at that is good still, by a state and by a snapshot.
func TestLastGood(t *testing.T) {
	w := newWorld(t)
	var before provenance.Digest
	for _, version := range []string{"1.0.0", "1.1.0", "1.2.0", "1.3.0"} {
		before = w.running(version, before, before).ID()
	}
	for _, step := range []struct {
		revoke release.Revocation
		want   string
	}{
		{release.Revocation{Kind: release.RevokeAttestation, Digest: sum("nothing of it"), Reason: "r"}, "app#4"},
		{release.Revocation{Kind: release.RevokeRelease, Product: "app", Digest: before, Reason: "r"}, "app#3"},
		{release.Revocation{Kind: release.RevokeAttestation, Digest: sum("prod verdict 1.2.0"), Reason: "r"}, "app#2"},
	} {
		w.check("", w.add(step.revoke.Statement(), "security"))
		head := release.Head{Size: w.h.Size()}
		ref, err := w.h.Snapshot(head).LastGood("app", "prod")
		if err != nil || ref == nil || ref.Name != step.want {
			t.Errorf("%+v, %v, want %s", ref, err, step.want)
		}
		s := w.h.State("app", head)
		if r := s.LastGood("prod"); r == nil || s.Ref(r).Name != step.want {
			t.Errorf("%+v, want %s", r, step.want)
		}
		byHand := &release.State{Product: s.Product, Releases: s.Releases, Stages: s.Stages, Revoked: s.Revoked}
		if r := byHand.LastGood("prod"); r == nil || byHand.Ref(r).Name != step.want {
			t.Errorf("a state made by hand: %+v, want %s", r, step.want)
		}
	}
}
