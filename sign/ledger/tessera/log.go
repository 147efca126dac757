package tessera

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/transparency-dev/tessera"
	"golang.org/x/mod/sumdb/note"

	"github.com/touchmark-go/touchmark/internal/dirlock"
	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/provenance/release"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/sign/ledger"
)

const (
	interval     = 100 * time.Millisecond // between checkpoints, the least that Tessera allows in a folder
	slowInterval = time.Second            // and elsewhere
	batchAge     = time.Second            // records of one batch come all at once
	maxBatch     = 8192                   // records that get in together
	pollInterval = 3 * time.Millisecond
	witnessTime  = 10 * time.Second
)

// Options tune a Log. The zero Options are what [Open] uses.
type Options struct {
	// Witnesses cosign each checkpoint before it is published.
	Witnesses []Endpoint
	// AtLeast is how many of Witnesses must have cosigned a checkpoint, else it
	// is not published and whoever appends waits. Zero publishes without any.
	AtLeast int
	// Client asks the witnesses. If nil, one without redirects is used. Drivers other
	// than the folder's ask with [http.DefaultClient].
	Client *http.Client
	// Driver is where the tiles are, for a log on many machines: any driver of
	// Tessera. If nil, they are in the folder. The folder keeps the times of
	// records in either case.
	Driver tessera.Driver
	// Memory is a file that keeps the newest checkpoint that was read, see
	// [ledger.Reader.Remember]. It must not lie where others can write. If empty, the
	// Log remembers only what it saw itself.
	Memory string
}

// An Endpoint is where a witness is asked.
type Endpoint struct {
	Key   string   // of type cosignature, as [ledger.Log] wants it
	URL   string   // that its add-checkpoint is under (C2SP tlog-witness)
	Local *Witness // instead of URL, for a log in a folder: one in this very process
}

// A Log appends to one log, and reads it. It may be used concurrently. It must
// be closed when nobody uses it any more.
type Log struct {
	dir      string
	opts     Options
	driver   tessera.Driver
	signer   note.Signer
	group    tessera.WitnessGroup
	client   *http.Client
	verifier *ledger.Verifier
	source   ledger.Source
	follower *ledger.Follower

	mu      sync.Mutex
	waiting []*request
	leading bool               // somebody takes what waits along
	last    *ledger.Checkpoint // the newest that this Log published or found
}

// A request is one call of Append.
type request struct {
	ctx     context.Context
	records [][]byte
	indexes []uint64
	err     error
	done    chan struct{}
}

// NewKey makes the key of a new log of that origin: the private one, which [Open]
// takes and which must be kept secret, and the public one, for [ledger.Log].
func NewKey(origin string) (private, public string, err error) {
	return note.GenerateKey(rand.Reader, origin)
}

// Open opens the log in the folder dir, which must exist and may be empty, to
// append to it with its private key.
func Open(dir, key string) (*Log, error) { return Options{}.Open(dir, key) }

// Open is [Open] with these Options.
func (o Options) Open(dir, key string) (*Log, error) {
	signer, err := note.NewSigner(key)
	if err != nil {
		return nil, errNoKey // never with what was read
	}
	public, err := PublicKey(key)
	if err != nil {
		return nil, err
	}
	l := &Log{dir: dir, opts: o, driver: o.Driver, signer: signer, client: o.Client}
	id := ledger.Log{Origin: signer.Name(), Key: public, AtLeast: o.AtLeast}
	for _, w := range o.Witnesses {
		id.Witnesses = append(id.Witnesses, w.Key)
	}
	if l.verifier, err = id.Verifier(); err != nil {
		return nil, err
	}
	if l.client == nil {
		l.client = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	}
	if err := l.witnesses(); err != nil {
		return nil, err
	}
	if l.driver == nil {
		if info, err := os.Stat(dir); err != nil {
			return nil, err
		} else if !info.IsDir() {
			return nil, fmt.Errorf("tessera: %s is no folder", dir)
		}
		source, err := ledger.OpenDir(dir)
		if err != nil {
			return nil, err
		}
		l.source = source
		if l.driver, err = folder(dir, l.client); err != nil {
			return nil, err
		}
	} else if l.source, err = l.driven(); err != nil {
		return nil, err
	}
	l.follower = l.verifier.Follow(l.source, o.Memory)
	return l, nil
}

// Close lets go of the folder, or of the driver.
func (l *Log) Close() error {
	if c, ok := l.source.(io.Closer); ok {
		return c.Close()
	}
	return nil
}

