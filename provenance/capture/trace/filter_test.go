//go:build linux && (amd64 || arm64)

package trace

import (
	"encoding/binary"
	"syscall"
	"testing"
)

// judge runs the program over one call, as the kernel does (struct seccomp_data).
func (p program) judge(t *testing.T, arch, number uint32, args ...uint64) uint32 {
	t.Helper()
	var data [64]byte
	binary.NativeEndian.PutUint32(data[offNumber:], number)
	binary.NativeEndian.PutUint32(data[offArch:], arch)
	for i, a := range args {
		binary.NativeEndian.PutUint64(data[offArgs+8*i:], a)
	}
	acc := uint32(0)
	for pc := 0; pc < len(p); pc++ {
		i, jump := p[pc], false
		switch i.Code {
		case bpfLoad:
			acc = binary.NativeEndian.Uint32(data[i.K:])
			continue
		case bpfReturn:
			return i.K
		case bpfEqual:
			jump = acc == i.K
		case bpfAtLeast:
			jump = acc >= i.K
		case bpfSet:
			jump = acc&i.K != 0
		default:
			t.Fatalf("instruction %d is %#x", pc, i.Code)
		}
		if jump {
			pc += int(i.Jt)
		} else {
			pc += int(i.Jf)
		}
	}
	t.Fatal("the program does not end")
	return 0
}

// TestFilter holds the filter to what it stops and what it does not. What is
// stopped without need costs time, and what is not stopped is not seen.
func TestFilter(t *testing.T) {
	p := filter()
	arch, numbers := foreign()
	table := calls()
	number := func(c call) uint32 {
		for n, kind := range table {
			if kind == c {
				return n
			}
		}
		t.Skip("no such call here")
		return 0
	}
	const mark = startMark<<32 | syscall.CLONE_NEWUSER
	for _, c := range []struct {
		name string
		arch uint32
		call uint32
		args []uint64
		want uint32
	}{
		{"open", auditArch, number(callOpenat), []uint64{0, 0, syscall.O_RDONLY}, retNotify},
		{"create", auditArch, number(callOpenat), []uint64{0, 0, syscall.O_CREAT | syscall.O_RDWR}, retNotify},
		{"open a folder", auditArch, number(callOpenat), []uint64{0, 0, syscall.O_DIRECTORY}, retAllow},
		{"open a path only", auditArch, number(callOpenat), []uint64{0, 0, oPath}, retAllow},
		{"remove a file", auditArch, number(callUnlinkat), []uint64{0, 0, 0}, retNotify},
		{"remove a folder", auditArch, number(callUnlinkat), []uint64{0, 0, atRemoveDir}, retAllow},
		{"fork", auditArch, number(callClone), []uint64{uint64(syscall.SIGCHLD)}, retAllow},
		{"fork with mounts", auditArch, number(callClone), []uint64{cloneNewNS}, retNotify},
		{"send to whom it is connected", auditArch, number(callSendto), []uint64{3, 1, 1, 0, 0, 0}, retAllow},
		{"send to another", auditArch, number(callSendto), []uint64{3, 1, 1, 0, 0x7fff, 16}, retNotify},
		{"send to one far up in memory", auditArch, number(callSendto), []uint64{3, 1, 1, 0, 1 << 40, 16}, retNotify},
		{"unshare", auditArch, number(callUnshare), []uint64{syscall.CLONE_NEWUSER}, retNotify},
		{"unshare with our mark", auditArch, number(callUnshare), []uint64{mark}, retErrno},
		{"read", auditArch, syscall.SYS_READ, nil, retAllow},
		{"a number that nobody knows", auditArch, 5000, nil, retAllow},
		{"the other instruction set's open", arch, numbers[0], nil, retNotify},
		{"its last", arch, numbers[len(numbers)-1], nil, retNotify},
		{"its read", arch, 3, nil, retAllow},
		{"a third instruction set", 0x1234, 3, nil, retNotify},
	} {
		if got := p.judge(t, c.arch, c.call, c.args...); got != c.want {
			t.Errorf("%s: %#x, want %#x", c.name, got, c.want)
		}
	}
	for n, c := range table {
		switch c {
		case callClone, callSendto:
		default:
			if got := p.judge(t, auditArch, n); got != retNotify {
				t.Errorf("call %d: %#x, want that it is stopped", n, got)
			}
		}
	}
	for _, n := range numbers {
		if got := p.judge(t, arch, n); got != retNotify {
			t.Errorf("call %d of the other instruction set: %#x, want that it is stopped", n, got)
		}
	}
	if x32Bit != 0 {
		if got := p.judge(t, auditArch, x32Bit|syscall.SYS_READ); got != retNotify {
			t.Errorf("a call of x32: %#x, want that it is stopped", got)
		}
	}
	if len(p) > 4096 { // BPF_MAXINSNS
		t.Errorf("%d instructions", len(p))
	}
}
