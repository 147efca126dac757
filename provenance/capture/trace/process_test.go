//go:build linux && (amd64 || arm64)

package trace_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/touchmark-go/touchmark/provenance/capture"
	"github.com/touchmark-go/touchmark/provenance/capture/trace"
)

// helperEnv makes the test binary do something else than to test.
const helperEnv = "TRACE_TEST_HELPER"

func TestMain(m *testing.M) {
	switch os.Getenv(helperEnv) {
	case "":
		os.Exit(m.Run())
	case "network":
		net.Dial("tcp", "127.0.0.1:1")
		net.Dial("tcp", "[::1]:2")
		net.Dial("udp", "127.0.0.1:3")
		if c, err := net.ListenPacket("udp", "127.0.0.1:0"); err == nil {
			c.WriteTo([]byte("x"), &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 4})
			c.(*net.UDPConn).WriteMsgUDP([]byte("x"), nil, &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 5})
		}
		net.Dial("unix", "socket")
		net.Dial("unix", "none")
		net.Dial("unix", "@abstract")
	case "nested":
		nested, err := trace.Options{}.Start(exec.Command("cat", "a"))
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		seen, err := nested.End(context.Background(), capture.Places{})
		fmt.Println(seen.Refused, err)
	case "trace": // traces a command and tells when it runs
		cmd := exec.Command("sh", "-c", `cat a >before; echo $$; read x; echo x >after`)
		cmd.Stdout, cmd.Stdin = os.Stdout, os.Stdin
		if _, err := (trace.Options{}).Start(cmd); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		cmd.Wait()
	case "open":
		for i := range 300 {
			if f, err := os.Open(fmt.Sprint("many/", i)); err == nil {
				f.Close()
			}
		}
	}
}

// helper is a command that runs the test binary as a helper.
func (w world) helper(what string) *exec.Cmd {
	w.t.Helper()
	self, err := os.Executable()
	if err != nil {
		w.t.Fatal(err)
	}
	cmd := w.command(self)
	cmd.Env = append(os.Environ(), helperEnv+"="+what)
	return cmd
}

func TestNetwork(t *testing.T) {
	w := newWorld(t)
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(w.dir, "socket"), Net: "unix"})
	if err != nil {
		t.Skip(err) // the folder's name is too long for it
	}
	defer l.Close()
	seen, err := w.traced(w.helper("network"))
	if err != nil {
		t.Fatal(err)
	}
	got := connections(seen)
	for _, want := range []string{"inet 127.0.0.1 1", "inet6 ::1 2", "inet 127.0.0.1 3", "inet 127.0.0.1 4", "inet 127.0.0.1 5", "unix socket 0", "unix @abstract 0"} {
		if !slices.Contains(got, want) {
			t.Errorf("%q was not seen among %q", want, got)
		}
	}
	if slices.ContainsFunc(got, func(c string) bool { return strings.Contains(c, "none") }) {
		t.Errorf("a socket that is not there was connected to: %q", got)
	}
	if seen := w.trace("true"); len(seen.Connections) > 0 {
		t.Errorf("true connects to %q", connections(seen))
	}
}

// TestChangedByOthers changes a file after the command opened it, and before
// it is hashed; from outside, so that nothing else tells of it.
func TestChangedByOthers(t *testing.T) {
	w := newWorld(t)
	a, b := w.write("a", "a"), w.write("b", "b")
	info, err := os.Stat(a)
	if err != nil {
		t.Fatal(err)
	}
	cmd := w.command("sh", "-c", "cat a b; echo; read x")
	in, _ := cmd.StdinPipe()
	out, w1, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout = w1
	go func() {
		bufio.NewReader(out).ReadString('\n')
		os.WriteFile(a, []byte("x"), 0o755)
		os.Chtimes(a, info.ModTime(), info.ModTime()) // and does as if it had not
		os.Stat(b)
		io.WriteString(in, "go\n")
	}()
	seen, err := w.traced(cmd)
	if err != nil {
		t.Fatal(err)
	}
	w.want(seen, "source a read changed", "source b read {b}")
}

