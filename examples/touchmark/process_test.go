//go:build unix

package main

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
)

// BenchmarkVerifyProcess is touchmark verify of a small file as a whole
// process, which is to take at most 12 ms and 25 MiB on an idle machine. Beside it
// BenchmarkNothingProcess is a Go program that does nothing.
func BenchmarkVerifyProcess(b *testing.B) {
	dir := makeFixture(b)
	bin := goBuild(b, ".", "touchmark")
	processes(b, bin, "verify", "--trust", filepath.Join(dir, "trust.json"), "--policy", filepath.Join(dir, "policy.json"), filepath.Join(dir, "v1.0.0/app"))
}

// BenchmarkHelpProcess is the process that only reads its arguments.
func BenchmarkHelpProcess(b *testing.B) {
	processes(b, goBuild(b, ".", "touchmark"), "verify", "--help")
}

// BenchmarkNothingProcess is what starting any Go program costs.
func BenchmarkNothingProcess(b *testing.B) {
	processes(b, goBuild(b, "./testdata/launch", "launch"))
}

func goBuild(b *testing.B, pkg, name string) string {
	b.Helper()
	bin := filepath.Join(b.TempDir(), name)
	if out, err := exec.Command("go", "build", "-ldflags=-s -w", "-o", bin, pkg).CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	return bin
}

// processes runs a command b.N times, one after the other, from a small process.
func processes(b *testing.B, command ...string) {
	launch := goBuild(b, "./testdata/launch", "launch")
	b.ResetTimer()
	out, err := exec.Command(launch, append([]string{strconv.Itoa(b.N)}, command...)...).CombinedOutput()
	if err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	var ns, best, kib float64
	if _, err := fmt.Sscan(string(out), &ns, &best, &kib); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	b.ReportMetric(ns/float64(b.N), "ns/op")
	b.ReportMetric(best/1e6, "best-ms")
	b.ReportMetric(kib/1024, "MiB-rss")
}
