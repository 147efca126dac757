package provenance_test

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/touchmark-go/touchmark/provenance"
)

// BenchmarkFolder hashes a folder of small files and lets xargs sha256sum hash
// the same ones by a list that lies ready, taking turns, and reports the median
// of the ratios: x/sha256sum is our wall time over its. 5,000 files of 1 KiB, or
// with TOUCHMARK_INTEGRATION=1 100,000.
//
//	go test -run '^$' -bench Folder -benchtime 20x ./provenance
func BenchmarkFolder(b *testing.B) {
	for _, program := range []string{"xargs", "sha256sum"} {
		if _, err := exec.LookPath(program); err != nil {
			b.Skipf("%s is not installed", program)
		}
	}
	dir, list := smallFiles(b, manyFiles())
	var ours, theirs []time.Duration
	for b.Loop() {
		ours = append(ours, took(func() {
			if _, err := (provenance.SubjectOptions{Root: dir}).Subjects(b.Context(), dir); err != nil {
				b.Fatal(err)
			}
		}))
		theirs = append(theirs, took(func() {
			cmd := exec.Command("xargs", "-0", "sha256sum")
			cmd.Dir, cmd.Stdin = dir, bytes.NewReader(list)
			if err := cmd.Run(); err != nil {
				b.Fatal(err)
			}
		}))
	}
	b.ReportMetric(0, "ns/op") // a sum that says nothing
	b.ReportMetric(medianRatio(ours, theirs), "x/sha256sum")
	b.ReportMetric(float64(manyFiles())/median(ours).Seconds(), "files/s")
}

func manyFiles() int {
	if os.Getenv("TOUCHMARK_INTEGRATION") == "1" {
		return 100_000
	}
	return 5_000
}

// smallFiles writes n files of 1 KiB, 50 in a folder, and lists them as xargs -0
// reads them.
func smallFiles(t testing.TB, n int) (dir string, list []byte) {
	t.Helper()
	dir = t.TempDir()
	content := make([]byte, 1<<10)
	rand.Read(content)
	for i := range n {
		name := fmt.Sprintf("%d/%d.go", i/50, i)
		if i%50 == 0 {
			if err := os.Mkdir(filepath.Join(dir, filepath.Dir(name)), 0o700); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(filepath.Join(dir, name), append(content, name...), 0o600); err != nil {
			t.Fatal(err)
		}
		list = append(append(list, name...), 0)
	}
	return dir, list
}

// medianRatio is the median of a[i] over b[i], which were measured in turn.
func medianRatio(a, b []time.Duration) float64 {
	ratios := make([]time.Duration, len(a))
	for i := range a {
		ratios[i] = time.Duration(float64(time.Second) * float64(a[i]) / float64(b[i]))
	}
	return median(ratios).Seconds()
}

// BenchmarkAlgorithms compares the processor time of three algorithms in one
// pass with that of one pass for each, over a file of 64 MiB.
//
//	go test -run '^$' -bench Algorithms -benchtime 10x ./provenance
func BenchmarkAlgorithms(b *testing.B) {
	if _, err := processorTime(); err != nil {
		b.Skip(err)
	}
	dir := b.TempDir()
	path := filepath.Join(dir, "file")
	if err := os.WriteFile(path, []byte(strings.Repeat("0123456789abcdef", 4<<20)), 0o600); err != nil {
		b.Fatal(err)
	}
	all := []string{provenance.SHA256, provenance.SHA384, provenance.SHA512}
	spent := func(groups ...[]string) time.Duration {
		before, err := processorTime()
		for _, algorithms := range groups {
			if err == nil {
				_, err = provenance.SubjectOptions{Root: dir, Algorithms: algorithms}.Subjects(b.Context(), path)
			}
		}
		after, timeErr := processorTime()
		if err != nil || timeErr != nil {
			b.Fatal(err, timeErr)
		}
		return after - before
	}
	var together, apart []time.Duration
	for b.Loop() {
		together = append(together, spent(all))
		apart = append(apart, spent(all[:1], all[1:2], all[2:]))
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(medianRatio(together, apart), "x/apart")
}
