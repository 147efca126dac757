package image

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
)

// A spool holds one file of a layer at a time, so that it can be read at any place:
// the first part of it in memory, and all of it on the disk if it has more.
type spool struct {
	folder string // for the file on the disk, "" is the system's own
	memory []byte
	size   int64
	disk   *os.File
	onDisk bool
}

// maxMemory is how many bytes of a file are held before the disk is used.
const maxMemory = 8 << 20

// fill replaces what s holds by what r has, limit bytes at most.
func (s *spool) fill(r io.Reader, limit int64) error {
	s.onDisk = false
	s.memory = s.memory[:0]
	for len(s.memory) < maxMemory {
		s.memory = slices.Grow(s.memory, min(max(len(s.memory), 64<<10), maxMemory-len(s.memory)))
		n, err := r.Read(s.memory[len(s.memory):min(cap(s.memory), maxMemory)])
		s.memory = s.memory[:len(s.memory)+n]
		s.size = int64(len(s.memory))
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
	var err error
	if s.disk == nil {
		if s.disk, err = os.CreateTemp(s.folder, "touchmark-*"); err != nil {
			return fmt.Errorf("could not make a file for what does not fit into memory: %w", err)
		}
	}
	if err := s.disk.Truncate(0); err != nil {
		return err
	}
	if _, err := s.disk.WriteAt(s.memory, 0); err != nil {
		return err
	}
	if _, err := s.disk.Seek(s.size, io.SeekStart); err != nil {
		return err
	}
	more, err := io.Copy(s.disk, io.LimitReader(r, limit-s.size+1))
	s.size += more
	s.onDisk = true
	if err == nil && s.size > limit {
		err = fmt.Errorf("%w: a file of more than %d bytes", errText, limit)
	}
	return err
}

// ReadAt reads what s holds.
func (s *spool) ReadAt(p []byte, off int64) (int, error) {
	if s.onDisk {
		return s.disk.ReadAt(p, off)
	}
	if off < 0 || off >= int64(len(s.memory)) {
		return 0, io.EOF
	}
	n := copy(p, s.memory[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// Close removes the file on the disk.
func (s *spool) Close() error {
	if s.disk == nil {
		return nil
	}
	err := s.disk.Close()
	return errors.Join(err, os.Remove(s.disk.Name()))
}
