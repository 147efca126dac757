package rollout_test

import (
	"fmt"
	"testing"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/release"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/verify"
	"github.com/touchmark-go/touchmark/verify/rollout"
)

// Signatures are checked long before the records in front of them are applied, and
// still by the keys that are in force at each: a key counts from the very record on
// that brings it, and up to the one that takes it away. What a replay says is what
// one says that reads one record at a time.
func TestCheckedAhead(t *testing.T) {
	c := newCompany(t)
	pinned, good := c.trust, 0
	for i := range 700 {
		if i%150 == 140 { // the key of ci is another one from here on
			next := *c.trust
			next.Version++
			next.Principals = map[string]verify.Principal{}
			for name, p := range c.trust.Principals {
				next.Principals[name] = p
			}
			ci := principal(verify.Builder, fmt.Sprint("ci-", i/150+1))
			ci.Builders = next.Principals["ci"].Builders
			next.Principals["ci"] = ci
			parsed, err := verify.ParseTrust(next.Marshal())
			c.must(err)
			record, err := rollout.TrustRecord(t.Context(), c.trust, parsed, key("ann"), key("bob"))
			c.must(err)
			_, err = c.log.Append(t.Context(), record)
			c.must(err)
			c.trust = parsed
		}
		// By the key in force, the one before and the one after it in turn.
		epoch := (i + 10) / 150
		by := epoch + []int{0, -1, 1}[i%3]
		who := key(fmt.Sprint("ci-", by))
		if by <= 0 {
			who = "ci"
		}
		if by == epoch || epoch == 0 && by < 0 {
			good++
		}
		r := release.Release{Product: "app", Version: fmt.Sprintf("1.0.%d", i), Config: provenance.SumSHA256(nil), Subjects: []provenance.ResourceDescriptor{{Name: "app", Digest: provenance.Set(provenance.SumSHA256(fmt.Append(nil, i)))}}}
		b, err := sign.Statement(t.Context(), r.Statement(), who)
		c.must(err)
		_, err = c.log.Append(t.Context(), b)
		c.must(err)
	}
	said := func(step int) string {
		r, err := rollout.NewReplay(c.log, pinned, verify.Options{})
		c.must(err)
		var fates []string
		for size := max(step, 2); ; size += step { // before that the pinned trust file is not in it
			size = min(size, len(c.log.entries))
			c.log.size = uint64(size)
			v, err := r.Watch(t.Context(), func(e release.Effect, _ rollout.Entry) {
				fates = append(fates, dump(e))
			})
			c.must(err)
			if size == len(c.log.entries) {
				if n := len(v.State("app").Releases); n != good {
					t.Errorf("%d at a time: %d releases count, want %d", step, n, good)
				}
				return dump(v.State("app")) + dump(v.Void()) + dump(fates)
			}
		}
	}
	if one, all := said(1), said(len(c.log.entries)); one != all {
		t.Error("all at once it says something else than one record at a time")
	}
}