// TestCreatedByOthers: what was not there when it was opened, and is there
// afterwards, may have been read.
func TestCreatedByOthers(t *testing.T) {
	w := newWorld(t)
	cmd := w.command("sh", "-c", "cat a 2>/dev/null; echo; read x")
	in, _ := cmd.StdinPipe()
	out, w1, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout = w1
	go func() {
		bufio.NewReader(out).ReadString('\n')
		w.write("a", "a")
		io.WriteString(in, "go\n")
	}()
	seen, err := w.traced(cmd)
	if err != nil {
		t.Fatal(err)
	}
	w.want(seen, "source a read changed")
}

// TestLeftOver leaves a process behind.
func TestLeftOver(t *testing.T) {
	w := newWorld(t)
	w.write("a", "a")
	seen := w.trace("sh", "-c", "(sleep 60; cat a) >/dev/null 2>&1 & echo $! >pid; cat a >/dev/null")
	if got, want := unobserved(seen), []string{"left-over"}; !slices.Equal(got, want) {
		t.Errorf("not observed is %q, want %q", got, want)
	}
	data, err := os.ReadFile(filepath.Join(w.dir, "pid"))
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(data)))
	if err != nil {
		t.Fatal(err)
	}
	children, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	for _, child := range strings.Fields(string(children)) {
		if n, err := strconv.Atoi(child); err == nil {
			syscall.Kill(n, syscall.SIGKILL)
		}
	}
	syscall.Kill(pid, syscall.SIGKILL)
}

// TestKilled kills the process that traces. What it traced must not go on
// unseen: its next call fails.
func TestKilled(t *testing.T) {
	w := newWorld(t)
	w.write("a", "a")
	cmd := w.helper("trace")
	in, _ := cmd.StdinPipe()
	out, _ := cmd.StdoutPipe()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatal(err)
	}
	cmd.Process.Kill()
	cmd.Process.Wait()
	io.WriteString(in, "go\n")
	in.Close()
	for range 500 {
		if syscall.Kill(pid, 0) != nil {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if _, err := os.Stat(filepath.Join(w.dir, "before")); err != nil {
		t.Error("nothing was written before")
	}
	if _, err := os.Stat(filepath.Join(w.dir, "after")); err == nil {
		t.Error("the command went on although nobody was there to see it")
	}
}

// TestRefused: where a command cannot be traced it runs, and the trace says why.
func TestRefused(t *testing.T) {
	w := newWorld(t)
	w.write("a", "a")
	cmd := w.helper("nested")
	out, err := os.Create(filepath.Join(w.dir, "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	cmd.Stdout = out
	if _, err := w.traced(cmd); err != nil {
		t.Fatal(err)
	}
	said, _ := os.ReadFile(out.Name())
	if want := "another program already listens to the system calls of this one: device or resource busy <nil>\n"; string(said) != want {
		t.Errorf("a trace in a trace says %q, want %q", said, want)
	}

	cmd = w.command("true")
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_FS}
	tracing, err := trace.Options{}.Start(cmd)
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	if seen, err := tracing.End(t.Context(), capture.Places{}); err != nil || !strings.Contains(seen.Refused, "SysProcAttr") || seen.Files != nil {
		t.Errorf("the trace says %+v, %v; want that it was refused", seen, err)
	}
}

// TestStart: what is wrong with starting a command is said as without a trace,
// and the command is left as it was.
func TestStart(t *testing.T) {
	w := newWorld(t)
	cmd := w.command(filepath.Join(w.dir, "none"))
	plain := w.command(filepath.Join(w.dir, "none")).Run()
	attr := &syscall.SysProcAttr{Setpgid: true}
	cmd.SysProcAttr = attr
	if _, err := (trace.Options{}).Start(cmd); err == nil || err.Error() != plain.Error() {
		t.Errorf("start says %v, want %v", err, plain)
	}
	if cmd.SysProcAttr != attr || attr.Unshareflags != 0 {
		t.Error("start leaves its own attributes behind")
	}
}

// TestOthersAreFree: the filter, and the privileges that are given up for it,
// are the traced command's alone.
func TestOthersAreFree(t *testing.T) {
	w := newWorld(t)
	cmd := w.command("sh", "-c", "cat /proc/self/status >status")
	if _, err := w.traced(cmd); err != nil {
		t.Fatal(err)
	}
	status, _ := os.ReadFile(filepath.Join(w.dir, "status"))
	for _, want := range []string{"NoNewPrivs:\t1\n", "Seccomp:\t2\n"} {
		if !strings.Contains(string(status), want) {
			t.Errorf("the command does not have %q", want)
		}
	}
	ours, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	before := line(string(ours), "Seccomp_filters:")
	var busy string
	for range 200 { // a thread takes a moment to go
		busy = ""
		tasks, _ := filepath.Glob("/proc/self/task/*/status")
		for _, task := range tasks {
			data, _ := os.ReadFile(task)
			if l := line(string(data), "Seccomp_filters:"); len(data) > 0 && l != before {
				busy = l
			}
		}
		if busy == "" {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("a thread of this process has %q, want %q", busy, before)
}

func line(text, prefix string) string {
	for l := range strings.Lines(text) {
		if strings.HasPrefix(l, prefix) {
			return l
		}
	}
	return ""
}

// TestConcurrent traces many commands at once, with one processor for Go and
// with all, while memory is collected: nobody waits for ever, and nobody sees
// what is another's.
func TestConcurrent(t *testing.T) {
	for _, processors := range []int{1, runtime.GOMAXPROCS(0)} {
		t.Run(fmt.Sprint(processors), func(t *testing.T) {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(processors))
			w := newWorld(t)
			stop := make(chan struct{})
			var collecting, tracing sync.WaitGroup
			collecting.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
						runtime.GC()
					}
				}
			})
			for i := range 8 {
				name := fmt.Sprint("file", i)
				w.write(name, name)
				tracing.Go(func() {
					for range 3 {
						seen, err := w.traced(w.command("cat", name))
						if err != nil {
							t.Error(err)
							return
						}
						w.want(seen, "source "+name+" read {"+name+"}")
					}
				})
			}
			tracing.Wait()
			close(stop)
			collecting.Wait()
		})
	}
}

