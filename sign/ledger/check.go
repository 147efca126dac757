package ledger

import (
	"context"
	"fmt"
)

// Check reads everything that the checkpoint covers: every record, every hash,
// every page of times. The error is the first thing that is wrong, and is
// [ErrCorrupt] if a file was changed, swapped, cut short or lost. A writer that
// was killed may leave the newest times unwritten; whoever opens the log for
// writing next adds them.
func (r *Reader) Check(ctx context.Context) error {
	for _, err := range r.Records(ctx, 0) {
		if err != nil {
			return err
		}
	}
	if len(r.checkpoint.cosignatures) == 0 {
		return nil // nobody watches: there are no times
	}
	for page := uint64(0); page*tileWidth < r.checkpoint.size; page++ {
		heads, err := r.Heads(ctx, page)
		if err != nil {
			return err
		}
		if n := len(heads); n == 0 || heads[n-1].size < min((page+1)*tileWidth, r.checkpoint.size) {
			return fmt.Errorf("%w: %s is missing or was cut short", ErrCorrupt, HeadsPath(page))
		}
	}
	return nil
}
