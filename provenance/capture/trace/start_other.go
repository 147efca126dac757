//go:build !linux || !(amd64 || arm64)

package trace

import (
	"os/exec"
	"runtime"

	"github.com/touchmark-go/touchmark/provenance/capture"
)

func (o Options) start(cmd *exec.Cmd) (capture.Tracing, error) {
	return o.refused(cmd, "files that are opened are not watched on "+runtime.GOOS+"/"+runtime.GOARCH)
}
