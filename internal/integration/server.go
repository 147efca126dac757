package integration

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"testing"
	"time"
)

// startTime bounds how long a server may take until it answers.
const startTime = 60 * time.Second

// A server is a process of ours that listens on the loopback interface.
type server struct {
	cmd  *exec.Cmd
	log  logBuffer
	done chan struct{} // closed when the process is gone
}

// start runs the program until t ends, and returns once ready does without an
// error. What it printed is shown if t fails. A port may be taken by somebody
// else in between, so command makes the arguments anew for each of three tries.
func start(t testing.TB, p Program, dir string, env []string, command func() (args []string, ready func() error)) *server {
	t.Helper()
	path := p.Path(t)
	var s *server
	var err error
	for range 3 {
		args, ready := command()
		s = &server{done: make(chan struct{})}
		s.cmd = exec.Command(path, args...)
		s.cmd.Dir, s.cmd.Env = dir, append(os.Environ(), env...)
		s.cmd.Stdout, s.cmd.Stderr = &s.log, &s.log
		if err = s.run(); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if err = s.await(ready); err == nil {
			break
		}
		s.Stop()
	}
	if err != nil {
		t.Fatalf("%s does not start: %v\n%s", p.Package, err, s.log.String())
	}
	t.Cleanup(func() {
		s.Stop()
		if t.Failed() {
			t.Logf("%s printed:\n%s", p.Package, s.log.String())
		}
	})
	return s
}

// run starts the process from a thread that lives as long as the process does:
// where the system can, the process is ended with that thread, and so with the
// test, however that ends.
func (s *server) run() error {
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(s.done)
		endWithParent(s.cmd)
		err := s.cmd.Start()
		started <- err
		if err == nil {
			s.cmd.Wait() // how it ended does not matter: it is killed
		}
	}()
	return <-started
}

// await waits until ready does not fail.
func (s *server) await(ready func() error) error {
	for until := time.Now().Add(startTime); ; time.Sleep(50 * time.Millisecond) {
		err := ready()
		if err == nil {
			return nil
		}
		select {
		case <-s.done:
			return fmt.Errorf("it ended: %w", err)
		default:
		}
		if time.Now().After(until) {
			return fmt.Errorf("not within %s: %w", startTime, err)
		}
	}
}

// Stop ends the process and waits until it is gone. Stopping twice does nothing.
func (s *server) Stop() {
	if s.cmd.Process != nil {
		s.cmd.Process.Kill() // an error says that it is gone already
		<-s.done
	}
}

// freePort is a port of the loopback interface that nobody listens on now.
func freePort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

// client is for servers on the loopback interface, whatever proxy a user has.
func client() *http.Client {
	return &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
}

// get fetches from a server of ours.
func get(url string) ([]byte, error) {
	resp, err := client().Get(url)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", url, resp.Status)
	}
	return data, err
}

// listening is ready when somebody accepts connections there.
func listening(address string) func() error {
	return func() error {
		c, err := net.DialTimeout("tcp", address, time.Second)
		if err == nil {
			c.Close()
		}
		return err
	}
}

// A logBuffer keeps the beginning of what a process prints.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.buf.Len() < 64<<10 {
		b.buf.Write(p)
	}
	return len(p), nil
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
