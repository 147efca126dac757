package index

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/touchmark-go/touchmark/internal/dirlock"
	"github.com/touchmark-go/touchmark/provenance/release"
)

// KeySize is how many bytes the key of an index has at least.
const KeySize = 32

// An Index is a rollout.Keeper in a folder. It may be used concurrently.
type Index struct {
	mu     sync.Mutex
	sealed *sealed
	unlock func()
	groups [fanout]*[fanout]ref // those that were read
	known  bool                 // groups are those of the root
	tops   [fanout]ref
	slots  cache[int]
	pages  cache[pageKey]
	names  map[name]uint64            // set since the last Keep
	items  map[pageKey]map[int][]byte // set since the last Keep, by place in the page
	err    error                      // what keeps it from being used any more
}

// Open opens the index in the folder at path, and makes the folder if there is
// none. Key seals it: at least [KeySize] random bytes, which must not lie where
// the index does for whoever could edit it. Open waits until nobody else has the
// folder open, or ctx is done. The error is [ErrDamaged] if the index was not
// sealed with that key.
func Open(ctx context.Context, path string, key []byte) (*Index, error) {
	if len(key) < KeySize {
		return nil, fmt.Errorf("the index: a key of %d bytes, want %d at least", len(key), KeySize)
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, err
	}
	unlock, err := dirlock.Lock(ctx, path)
	if err != nil {
		return nil, err
	}
	s, err := openSealed(path, bytes.Clone(key))
	if err != nil {
		unlock()
		return nil, err
	}
	x := &Index{sealed: s, unlock: unlock, slots: newCache[int](slotBytes), pages: newCache[pageKey](pageBytes)}
	x.reset()
	return x, nil
}

// Remove removes the index in the folder at path, and nothing else that is there.
func Remove(ctx context.Context, path string) error {
	unlock, err := dirlock.Lock(ctx, path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer unlock()
	names, err := filepath.Glob(filepath.Join(path, "data-*"))
	for _, name := range append(names, filepath.Join(path, headFile)) {
		if rerr := os.Remove(name); rerr != nil && !errors.Is(rerr, fs.ErrNotExist) {
			err = errors.Join(err, rerr)
		}
	}
	return err
}

// Close lets go of the folder. What was set since the last Keep is forgotten. The
// error is [ErrDamaged] if the index was found to be so while it was open.
func (x *Index) Close() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.unlock == nil {
		return nil
	}
	err := x.sealed.close()
	if errors.Is(x.err, ErrDamaged) {
		err = x.err
	}
	x.unlock()
	x.unlock, x.err = nil, errors.New("the index is closed")
	return err
}

func (x *Index) reset() {
	x.names, x.items = map[name]uint64{}, map[pageKey]map[int][]byte{}
}

// Kept is the head of the log as of which the index is.
func (x *Index) Kept() release.Head {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.sealed.head.Log
}

// Size is how many bytes the index has on the disk.
func (x *Index) Size() int64 {
	x.mu.Lock()
	defer x.mu.Unlock()
	return int64(x.sealed.end)
}

// A name is the beginning of the SHA-256 of one, or of a page's key.
type name [20]byte

func nameOf(kind byte, s string) name {
	sum := sha256.Sum256(append([]byte{kind}, s...))
	return name(sum[:20])
}

const (
	aName byte = iota
	aPage
)

// pageRows is how many rows of a list lie in one page.
const pageRows = 16

type pageKey struct {
	list string
	page int
}

func (k pageKey) name() name { return nameOf(aPage, fmt.Sprintf("%d/%s", k.page, k.list)) }

// Number implements release.Facts.
func (x *Index) Number(s string) (int, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	key := nameOf(aName, s)
	if n, ok := x.names[key]; ok {
		return int(n), x.err
	}
	value, err := x.entry(key)
	if err != nil || value == nil {
		return 0, err
	}
	n, size := binary.Uvarint(value)
	if size != len(value) || n > 1<<62 {
		return 0, x.fail(fmt.Errorf("%w: a name stands for no number", ErrDamaged))
	}
	return int(n), nil
}

// SetNumber implements release.Facts.
func (x *Index) SetNumber(s string, n int) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if n < 0 {
		return fmt.Errorf("the index: %d is no number for a name", n)
	}
	x.names[nameOf(aName, s)] = uint64(n)
	return x.err
}

