package ledger

import (
	"context"
	"os"

	"github.com/touchmark-go/touchmark/internal/safefs"
)

// A Source holds the files of a log. Implementations must be safe for
// concurrent use. What they return is believed only as far as a checkpoint
// proves it.
type Source interface {
	// Read returns the file of that name, as C2SP tlog-tiles names it:
	// "checkpoint", "tile/0/x001/234", "tile/entries/000.p/17". A file that is not
	// there is an error that is fs.ErrNotExist; one of more than max bytes is an error.
	Read(ctx context.Context, name string, max int64) ([]byte, error)
}

// A Dir is a log in a folder. It is a [Source].
type Dir struct{ root *os.Root }

// OpenDir opens the log in the folder at path. Nothing outside of it is ever
// read. It must be closed.
func OpenDir(path string) (*Dir, error) {
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, err
	}
	return &Dir{root: root}, nil
}

// Read implements [Source].
func (d *Dir) Read(ctx context.Context, name string, max int64) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return safefs.ReadFileIn(d.root, name, max)
}

// Close closes the folder.
func (d *Dir) Close() error { return d.root.Close() }
