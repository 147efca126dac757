package store_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/touchmark-go/touchmark/provenance"
)

// BenchmarkLookup finds the evidence about one of many artifacts: the cost is that of one, however many there are.
// The store is filled by hand: a push is synced, and the disk's patience is not what is measured.
func BenchmarkLookup(b *testing.B) {
	sizes := []int{100, 10_000}
	if os.Getenv("TOUCHMARK_INTEGRATION") != "" {
		sizes = append(sizes, 100_000)
	}
	for _, n := range sizes {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			dir := b.TempDir()
			f := create(b, dir)
			for i := range n {
				text := fmt.Sprint("artifact ", i)
				data := line(b, evidence(b, "alice", text))
				subject, bundle := provenance.SumSHA256([]byte(text)).Hex(), provenance.SumSHA256([]byte(data)).Hex()
				fill(b, filepath.Join(dir, "bundles", "sha256", bundle[:2], bundle), data)
				fill(b, filepath.Join(dir, "subjects", "sha256", subject[:2], subject, bundle), "")
			}
			b.ResetTimer()
			for i := 0; b.Loop(); i++ {
				bundles, err := f.Bundles(b.Context(), provenance.SumSHA256(fmt.Append(nil, "artifact ", i%n)))
				if err != nil || len(bundles) != 1 || bundles[0].Err != nil {
					b.Fatalf("%v, %v", bundles, err)
				}
			}
		})
	}
}

func fill(b *testing.B, path, data string) {
	b.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		b.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(data), 0o444); err != nil {
		b.Fatal(err)
	}
}
