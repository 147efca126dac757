package rollout_test

import (
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/release"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/verify"
	"github.com/touchmark-go/touchmark/verify/rollout"
)

// The way of two releases: canary, approval by two people, prod; and back again,
// by digest.
func TestRollout(t *testing.T) {
	c := newCompany(t)
	ctx := t.Context()
	bring := func(version string) *release.Ref {
		r := c.built(version)
		ref, err := c.book("ci", "canary").Release(ctx, r)
		c.must(err)
		c.must(c.book("ci", "canary").Tag(ctx, release.Tag{Release: ref.ID, Tag: version}))
		c.must(c.book("ci", "canary").Promote(ctx, release.Promotion{Release: ref.ID, To: "canary"}))
		prod := release.Promotion{Release: ref.ID, From: "canary", To: "prod"}
		if err := c.book("cy", "prod").Promote(ctx, prod, c.approvals(r, "ann", "bob")...); code(err) != "release" {
			t.Errorf("promoted before it soaked: %v", err)
		}
		c.now = c.now.Add(2 * time.Hour)
		if err := c.book("cy", "prod").Promote(ctx, prod, c.approvals(r, "ann")...); code(err) != "approval" {
			t.Errorf("promoted with one approval: %v", err)
		}
		c.must(c.book("cy", "prod").Promote(ctx, prod, c.approvals(r, "ann", "bob")...))
		return ref
	}
	one := bring("1.0.0")
	two := bring("1.1.0")
	if one.Name != "app#1" || two.Name != "app#2" {
		t.Errorf("they are called %s and %s", one.Name, two.Name)
	}
	back := release.Rollback{Environment: "prod", Release: one.ID, Reason: "error rate"}
	if err := c.book("cy", "prod").Rollback(ctx, back); code(err) != "signature" {
		t.Errorf("rolled back by somebody who may not: %v", err)
	}
	c.must(c.book("dan", "prod").Rollback(ctx, back))
	c.must(c.book("ci", "prod").Deploy(ctx, release.Deployment{Environment: "prod", Release: one.ID, Result: release.Running}))
	v, err := c.book("ci", "prod").View(ctx)
	c.must(err)
	s := v.State("app")
	if at := s.Stages["prod"]; at.Release != 1 || len(at.Moves) != 3 || at.Running[""].Release != 1 || at.Running[""].Drift {
		t.Errorf("prod: %s", dump(at))
	}
	if good, err := v.LastGood(ctx, "app", "prod"); err != nil || good.Name != "app#1" {
		t.Errorf("last good: %+v, %v", good, err)
	}
	if d, err := v.Tag(ctx, "app", "1.1.0"); err != nil || d != two.Digest {
		t.Errorf("tag: %s, %v", d, err)
	}
	if _, err := v.Tag(ctx, "app", "latest"); !errors.Is(err, release.ErrUnknown) {
		t.Errorf("a tag that was never bound: %v", err)
	}
	// The verdict is kept, signed, and says what it rests on.
	evidence, err := c.store.Bundles(ctx, two.Digest)
	c.must(err)
	var vsa *sign.Bundle
	for _, b := range evidence {
		if b.ID() == s.Stages["prod"].Moves[1].VSA {
			vsa = b
		}
	}
	if vsa == nil || !strings.Contains(string(vsa.UnverifiedPayload()), `"verificationResult":"PASSED"`) || !strings.Contains(string(vsa.UnverifiedPayload()), c.policy("prod").Digest().Hex()) {
		t.Errorf("the verdict is not in the store: %v", vsa)
	}
	// All of it again changes nothing, and writes nothing.
	before := len(c.log.entries)
	_, err = c.book("ci", "canary").Release(ctx, c.built("1.1.0"))
	c.must(err)
	c.must(c.book("ci", "canary").Tag(ctx, release.Tag{Release: one.ID, Tag: "1.0.0"}))
	c.must(c.book("cy", "prod").Promote(ctx, release.Promotion{Release: one.ID, From: "canary", To: "prod"}))
	c.must(c.book("dan", "prod").Rollback(ctx, back))
	if len(c.log.entries) != before {
		t.Errorf("%d records more", len(c.log.entries)-before)
	}
	// A loser learns why, with both digests.
	err = c.book("ci", "canary").Tag(ctx, release.Tag{Release: two.ID, Tag: "v1.0.0"})
	if code(err) != "immutable" || !strings.Contains(err.Error(), one.Digest.String()) || !strings.Contains(err.Error(), two.Digest.String()) {
		t.Errorf("a tag moved: %v", err)
	}
	c.must(c.book("ann", "prod").Retire(ctx, "app", two.ID, "old"))
	if err := c.book("ci", "canary").Promote(ctx, release.Promotion{Release: two.ID, To: "canary"}); err != nil {
		t.Errorf("it is there already: %v", err)
	}
	c.must(c.book("ann", "prod").Revoke(ctx, release.Revocation{Kind: release.RevokeRelease, Product: "app", Digest: one.ID, Reason: "leak"}))
	v, err = c.book("ci", "prod").View(ctx)
	c.must(err)
	if st, err := v.Status(ctx, "app", one.Digest); err != nil || st.Revoked == nil || st.Revoked.Reason != "leak" {
		t.Errorf("%+v, %v", st, err)
	}
}

