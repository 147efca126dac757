//go:build amd64 || arm64

package trace

import (
	"context"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"

	"github.com/touchmark-go/touchmark/provenance/capture"
)

// grace is how long processes may take to be gone after the command has ended.
const grace = 250 * time.Millisecond

// A tracing is a command that is watched.
type tracing struct {
	options Options
	watch   *watch
	release chan struct{} // closed to end the thread with the filter
	stop    *os.File      // closed to end the watching
	ended   chan struct{} // closed when it has ended
	left    bool          // then: processes are left over
	broken  bool          // then: the kernel does not do what it should
}

// start puts the filter on a thread of its own and starts cmd there, so that
// the command and its children have it, and nobody else. The thread is never
// used again; it lives until the command was waited for, because a command may
// have asked to die with the thread that started it.
//
// Starting a command takes a turn that is not obvious. The os package lets the
// child share its memory until it executes the command (CLONE_VFORK), and keeps
// one of Go's processors busy meanwhile. The filter stops the child's execve
// until we answer; and with one processor, or while a garbage collection waits
// for the busy one, we never would. So the child must have memory of its own,
// which the os package gives to one that is to unshare its user namespace. It is
// told to, with flags that have a mark in them, and the filter answers that call
// in our place: done, nothing done.
func (o Options) start(cmd *exec.Cmd) (capture.Tracing, error) {
	attr := syscall.SysProcAttr{}
	if cmd.SysProcAttr != nil {
		attr = *cmd.SysProcAttr
	}
	if attr.Cloneflags&syscall.CLONE_NEWUSER == 0 {
		if attr.Unshareflags != 0 || attr.Ptrace {
			return o.refused(cmd, "the command is to be started in a way that leaves no room for it (SysProcAttr.Unshareflags or Ptrace)")
		}
		attr.Unshareflags = startMark<<32 | syscall.CLONE_NEWUSER
	}
	t := &tracing{options: o, release: make(chan struct{}), ended: make(chan struct{})}
	started := make(chan error)
	var refused error
	onOwnThread(func() {
		if refused = t.listen(); refused != nil {
			started <- nil
			return
		}
		old := cmd.SysProcAttr
		cmd.SysProcAttr = &attr
		err := cmd.Start()
		cmd.SysProcAttr = old
		started <- err
		<-t.release
	})
	err := <-started
	if refused != nil {
		return o.refused(cmd, refused.Error())
	}
	if err != nil {
		t.finish()
		return nil, err
	}
	return t, nil
}

// onOwnThread runs f on a thread that ends with it. The first thread of the
// process would not.
func onOwnThread(f func()) {
	go func() {
		runtime.LockOSThread()
		if syscall.Gettid() != syscall.Getpid() {
			f()
			return
		}
		elsewhere := make(chan struct{})
		onOwnThread(func() { close(elsewhere); f() })
		<-elsewhere
		runtime.UnlockOSThread()
	}()
}

// listen puts the filter on this thread, begins to answer its calls, and tries
// whether that works.
func (t *tracing) listen() error {
	if name, e := realName([]byte("/\x00"), true); name != "/" {
		return refusal("the names of files are not to be had: /proc is not mounted", e)
	}
	listener, err := install()
	if err != nil {
		return err
	}
	r, stop, err := os.Pipe()
	if err != nil {
		syscall.Close(listener)
		return refusal("no pipe is to be had", syscall.EMFILE)
	}
	wakeHere(listener)
	t.stop = stop
	t.watch = &watch{calls: calls(), listener: listener, starter: syscall.Gettid()}
	go t.run(r)
	// It does not matter what becomes of this call, only that it comes back.
	if fd, err := syscall.Open("/", syscall.O_RDONLY|syscall.O_CLOEXEC, 0); err == nil {
		syscall.Close(fd)
	}
	select {
	case <-t.ended:
		return refusal("the kernel does not let a stopped system call go on (Linux 5.5 does)", syscall.EINVAL)
	default:
		return nil
	}
}

// run answers until nobody is left, or stop is closed.
func (t *tracing) run(stop *os.File) {
	defer close(t.ended)
	defer stop.Close()
	defer syscall.Close(t.watch.listener) // what still runs gets ENOSYS now
	for {
		switch wait(t.watch.listener, int(stop.Fd())) {
		case nextCall:
			if !t.watch.answer() {
				t.broken = true
				return
			}
		case nextNobody:
			return
		case nextStop:
			t.left = true
			return
		}
	}
}

// finish ends the watching.
func (t *tracing) finish() {
	close(t.release)
	patience := time.NewTimer(grace)
	defer patience.Stop()
	select {
	case <-t.ended:
	case <-patience.C:
	}
	t.stop.Close()
	<-t.ended
	if t.left {
		t.watch.seen.odd[oddLeft]++
	}
	if t.broken {
		t.watch.seen.odd[oddBroken]++
	}
}

// End ends the watching, hashes what was seen, and says what it is.
func (t *tracing) End(ctx context.Context, places capture.Places) (*capture.Trace, error) {
	t.finish()
	return t.watch.seen.trace(ctx, t.options.places(places))
}
