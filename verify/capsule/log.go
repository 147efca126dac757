package capsule

import (
	"context"
	"fmt"
	"io/fs"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/touchmark-go/touchmark/internal/logtiles"
	"github.com/touchmark-go/touchmark/sign/ledger"
)

// A log lies in a capsule as its checkpoint, all records, and the checkpoints
// that give them times: the files of docs/ledger.md but for the tiles of hashes,
// which follow from the records. So a record cannot be left out: the tree over
// those that are there would have another root than the log signed.

const checkpointName = logDir + "checkpoint"

// logKind tells what a file of a log is. Tiles of hashes are none of a capsule.
func logKind(name string) kind {
	if name == "checkpoint" {
		return checkpointKind
	}
	if rest, ok := strings.CutPrefix(name, "heads/"); ok {
		if _, _, _, err := logtiles.Parse("tile/entries/" + rest); err == nil && !strings.Contains(rest, ".p/") {
			return headsKind
		}
		return unknownKind
	}
	if level, _, _, err := logtiles.Parse(name); err == nil && level == -1 {
		return entriesKind
	}
	return unknownKind
}

// checkLog wants all records of a log from the first on, and a checkpoint, or
// nothing of a log.
func (c *Capsule) checkLog() error {
	var n, pages int64
	last := logtiles.Width
	for _, f := range c.manifest.Members {
		switch kindOf(f) {
		case headsKind:
			pages++
		case entriesKind:
			_, at, width, _ := logtiles.Parse(strings.TrimPrefix(f.Name, logDir))
			if at != n || last != logtiles.Width {
				return fmt.Errorf("%s is not where records go on: want %s, or none behind a page that is not full", f.Name, logtiles.Path(-1, n, logtiles.Width))
			}
			data, err := c.read(f)
			if err != nil {
				return err
			}
			records, rest, err := logtiles.Split(data, width)
			if err != nil || len(rest) > 0 {
				return fmt.Errorf("%s does not hold %d records", f.Name, width)
			}
			for _, r := range records {
				c.tree.Add(tlog.RecordHash(r))
			}
			n, last = n+1, width
		}
	}
	_, has := c.find(checkpointName)
	if has != (n > 0) || pages > 0 && !has {
		return fmt.Errorf("it holds part of a log: want a checkpoint and all records, or neither")
	}
	return nil
}

// Log is the log that c holds, all records of it, to be read by whoever knows
// its key; nil if there is none. Nothing in it has been checked.
func (c *Capsule) Log() ledger.Source {
	if _, has := c.find(checkpointName); !has {
		return nil
	}
	return logSource{c}
}

// A logSource hands out the files of a log.
type logSource struct{ c *Capsule }

// Read implements [ledger.Source].
func (s logSource) Read(ctx context.Context, name string, max int64) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var data []byte
	if f, there := s.c.find(logDir + name); there {
		var err error
		if data, err = s.c.read(f); err != nil {
			return nil, err
		}
	} else if level, n, width, err := logtiles.Parse(name); err == nil {
		data = s.c.tree.Tile(level, n, width)
	}
	switch {
	case data == nil:
		return nil, &fs.PathError{Op: "read", Path: name, Err: fs.ErrNotExist}
	case int64(len(data)) > max:
		return nil, fmt.Errorf("%s has %d bytes, want at most %d", name, len(data), max)
	}
	return data, nil
}

// logFiles are the files of a log as of a reader's checkpoint.
func logFiles(ctx context.Context, r *ledger.Reader) ([]file, error) {
	if err := r.Check(ctx); err != nil {
		return nil, err
	}
	head := r.Checkpoint()
	files := []file{{name: checkpointName, read: func() ([]byte, error) { return head.Note(), nil }}}
	for page := uint64(0); page*logtiles.Width < head.Size(); page++ {
		from, to := page*logtiles.Width, min((page+1)*logtiles.Width, head.Size())
		files = append(files, file{name: logDir + logtiles.Path(-1, int64(page), int(to-from)), read: func() ([]byte, error) { return records(ctx, r, from, to) }})
		heads, err := r.Heads(ctx, page)
		if err != nil {
			return nil, err
		}
		if len(heads) == 0 {
			continue
		}
		files = append(files, file{name: logDir + ledger.HeadsPath(page), read: func() ([]byte, error) {
			heads, err := r.Heads(ctx, page)
			if err != nil {
				return nil, err
			}
			notes := make([][]byte, len(heads))
			for i, c := range heads {
				notes[i] = c.Note()
			}
			return ledger.MarshalHeads(notes)
		}})
	}
	return files, nil
}

// records is a bundle of proven records.
func records(ctx context.Context, r *ledger.Reader, from, to uint64) ([]byte, error) {
	var bundle []byte
	for rec, err := range r.Records(ctx, from) {
		if err != nil {
			return nil, err
		}
		if rec.Index == to {
			break
		}
		bundle = logtiles.AppendRecord(bundle, rec.Data)
	}
	return bundle, nil
}
