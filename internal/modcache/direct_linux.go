package modcache

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"reflect"
	"syscall"
)

// direct reads a small file of a folder that [os.DirFS] stands for, without an
// [os.File]: for files of a kilobyte it takes twice as long to set one up, with
// what it needs to wait for devices, as to read them. It reports false if fsys is
// anything else.
func direct(fsys fs.FS, name string, most int64) (data []byte, ok bool, err error) {
	dir := reflect.ValueOf(fsys)
	if dir.Type() != dirFS || dir.Kind() != reflect.String || dir.Len() == 0 {
		return nil, false, nil
	}
	data, err = readFile(dir.String()+"/"+name, most)
	var errno syscall.Errno
	if errors.As(err, &errno) {
		err = &fs.PathError{Op: "read", Path: name, Err: errno}
	} else if err != nil {
		err = fmt.Errorf("%q: %w", name, err)
	}
	return data, true, err
}

var dirFS = reflect.TypeOf(os.DirFS("."))

// readFile reads a regular file of at most that many bytes. It waits for no pipe.
func readFile(path string, most int64) ([]byte, error) {
	fd, err := again(func() (int, error) {
		return syscall.Open(path, syscall.O_RDONLY|syscall.O_CLOEXEC|syscall.O_NONBLOCK, 0)
	})
	if err != nil {
		return nil, err
	}
	defer syscall.Close(fd)
	var info syscall.Stat_t
	if _, err := again(func() (int, error) { return 0, syscall.Fstat(fd, &info) }); err != nil {
		return nil, err
	}
	if info.Mode&syscall.S_IFMT != syscall.S_IFREG || info.Size > most {
		return nil, tooMuch(info.Mode&syscall.S_IFMT == syscall.S_IFREG, info.Size, most)
	}
	data := make([]byte, info.Size)
	for n := 0; n < len(data); {
		read, err := again(func() (int, error) { return syscall.Read(fd, data[n:]) })
		if err != nil {
			return nil, err
		}
		if read == 0 {
			return nil, io.ErrUnexpectedEOF
		}
		n += read
	}
	return data, nil
}

// again calls a system call until no signal interrupts it.
func again(call func() (int, error)) (int, error) {
	for {
		if n, err := call(); err != syscall.EINTR {
			return n, err
		}
	}
}
