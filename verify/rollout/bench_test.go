package rollout_test

import (
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/release"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/verify"
	"github.com/touchmark-go/touchmark/verify/rollout"
)

// What it costs to read a log anew, every signature checked, and how much stays in
// memory; and what a question costs then.
func BenchmarkReplay(b *testing.B) {
	const records = 10_000
	ctx := b.Context()
	now := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	log := &memory{now: func() time.Time { return now }}
	trust, err := rollout.Begin(ctx, log, firstTrust(), verify.Ledger{Origin: origin, Key: "k"}, key("ann"), key("bob"))
	if err != nil {
		b.Fatal(err)
	}
	add := func(s *provenance.Statement) {
		bundle, err := sign.Statement(ctx, s, key("ci"))
		if err == nil {
			_, err = log.Append(ctx, bundle)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	var last provenance.Digest
	for i := 0; i < records; i += 5 {
		last = provenance.SumSHA256([]byte(strconv.Itoa(i)))
		r := release.Release{Product: "app", Version: "1.0." + strconv.Itoa(i), Config: provenance.SumSHA256(nil), Subjects: []provenance.ResourceDescriptor{{Name: "app", Digest: provenance.Set(last)}}}
		add(r.Statement())
		add(release.Tag{Product: "app", Tag: r.Version, Release: r.ID(), Digest: last}.Statement())
		for n := range 3 {
			add(release.Deployment{Product: "app", Environment: "prod", Cluster: strconv.Itoa(n), Release: r.ID(), Subjects: r.Subjects, Config: r.Config, Result: release.Running, At: now}.Statement())
		}
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var v *rollout.View
	b.Run("all", func(b *testing.B) {
		for b.Loop() {
			replay, err := rollout.NewReplay(log, trust, verify.Options{})
			if err != nil {
				b.Fatal(err)
			}
			if v, err = replay.View(ctx); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/records, "ns/record")
	})
	runtime.GC()
	runtime.ReadMemStats(&after)
	b.Logf("%d bytes a record stay", (int64(after.HeapAlloc)-int64(before.HeapAlloc))/records)
	runtime.GC()
	b.Run("question", func(b *testing.B) {
		for b.Loop() {
			if _, err := v.Status(ctx, "app", last); err != nil {
				b.Fatal(err)
			}
		}
	})
}
