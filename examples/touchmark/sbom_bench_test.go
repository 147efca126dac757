//go:build unix

package main

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/touchmark-go/touchmark/internal/gofacts/factstest"
)

// BenchmarkSBOMProcess is touchmark sbom as a whole process, which is to take
// at most 8 ms and 32 MiB on an idle machine besides hashing the file: of a file
// with the build info of 250 modules and nothing else, and of its own binary.
// Beside the latter stands hashing these bytes.
func BenchmarkSBOMProcess(b *testing.B) {
	tool := goBuild(b, ".", "touchmark")
	small := filepath.Join(b.TempDir(), "small")
	if err := os.WriteFile(small, modules250(), 0o600); err != nil {
		b.Fatal(err)
	}
	data, err := os.ReadFile(tool)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("without digests", func(b *testing.B) { processes(b, tool, "sbom", small) })
	b.Run("with digests", func(b *testing.B) { processes(b, tool, "sbom", tool) })
	b.Run("raw hashing", func(b *testing.B) {
		for b.Loop() {
			done := make(chan struct{})
			go func() {
				defer close(done)
				sha512.Sum512(data)
			}()
			sha256.Sum256(data)
			<-done
		}
	})
}

// modules250 is an ELF file with nothing in it but the build info of a program
// of 250 modules.
func modules250() []byte {
	var info strings.Builder
	info.WriteString("path\texample.com/acme/app/cmd/app\nmod\texample.com/acme/app\tv1.2.3\t\n")
	for i := range 250 {
		sum := sha256.Sum256([]byte{byte(i)})
		fmt.Fprintf(&info, "dep\tgithub.com/Organisation-%02d/repository-%03d/v2\tv2.%d.0\th1:%s\n", i/5, i, i, base64.StdEncoding.EncodeToString(sum[:]))
	}
	info.WriteString("build\t-buildmode=exe\nbuild\tCGO_ENABLED=0\nbuild\tGOARCH=amd64\nbuild\tGOOS=linux\n")
	text := strings.Repeat("<", 16) + info.String() + strings.Repeat(">", 16)
	blob := append([]byte("\xff Go buildinf:\x08\x02"), bytes.Repeat([]byte{0}, 16)...)
	for _, s := range []string{"go1.26.8", text} {
		blob = append(binary.AppendUvarint(blob, uint64(len(s))), s...)
	}
	return factstest.ELF(blob)
}
