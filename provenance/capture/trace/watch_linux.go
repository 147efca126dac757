//go:build amd64 || arm64

package trace

import (
	"bytes"
	"path"
	"syscall"
)

// A watch is one command that is watched. What is below is of the one goroutine
// that answers the listener, until that has ended.
type watch struct {
	calls    map[uint32]call
	listener int
	starter  int // the thread that the filter was put on, whose own calls do not count
	seen     record

	moved bool // somebody has another root or other mounts, so that names may mean something else to it
	note  notification
	buf   []byte // a string of the task
	path  []byte // how we reach the file that it names
	did   []access
	met   []peer
	odd   []oddity
	heard bool // somebody was answered, so the kernel can do that
}

// answer takes one call and lets it go on. What the call names is looked at
// while the task waits, and kept only if it still waited then: so the memory
// that was read was its own, and not that of another process with its number.
// False means that the kernel cannot let calls go on.
func (w *watch) answer() bool {
	n := &w.note
	if !n.receive(w.listener) {
		return true
	}
	w.did, w.met, w.odd = w.did[:0], w.met[:0], w.odd[:0]
	if n.task() != w.starter {
		w.decode()
	}
	switch n.proceed(w.listener) {
	case 0:
		w.heard = true
		w.seen.keep(w.did, w.met, w.odd)
	case syscall.EINVAL:
		refuse := response{id: n.id(), err: -int32(syscall.ENOSYS)}
		refuse.send(w.listener)
		return false
	}
	return true
}

// decode finds out what the task that waits is about to do.
func (w *watch) decode() {
	n := &w.note
	switch {
	case n.task() == 0:
		w.odd = append(w.odd, oddProcess)
		return
	case n.arch() != auditArch || x32Bit != 0 && n.call() >= x32Bit:
		w.odd = append(w.odd, oddForeign)
		return
	}
	switch w.calls[n.call()] {
	case callOpen:
		w.open(cwd, n.arg(0), n.arg(1))
	case callCreat:
		w.open(cwd, n.arg(0), syscall.O_CREAT|syscall.O_WRONLY|syscall.O_TRUNC)
	case callOpenat:
		w.open(descriptor(n.arg(0)), n.arg(1), n.arg(2))
	case callOpenat2:
		w.openHow(n.arg(2))
	case callExecve:
		w.exec(cwd, n.arg(0), 0)
	case callExecveat:
		w.exec(descriptor(n.arg(0)), n.arg(1), n.arg(4))
	case callRename:
		w.rename(cwd, n.arg(0), cwd, n.arg(1))
	case callRenameat:
		w.rename(descriptor(n.arg(0)), n.arg(1), descriptor(n.arg(2)), n.arg(3))
	case callLink:
		w.link(cwd, n.arg(0), cwd, n.arg(1), 0)
	case callLinkat:
		w.link(descriptor(n.arg(0)), n.arg(1), descriptor(n.arg(2)), n.arg(3), n.arg(4))
	case callUnlink:
		w.remove(cwd, n.arg(0))
	case callUnlinkat:
		w.remove(descriptor(n.arg(0)), n.arg(1))
	case callTruncate:
		w.open(cwd, n.arg(0), syscall.O_WRONLY)
	case callConnect:
		w.connect(n.arg(1), n.arg(2))
	case callSendto:
		w.connect(n.arg(4), n.arg(5))
	case callSendmsg:
		w.message(n.arg(1))
	case callSendmmsg:
		w.messages(n.arg(1), n.arg(2))
	case callClone3:
		w.clone(n.arg(0))
	case callUnshare:
		if n.arg(0)&cloneNewNS != 0 {
			w.move()
		}
	case callClone, callSetns, callMount:
		w.move()
	case callRing:
		w.odd = append(w.odd, oddRing)
	case callHandle:
		w.odd = append(w.odd, oddHandle)
	}
}

// cwd stands for the task's working folder where a file descriptor could.
const cwd = -100 // AT_FDCWD

