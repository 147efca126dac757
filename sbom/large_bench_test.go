//go:build unix

package sbom_test

import (
	"bytes"
	"encoding/json"
	"io"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/touchmark-go/touchmark/internal/cdxjson"
	"github.com/touchmark-go/touchmark/internal/testkit"
	"github.com/touchmark-go/touchmark/sbom"
)

// cpu is the CPU time that the process has used, its garbage collector's included.
func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// measure reports the CPU time of f beside the wall's.
func measure(b *testing.B, size int, f func() error) {
	b.SetBytes(int64(size))
	b.ReportAllocs()
	runtime.GC()
	start := cpu(b)
	for b.Loop() {
		if err := f(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(cpu(b)-start)/float64(b.N)/1e6, "cpu-ms/op")
}

// BenchmarkParseLarge reads the document of 76,000 components, 56 MB.
func BenchmarkParseLarge(b *testing.B) {
	document := testkit.LargeBOM(b, 76_000)
	b.Run("ours", func(b *testing.B) {
		measure(b, len(document), func() error {
			_, err := sbom.Parse(strings.NewReader(document))
			return err
		})
	})
	b.Run("ours/scan", func(b *testing.B) {
		measure(b, len(document), func() error {
			for _, err := range sbom.Scan(strings.NewReader(document)) {
				if err != nil {
					return err
				}
			}
			return nil
		})
	})
	b.Run("ours/validate", func(b *testing.B) {
		measure(b, len(document), func() error { return cdxjson.Validate(document) })
	})
	b.Run("cyclonedx-go", func(b *testing.B) {
		measure(b, len(document), func() error {
			return cdx.NewBOMDecoder(strings.NewReader(document), cdx.BOMFileFormatJSON).Decode(&cdx.BOM{})
		})
	})
	b.Run("raw/json.Valid", func(b *testing.B) {
		data := []byte(document)
		measure(b, len(document), func() error {
			if !json.Valid(data) {
				b.Fatal("no JSON")
			}
			return nil
		})
	})
}

// BenchmarkWriteLarge writes it.
func BenchmarkWriteLarge(b *testing.B) {
	document := testkit.LargeBOM(b, 76_000)
	bom, err := sbom.Parse(strings.NewReader(document))
	if err != nil {
		b.Fatal(err)
	}
	b.Run("ours", func(b *testing.B) {
		measure(b, len(document), func() error { return sbom.Write(io.Discard, bom) })
	})
	b.Run("cyclonedx-go", func(b *testing.B) {
		measure(b, len(document), func() error { return cdx.NewBOMEncoder(io.Discard, cdx.BOMFileFormatJSON).Encode(bom) })
	})
	b.Run("cyclonedx-go/buffer", func(b *testing.B) {
		measure(b, len(document), func() error { return cdx.NewBOMEncoder(new(bytes.Buffer), cdx.BOMFileFormatJSON).Encode(bom) })
	})
}

// BenchmarkDiffLarge compares it, as it goes by, with itself and with one that has a
// component less.
func BenchmarkDiffLarge(b *testing.B) {
	document, other := testkit.LargeBOM(b, 76_000), testkit.LargeBOM(b, 75_999)
	for _, test := range []struct {
		name, with string
		differ     bool
	}{{"same", document, false}, {"different", other, true}} {
		b.Run(test.name, func(b *testing.B) {
			measure(b, len(document)+len(test.with), func() error {
				changes, err := sbom.DiffStream(strings.NewReader(document), strings.NewReader(test.with))
				if err == nil && len(changes) > 0 != test.differ {
					b.Fatal(changes)
				}
				return err
			})
		})
	}
}
