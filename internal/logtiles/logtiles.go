// Package logtiles knows how C2SP tlog-tiles names and fills the files of a log,
// and makes the tiles of hashes of whoever has all records.
package logtiles

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

// Width is how many hashes a tile has, and how many records a bundle.
const Width = 1 << height

const height = 8

// Path names the tile n of a level, or the first width hashes of it; level -1
// holds the records.
func Path(level int, n int64, width int) string {
	kind := strconv.Itoa(level)
	if level < 0 {
		kind = "entries"
	}
	name := "tile/" + kind + "/" + Group(n)
	if width < Width {
		name += fmt.Sprintf(".p/%d", width)
	}
	return name
}

// Group writes n in groups of three digits, each but the last behind an x.
func Group(n int64) string {
	name := fmt.Sprintf("%03d", n%1000)
	for n /= 1000; n > 0; n /= 1000 {
		name = fmt.Sprintf("x%03d/", n%1000) + name
	}
	return name
}

// Parse reads what [Path] writes, in its one spelling.
func Parse(name string) (level int, n int64, width int, err error) {
	bad := fmt.Errorf("%.80q names no tile", name)
	kind, rest, _ := strings.Cut(strings.TrimPrefix(name, "tile/"), "/")
	if level = -1; kind != "entries" {
		if level, err = strconv.Atoi(kind); err != nil {
			return 0, 0, 0, bad
		}
	}
	group, part, partial := strings.Cut(rest, ".p/")
	if width = Width; partial {
		if width, err = strconv.Atoi(part); err != nil {
			return 0, 0, 0, bad
		}
	}
	digits := strings.ReplaceAll(strings.ReplaceAll(group, "/", ""), "x", "")
	if n, err = strconv.ParseInt(digits, 10, 54); err != nil || level < -1 || width < 1 || width > Width || n < 0 || Path(level, n, width) != name {
		return 0, 0, 0, bad
	}
	return level, n, width, nil
}

// AppendRecord adds a record to a bundle, behind its length.
func AppendRecord(bundle, record []byte) []byte {
	return append(binary.BigEndian.AppendUint16(bundle, uint16(len(record))), record...)
}

// Split parts a bundle into its first width records. They share its memory.
func Split(bundle []byte, width int) (records [][]byte, rest []byte, err error) {
	records = make([][]byte, 0, width)
	for len(records) < width {
		if len(bundle) < 2 {
			return nil, nil, fmt.Errorf("%d records, want %d", len(records), width)
		}
		n := int(binary.BigEndian.Uint16(bundle))
		if bundle = bundle[2:]; len(bundle) < n {
			return nil, nil, errors.New("it ends within a record")
		}
		records = append(records, bundle[:n:n])
		bundle = bundle[n:]
	}
	return records, bundle, nil
}

// A Tree has the hashes of all records of a log: some 32 bytes for each. The zero
// Tree has none. It is a [tlog.HashReader].
type Tree struct {
	levels [][]tlog.Hash // by level of tiles: the roots of 256 hashes of the level below
}

// Add adds the hash of the next record.
func (t *Tree) Add(h tlog.Hash) {
	for level := 0; ; level++ {
		if level == len(t.levels) {
			t.levels = append(t.levels, nil)
		}
		t.levels[level] = append(t.levels[level], h)
		all := t.levels[level]
		if len(all)%Width != 0 {
			return
		}
		h = root(all[len(all)-Width:])
	}
}

// Size is how many records there are.
func (t *Tree) Size() int64 {
	if len(t.levels) == 0 {
		return 0
	}
	return int64(len(t.levels[0]))
}

// Root is the tree's root when it had size records.
func (t *Tree) Root(size int64) (tlog.Hash, error) { return tlog.TreeHash(size, t) }

// Tile is a tile of hashes, nil if the tree has none.
func (t *Tree) Tile(level int, n int64, width int) []byte {
	if level < 0 || level >= len(t.levels) || n > int64(len(t.levels[level]))/Width || n*Width+int64(width) > int64(len(t.levels[level])) {
		return nil
	}
	var data []byte
	for _, h := range t.levels[level][n*Width : n*Width+int64(width)] {
		data = append(data, h[:]...)
	}
	return data
}

// ReadHashes implements [tlog.HashReader].
func (t *Tree) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		level, n := tlog.SplitStoredHashIndex(index)
		tile, wide := level/height, int64(1)<<(level%height)
		if tile >= len(t.levels) || (n+1)*wide > int64(len(t.levels[tile])) {
			return nil, fmt.Errorf("the tree has no hash %d", index)
		}
		out[i] = root(t.levels[tile][n*wide : (n+1)*wide])
	}
	return out, nil
}

// root is the root over a power of two of hashes.
func root(hashes []tlog.Hash) tlog.Hash {
	if len(hashes) == 1 {
		return hashes[0]
	}
	half := len(hashes) / 2
	return tlog.NodeHash(root(hashes[:half]), root(hashes[half:]))
}
