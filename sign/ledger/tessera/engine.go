package tessera

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/transparency-dev/tessera"
	"golang.org/x/mod/sumdb/note"

	"github.com/touchmark-go/touchmark/sign/ledger"
)

const (
	// publishTime bounds the wait for a checkpoint, if the caller's context does not.
	publishTime = time.Minute
	// graceTime is how long a signed checkpoint may take to its file.
	graceTime = time.Second
	// stateFile is where Tessera's driver for folders keeps how far it got.
	stateFile = ".state/treeState"
)

// An engine is Tessera at work, in a folder that is locked. It runs no longer
// than the lock is held: two of them in one process would not see each other's
// locks.
type engine struct {
	appender *tessera.Appender
	reader   tessera.LogReader
	source   ledger.Source
	before   *ledger.Checkpoint // the newest when it started; nil for a new log
}

// counting is a signer that tells whether it signed.
type counting struct {
	note.Signer
	n atomic.Int64
}

func (c *counting) Sign(msg []byte) ([]byte, error) {
	c.n.Add(1)
	return c.Signer.Sign(msg)
}

// engine starts Tessera for so many records, runs do, and stops it. The folder must
// be locked. The records become one batch of Tessera's, which it writes when the
// last one is there: of two batches it may let the later overtake the earlier one,
// and each writes parts of tiles that the next one makes whole.
func (l *Log) engine(ctx context.Context, records int, republish time.Duration, do func(context.Context, *engine) error) error {
	if err := l.whole(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, publishTime)
	defer cancel()
	running, stop := context.WithCancel(ctx)
	defer stop()
	signer := &counting{Signer: l.signer}
	opts := tessera.NewAppendOptions().
		WithCheckpointSigner(signer).
		WithBatching(uint(records), batchAge).
		WithPushback(2 * maxBatch).
		WithCheckpointInterval(l.interval()).
		WithCheckpointRepublishInterval(republish).
		WithGarbageCollectionInterval(0) // sweep does it
	if len(l.opts.Witnesses) > 0 {
		opts = opts.WithWitnesses(l.group, &tessera.WitnessOptions{Timeout: witnessTime, FailOpen: l.opts.AtLeast == 0})
	}
	appender, _, reader, err := tessera.NewAppender(running, l.driver, opts)
	if err != nil {
		return fmt.Errorf("tessera: cannot start: %w", err)
	}
	e := &engine{appender: appender, reader: reader, source: files{reader: reader, dir: l.dir}}
	if err = l.sound(ctx, e); err == nil {
		err = do(ctx, e)
	}
	stop()
	if err != nil && signer.n.Load() > 0 {
		time.Sleep(graceTime) // a checkpoint may be on its way to the file: nobody else may publish before it is there
	}
	return err
}

// whole refuses a folder that lost Tessera's own state: Tessera would begin the
// log anew.
func (l *Log) whole() error {
	if l.opts.Driver != nil {
		return nil
	}
	_, err := os.Stat(filepath.Join(l.dir, "checkpoint"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		_, err = os.Stat(filepath.Join(l.dir, stateFile))
	}
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: %s is missing; bring it back, and do not append before", ledger.ErrCorrupt, stateFile)
	}
	return err
}

// sound looks at what is there before anything is appended: the newest
// checkpoint is the log's own, no older than and of the same history as what
// this Log saw before, and its last records are in the tree.
func (l *Log) sound(ctx context.Context, e *engine) error {
	r, err := l.verifier.Read(ctx, e.source)
	if errors.Is(err, ledger.ErrEmpty) || errors.Is(err, ledger.ErrWitnesses) {
		// Nothing is published yet, or it was before there were witnesses. The key decides.
		var v *ledger.Verifier
		if v, err = l.plain(); err != nil {
			return err
		}
		if r, err = v.Read(ctx, e.source); errors.Is(err, ledger.ErrEmpty) {
			return nil
		}
	}
	if err != nil {
		return err
	}
	c := r.Checkpoint()
	l.mu.Lock()
	last := l.last
	l.mu.Unlock()
	if last != nil {
		if err := r.Extends(ctx, last); err != nil {
			return err
		}
	}
	size, err := e.reader.IntegratedSize(ctx)
	if err != nil {
		return err
	}
	if size < c.Size() {
		return fmt.Errorf("%w: the tree has %d records, its checkpoint %d; bring the newest %s back, and do not append before", ledger.ErrCorrupt, size, c.Size(), stateFile)
	}
	if c.Size() > 0 {
		for _, err := range r.Records(ctx, (c.Size()-1)/256*256) {
			if err != nil {
				return err
			}
		}
	}
	e.before = c
	return nil
}

// plain opens checkpoints by the log's key alone.
func (l *Log) plain() (*ledger.Verifier, error) {
	id := l.verifier.Log()
	return ledger.Log{Origin: id.Origin, Key: id.Key}.Verifier()
}

// await waits for a checkpoint that is published and as wanted.
func (l *Log) await(ctx context.Context, e *engine, wanted func(*ledger.Checkpoint) bool) (*ledger.Checkpoint, error) {
	for {
		data, err := e.reader.ReadCheckpoint(ctx)
		if err == nil {
			var c *ledger.Checkpoint
			if c, err = l.verifier.Open(data); err == nil && wanted(c) {
				return c, nil
			}
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, ledger.ErrWitnesses) {
			return nil, err
		}
		select {
		case <-ctx.Done():
			if l.opts.AtLeast > 0 {
				return nil, fmt.Errorf("tessera: in the log, and not published: %d witnesses must cosign, and did not: %w", l.opts.AtLeast, ctx.Err())
			}
			return nil, fmt.Errorf("tessera: in the log, and not published: %w", ctx.Err())
		case <-time.After(pollInterval):
		}
	}
}

// published looks at a checkpoint that was published, and puts in order what
// it covers.
func (l *Log) published(ctx context.Context, e *engine, c *ledger.Checkpoint) error {
	r := l.verifier.At(e.source, c)
	from := uint64(0)
	if e.before != nil {
		if err := r.Extends(ctx, e.before); err != nil {
			return err
		}
		from = e.before.Size()
	}
	l.mu.Lock()
	l.last = c
	l.mu.Unlock()
	if err := l.keepTimes(from, c); err != nil {
		return err
	}
	if l.opts.Driver == nil {
		return sweep(l.dir, from, c.Size())
	}
	return nil
}
