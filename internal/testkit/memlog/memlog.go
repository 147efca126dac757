// Package memlog is a log in memory, for tests: signed, cosigned by one witness
// at the time of a clock that the test holds, and read back as any other log.
package memlog

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io/fs"
	"iter"
	"maps"
	"strings"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/touchmark-go/touchmark/internal/logtiles"
	"github.com/touchmark-go/touchmark/provenance/release"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/sign/ledger"
)

// A Log is a log in memory. It is a rollout.Log and a [ledger.Source]. Make one
// with [New].
type Log struct {
	ID  ledger.Log // as the trust file names it
	now func() time.Time

	mu      sync.Mutex
	signer  note.Signer
	witness *ledger.Signer
	records [][]byte
	tree    logtiles.Tree
	heads   [][][]byte        // checkpoints, by page
	files   map[string][]byte // instead of what the log would say; nil is not there
	follow  *ledger.Follower
}

func seeded(seed string) ed25519.PrivateKey {
	sum := sha256.Sum256([]byte(seed))
	return ed25519.NewKeyFromSeed(sum[:])
}

// New makes an empty log of that name, whose witness looks at now.
func New(origin string, now func() time.Time) (*Log, error) {
	key := seeded("log of " + origin)
	public := append([]byte{1}, key[ed25519.SeedSize:]...)
	sum := sha256.Sum256(append([]byte(origin+"\n"), public...))
	hash := binary.BigEndian.Uint32(sum[:])
	encode := base64.StdEncoding.EncodeToString
	signer, err := note.NewSigner(fmt.Sprintf("PRIVATE+KEY+%s+%08x+%s", origin, hash, encode(append([]byte{1}, key.Seed()...))))
	if err != nil {
		return nil, err
	}
	l := &Log{now: now, signer: signer, ID: ledger.Log{Origin: origin, Key: fmt.Sprintf("%s+%08x+%s", origin, hash, encode(public)), AtLeast: 1}}
	if l.witness, err = ledger.NewSigner("witness.example", seeded("witness of "+origin)); err != nil {
		return nil, err
	}
	l.ID.Witnesses = []string{l.witness.Key()}
	v, err := l.ID.Verifier()
	if err != nil {
		return nil, err
	}
	l.follow = v.Follow(l, "")
	return l, nil
}

// Append implements rollout.Log.
func (l *Log) Append(_ context.Context, record *sign.Bundle) (uint64, error) {
	line, err := record.Marshal()
	if err != nil {
		return 0, err
	}
	return l.AppendData(line)
}

// AppendData appends any bytes.
func (l *Log) AppendData(record []byte) (uint64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := len(l.records)
	l.records = append(l.records, record)
	l.tree.Add(tlog.RecordHash(record))
	head, err := l.checkpoint()
	if err != nil {
		return 0, err
	}
	if n%logtiles.Width == 0 {
		l.heads = append(l.heads, nil)
	}
	l.heads[n/logtiles.Width] = append(l.heads[n/logtiles.Width], head)
	return uint64(n), nil
}

// checkpoint signs and cosigns the state that the log is in.
func (l *Log) checkpoint() ([]byte, error) {
	root, err := l.tree.Root(l.tree.Size())
	if err != nil {
		return nil, err
	}
	signed, err := note.Sign(&note.Note{Text: fmt.Sprintf("%s\n%d\n%s\n", l.ID.Origin, l.tree.Size(), root)}, l.signer)
	if err != nil {
		return nil, err
	}
	line, err := l.witness.Cosign(signed, l.now())
	return append(signed, line...), err
}

// Replace makes a file say something else from now on; nil makes it be missing.
func (l *Log) Replace(name string, data []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	files := maps.Clone(l.files)
	if files == nil {
		files = map[string][]byte{}
	}
	files[name] = data
	l.files = files
}

// Read implements [ledger.Source].
func (l *Log) Read(_ context.Context, name string, max int64) ([]byte, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	data, replaced := l.files[name]
	if !replaced {
		data = l.file(name)
	}
	if data == nil {
		return nil, &fs.PathError{Op: "read", Path: name, Err: fs.ErrNotExist}
	}
	if int64(len(data)) > max {
		return nil, fmt.Errorf("%s has more than %d bytes", name, max)
	}
	return data, nil
}

func (l *Log) file(name string) []byte {
	if name == "checkpoint" && len(l.records) > 0 {
		page := l.heads[len(l.heads)-1]
		return page[len(page)-1]
	}
	if strings.HasPrefix(name, "heads/") {
		for n, notes := range l.heads {
			if ledger.HeadsPath(uint64(n)) == name {
				data, err := ledger.MarshalHeads(notes)
				if err == nil {
					return data
				}
			}
		}
		return nil
	}
	level, n, width, err := logtiles.Parse(name)
	if err != nil {
		return nil
	}
	if level >= 0 {
		return l.tree.Tile(level, n, width)
	}
	from := n * logtiles.Width
	if from+int64(width) > int64(len(l.records)) {
		return nil
	}
	var bundle []byte
	for _, r := range l.records[from : from+int64(width)] {
		bundle = logtiles.AppendRecord(bundle, r)
	}
	return bundle
}

// Head implements rollout.Reader.
func (l *Log) Head(ctx context.Context) (release.Head, error) { return l.follow.Head(ctx) }

// Records implements rollout.Reader.
func (l *Log) Records(ctx context.Context, from, size uint64) iter.Seq2[ledger.Entry, error] {
	return l.follow.Records(ctx, from, size)
}

// Reader is a reader of the log as of now.
func (l *Log) Reader(ctx context.Context) (*ledger.Reader, error) { return l.follow.Read(ctx) }
