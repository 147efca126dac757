package tessera_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/sign/ledger"
)

// BenchmarkAppend is what a record costs, alone and among many.
func BenchmarkAppend(b *testing.B) {
	for _, n := range []int{1, 1000, 8000} {
		b.Run(fmt.Sprintf("batch=%d", n), func(b *testing.B) {
			f := newFixture(b, 0)
			l := f.open(b)
			batch := make([]*sign.Bundle, n)
			for i := range batch {
				batch[i] = record(b, i)
			}
			if _, err := l.Append(b.Context(), record(b, 0)); err != nil { // the log is made
				b.Fatal(err)
			}
			for b.Loop() {
				if _, err := l.AppendAll(b.Context(), batch...); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "records/s")
		})
	}
}

// BenchmarkRead draws how reading one record, proving it and checking the
// proof grow with the log: up to a million records if TOUCHMARK_DEEP is set.
func BenchmarkRead(b *testing.B) {
	sizes := []int{1000, 10_000}
	if os.Getenv("TOUCHMARK_DEEP") != "" {
		sizes = append(sizes, 100_000, 1_000_000)
	}
	for _, size := range sizes {
		f := newFixture(b, 1)
		l := f.open(b)
		batch := make([]*sign.Bundle, 8000)
		for i := range batch {
			batch[i] = record(b, i)
		}
		for n := 0; n < size; n += len(batch) {
			if _, err := l.AppendAll(b.Context(), batch[:min(len(batch), size-n)]...); err != nil {
				b.Fatal(err)
			}
		}
		v, err := f.id.Verifier()
		if err != nil {
			b.Fatal(err)
		}
		d, err := ledger.OpenDir(f.dir)
		if err != nil {
			b.Fatal(err)
		}
		defer d.Close()
		index := uint64(size / 3)
		r, err := v.Read(b.Context(), d)
		if err != nil {
			b.Fatal(err)
		}
		p, err := r.Prove(b.Context(), index)
		if err != nil {
			b.Fatal(err)
		}
		rec, err := r.Record(b.Context(), index)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprintf("open+record/n=%d", size), func(b *testing.B) {
			for b.Loop() {
				r, err := v.Read(b.Context(), d)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := r.Record(b.Context(), index); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("prove/n=%d", size), func(b *testing.B) {
			for b.Loop() {
				if _, err := r.Prove(b.Context(), index); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("verify-proof/n=%d", size), func(b *testing.B) {
			for b.Loop() {
				if _, err := v.VerifyProof(p, rec.Data); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("all/n=%d", size), func(b *testing.B) {
			for b.Loop() {
				for _, err := range r.Records(b.Context(), 0) {
					if err != nil {
						b.Fatal(err)
					}
				}
			}
			b.ReportMetric(float64(size)*float64(b.N)/b.Elapsed().Seconds(), "records/s")
		})
	}
}
