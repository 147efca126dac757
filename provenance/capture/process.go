package capture

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"time"
)

// A runError is a command that ended badly. Its text repeats nothing that the
// command said.
type runError struct {
	status int
	stderr string // the beginning, to recognise known complaints
}

func (e *runError) Error() string { return fmt.Sprintf("it ended with status %d", e.status) }

// output runs cmd, which was made with ctx, and returns what it printed, at
// most limit bytes. The beginning is returned also with an error.
func output(ctx context.Context, cmd *exec.Cmd, limit int) ([]byte, error) {
	stderr := &head{limit: 4 << 10}
	stdout := &head{limit: limit}
	cmd.Stdout, cmd.Stderr = stdout, stderr
	cmd.WaitDelay = time.Second
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case errors.As(err, &exit):
		return stdout.buf.Bytes(), &runError{exit.ExitCode(), stderr.buf.String()}
	case err != nil:
		return nil, err
	case stdout.over:
		return stdout.buf.Bytes(), fmt.Errorf("it printed more than %d bytes", limit)
	}
	return stdout.buf.Bytes(), nil
}

// A head keeps the first limit bytes, and drops the rest. The buffer is a
// field: an embedded one would bring ReadFrom, which knows no limit.
type head struct {
	buf   bytes.Buffer
	limit int
	over  bool
}

func (h *head) Write(p []byte) (int, error) {
	room := h.limit - h.buf.Len()
	h.over = h.over || room < len(p)
	h.buf.Write(p[:min(room, len(p))])
	return len(p), nil
}

// runCommand starts the caller's command, lets it run to its end, and kills it
// when ctx ends.
func runCommand(ctx context.Context, cmd *exec.Cmd, start func() error) error {
	if cmd.WaitDelay == 0 && ctx.Done() != nil {
		// So that a grandchild that keeps a pipe open cannot hold us after ctx.
		cmd.WaitDelay = 10 * time.Second
	}
	if err := start(); err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { cmd.Process.Kill() })
	defer stop()
	err := cmd.Wait()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// stream runs cmd, which was made with ctx, and lets read see what it prints,
// at most limit bytes.
func stream(ctx context.Context, cmd *exec.Cmd, limit int64, read func(io.Reader) error) error {
	stderr := &head{limit: 4 << 10}
	cmd.Stderr = stderr
	cmd.WaitDelay = time.Second
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	readErr := read(io.LimitReader(out, limit))
	if readErr != nil {
		cmd.Process.Kill() // it may have more to say than is read
	}
	err = cmd.Wait()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case readErr != nil && (err == nil || errors.As(err, &exit) && exit.ExitCode() < 0):
		return readErr
	case errors.As(err, &exit):
		return &runError{exit.ExitCode(), stderr.buf.String()}
	}
	return err
}
