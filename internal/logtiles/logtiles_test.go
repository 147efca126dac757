package logtiles_test

import (
	"bytes"
	"fmt"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/touchmark-go/touchmark/internal/logtiles"
)

// The tiles of a tree are those that tlog makes, whatever its size.
func TestTree(t *testing.T) {
	tree := &logtiles.Tree{}
	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		var out []tlog.Hash
		for _, i := range indexes {
			out = append(out, stored[i])
		}
		return out, nil
	})
	const size = 70000
	for n := range int64(size) {
		record := fmt.Append(nil, n)
		more, err := tlog.StoredHashes(n, record, reader)
		if err != nil {
			t.Fatal(err)
		}
		stored = append(stored, more...)
		tree.Add(tlog.RecordHash(record))
	}
	for _, n := range []int64{1, 2, 255, 256, 257, 65535, 65536, 65537, size} {
		want, err := tlog.TreeHash(n, reader)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := tree.Root(n); err != nil || got != want {
			t.Errorf("the root of %d: %v, %v, want %v", n, got, err, want)
		}
	}
	for _, tile := range tlog.NewTiles(8, 0, size) {
		want, err := tlog.ReadTileData(tile, reader)
		if err != nil {
			t.Fatal(err)
		}
		if got := tree.Tile(tile.L, tile.N, tile.W); !bytes.Equal(got, want) {
			t.Errorf("%v is another", tile)
		}
	}
	if tree.Size() != size || tree.Tile(3, 0, 1) != nil || tree.Tile(0, 1<<50, 1) != nil || tree.Tile(-1, 0, 1) != nil {
		t.Error("it has what it has not")
	}
	if _, err := tree.Root(size + 1); err == nil {
		t.Error("it has a root of more than it has")
	}
}

// A path has one spelling.
func TestPath(t *testing.T) {
	for _, name := range []string{"tile/0/000", "tile/entries/000.p/1", "tile/3/x001/x234/067", "tile/entries/x001/000.p/255"} {
		level, n, width, err := logtiles.Parse(name)
		if err != nil || logtiles.Path(level, n, width) != name {
			t.Errorf("%s: %d, %d, %d, %v", name, level, n, width, err)
		}
	}
	for _, name := range []string{"", "tile/0/0", "tile/0/x000/001", "tile/0/001.p/0", "tile/0/001.p/256", "tile/0/001.p/01", "tile/-1/000", "tile/00/000", "0/000", "tile/entries", "tile/0/x001", "tile/0/+01", "tile/entries/999999999999999999999"} {
		if _, _, _, err := logtiles.Parse(name); err == nil {
			t.Errorf("%q names a tile", name)
		}
	}
}

// A bundle is read as it was written, and a cut one is not.
func TestSplit(t *testing.T) {
	var bundle []byte
	for _, r := range []string{"a", "", "ccc"} {
		bundle = logtiles.AppendRecord(bundle, []byte(r))
	}
	records, rest, err := logtiles.Split(bundle, 3)
	if err != nil || len(rest) != 0 || string(bytes.Join(records, []byte("|"))) != "a||ccc" {
		t.Errorf("%q, %q, %v", records, rest, err)
	}
	for n := range bundle {
		if _, _, err := logtiles.Split(bundle[:n], 3); err == nil {
			t.Errorf("%d bytes hold 3 records", n)
		}
	}
}
