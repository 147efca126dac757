package tessera

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/api/layout"
	"golang.org/x/mod/sumdb/note"

	"github.com/touchmark-go/touchmark/internal/atomicfile"
	"github.com/touchmark-go/touchmark/internal/safefs"
	"github.com/touchmark-go/touchmark/sign/ledger"
)

// files is a log in whatever Tessera reads from, with the times in a folder.
// It is a [ledger.Source].
type files struct {
	reader tessera.LogReader
	dir    string
}

// driven reads from the driver. Tessera hands out its reader only with an
// appender, which idles until it is stopped.
func (l *Log) driven() (ledger.Source, error) {
	ctx, stop := context.WithCancel(context.Background())
	opts := tessera.NewAppendOptions().WithCheckpointSigner(silent{l.signer}).WithCheckpointInterval(idle).WithCheckpointRepublishInterval(0).WithGarbageCollectionInterval(0)
	_, _, reader, err := tessera.NewAppender(ctx, l.driver, opts)
	if err != nil {
		stop()
		return nil, err
	}
	return drivenFiles{files{reader: reader, dir: l.dir}, stop}, nil
}

// idle is how long an appender that only reads waits before it looks around.
const idle = 24 * time.Hour

// silent is a signer that never signs: whoever reads publishes nothing.
type silent struct{ note.Signer }

func (silent) Sign([]byte) ([]byte, error) { return nil, errors.New("this appender only reads") }

// drivenFiles is files with the appender that they come from.
type drivenFiles struct {
	files
	stop context.CancelFunc
}

func (f drivenFiles) Close() error {
	f.stop()
	return nil
}

func (f files) Read(ctx context.Context, name string, max int64) (data []byte, err error) {
	if kind, rest, _ := strings.Cut(name, "/"); kind == "checkpoint" {
		data, err = f.reader.ReadCheckpoint(ctx)
	} else if kind == "heads" {
		return safefs.ReadFile(filepath.Join(f.dir, filepath.FromSlash(name)), max)
	} else if level, path, ok := strings.Cut(rest, "/"); kind == "tile" && ok {
		data, err = f.tile(ctx, level, path)
	} else {
		return nil, &fs.PathError{Op: "read", Path: name, Err: fs.ErrNotExist}
	}
	if err == nil && int64(len(data)) > max {
		err = fmt.Errorf("%s has %d bytes, want at most %d", name, len(data), max)
	}
	return data, err
}

func (f files) tile(ctx context.Context, level, path string) ([]byte, error) {
	if level == "entries" {
		index, partial, err := layout.ParseTileIndexPartial(path)
		if err != nil {
			return nil, err
		}
		return f.reader.ReadEntryBundle(ctx, index, partial)
	}
	l, index, partial, err := layout.ParseTileLevelIndexPartial(level, path)
	if err != nil {
		return nil, err
	}
	return f.reader.ReadTile(ctx, l, index, partial)
}

// keepTimes adds c to the pages of the records that it is the first to cover,
// and to those that a writer who was killed left short.
func (l *Log) keepTimes(from uint64, c *ledger.Checkpoint) error {
	if len(c.Cosignatures()) == 0 || c.Size() == 0 {
		return nil
	}
	page := from / 256
	for ; page > 0; page-- { // back to the last page that is whole
		if whole, err := l.covered(page-1, page*256); err != nil {
			return err
		} else if whole {
			break
		}
	}
	for ; page*256 < c.Size(); page++ {
		if err := l.addTime(page, c); err != nil {
			return err
		}
	}
	return nil
}

// covered reports whether a page has a checkpoint of at least that size.
func (l *Log) covered(page, size uint64) (bool, error) {
	notes, err := l.times(page)
	if err != nil || len(notes) == 0 {
		return false, err
	}
	v, err := l.plain()
	if err != nil {
		return false, err
	}
	last, err := v.Open(notes[len(notes)-1])
	return err == nil && last.Size() >= size, err
}

func (l *Log) addTime(page uint64, c *ledger.Checkpoint) error {
	if done, err := l.covered(page, min((page+1)*256, c.Size())); done || err != nil {
		return err
	}
	notes, err := l.times(page)
	if err != nil {
		return err
	}
	data, err := ledger.MarshalHeads(append(notes, c.Note()))
	if err != nil {
		return err
	}
	path := filepath.Join(l.dir, filepath.FromSlash(ledger.HeadsPath(page)))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return atomicfile.Write(path, data, 0o644)
}

// times reads a page; one that is not there has none.
func (l *Log) times(page uint64) ([][]byte, error) {
	data, err := safefs.ReadFile(filepath.Join(l.dir, filepath.FromSlash(ledger.HeadsPath(page))), 16<<20)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return ledger.ParseHeads(data)
}

// sweep removes the parts of bundles and tiles that have become whole: readers
// of an older checkpoint take the whole ones (C2SP tlog-tiles).
func sweep(dir string, from, to uint64) error {
	for level := -1; level < 8; level++ {
		shift := 8 * (max(level, 0) + 1)
		for n := from >> shift; n < to>>shift; n++ {
			name := layout.EntriesPath(n, 0)
			if level >= 0 {
				name = layout.TilePath(uint64(level), n, 0)
			}
			if err := os.RemoveAll(filepath.Join(dir, filepath.FromSlash(name)+".p")); err != nil {
				return err
			}
		}
	}
	return nil
}
