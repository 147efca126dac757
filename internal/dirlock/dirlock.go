// Package dirlock lets one process at a time change the files of a folder. The lock is advice that only those who ask
// for it take; it goes with the process that holds it, however that ends.
package dirlock

import (
	"context"
	"time"
)

// File is what a lock leaves in a folder where the system does not lock folders.
const File = ".touchmark.lock"

// Lock waits until nobody else holds the lock of dir, in this process or another one, takes it, and returns what lets
// go of it. It ends with ctx. Where the system locks folders nothing is left in dir; on Windows [File] is.
func Lock(ctx context.Context, dir string) (unlock func(), err error) {
	for wait := time.Millisecond; ; wait = min(2*wait, 50*time.Millisecond) {
		unlock, err := try(dir)
		if unlock != nil || err != nil {
			return unlock, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(wait):
		}
	}
}
