package rollout_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/touchmark-go/touchmark/provenance/release"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/sign/ledger"
	"github.com/touchmark-go/touchmark/verify"
	"github.com/touchmark-go/touchmark/verify/rollout"
)

// tiles is a log in memory as a real one is on the disk: tiles under checkpoints
// that it signs and that witnesses cosign. It is a rollout.Log and a
// ledger.Source.
type tiles struct {
	now       func() time.Time
	signer    note.Signer
	witnesses []*ledger.Signer
	id        ledger.Log
	*ledger.Follower

	mu         sync.Mutex
	down       map[int]bool // witnesses that do not answer
	records    [][]byte
	hashes     []tlog.Hash // as tlog stores them
	published  int         // records that the checkpoint covers
	since      []time.Time // when each of them was covered first
	checkpoint []byte
	heads      map[int][][]byte
}

var errWitnesses = errors.New("too few witnesses answer")

// newTiles makes a log that wants so many of its witnesses.
func newTiles(t testing.TB, now func() time.Time, witnesses, atLeast int) *tiles {
	t.Helper()
	private, public, err := note.GenerateKey(rand.Reader, origin)
	if err != nil {
		t.Fatal(err)
	}
	l := &tiles{now: now, id: ledger.Log{Origin: origin, Key: public, AtLeast: atLeast}, down: map[int]bool{}, heads: map[int][][]byte{}}
	if l.signer, err = note.NewSigner(private); err != nil {
		t.Fatal(err)
	}
	for i := range witnesses {
		w, err := ledger.NewSigner(fmt.Sprintf("witness-%d.example", i), key(fmt.Sprintf("witness-%d", i)).private())
		if err != nil {
			t.Fatal(err)
		}
		l.witnesses = append(l.witnesses, w)
		l.id.Witnesses = append(l.id.Witnesses, w.Key())
	}
	v, err := l.id.Verifier()
	if err != nil {
		t.Fatal(err)
	}
	l.Follower = v.Follow(l, "")
	return l
}

// trusted is what a trust file says about it.
func (l *tiles) trusted() verify.Ledger {
	return verify.Ledger{Origin: l.id.Origin, Key: l.id.Key, Witnesses: verify.LedgerWitnesses{AtLeast: l.id.AtLeast, Keys: l.id.Witnesses}}
}

func (l *tiles) Append(_ context.Context, b *sign.Bundle) (uint64, error) {
	data, err := b.Marshal()
	if err != nil {
		return 0, err
	}
	if len(data) > ledger.MaxRecord {
		return 0, fmt.Errorf("a record of %d bytes", len(data))
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	n := len(l.records)
	hashes, err := tlog.StoredHashes(int64(n), data, l)
	if err != nil {
		return 0, err
	}
	l.records, l.hashes = append(l.records, data), append(l.hashes, hashes...)
	return uint64(n), l.publish()
}

// ReadHashes implements tlog.HashReader.
func (l *tiles) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, n := range indexes {
		if n >= int64(len(l.hashes)) {
			return nil, fs.ErrNotExist
		}
		out[i] = l.hashes[n]
	}
	return out, nil
}

// publish signs a checkpoint of all records, and has it cosigned.
func (l *tiles) publish() error {
	n := len(l.records)
	root, err := tlog.TreeHash(int64(n), l)
	if err != nil {
		return err
	}
	text := fmt.Sprintf("%s\n%d\n%s\n", origin, n, base64.StdEncoding.EncodeToString(root[:]))
	signed, err := note.Sign(&note.Note{Text: text}, l.signer)
	if err != nil {
		return err
	}
	cosigned := 0
	for i, w := range l.witnesses {
		if l.down[i] {
			continue
		}
		line, err := w.Cosign(signed, l.now())
		if err != nil {
			return err
		}
		signed, cosigned = append(signed, line...), cosigned+1
	}
	if cosigned < l.id.AtLeast {
		return errWitnesses
	}
	for page := l.published / 256; page <= (n-1)/256 && cosigned > 0 && l.published < n; page++ {
		l.heads[page] = append(l.heads[page], signed)
	}
	for range n - l.published {
		l.since = append(l.since, l.now())
	}
	l.published, l.checkpoint = n, signed
	return nil
}

// beat has the newest checkpoint cosigned anew, as a log does from time to time.
func (l *tiles) beat() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.publish()
}

// A quick log is tiles whose own operator reads it: records are not proven to him
// again each time, and heads are.
type quick struct{ *tiles }

func (q quick) Records(_ context.Context, from, size uint64) iter.Seq2[rollout.Entry, error] {
	return func(yield func(rollout.Entry, error) bool) {
		for index := from; index < size; index++ {
			q.mu.Lock()
			e, data := rollout.Entry{Index: index, Time: q.since[index]}, q.records[index]
			q.mu.Unlock()
			b, err := ledger.Record{Index: index, Data: data}.Bundle()
			if e.Bundle = b; err != nil {
				e.Bundle = &sign.Bundle{Err: err}
			}
			if !yield(e, nil) {
				return
			}
		}
	}
}

// Read implements ledger.Source.
func (l *tiles) Read(_ context.Context, name string, _ int64) ([]byte, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	missing := &fs.PathError{Op: "read", Path: name, Err: fs.ErrNotExist}
	if name == "checkpoint" {
		if l.checkpoint == nil {
			return nil, missing
		}
		return l.checkpoint, nil
	}
	for page, notes := range l.heads {
		if name == ledger.HeadsPath(uint64(page)) {
			return ledger.MarshalHeads(notes)
		}
	}
	tile, err := tlog.ParseTilePath(strings.Replace(strings.Replace(name, "tile/", "tile/8/", 1), "/entries/", "/data/", 1))
	if err != nil {
		return nil, missing
	}
	if tile.L >= 0 {
		if (tile.N<<8+int64(tile.W))<<(8*tile.L) > int64(len(l.records)) {
			return nil, missing
		}
		return tlog.ReadTileData(tile, l)
	}
	if tile.N<<8+int64(tile.W) > int64(len(l.records)) {
		return nil, missing
	}
	var out bytes.Buffer
	for _, data := range l.records[tile.N<<8:][:tile.W] {
		out.Write(binary.BigEndian.AppendUint16(nil, uint16(len(data))))
		out.Write(data)
	}
	return out.Bytes(), nil
}

func (l *tiles) Records(ctx context.Context, from, size uint64) iter.Seq2[rollout.Entry, error] {
	return l.Follower.Records(ctx, from, size)
}

func (l *tiles) Head(ctx context.Context) (release.Head, error) { return l.Follower.Head(ctx) }
