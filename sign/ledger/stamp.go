package ledger

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/touchmark-go/touchmark/internal/strictjson"
	"github.com/touchmark-go/touchmark/sign"
)

// A signature that stands in a record of a watched log existed when witnesses
// saw the log with it. Its bundle carries that along as a log entry, in the form
// that Sigstore bundles have for those (docs/ledger.md), of a kind of its own:
// the entry's body is the record.
const (
	entryKind    = "ledger-record"
	entryVersion = "0.0.1"
)

// ErrNotStamped is a signature that carries no entry of this log. Test for it
// with errors.Is.
var ErrNotStamped = errors.New("ledger: the signature carries no entry of this log")

// A logEntry is a transparency log entry of a Sigstore bundle, as this package
// writes it.
type logEntry struct {
	LogIndex          string         `json:"logIndex"`
	LogID             logID          `json:"logId"`
	KindVersion       kindVersion    `json:"kindVersion"`
	InclusionProof    inclusionProof `json:"inclusionProof"`
	CanonicalizedBody []byte         `json:"canonicalizedBody"`
}

type logID struct {
	KeyID []byte `json:"keyId"`
}

type kindVersion struct {
	Kind    string `json:"kind"`
	Version string `json:"version"`
}

type inclusionProof struct {
	LogIndex   string     `json:"logIndex"`
	RootHash   []byte     `json:"rootHash"`
	TreeSize   string     `json:"treeSize"`
	Hashes     [][]byte   `json:"hashes"`
	Checkpoint checkpoint `json:"checkpoint"`
}

type checkpoint struct {
	Envelope string `json:"envelope"`
}

// entryID is by what entries name the log: the whole of the hash whose first four
// bytes are the key id of C2SP signed-note.
func (v *verifier) entryID() []byte {
	sum := sha256.Sum256(append([]byte(v.name+"\n"), append([]byte{v.alg}, v.public...)...))
	return sum[:]
}

// Stamp returns b, which has one signature, as a Sigstore bundle that carries
// the record at index along: b's signature must stand in it. The proof leads to
// the earliest checkpoint with the record that witnesses cosigned. B is not
// changed; an entry of this log that it has is replaced.
func (r *Reader) Stamp(ctx context.Context, b *sign.Bundle, index uint64) (*sign.Bundle, error) {
	record, err := r.Record(ctx, index)
	if err != nil {
		return nil, err
	}
	c, err := r.first(ctx, index)
	if err != nil {
		return nil, err
	}
	proof, err := r.verifier.At(r.source, c).Prove(ctx, index)
	if err != nil {
		return nil, err
	}
	return r.verifier.Stamp(b, record.Data, proof)
}

// Stamp is [Reader.Stamp] with a record and its proof, which it verifies.
func (v *Verifier) Stamp(b *sign.Bundle, record []byte, proof *Proof) (*sign.Bundle, error) {
	if b == nil || b.Err != nil || len(b.Signatures) != 1 {
		return nil, errors.New("ledger: want a bundle with one signature: a bundle holds log entries of one alone")
	}
	if err := stands(b, 0, record); err != nil {
		return nil, err
	}
	c, err := v.VerifyProof(proof, record)
	if err != nil {
		return nil, err
	}
	if c.Since().IsZero() {
		return nil, errUnwatched
	}
	index := strconv.FormatUint(proof.Index, 10)
	e := logEntry{LogIndex: index, LogID: logID{v.key.entryID()}, KindVersion: kindVersion{entryKind, entryVersion}, CanonicalizedBody: record,
		InclusionProof: inclusionProof{LogIndex: index, RootHash: c.root[:], TreeSize: strconv.FormatUint(c.size, 10), Hashes: [][]byte{}, Checkpoint: checkpoint{string(c.note)}}}
	for _, h := range proof.hashes {
		e.InclusionProof.Hashes = append(e.InclusionProof.Hashes, h[:])
	}
	raw, err := json.Marshal(e)
	if err != nil {
		return nil, err
	}
	out := *b
	out.Signatures = slices.Clone(b.Signatures)
	s := &out.Signatures[0]
	s.LogEntries = slices.DeleteFunc(slices.Clone(s.LogEntries), v.is)
	if len(s.LogEntries) == sign.MaxLogEntries {
		return nil, fmt.Errorf("ledger: more than %d log entries: %w", sign.MaxLogEntries, sign.ErrLimit)
	}
	s.LogEntries = append(s.LogEntries, raw)
	out.Format = sign.Sigstore
	return &out, nil
}

