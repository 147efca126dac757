//go:build !linux

package integration

import "os/exec"

// endWithParent does nothing where only Stop ends a server.
func endWithParent(*exec.Cmd) {}
