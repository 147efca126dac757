package rollout_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/release"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/sign/ledger"
	"github.com/touchmark-go/touchmark/sign/ledger/tessera"
	"github.com/touchmark-go/touchmark/verify"
	"github.com/touchmark-go/touchmark/verify/rollout"
)

// Many bind one tag at once, each to an artifact of its own: one wins, and every
// loser is told who did. Somebody who may not bind it comes first, and never wins.
func TestRace(t *testing.T) {
	c := newCompany(t)
	race(t, c, 64, func(int) rollout.Log { return c.log })
}

// The same over a log on the disk that was opened twice.
func TestRaceOnDisk(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for checkpoints")
	}
	dir := t.TempDir()
	private, public, err := tessera.NewKey(origin)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ledger.NewSigner(origin+"/witness", key("witness").private())
	if err != nil {
		t.Fatal(err)
	}
	memory := t.TempDir()
	var logs []rollout.Log
	for range 2 {
		w, err := tessera.NewWitness(signer, memory, ledger.Log{Origin: origin, Key: public})
		if err != nil {
			t.Fatal(err)
		}
		log, err := tessera.Options{Witnesses: []tessera.Endpoint{{Key: signer.Key(), Local: w}}, AtLeast: 1}.Open(dir, private)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { log.Close() })
		logs = append(logs, log)
	}
	trust, err := rollout.Begin(t.Context(), logs[0], firstTrust(), verify.Ledger{Origin: origin, Key: public, Witnesses: verify.LedgerWitnesses{AtLeast: 1, Keys: []string{signer.Key()}}}, key("ann"), key("bob"))
	if err != nil {
		t.Fatal(err)
	}
	c := &company{t: t, now: time.Now(), trust: trust, store: &shelf{bundles: map[provenance.Digest][]*sign.Bundle{}}}
	race(t, c, 16, func(n int) rollout.Log { return logs[n%2] })
}

func race(t *testing.T, c *company, n int, log func(int) rollout.Log) {
	ctx := t.Context()
	book := func(n int, who string) *rollout.Book {
		return &rollout.Book{Log: log(n), Trust: c.trust, Signer: key(who)}
	}
	subjects := make([]provenance.ResourceDescriptor, n)
	for i := range subjects {
		name := "app-" + string(rune('a'+i/26)) + string(rune('a'+i%26))
		subjects[i] = provenance.ResourceDescriptor{Name: name, Digest: provenance.Set(provenance.SumSHA256([]byte(name)))}
	}
	ref, err := book(0, "ci").Release(ctx, release.Release{Product: "app", Version: "1.0.0", Config: provenance.SumSHA256(nil), Subjects: subjects})
	c.must(err)
	tag := func(i int) release.Tag {
		d, _ := subjects[i].Digest.Get(provenance.SHA256)
		return release.Tag{Product: "app", Tag: "1.0.0", Release: ref.ID, Digest: d}
	}
	if err := book(0, "eve").Tag(ctx, tag(0)); code(err) != "signature" {
		t.Fatalf("eve: %v", err)
	}
	books := make([]*rollout.Book, 8) // each of which several use at once
	for i := range books {
		books[i] = book(i, "ci")
	}
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { errs[i] = books[i%len(books)].Tag(ctx, tag(i)) })
	}
	wg.Wait()
	v, err := book(1, "ci").View(ctx)
	c.must(err)
	bound, err := v.Tag(ctx, "app", "1.0.0")
	c.must(err)
	winners := 0
	for i, err := range errs {
		var void *rollout.VoidError
		switch own := tag(i).Digest; {
		case err == nil && own == bound:
			winners++
		case !errors.As(err, &void) || void.Void.Code != "immutable" || !strings.Contains(err.Error(), own.String()) || !strings.Contains(err.Error(), bound.String()):
			t.Errorf("%d: %v", i, err)
		}
	}
	if winners != 1 {
		t.Errorf("%d winners", winners)
	}
}