func descriptor(arg uint64) int { return int(int32(uint32(arg))) }

// string reads what the task names, and says so if that cannot be done.
func (w *watch) string(address uint64) ([]byte, bool) {
	if w.buf == nil {
		w.buf = make([]byte, maxPath)
	}
	s, e := peekString(w.note.task(), address, w.buf)
	if e == syscall.EPERM {
		w.odd = append(w.odd, oddMemory)
	}
	return s, e == 0 // with any other error the call fails, too
}

// name makes w.path the path, closed with a zero, by which we reach the file
// that the task means by name.
func (w *watch) name(dir int, name []byte) {
	task := func() []byte { return appendInt(append(w.path[:0], "/proc/"...), w.note.task()) }
	switch {
	case len(name) > 0 && name[0] == '/':
		w.path = w.path[:0]
		if rest, ok := ofTask(name); ok {
			w.path = append(task(), rest...)
			break
		}
		if w.moved {
			w.path = append(task(), "/root"...)
		}
		w.path = append(w.path, name...)
	default:
		w.path = append(task(), "/cwd"...)
		if dir != cwd {
			w.path = appendInt(append(task(), "/fd/"...), dir)
		}
		if len(name) == 0 {
			break
		}
		// The name without the detour over /proc is the better one to know it by.
		if at, e := readLink(w.path); e == 0 && !w.moved && len(at) > 0 && at[0] == '/' && !bytes.HasSuffix(at, []byte(" (deleted)")) {
			w.path = append(w.path[:0], at...)
		}
		w.path = append(append(w.path, '/'), name...)
	}
	w.path = append(w.path, 0)
}

// ofTask finds names that mean another file to every process, and returns
// what follows the folder of the process in /proc.
func ofTask(name []byte) (rest string, ok bool) {
	clean := path.Clean(string(name[:min(len(name), 64)]))
	for _, f := range [...]struct{ from, to string }{
		{"/proc/self", ""}, {"/proc/thread-self", ""}, {"/dev/fd", "/fd"}, {"/dev/stdin", "/fd/0"}, {"/dev/stdout", "/fd/1"}, {"/dev/stderr", "/fd/2"}, {"/proc/mounts", "/mounts"}, {"/proc/net", "/net"},
	} {
		if clean == f.from || len(clean) > len(f.from) && clean[:len(f.from)] == f.from && clean[len(f.from)] == '/' {
			return f.to + path.Clean(string(name))[len(f.from):], true
		}
	}
	return "", false
}

// at looks at the file that the task means by the string at address, and gives
// it its name. A file that is not there has one, if its folder is.
func (w *watch) at(dir int, address uint64, follow bool) (access, bool) {
	name, ok := w.string(address)
	if !ok || len(name) == 0 {
		return access{}, false
	}
	w.name(dir, name)
	return w.here(follow)
}

// here is at for the file that w.path names.
func (w *watch) here(follow bool) (access, bool) {
	l, e := lookAt(w.path, follow)
	switch e {
	case 0:
		if f := w.seen.known(w.path, follow, l); f != nil {
			return access{file: f, name: f.name, look: l, there: true}, true
		}
		name := w.real(w.path, follow)
		if name == "" {
			return access{}, false // it is gone this moment
		}
		return access{name: name, alias: string(aliasOf(w.path, follow)), look: l, there: true}, true
	case syscall.ENOENT:
		dir, last := path.Split(string(w.path[:len(w.path)-1]))
		if dir == "" || last == "" {
			return access{}, false
		}
		real := w.real(append([]byte(dir), 0), true)
		if real == "" {
			return access{}, false // nothing can be made there
		}
		return access{name: path.Join(real, last)}, true
	}
	return access{}, false // the call will fail as this did
}

// real is realName, and says so if it is not to be had for lack of means.
func (w *watch) real(path []byte, follow bool) string {
	name, e := realName(path, follow)
	if e == syscall.EMFILE || e == syscall.ENFILE || e == syscall.ENOMEM {
		w.odd = append(w.odd, oddLimit)
	}
	return name
}

