package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/touchmark-go/touchmark/internal/strictjson"
)

// A RollbackError says that a log has fewer records than it had: an old copy
// was put in its place.
type RollbackError struct{ Seen, Now *Checkpoint }

func (e *RollbackError) Error() string {
	return fmt.Sprintf("ledger: the log of %q has %d records, and had %d: somebody put an old copy in its place", e.Now.origin, e.Now.size, e.Seen.size)
}

// A ForkError says that a log has two histories: it signed two checkpoints of
// which neither extends the other. [ForkError.Marshal] is the evidence.
type ForkError struct {
	Seen, Now *Checkpoint
	prefix    tlog.Hash      // what Now's tree was when it was as large as Seen
	proof     tlog.TreeProof // that it was
}

func (e *ForkError) Error() string {
	return fmt.Sprintf("ledger: the log of %q has two histories: %d records with root %s, and %d records that began otherwise; keep the evidence", e.Now.origin, e.Seen.size, e.Seen.Root(), e.Now.size)
}

// Extends checks that the log still begins with all that it had at seen, a
// checkpoint kept from before: clients keep the last one and ask this of every
// new one. The error is a [*RollbackError] if the log is shorter now, a
// [*ForkError] if it began otherwise.
func (r *Reader) Extends(ctx context.Context, seen *Checkpoint) error {
	now := r.checkpoint
	if seen.origin != now.origin {
		return fmt.Errorf("ledger: the log is of %q, and was of %q", now.origin, seen.origin)
	}
	if now.size < seen.size {
		return &RollbackError{Seen: seen, Now: now}
	}
	prefix, err := r.rootAt(ctx, seen.size)
	if err != nil {
		return err
	}
	if prefix == seen.root {
		return nil
	}
	fork := &ForkError{Seen: seen, Now: now, prefix: prefix}
	if seen.size < now.size {
		if fork.proof, err = tlog.ProveTree(int64(now.size), int64(seen.size), r.hashes(ctx)); err != nil {
			return corrupt(err)
		}
	}
	return fork
}

// rootAt is the tree's root when it had that many records.
func (r *Reader) rootAt(ctx context.Context, size uint64) (tlog.Hash, error) {
	if size == r.checkpoint.size {
		return r.checkpoint.root, nil
	}
	h, err := tlog.TreeHash(int64(size), r.hashes(ctx))
	return h, corrupt(err)
}

// ForkSchema is the schema member of a fork's evidence.
const ForkSchema = "https://github.com/touchmark-go/touchmark/ledger/fork/v1"

// forkFile is the evidence of a fork in JSON.
type forkFile struct {
	Schema string   `json:"schema"`
	Seen   string   `json:"seen"`
	Now    string   `json:"now"`
	Prefix string   `json:"prefix"`
	Proof  []string `json:"proof"`
}

// Marshal writes the evidence down: both checkpoints, and a proof that the
// second does not extend the first. It needs no other file to be checked.
func (e *ForkError) Marshal() []byte {
	f := forkFile{Schema: ForkSchema, Seen: string(e.Seen.note), Now: string(e.Now.note), Prefix: e.prefix.String(), Proof: []string{}}
	for _, h := range e.proof {
		f.Proof = append(f.Proof, h.String())
	}
	data, err := json.Marshal(f)
	if err != nil {
		panic(err) // strings have a JSON form
	}
	return append(data, '\n')
}

// VerifyFork checks the evidence of a fork: both checkpoints are signed by the
// log, whoever cosigned them, and it is proven that one does not extend the
// other. If so, the log must not be believed any more.
func (v *Verifier) VerifyFork(data []byte) (*ForkError, error) {
	if len(data) > 4*MaxCheckpoint {
		return nil, fmt.Errorf("ledger: evidence of %d bytes, want at most %d", len(data), 4*MaxCheckpoint)
	}
	var f forkFile
	if err := strictjson.UnmarshalClosed(data, &f); err != nil {
		return nil, fmt.Errorf("ledger: no evidence of a fork: %w", err)
	}
	if f.Schema != ForkSchema {
		return nil, fmt.Errorf("ledger: the schema is %.80q, want %q", f.Schema, ForkSchema)
	}
	e := &ForkError{}
	var err error
	if e.Seen, err = v.open([]byte(f.Seen)); err != nil {
		return nil, err
	}
	if e.Now, err = v.open([]byte(f.Now)); err != nil {
		return nil, err
	}
	if e.prefix, err = parseHash(f.Prefix); err != nil {
		return nil, err
	}
	for _, s := range f.Proof {
		h, err := parseHash(s)
		if err != nil {
			return nil, err
		}
		if e.proof = append(e.proof, h); len(e.proof) > maxHashes {
			return nil, fmt.Errorf("ledger: a proof of more than %d hashes", maxHashes)
		}
	}
	switch {
	case e.prefix == e.Seen.root:
		err = errors.New("ledger: no fork: the first checkpoint is what the second began with")
	case e.Seen.size == 0 || e.Seen.size > e.Now.size:
		err = errors.New("ledger: no evidence of a fork: want the smaller checkpoint first")
	case e.Seen.size == e.Now.size:
		if e.prefix != e.Now.root || len(e.proof) != 0 {
			err = errors.New("ledger: no evidence of a fork: the prefix is not the second checkpoint's root")
		}
	default:
		if cerr := tlog.CheckTree(e.proof, int64(e.Now.size), e.Now.root, int64(e.Seen.size), e.prefix); cerr != nil {
			err = errors.New("ledger: no evidence of a fork: the proof does not lead to the second checkpoint")
		}
	}
	if err != nil {
		return nil, err
	}
	return e, nil
}

// ErrInconsistent is a proof that does not lead from one checkpoint to the
// other. Test for it with errors.Is.
var ErrInconsistent = errors.New("ledger: the proof does not lead from the one checkpoint to the other")

// Follows checks, by a proof (RFC 6962, section 2.1.2) and no other file, that
// c's log began with all that it had at seen. It is what a witness asks before
// it cosigns.
func (c *Checkpoint) Follows(seen *Checkpoint, proof tlog.TreeProof) error {
	switch {
	case c.origin != seen.origin:
		return fmt.Errorf("ledger: the checkpoint is of %q, and was of %q", c.origin, seen.origin)
	case c.size < seen.size:
		return &RollbackError{Seen: seen, Now: c}
	case len(proof) > maxHashes:
		return fmt.Errorf("ledger: a proof of %d hashes, want at most %d", len(proof), maxHashes)
	case seen.size == 0, c.size == seen.size:
		if len(proof) > 0 || seen.size > 0 && c.root != seen.root {
			return ErrInconsistent
		}
		return nil
	}
	if err := tlog.CheckTree(proof, int64(c.size), c.root, int64(seen.size), seen.root); err != nil {
		return ErrInconsistent
	}
	return nil
}
