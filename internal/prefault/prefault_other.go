//go:build !linux

package prefault

// Heap asks for nothing.
func Heap() {}
