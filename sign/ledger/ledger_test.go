package ledger_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
	"k8s.io/klog/v2"

	"github.com/touchmark-go/touchmark/provenance"
	"github.com/touchmark-go/touchmark/sign"
	"github.com/touchmark-go/touchmark/sign/keys"
	"github.com/touchmark-go/touchmark/sign/ledger"
	"github.com/touchmark-go/touchmark/sign/ledger/tessera"
)

func TestMain(m *testing.M) {
	klog.LogToStderr(false)
	klog.SetOutput(io.Discard)
	os.Exit(m.Run())
}

const origin = "releases.acme.example"

// A world is a log with two witnesses, in a folder.
type world struct {
	dir       string
	private   string
	id        ledger.Log
	witnesses []*ledger.Signer
	log       *tessera.Log
	signer    sign.Signer
	n         int
}

func newWorld(t testing.TB) *world {
	t.Helper()
	private, public, err := tessera.NewKey(origin)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{dir: t.TempDir(), private: private, id: ledger.Log{Origin: origin, Key: public, AtLeast: 2}}
	opts := tessera.Options{AtLeast: 2}
	for i := range 2 {
		_, private, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		s, err := ledger.NewSigner(fmt.Sprintf("witness-%d.example", i), private)
		if err != nil {
			t.Fatal(err)
		}
		watcher, err := tessera.NewWitness(s, t.TempDir(), w.id)
		if err != nil {
			t.Fatal(err)
		}
		w.witnesses = append(w.witnesses, s)
		w.id.Witnesses = append(w.id.Witnesses, s.Key())
		opts.Witnesses = append(opts.Witnesses, tessera.Endpoint{Key: s.Key(), Local: watcher})
	}
	if w.log, err = opts.Open(w.dir, private); err != nil {
		t.Fatal(err)
	}
	if w.signer, err = keys.Generate(keys.Ed25519); err != nil {
		t.Fatal(err)
	}
	return w
}

// grow appends n records.
func (w *world) grow(t testing.TB, n int) {
	t.Helper()
	var batch []*sign.Bundle
	for range n {
		s, err := provenance.New("https://example.com/record/v1", json.RawMessage(fmt.Sprintf(`{"n":%d}`, w.n)),
			provenance.ResourceDescriptor{Digest: provenance.Set(provenance.SumSHA256([]byte("x")))})
		if err != nil {
			t.Fatal(err)
		}
		b, err := sign.Statement(t.Context(), s, w.signer)
		if err != nil {
			t.Fatal(err)
		}
		batch = append(batch, b)
		w.n++
	}
	if _, err := w.log.AppendAll(t.Context(), batch...); err != nil {
		t.Fatal(err)
	}
}

