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

// inProd brings a version to prod.
func (o *observed) inProd(version string) *release.Ref {
	o.t.Helper()
	ctx := o.t.Context()
	r := o.built(version)
	ref, err := o.as("ci").Release(ctx, r)
	o.must(err)
	promote := func(who, to string, p release.Promotion, approvals ...*sign.Bundle) {
		b := o.book(who, to)
		b.Log = o.tiles
		o.must(b.Promote(ctx, p, approvals...))
	}
	promote("ci", "canary", release.Promotion{Release: ref.ID, To: "canary"})
	o.now = o.now.Add(2 * time.Hour)
	o.must(o.tiles.beat())
	promote("cy", "prod", release.Promotion{Release: ref.ID, From: "canary", To: "prod"}, o.approvals(r, "ann", "bob")...)
	return ref
}

// good is the known-good file of prod as of now, signed by some.
func (o *observed) good(valid time.Duration, who ...string) *sign.Bundle {
	o.t.Helper()
	v, err := o.as("dan").View(o.t.Context())
	o.must(err)
	k, err := v.KnownGood("app", "prod", o.now, valid)
	o.must(err)
	return o.signed(k, who...)
}

func (o *observed) signed(k *rollout.KnownGood, who ...string) *sign.Bundle {
	o.t.Helper()
	data, err := k.Marshal()
	o.must(err)
	b, err := sign.Payload(o.t.Context(), rollout.KnownGoodType, data, signers(who)...)
	o.must(err)
	return b
}

// The ledger is down, prod burns: the file says what to go back to, and the record
// is owed until the ledger is there again.
func TestKnownGood(t *testing.T) {
	o := newObserved(t)
	one, two := o.inProd("1.0.0"), o.inProd("1.1.0")
	file := o.good(24*time.Hour, "dan")
	apart := o.good(24*time.Hour, "eve")
	k, err := rollout.ParseKnownGood(file.UnverifiedPayload())
	o.must(err)
	v, err := o.as("dan").View(t.Context())
	o.must(err)
	o.must(v.Confirms(k))

	o.now = o.now.Add(time.Hour)
	memory := &rollout.Memory{}
	trusted, err := rollout.KnownGoodReader{Trust: o.trust, At: o.now, Memory: memory}.Read("app", "prod", file, apart)
	o.must(err)
	found := trusted.Find("1.0.0")
	if found == nil || found.ID != one.ID || trusted.Find("app#2") == nil || trusted.Find(two.Digest.String()) == nil || trusted.Find("9.9.9") != nil {
		t.Fatalf("%s", dump(trusted.Releases))
	}
	r, err := trusted.Rollback(found, "the ledger is down and prod burns", o.now)
	o.must(err)
	if r.Config != provenance.SumSHA256([]byte("config")) || len(r.Subjects) != 1 {
		t.Errorf("the plan is %s", dump(r))
	}
	record, err := sign.Statement(t.Context(), r.Statement(), key("dan"))
	o.must(err)
	owed, err := rollout.Owed(t.Context(), o.tiles, o.trust, verify.Options{}, record)
	if o.must(err); len(owed) != 1 {
		t.Errorf("%d records are owed", len(owed))
	}
	o.now = o.now.Add(time.Hour)
	for range 2 { // the second time it is there already
		fates, err := o.as("dan").Settle(t.Context(), record)
		if o.must(err); len(fates) > 1 || len(fates) == 1 && fates[0] != nil {
			t.Errorf("%v", fates)
		}
	}
	if owed, err := rollout.Owed(t.Context(), o.tiles, o.trust, verify.Options{}, record); err != nil || len(owed) != 0 {
		t.Errorf("%d records are still owed, %v", len(owed), err)
	}
	v, err = o.as("dan").View(t.Context())
	o.must(err)
	at := v.State("app").Stages["prod"]
	if last := at.Moves[len(at.Moves)-1]; at.Release != 1 || len(at.Moves) != 3 || last.KnownGood != file.ID() {
		t.Errorf("%s", dump(at))
	}
	if err := v.Confirms(k); !errors.Is(err, rollout.ErrState) && !errors.Is(err, release.ErrUnknown) {
		t.Errorf("an auditor signs what is so no more: %v", err)
	}

	// What comes too late is in the log, and has no effect.
	o.inProd("1.2.0")
	late, err := trusted.Rollback(trusted.Find("1.1.0"), "late", o.now.Add(-2*time.Hour))
	o.must(err)
	record, err = sign.Statement(t.Context(), late.Statement(), key("dan"))
	o.must(err)
	fates, err := o.as("dan").Settle(t.Context(), record)
	if o.must(err); len(fates) != 1 || fates[0] == nil {
		t.Errorf("%v", fates)
	}
	if again, err := o.as("dan").Settle(t.Context(), record); err != nil || len(again) != 0 {
		t.Errorf("what the log refused is owed again: %v, %v", again, err)
	}
}

