// Package trace sees which files a command and its children really open,
// execute and write, and to whom they try to connect. [Options] plug into a
// capture:
//
//	rec, err := capture.Options{Tracer: trace.Options{}}.Run(ctx, cmd, "dist/app")
//
// It works on Linux (5.5 and later, amd64 and arm64) by a seccomp filter that
// stops the calls of interest and no others, and tells this process of each.
// Where that is not to be had, the command runs as without it, and the record
// says why nobody looked: the dependencies are then only what was declared.
//
// A trace is an observation and not a wall. The name of a file is read from the
// memory of who opens it, and the kernel reads it again when the call goes on:
// a program that changes it in between, from another thread, opens what nobody
// saw. Programs that mean no harm are seen exactly; what a build that means harm
// says of itself is worth what its whole record is worth, which is level 1.
//
// It has a price. The command can gain no privileges (no_new_privs), so sudo in
// a build fails; a trace in a trace is refused; a process that the command
// leaves behind is refused every further file, and so is everybody when the
// process that traces is killed. docs/predicates/trace/v1.md says it in full.
package trace

import (
	"os/exec"

	"github.com/touchmark-go/touchmark/provenance/capture"
)

// Options tune a trace. They are a [capture.Tracer]; the zero Options are ready
// to use, and may be used by many at once.
type Options struct {
	// Modules, Toolchain and Cache are more folders whose files are of these
	// classes, besides those that the capture knows of: absolute paths. Those of
	// the Go toolchain it knows.
	Modules, Toolchain, Cache []string
}

// Start starts cmd and watches it, see [capture.Tracer]. It returns when cmd
// runs. If it cannot be watched, it runs nevertheless, and [capture.Trace.Refused]
// says why.
func (o Options) Start(cmd *exec.Cmd) (capture.Tracing, error) {
	return o.start(cmd)
}

// refused is the tracing of a command that nobody watches.
func (o Options) refused(cmd *exec.Cmd, why string) (capture.Tracing, error) {
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return unwatched(why), nil
}
