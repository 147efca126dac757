package capture

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/touchmark-go/touchmark/provenance"
)

// A program that is replaced or written to is hashed again, though its size and its
// time of modification are what they were. One that nobody touched is not.
func TestSumProgram(t *testing.T) {
	path := filepath.Join(t.TempDir(), "go")
	write := func(content string) {
		t.Helper()
		old, err := os.Stat(path)
		if err := os.WriteFile(path, []byte(content), 0o755); err != nil {
			t.Fatal(err)
		}
		if err == nil {
			if err := os.Chtimes(path, time.Time{}, old.ModTime()); err != nil {
				t.Fatal(err)
			}
		}
	}
	want := func(content string) {
		t.Helper()
		sum, err := sumProgram(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := sum.Get(provenance.SHA256); got != provenance.SumSHA256([]byte(content)) {
			t.Errorf("got %v of %q", got, content)
		}
	}
	kept := func() bool {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		key, ok := keyOf(info)
		_, found := programSums.Load(key)
		return ok && found
	}
	write("one")
	want("one")
	if kept() {
		t.Error("the digest of a file that has just changed was kept")
	}
	write("two")
	want("two")
	if testing.Short() || runtime.GOOS != "linux" {
		return
	}
	time.Sleep(settled + 50*time.Millisecond)
	if want("two"); !kept() {
		t.Error("the digest of a file that is settled was not kept")
	}
	want("two")
	write("new")
	want("new")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := sumProgram(t.Context(), path); err == nil {
		t.Error("a file that is gone has a digest")
	}
}