// TestStorm: many processes at once, none of which is missed.
func TestStorm(t *testing.T) {
	w := newWorld(t)
	var want []string
	for i := range 100 {
		name := fmt.Sprintf("file%02d", i)
		w.write(name, name)
		want = append(want, "source "+name+" read {"+name+"}")
	}
	w.want(w.trace("sh", "-c", "for f in file*; do cat $f >/dev/null & done; wait"), want...)
}

// TestThreads: the threads of one process open files at the same time.
func TestThreads(t *testing.T) {
	w := newWorld(t)
	var want []string
	for i := range 300 {
		w.write(fmt.Sprint("many/", i), "x")
		want = append(want, fmt.Sprintf("source many/%d read {x}", i))
	}
	slices.Sort(want)
	seen, err := w.traced(w.helper("open"))
	if err != nil {
		t.Fatal(err)
	}
	seen.Files = slices.DeleteFunc(seen.Files, func(f capture.TracedFile) bool { return !strings.HasPrefix(f.Name, "many/") })
	w.want(seen, want...)
}

// TestSignals: a call that a signal broke off is made again.
func TestSignals(t *testing.T) {
	w := newWorld(t)
	program := w.compile()
	w.write("a", "a")
	w.want(w.trace(program, "signals"), "source a read {a}")
}

// TestUnobserved: what cannot be seen through is named.
func TestUnobserved(t *testing.T) {
	w := newWorld(t)
	program := w.compile("-static", "-no-pie")
	w.write("a", "a")
	for mode, want := range map[string]string{"ring": "io_uring", "foreign": "foreign-calls"} {
		t.Run(mode, func(t *testing.T) {
			seen, err := w.traced(w.command(program, mode))
			if err != nil && strings.Contains(err.Error(), "status 3") || err != nil && strings.Contains(err.Error(), "signal") {
				t.Skip("this machine has no such calls")
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := unobserved(seen); !slices.Equal(got, []string{want}) {
				t.Errorf("not observed is %q, want %q", got, want)
			}
		})
	}
	t.Run("mounts", func(t *testing.T) {
		seen, err := w.traced(w.command("unshare", "--mount", "cat", "a"))
		if err != nil {
			t.Skip(err)
		}
		if got := unobserved(seen); !slices.Equal(got, []string{"mounts"}) {
			t.Errorf("not observed is %q, want mounts", got)
		}
		if got := told(seen); !strings.HasPrefix(got, "source a read ") {
			t.Errorf("seen is %q, want a", got)
		}
	})
}
