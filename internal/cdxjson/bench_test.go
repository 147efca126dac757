package cdxjson

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

	"github.com/touchmark-go/touchmark/internal/testkit"
)

// cpu is the CPU time that the process has used, its collector's included.
func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func measure(b *testing.B, size int, f func()) {
	b.SetBytes(int64(size))
	b.ReportAllocs()
	runtime.GC()
	start := cpu(b)
	for b.Loop() {
		f()
	}
	b.ReportMetric(float64(cpu(b)-start)/float64(b.N)/1e6, "cpu-ms/op")
}

// BenchmarkDecode reads the document of 76,000 components.
func BenchmarkDecode(b *testing.B) {
	document := testkit.LargeBOM(b, 76_000)
	b.Run("ours", func(b *testing.B) {
		measure(b, len(document), func() {
			if _, _, err := Decode(document); err != nil {
				b.Fatal(err)
			}
		})
	})
	b.Run("check", func(b *testing.B) {
		measure(b, len(document), func() {
			if err := Validate(document); err != nil {
				b.Fatal(err)
			}
		})
	})
	b.Run("cyclonedx-go", func(b *testing.B) {
		measure(b, len(document), func() {
			var bom cdx.BOM
			if err := cdx.NewBOMDecoder(strings.NewReader(document), cdx.BOMFileFormatJSON).Decode(&bom); err != nil {
				b.Fatal(err)
			}
		})
	})
}

// BenchmarkEncode writes it.
func BenchmarkEncode(b *testing.B) {
	document := testkit.LargeBOM(b, 76_000)
	bom, _, err := Decode(document)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("ours", func(b *testing.B) {
		measure(b, len(document), func() {
			if _, err := Encode(bom); err != nil {
				b.Fatal(err)
			}
		})
	})
	b.Run("cyclonedx-go", func(b *testing.B) {
		measure(b, len(document), func() {
			if err := cdx.NewBOMEncoder(io.Discard, cdx.BOMFileFormatJSON).Encode(bom); err != nil {
				b.Fatal(err)
			}
		})
	})
	b.Run("raw/json.Marshal", func(b *testing.B) {
		measure(b, len(document), func() {
			var buf bytes.Buffer
			if err := json.NewEncoder(&buf).Encode(bom); err != nil {
				b.Fatal(err)
			}
		})
	})
}
