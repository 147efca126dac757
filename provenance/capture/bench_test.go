package capture_test

import (
	"testing"

	"github.com/touchmark-go/touchmark/provenance/capture"
)

// BenchmarkBuild compares a build under [capture.Run] with the same build
// alone, in the same run: warm, when everything but the link is cached, and
// with -a, when the whole standard library that it needs is compiled again.
func BenchmarkBuild(b *testing.B) {
	w := newWorld(b)
	w.write("main.go", "package main\n\nimport (\n\t\"encoding/json\"\n\t\"fmt\"\n\t\"net/http\"\n)\n\n"+
		"func main() { fmt.Println(json.Valid(nil), http.StatusText(200)) }\n")
	w.commit()
	for _, bench := range []struct {
		name string
		args []string
	}{
		{"warm", goBuild(".")},
		{"all", goBuild("-a", ".")},
	} {
		b.Run(bench.name+"/plain", func(b *testing.B) {
			for b.Loop() {
				if err := w.command(bench.args).Run(); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(bench.name+"/capture", func(b *testing.B) {
			for b.Loop() {
				if _, err := capture.Run(b.Context(), w.command(bench.args), "dist/app"); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
