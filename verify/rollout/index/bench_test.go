package index_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/touchmark-go/touchmark/verify/rollout/index"
)

// BenchmarkIndex draws how making an index, opening it, asking it and proving its
// answer grow with the log: up to a million records if TOUCHMARK_DEEP is set. If
// that names a folder, the logs stay there and are taken again; then max-RSS-MiB is
// what reading took, and no writing.
func BenchmarkIndex(b *testing.B) {
	sizes := []int{1000, 10_000}
	deep := os.Getenv("TOUCHMARK_DEEP")
	if deep != "" {
		sizes = append(sizes, 100_000, 1_000_000)
	}
	for _, size := range sizes {
		b.Run(fmt.Sprintf("n=%d", size), func(b *testing.B) {
			dir := b.TempDir()
			if filepath.IsAbs(deep) {
				dir = filepath.Join(deep, strconv.Itoa(size))
				if err := os.MkdirAll(dir, 0o700); err != nil {
					b.Fatal(err)
				}
			}
			c := newCompanyIn(b, dir, products)
			defer c.log.Close()
			if head, err := c.log.Head(b.Context()); err != nil || head.Size < uint64(size) {
				c.grow(size)
			}
			benchmark(b, c, size)
		})
	}
}

const products = 20

func benchmark(b *testing.B, c *company, size int) {
	path := c.path()
	b.Run("make", func(b *testing.B) {
		for b.Loop() {
			if err := index.Remove(b.Context(), path); err != nil {
				b.Fatal(err)
			}
			x, _, err := c.open(path)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(x.Size())/float64(size), "bytes/record")
			x.Close()
		}
		b.ReportMetric(float64(size)*float64(b.N)/b.Elapsed().Seconds(), "records/s")
		b.ReportMetric(maxRSS(), "max-RSS-MiB")
	})
	b.Run("open", func(b *testing.B) {
		for b.Loop() {
			x, v, err := c.open(path)
			if err != nil {
				b.Fatal(err)
			}
			if v.Head().Size < uint64(size) {
				b.Fatal("it does not hold the log")
			}
			x.Close()
		}
	})
	benchmarkAdopt(b, c, path)
	x, v, err := c.open(path)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { x.Close() }()     // that is open then
	last := size/(10*products+1) - 1 // of each product, at least
	n := 0
	pick := func() (string, int) { // far from the last one that was asked for
		n += 7919
		return product(n % products), n % (last + 1)
	}
	tag := func() error {
		p, i := pick()
		d, err := v.Tag(b.Context(), p, fmt.Sprintf("1.0.%d", i))
		if err == nil && d != artifact(p, i) {
			err = fmt.Errorf("release %d of %s is bound to %s", i, p, d)
		}
		return err
	}
	lookups(b, "first-tag", 25, func() error { // of an index that was just opened
		x.Close()
		x, v, err = c.open(path)
		return err
	}, tag)
	lookups(b, "tag", 500, nil, tag)
	lookups(b, "status", 500, nil, func() error {
		p, i := pick()
		s, err := v.Status(b.Context(), p, artifact(p, i))
		if err == nil && len(s.Promotions) != 2 {
			err = fmt.Errorf("release %d of %s was promoted %d times", i, p, len(s.Promotions))
		}
		return err
	})
	lookups(b, "last-good", 500, nil, func() error {
		p, _ := pick()
		_, err := v.LastGood(b.Context(), p, "prod")
		return err
	})
	verifier, err := c.id.Verifier()
	if err != nil {
		b.Fatal(err)
	}
	reader, err := c.log.Read(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	p, i := pick()
	r, err := v.Find(p, artifact(p, i).String())
	if err != nil {
		b.Fatal(err)
	}
	rec, err := reader.Record(b.Context(), r.Index)
	if err != nil {
		b.Fatal(err)
	}
	proof, err := reader.Prove(b.Context(), r.Index)
	if err != nil {
		b.Fatal(err)
	}
	lookups(b, "verify-proof", 500, nil, func() error {
		_, err := verifier.VerifyProof(proof, rec.Data)
		return err
	})
	b.Logf("a proof has %d bytes", len(proof.Marshal()))
}

// lookups measures what each of so many calls of f takes, with before in front of it.
func lookups(b *testing.B, name string, times int, before, f func() error) {
	b.Run(name, func(b *testing.B) {
		var took []time.Duration
		for b.Loop() {
			for range times {
				if before != nil {
					if err := before(); err != nil {
						b.Fatal(err)
					}
				}
				start := time.Now()
				if err := f(); err != nil {
					b.Fatal(err)
				}
				took = append(took, time.Since(start))
			}
		}
		slices.Sort(took)
		b.ReportMetric(0, "ns/op") // of all of them, which says nothing
		b.ReportMetric(float64(took[len(took)/2].Nanoseconds())/1000, "µs-median")
		b.ReportMetric(float64(took[len(took)-1].Nanoseconds())/1000, "µs-max")
	})
}

// benchmarkAdopt is from a copy of an index that one signed oneself to a view of
// the log's head: the log got no record since.
func benchmarkAdopt(b *testing.B, c *company, path string) {
	x, _, err := c.open(path)
	if err != nil {
		b.Fatal(err)
	}
	signed, err := x.Summary()
	if err := errors.Join(err, x.Close()); err != nil {
		b.Fatal(err)
	}
	dir := c.path()
	copyOf(b, path, dir)
	b.Run("adopt", func(b *testing.B) {
		for b.Loop() {
			if err := index.Adopt(b.Context(), dir, sealKey, signed); err != nil {
				b.Fatal(err)
			}
			x, _, err := c.open(dir)
			if err != nil {
				b.Fatal(err)
			}
			x.Close()
		}
	})
	if err := os.RemoveAll(dir); err != nil {
		b.Fatal(err)
	}
}

// maxRSS is how much memory the process ever had, in MiB; 0 if the system does not say.
func maxRSS() float64 {
	data, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(data), "VmHWM:")
	kb, _ := strconv.Atoi(strings.Fields(rest + " 0")[0])
	return float64(kb) / 1024
}
