package trace

import "syscall"

// The numbers of system calls on arm64 (include/uapi/asm-generic/unistd.h).
const (
	sysSeccomp        = 277
	sysProcessVMReadv = 270
	sysFstatat        = syscall.SYS_FSTATAT

	auditArch = 0xc00000b7 // AUDIT_ARCH_AARCH64
	x32Bit    = 0          // there is no such thing
)

// calls are those that are stopped, and what they are.
func calls() map[uint32]call {
	return map[uint32]call{
		56: callOpenat, 437: callOpenat2,
		221: callExecve, 281: callExecveat,
		38: callRenameat, 276: callRenameat,
		37: callLinkat, 35: callUnlinkat, 45: callTruncate,
		203: callConnect, 206: callSendto, 211: callSendmsg, 269: callSendmmsg,
		220: callClone, 435: callClone3, 97: callUnshare, 268: callSetns,
		40: callMount, 429: callMount, 41: callMount, 51: callMount,
		425: callRing, 265: callHandle,
	}
}

// foreign are the calls of the other instruction set that processes of this
// machine may have, 32-bit ARM: open, creat, execve, connect, openat, execveat
// and openat2. They are stopped to be noticed, and not read.
func foreign() (arch uint32, numbers []uint32) {
	return 0x40000028, []uint32{5, 8, 11, 283, 322, 387, 437}
}
