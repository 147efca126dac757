package trace

import "github.com/touchmark-go/touchmark/provenance/capture"

// An oddity is something that a trace notices and cannot see through.
type oddity int

const (
	oddRing oddity = iota
	oddForeign
	oddMemory
	oddMounts
	oddHandle
	oddProcess
	oddLeft
	oddLimit
	oddBroken
)

var oddities = [...]capture.Unobserved{
	oddRing:    {What: "io_uring", Why: "a process set up io_uring, and what it opens through that is not seen"},
	oddForeign: {What: "foreign-calls", Why: "a process made system calls of another instruction set (32 bits), which are noticed and not read"},
	oddMemory:  {What: "memory", Why: "the memory of a process may not be read, so the names that it used are not known"},
	oddMounts:  {What: "mounts", Why: "a process changed its root or its mounts, so names that it used may mean other files here"},
	oddHandle:  {What: "handles", Why: "a process opened a file by its handle, which has no name"},
	oddProcess: {What: "processes", Why: "a process that is not visible here made system calls"},
	oddLeft:    {What: "left-over", Why: "processes were still running when the command had ended; what they did after that is not seen, and is refused to them"},
	oddLimit:   {What: "limit", Why: "more was seen than is kept, or could be looked at"},
	oddBroken:  {What: "broken-off", Why: "the kernel stopped answering in the middle"},
}
