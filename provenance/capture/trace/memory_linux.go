//go:build amd64 || arm64

package trace

import (
	"bytes"
	"encoding/binary"
	"os"
	"syscall"
	"unsafe"
)

const maxPath = 4096 // PATH_MAX, with the closing zero

// peek reads the memory of task at address into buf, as far as it is there.
func peek(task int, address uint64, buf []byte) (int, syscall.Errno) {
	local := syscall.Iovec{Base: &buf[0], Len: uint64(len(buf))}
	remote := struct{ base, len uint64 }{address, uint64(len(buf))}
	n, _, e := syscall.RawSyscall6(sysProcessVMReadv, uintptr(task), uintptr(unsafe.Pointer(&local)), 1, uintptr(unsafe.Pointer(&remote)), 1, 0)
	return int(n), e
}

// peekString reads the string at address, which ends with a zero. It is a part
// of buf, which has maxPath bytes.
func peekString(task int, address uint64, buf []byte) ([]byte, syscall.Errno) {
	page := uint64(os.Getpagesize())
	for have := 0; have < len(buf); {
		// Most are short, and the next page may not be there.
		at := address + uint64(have)
		size := min(uint64(len(buf)-have), page-at%page, 512)
		n, e := peek(task, at, buf[have:have+int(size)])
		if e != 0 {
			return nil, e
		}
		if end := bytes.IndexByte(buf[have:have+n], 0); end >= 0 {
			return buf[:have+end], 0
		}
		if have += n; n == 0 {
			break
		}
	}
	return nil, syscall.ENAMETOOLONG
}

// peekWords reads the 64-bit numbers at address.
func peekWords(task int, address uint64, words []uint64) syscall.Errno {
	buf := make([]byte, 8*len(words))
	n, e := peek(task, address, buf)
	if e == 0 && n < len(buf) {
		e = syscall.EFAULT
	}
	for i := range words {
		words[i] = binary.NativeEndian.Uint64(buf[8*i:])
	}
	return e
}

// An identity tells a file's content from any other: whoever changes it changes
// this, if the file system has a clock that is fine enough. The zero identity is
// that of no file.
type identity struct {
	dev, ino  uint64
	sec, nsec int64 // of the last change: of content, name or mode
	size      int64
}

// A look is what is seen of a file without opening it.
type look struct {
	identity
	mode uint32 // with its type
}

func (l look) folder() bool  { return l.mode&syscall.S_IFMT == syscall.S_IFDIR }
func (l look) link() bool    { return l.mode&syscall.S_IFMT == syscall.S_IFLNK }
func (l look) regular() bool { return l.mode&syscall.S_IFMT == syscall.S_IFREG }

const (
	atFDCWD       = ^uintptr(99) // AT_FDCWD, -100
	atNoFollow    = 0x100        // AT_SYMLINK_NOFOLLOW
	atEmptyPath   = 0x1000       // AT_EMPTY_PATH
	atNoAutomount = 0x800
	atFollow      = 0x400 // AT_SYMLINK_FOLLOW
)

// lookAt looks at the file at path, which ends with a zero.
func lookAt(path []byte, follow bool) (look, syscall.Errno) {
	var s syscall.Stat_t
	flags := uintptr(atNoAutomount)
	if !follow {
		flags |= atNoFollow
	}
	_, _, e := syscall.Syscall6(sysFstatat, atFDCWD, uintptr(unsafe.Pointer(&path[0])), uintptr(unsafe.Pointer(&s)), flags, 0, 0)
	if e != 0 {
		return look{}, e
	}
	return lookOf(&s), 0
}

func lookOf(s *syscall.Stat_t) look {
	return look{identity{uint64(s.Dev), s.Ino, int64(s.Ctim.Sec), int64(s.Ctim.Nsec), s.Size}, s.Mode}
}

// realName is the name of the file at path, which ends with a zero, without
// links in it. It is "" if there is none, or with an error.
func realName(path []byte, follow bool) (string, syscall.Errno) {
	flags := oPath | syscall.O_CLOEXEC
	if !follow {
		flags |= syscall.O_NOFOLLOW
	}
	fd, _, e := syscall.Syscall6(syscall.SYS_OPENAT, atFDCWD, uintptr(unsafe.Pointer(&path[0])), uintptr(flags), 0, 0, 0)
	if e != 0 {
		return "", e
	}
	defer syscall.Close(int(fd))
	name, e := readLink(appendInt([]byte("/proc/self/fd/"), int(fd)))
	return string(name), e
}

// readLink is what the link at path says.
func readLink(path []byte) ([]byte, syscall.Errno) {
	buf := make([]byte, maxPath)
	path = append(path, 0)
	n, _, e := syscall.Syscall6(syscall.SYS_READLINKAT, atFDCWD, uintptr(unsafe.Pointer(&path[0])), uintptr(unsafe.Pointer(&buf[0])), uintptr(len(buf)), 0, 0)
	return buf[:int(max(0, int(n)))], e
}

func appendInt(b []byte, n int) []byte {
	if n >= 10 {
		b = appendInt(b, n/10)
	}
	return append(b, '0'+byte(n%10))
}
