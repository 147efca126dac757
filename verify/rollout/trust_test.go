package rollout_test

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"testing"

	"github.com/touchmark-go/touchmark/internal/jcs"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/sign/ledger"
	"github.com/touchmark-go/touchmark/verify"
	"github.com/touchmark-go/touchmark/verify/rollout"
)

// many is a trust file with so many products, each with the way of the first.
func many(t testing.TB, of *verify.Trust, products int) *verify.Trust {
	t.Helper()
	next := *of
	next.Products = map[string]verify.Product{}
	for n := range products {
		next.Products[fmt.Sprintf("service-%d", n)] = of.Products["app"]
	}
	next.Version++
	parsed, err := verify.ParseTrust(next.Marshal())
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

// A trust file of a hundred products fits into a record. One that does not is
// refused before anything is appended, and the error says how much is too much.
func TestTrustSize(t *testing.T) {
	c := newCompany(t)
	record, err := rollout.TrustRecord(t.Context(), c.trust, many(t, c.trust, 100), key("ann"), key("bob"))
	c.must(err)
	line, err := record.Marshal()
	if err != nil || len(line) > ledger.MaxRecord {
		t.Fatalf("%d bytes, %v", len(line), err)
	}
	v, err := (&rollout.Book{Log: c.log, Trust: c.trust}).Append(t.Context(), record)
	c.must(err)
	if n := len(v.Trust().Products); n != 100 {
		t.Errorf("%d products are in force", n)
	}
	large := many(t, c.trust, 300)
	_, err = rollout.TrustRecord(t.Context(), c.trust, large, key("ann"), key("bob"))
	if !errors.Is(err, sign.ErrLimit) {
		t.Fatal(err)
	}
	said := regexp.MustCompile(`take about (\d+) bytes out of the file`).FindStringSubmatch(err.Error())
	if said == nil {
		t.Fatal(err)
	}
	over, err := strconv.Atoi(said[1])
	c.must(err)
	// What it says is enough, and not much more than that.
	products, least := 0, len(canonical(t, large))-over
	for n := 100; n < 300 && products == 0; n++ {
		if _, err := rollout.TrustRecord(t.Context(), c.trust, many(t, c.trust, n), key("ann"), key("bob")); err != nil {
			products = n - 1
		}
	}
	if fits, more := len(canonical(t, many(t, c.trust, products))), len(canonical(t, many(t, c.trust, products+1))); least < fits-20 || least > more {
		t.Errorf("%d products fit with %d bytes, %d do not with %d: it says %d bytes fit", products, fits, products+1, more, least)
	}
}

// A log does not begin with a trust file that no record holds.
func TestBeginTooLarge(t *testing.T) {
	log := &memory{}
	first := many(t, firstTrust(), 400)
	if _, err := rollout.Begin(t.Context(), log, first, verify.Ledger{Origin: origin, Key: "log+00000000+key"}, key("ann"), key("bob")); !errors.Is(err, sign.ErrLimit) || len(log.entries) != 0 {
		t.Errorf("%d records, %v", len(log.entries), err)
	}
}

// People sign a next version each at home, and anybody whom the one in force names
// brings it into the log. Without the root it is no next version, whoever does so.
func TestSignedTrustRecord(t *testing.T) {
	c := newCompany(t)
	next := many(t, c.trust, 2)
	by := func(who ...string) *sign.Bundle {
		t.Helper()
		b, err := sign.Payload(t.Context(), verify.TrustType, next.Marshal(), key(who[0]))
		c.must(err)
		for _, name := range who[1:] {
			c.must(rollout.CoSign(t.Context(), b, key(name)))
		}
		return b
	}
	if _, err := rollout.SignedTrustRecord(t.Context(), c.trust, by("ann", "ci"), key("ann"), key("bob")); err == nil {
		t.Error("one of the root is enough")
	}
	record, err := rollout.SignedTrustRecord(t.Context(), c.trust, by("ann", "bob"), key("ci"))
	c.must(err)
	v, err := (&rollout.Book{Log: c.log, Trust: c.trust}).Append(t.Context(), record)
	c.must(err)
	if v.Trust().Version != next.Version {
		t.Errorf("in force is version %d", v.Trust().Version)
	}
	if _, err := rollout.SignedTrustRecord(t.Context(), v.Trust(), by("ann", "bob"), key("ci")); err == nil {
		t.Error("the same version follows itself")
	}
}

func canonical(t testing.TB, trust *verify.Trust) []byte {
	t.Helper()
	out, err := jcs.Transform(trust.Marshal())
	if err != nil {
		t.Fatal(err)
	}
	return out
}
