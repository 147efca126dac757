package sbom_test

import (
	"bytes"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/touchmark-go/touchmark/internal/gofacts/factstest"
	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sbom"
)

// modules250 is an ELF file with nothing in it but the build info of a program
// of 250 modules, which has the length of a real one's.
func modules250(t testing.TB) []byte {
	t.Helper()
	var info strings.Builder
	info.WriteString("path\texample.com/acme/app/cmd/app\nmod\texample.com/acme/app\tv1.2.3\t\n")
	for i := range 250 {
		sum := sha256.Sum256([]byte{byte(i)})
		fmt.Fprintf(&info, "dep\tgithub.com/Organisation-%02d/repository-%03d/v2\tv2.%d.0\th1:%s\n", i/5, i, i, base64.StdEncoding.EncodeToString(sum[:]))
	}
	info.WriteString("build\t-buildmode=exe\nbuild\t-compiler=gc\nbuild\t-trimpath=true\nbuild\tCGO_ENABLED=0\nbuild\tGOARCH=amd64\nbuild\tGOOS=linux\nbuild\tGOAMD64=v1\n" +
		"build\tvcs=git\nbuild\tvcs.revision=d65a71f2c4e1b3a5968778695a4b3c2d1e0f9a8b\nbuild\tvcs.time=2026-11-21T05:34:23Z\nbuild\tvcs.modified=false\n")
	return binaryWith("go1.26.8", info.String())
}

// binaryWith is the smallest ELF file with that build info.
func binaryWith(version, info string) []byte {
	blob := make([]byte, 32)
	copy(blob, "\xff Go buildinf:\x08\x02")
	blob = append(binary.AppendUvarint(blob, uint64(len(version))), version...)
	info = strings.Repeat("<", 16) + info + strings.Repeat(">", 16)
	blob = append(binary.AppendUvarint(blob, uint64(len(info))), info...)
	return factstest.ELF(blob)
}

// BenchmarkFromBinary is the SBOM of a program of 250 modules, from its bytes
// to the document's, without the file's hash. Beside it stand what it cannot
// be without: reading the build info and encoding the model.
func BenchmarkFromBinary(b *testing.B) {
	data := modules250(b)
	o := sbom.Options{Hashes: provenance.Set(provenance.SumSHA256(data))}
	bom, err := o.FromBinary(bytes.NewReader(data))
	if err != nil {
		b.Fatal(err)
	}
	if got := len(*bom.Components); got != 251 {
		b.Fatalf("the BOM has %d components, want 250 modules and stdlib", got)
	}
	b.Run("document", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			bom, err := o.FromBinary(bytes.NewReader(data))
			if err != nil {
				b.Fatal(err)
			}
			if err := sbom.Write(io.Discard, bom); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("model", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := o.FromBinary(bytes.NewReader(data)); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("raw/buildinfo.Read", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := buildinfo.Read(bytes.NewReader(data)); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("raw/json.Marshal", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := json.Marshal(bom); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkParse reads that document back.
func BenchmarkParse(b *testing.B) {
	bom, err := sbom.FromBinary(bytes.NewReader(modules250(b)))
	if err != nil {
		b.Fatal(err)
	}
	var document bytes.Buffer
	if err := sbom.Write(&document, bom); err != nil {
		b.Fatal(err)
	}
	b.Run("strict", func(b *testing.B) {
		b.SetBytes(int64(document.Len()))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := sbom.Parse(bytes.NewReader(document.Bytes())); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("raw/json.Unmarshal", func(b *testing.B) {
		b.SetBytes(int64(document.Len()))
		b.ReportAllocs()
		for b.Loop() {
			var v any
			if err := json.Unmarshal(document.Bytes(), &v); err != nil {
				b.Fatal(err)
			}
		}
	})
}
