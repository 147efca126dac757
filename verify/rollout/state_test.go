package rollout_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/release"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/verify"
	"github.com/touchmark-go/touchmark/verify/rollout"
)

// An observed is a company whose log is watched by three witnesses and audited by
// two of dan, eve and an auditor.
type observed struct {
	*company
	tiles *tiles
}

func newObserved(t testing.TB) *observed {
	t.Helper()
	c := &company{t: t, now: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC), store: &shelf{bundles: map[provenance.Digest][]*sign.Bundle{}}}
	l := newTiles(t, func() time.Time { return c.now }, 3, 2)
	first := firstTrust()
	first.Principals["audit"] = principal(verify.Service, "audit")
	first.Auditors = verify.Quorum{AtLeast: 2, Of: []string{"dan", "eve", "audit"}}
	trust, err := rollout.Begin(t.Context(), l, first, l.trusted(), key("ann"), key("bob"))
	if err != nil {
		t.Fatal(err)
	}
	c.trust = trust
	return &observed{c, l}
}

func (o *observed) as(who string) *rollout.Book {
	return &rollout.Book{Log: o.tiles, Trust: o.trust, Signer: key(who), Now: func() time.Time { return o.now }}
}

func (o *observed) auditor() rollout.Auditor {
	return rollout.Auditor{Source: o.tiles, Trust: o.trust}
}

// released releases a version and binds its tag.
func (o *observed) released(version string) *release.Ref {
	o.t.Helper()
	ref, err := o.as("ci").Release(o.t.Context(), o.built(version))
	o.must(err)
	o.must(o.as("ci").Tag(o.t.Context(), release.Tag{Release: ref.ID, Tag: version}))
	return ref
}

// audited makes a State that some signed, and its proof.
func (o *observed) audited(who ...string) ([]byte, *rollout.StateProof) {
	o.t.Helper()
	state, audit, checkpoint, err := o.auditor().State(o.t.Context(), "app", nil)
	o.must(err)
	o.append(audit, who...)
	proof, err := o.auditor().Prove(o.t.Context(), state, checkpoint)
	o.must(err)
	return state, proof
}

// append has a record signed apart by several, and appends it.
func (o *observed) append(s *provenance.Statement, who ...string) {
	o.t.Helper()
	b, err := sign.Statement(o.t.Context(), s, key(who[0]))
	o.must(err)
	for _, name := range who[1:] {
		o.must(rollout.CoSign(o.t.Context(), b, key(name)))
	}
	_, err = o.as(who[0]).Append(o.t.Context(), b)
	o.must(err)
}

// Who cannot read the ledger reads a State that auditors signed: it answers as the
// ledger would, is as fresh as its head, and survives that keys change.
func TestState(t *testing.T) {
	o := newObserved(t)
	one := o.released("1.0.0")
	o.must(o.as("ann").Revoke(t.Context(), release.Revocation{Kind: release.RevokeRelease, Product: "app", Digest: one.ID, Reason: "leak"}))
	two := o.released("1.1.0")
	o.now = o.now.Add(time.Hour)
	again, _, checkpoint, err := o.auditor().State(t.Context(), "app", nil)
	o.must(err)
	state, proof := o.audited("dan", "eve")
	if !bytes.Equal(again, state) {
		t.Error("two auditors come to two states of one head")
	}
	second, _, _, err := o.auditor().State(t.Context(), "app", checkpoint)
	if o.must(err); !bytes.Equal(second, state) {
		t.Error("an auditor who comes later does not see what the first one saw")
	}
	data, err := proof.Marshal()
	o.must(err)
	read, err := rollout.ParseStateProof(data)
	o.must(err)
	o.now = o.now.Add(time.Hour)
	memory := &rollout.Memory{}
	v, err := rollout.StateReader{Trust: o.trust, At: o.now, Memory: memory}.Read(state, read)
	o.must(err)
	if d, err := v.Tag(t.Context(), "app", "1.1.0"); err != nil || d != two.Digest {
		t.Errorf("tag: %s, %v", d, err)
	}
	if _, err := v.Tag(t.Context(), "app", "9.9.9"); !errors.Is(err, release.ErrUnknown) {
		t.Errorf("a tag that is not there: %v", err)
	}
	if st, err := v.Status(t.Context(), "app", one.Digest); err != nil || st.Revoked == nil {
		t.Errorf("status: %+v, %v", st, err)
	}
	for _, ask := range []func() error{
		func() error { _, err := v.Tag(t.Context(), "lib", "1.1.0"); return err },
		func() error { _, err := v.Status(t.Context(), "lib", one.Digest); return err },
		func() error { _, err := v.LastGood(t.Context(), "lib", "prod"); return err },
	} {
		if err := ask(); err == nil || errors.Is(err, release.ErrUnknown) {
			t.Errorf("it answers about another product: %v", err)
		}
	}
	if _, err := v.LastGood(t.Context(), "app", "prod"); !errors.Is(err, release.ErrUnknown) {
		t.Errorf("nothing runs in prod: %v", err)
	}
	if h := v.Head(); h.Witnesses != 3 || !h.Time.Equal(o.now.Add(-2*time.Hour)) {
		t.Errorf("the head is of %s, by %d witnesses: want when it was the newest", h.Time, h.Witnesses)
	}
	if len(memory.Revoked["app"]) != 1 {
		t.Errorf("not remembered: %s", dump(memory))
	}
	// A policy that asks the ledger asks the State, and wants it fresh.
	for age, want := range map[time.Duration]string{3 * time.Hour: "", time.Hour: "ledger"} {
		p := o.policy("canary")
		p.Release = &verify.ReleaseRule{Product: "app", MaxHeadAge: age}
		checker, err := verify.New(o.trust, p)
		o.must(err)
		evidence, err := o.store.Bundles(t.Context(), two.Digest)
		o.must(err)
		_, err = checker.Verify(t.Context(), verify.Request{Artifact: verify.Digest(two.Digest), Environment: "canary", At: o.now, Release: v, Evidence: evidence})
		if code(err) != want {
			t.Errorf("a head of two hours, where %s are allowed: %v", age, err)
		}
	}
	// What a key signed before it ended stays signed: the record was witnessed then.
	later, err := o.trust.Rotate("eve", key("eve2").private().Public(), o.now)
	o.must(err)
	o.now = o.now.Add(time.Hour)
	if _, err := (rollout.StateReader{Trust: later, At: o.now}).Read(state, read); err != nil {
		t.Errorf("after a rotation: %v", err)
	}
}