func (w *world) verifier(t testing.TB) *ledger.Verifier {
	t.Helper()
	v, err := w.id.Verifier()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// memory is a log in memory: files by name.
type memory map[string][]byte

func (m memory) Read(_ context.Context, name string, max int64) ([]byte, error) {
	data, ok := m[name]
	if !ok {
		return nil, &fs.PathError{Op: "read", Path: name, Err: fs.ErrNotExist}
	}
	if int64(len(data)) > max {
		return nil, fmt.Errorf("%s is too large", name)
	}
	return data, nil
}

// files reads the folder into memory, without what is Tessera's own.
func (w *world) files(t testing.TB) memory {
	t.Helper()
	m := memory{}
	err := filepath.WalkDir(w.dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && d.Name() == ".state":
			return fs.SkipDir
		case d.IsDir():
			return nil
		}
		name, err := filepath.Rel(w.dir, path)
		if err != nil {
			return err
		}
		m[filepath.ToSlash(name)], err = os.ReadFile(path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// whole reads all that there is, as a client that has seen the log before.
func whole(t testing.TB, v *ledger.Verifier, m memory, seen *ledger.Checkpoint) error {
	r, err := v.Read(t.Context(), m)
	if err != nil {
		return err
	}
	if seen != nil {
		if err := r.Extends(t.Context(), seen); err != nil {
			return err
		}
	}
	return r.Check(t.Context())
}

// Any byte of the log that is flipped, and any file that is dropped, cut short,
// swapped for another or replaced by an older copy of itself is noticed.
func TestTamper(t *testing.T) {
	w := newWorld(t)
	v := w.verifier(t)
	w.grow(t, 200)
	w.grow(t, 41)
	older := w.files(t)
	w.grow(t, 41) // into the second bundle
	w.grow(t, 1)
	good := w.files(t)
	if err := whole(t, v, good, nil); err != nil {
		t.Fatal(err)
	}
	r, err := v.Read(t.Context(), good)
	if err != nil {
		t.Fatal(err)
	}
	seen := r.Checkpoint()
	used := recorder{good, map[string]bool{}}
	r, err = v.Read(t.Context(), used)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(used.read) < 7 {
		t.Fatalf("only %d files are read: %v", len(used.read), used.read)
	}
	attacked := 0
	attack := func(name, what string, data []byte) {
		t.Helper()
		attacked++
		m := memory{}
		for k, v := range good {
			m[k] = v
		}
		if m[name] = data; data == nil {
			delete(m, name)
		}
		if err := whole(t, v, m, seen); err == nil {
			t.Errorf("%s: %s was not noticed", name, what)
		}
	}
	for name := range used.read {
		data := good[name]
		step := max(len(data)/40, 1)
		for i := 0; i < len(data); i += step {
			bad := bytes.Clone(data)
			bad[i] ^= 1 << (i % 8)
			if i > bytes.LastIndex(data, []byte("\n\n")) && name == "checkpoint" && bytes.Equal(bad[i:i+1], []byte("\n")) {
				continue
			}
			attack(name, fmt.Sprintf("a flipped bit in byte %d", i), bad)
			attack(name, fmt.Sprintf("cut at %d", i), data[:i])
		}
		attack(name, "dropped", nil)
		for other := range used.read {
			if other != name {
				attack(name, "swapped for "+other, good[other])
			}
		}
		if old := older[name]; old != nil && !bytes.Equal(old, data) {
			attack(name, "an older copy", old)
		}
	}
	t.Logf("%d attacks on %d files", attacked, len(used.read))
	m := memory{}
	for k, v := range older {
		m[k] = v
	}
	var rollback *ledger.RollbackError
	if err := whole(t, v, m, seen); !errors.As(err, &rollback) || rollback.Now.Size() != 241 || rollback.Seen.Size() != 283 {
		t.Errorf("the whole log replaced by an older copy: %v", err)
	}
	// The neighbour: an older copy is fine to whom has seen no newer one.
	if err := whole(t, v, m, nil); err != nil {
		t.Error(err)
	}
}

type recorder struct {
	memory
	read map[string]bool
}

func (r recorder) Read(ctx context.Context, name string, max int64) ([]byte, error) {
	data, err := r.memory.Read(ctx, name, max)
	if err == nil {
		r.read[name] = true
	}
	return data, err
}

// fork makes two logs of one key that begin alike, of a and b records more.
func fork(t *testing.T, a, b int) (*world, memory, memory) {
	t.Helper()
	w := newWorld(t)
	w.id.AtLeast, w.id.Witnesses = 0, nil
	var err error
	if w.log, err = tessera.Open(w.dir, w.private); err != nil {
		t.Fatal(err)
	}
	w.grow(t, 5)
	other := *w
	other.dir = t.TempDir()
	if err := os.CopyFS(other.dir, os.DirFS(w.dir)); err != nil {
		t.Fatal(err)
	}
	if other.log, err = tessera.Open(other.dir, w.private); err != nil {
		t.Fatal(err)
	}
	w.grow(t, a)
	other.n = 1000
	other.grow(t, b)
	return w, w.files(t), other.files(t)
}

// A log that shows two histories is caught by whoever saw both, and the
// evidence convinces anybody who knows its key.
func TestFork(t *testing.T) {
	for _, n := range [][2]int{{3, 3}, {3, 300}, {1, 2}} {
		w, one, two := fork(t, n[0], n[1])
		v := w.verifier(t)
		r1, err := v.Read(t.Context(), one)
		if err != nil {
			t.Fatal(err)
		}
		r2, err := v.Read(t.Context(), two)
		if err != nil {
			t.Fatal(err)
		}
		var found *ledger.ForkError
		if err := r2.Extends(t.Context(), r1.Checkpoint()); !errors.As(err, &found) {
			t.Fatalf("%v: %v, want a fork", n, err)
		}
		if r1.Extends(t.Context(), r2.Checkpoint()) == nil {
			t.Errorf("%v: seen the other way round it is none", n)
		}
		evidence := found.Marshal()
		if _, err := v.VerifyFork(evidence); err != nil {
			t.Errorf("%v: %v", n, err)
		}
		for i := range evidence {
			bad := bytes.Clone(evidence)
			bad[i] ^= 0x10
			if e, err := v.VerifyFork(bad); err == nil && (e.Seen.Root() != r1.Checkpoint().Root() || e.Now.Root() != r2.Checkpoint().Root()) {
				t.Errorf("%v: byte %d changed, and it is evidence of something else", n, i)
			}
		}
		// The neighbours: a log that only grew gives no evidence, however it is put together.
		honest := *found
		honest.Now = r1.Checkpoint()
		if _, err := v.VerifyFork(honest.Marshal()); err == nil {
			t.Errorf("%v: one checkpoint twice is a fork", n)
		}
		path := filepath.Join(t.TempDir(), "seen")
		for range 2 {
			if err := r1.Remember(t.Context(), path); err != nil {
				t.Fatal(err)
			}
		}
		if err := r2.Remember(t.Context(), path); !errors.As(err, &found) {
			t.Errorf("%v: a client with a memory says %v", n, err)
		}
		kept, err := os.ReadFile(path)
		if err != nil || !bytes.Equal(kept, r1.Checkpoint().Note()) {
			t.Errorf("%v: the memory was changed: %v", n, err)
		}
		// A forker whose old evidence was of an honest prefix.
		w.grow(t, 2)
		grown, err := v.Read(t.Context(), w.files(t))
		if err != nil {
			t.Fatal(err)
		}
		if err := grown.Remember(t.Context(), path); err != nil {
			t.Errorf("%v: the log only grew, and: %v", n, err)
		}
		if err := r1.Remember(t.Context(), path); err == nil {
			t.Errorf("%v: an older log was taken for a newer one", n)
		}
	}
}

// signNote signs a text as a log does.
func signNote(t *testing.T, text string, signers ...note.Signer) []byte {
	t.Helper()
	data, err := note.Sign(&note.Note{Text: text}, signers...)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// What is not a checkpoint of this log, signed by it and cosigned by enough of
// those who watch it, is none.
func TestOpenRefuses(t *testing.T) {
	w := newWorld(t)
	v := w.verifier(t)
	s, err := note.NewSigner(w.private)
	if err != nil {
		t.Fatal(err)
	}
	otherKey, _, err := tessera.NewKey("other.example")
	if err != nil {
		t.Fatal(err)
	}
	other, err := note.NewSigner(otherKey)
	if err != nil {
		t.Fatal(err)
	}
	root := tlog.Hash{1}.String()
	at := time.Unix(1795000000, 0)
	text := origin + "\n7\n" + root + "\n"
	cosigned := func(text string, at time.Time, watchers ...*ledger.Signer) []byte {
		data := signNote(t, text, s)
		plain := data
		for _, w := range watchers {
			line, err := w.Cosign(plain, at)
			if err != nil {
				t.Fatal(err)
			}
			data = append(data, line...)
		}
		return data
	}
	good := cosigned(text, at, w.witnesses...)
	c, err := v.Open(good)
	if err != nil {
		t.Fatal(err)
	}
	if h := c.Head(); h.Size != 7 || h.Witnesses != 2 || !h.Time.Equal(at) || !c.Since().Equal(at) {
		t.Errorf("head is %+v", h)
	}
	// The head is as fresh as two witnesses say, and there since two had seen it.
	mixed := cosigned(text, at, w.witnesses[0])
	line, err := w.witnesses[1].Cosign(mixed, at.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if c, err = v.Open(append(mixed, line...)); err != nil || !c.Head().Time.Equal(at) || !c.Since().Equal(at.Add(time.Hour)) {
		t.Errorf("two times give %v and %v: %v", c.Head().Time, c.Since(), err)
	}
	if _, err := v.Open(cosigned(text+"an extension\n", at, w.witnesses...)); err != nil {
		t.Errorf("an extension line is allowed: %v", err)
	}
	stranger, err := ledger.NewSigner("stranger.example", ed25519.NewKeyFromSeed(make([]byte, 32)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := v.Open(cosigned(text, at, w.witnesses[0], stranger, w.witnesses[1])); err != nil {
		t.Errorf("a cosignature by a stranger means nothing: %v", err)
	}
	twice := append(bytes.Clone(cosigned(text, at, w.witnesses[0])), bytes.SplitAfter(cosigned(text, at, w.witnesses[0]), []byte("\n"))[5]...)
	for _, test := range []struct {
		name string
		data []byte
		want error
	}{
		{"one witness of two", cosigned(text, at, w.witnesses[0]), ledger.ErrWitnesses},
		{"none", cosigned(text, at), ledger.ErrWitnesses},
		{"a stranger in the place of one", cosigned(text, at, w.witnesses[0], stranger), ledger.ErrWitnesses},
		{"one witness twice", twice, ledger.ErrWitnesses},
		{"another log", signNote(t, "other.example\n7\n"+root+"\n", other), ledger.ErrUnsigned},
		{"our log's text by another log", signNote(t, text, other), ledger.ErrUnsigned},
		{"another origin by our key", cosigned("other.example\n7\n"+root+"\n", at, w.witnesses...), ledger.ErrUnsigned},
		{"a sign", cosigned(strings.Replace(text, "7", "+7", 1), at, w.witnesses...), nil},
		{"a leading zero", cosigned(strings.Replace(text, "7", "07", 1), at, w.witnesses...), nil},
		{"a negative size", cosigned(strings.Replace(text, "7", "-7", 1), at, w.witnesses...), nil},
		{"a size over 63 bits", cosigned(strings.Replace(text, "7", "9223372036854775808", 1), at, w.witnesses...), nil},
		{"no root", cosigned(origin+"\n7\n", at, w.witnesses...), nil},
		{"a short root", cosigned(origin+"\n7\nAAAA\n", at, w.witnesses...), nil},
		{"an empty log with a root", cosigned(strings.Replace(text, "7", "0", 1), at, w.witnesses...), nil},
		{"nothing", nil, ledger.ErrUnsigned},
		{"too much", append(bytes.Clone(good), make([]byte, ledger.MaxCheckpoint)...), nil},
	} {
		if _, err := v.Open(test.data); err == nil || test.want != nil && !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", test.name, err, test.want)
		}
	}
	for i := range good {
		bad := bytes.Clone(good)
		bad[i] ^= 1
		if c, err := v.Open(bad); err == nil && c.Root() != digestOf(t, root) {
			t.Errorf("byte %d changed, and it is another checkpoint", i)
		}
		if _, err := v.Open(good[:i]); err == nil {
			t.Errorf("cut at %d it is still one", i)
		}
	}
}

func digestOf(t *testing.T, root string) provenance.Digest {
	t.Helper()
	h, err := tlog.ParseHash(root)
	if err != nil {
		t.Fatal(err)
	}
	d, err := provenance.ParseDigest(fmt.Sprintf("sha256:%x", h[:]))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// Who a log is and who watches it is said once, by keys that are some.
func TestVerifierRefuses(t *testing.T) {
	w := newWorld(t)
	_, otherKey, err := tessera.NewKey("other.example")
	if err != nil {
		t.Fatal(err)
	}
	alias, err := ledger.NewSigner("alias.example", privateOf(t, 1))
	if err != nil {
		t.Fatal(err)
	}
	again, err := ledger.NewSigner("again.example", privateOf(t, 1))
	if err != nil {
		t.Fatal(err)
	}
	own, err := ledger.NewSigner("own.example", logKey(t, w.private))
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name string
		log  ledger.Log
	}{
		{"nobody's", ledger.Log{}},
		{"no key", ledger.Log{Origin: origin}},
		{"the key of another log", ledger.Log{Origin: origin, Key: otherKey}},
		{"a witness's key", ledger.Log{Origin: "witness-0.example", Key: w.id.Witnesses[0]}},
		{"a log's key as witness", ledger.Log{Origin: origin, Key: w.id.Key, Witnesses: []string{otherKey}}},
		{"a witness twice", ledger.Log{Origin: origin, Key: w.id.Key, Witnesses: []string{w.id.Witnesses[0], w.id.Witnesses[0]}}},
		{"one key under two names", ledger.Log{Origin: origin, Key: w.id.Key, Witnesses: []string{alias.Key(), again.Key()}}},
		{"the log watches itself", ledger.Log{Origin: origin, Key: w.id.Key, Witnesses: []string{own.Key()}}},
		{"more than there are", ledger.Log{Origin: origin, Key: w.id.Key, Witnesses: w.id.Witnesses, AtLeast: 3}},
		{"fewer than none", ledger.Log{Origin: origin, Key: w.id.Key, Witnesses: w.id.Witnesses, AtLeast: -1}},
		{"too many", ledger.Log{Origin: origin, Key: w.id.Key, Witnesses: slices.Repeat(w.id.Witnesses, 33)}},
		{"a key that hashes to another id", ledger.Log{Origin: origin, Key: strings.Replace(w.id.Key, origin+"+", origin+"+0", 1)}},
		{"a small-order key", ledger.Log{Origin: origin, Key: note1(origin, append([]byte{1}, make([]byte, 31)...))}},
	} {
		if _, err := test.log.Verifier(); err == nil {
			t.Errorf("%s: it has a verifier", test.name)
		}
	}
	if s := fmt.Sprintf("%v %+v %#v %s %d", alias, alias, alias, alias, alias); strings.Contains(s, fmt.Sprint(privateOf(t, 1)[:4])) || strings.Count(s, alias.Key()) != 5 {
		t.Errorf("a signer prints as %s", s)
	}
}

func privateOf(t *testing.T, seed byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, 32))
}

// note1 spells a key as notes do.
func note1(name string, key []byte) string {
	s, err := note.NewEd25519VerifierKey(name, key)
	if err != nil {
		return ""
	}
	return s
}

// A proof is read as it was written, or not at all.
func FuzzParseProof(f *testing.F) {
	f.Add([]byte("c2sp.org/tlog-proof@v1\nindex 3\n" + tlog.Hash{1}.String() + "\n\n" + origin + "\n7\n"))
	f.Add([]byte("c2sp.org/tlog-proof@v1\nindex 0\n\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := ledger.ParseProof(data)
		if err != nil {
			t.Skip()
		}
		if !bytes.Equal(p.Marshal(), data) {
			t.Errorf("%q is written as %q", data, p.Marshal())
		}
	})
}

// logKey is the private key of a log, which C2SP spells in base64.
func logKey(t *testing.T, private string) ed25519.PrivateKey {
	t.Helper()
	fields := strings.SplitN(private, "+", 5)
	seed, err := base64.StdEncoding.DecodeString(fields[4])
	if err != nil {
		t.Fatal(err)
	}
	return ed25519.NewKeyFromSeed(seed[1:])
}