// open is open, openat and, with flags of their own, their relatives.
func (w *watch) open(dir int, address, flags uint64) {
	a, ok := w.at(dir, address, flags&syscall.O_NOFOLLOW == 0)
	if ok {
		w.opened(a, flags)
	}
}

func (w *watch) opened(a access, flags uint64) {
	exclusive := flags&(syscall.O_CREAT|syscall.O_EXCL) == syscall.O_CREAT|syscall.O_EXCL
	switch {
	case a.there && (exclusive || a.folder() || a.link()): // fails, or is no file
		return
	case !a.there && flags&syscall.O_CREAT == 0:
		a.missed = true
	case !a.there:
		a.write = true
	default:
		mode := flags & syscall.O_ACCMODE
		a.write = mode != syscall.O_RDONLY || flags&syscall.O_TRUNC != 0
		a.read = mode != syscall.O_WRONLY && flags&syscall.O_TRUNC == 0
	}
	w.did = append(w.did, a)
}

// openHow is openat2, whose flags are in memory (struct open_how).
func (w *watch) openHow(address uint64) {
	n := &w.note
	var how [3]uint64 // flags, mode, resolve
	if e := peekWords(n.task(), address, how[:]); e != 0 {
		if e == syscall.EPERM {
			w.odd = append(w.odd, oddMemory)
		}
		return
	}
	if how[0]&(syscall.O_DIRECTORY|oPath) != 0 {
		return
	}
	dir := descriptor(n.arg(0))
	name, ok := w.string(n.arg(1))
	if !ok || len(name) == 0 {
		return
	}
	const inRoot = 0x10 // RESOLVE_IN_ROOT
	if how[2]&inRoot != 0 {
		name = bytes.TrimLeft(name, "/")
	}
	w.name(dir, name)
	if a, ok := w.here(how[0]&syscall.O_NOFOLLOW == 0); ok {
		w.opened(a, how[0])
	}
}

// rename gives the content of one name to another. All that is in a folder
// goes along.
func (w *watch) rename(fromDir int, from uint64, toDir int, to uint64) {
	a, ok := w.at(fromDir, from, false)
	if !ok || !a.there || a.link() {
		return
	}
	b, ok := w.at(toDir, to, false)
	if !ok {
		return
	}
	if a.folder() {
		w.did = append(w.did, access{name: a.name, movedTo: b.name})
		return
	}
	if b.there && b.folder() {
		return // it fails
	}
	a.write, b.write = true, true
	w.did = append(w.did, a, b)
}

// link gives a file one more name. The old one stays as it was.
func (w *watch) link(fromDir int, from uint64, toDir int, to, flags uint64) {
	var a access
	var ok bool
	name, readable := w.string(from)
	switch {
	case !readable:
		return
	case len(name) == 0 && flags&atEmptyPath != 0:
		w.name(fromDir, nil)
		a, ok = w.here(true)
	case len(name) > 0:
		w.name(fromDir, name)
		a, ok = w.here(flags&atFollow != 0)
	}
	if !ok || !a.there || a.link() || a.folder() {
		return
	}
	if b, ok := w.at(toDir, to, false); ok && !b.there {
		b.write = true
		w.did = append(w.did, b)
	}
}

// remove is unlink.
func (w *watch) remove(dir int, address uint64) {
	if a, ok := w.at(dir, address, false); ok && a.there && !a.link() && !a.folder() {
		a.write = true
		w.did = append(w.did, a)
	}
}

// clone is clone3, whose flags are in memory (struct clone_args).
func (w *watch) clone(address uint64) {
	var flags [1]uint64
	switch e := peekWords(w.note.task(), address, flags[:]); {
	case e == syscall.EPERM:
		w.odd = append(w.odd, oddMemory)
	case e == 0 && flags[0]&cloneNewNS != 0:
		w.move()
	}
}

func (w *watch) move() {
	w.moved = true
	w.odd = append(w.odd, oddMounts)
}
