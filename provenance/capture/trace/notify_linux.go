//go:build amd64 || arm64

package trace

import (
	"encoding/binary"
	"syscall"
	"unsafe"
)

// Requests of linux/seccomp.h.
const (
	ioctlReceive  = 0xc0502100 // SECCOMP_IOCTL_NOTIF_RECV
	ioctlSend     = 0xc0182101 // SECCOMP_IOCTL_NOTIF_SEND
	ioctlSetFlags = 0x40082104 // SECCOMP_IOCTL_NOTIF_SET_FLAGS

	flagContinue   = 1 // SECCOMP_USER_NOTIF_FLAG_CONTINUE
	flagSyncWakeUp = 1 // SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP

	pollIn, pollErr, pollHup = 1, 8, 16
)

// A notification is struct seccomp_notif: a task that waits in a system call.
type notification struct {
	raw [80]byte
}

func (n *notification) id() uint64   { return binary.NativeEndian.Uint64(n.raw[0:]) }
func (n *notification) task() int    { return int(int32(binary.NativeEndian.Uint32(n.raw[8:]))) }
func (n *notification) call() uint32 { return binary.NativeEndian.Uint32(n.raw[16:]) }
func (n *notification) arch() uint32 { return binary.NativeEndian.Uint32(n.raw[20:]) }
func (n *notification) arg(i int) uint64 {
	return binary.NativeEndian.Uint64(n.raw[32+8*i:])
}

// A response is struct seccomp_notif_resp.
type response struct {
	id    uint64
	val   int64
	err   int32
	flags uint32
}

type pollFD struct {
	fd              int32
	events, revents int16
}

// What comes next from a listener.
type next int

const (
	nextCall   next = iota // somebody waits, perhaps
	nextStop               // we are to stop
	nextNobody             // nobody is left whom the filter is on
)

// wait waits for the listener, or for stop, a pipe that is closed at its other end.
func wait(listener, stop int) next {
	fds := [2]pollFD{{fd: int32(listener), events: pollIn}, {fd: int32(stop), events: pollIn}}
	for {
		_, _, e := syscall.Syscall6(syscall.SYS_PPOLL, uintptr(unsafe.Pointer(&fds)), uintptr(len(fds)), 0, 0, 0, 0)
		switch {
		case e == syscall.EINTR:
		case e != 0:
			return nextNobody
		case fds[0].revents&pollIn != 0:
			return nextCall
		case fds[0].revents&(pollHup|pollErr) != 0:
			return nextNobody
		case fds[1].revents != 0:
			return nextStop
		}
	}
}

// receive takes the next notification. False means that who waited does no more.
func (n *notification) receive(listener int) bool {
	clear(n.raw[:]) // the kernel insists on it
	_, _, e := syscall.Syscall(syscall.SYS_IOCTL, uintptr(listener), ioctlReceive, uintptr(unsafe.Pointer(&n.raw)))
	return e == 0
}

// proceed lets the task go on with its call. The error is ENOENT if it does
// not wait any more: it was killed, or a signal broke the call off and it will
// be made again.
func (n *notification) proceed(listener int) syscall.Errno {
	r := response{id: n.id(), flags: flagContinue}
	return r.send(listener)
}

func (r *response) send(listener int) syscall.Errno {
	for {
		_, _, e := syscall.Syscall(syscall.SYS_IOCTL, uintptr(listener), ioctlSend, uintptr(unsafe.Pointer(r)))
		if e != syscall.EINTR {
			return e
		}
	}
}

// wakeHere asks the kernel to wake us on the processor of the task that waits.
// It is a matter of speed, and new in Linux 6.6.
func wakeHere(listener int) {
	syscall.Syscall(syscall.SYS_IOCTL, uintptr(listener), ioctlSetFlags, flagSyncWakeUp)
}
