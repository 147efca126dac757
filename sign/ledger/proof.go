package ledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

// A Proof shows, to whoever knows the log's key, that a record stands in the
// log at an index. It carries the checkpoint that it leads to, and verifies
// offline. It says nothing about the other records.
type Proof struct {
	Index      uint64
	hashes     tlog.RecordProof
	checkpoint []byte // its note
}

const (
	proofHeader = "c2sp.org/tlog-proof@v1\n"
	maxHashes   = 63
	// MaxProof is the size of a proof, in bytes.
	MaxProof = MaxCheckpoint + 64 + maxHashes*48
)

// Prove proves that the record at index is in the log, as of r's checkpoint.
func (r *Reader) Prove(ctx context.Context, index uint64) (*Proof, error) {
	if index >= r.checkpoint.size {
		return nil, fmt.Errorf("ledger: no record %d: the log has %d", index, r.checkpoint.size)
	}
	hashes, err := tlog.ProveRecord(int64(r.checkpoint.size), int64(index), r.hashes(ctx))
	if err != nil {
		return nil, corrupt(err)
	}
	return &Proof{Index: index, hashes: hashes, checkpoint: r.checkpoint.note}, nil
}

// Marshal writes the proof down (C2SP tlog-proof).
func (p *Proof) Marshal() []byte {
	b := fmt.Appendf(nil, "%sindex %d\n", proofHeader, p.Index)
	for _, h := range p.hashes {
		b = append(b, h.String()...)
		b = append(b, '\n')
	}
	return append(append(b, '\n'), p.checkpoint...)
}

// ParseProof reads a proof (C2SP tlog-proof). Nothing in it has been checked;
// see [Verifier.VerifyProof].
func ParseProof(data []byte) (*Proof, error) {
	if len(data) > MaxProof {
		return nil, fmt.Errorf("ledger: a proof of %d bytes, want at most %d", len(data), MaxProof)
	}
	rest, ok := bytes.CutPrefix(data, []byte(proofHeader))
	if !ok {
		return nil, fmt.Errorf("ledger: no proof, want it to begin with %q", strings.TrimSpace(proofHeader))
	}
	head, checkpoint, ok := strings.Cut(string(rest), "\n\n")
	if !ok {
		return nil, errors.New("ledger: the proof has no checkpoint")
	}
	lines := strings.Split(head, "\n")
	index, ok := strings.CutPrefix(lines[0], "index ")
	n, err := strconv.ParseUint(index, 10, 62)
	if !ok || err != nil || strconv.FormatUint(n, 10) != index {
		return nil, fmt.Errorf("ledger: the proof says %.40q, want index and a number", lines[0])
	}
	p := &Proof{Index: n, checkpoint: []byte(checkpoint)}
	for _, line := range lines[1:] {
		h, err := parseHash(line)
		if err != nil {
			return nil, err
		}
		if p.hashes = append(p.hashes, h); len(p.hashes) > maxHashes {
			return nil, fmt.Errorf("ledger: a proof of more than %d hashes", maxHashes)
		}
	}
	return p, nil
}

// VerifyProof checks that p proves record to be in the log, and returns the
// checkpoint that it leads to, opened as by [Verifier.Open]: its Since is when
// the record was there.
func (v *Verifier) VerifyProof(p *Proof, record []byte) (*Checkpoint, error) {
	c, err := v.Open(p.checkpoint)
	if err != nil {
		return nil, err
	}
	if p.Index >= c.size {
		return nil, fmt.Errorf("ledger: the proof is of record %d, and its checkpoint covers %d", p.Index, c.size)
	}
	if err := tlog.CheckRecord(p.hashes, int64(c.size), c.root, int64(p.Index), tlog.RecordHash(record)); err != nil {
		return nil, fmt.Errorf("ledger: the proof does not lead from record %d to its checkpoint", p.Index)
	}
	return c, nil
}