// code is that of a VoidError, or of the first failure of a verdict.
func code(err error) string {
	var void *rollout.VoidError
	var denied *verify.Error
	switch {
	case errors.As(err, &void):
		return void.Void.Code
	case errors.As(err, &denied):
		return string(denied.Verdict.Failed()[0].Code)
	case err != nil:
		return err.Error()
	}
	return ""
}

// Whatever fails or is killed, running again brings it to the end, and never to
// two ends: each append is lost once, or done and its answer lost.
func TestRecovers(t *testing.T) {
	for _, lose := range []bool{true, false} {
		c := newCompany(t)
		ctx := t.Context()
		failed := map[string]bool{}
		c.log.lose = lose
		c.log.fail = func(b *sign.Bundle) error {
			s, err := provenance.Parse(b.UnverifiedPayload())
			c.must(err)
			what := s.PredicateType + strconv.FormatBool(strings.Contains(string(s.Predicate), `"to":"prod"`))
			if failed[what] {
				return nil
			}
			failed[what] = true
			return errors.New("the power went")
		}
		r := c.built("1.0.0")
		again := func(do func() error) {
			t.Helper()
			for range 10 {
				err := do()
				if err == nil {
					return
				}
				if code(err) == "approval" { // used up by the promotion whose answer was lost
					t.Fatal(err)
				}
			}
			t.Fatal("it never came to an end")
		}
		var ref *release.Ref
		again(func() (err error) { ref, err = c.book("ci", "canary").Release(ctx, r); return err })
		again(func() error { return c.book("ci", "canary").Tag(ctx, release.Tag{Release: ref.ID, Tag: "1.0.0"}) })
		again(func() error {
			return c.book("ci", "canary").Promote(ctx, release.Promotion{Release: ref.ID, To: "canary"})
		})
		c.now = c.now.Add(2 * time.Hour)
		approvals := c.approvals(r, "ann", "bob")
		again(func() error {
			return c.book("cy", "prod").Promote(ctx, release.Promotion{Release: ref.ID, From: "canary", To: "prod"}, approvals...)
		})
		v, err := c.book("ci", "prod").View(ctx)
		c.must(err)
		s := v.State("app")
		if n := len(c.log.entries); n != 8 {
			t.Errorf("%d records, want 8: the two of the beginning, and each of the others once", n)
		}
		if len(s.Releases) != 1 || len(s.Tags) != 1 || len(s.Stages["prod"].Moves) != 1 || len(s.Stages["canary"].Moves) != 1 {
			t.Errorf("%s", dump(s))
		}
	}
}

