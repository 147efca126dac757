//go:build linux && (amd64 || arm64)

package trace_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/touchmark-go/touchmark/provenance/capture"
	"github.com/touchmark-go/touchmark/provenance/capture/trace"
)

// BenchmarkBuild runs the same go build alone, under a whole capture with a
// trace, under a trace alone, and, if it is installed, under strace with a
// seccomp filter, which hashes nothing; all in turns. It reports the medians of
// the ratios of their wall times to that of the build alone.
//
//	go test -run '^$' -bench Build/warm -benchtime 15x ./provenance/capture/trace
//	go test -run '^$' -bench Build/all -benchtime 3x ./provenance/capture/trace
func BenchmarkBuild(b *testing.B) {
	for _, bench := range []struct {
		name    string
		args    []string
		imports string
	}{
		{"warm", []string{"go", "build", "-o", "dist/app", "."}, "import _ \"encoding/json\""},
		{"all", []string{"go", "build", "-a", "-o", "dist/app", "."}, ""}, // the runtime is enough
	} {
		b.Run(bench.name, func(b *testing.B) {
			if bench.name == "all" && testing.Short() {
				b.Skip("compiles the runtime four times")
			}
			w := newWorld(b)
			w.write("go.mod", "module example.com/app\n\ngo 1.26\n")
			w.write("main.go", "package main\n\n"+bench.imports+"\n\nfunc main() {}\n")
			command := func(argv ...string) *exec.Cmd {
				cmd := exec.CommandContext(b.Context(), argv[0], argv[1:]...)
				cmd.Dir, cmd.Env = w.dir, append(os.Environ(), "GOFLAGS=", "CGO_ENABLED=0")
				return cmd
			}
			run := func(argv ...string) {
				if out, err := command(argv...).CombinedOutput(); err != nil {
					b.Fatalf("%v: %s", err, out)
				}
			}
			files := 0
			ways := []struct {
				name string
				run  func()
			}{
				{"plain", func() { run(bench.args...) }},
				{"capture", func() {
					if _, err := (capture.Options{Tracer: trace.Options{}}).Run(b.Context(), command(bench.args...), "dist/app"); err != nil {
						b.Fatal(err)
					}
				}},
				{"trace", func() {
					seen, err := w.traced(command(bench.args...))
					if err != nil {
						b.Fatal(err)
					}
					files = len(seen.Files)
				}},
			}
			if path, err := exec.LookPath("strace"); err == nil {
				strace := []string{path, "-f", "--seccomp-bpf", "-e", "trace=execve,execveat,open,openat,openat2,creat,rename,renameat,renameat2,link,linkat,unlink,unlinkat,connect",
					"-o", filepath.Join(w.dir, "strace.txt")}
				ways = append(ways, struct {
					name string
					run  func()
				}{"strace", func() { run(append(strace, bench.args...)...) }})
			}
			run("go", "build", "-o", "dist/app", ".")
			ratios := make([][]float64, len(ways))
			for i := 0; b.Loop(); i++ {
				took := make([]time.Duration, len(ways))
				for turn := range ways {
					which := (i + turn) % len(ways) // each goes first as often as the others
					start := time.Now()
					ways[which].run()
					took[which] = time.Since(start)
				}
				for i := range ways {
					ratios[i] = append(ratios[i], took[i].Seconds()/took[0].Seconds())
				}
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64(files), "files")
			for i, way := range ways[1:] {
				slices.Sort(ratios[i+1])
				b.ReportMetric(ratios[i+1][len(ratios[i+1])/2], way.name+"/plain")
			}
		})
	}
}