// What is not so is refused: each of these is one thing wrong.
func TestStateRefused(t *testing.T) {
	o := newObserved(t)
	o.released("1.0.0")
	o.now = o.now.Add(time.Hour)
	state, proof := o.audited("dan", "audit")
	early := o.tiles.checkpoint
	o.released("1.1.0")
	newer, newerProof := o.audited("dan", "audit")
	other := newObserved(t)
	other.released("1.0.0")
	other.now = o.now
	foreign, foreignProof := other.audited("dan", "audit")
	seen := func(size uint64, of []byte) *rollout.Memory {
		return &rollout.Memory{States: map[string]rollout.Mark{"app": {Size: size, Digest: provenance.SumSHA256(of)}}}
	}
	size := func(data []byte) uint64 {
		s, err := release.ParseState(data)
		o.must(err)
		return s.Head.Size
	}
	unlogged, audit, checkpoint, err := o.auditor().State(t.Context(), "app", nil)
	o.must(err)
	signed, err := sign.Statement(t.Context(), audit, key("dan"), key("eve"))
	o.must(err)
	line, err := signed.Marshal()
	o.must(err)
	for _, test := range []struct {
		name   string
		state  []byte
		proof  rollout.StateProof
		reader rollout.StateReader
		change func(p *rollout.StateProof, r *rollout.StateReader)
		want   string
	}{
		{name: "as it is", state: state, proof: *proof},
		{name: "the newer one behind the older", state: newer, proof: *newerProof, reader: rollout.StateReader{Memory: seen(size(state), state)}},
		{name: "older than what was seen", state: state, proof: *proof, reader: rollout.StateReader{Memory: seen(size(newer), newer)}, want: "was seen before"},
		{name: "another one of the same head was seen", state: state, proof: *proof, reader: rollout.StateReader{Memory: seen(size(state), newer)}, want: "and was sha256"},
		{name: "another state", state: newer, proof: *proof, want: "auditors signed"},
		{name: "a byte", state: bytes.Replace(state, []byte("1.0.0"), []byte("1.0.1"), 1), proof: *proof, want: "auditors signed"},
		{name: "of another ledger", state: foreign, proof: *foreignProof, want: "not signed by the log"},
		{name: "no proof", state: state, proof: rollout.StateProof{}, want: "not signed by the log"},
		{name: "another head", state: state, proof: *proof, change: func(p *rollout.StateProof, _ *rollout.StateReader) { p.Checkpoint = string(early) }, want: "checkpoint is of"},
		{name: "a head with one witness", state: state, proof: *proof, change: func(p *rollout.StateProof, _ *rollout.StateReader) {
			lines := strings.SplitAfter(p.Checkpoint, "\n")
			p.Checkpoint = strings.Join(lines[:len(lines)-3], "")
		}, want: "enough witnesses"},
		{name: "another record", state: state, proof: *proof, change: func(p *rollout.StateProof, _ *rollout.StateReader) { p.Record = newerProof.Record }, want: "does not lead"},
		{name: "a record that is nowhere in the log", state: unlogged, proof: *proof, change: func(p *rollout.StateProof, _ *rollout.StateReader) {
			p.Record, p.Checkpoint = string(line), string(checkpoint)
		}, want: "does not lead"},
		{name: "three auditors are wanted", state: state, proof: *proof, change: func(_ *rollout.StateProof, r *rollout.StateReader) {
			r.Trust.Auditors.AtLeast = 3
		}, want: `signed by "audit, dan", want 3`},
		{name: "one of them is no auditor any more", state: state, proof: *proof, change: func(_ *rollout.StateProof, r *rollout.StateReader) {
			r.Trust.Auditors.Of = []string{"eve", "audit"}
		}, want: `signed by "audit", want 2`},
		{name: "nobody is an auditor", state: state, proof: *proof, change: func(_ *rollout.StateProof, r *rollout.StateReader) {
			r.Trust.Auditors = verify.Quorum{}
		}, want: "no auditors"},
		{name: "a key that was revoked before", state: state, proof: *proof, change: func(_ *rollout.StateProof, r *rollout.StateReader) {
			id, _ := key("dan").KeyID()
			next, err := r.Trust.Revoke(id, o.now.Add(-time.Minute), "lost")
			o.must(err)
			r.Trust = next
		}, want: "revoked since"},
		{name: "an expired trust file", state: state, proof: *proof, reader: rollout.StateReader{At: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)}, want: "expired"},
		{name: "more witnesses are wanted", state: state, proof: *proof, change: func(_ *rollout.StateProof, r *rollout.StateReader) {
			r.Trust.Ledger.Witnesses.Keys = r.Trust.Ledger.Witnesses.Keys[:1]
		}, want: "can never be met"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r, p := test.reader, test.proof
			trust, err := verify.ParseTrust(o.trust.Marshal())
			o.must(err)
			if r.Trust = trust; r.At.IsZero() {
				r.At = o.now
			}
			if test.change != nil {
				test.change(&p, &r)
			}
			v, err := r.Read(test.state, &p)
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("%v, %v, want %q", v, err, test.want)
			}
		})
	}
	if _, err := (rollout.StateReader{Trust: o.trust, At: o.now}).Read(state, nil); !errors.Is(err, rollout.ErrState) {
		t.Errorf("without a proof: %v", err)
	}
}

