package capture

import (
	"io/fs"
	"syscall"
)

// keyOf is what a file is known by, if the system says when it was last changed.
func keyOf(info fs.FileInfo) (programKey, bool) {
	s, ok := info.Sys().(*syscall.Stat_t)
	if !ok || !info.Mode().IsRegular() {
		return programKey{}, false
	}
	return programKey{uint64(s.Dev), s.Ino, info.Size(), s.Ctim.Nano(), info.ModTime().UnixNano()}, true
}