func TestKnownGoodRefused(t *testing.T) {
	o := newObserved(t)
	one := o.inProd("1.0.0")
	older := o.good(24*time.Hour, "dan", "eve")
	o.inProd("1.1.0")
	file := o.good(24*time.Hour, "dan", "eve")
	k, err := rollout.ParseKnownGood(file.UnverifiedPayload())
	o.must(err)
	change := func(do func(k *rollout.KnownGood)) *sign.Bundle {
		c := *k
		do(&c)
		return o.signed(&c, "dan", "eve")
	}
	other, err := sign.Payload(t.Context(), "text/plain", file.UnverifiedPayload(), key("dan"), key("eve"))
	o.must(err)
	memory := func() *rollout.Memory {
		m := &rollout.Memory{}
		_, err := rollout.KnownGoodReader{Trust: o.trust, At: o.now, Memory: m}.Read("app", "prod", file)
		o.must(err)
		data, err := m.Marshal()
		o.must(err)
		m, err = rollout.ParseMemory(data)
		o.must(err)
		return m
	}
	for _, test := range []struct {
		name        string
		file        *sign.Bundle
		environment string
		later       time.Duration
		memory      *rollout.Memory
		want        string
	}{
		{"as it is", file, "prod", 0, nil, ""},
		{"to its last second", file, "prod", 24*time.Hour - time.Second, nil, ""},
		{"expired", file, "prod", 24 * time.Hour, nil, "expired"},
		{"before it was issued", file, "prod", -time.Hour, nil, "still to come"},
		{"an auditor's clock that is ahead", file, "prod", -time.Minute, nil, ""},
		{"of another environment", file, "canary", 0, nil, `in "prod", want app in "canary"`},
		{"fewer auditors", o.good(time.Hour, "dan"), "prod", 0, nil, `signed by "dan", want 2`},
		{"one auditor twice", o.good(time.Hour, "dan", "dan"), "prod", 0, nil, `signed by "dan", want 2`},
		{"people who are no auditors", o.good(time.Hour, "ann", "bob", "dan"), "prod", 0, nil, `signed by "dan", want 2`},
		{"again what was seen", file, "prod", 0, memory(), ""},
		{"older than what was seen", older, "prod", 0, memory(), "was seen before"},
		{"of the same head, and earlier", change(func(k *rollout.KnownGood) { k.Issued = k.Issued.Add(-time.Minute) }), "prod", 0, memory(), "was seen before"},
		{"of the same head, and later", change(func(k *rollout.KnownGood) { k.Issued = k.Issued.Add(time.Minute) }), "prod", 0, memory(), ""},
		{"another one of the same head and instant", change(func(k *rollout.KnownGood) { k.Releases = k.Releases[:1] }), "prod", 0, memory(), "and was sha256"},
		{"of another ledger", change(func(k *rollout.KnownGood) { k.Head.Origin = "evil.example" }), "prod", 0, nil, `ledger "evil.example"`},
		{"of another product", change(func(k *rollout.KnownGood) { k.Product = "lib" }), "prod", 0, nil, "lib in"},
		{"good for ever", change(func(k *rollout.KnownGood) { k.Expires = k.Issued.AddDate(10, 0, 0) }), "prod", 0, nil, "at most 168h"},
		{"good for no time", change(func(k *rollout.KnownGood) { k.Expires = k.Issued }), "prod", 0, nil, "counts for 0s"},
		{"nothing is good", change(func(k *rollout.KnownGood) { k.Releases = nil }), "prod", 0, nil, "/releases is empty"},
		{"a release twice", change(func(k *rollout.KnownGood) { k.Releases = append(k.Releases[:1:1], k.Releases[0]) }), "prod", 0, nil, "twice"},
		{"a release without its configuration", change(func(k *rollout.KnownGood) {
			k.Releases = []rollout.GoodOne{k.Releases[0]}
			k.Releases[0].Config = provenance.Digest{}
		}), "prod", 0, nil, "/config"},
		{"of no log", change(func(k *rollout.KnownGood) { k.Head.Size = 0 }), "prod", 0, nil, "of no log"},
		{"another schema", change(func(k *rollout.KnownGood) { k.Schema = "x" }), "prod", 0, nil, "/schema"},
		{"another payload type", other, "prod", 0, nil, "payload type"},
		{"under an expired trust file", file, "prod", 3 * 365 * 24 * time.Hour, nil, "trust file expired"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := rollout.KnownGoodReader{Trust: o.trust, At: o.now.Add(test.later), Memory: test.memory}
			got, err := r.Read("app", test.environment, test.file)
			if test.want == "" && err != nil || test.want != "" && (!errors.Is(err, rollout.ErrState) || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("%v, %v, want %q", got, err, test.want)
			}
		})
	}
	if _, err := (rollout.KnownGoodReader{Trust: o.trust, At: o.now}).Read("app", "prod", file, older); err == nil {
		t.Error("two files are one")
	}
	if _, err := rollout.ParseKnownGood(bytes.Replace(file.UnverifiedPayload(), []byte(`"product"`), []byte(`"more":1,"product"`), 1)); err == nil {
		t.Error("a member that nobody knows is passed over")
	}

	// What the client knows to be taken back is not gone back to, whatever the file says.
	o.must(o.as("ann").Revoke(t.Context(), release.Revocation{Kind: release.RevokeRelease, Product: "app", Digest: one.ID, Reason: "leak"}))
	v, err := o.as("dan").View(t.Context())
	o.must(err)
	m := &rollout.Memory{}
	m.Remember(v.State("app"))
	for _, test := range []struct {
		memory *rollout.Memory
		want   error
	}{{nil, nil}, {m, rollout.ErrTakenBack}} {
		trusted, err := rollout.KnownGoodReader{Trust: o.trust, At: o.now, Memory: test.memory}.Read("app", "prod", file)
		o.must(err)
		if _, err := trusted.Rollback(trusted.Find("1.0.0"), "r", o.now); !errors.Is(err, test.want) {
			t.Errorf("%v, want %v", err, test.want)
		}
		if _, err := trusted.Rollback(trusted.Find("1.1.0"), "r", o.now); err != nil {
			t.Errorf("what was not taken back: %v", err)
		}
		if _, err := trusted.Rollback(trusted.Find("1.1.0"), "r", o.now.Add(25*time.Hour)); !errors.Is(err, rollout.ErrState) {
			t.Errorf("after its end: %v", err)
		}
		if _, err := trusted.Rollback(&rollout.GoodOne{ID: provenance.SumSHA256(nil)}, "r", o.now); err == nil {
			t.Error("back to what is not in the file")
		}
	}
	k, err = v.KnownGood("app", "prod", o.now, time.Hour)
	if o.must(err); len(k.Releases) != 1 {
		t.Errorf("a revoked release is known to be good: %s", dump(k.Releases))
	}
	if _, err := v.KnownGood("app", "moon", o.now, time.Hour); !errors.Is(err, release.ErrUnknown) {
		t.Errorf("%v", err)
	}
	if _, err := v.KnownGood("app", "prod", o.now, 8*24*time.Hour); err == nil {
		t.Error("a file that counts for too long was made")
	}
}
