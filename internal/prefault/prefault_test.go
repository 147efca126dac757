//go:build linux

package prefault

import (
	"errors"
	"slices"
	"strings"
	"syscall"
	"testing"
	"unsafe"
)

func TestVariables(t *testing.T) {
	const static = `00400000-00f08000 r-xp 00000000 fe:00 1048601                            /usr/bin/touchmark
00f08000-01dba000 r--p 00b08000 fe:00 1048601                            /usr/bin/touchmark
01dba000-01e38000 rw-p 019ba000 fe:00 1048601                            /usr/bin/touchmark
`
	data := span{0x1dea000, 0x1e38000}
	for _, c := range []struct {
		name, maps string
		want       []span
	}{
		{"with zeros", static + "01e38000-03e80000 rw-p 00000000 00:00 0 \n1eae3c000000-1eae3e400000 ---p", []span{data, {0x1e38000, 0x1e38000 + zeros}}},
		{"few zeros", static + "01e38000-01e39000 rw-p 00000000 00:00 0 \n", []span{data, {0x1e38000, 0x1e39000}}},
		{"the heap is not next to them", static + "1eae3e400000-1eae3e800000 rw-p 00000000 00:00 0 \n", []span{data}},
		{"cut off", static + "01e38000-03e80000 rw", []span{data}},
		{"cut off before them", static[:len(static)/2], nil},
		{"high addresses", "b7fda000-b7fdc000 rw-p 00000000 00:00 0 \n", []span{{0xb7fda000, 0xb7fdc000}}},
		{"the wrong way round", "01e38000-01dba000 rw-p 00000000 00:00 0 \n", nil},
		{"no address", "x rw-p\n", nil},
		{"nothing", "", nil},
	} {
		if got := variables([]byte(c.maps)); !slices.Equal(got, c.want) {
			t.Errorf("%s: got %x, want %x", c.name, got, c.want)
		}
	}
}

// known stands for every variable.
var known *int

func TestOwnVariables(t *testing.T) {
	at := uintptr(unsafe.Pointer(&known))
	if got := variables(maps()); !slices.ContainsFunc(got, func(s span) bool { return s.from <= at && at < s.to }) {
		t.Errorf("a variable at %x is in none of %x\n%s", at, got, strings.TrimSpace(string(maps())))
	}
}

// Pages that were asked for do not fault, and keep what is in them.
func TestPopulate(t *testing.T) {
	const size = 4 << 20
	mem, err := syscall.Mmap(-1, 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_PRIVATE|syscall.MAP_ANON)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Munmap(mem)
	if err := syscall.Madvise(mem, madvPopulate); errors.Is(err, syscall.EINVAL) {
		t.Skip("needs Linux 5.14")
	}
	if err := syscall.Madvise(mem, syscall.MADV_DONTNEED); err != nil {
		t.Fatal(err)
	}
	mem[size/2] = 7
	from := uintptr(unsafe.Pointer(&mem[0]))
	populate(span{from, from + size})
	before := faults(t)
	sum := 0
	for i := 0; i < size; i += 4096 {
		sum += int(mem[i])
		mem[i+1] = 1
	}
	if n := faults(t) - before; n > 200 || sum != 7 {
		t.Errorf("%d faults in 1,024 pages, want none of them, and a sum of %d, want 7", n, sum)
	}
}

func faults(t *testing.T) int64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return int64(u.Minflt)
}

// Asking is a hint: where nothing is mapped, nothing happens.
func TestNothingThere(t *testing.T) {
	populate(span{growth, 2 * growth})
	populate(span{})
	Heap()
}
