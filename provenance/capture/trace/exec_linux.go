//go:build amd64 || arm64

package trace

import (
	"bytes"
	"debug/elf"
	"os"
	"syscall"
)

// exec is execve and execveat. The kernel itself opens what the program needs
// to be started: the interpreter of a script, and the loader of a program that
// is linked dynamically. Neither is stopped, so both are read here.
func (w *watch) exec(dir int, address, flags uint64) {
	name, ok := w.string(address)
	if !ok || len(name) == 0 && flags&atEmptyPath == 0 {
		return
	}
	w.name(dir, name)
	if flags&atEmptyPath != 0 && len(name) == 0 && dir == cwd {
		return
	}
	const maxInterpreters = 5 // BINPRM_MAX_RECURSION and the first
	for range maxInterpreters + 1 {
		a, ok := w.here(flags&atNoFollow == 0)
		if !ok || !a.there || !a.regular() || a.mode&0o111 == 0 {
			return
		}
		a.exec = true
		w.did = append(w.did, a)
		next := w.interpreter(a)
		if next == "" {
			return
		}
		w.name(cwd, []byte(next))
		flags &^= atNoFollow
	}
}

// interpreter is what the kernel opens to start the program at w.path.
func (w *watch) interpreter(a access) (name string) {
	if a.file != nil && a.file.started == a.identity {
		return a.file.interpreter
	}
	f, err := os.OpenFile(string(w.path[:len(w.path)-1]), os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOCTTY, 0)
	if err != nil {
		return ""
	}
	defer f.Close()
	head := make([]byte, 256) // BINPRM_BUF_SIZE
	n, _ := f.ReadAt(head, 0)
	if line, ok := bytes.CutPrefix(head[:n], []byte("#!")); ok {
		line, _, _ = bytes.Cut(line, []byte("\n"))
		if fields := bytes.Fields(line); len(fields) > 0 {
			name = string(fields[0])
		}
	} else if bytes.HasPrefix(head[:n], []byte(elf.ELFMAG)) {
		name = loaderOf(f)
	}
	if a.file != nil {
		a.file.started, a.file.interpreter = a.identity, name
	}
	return name
}

// loaderOf is the PT_INTERP of a program.
func loaderOf(f *os.File) string {
	p, err := elf.NewFile(f)
	if err != nil {
		return ""
	}
	for _, s := range p.Progs {
		if s.Type != elf.PT_INTERP || s.Filesz > maxPath {
			continue
		}
		name := make([]byte, s.Filesz)
		if n, _ := s.ReadAt(name, 0); n == len(name) {
			return string(bytes.TrimRight(name, "\x00"))
		}
	}
	return ""
}
