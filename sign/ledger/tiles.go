package ledger

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/touchmark-go/touchmark/internal/logtiles"
)

// ErrCorrupt says that the log's files are not what its checkpoint says: a byte
// was changed, a file was swapped, cut short or lost. Test for it with errors.Is.
var ErrCorrupt = errors.New("ledger: the log's files are not what its checkpoint says")

const (
	tileHeight = 8
	tileWidth  = logtiles.Width // hashes in a tile, and records in a bundle
	maxTile    = tileWidth * tlog.HashSize
	// MaxRecord is the size of a record, in bytes: what C2SP tlog-tiles can write down.
	MaxRecord = 1<<16 - 1
	maxBundle = tileWidth * (2 + MaxRecord)
)

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
			return nil, fmt.Errorf("%w: %s has %d bytes", ErrCorrupt, logtiles.Path(tile.L, tile.N, tile.W), len(data))
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
	name := logtiles.Path(level, n, width)
	data, err := source.Read(ctx, name, max)
	if err != nil && width < tileWidth && errors.Is(err, fs.ErrNotExist) {
		if whole, werr := source.Read(ctx, logtiles.Path(level, n, tileWidth), max); werr == nil {
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
	records, rest, err := logtiles.Split(data, width)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %v", ErrCorrupt, name, err)
	}
	if width == tileWidth && len(rest) > 0 {
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