// A log that is not the one, or not all of it, is neither a yes nor a no.
func TestLogRefused(t *testing.T) {
	for _, test := range []struct {
		name  string
		spoil func(c *company)
		want  string
	}{
		{"another log", func(c *company) { c.log.origin = "evil.example" }, "names"},
		{"another genesis", func(c *company) {
			other, err := rollout.Begin(t.Context(), &memory{now: c.log.now, origin: "other"}, firstTrust(), verify.Ledger{Origin: "other", Key: "k"}, key("ann"), key("bob"))
			c.must(err)
			c.trust.Ledger.Genesis = other.Ledger.Genesis
		}, "genesis"},
		{"records are missing", func(c *company) { c.log.size = 99 }, "gave"},
		{"shorter than it was", func(c *company) {}, "had"},
		{"behind the trust file", func(c *company) { c.trust.Version++ }, "not in it yet"},
		{"another trust file of that version", func(c *company) { c.trust.Revokers = nil }, "another version"},
		{"empty", func(c *company) { c.log.entries = nil }, "no records"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := newCompany(t)
			r, err := rollout.NewReplay(c.log, c.trust, verify.Options{})
			c.must(err)
			if test.name == "shorter than it was" {
				_, err := r.View(t.Context())
				c.must(err)
				c.log.entries = c.log.entries[:1]
			} else {
				test.spoil(c)
				r, err = rollout.NewReplay(c.log, c.trust, verify.Options{})
				c.must(err)
			}
			if v, err := r.View(t.Context()); !errors.Is(err, rollout.ErrLog) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, %v, want %q", v, err, test.want)
			}
		})
	}
	if _, err := rollout.NewReplay(&memory{}, firstTrust(), verify.Options{}); !errors.Is(err, rollout.ErrLog) {
		t.Errorf("a trust file without a ledger: %v", err)
	}
}

// Keys and roles are those of the trust in force where a record stands.
func TestTrustChanges(t *testing.T) {
	c := newCompany(t)
	ctx := t.Context()
	_, err := c.book("ci", "canary").Release(ctx, c.built("1.0.0"))
	c.must(err)
	c.now = c.now.Add(time.Hour)
	next, err := c.trust.Rotate("ci", key("ci2").private().Public(), c.now)
	c.must(err)
	record, err := rollout.TrustRecord(ctx, c.trust, next, key("ann"), key("bob"))
	c.must(err)
	_, err = c.book("eve", "canary").Append(ctx, record)
	c.must(err)
	if _, err := c.book("eve", "canary").Append(ctx, record); code(err) != "rollback" {
		t.Errorf("an old trust file: %v", err)
	}
	if _, err := rollout.TrustRecord(ctx, c.trust, next, key("ann")); err == nil {
		t.Error("one of two roots made a trust file")
	}
	c.trust = next
	if _, err := c.book("ci", "canary").Release(ctx, c.built("1.1.0")); code(err) != "signature" {
		t.Errorf("the old key still releases: %v", err)
	}
	_, err = c.book("ci2", "canary").Release(ctx, c.built("1.1.0"))
	c.must(err)
	v, err := c.book("ci", "canary").View(ctx)
	c.must(err)
	if s := v.State("app"); len(s.Releases) != 2 || s.Trust != 3 {
		t.Errorf("%s", dump(s))
	}

	// After its end nobody's word counts but the root's.
	c.now = c.trust.Expires.Add(time.Hour)
	if _, err := c.book("ci2", "canary").Release(ctx, c.built("1.2.0")); code(err) != "signature" {
		t.Errorf("released by an expired trust file: %v", err)
	}
	later := *c.trust
	later.Version, later.Expires = c.trust.Version+1, c.trust.Expires.AddDate(1, 0, 0)
	parsed, err := verify.ParseTrust(later.Marshal())
	c.must(err)
	record, err = rollout.TrustRecord(ctx, c.trust, parsed, key("ann"), key("bob"))
	c.must(err)
	_, err = c.book("ann", "canary").Append(ctx, record)
	c.must(err)
	c.trust = parsed
	_, err = c.book("ci2", "canary").Release(ctx, c.built("1.2.0"))
	c.must(err)
}

