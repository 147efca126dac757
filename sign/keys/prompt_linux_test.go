package keys_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"github.com/touchmark-go/touchmark/sign/keys"
)

// The test binary runs itself in a session of its own, with or without a
// terminal, and asks there.
const askEnv = "TOUCHMARK_TEST_KEYS_ASK"

func TestMain(m *testing.M) {
	ask, ok := map[string]keys.Passphrase{"prompt": keys.Prompt, "new": keys.PromptNew}[os.Getenv(askEnv)]
	if !ok {
		os.Exit(m.Run())
	}
	passphrase, err := ask("release.key")
	fmt.Printf("%q %v\n", passphrase, err)
}

func asking(t *testing.T, mode string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), askEnv+"="+mode)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // and so no terminal
	return cmd
}

func TestPromptWithoutTerminal(t *testing.T) {
	for _, mode := range []string{"prompt", "new"} {
		cmd := asking(t, mode)
		cmd.Stdin = strings.NewReader("piped\n")
		out, err := cmd.Output()
		if want := `"" no terminal to ask for the passphrase on: run it on one, or pass another Passphrase` + "\n"; string(out) != want || err != nil {
			t.Errorf("%s: %s, %v, want %s", mode, out, err, want)
		}
	}
}

// TestPrompt types on a terminal: the question names the key, and what is typed
// comes back but is not shown.
func TestPrompt(t *testing.T) {
	const asks = "Passphrase for \"release.key\": \r\n"
	const twice = "New passphrase for \"release.key\": \r\nOnce more: \r\n"
	tests := []struct{ mode, typed, shown, got string }{
		{"prompt", "open sesame\n", asks, `"open sesame" <nil>`},
		{"prompt", "\n", asks, `"" <nil>`},
		{"prompt", "grüß\n", asks, `"grüß" <nil>`},
		{"prompt", "sesame\x03\n", "Passphrase for \"release.key\": ", `"" no passphrase was typed`},
		{"new", "open sesame\nopen sesame\n", twice, `"open sesame" <nil>`},
		{"new", "open sesame\nopen sesam\n", twice, `"" the two passphrases differ`},
		{"new", "\n", "New passphrase for \"release.key\": \r\n", `"" the passphrase is empty`},
	}
	for _, test := range tests {
		shown, got := onTerminal(t, test.mode, test.typed)
		if shown != test.shown || got != test.got+"\n" {
			t.Errorf("%s, %q typed: %q shown, %q returned, want %q and %q", test.mode, test.typed, shown, got, test.shown, test.got)
		}
	}
}

// onTerminal returns what the terminal showed, and what the child printed to
// its standard output, a pipe. Each line is typed when it is asked for.
func onTerminal(t *testing.T, mode, typed string) (shown, got string) {
	t.Helper()
	master, slave := openPTY(t)
	defer master.Close()
	cmd := asking(t, mode)
	cmd.SysProcAttr.Setctty = true
	cmd.SysProcAttr.Ctty = 3
	cmd.ExtraFiles = []*os.File{slave}
	var out bytes.Buffer
	cmd.Stdout = &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	slave.Close()
	var screen bytes.Buffer
	buf := make([]byte, 256)
	lines := strings.SplitAfter(strings.TrimSuffix(typed, "\n"), "\n")
	for answered := 0; ; {
		n, err := master.Read(buf)
		screen.Write(buf[:n])
		questions := strings.Count(screen.String(), ": ")
		if questions > answered && answered < len(lines) {
			if _, err := io.WriteString(master, strings.TrimSuffix(lines[answered], "\n")+"\r"); err != nil {
				t.Fatal(err)
			}
			answered++
		}
		if err != nil { // the child was the last to have it open
			break
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	return screen.String(), out.String()
}

// openPTY returns both ends of a new terminal.
func openPTY(t *testing.T) (master, slave *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("no terminals here: %v", err)
	}
	var n, unlock uint32
	for request, arg := range map[uintptr]*uint32{syscall.TIOCSPTLCK: &unlock, syscall.TIOCGPTN: &n} {
		if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, master.Fd(), request, uintptr(unsafe.Pointer(arg))); errno != 0 {
			t.Skipf("no terminals here: %v", errno)
		}
	}
	slave, err = os.OpenFile("/dev/pts/"+strconv.Itoa(int(n)), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no terminals here: %v", err)
	}
	return master, slave
}
