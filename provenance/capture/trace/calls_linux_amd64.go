package trace

import "syscall"

// The numbers of system calls on amd64 (arch/x86/entry/syscalls/syscall_64.tbl).
const (
	sysSeccomp        = 317
	sysProcessVMReadv = 310
	sysFstatat        = syscall.SYS_NEWFSTATAT

	auditArch = 0xc000003e // AUDIT_ARCH_X86_64
	x32Bit    = 0x40000000 // __X32_SYSCALL_BIT
)

// calls are those that are stopped, and what they are.
func calls() map[uint32]call {
	return map[uint32]call{
		2: callOpen, 85: callCreat, 257: callOpenat, 437: callOpenat2,
		59: callExecve, 322: callExecveat,
		82: callRename, 264: callRenameat, 316: callRenameat,
		86: callLink, 265: callLinkat, 87: callUnlink, 263: callUnlinkat, 76: callTruncate,
		42: callConnect, 44: callSendto, 46: callSendmsg, 307: callSendmmsg,
		56: callClone, 435: callClone3, 272: callUnshare, 308: callSetns,
		165: callMount, 429: callMount, 155: callMount, 161: callMount,
		425: callRing, 304: callHandle,
	}
}

// foreign are the calls of the other instruction set that processes of this
// machine may have, i386: open, creat, execve, socketcall, openat, execveat,
// connect and openat2. They are stopped to be noticed, and not read.
func foreign() (arch uint32, numbers []uint32) {
	return 0x40000003, []uint32{5, 8, 11, 102, 295, 358, 362, 437}
}
