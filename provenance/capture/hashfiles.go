package capture

import (
	"context"
	"crypto/sha256"
	"errors"
	"hash"
	"io"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/touchmark-go/touchmark/internal/safefs"
)

var errChanged = errors.New("the file changed while it was read")

// hashFiles hashes files, as many at a time as there are processors, in
// constant memory. After a failure the sums mean nothing.
func hashFiles(ctx context.Context, files []*inputFile) error {
	var next atomic.Int64
	var failed atomic.Pointer[error]
	work := func() {
		h, buf := sha256.New(), make([]byte, 128<<10)
		for failed.Load() == nil {
			i := next.Add(1) - 1
			if i >= int64(len(files)) {
				return
			}
			if err := files[i].hash(ctx, h, buf); err != nil {
				failed.CompareAndSwap(nil, &err)
			}
		}
	}
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(files)) {
		wg.Go(work)
	}
	wg.Wait()
	if err := failed.Load(); err != nil {
		return *err
	}
	return ctx.Err()
}

func (f *inputFile) hash(ctx context.Context, h hash.Hash, buf []byte) error {
	file, err := safefs.Open(f.path)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	f.size, f.time = info.Size(), info.ModTime()
	h.Reset()
	var size int64
	for {
		n, err := file.Read(buf)
		h.Write(buf[:n])
		size += int64(n)
		if err == io.EOF {
			break
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
	}
	if size != f.size {
		return errChanged
	}
	h.Sum(f.sum[:0])
	return nil
}
