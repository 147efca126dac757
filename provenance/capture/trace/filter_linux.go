//go:build amd64 || arm64

package trace

import (
	"errors"
	"maps"
	"slices"
	"syscall"
	"unsafe"
)

// A call is a kind of system call that is stopped.
type call uint8

const (
	callNone call = iota
	callOpen
	callCreat
	callOpenat
	callOpenat2
	callExecve
	callExecveat
	callRename
	callRenameat
	callLink
	callLinkat
	callUnlink
	callUnlinkat
	callTruncate
	callConnect
	callSendto
	callSendmsg
	callSendmmsg
	callClone
	callClone3
	callUnshare
	callSetns
	callMount
	callRing
	callHandle
)

// Constants of linux/seccomp.h, linux/filter.h and linux/prctl.h.
const (
	prSetNoNewPrivs = 38

	seccompSetModeFilter    = 1
	seccompGetNotifSizes    = 3
	seccompFlagNewListener  = 1 << 3
	seccompFlagWaitKillable = 1 << 5

	retErrno  = 0x00050000
	retNotify = 0x7fc00000
	retAllow  = 0x7fff0000

	bpfLoad    = 0x20 // BPF_LD | BPF_W | BPF_ABS
	bpfEqual   = 0x15 // BPF_JMP | BPF_JEQ | BPF_K
	bpfAtLeast = 0x35 // BPF_JMP | BPF_JGE | BPF_K
	bpfSet     = 0x45 // BPF_JMP | BPF_JSET | BPF_K
	bpfReturn  = 0x06 // BPF_RET | BPF_K

	// offsets in struct seccomp_data
	offNumber = 0
	offArch   = 4
	offArgs   = 16
)

// startMark is what makes the flags of unshare those that the child of
// [start] calls it with before it executes the command: the upper half of a
// number of which Linux knows the lower only. See there.
const startMark = 0x746d_726b

const (
	oPath       = 0x200000 // O_PATH
	atRemoveDir = 0x200
	cloneNewNS  = syscall.CLONE_NEWNS
)

// A program is a classic BPF program that is being written.
type program []syscall.SockFilter

func (p *program) add(code uint16, k uint32, yes, no uint8) {
	*p = append(*p, syscall.SockFilter{Code: code, Jt: yes, Jf: no, K: k})
}

// filter is the program that stops the calls of interest and lets all others
// through. What the arguments in registers can decide, it decides.
func filter() program {
	var p program
	p.add(bpfLoad, offArch, 0, 0)
	arch, numbers := foreign()
	p.add(bpfEqual, auditArch, uint8(len(numbers)+5), 0)
	p.add(bpfEqual, arch, 1, 0)
	p.add(bpfReturn, retNotify, 0, 0) // some third instruction set
	p.add(bpfLoad, offNumber, 0, 0)
	for i, n := range numbers {
		p.add(bpfEqual, n, uint8(len(numbers)-i), 0)
	}
	p.add(bpfReturn, retAllow, 0, 0)
	p.add(bpfReturn, retNotify, 0, 0)

	p.add(bpfLoad, offNumber, 0, 0)
	if x32Bit != 0 {
		p.add(bpfAtLeast, x32Bit, 0, 1)
		p.add(bpfReturn, retNotify, 0, 0)
	}
	table := calls()
	for _, n := range slices.Sorted(maps.Keys(table)) {
		body := when(table[n])
		p.add(bpfEqual, n, 0, uint8(len(body)))
		p = append(p, body...)
	}
	p.add(bpfReturn, retAllow, 0, 0)
	return p
}

// when is the part of the program for one kind of call.
func when(c call) program {
	var p program
	// allowIf lets a call through that has one of these bits in an argument.
	allowIf := func(arg uint32, bits uint32) {
		p.add(bpfLoad, offArgs+8*arg, 0, 0)
		p.add(bpfSet, bits, 0, 1)
		p.add(bpfReturn, retAllow, 0, 0)
	}
	// A folder is no file, and what O_PATH opens cannot be read. What O_TMPFILE
	// makes, which is in O_DIRECTORY, has a name only once it is linked.
	const noFile = syscall.O_DIRECTORY | oPath
	switch c {
	case callOpen:
		allowIf(1, noFile)
	case callOpenat:
		allowIf(2, noFile)
	case callUnlinkat:
		allowIf(2, atRemoveDir)
	case callClone: // the flags are the first argument everywhere here
		p.add(bpfLoad, offArgs, 0, 0)
		p.add(bpfSet, cloneNewNS, 1, 0)
		p.add(bpfReturn, retAllow, 0, 0)
	case callSendto: // without an address it is to whom it was connected
		p.add(bpfLoad, offArgs+8*4, 0, 0)
		p.add(bpfEqual, 0, 0, 3)
		p.add(bpfLoad, offArgs+8*4+4, 0, 0)
		p.add(bpfEqual, 0, 0, 1)
		p.add(bpfReturn, retAllow, 0, 0)
	case callUnshare:
		p.add(bpfLoad, offArgs+4, 0, 0)
		p.add(bpfEqual, startMark, 0, 1)
		p.add(bpfReturn, retErrno, 0, 0) // errno 0: nothing is done, and that is a success
	}
	p.add(bpfReturn, retNotify, 0, 0)
	return p
}

// install puts the filter on the calling thread, which must be locked and must
// not be used for anything else ever after, and returns the listener.
func install() (listener int, err error) {
	var sizes struct{ notif, resp, data uint16 }
	if _, _, e := syscall.RawSyscall(sysSeccomp, seccompGetNotifSizes, 0, uintptr(unsafe.Pointer(&sizes))); e != 0 {
		return -1, refusal("the kernel does not let a program listen to its system calls (Linux 5.5 does)", e)
	}
	if int(sizes.notif) > len(notification{}.raw) || int(sizes.resp) != int(unsafe.Sizeof(response{})) {
		return -1, errors.New("the kernel's notifications have another form than is known here")
	}
	if _, _, e := syscall.RawSyscall6(syscall.SYS_PRCTL, prSetNoNewPrivs, 1, 0, 0, 0, 0); e != 0 {
		return -1, refusal("the kernel does not take privileges away for good", e)
	}
	f := filter()
	prog := syscall.SockFprog{Len: uint16(len(f)), Filter: &f[0]}
	for _, flags := range []uintptr{seccompFlagNewListener | seccompFlagWaitKillable, seccompFlagNewListener} {
		fd, _, e := syscall.RawSyscall(sysSeccomp, seccompSetModeFilter, flags, uintptr(unsafe.Pointer(&prog)))
		if e == 0 {
			return int(fd), nil
		}
		if e == syscall.EBUSY {
			return -1, refusal("another program already listens to the system calls of this one", e)
		}
		if e != syscall.EINVAL {
			return -1, refusal("the kernel refuses a filter of system calls", e)
		}
	}
	return -1, refusal("the kernel refuses a filter of system calls", syscall.EINVAL)
}

func refusal(why string, e syscall.Errno) error {
	return errors.New(why + ": " + e.Error())
}