// Item implements release.Facts.
func (x *Index) Item(list string, n int) ([]byte, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	key := pageKey{list, n / pageRows}
	if value, ok := x.items[key][n%pageRows]; ok {
		return value, x.err
	}
	page, _, err := x.page(key)
	if err != nil {
		return nil, err
	}
	rows, err := parseRows(page)
	if err != nil {
		return nil, x.fail(err)
	}
	return rows[n%pageRows], nil
}

// SetItem implements release.Facts.
func (x *Index) SetItem(list string, n int, value []byte) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if n < 0 {
		return fmt.Errorf("the index: no row %d", n)
	}
	key := pageKey{list, n / pageRows}
	if x.items[key] == nil {
		x.items[key] = map[int][]byte{}
	}
	x.items[key][n%pageRows] = value
	return x.err
}

// fail keeps an index from being used that was found damaged.
func (x *Index) fail(err error) error {
	if x.err == nil && err != nil {
		x.err = err
	}
	return err
}

// page is a page of a list, nil if there is none, and where it is.
func (x *Index) page(key pageKey) ([]byte, ref, error) {
	value, err := x.entry(key.name())
	if err != nil || value == nil {
		return nil, ref{}, err
	}
	r, ok := parseRef(value)
	if !ok {
		return nil, r, x.fail(fmt.Errorf("%w: a page is nowhere", ErrDamaged))
	}
	if page := x.pages.get(key); page != nil {
		return page, r, nil
	}
	page, err := x.sealed.read(r)
	if err != nil {
		return nil, r, x.fail(err)
	}
	x.pages.put(key, page)
	return page, r, nil
}

// parseRows parts a page into its rows.
func parseRows(page []byte) (rows [pageRows][]byte, err error) {
	for i := range rows {
		if len(page) == 0 {
			return rows, nil
		}
		n, size := binary.Uvarint(page)
		if size <= 0 || n > uint64(len(page)-size)+1 {
			return rows, fmt.Errorf("%w: a page is no page", ErrDamaged)
		}
		if page = page[size:]; n > 0 { // 0 is none, else one more than its length
			rows[i] = page[: n-1 : n-1]
			page = page[n-1:]
		}
	}
	return rows, nil
}

// marshalRows writes a page; nothing if no row is left.
func marshalRows(rows [pageRows][]byte) []byte {
	var page []byte
	last := 0
	for i, row := range rows {
		if row != nil {
			last = i + 1
		}
	}
	for _, row := range rows[:last] {
		if row == nil {
			page = append(page, 0)
			continue
		}
		page = binary.AppendUvarint(page, uint64(len(row))+1)
		page = append(page, row...)
	}
	return page
}

// Keep makes all last that was set since the last Keep, as of head.
func (x *Index) Keep(head release.Head) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.err != nil {
		return x.err
	}
	return x.fail(x.keep(head))
}

func (x *Index) keep(head release.Head) error {
	set := make(map[name][]byte, len(x.names)+len(x.items))
	for key, n := range x.names {
		set[key] = nil
		if n > 0 {
			set[key] = binary.AppendUvarint(nil, n)
		}
	}
	byPage := func(a, b pageKey) int { // neighbours lie side by side
		if a.list != b.list {
			return bytes.Compare([]byte(a.list), []byte(b.list))
		}
		return a.page - b.page
	}
	for _, key := range slices.SortedFunc(maps.Keys(x.items), byPage) {
		old, at, err := x.page(key)
		if err != nil {
			return err
		}
		rows, err := parseRows(old)
		if err != nil {
			return err
		}
		for i, value := range x.items[key] {
			rows[i] = value
		}
		page := marshalRows(rows)
		r, err := x.sealed.write(page, at)
		if err != nil {
			return err
		}
		set[key.name()] = nil
		if len(page) > 0 {
			set[key.name()] = r.append(nil)
		}
		x.pages.put(key, page)
	}
	root, err := x.update(set)
	if err != nil {
		return err
	}
	if err := x.sealed.commit(root, head); err != nil {
		return err
	}
	x.reset()
	if x.sealed.garbage() {
		return x.compact()
	}
	return nil
}
