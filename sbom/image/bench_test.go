package image_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/touchmark-go/touchmark/internal/ocilayout"
	"github.com/touchmark-go/touchmark/internal/ocilayout/imagetest"
	"github.com/touchmark-go/touchmark/internal/testkit"
	"github.com/touchmark-go/touchmark/sbom/image"
)

// The BOM of an image beside what cannot be spared: reading every layer for its
// names, and once more for its content, which is hashed.
func BenchmarkBOMs(b *testing.B) {
	var status strings.Builder
	var base []imagetest.Entry
	for i := range 400 {
		fmt.Fprintf(&status, "Package: p%d\nStatus: install ok installed\nVersion: 1.%d\nArchitecture: amd64\nDepends: p%d\n\n", i, i, i/2)
		var list strings.Builder
		for j := range 20 {
			name := fmt.Sprintf("usr/share/p%d/f%d", i, j)
			list.WriteString("/" + name + "\n")
			base = append(base, imagetest.Entry{Name: name, Body: strings.Repeat(name, 100)})
		}
		base = append(base, imagetest.Entry{Name: fmt.Sprintf("var/lib/dpkg/info/p%d.list", i), Body: list.String()})
	}
	base = append(base, imagetest.Entry{Name: "var/lib/dpkg/status", Body: status.String()}, imagetest.Entry{Name: "etc/os-release", Body: "ID=debian\nVERSION_ID=12\n"})
	program := string(testkit.GoBinary(b))
	l := imagetest.New()
	dir := l.Add(l.Image("linux/amd64", base, []imagetest.Entry{{Name: "a", Body: program}, {Name: "b", Body: program + "x"}, {Name: "c", Body: program + "y"}})).Write(b.TempDir())
	b.Run("ours", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := image.BOMs(context.Background(), dir); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("plain", func(b *testing.B) {
		b.ReportAllocs()
		room := make([]byte, 64<<10)
		for b.Loop() {
			a, err := ocilayout.Open(dir)
			if err != nil {
				b.Fatal(err)
			}
			err = a.Walk(context.Background(), a.Images()[0], func(_ ocilayout.File, r io.Reader) error {
				_, err := io.CopyBuffer(sha256.New(), r, room)
				return err
			})
			if err != nil {
				b.Fatal(err)
			}
			a.Close()
		}
	})
}
