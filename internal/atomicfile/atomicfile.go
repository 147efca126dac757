// Package atomicfile writes files that are there whole or not at all: whoever
// opens the path, at any moment and after any crash, reads what was there
// before or what was written, never a part of it.
//
// A write goes to a new file in the same folder, which is synced, renamed over
// the path, and made durable by syncing the folder. A process that is killed in
// between leaves the old content, and perhaps a file named .NAME.*.tmp. It is
// not cleaned up by the next write: to find it a whole folder, which may hold a
// million files, would be read for each of them, and nothing in it says whether
// its writer is alive. Such a file means nothing to anybody, and may be removed
// when nothing writes there.
package atomicfile

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// ErrNotRegular is a path that holds something other than a regular file: a
// link, a folder, a pipe or a device. It is left alone.
var ErrNotRegular = errors.New("not a regular file")

// A File is a file that appears at its path when it is committed. It is an
// io.Writer, and must end with [File.Commit] or [File.Abort]. It is not for
// concurrent use.
type File struct {
	file *os.File // nil once committed or aborted
	path string
	err  error // the first write error: a file with a hole is not committed
}

// Write puts data at path. A new or replaced file gets the permissions perm,
// before umask.
func Write(path string, data []byte, perm fs.FileMode) error {
	f, err := Create(path, perm)
	if err != nil {
		return err
	}
	defer f.Abort()
	if _, err := f.Write(data); err != nil {
		return err
	}
	return f.Commit()
}

// Create begins a file that will replace path. The folder must exist, and path
// must be free or hold a regular file, else the error is [ErrNotRegular].
func Create(path string, perm fs.FileMode) (*File, error) {
	if err := replaceable(path); err != nil {
		return nil, err
	}
	dir, name := filepath.Split(path)
	temp := filepath.Join(dir, "."+name+"."+rand.Text()+".tmp")
	file, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm.Perm())
	if err != nil {
		return nil, err
	}
	return &File{file: file, path: path}, nil
}

// replaceable keeps a rename from eating a device or a link that somebody set
// up on purpose.
func replaceable(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%q is %w (mode %s)", path, ErrNotRegular, info.Mode())
	}
	return nil
}

// Write appends to the file that is not yet there.
func (f *File) Write(data []byte) (int, error) {
	if f.file == nil {
		return 0, fs.ErrClosed
	}
	n, err := f.file.Write(data)
	if err != nil && f.err == nil {
		f.err = err
	}
	return n, err
}

// Commit makes the file appear at its path. If it fails the path holds what it
// held before, unless the error comes from syncing the folder: then the new
// content is there, and a loss of power may still take it away.
func (f *File) Commit() error {
	if f.file == nil {
		return fs.ErrClosed
	}
	defer f.Abort()
	if f.err != nil {
		return f.err
	}
	if err := f.file.Sync(); err != nil {
		return err
	}
	if err := f.file.Close(); err != nil {
		return err
	}
	if err := replaceable(f.path); err != nil {
		return err
	}
	if err := os.Rename(f.file.Name(), f.path); err != nil {
		return err
	}
	f.file = nil
	return syncFolder(filepath.Dir(f.path))
}

// Abort gives the file up. After Commit, after Abort and on nil it does
// nothing, so that it can be deferred.
func (f *File) Abort() {
	if f == nil || f.file == nil {
		return
	}
	// The file is of no use to anybody: if it cannot be removed, it stays.
	f.file.Close()
	os.Remove(f.file.Name())
	f.file = nil
}

// syncFolder makes a rename durable. Windows has no such call, and does not
// need one on NTFS.
func syncFolder(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
