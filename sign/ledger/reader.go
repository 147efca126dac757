package ledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/touchmark-go/touchmark/internal/logtiles"
	"github.com/touchmark-go/touchmark/sign"
)

// A Reader reads a log as of one checkpoint. What it returns was held against
// that checkpoint, byte for byte. It may be used concurrently.
type Reader struct {
	verifier   *Verifier
	source     Source
	checkpoint *Checkpoint
	kept       *keep
	times      times
}

// ErrEmpty is a log that has no checkpoint yet. Test for it with errors.Is.
var ErrEmpty = errors.New("ledger: there is no log")

// Read reads the log's checkpoint, checks it as [Verifier.Open] does, and
// returns a Reader of the log as of it. A log that was never written is
// [ErrEmpty].
func (v *Verifier) Read(ctx context.Context, source Source) (*Reader, error) {
	data, err := source.Read(ctx, "checkpoint", MaxCheckpoint)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: the checkpoint is missing", ErrEmpty)
	}
	if err != nil {
		return nil, err
	}
	c, err := v.Open(data)
	if err != nil {
		return nil, err
	}
	return v.At(source, c), nil
}

// At returns a Reader of the log as of a checkpoint that v opened.
func (v *Verifier) At(source Source, c *Checkpoint) *Reader {
	return &Reader{verifier: v, source: source, checkpoint: c, kept: &keep{m: map[tlog.Tile][]byte{}}}
}

// Checkpoint is the state that r reads.
func (r *Reader) Checkpoint() *Checkpoint { return r.checkpoint }

// hashes reads hashes of the tree, each proven.
func (r *Reader) hashes(ctx context.Context) tlog.HashReader {
	tree := tlog.Tree{N: int64(r.checkpoint.size), Hash: r.checkpoint.root}
	return tlog.TileHashReader(tree, tiles{ctx: ctx, source: r.source, kept: r.kept})
}

// A Record is one entry of the log.
type Record struct {
	Index uint64
	Data  []byte // as it was appended
}

// Bundle reads the record as the evidence that it is: one line that [sign.Read]
// reads. Nothing in it has been checked.
func (r Record) Bundle() (*sign.Bundle, error) {
	bundles, err := sign.Read(bytes.NewReader(r.Data))
	if err != nil {
		return nil, err
	}
	if len(bundles) != 1 {
		return nil, fmt.Errorf("ledger: record %d holds %d bundles, want one", r.Index, len(bundles))
	}
	b := bundles[0]
	if b.Err != nil {
		return nil, b.Err
	}
	b.Origin = fmt.Sprintf("record %d", r.Index)
	return b, nil
}

// Record returns one record. An index that the checkpoint does not cover is an
// error.
func (r *Reader) Record(ctx context.Context, index uint64) (Record, error) {
	if index >= r.checkpoint.size {
		return Record{}, fmt.Errorf("ledger: no record %d: the log has %d", index, r.checkpoint.size)
	}
	records, err := r.bundle(ctx, int64(index/tileWidth))
	if err != nil {
		return Record{}, err
	}
	data := records[index%tileWidth]
	h, err := r.hashes(ctx).ReadHashes([]int64{tlog.StoredHashIndex(0, int64(index))})
	if err != nil {
		return Record{}, corrupt(err)
	}
	if tlog.RecordHash(data) != h[0] {
		return Record{}, fmt.Errorf("%w: record %d was changed", ErrCorrupt, index)
	}
	return Record{Index: index, Data: data}, nil
}

// Records goes through all records from that index on, in the order of the
// log. It ends with the first error, and after that yields nothing; breaking
// out of it costs nothing. What was yielded before an error is proven.
func (r *Reader) Records(ctx context.Context, from uint64) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		hashes := r.hashes(ctx)
		for index := from; index < r.checkpoint.size; {
			n := int64(index / tileWidth)
			records, err := r.proven(ctx, hashes, n)
			if err != nil {
				yield(Record{}, err)
				return
			}
			for _, data := range records[index%tileWidth:] {
				if !yield(Record{Index: index, Data: data}, nil) {
					return
				}
				index++
			}
		}
	}
}

// proven reads the records of bundle n, held against the tree.
func (r *Reader) proven(ctx context.Context, hashes tlog.HashReader, n int64) ([][]byte, error) {
	records, err := r.bundle(ctx, n)
	if err != nil {
		return nil, err
	}
	indexes := make([]int64, len(records))
	for i := range indexes {
		indexes[i] = tlog.StoredHashIndex(0, n*tileWidth+int64(i))
	}
	want, err := hashes.ReadHashes(indexes)
	if err != nil {
		return nil, corrupt(err)
	}
	for i, data := range records {
		if tlog.RecordHash(data) != want[i] {
			return nil, fmt.Errorf("%w: record %d was changed", ErrCorrupt, n*tileWidth+int64(i))
		}
	}
	return records, nil
}

// bundle reads the records of bundle n, not yet proven.
func (r *Reader) bundle(ctx context.Context, n int64) ([][]byte, error) {
	width := r.width(n)
	data, err := readPart(ctx, r.source, -1, n, width, maxBundle)
	if err != nil {
		return nil, err
	}
	return parseBundle(data, logtiles.Path(-1, n, width), width)
}

// width is how many records of bundle n the checkpoint covers.
func (r *Reader) width(n int64) int {
	return int(min(r.checkpoint.size-uint64(n)*tileWidth, tileWidth))
}
