// Package diskcache keeps small answers between runs, in a folder of bounded
// size. It is only ever a shortcut: what is missing, damaged or in the way is as
// if it had never been there, and whoever asks computes it again.
//
// An entry is a file with the digest of its content in front, written beside
// its place and renamed into it, so that a reader sees all of it or nothing. It
// is not synced: after a crash the digest tells. Several processes may share a
// folder.
package diskcache

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"
)

// The bounds of a cache.
const (
	// MaxEntries is how many entries a folder keeps. With one more, the oldest
	// quarter goes.
	MaxEntries = 8192
	// MaxValue is how long a value may be, in bytes. A longer one is not kept.
	MaxValue = 16 << 10
)

// A Cache is an open folder. A nil Cache is one that holds and keeps nothing. It
// may be used by several goroutines.
type Cache struct {
	root *os.Root
	most int

	mu    sync.Mutex
	count int // entries in the folder, as far as this process knows; -1 before it has looked
}

// Open opens the folder dir, which is made if it is not there. An empty dir
// gives a nil Cache.
func Open(dir string) (*Cache, error) { return open(dir, MaxEntries) }

func open(dir string, most int) (*Cache, error) {
	if dir == "" {
		return nil, nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("cache folder: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("cache folder: %w", err)
	}
	return &Cache{root: root, most: most, count: -1}, nil
}

// Close closes the folder.
func (c *Cache) Close() error {
	if c == nil {
		return nil
	}
	return c.root.Close()
}

const (
	suffix = ".entry"
	header = 2*sha256.Size + 1 // of a file: the digest in hex, and a newline
)

// name is the file of a key.
func name(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:]) + suffix
}

// seal is what stands in front of a value. The key is in the digest, so that an
// entry under another's name is damaged.
func seal(key string, value []byte) string {
	h := sha256.New()
	fmt.Fprintf(h, "%d:%s\n", len(key), key)
	h.Write(value)
	return hex.EncodeToString(h.Sum(nil)) + "\n"
}

// Get returns the value of key, and false if there is none or it is damaged. A
// damaged entry is removed.
func (c *Cache) Get(key string) ([]byte, bool) {
	if c == nil {
		return nil, false
	}
	name := name(key)
	// Never waits, and never follows a link out: something else in an entry's
	// place is no entry.
	if info, err := c.root.Lstat(name); err != nil || !info.Mode().IsRegular() {
		return nil, false
	}
	f, err := c.root.Open(name)
	if err != nil {
		return nil, false
	}
	data, err := io.ReadAll(io.LimitReader(f, header+MaxValue+1))
	f.Close()
	if err != nil {
		return nil, false
	}
	if len(data) < header || string(data[:header]) != seal(key, data[header:]) {
		c.root.Remove(name)
		return nil, false
	}
	return data[header:], true
}

// Put keeps value under key. An error only says that it was not kept.
func (c *Cache) Put(key string, value []byte) error {
	if c == nil {
		return nil
	}
	if len(value) > MaxValue {
		return fmt.Errorf("value has %d bytes, at most %d are kept", len(value), MaxValue)
	}
	temp := "." + rand.Text() + ".tmp"
	f, err := c.root.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.WriteString(f, seal(key, value)+string(value))
	if err = errors.Join(err, f.Close()); err == nil {
		err = c.root.Rename(temp, name(key))
	}
	if err != nil {
		c.root.Remove(temp)
		return err
	}
	return c.bound()
}

// bound removes the oldest entries when there are too many.
func (c *Cache) bound() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.count++; c.count > 0 && c.count <= c.most {
		return nil
	}
	entries, err := fs.ReadDir(c.root.FS(), ".")
	if err != nil {
		return err
	}
	type entry struct {
		name string
		at   int64
	}
	var list []entry
	for _, e := range entries {
		// What a killed process left goes as well, in its turn.
		if !strings.HasSuffix(e.Name(), suffix) && !strings.HasSuffix(e.Name(), ".tmp") {
			continue
		}
		if info, err := e.Info(); err == nil {
			list = append(list, entry{e.Name(), info.ModTime().UnixNano()})
		}
	}
	c.count = len(list)
	if c.count <= c.most {
		return nil
	}
	slices.SortFunc(list, func(a, b entry) int {
		if a.at != b.at {
			if a.at < b.at {
				return -1
			}
			return 1
		}
		return strings.Compare(a.name, b.name)
	})
	for _, e := range list[:c.count-c.most+c.most/4] {
		if c.root.Remove(e.name) == nil {
			c.count--
		}
	}
	return nil
}
