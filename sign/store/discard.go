package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"time"

	"github.com/touchmark-go/touchmark/internal/dirlock"
	"github.com/touchmark-go/touchmark/provenance"
)

// ErrFresh is what errors.Is finds in the error about a blob that was put too recently to be discarded.
var ErrFresh = errors.New("was put too recently")

// Discard removes a blob for good, unless it was put, or put once more, since the instant before: that is [ErrFresh].
// Whoever publishes puts content first and names it in a record afterwards, so before must lie further back than that
// ever takes; the clock is the file system's. A blob that is not there is [ErrNotFound]. It is there whole or gone
// whenever the process is killed, and who is reading it reads it to the end.
//
// Which blobs nobody needs any more is not known here: see Sweep in package rollout. Evidence is never
// discarded.
func (f *Folder) Discard(ctx context.Context, digest provenance.Digest, before time.Time) error {
	if digest.Algorithm() != provenance.SHA256 {
		return fmt.Errorf("blobs are found by sha256, want not %q", digest)
	}
	unlock, err := dirlock.Lock(ctx, f.dir)
	if err != nil {
		return err
	}
	defer unlock()
	dir, name := place(blobsDir, digest)
	info, err := f.root.Lstat(path.Join(dir, name))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("blob %s is %w", digest, ErrNotFound)
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return fmt.Errorf("blob %s is %v, want a file", digest, info.Mode().Type())
	case !info.ModTime().Before(before):
		return fmt.Errorf("blob %s %w: %s, want before %s", digest, ErrFresh, info.ModTime().UTC().Format(time.RFC3339), before.UTC().Format(time.RFC3339))
	}
	if err := f.root.Remove(path.Join(dir, name)); err != nil {
		return err
	}
	return f.settle(dir)
}
