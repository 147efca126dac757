package provenance

import (
	"context"
	"hash"
	"io/fs"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
)

// imagined is a folder of empty files that are on no disk. It looks at the heap
// now and then.
type imagined struct {
	count int
	files atomic.Int64
	most  atomic.Uint64
}

func (im *imagined) entries(f func(name string, mode fs.FileMode) error) error {
	for i := range im.count {
		// In no order, and long enough that keeping all of them would be seen.
		if err := f(strings.Repeat(string(rune('a'+i%26)), 60)+numbered(i*7919%im.count), 0); err != nil {
			return err
		}
	}
	return nil
}

func (im *imagined) sub(string) (openFolder, error) { return nil, fs.ErrNotExist }

func (im *imagined) hash(context.Context, string, hash.Hash, []byte) error {
	if im.files.Add(1)%10_000 == 0 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		im.most.Store(max(im.most.Load(), m.HeapAlloc))
	}
	return nil
}

func (im *imagined) close() error { return nil }

func numbered(i int) string {
	b := make([]byte, 20)
	for j := range b {
		b[j] = byte('a' + i>>(2*j)&3)
	}
	return string(b)
}

// A folder needs as much memory for many files as for few: the names of the many
// alone are more than the difference that is allowed.
func TestFolderMemory(t *testing.T) {
	weigh := func(n int) uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		im := &imagined{count: n}
		if _, err := hashOpen(t.Context(), im, 1<<13); err != nil {
			t.Fatal(err)
		}
		if im.files.Load() != int64(n) {
			t.Fatalf("%d files were hashed, want %d", im.files.Load(), n)
		}
		return im.most.Load() - min(m.HeapAlloc, im.most.Load())
	}
	a, b := weigh(20_000), weigh(200_000)
	t.Logf("20,000 files: %d KiB, 200,000 files: %d KiB", a>>10, b>>10)
	if b > a+8<<20 {
		t.Errorf("20,000 files took %d bytes, and 200,000 took %d", a, b)
	}
}
