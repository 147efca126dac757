package integration

import (
	"os/exec"
	"syscall"
)

// endWithParent has the kernel end the process when its parent's thread ends.
func endWithParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
