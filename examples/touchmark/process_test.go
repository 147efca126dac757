//go:build unix

package main

import (
	"bufio"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
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

// TestHostileFiles gives verify what is meant to exhaust it. It must say no, or
// that it cannot, in less than 64 MiB.
func TestHostileFiles(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the command")
	}
	dir := makeFixture(t)
	bin, launch := goBuild(t, ".", "touchmark"), goBuild(t, "./testdata/launch", "launch")
	file := func(name string) string { return filepath.Join(dir, name) }
	hostile := filepath.Join(t.TempDir(), "hostile")
	envelope := func(payload string) string {
		return fmt.Sprintf(`{"payloadType":"application/vnd.in-toto+json","payload":%q,"signatures":[{"sig":"AAAA"}]}`, base64.StdEncoding.EncodeToString([]byte(payload)))
	}
	for _, c := range []struct {
		name    string
		content func(f *os.File) error
	}{
		{"two gigabytes of nothing", func(f *os.File) error { return f.Truncate(2 << 30) }},
		{"one long line", repeat(`{"payload":"`, "A", 40<<20)},
		{"members without end", repeat(`{"payload":"","x":[0`, ",0", 10_000_000)},
		{"many members in one line", repeat(`{"payload":"","x":[0`, ",0", 5_000_000)},
		{"ten thousand deep", repeat("", "[", 10_000)},
		{"deep inside", repeat(`{"payload":"","x":`, "[", 10_000)},
		{"deep in the payload", repeat(envelope(strings.Repeat("[", 10_000)), "\n", 1)},
		{"more lines than are read", repeat(envelope("{}"), "\n"+envelope("{}"), 100_000)},
		{"signatures", repeat(`{"payload":"e30=","payloadType":"x","signatures":[{"sig":"AAAA"}`, `,{"sig":"AAAA"}`, 500_000)},
	} {
		f, err := os.Create(hostile)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(c.content(f), f.Close()); err != nil {
			t.Fatal(err)
		}
		for _, role := range []struct {
			name               string
			trust, policy, evd string
			status             int
		}{
			{"evidence", file("trust.json"), file("policy.json"), hostile, statusDenied},
			{"policy", file("trust.json"), hostile, file("v1.0.0/app.intoto.jsonl"), statusFailed},
			{"trust", hostile, file("policy.json"), file("v1.0.0/app.intoto.jsonl"), statusFailed},
		} {
			out, err := exec.Command(launch, "1", bin, "verify", "--trust", role.trust, "--policy", role.policy, "--evidence", role.evd, file("v1.0.0/app")).CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			var ns, best, kib, status int
			if _, err := fmt.Sscan(string(out), &ns, &best, &kib, &status); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			t.Logf("%s as %s: status %d, %d MiB", c.name, role.name, status, kib>>10)
			if status != role.status || kib > 64<<10 {
				t.Errorf("%s as %s: status %d and %d MiB, want %d and less than 64", c.name, role.name, status, kib>>10, role.status)
			}
		}
	}
}

// repeat writes before, and then unit n times.
func repeat(before, unit string, n int) func(*os.File) error {
	return func(f *os.File) error {
		w := bufio.NewWriter(f)
		w.WriteString(before)
		for range n {
			w.WriteString(unit)
		}
		return w.Flush()
	}
}

// goBuild builds a program without the C library, as the README says.
func goBuild(b testing.TB, pkg, name string) string {
	b.Helper()
	bin := filepath.Join(b.TempDir(), name)
	c := exec.Command("go", "build", "-ldflags=-s -w", "-o", bin, pkg)
	c.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := c.CombinedOutput(); err != nil {
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
	var status int
	if _, err := fmt.Sscan(string(out), &ns, &best, &kib, &status); err != nil || status != statusDone {
		b.Fatalf("%v, status %d\n%s", err, status, out)
	}
	b.ReportMetric(ns/float64(b.N), "ns/op")
	b.ReportMetric(best/1e6, "best-ms")
	b.ReportMetric(kib/1024, "MiB-rss")
}