// witnesses makes the group that Tessera asks.
func (l *Log) witnesses() error {
	local := map[string]*Witness{}
	var list []tessera.Witness
	for i, w := range l.opts.Witnesses {
		at := w.URL
		if w.Local != nil {
			if at != "" {
				return fmt.Errorf("tessera: witness %d has a URL and is local", i)
			}
			if l.opts.Driver != nil {
				return fmt.Errorf("tessera: witness %d is local, and drivers other than the folder's ask by URL only", i)
			}
			host := fmt.Sprintf("witness-%d.invalid", i)
			local[host], at = w.Local, "http://"+host
		}
		u, err := url.Parse(at)
		if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
			return fmt.Errorf("tessera: witness %d has no URL", i)
		}
		witness, err := tessera.NewWitness(w.Key, u)
		if err != nil {
			return fmt.Errorf("tessera: witness %d: %v", i, err)
		}
		list = append(list, witness)
	}
	if len(local) > 0 {
		client := *l.client
		client.Transport = inProcess{local, client.Transport}
		l.client = &client
	}
	l.group = group(l.opts.AtLeast, list)
	return nil
}

// Verifier opens the checkpoints of this log as whoever appends must see them.
func (l *Log) Verifier() *ledger.Verifier { return l.verifier }

// Head is that of [ledger.Follower.Head].
func (l *Log) Head(ctx context.Context) (release.Head, error) { return l.follower.Head(ctx) }

// Read is that of [ledger.Follower.Read].
func (l *Log) Read(ctx context.Context) (*ledger.Reader, error) { return l.follower.Read(ctx) }

// RootAt is that of [ledger.Follower.RootAt].
func (l *Log) RootAt(ctx context.Context, size uint64) (provenance.Digest, error) {
	return l.follower.RootAt(ctx, size)
}

// Records are those of [ledger.Follower.Records].
func (l *Log) Records(ctx context.Context, from, size uint64) iter.Seq2[ledger.Entry, error] {
	return l.follower.Records(ctx, from, size)
}

// Append appends a record, and returns its index once a checkpoint that covers
// it is published, cosigned as wanted. The same record twice is added twice. If
// it fails, the record may have been added or not (the context ended meanwhile,
// the witnesses were not there), and whoever cares looks at the records.
func (l *Log) Append(ctx context.Context, record *sign.Bundle) (uint64, error) {
	indexes, err := l.AppendAll(ctx, record)
	if err != nil {
		return 0, err
	}
	return indexes[0], nil
}

// AppendAll is [Log.Append] for several records, in their order, under one
// checkpoint.
func (l *Log) AppendAll(ctx context.Context, bundles ...*sign.Bundle) ([]uint64, error) {
	r := &request{ctx: ctx, done: make(chan struct{})}
	for _, b := range bundles {
		line, err := b.Marshal()
		if err != nil {
			return nil, err
		}
		if len(line) > ledger.MaxRecord {
			return nil, fmt.Errorf("tessera: a record of %d bytes, want at most %d: %w", len(line), ledger.MaxRecord, sign.ErrLimit)
		}
		r.records = append(r.records, line)
	}
	if len(r.records) == 0 {
		return nil, nil
	}
	if len(r.records) > maxBatch {
		return nil, fmt.Errorf("tessera: %d records at once, want at most %d: %w", len(r.records), maxBatch, sign.ErrLimit)
	}
	l.mu.Lock()
	l.waiting = append(l.waiting, r)
	lead := !l.leading
	l.leading = true
	l.mu.Unlock()
	if lead {
		go l.lead(r) // it ends when nobody waits
	}
	select {
	case <-r.done:
		return r.indexes, r.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// lead gets in for own, and then for whoever waits the longest, and takes along
// what waits with it, until nobody does.
func (l *Log) lead(own *request) {
	for {
		l.enter(own)
		select {
		case <-own.done:
		default:
			continue
		}
		l.mu.Lock()
		if len(l.waiting) == 0 {
			l.leading = false
			l.mu.Unlock()
			return
		}
		own = l.waiting[0]
		l.mu.Unlock()
	}
}

// take removes from what waits as much as gets in together.
func (l *Log) take() (batch []*request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for len(l.waiting) > 0 && (n == 0 || n+len(l.waiting[0].records) <= maxBatch) {
		r := l.waiting[0]
		l.waiting = l.waiting[1:]
		if r.ctx.Err() != nil {
			r.err = r.ctx.Err()
			close(r.done)
			continue
		}
		n += len(r.records)
		batch = append(batch, r)
	}
	return batch
}

// enter appends a batch, alone in the folder.
func (l *Log) enter(own *request) {
	fail := func(batch []*request, err error) {
		for _, r := range batch {
			r.err = err
			close(r.done)
		}
	}
	unlock, err := dirlock.Lock(own.ctx, l.dir)
	if err != nil {
		l.mu.Lock()
		var rest []*request
		for _, r := range l.waiting {
			if r != own {
				rest = append(rest, r)
			}
		}
		l.waiting = rest
		l.mu.Unlock()
		fail([]*request{own}, err)
		return
	}
	defer unlock()
	batch := l.take()
	if len(batch) == 0 {
		return
	}
	// The batch is for many callers: it ends only when all of them have gone.
	ctx, cancel := anyOf(batch)
	defer cancel()
	if err := l.write(ctx, batch); err != nil {
		fail(batch, err)
		return
	}
	for _, r := range batch {
		close(r.done)
	}
}

// anyOf is a context that ends when those of all requests have ended.
func anyOf(batch []*request) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(batch[0].ctx))
	go func() {
		for _, r := range batch {
			select {
			case <-r.ctx.Done():
			case <-ctx.Done():
				return
			}
		}
		cancel()
	}()
	return ctx, cancel
}

