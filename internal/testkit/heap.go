package testkit

import (
	"runtime"
	"runtime/debug"
	"time"
)

// HeapPeak runs f and returns the most of the heap, in bytes, that was in use
// meanwhile beyond what was before. The collector is told to keep it below most,
// and so it runs when it must instead of all the time; what f holds on to shows
// all the same, for then there is no keeping it there.
func HeapPeak(most int64, f func()) uint64 {
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	before, peak := m.HeapInuse, m.HeapInuse
	// The limit is for all that the runtime has of the system. A quarter is left for what comes while it collects.
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(int64(m.Sys-m.HeapReleased) + most*3/4))
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			runtime.ReadMemStats(&m)
			peak = max(peak, m.HeapInuse)
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	}()
	f()
	close(stop)
	<-done
	return peak - before
}
