package index_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

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
	x, v, err := c.open(path)
	if err != nil {
		b.Fatal(err)
	}
	defer x.Close()
	last := size/(10*products+1) - 1 // of each product, at least
	n := 0
	pick := func() (string, int) { // far from the last one that was asked for
		n += 7919
		return product(n % products), n % (last + 1)
	}
	b.Run("tag", func(b *testing.B) {
		for b.Loop() {
			p, i := pick()
			if d, err := v.Tag(b.Context(), p, fmt.Sprintf("1.0.%d", i)); err != nil || d != artifact(p, i) {
				b.Fatal(d, err)
			}
		}
	})
	b.Run("status", func(b *testing.B) {
		for b.Loop() {
			p, i := pick()
			if s, err := v.Status(b.Context(), p, artifact(p, i)); err != nil || len(s.Promotions) != 2 {
				b.Fatal(s, err)
			}
		}
	})
	b.Run("last-good", func(b *testing.B) {
		for b.Loop() {
			p, _ := pick()
			if r, err := v.LastGood(b.Context(), p, "prod"); err != nil || r == nil {
				b.Fatal(r, err)
			}
		}
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
	b.Run("verify-proof", func(b *testing.B) {
		for b.Loop() {
			if _, err := verifier.VerifyProof(proof, rec.Data); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(len(proof.Marshal())), "proof-bytes")
	})
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
