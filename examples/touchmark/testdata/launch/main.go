//go:build unix

// Command launch runs a command N times and prints how long all runs took
// together and the fastest, in nanoseconds, the largest resident set of one, in
// KiB, and the last exit status. Without arguments it does nothing, which is the least that a Go process
// can do.
//
// Tests do not measure by themselves, because on Linux the resident set
// of a child counts from that of the process that starts it.
package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"syscall"
	"time"
)

func main() {
	if len(os.Args) < 3 {
		return
	}
	n, err := strconv.Atoi(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	var largest int64
	var best time.Duration
	var status int
	start := time.Now()
	for range n {
		began := time.Now()
		c := exec.Command(os.Args[2], os.Args[3:]...)
		var exit *exec.ExitError
		if err := c.Run(); err != nil && !errors.As(err, &exit) {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
		status = c.ProcessState.ExitCode()
		if took := time.Since(began); best == 0 || took < best {
			best = took
		}
		largest = max(largest, int64(c.ProcessState.SysUsage().(*syscall.Rusage).Maxrss))
	}
	if runtime.GOOS == "darwin" { // bytes there
		largest /= 1024
	}
	fmt.Println(time.Since(start).Nanoseconds(), best.Nanoseconds(), largest, status)
}
