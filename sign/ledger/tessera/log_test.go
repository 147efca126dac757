package tessera_test

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/sign/keys"
	"github.com/touchmark-go/touchmark/sign/ledger"
	"github.com/touchmark-go/touchmark/sign/ledger/tessera"
	"github.com/touchmark-go/touchmark/verify/rollout"
)

// A Log is what releases are written to.
var _ rollout.Log = (*tessera.Log)(nil)

const origin = "releases.acme.example"

// record signs a small statement.
func record(t testing.TB, n int) *sign.Bundle {
	t.Helper()
	s, err := provenance.New("https://example.com/record/v1", json.RawMessage(fmt.Sprintf(`{"n":%d}`, n)),
		provenance.ResourceDescriptor{Digest: provenance.Set(provenance.SumSHA256([]byte("x")))})
	if err != nil {
		t.Fatal(err)
	}
	b, err := sign.Statement(t.Context(), s, signer(t))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

var signer = func() func(t testing.TB) sign.Signer {
	var once sync.Once
	var key sign.Signer
	return func(t testing.TB) sign.Signer {
		once.Do(func() {
			var err error
			if key, err = keys.Generate(""); err != nil {
				t.Fatal(err)
			}
		})
		return key
	}
}()

// watcher makes a witness of one log.
func watcher(t testing.TB, name string, log ledger.Log) (*tessera.Witness, string) {
	t.Helper()
	key, s, err := newSigner(name)
	if err != nil {
		t.Fatal(err)
	}
	w, err := tessera.NewWitness(s, t.TempDir(), log)
	if err != nil {
		t.Fatal(err)
	}
	return w, key
}

// A fixture is a log with two witnesses.
type fixture struct {
	dir, key string
	id       ledger.Log
	opts     tessera.Options
}

func newFixture(t testing.TB, witnesses int) *fixture {
	t.Helper()
	private, public, err := tessera.NewKey(origin)
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{dir: t.TempDir(), key: private, id: ledger.Log{Origin: origin, Key: public, AtLeast: witnesses}}
	f.opts.AtLeast = witnesses
	for i := range witnesses {
		w, key := watcher(t, fmt.Sprintf("witness-%d.example", i), ledger.Log{Origin: origin, Key: public})
		f.id.Witnesses = append(f.id.Witnesses, key)
		f.opts.Witnesses = append(f.opts.Witnesses, tessera.Endpoint{Key: key, Local: w})
	}
	return f
}

func (f *fixture) open(t testing.TB) *tessera.Log {
	t.Helper()
	l, err := f.opts.Open(f.dir, f.key)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func (f *fixture) read(t testing.TB) *ledger.Reader {
	t.Helper()
	r, err := f.tryRead(t)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (f *fixture) tryRead(t testing.TB) (*ledger.Reader, error) {
	t.Helper()
	v, err := f.id.Verifier()
	if err != nil {
		t.Fatal(err)
	}
	d, err := ledger.OpenDir(f.dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return v.Read(t.Context(), d)
}

func ExampleOpen() {
	ctx := context.Background()
	dir, _ := os.MkdirTemp("", "ledger")
	defer os.RemoveAll(dir)
	private, public, err := tessera.NewKey("releases.acme.example")
	if err != nil {
		fmt.Println(err)
		return
	}
	log, err := tessera.Open(dir, private)
	if err != nil {
		fmt.Println(err)
		return
	}
	key, _ := keys.Generate("")
	s, _ := provenance.New("https://example.com/note/v1", map[string]string{"text": "hello"},
		provenance.ResourceDescriptor{Digest: provenance.Set(provenance.SumSHA256([]byte("hello")))})
	bundle, _ := sign.Statement(ctx, s, key)
	index, err := log.Append(ctx, bundle)
	if err != nil {
		fmt.Println(err)
		return
	}
	v, _ := ledger.Log{Origin: "releases.acme.example", Key: public}.Verifier()
	source, _ := ledger.OpenDir(dir)
	defer source.Close()
	r, err := v.Read(ctx, source)
	if err != nil {
		fmt.Println(err)
		return
	}
	got, err := r.Record(ctx, index)
	fmt.Println(got.Index, r.Checkpoint().Size(), err)
	// Output: 0 1 <nil>
}

// What is appended is read again, proven, with the time that witnesses saw it.
func TestAppend(t *testing.T) {
	f := newFixture(t, 2)
	l := f.open(t)
	before := time.Now().Add(-time.Second)
	var want [][]byte
	for i, n := range []int{1, 3, 255, 300} { // across bundles
		var batch []*sign.Bundle
		for range n {
			b := record(t, len(want))
			line, err := b.Marshal()
			if err != nil {
				t.Fatal(err)
			}
			want = append(want, line)
			batch = append(batch, b)
		}
		indexes, err := l.AppendAll(t.Context(), batch...)
		if err != nil {
			t.Fatalf("batch %d: %v", i, err)
		}
		for j, index := range indexes {
			if int(index) != len(want)-n+j {
				t.Fatalf("record %d of batch %d is at %d, want %d", j, i, index, len(want)-n+j)
			}
		}
	}
	r := f.read(t)
	head := r.Checkpoint().Head()
	if int(head.Size) != len(want) || head.Witnesses != 2 || head.Time.Before(before) || head.Origin != origin {
		t.Fatalf("head is %+v, want %d records and two witnesses", head, len(want))
	}
	n := 0
	for rec, err := range r.Records(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		if int(rec.Index) != n || string(rec.Data) != string(want[n]) {
			t.Fatalf("record %d reads as %d: %s", n, rec.Index, rec.Data)
		}
		n++
	}
	if n != len(want) {
		t.Errorf("%d records, want %d", n, len(want))
	}
	var last time.Time
	for _, i := range []uint64{0, 1, 3, 4, 258, 259, 558} {
		rec, err := r.Record(t.Context(), i)
		if err != nil || string(rec.Data) != string(want[i]) {
			t.Fatalf("record %d: %v", i, err)
		}
		if _, err := rec.Bundle(); err != nil {
			t.Fatal(err)
		}
		since, err := r.Since(t.Context(), i)
		if err != nil || since.Before(before) || since.Before(last) || since.After(time.Now()) {
			t.Errorf("record %d is there since %s, %v", i, since, err)
		}
		last = since
		p, err := r.Prove(t.Context(), i)
		if err != nil {
			t.Fatal(err)
		}
		p, err = ledger.ParseProof(p.Marshal())
		if err != nil {
			t.Fatal(err)
		}
		v, _ := f.id.Verifier()
		if c, err := v.VerifyProof(p, rec.Data); err != nil || c.Size() != uint64(len(want)) {
			t.Errorf("proof of %d: %v", i, err)
		}
		if _, err := v.VerifyProof(p, append(rec.Data[:len(rec.Data):len(rec.Data)], ' ')); err == nil {
			t.Errorf("the proof of %d proves something else too", i)
		}
		p.Index++
		if _, err := v.VerifyProof(p, rec.Data); err == nil {
			t.Errorf("the proof of %d proves it at another index", i)
		}
	}
	if err := r.Check(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := r.Record(t.Context(), uint64(len(want))); err == nil {
		t.Error("a record that is not there was read")
	}
	parts, _ := filepath.Glob(filepath.Join(f.dir, "tile/*/*.p"))
	if len(parts) > 3 {
		t.Errorf("parts of whole tiles are left: %v", parts)
	}
}

// Many goroutines over two opens of one folder: each gets a place of its own,
// and all of them are there.
func TestCrowd(t *testing.T) {
	f := newFixture(t, 1)
	logs := []*tessera.Log{f.open(t), f.open(t)}
	var mu sync.Mutex
	seen := map[uint64]int{}
	var wg sync.WaitGroup
	for i := range 64 {
		b := record(t, i)
		wg.Go(func() {
			index, err := logs[i%2].Append(t.Context(), b)
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			if other, ok := seen[index]; ok {
				t.Errorf("%d and %d are both at %d", i, other, index)
			}
			seen[index] = i
		})
	}
	wg.Wait()
	r := f.read(t)
	if r.Checkpoint().Size() != 64 || len(seen) != 64 {
		t.Errorf("%d records and %d indexes, want 64", r.Checkpoint().Size(), len(seen))
	}
	if err := r.Check(t.Context()); err != nil {
		t.Error(err)
	}
}

// A context that ends takes its own record along, and nobody else's.
func TestCancel(t *testing.T) {
	f := newFixture(t, 0)
	l := f.open(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.Append(ctx, record(t, 0)); !errors.Is(err, context.Canceled) {
		t.Errorf("a context that has ended: %v", err)
	}
	if _, err := l.Append(t.Context(), record(t, 1)); err != nil {
		t.Error(err)
	}
}

// Without its witnesses a log publishes nothing, and says so; with them again it
// goes on, and loses nothing.
func TestWitnessesAway(t *testing.T) {
	f := newFixture(t, 2)
	if _, err := f.open(t).Append(t.Context(), record(t, 0)); err != nil {
		t.Fatal(err)
	}
	gone := *f
	gone.opts.Witnesses = append([]tessera.Endpoint(nil), f.opts.Witnesses...)
	stranger, _ := watcher(t, "witness-1.example", ledger.Log{Origin: origin, Key: f.id.Key})
	gone.opts.Witnesses[1].Local = stranger // has the name, and not the key
	ctx, cancel := context.WithTimeout(t.Context(), 700*time.Millisecond)
	defer cancel()
	_, err := gone.open(t).Append(ctx, record(t, 1))
	if err == nil || !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("without a witness: %v", err)
	}
	if size := f.read(t).Checkpoint().Size(); size != 1 {
		t.Errorf("the checkpoint covers %d, want 1", size)
	}
	index, err := f.open(t).Append(t.Context(), record(t, 2))
	if err != nil || index != 2 {
		t.Errorf("with the witness again: %d, %v", index, err)
	}
	if err := f.read(t).Check(t.Context()); err != nil {
		t.Error(err)
	}
}

// A log that is not appended to is published anew with newer cosignatures.
func TestRefresh(t *testing.T) {
	f := newFixture(t, 1)
	l := f.open(t)
	if _, err := l.Append(t.Context(), record(t, 0)); err != nil {
		t.Fatal(err)
	}
	first := f.read(t)
	time.Sleep(1100 * time.Millisecond) // cosignatures count seconds
	c, err := l.Refresh(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	now := f.read(t)
	if c.Size() != 1 || !now.Checkpoint().Head().Time.After(first.Checkpoint().Head().Time) {
		t.Errorf("refreshed from %+v to %+v", first.Checkpoint().Head(), now.Checkpoint().Head())
	}
	if err := now.Extends(t.Context(), first.Checkpoint()); err != nil {
		t.Error(err)
	}
	was, err := first.Since(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	if is, err := now.Since(t.Context(), 0); err != nil || !is.Equal(was) {
		t.Errorf("the record is there since %s, and was since %s: %v", is, was, err)
	}
}

func TestOpenRefuses(t *testing.T) {
	private, _, err := tessera.NewKey(origin)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tessera.Open(filepath.Join(t.TempDir(), "none"), private); err == nil {
		t.Error("a folder that is not there was opened")
	}
	if _, err := tessera.Open(t.TempDir(), private+"x"); err == nil {
		t.Error("a key that is none was taken")
	}
	if _, err := (tessera.Options{AtLeast: 1}).Open(t.TempDir(), private); err == nil {
		t.Error("a witness that nobody named is wanted")
	}
	if _, err := (tessera.Options{Witnesses: []tessera.Endpoint{{}}}).Open(t.TempDir(), private); err == nil {
		t.Error("a witness without a key was taken")
	}
	s, _ := provenance.New("https://example.com/record/v1", map[string]string{"x": string(make([]byte, 60000))}, provenance.ResourceDescriptor{Digest: provenance.Set(provenance.SumSHA256([]byte("x")))})
	big, err := sign.Statement(t.Context(), s, signer(t))
	if err != nil {
		t.Fatal(err)
	}
	l, err := tessera.Open(t.TempDir(), private)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Append(t.Context(), big); !errors.Is(err, sign.ErrLimit) {
		t.Errorf("a record that is too large: %v", err)
	}
}

// newSigner makes a witness's key.
func newSigner(name string) (string, *ledger.Signer, error) {
	_, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		return "", nil, err
	}
	s, err := ledger.NewSigner(name, private)
	return s.Key(), s, err
}

// fixedKey is a witness's key that every process of a test knows.
func fixedKey() ed25519.PrivateKey { return ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)) }

// Records that are appended together stand in the log in their order, also when
// they are more than go into the tree at once.
func TestOrder(t *testing.T) {
	f := newFixture(t, 0)
	l := f.open(t)
	batch := make([]*sign.Bundle, 5000)
	for i := range batch {
		batch[i] = record(t, i)
	}
	for range 2 {
		indexes, err := l.AppendAll(t.Context(), batch...)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := l.Head(t.Context()); err != nil {
			t.Fatal(err)
		}
		n := 0
		for e, err := range l.Records(t.Context(), indexes[0], indexes[0]+uint64(len(batch))) {
			if err != nil {
				t.Fatal(err)
			}
			if e.Index != indexes[n] || e.Bundle.ID() != batch[n].ID() {
				t.Fatalf("record %d is not the one that was appended %d. of all", e.Index, n)
			}
			n++
		}
		if n != len(batch) {
			t.Fatalf("%d records, want %d", n, len(batch))
		}
	}
}
