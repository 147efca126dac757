package rollout_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/release"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/verify"
	"github.com/touchmark-go/touchmark/verify/rollout"
)

// A log begins with a trust file that its root signs. A real one is a folder, see
// package tessera; this one is in memory.
func Example() {
	ctx := context.Background()
	entries := &memory{now: func() time.Time { return time.Date(2026, 11, 21, 3, 7, 0, 0, time.UTC) }}
	trust, err := rollout.Begin(ctx, entries, firstTrust(), verify.Ledger{Origin: origin, Key: "releases.acme.example+00000000+key"}, key("ann"), key("bob"))
	if err != nil {
		log.Fatal(err)
	}

	book := rollout.Book{Log: entries, Trust: trust, Signer: key("ci")}
	ref, err := book.Release(ctx, release.Release{Product: "app", Version: "1.4.0", Config: provenance.SumSHA256([]byte("level: info")),
		Subjects: []provenance.ResourceDescriptor{{Name: "app", Digest: provenance.Set(provenance.SumSHA256([]byte("the program")))}}})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("released as", ref.Name)
	if err := book.Tag(ctx, release.Tag{Release: ref.ID, Tag: "1.4.0"}); err != nil {
		log.Fatal(err)
	}

	// Somebody who may not release is in the log as well, and it has no effect.
	eve := rollout.Book{Log: entries, Trust: trust, Signer: key("eve")}
	_, err = eve.Release(ctx, release.Release{Product: "app", Version: "6.6.6", Config: provenance.SumSHA256(nil),
		Subjects: []provenance.ResourceDescriptor{{Name: "app", Digest: provenance.Set(provenance.SumSHA256([]byte("evil")))}}})
	var void *rollout.VoidError
	if errors.As(err, &void) {
		fmt.Println(void)
	}

	view, err := book.View(ctx)
	if err != nil {
		log.Fatal(err)
	}
	digest, err := view.Tag(ctx, "app", "1.4.0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("1.4.0 is", digest == ref.Digest)
	// Output:
	// released as app#1
	// record 4, a release, is void: signature: signed by eve, who may not release app
	// 1.4.0 is true
}

// People sign the next trust file each at home, and anybody whom the one in force
// names brings it into the log.
func ExampleSignedTrustRecord() {
	ctx := context.Background()
	entries := &memory{now: func() time.Time { return time.Date(2026, 11, 21, 3, 7, 0, 0, time.UTC) }}
	trust, err := rollout.Begin(ctx, entries, firstTrust(), verify.Ledger{Origin: origin, Key: "releases.acme.example+00000000+key"}, key("ann"), key("bob"))
	if err != nil {
		log.Fatal(err)
	}
	next, err := trust.Rotate("ci", key("ci2").private().Public(), time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC))
	if err != nil {
		log.Fatal(err)
	}
	signed, err := sign.Payload(ctx, verify.TrustType, next.Marshal(), key("ann"))
	if err != nil {
		log.Fatal(err)
	}
	_, err = rollout.SignedTrustRecord(ctx, trust, signed, key("cy"))
	fmt.Println("one person is enough:", err == nil)
	if err := rollout.CoSign(ctx, signed, key("bob")); err != nil {
		log.Fatal(err)
	}
	record, err := rollout.SignedTrustRecord(ctx, trust, signed, key("cy"))
	if err != nil {
		log.Fatal(err)
	}
	book := rollout.Book{Log: entries, Trust: trust}
	view, err := book.Append(ctx, record)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("in force is version", view.Trust().Version)
	// Output:
	// one person is enough: false
	// in force is version 3
}