// A record that is unreadable, unsigned or a stranger's keeps its place, and has
// no effect; and a whole view has none that contradicts another.
func TestStrangers(t *testing.T) {
	c := newCompany(t)
	ctx := t.Context()
	book := c.book("ci", "canary")
	r := c.built("1.0.0")
	stranger, err := sign.Statement(ctx, r.Statement(), key("mallory"))
	c.must(err)
	if _, err := book.Append(ctx, stranger); code(err) != "signature" {
		t.Errorf("a stranger released: %v", err)
	}
	bad, err := sign.Read(strings.NewReader("{}\n"))
	c.must(err)
	if _, err := book.Append(ctx, bad[0]); err == nil {
		t.Error("what cannot be read took effect")
	}
	other, err := sign.Payload(ctx, "text/plain", []byte("hello"), key("ci"))
	c.must(err)
	if _, err := book.Append(ctx, other); err == nil {
		t.Error("what is no statement took effect")
	}
	before, err := book.View(ctx)
	c.must(err)
	ref, err := book.Release(ctx, r)
	c.must(err)
	if ref.Name != "app#1" {
		t.Errorf("it is called %s", ref.Name)
	}
	if s := before.State("app"); s != nil && len(s.Releases) > 0 {
		t.Error("a view changed after the fact")
	}
	var effects []release.Effect
	replay, err := rollout.NewReplay(c.log, c.trust, verify.Options{})
	c.must(err)
	_, err = replay.Watch(ctx, func(e release.Effect, _ rollout.Entry) { effects = append(effects, e) })
	c.must(err)
	void := 0
	for _, e := range effects {
		if e.Void != nil {
			void++
		}
	}
	if len(effects) != 6 || void != 3 {
		t.Errorf("%d records, %d void, want 6 and 3: %s", len(effects), void, dump(effects))
	}
}

// A replay checks signatures ahead by many records, and still by the trust of each.
func TestChunks(t *testing.T) {
	c := newCompany(t)
	ctx := t.Context()
	next := *c.trust
	next.Version++
	next.Products = map[string]verify.Product{"app": {Versions: release.SemVer, Releasers: []string{"bob"}}}
	parsed, err := verify.ParseTrust(next.Marshal())
	c.must(err)
	record, err := rollout.TrustRecord(ctx, c.trust, parsed, key("ann"), key("bob"))
	c.must(err)
	for i := range 1300 {
		if i == 700 {
			_, err = c.log.Append(ctx, record)
			c.must(err)
		}
		r := release.Release{Product: "app", Version: "1.0." + strconv.Itoa(i), Config: provenance.SumSHA256(nil), Subjects: []provenance.ResourceDescriptor{{Name: "a", Digest: provenance.Set(provenance.SumSHA256([]byte(strconv.Itoa(i))))}}}
		b, err := sign.Statement(ctx, r.Statement(), key([]string{"ci", "bob"}[i%2]))
		c.must(err)
		_, err = c.log.Append(ctx, b)
		c.must(err)
	}
	replay, err := rollout.NewReplay(c.log, parsed, verify.Options{})
	c.must(err)
	v, err := replay.View(ctx)
	c.must(err)
	s := v.State("app")
	if len(s.Releases) != 650 || len(s.Void) != 650 {
		t.Fatalf("%d releases, %d void", len(s.Releases), len(s.Void))
	}
	for _, r := range s.Releases {
		if want := map[bool]string{true: "ci", false: "bob"}[r.Index < 702]; len(r.By) != 1 || r.By[0] != want {
			t.Fatalf("record %d by %v", r.Index, r.By)
		}
	}
}
