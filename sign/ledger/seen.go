package ledger

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/touchmark-go/touchmark/internal/atomicfile"
	"github.com/touchmark-go/touchmark/internal/dirlock"
	"github.com/touchmark-go/touchmark/internal/safefs"
)

// Remember holds r against the newest checkpoint of this log that was seen
// before, kept in the file at path, and keeps r's own if it is newer. It is what
// every client does with every log that it opens: the file belongs to the
// client, and must not lie where the log's owner can write. The error is a
// [*RollbackError] or a [*ForkError] if the log is not what it was; the file
// then stays. The first time there is no file, and any log is believed that its
// key signed.
func (r *Reader) Remember(ctx context.Context, path string) error {
	unlock, err := dirlock.Lock(ctx, filepath.Dir(path))
	if err != nil {
		return err
	}
	defer unlock()
	data, err := safefs.ReadFile(path, MaxCheckpoint)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err == nil {
		seen, err := r.verifier.open(data) // its witnesses may have been others
		if err != nil {
			return fmt.Errorf("the checkpoint kept in %s: %w", filepath.Base(path), err)
		}
		if err := r.Extends(ctx, seen); err != nil {
			return err
		}
		if seen.size == r.checkpoint.size && !r.checkpoint.Head().Time.After(seen.Head().Time) {
			return nil
		}
	}
	return atomicfile.Write(path, r.checkpoint.note, 0o644)
}
