package capture_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/touchmark-go/touchmark/provenance/capture"
)

// BenchmarkBuild runs a build under [capture.Run] and the same build alone,
// taking turns, and reports the medians of the ratios of their wall times, x/plain,
// and of their processor times, cpu/plain, which a busy machine changes less.
// The build is warm (up to date), relinked, or with -a, when all of the standard
// library that the program needs is compiled again. What is seen of the build is
// module-exact: go list, every file of the main module hashed, every sum checked.
//
//	go test -run '^$' -bench Build/warm -benchtime 40x ./provenance/capture
//	go test -run '^$' -bench Build/all -benchtime 5x ./provenance/capture
func BenchmarkBuild(b *testing.B) {
	for _, bench := range []struct {
		name string
		args []string
		cold bool // without the output of the run before
	}{
		{"warm", goBuild("."), false},
		{"link", goBuild("."), true},
		{"all", goBuild("-a", "."), true},
	} {
		b.Run(bench.name, func(b *testing.B) {
			if bench.name == "all" && testing.Short() {
				b.Skip("compiles the standard library three times")
			}
			w := newWorld(b)
			w.write("main.go", "package main\n\nimport (\n\t\"encoding/json\"\n\t\"fmt\"\n\n\tdep \"example.com/Dep\"\n)\n\nfunc main() { fmt.Println(json.Valid(nil)); dep.F() }\n")
			w.write("go.mod", "module example.com/app\n\ngo 1.26\n\nrequire example.com/Dep v1.2.3\n")
			env := []string{proxy(b, map[string]string{"example.com/Dep@v1.2.3": "package dep\n\nfunc F() {}\n"}), "GOFLAGS=-modcacherw"}
			if err := w.command([]string{"go", "mod", "tidy"}, env...).Run(); err != nil {
				b.Fatal(err)
			}
			w.commit()
			out := filepath.Join(w.dir, "dist/app")
			plain := func() {
				if err := w.command(bench.args, env...).Run(); err != nil {
					b.Fatal(err)
				}
			}
			watched := func() {
				if _, err := capture.Run(b.Context(), w.command(bench.args, env...), "dist/app"); err != nil {
					b.Fatal(err)
				}
			}
			plain()
			var ratios, times, processor []float64
			for i := 0; b.Loop(); i++ {
				var took, used [2]time.Duration
				for turn := range 2 {
					which := (i + turn) % 2 // each goes first as often as the other
					if bench.cold {
						os.Remove(out)
					}
					start, before := time.Now(), processorTime()
					[]func(){plain, watched}[which]()
					took[which], used[which] = time.Since(start), processorTime()-before
				}
				ratios = append(ratios, took[1].Seconds()/took[0].Seconds())
				times = append(times, took[0].Seconds()*1000)
				processor = append(processor, used[1].Seconds()/max(used[0].Seconds(), 1e-9))
			}
			slices.Sort(ratios)
			slices.Sort(times)
			slices.Sort(processor)
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(ratios[len(ratios)/2], "x/plain")
			b.ReportMetric(times[len(times)/2], "plain-ms")
			b.ReportMetric(processor[len(processor)/2], "cpu/plain")
		})
	}
}
