//go:build unix

package safefs

import "syscall"

// nonBlocking keeps the opening of a pipe that replaced a file in the last
// moment from waiting for a writer.
const nonBlocking = syscall.O_NONBLOCK
