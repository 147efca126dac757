package dirlock

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
)

const sharingViolation = syscall.Errno(32)

// try takes the lock by opening a file that nobody else may have open, or returns nothing if somebody has.
func try(dir string) (func(), error) {
	path := filepath.Join(dir, File)
	name, err := syscall.UTF16PtrFromString(path)
	if err != nil {
		return nil, err
	}
	handle, err := syscall.CreateFile(name, syscall.GENERIC_READ|syscall.GENERIC_WRITE, 0, nil, syscall.OPEN_ALWAYS, syscall.FILE_ATTRIBUTE_HIDDEN, 0)
	if err == nil {
		return func() { syscall.CloseHandle(handle) }, nil
	}
	if errors.Is(err, sharingViolation) {
		return nil, nil
	}
	return nil, &os.PathError{Op: "lock", Path: path, Err: err}
}
