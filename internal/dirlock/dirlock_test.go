package dirlock_test

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/touchmark-go/touchmark/internal/dirlock"
)

func TestLock(t *testing.T) {
	dir := t.TempDir()
	unlock, err := dirlock.Lock(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := dirlock.Lock(ctx, dir); !errors.Is(err, context.Canceled) {
		t.Errorf("a lock that is held: %v, want it to wait until its context ends", err)
	}
	other, err := dirlock.Lock(ctx, t.TempDir())
	if err != nil {
		t.Errorf("another folder: %v", err)
	} else {
		other()
	}
	unlock()
	unlock, err = dirlock.Lock(ctx, dir)
	if err != nil {
		t.Fatalf("after it was let go: %v", err)
	}
	unlock()
	if _, err := dirlock.Lock(t.Context(), filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no folder: %v", err)
	}
}

// One at a time: nobody ever finds somebody else inside.
func TestCrowd(t *testing.T) {
	dir := t.TempDir()
	var inside, through atomic.Int32
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			unlock, err := dirlock.Lock(t.Context(), dir)
			if err != nil {
				t.Error(err)
				return
			}
			defer unlock()
			if n := inside.Add(1); n != 1 {
				t.Errorf("%d at once", n)
			}
			runtime.Gosched()
			inside.Add(-1)
			through.Add(1)
		})
	}
	wg.Wait()
	if n := through.Load(); n != 20 {
		t.Errorf("%d of 20 came through", n)
	}
}