var errUnwatched = errors.New("ledger: no witness that counts has cosigned the checkpoint, and without one the log gives no time")

// Stamped is when signature i of b is known to have existed, by the entry of
// this log that it carries: as many witnesses as are wanted (at least one) had
// seen a record with this very signature over these very bytes. The error is
// [ErrNotStamped] if it carries none; one that carries two is refused.
func (v *Verifier) Stamped(b *sign.Bundle, i int) (time.Time, error) {
	entries := slices.Clone(b.Signatures[i].LogEntries)
	entries = slices.DeleteFunc(entries, func(raw json.RawMessage) bool { return !v.is(raw) })
	switch {
	case len(entries) == 0:
		return time.Time{}, ErrNotStamped
	case len(entries) > 1:
		return time.Time{}, fmt.Errorf("ledger: %d entries of this log, want one: %w", len(entries), sign.ErrLimit)
	}
	var e logEntry
	if err := strictjson.UnmarshalClosed(entries[0], &e); err != nil {
		return time.Time{}, fmt.Errorf("ledger: the log entry: %w", err)
	}
	if err := stands(b, i, e.CanonicalizedBody); err != nil {
		return time.Time{}, err
	}
	proof, err := e.proof()
	if err != nil {
		return time.Time{}, err
	}
	c, err := v.VerifyProof(proof, e.CanonicalizedBody)
	if err != nil {
		return time.Time{}, err
	}
	if !bytes.Equal(e.InclusionProof.RootHash, c.root[:]) || e.InclusionProof.TreeSize != strconv.FormatUint(c.size, 10) {
		return time.Time{}, errors.New("ledger: the log entry is of another tree than its checkpoint")
	}
	t := c.Since()
	if t.IsZero() {
		return time.Time{}, errUnwatched
	}
	return t, nil
}

// is reports whether a log entry says that it is one of this log.
func (v *Verifier) is(raw json.RawMessage) bool {
	var e struct {
		LogID       logID       `json:"logId"`
		KindVersion kindVersion `json:"kindVersion"`
	}
	return strictjson.Unmarshal(raw, &e) == nil && bytes.Equal(e.LogID.KeyID, v.key.entryID()) && e.KindVersion == kindVersion{entryKind, entryVersion}
}

// proof is what the entry holds of one, not yet verified.
func (e *logEntry) proof() (*Proof, error) {
	index, err := parseSize(e.LogIndex)
	if err != nil || e.InclusionProof.LogIndex != e.LogIndex {
		return nil, fmt.Errorf("ledger: the log entry is record %.40q, and its proof of record %.40q", e.LogIndex, e.InclusionProof.LogIndex)
	}
	if n := len(e.InclusionProof.Hashes); n > maxHashes {
		return nil, fmt.Errorf("ledger: a proof of %d hashes, want at most %d", n, maxHashes)
	}
	p := &Proof{Index: index, checkpoint: []byte(e.InclusionProof.Checkpoint.Envelope)}
	for _, h := range e.InclusionProof.Hashes {
		if len(h) != tlog.HashSize {
			return nil, fmt.Errorf("ledger: a proof with a hash of %d bytes", len(h))
		}
		p.hashes = append(p.hashes, tlog.Hash(h))
	}
	return p, nil
}

// stands reports whether signature i of b stands in the record, byte for byte
// and over the same bytes. Another signature by the same key would not do:
// nothing shows that it is as old.
func stands(b *sign.Bundle, i int, record []byte) error {
	if len(record) > MaxRecord {
		return fmt.Errorf("ledger: a record of %d bytes, want at most %d: %w", len(record), MaxRecord, sign.ErrLimit)
	}
	logged, err := Record{Data: record}.Bundle()
	if err != nil {
		return fmt.Errorf("ledger: the record that it brings along: %w", err)
	}
	if logged.PAE() == nil || !bytes.Equal(logged.PAE(), b.PAE()) {
		return errors.New("ledger: the record that it brings along is of something else")
	}
	if !slices.ContainsFunc(logged.Signatures, func(s sign.Signature) bool { return bytes.Equal(s.Sig, b.Signatures[i].Sig) }) {
		return errors.New("ledger: the record that it brings along does not hold this signature")
	}
	return nil
}
