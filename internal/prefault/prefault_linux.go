package prefault

import (
	"syscall"
	"unsafe"
)

// How much is asked for. It is what touchmark verify uses, measured, and no more: memory that nobody
// needs costs time, too.
const (
	early = 3 << 19 // initializing packages
	later = 5 << 18
	zeros = 256 << 10 // variables that begin as zero
)

const (
	granule      = 64 << 10 // a multiple of every page size
	growth       = 4 << 20  // the runtime maps the heap in multiples of that
	madvPopulate = 23       // MADV_POPULATE_WRITE, since Linux 5.14
)

func init() {
	heap(early)
	for _, m := range variables(maps()) {
		populate(m)
	}
}

// Heap asks for memory in which the next objects will lie.
func Heap() { heap(later) }

// sink keeps an object on the heap.
var sink *[16]byte

// heap asks for size bytes of the heap where objects are made now, or for what the
// runtime has mapped of them.
func heap(size uintptr) {
	sink = new([16]byte)
	from := uintptr(unsafe.Pointer(sink)) &^ (granule - 1)
	populate(span{from, min(from+size, from&^(growth-1)+growth)})
}

// A span is addresses from a multiple of the page size to another one.
type span struct{ from, to uintptr }

// populate maps pages that can be written, as writing to each would, and leaves what is in them as it is.
func populate(s span) {
	syscall.Syscall(syscall.SYS_MADVISE, s.from, s.to-s.from, madvPopulate)
}

// maps is the beginning of the list of what is mapped. The program itself comes first.
func maps() []byte {
	fd, err := syscall.Open("/proc/self/maps", syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return nil
	}
	defer syscall.Close(fd)
	b := make([]byte, 1024)
	n, err := syscall.Read(fd, b)
	if err != nil {
		return nil
	}
	return b[:n]
}

// variables finds the program's own in lines like those of /proc/self/maps:
//
//	01dba000-01e38000 rw-p 019ba000 fe:00 1048601   /usr/bin/touchmark
//	01e38000-03e80000 rw-p 00000000 00:00 0
//
// The first is what the file has of them, of which the second half is taken: pointers come last there, and most
// of the rest is never written. The second begins as zero.
func variables(lines []byte) []span {
	for len(lines) > 0 {
		m, rest, ok := writable(lines)
		if !ok {
			lines = rest
			continue
		}
		m.from += (m.to - m.from) / 2 &^ (granule - 1)
		found := []span{m}
		if next, _, ok := writable(rest); ok && next.from == m.to {
			found = append(found, span{next.from, min(next.to, next.from+zeros)})
		}
		return found
	}
	return nil
}

// writable reads the first line, and reports whether it is one of memory that can be written.
func writable(lines []byte) (m span, rest []byte, ok bool) {
	m.from, rest = hexadecimal(lines)
	if len(rest) > 0 && rest[0] == '-' {
		m.to, rest = hexadecimal(rest[1:])
		ok = len(rest) > 5 && string(rest[:6]) == " rw-p " && m.from < m.to
	}
	for i, c := range rest {
		if c == '\n' {
			return m, rest[i+1:], ok
		}
	}
	return m, nil, false
}

// hexadecimal reads the digits at the beginning of b. A package that is initialized early has no strconv.
func hexadecimal(b []byte) (n uintptr, rest []byte) {
	for i, c := range b {
		switch {
		case '0' <= c && c <= '9':
			n = n<<4 | uintptr(c-'0')
		case 'a' <= c && c <= 'f':
			n = n<<4 | uintptr(c-'a'+10)
		default:
			return n, b[i:]
		}
	}
	return n, nil
}
