package sbom_test

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/touchmark-go/touchmark/internal/testkit"
	"github.com/touchmark-go/touchmark/sbom"
)

// maxLarge is how much a document of any size may take of the heap, in bytes.
const maxLarge = 32 << 20

// largeFile writes the large document of n components.
func largeFile(t testing.TB, n int) *os.File {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "large.json"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	w := bufio.NewWriterSize(f, 1<<20)
	if _, err := io.Copy(w, testkit.NewLargeBOM(n)); err != nil {
		t.Fatal(err)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return f
}

// Large documents are checked, and compared, in 32 MiB: one of 225 MB, which is
// too large for the hashes of its items to be kept, and with TOUCHMARK_DEEP=1 one of
// 1.1 GB, of more components than are compared with what they depend on.
func TestLargeDocuments(t *testing.T) {
	n := 300_000
	switch {
	case os.Getenv("TOUCHMARK_DEEP") != "":
		n = 1_450_000
	case os.Getenv("TOUCHMARK_INTEGRATION") != "1":
		t.Skip("writes documents of 225 MB; set TOUCHMARK_INTEGRATION=1 to run it")
	}
	f, other := largeFile(t, n), largeFile(t, n-1)
	measure := func(t *testing.T, do func() (found int)) {
		for _, f := range []*os.File{f, other} {
			if _, err := f.Seek(0, io.SeekStart); err != nil {
				t.Fatal(err)
			}
		}
		begin, found := time.Now(), 0
		peak := testkit.HeapPeak(maxLarge, func() { found = do() })
		t.Logf("%d components: %d found, %.1f MiB, %v", n, found, float64(peak)/(1<<20), time.Since(begin).Round(time.Millisecond))
		if peak > maxLarge {
			t.Errorf("%d components took %.1f MiB, want %d at most", n, float64(peak)/(1<<20), maxLarge>>20)
		}
	}
	t.Run("check", func(t *testing.T) {
		measure(t, func() (found int) {
			for issue, err := range sbom.CheckStream(f, sbom.ProfileStructure) {
				if err != nil {
					t.Fatal(err)
				}
				if found++; n <= 300_000 || issue.Rule != "structure/cycle" { // which says that so many edges are not looked at
					t.Errorf("%+v", issue)
				}
			}
			return found
		})
	})
	t.Run("diff", func(t *testing.T) {
		last := fmt.Sprintf("group-%d/package-%d", (n-1)%500, n-1)
		measure(t, func() int {
			changes, err := sbom.DiffStream(f, other)
			if err != nil || len(changes) == 0 || len(changes) > 100 || changes[0].Kind != "removed" || changes[0].Component != last {
				t.Fatalf("%d changes, %v: %v, want %s to be removed", len(changes), err, changes, last)
			}
			return len(changes)
		})
	})
}
