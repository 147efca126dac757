package ledger

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"sync"

	"golang.org/x/mod/sumdb/tlog"
)

// ErrCorrupt says that the log's files are not what its checkpoint says: a byte
// was changed, a file was swapped, cut short or lost. Test for it with errors.Is.
var ErrCorrupt = errors.New("ledger: the log's files are not what its checkpoint says")

const (
	tileHeight = 8
	tileWidth  = 1 << tileHeight // hashes in a tile, and records in a bundle
	maxTile    = tileWidth * tlog.HashSize
	// MaxRecord is the size of a record, in bytes: what C2SP tlog-tiles can write down.
	MaxRecord = 1<<16 - 1
	maxBundle = tileWidth * (2 + MaxRecord)
)

// tilePath names a tile as C2SP tlog-tiles does; level -1 holds the records.
func tilePath(level int, n int64, width int) string {
	kind := fmt.Sprint(level)
	if level < 0 {
		kind = "entries"
	}
	name := "tile/" + kind + "/" + group(n)
	if width < tileWidth {
		name += fmt.Sprintf(".p/%d", width)
	}
	return name
}

// group writes n in groups of three digits, each but the last behind an x.
func group(n int64) string {
	name := fmt.Sprintf("%03d", n%1000)
	for n /= 1000; n > 0; n /= 1000 {
		name = fmt.Sprintf("x%03d/", n%1000) + name
	}
	return name
}

// keptTiles is how many tiles a Reader remembers: 4 MiB.
const keptTiles = 512

// tiles reads hash tiles and remembers those that were proven. It is a
// [tlog.TileReader].
type tiles struct {
	ctx    context.Context
	source Source
	kept   *keep
}

// keep remembers proven tiles, for all calls of one Reader.
type keep struct {
	mu sync.Mutex
	m  map[tlog.Tile][]byte
}

func (k *keep) get(t tlog.Tile) []byte {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.m[t]
}

func (k *keep) put(t tlog.Tile, data []byte) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.m) >= keptTiles {
		for old := range k.m { // any one: the upper ones are soon back
			delete(k.m, old)
			break
		}
	}
	k.m[t] = data
}

func (t tiles) Height() int { return tileHeight }

func (t tiles) ReadTiles(want []tlog.Tile) ([][]byte, error) {
	out := make([][]byte, len(want))
	for i, tile := range want {
		if out[i] = t.kept.get(tile); out[i] != nil {
			continue
		}
		data, err := readPart(t.ctx, t.source, tile.L, tile.N, tile.W, maxTile)
		if err != nil {
			return nil, readError{err}
		}
		if len(data) < tile.W*tlog.HashSize || len(data)%tlog.HashSize != 0 || len(data) > maxTile {
			return nil, fmt.Errorf("%w: %s has %d bytes", ErrCorrupt, tilePath(tile.L, tile.N, tile.W), len(data))
		}
		out[i] = data[:tile.W*tlog.HashSize]
	}
	return out, nil
}

func (t tiles) SaveTiles(proven []tlog.Tile, data [][]byte) {
	for i, tile := range proven {
		t.kept.put(tile, data[i])
	}
}

// readPart reads a part of a tile or bundle, or the whole one that has taken
// its place since (C2SP tlog-tiles, "Partial tiles").
func readPart(ctx context.Context, source Source, level int, n int64, width int, max int64) ([]byte, error) {
	name := tilePath(level, n, width)
	data, err := source.Read(ctx, name, max)
	if err != nil && width < tileWidth && errors.Is(err, fs.ErrNotExist) {
		if whole, werr := source.Read(ctx, tilePath(level, n, tileWidth), max); werr == nil {
			return whole, nil
		}
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s is missing", ErrCorrupt, name)
	}
	return data, err
}

// parseBundle parts a bundle into its first width records.
func parseBundle(data []byte, name string, width int) ([][]byte, error) {
	records := make([][]byte, 0, width)
	for len(records) < width {
		if len(data) < 2 {
			return nil, fmt.Errorf("%w: %s has %d records, want %d", ErrCorrupt, name, len(records), width)
		}
		n := int(binary.BigEndian.Uint16(data))
		if data = data[2:]; len(data) < n {
			return nil, fmt.Errorf("%w: %s ends within a record", ErrCorrupt, name)
		}
		records = append(records, data[:n:n])
		data = data[n:]
	}
	if width == tileWidth && len(data) > 0 {
		return nil, fmt.Errorf("%w: %s has more than %d records", ErrCorrupt, name, width)
	}
	return records, nil
}

// A readError is trouble with the source, as against files that do not fit.
type readError struct{ error }

func (e readError) Unwrap() error { return e.error }

// corrupt says ErrCorrupt of whatever went wrong in tlog and was no reading.
func corrupt(err error) error {
	if err == nil || errors.Is(err, ErrCorrupt) {
		return err
	}
	if e, ok := errors.AsType[readError](err); ok {
		return e.error
	}
	return fmt.Errorf("%w: %v", ErrCorrupt, err)
}
