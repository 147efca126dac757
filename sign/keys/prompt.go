package keys

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"sync"

	"golang.org/x/term"
)

// Prompt is a [Passphrase] that asks on the terminal of the process, whatever
// its standard input is, without showing what is typed. Without a terminal, as
// under cron or in CI, it is an error that says so.
func Prompt(name string) ([]byte, error) {
	return onTerminal(func(t *terminal) ([]byte, error) {
		return t.ask("Passphrase" + of(name) + ": ")
	})
}

// PromptNew is [Prompt] for a passphrase that is about to be used for the first
// time: it asks twice, and refuses an empty one and two that differ.
func PromptNew(name string) ([]byte, error) {
	return onTerminal(func(t *terminal) ([]byte, error) {
		first, err := t.ask("New passphrase" + of(name) + ": ")
		if err != nil {
			return nil, err
		}
		if len(first) == 0 {
			return nil, errors.New("the passphrase is empty")
		}
		second, err := t.ask("Once more: ")
		if err != nil {
			return nil, err
		}
		if !bytes.Equal(first, second) {
			return nil, errors.New("the two passphrases differ")
		}
		return first, nil
	})
}

// FromReader is a [Passphrase] that reads the first line of r, once: a pipe that
// another program writes to, os.NewFile(3, "passphrase"), or a secret's file. A
// file descriptor stays out of the list of processes and of the environment,
// where an argument or a variable would be seen. A line that is empty, or longer
// than 4096 bytes, is an error.
func FromReader(r io.Reader) Passphrase {
	read := sync.OnceValues(func() ([]byte, error) { return readLine(r) })
	return func(string) ([]byte, error) {
		line, err := read()
		return slices.Clone(line), err
	}
}

// maxPassphrase bounds a line that is a passphrase.
const maxPassphrase = 4096

// readLine reads no byte beyond the line, which may belong to somebody else.
func readLine(r io.Reader) ([]byte, error) {
	line := make([]byte, 0, maxPassphrase+2) // it never grows, so it leaves no copies behind
	for {
		b := line[len(line) : len(line)+1]
		n, err := r.Read(b)
		if n == 1 && b[0] != '\n' {
			line = line[:len(line)+1]
			if len(line) > maxPassphrase+1 {
				return nil, fmt.Errorf("the passphrase is longer than %d bytes", maxPassphrase)
			}
			continue
		}
		if n == 0 && err == nil {
			continue
		}
		if err != nil && err != io.EOF {
			return nil, fmt.Errorf("reading the passphrase: %w", err)
		}
		line = bytes.TrimSuffix(line, []byte("\r"))
		if len(line) == 0 {
			return nil, errors.New("the line that is to hold the passphrase is empty")
		}
		return line, nil
	}
}

// of quotes a name, which may hold anything.
func of(name string) string {
	if name == "" {
		return ""
	}
	return fmt.Sprintf(" for %q", name)
}

// A terminal is in raw mode while it is open, so that nothing shows of what is
// typed, not even before the question is on the screen.
type terminal struct {
	in, out *os.File
	before  *term.State
	line    *term.Terminal
}

// onTerminal opens the terminal itself, so that a key can be unlocked while
// standard input is a pipe, and leaves it as it was.
func onTerminal(ask func(*terminal) ([]byte, error)) (passphrase []byte, err error) {
	t, err := openTerminal()
	if err != nil {
		return nil, errors.New("no terminal to ask for the passphrase on: run it on one, or pass another Passphrase")
	}
	defer func() {
		if closeErr := t.close(); err == nil {
			err = closeErr
		}
	}()
	return ask(t)
}

func openTerminal() (*terminal, error) {
	in, out := "/dev/tty", "/dev/tty"
	if runtime.GOOS == "windows" {
		in, out = "CONIN$", "CONOUT$"
	}
	var t terminal
	var err error
	if t.in, err = os.OpenFile(in, os.O_RDWR, 0); err != nil {
		return nil, err
	}
	if t.out, err = os.OpenFile(out, os.O_RDWR, 0); err == nil {
		t.before, err = term.MakeRaw(int(t.in.Fd()))
	}
	if err != nil {
		t.in.Close()
		t.out.Close() // nil, too
		return nil, err
	}
	t.line = term.NewTerminal(struct {
		io.Reader
		io.Writer
	}{t.in, t.out}, "")
	return &t, nil
}

func (t *terminal) close() error {
	return errors.Join(term.Restore(int(t.in.Fd()), t.before), t.in.Close(), t.out.Close())
}

func (t *terminal) ask(question string) ([]byte, error) {
	answer, err := t.line.ReadPassword(question)
	if err == io.EOF { // also what Ctrl-C is in raw mode
		return nil, errors.New("no passphrase was typed")
	}
	return []byte(answer), err
}
