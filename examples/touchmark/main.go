// Command touchmark proves how software was made and decides whether it may be
// used. It is the library as a command: everything it does, it does with the
// public packages of the module that it belongs to.
//
// Exit status: 0 allowed or done, 1 denied, 2 undecided or could not do it,
// 64 wrong usage.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"

	"github.com/touchmark-go/touchmark/internal/prefault"
)

func main() {
	prefault.Heap()
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// The exit statuses. They are part of the command's contract.
const (
	statusDone   = 0 // allowed, or done
	statusDenied = 1
	statusFailed = 2 // undecided, or could not do it
	statusUsage  = 64
)

// run is the whole command. It returns the exit status.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	only := ""
	if len(args) > 0 {
		only = args[0]
	}
	root := newRoot(only)
	root.SetArgs(append([]string{}, args...))
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	cmd, err := root.ExecuteContextC(ctx)
	var f *failure
	switch {
	case err == nil:
		return statusDone
	case !errors.As(err, &f): // cobra's own: an unknown flag or command, a missing argument
		fmt.Fprintf(stderr, "touchmark: %s (see: %s --help)\n", oneLine(err.Error()), cmd.CommandPath())
		return statusUsage
	case f.err != nil:
		fmt.Fprintf(stderr, "touchmark: %s\n", oneLine(f.err.Error()))
	}
	return f.status
}

// A failure ends the command with a status. A nil err means that everything has
// been said.
type failure struct {
	status int
	err    error
}

func (f *failure) Error() string {
	if f.err == nil {
		return fmt.Sprintf("status %d", f.status)
	}
	return f.err.Error()
}

func (f *failure) Unwrap() error { return f.err }

// A usageError says that the command was called wrongly.
type usageError struct{ msg string }

func (e *usageError) Error() string { return e.msg }

func usagef(format string, args ...any) error { return &usageError{fmt.Sprintf(format, args...)} }
