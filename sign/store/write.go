package store

import (
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"hash"
	"io/fs"
	"os"
	"path"
	"runtime"

	"github.com/touchmark-go/touchmark/provenance"
)

// A draft is a file in new/ that is being written. It is hashed on the way.
type draft struct {
	folder *Folder
	name   string
	file   *os.File // nil once committed or aborted
	hash   hash.Hash
}

// begin makes a draft.
func (f *Folder) begin() (*draft, error) {
	if err := f.mkdir(newDir); err != nil {
		return nil, err
	}
	name := path.Join(newDir, rand.Text())
	file, err := f.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o444)
	if err != nil {
		return nil, err
	}
	return &draft{folder: f, name: name, file: file, hash: sha256.New()}, nil
}

func (d *draft) Write(p []byte) (int, error) {
	n, err := d.file.Write(p)
	d.hash.Write(p[:n])
	return n, err
}

// digest is that of what was written so far.
func (d *draft) digest() provenance.Digest { return sum(d.hash) }

// commit puts the file in its place, for good.
func (d *draft) commit(dir, name string) error {
	if err := d.file.Sync(); err != nil {
		return err
	}
	if err := d.file.Close(); err != nil {
		return err
	}
	if err := d.folder.mkdir(dir); err != nil {
		return err
	}
	if err := d.folder.root.Rename(d.name, path.Join(dir, name)); err != nil {
		return err
	}
	d.file = nil
	return d.folder.settle(dir)
}

// abort gives the draft up, unless it was committed.
func (d *draft) abort() {
	if d.file == nil {
		return
	}
	// It is of no use to anybody: if it cannot be removed, Fsck will report it.
	d.file.Close()
	d.folder.root.Remove(d.name)
	d.file = nil
}

// mkdir makes a folder and those above it, durably.
func (f *Folder) mkdir(dir string) error {
	if dir == "." {
		return nil
	}
	f.mu.Lock()
	made := f.made[dir]
	f.mu.Unlock()
	if made {
		if _, err := f.root.Lstat(dir); err == nil { // nobody took it away meanwhile
			return nil
		}
	}
	above := path.Dir(dir)
	if err := f.mkdir(above); err != nil {
		return err
	}
	if err := f.root.Mkdir(dir, 0o777); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if err := f.settle(above); err != nil {
		return err
	}
	// Those of subjects are as many as there are artifacts, and not worth the memory.
	if path.Dir(path.Dir(path.Dir(dir))) != subjectDir {
		f.mu.Lock()
		f.made[dir] = true
		f.mu.Unlock()
	}
	return nil
}

// settle makes what was renamed into a folder, or made in it, survive a loss of power. Windows has no such call, and
// does not need one on NTFS.
func (f *Folder) settle(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := f.root.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
