package provenance_test

import (
	"crypto/rand"
	"crypto/sha256"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/touchmark-go/touchmark/provenance"
)

// BenchmarkSubjects compares Subjects with crypto/sha256 over the same bytes in
// memory, taking turns, and reports medians: x/sha256 is the throughput of
// one file over that of the raw primitive, and x/two what two files gain from a
// second processor.
//
//	go test -run '^$' -bench Subjects -benchtime 30x ./provenance
func BenchmarkSubjects(b *testing.B) {
	const size = 64 << 20
	content := make([]byte, size)
	rand.Read(content)
	dir := b.TempDir()
	for _, name := range []string{"one", "two"} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			b.Fatal(err)
		}
	}
	hash := func(names ...string) func() {
		var paths []string
		for _, name := range names {
			paths = append(paths, filepath.Join(dir, name))
		}
		return func() {
			if _, err := (provenance.SubjectOptions{Root: dir}).Subjects(b.Context(), paths...); err != nil {
				b.Fatal(err)
			}
		}
	}
	one, two := hash("one"), hash("one", "two")
	var raws, ones, alones, twos []time.Duration
	for b.Loop() {
		raws = append(raws, took(func() { sha256.Sum256(content) }))
		ones = append(ones, took(one))
		twos = append(twos, took(two))
		procs := runtime.GOMAXPROCS(1)
		alones = append(alones, took(two))
		runtime.GOMAXPROCS(procs)
	}
	raw, single, alone, double := median(raws), median(ones), median(alones), median(twos)
	b.ReportMetric(0, "ns/op") // a sum that says nothing
	b.ReportMetric(size/raw.Seconds()/1e6, "raw-MB/s")
	b.ReportMetric(size/single.Seconds()/1e6, "one-MB/s")
	b.ReportMetric(raw.Seconds()/single.Seconds(), "x/sha256")
	b.ReportMetric(2*raw.Seconds()/alone.Seconds(), "x/sha256-1cpu")
	if runtime.GOMAXPROCS(0) > 1 {
		b.ReportMetric(alone.Seconds()/double.Seconds(), "x/two")
	}
}

func took(f func()) time.Duration {
	start := time.Now()
	f()
	return time.Since(start)
}

func median(times []time.Duration) time.Duration {
	slices.Sort(times)
	return times[len(times)/2]
}