// interval is the time between checkpoints.
func (l *Log) interval() time.Duration {
	if l.opts.Driver != nil {
		return slowInterval
	}
	return interval
}

// write appends the records of a batch. The folder is locked.
func (l *Log) write(ctx context.Context, batch []*request) error {
	var records [][]byte
	for _, r := range batch {
		records = append(records, r.records...)
	}
	return l.engine(ctx, len(records), tessera.DefaultCheckpointRepublishInterval, func(ctx context.Context, e *engine) error {
		indexes, err := e.add(ctx, records)
		if err != nil {
			return err
		}
		newest := slices.Max(indexes)
		for _, r := range batch {
			r.indexes, indexes = indexes[:len(r.records):len(r.records)], indexes[len(r.records):]
			if !slices.IsSorted(r.indexes) {
				return fmt.Errorf("tessera: %d records are in the log, and not in their order", len(r.indexes))
			}
		}
		c, err := l.await(ctx, e, func(c *ledger.Checkpoint) bool { return c.Size() > newest })
		if err != nil {
			return err
		}
		return l.published(ctx, e, c)
	})
}

// add appends the records that the engine was started for to the tree, and waits
// until they have their places.
func (e *engine) add(ctx context.Context, records [][]byte) ([]uint64, error) {
	futures := make([]tessera.IndexFuture, len(records))
	for i, data := range records {
		futures[i] = e.appender.Add(ctx, tessera.NewEntry(data))
	}
	indexes := make([]uint64, len(records))
	for i, future := range futures {
		index, err := future()
		if err != nil {
			return nil, fmt.Errorf("tessera: cannot append: %w", err)
		}
		indexes[i] = index.Index
	}
	return indexes, nil
}

// Refresh publishes the log's newest checkpoint anew, with fresh cosignatures,
// so that readers who ask how old it is get an answer of now.
func (l *Log) Refresh(ctx context.Context) (*ledger.Checkpoint, error) {
	unlock, err := dirlock.Lock(ctx, l.dir)
	if err != nil {
		return nil, err
	}
	defer unlock()
	var fresh *ledger.Checkpoint
	err = l.engine(ctx, 1, l.interval(), func(ctx context.Context, e *engine) error {
		var err error
		fresh, err = l.await(ctx, e, func(c *ledger.Checkpoint) bool {
			return e.before == nil || !bytes.Equal(c.Note(), e.before.Note()) || len(l.opts.Witnesses) == 0
		})
		if err != nil {
			return err
		}
		return l.published(ctx, e, fresh)
	})
	return fresh, err
}

var errNoKey = errors.New("tessera: the log's private key cannot be read: want an Ed25519 key as NewKey makes them")

// PublicKey is the public half of a private key as [NewKey] makes them.
func PublicKey(key string) (string, error) {
	fields := strings.SplitN(key, "+", 5) // PRIVATE+KEY+name+hash+key
	if len(fields) != 5 {
		return "", errNoKey
	}
	seed, err := base64.StdEncoding.DecodeString(fields[4])
	if err != nil || len(seed) != 1+ed25519.SeedSize || seed[0] != 1 {
		return "", errNoKey
	}
	return note.NewEd25519VerifierKey(fields[2], ed25519.NewKeyFromSeed(seed[1:]).Public().(ed25519.PublicKey))
}
