package provenance

import (
	"fmt"
	"syscall"
	"testing"
)

// Folders with a file each need no more file descriptors than there are.
func TestHashOpenDescriptors(t *testing.T) {
	var names []string
	for i := range 1500 {
		names = append(names, fmt.Sprintf("d%d/f", i))
	}
	dir := plant(t, names...)
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Skip(err)
	}
	few := limit
	few.Cur = min(400, limit.Cur)
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &few); err != nil {
		t.Skip(err)
	}
	defer syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit)
	if _, err := hashOpen(t.Context(), opened(t, dir, openFastFolder), maxNames); err != nil {
		t.Error(err)
	}
}
