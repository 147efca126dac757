//go:build amd64 || arm64

package trace

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"strconv"
	"syscall"
)

// A peer is what a task tries to reach.
type peer struct {
	family, address string
	port            int
}

// connect reads the address of connect and sendto (struct sockaddr).
func (w *watch) connect(address, size uint64) {
	buf := make([]byte, min(size, 128)) // sizeof(struct sockaddr_storage)
	if address == 0 || len(buf) < 2 {
		return
	}
	n, e := peek(w.note.task(), address, buf)
	if e == syscall.EPERM {
		w.odd = append(w.odd, oddMemory)
	}
	if e != 0 || n < 2 {
		return
	}
	if p, ok := w.peer(buf[:n]); ok {
		w.met = append(w.met, p)
	}
}

func (w *watch) peer(b []byte) (peer, bool) {
	family, rest := binary.NativeEndian.Uint16(b), b[2:]
	switch {
	case family == syscall.AF_UNSPEC:
		return peer{}, false // it dissolves a connection
	case family == syscall.AF_INET && len(rest) >= 6:
		return peer{"inet", netip.AddrFrom4([4]byte(rest[2:6])).String(), int(binary.BigEndian.Uint16(rest))}, true
	case family == syscall.AF_INET6 && len(rest) >= 22:
		return peer{"inet6", netip.AddrFrom16([16]byte(rest[6:22])).String(), int(binary.BigEndian.Uint16(rest))}, true
	case family == syscall.AF_UNIX && len(rest) > 0 && rest[0] == 0:
		return peer{family: "unix", address: "@" + string(bytes.TrimRight(rest[1:], "\x00"))}, true
	case family == syscall.AF_UNIX && len(rest) > 0:
		name, _, _ := bytes.Cut(rest, []byte{0})
		w.name(cwd, name)
		real := w.real(w.path, true)
		if real == "" {
			return peer{}, false // nobody listens at a name that is not there
		}
		return peer{family: "unix", address: real}, true
	}
	return peer{family: strconv.Itoa(int(family))}, true
}

// message reads the address of sendmsg, if it has one (struct msghdr).
func (w *watch) message(address uint64) {
	var head [2]uint64 // msg_name, msg_namelen
	switch e := peekWords(w.note.task(), address, head[:]); e {
	case 0:
		w.connect(head[0], head[1]&0xffffffff)
	case syscall.EPERM:
		w.odd = append(w.odd, oddMemory)
	}
}

// messages reads those of sendmmsg (struct mmsghdr).
func (w *watch) messages(address, count uint64) {
	for i := range min(count, 1024) { // UIO_MAXIOV
		w.message(address + i*64)
	}
}