// In the log an audit counts by enough auditors, of a head that was before it; and
// the log keeps them from saying two things.
func TestAudit(t *testing.T) {
	o := newObserved(t)
	o.released("1.0.0")
	_, audit, _, err := o.auditor().State(t.Context(), "app", nil)
	o.must(err)
	a, err := release.ParseAudit(audit)
	o.must(err)
	add := func(a release.Audit, want string, who ...string) {
		t.Helper()
		b, err := sign.Statement(t.Context(), a.Statement(), key(who[0]))
		o.must(err)
		o.must(rollout.CoSign(t.Context(), b, signers(who[1:])...))
		if _, err := o.as("ci").Append(t.Context(), b); code(err) != want {
			t.Errorf("%+v by %v: %v, want %q", a, who, err, want)
		}
	}
	add(*a, "signature", "dan", "ann")
	future := *a
	future.Size = 1000
	add(future, "release", "dan", "eve")
	add(*a, "", "dan", "eve")
	add(*a, "", "audit", "eve") // others who say the same
	lie := *a
	lie.State = provenance.SumSHA256([]byte("a lie"))
	add(lie, "immutable", "dan", "eve")
	old := lie
	old.Size--
	add(old, "rollback", "dan", "eve")
	v, err := o.as("ci").View(t.Context())
	o.must(err)
	if audits := v.State("app").Audits; len(audits) != 1 || audits[0].State != a.State {
		t.Errorf("%s", dump(audits))
	}
	if _, err := (rollout.Auditor{Source: o.tiles, Trust: o.trust}).Prove(t.Context(), []byte("{}"), nil); err == nil {
		t.Error("what is no state was proven")
	}
}

func signers(names []string) []sign.Signer {
	var out []sign.Signer
	for _, name := range names {
		out = append(out, key(name))
	}
	return out
}
